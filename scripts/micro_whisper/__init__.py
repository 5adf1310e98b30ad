"""The parts of ``scripts/train_micro_whisper.py``: vocabulary, windows, training, conversion, evaluation."""
