"""Prosody as an embedding: pitch, voice quality, spectrum, loudness and rhythm in named numbers."""

from __future__ import annotations

from gpt_sovits_emotion.encoders.prosody.encoder import ProsodyEncoder

__all__ = ["ProsodyEncoder"]
