"""Layers of Whisper's encoder, read from the files of the model that transcribes."""
