"""Corpora of labelled clips: read in many layouts, checked, merged, and fetched where that is allowed."""

from __future__ import annotations

from gpt_sovits_emotion.training.corpora.checking import check
from gpt_sovits_emotion.training.corpora.corpus import (
    INFO_NAME,
    Clip,
    Corpus,
    CorpusInfo,
    LabelRow,
    label_table,
    merge,
)
from gpt_sovits_emotion.training.corpora.fetching import SOURCES, fetch_corpus, unpack_corpus
from gpt_sovits_emotion.training.corpora.known import KNOWN_CORPORA, hub_command, known_corpus
from gpt_sovits_emotion.training.corpora.readers import CorpusReader, added_infos
from gpt_sovits_emotion.training.corpora.reading import LAYOUTS, open_corpora, read_corpus
from gpt_sovits_emotion.training.corpora.tables import MANIFEST_NAME

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
