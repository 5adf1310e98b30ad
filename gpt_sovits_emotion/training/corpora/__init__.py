"""Corpora of labelled clips: read in many layouts, checked, merged, and fetched where that is allowed."""

from __future__ import annotations

from gpt_sovits_emotion.training.corpora.checking import check
from gpt_sovits_emotion.training.corpora.corpus import Clip, Corpus
from gpt_sovits_emotion.training.corpora.fetching import SOURCES, fetch_corpus
from gpt_sovits_emotion.training.corpora.known import (
    KNOWN_CORPORA,
    CorpusInfo,
    hub_command,
    known_corpus,
)
from gpt_sovits_emotion.training.corpora.manifest import INFO_NAME, MANIFEST_NAME
from gpt_sovits_emotion.training.corpora.merging import LabelRow, label_table, merge
from gpt_sovits_emotion.training.corpora.readers import CorpusReader, added_infos
from gpt_sovits_emotion.training.corpora.reading import LAYOUTS, open_corpora, read_corpus
from gpt_sovits_emotion.training.corpora.writing import unpack_corpus

__all__ = [
    "INFO_NAME",
    "KNOWN_CORPORA",
    "LAYOUTS",
    "MANIFEST_NAME",
    "SOURCES",
    "Clip",
    "Corpus",
    "CorpusInfo",
    "CorpusReader",
    "LabelRow",
    "added_infos",
    "check",
    "fetch_corpus",
    "hub_command",
    "known_corpus",
    "label_table",
    "merge",
    "open_corpora",
    "read_corpus",
    "unpack_corpus",
]
