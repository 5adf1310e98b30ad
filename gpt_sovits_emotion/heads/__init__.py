"""Heads: small classifiers that label the emotion of embeddings, and the folders they are dropped into."""

from __future__ import annotations

from gpt_sovits_emotion.heads.card import HeadCard
from gpt_sovits_emotion.heads.files import load_card, load_head, save_head
from gpt_sovits_emotion.heads.folder import (
    HeadEntry,
    HeadWatch,
    find_head,
    head_folders,
    list_heads,
)
from gpt_sovits_emotion.heads.head import Head
from gpt_sovits_emotion.heads.recording import Judgement, predict_recording

__all__ = [
    "Head",
    "HeadCard",
    "HeadEntry",
    "HeadWatch",
    "Judgement",
    "find_head",
    "head_folders",
    "list_heads",
    "load_card",
    "load_head",
    "predict_recording",
    "save_head",
]
