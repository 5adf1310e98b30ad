"""Frozen encoders, one protocol: audio in, one embedding per segment out."""
