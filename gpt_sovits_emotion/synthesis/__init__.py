"""Saying a text in an emotion: prosody source, candidates, timing, and the verifier that listens."""
