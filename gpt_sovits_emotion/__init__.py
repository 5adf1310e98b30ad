"""Emotion for GPT-SoVITS: hear a recording, tag it, and say it again in that emotion."""

from __future__ import annotations

__version__ = "0.1.0"
