"""The closed set of sentences, and the token ids that Whisper's decoder uses for them.

Ids follow the multilingual Whisper vocabulary of 51,865 entries, because CTranslate2 and faster-whisper
rely on its order: text, ``<|endoftext|>``, ``<|startoftranscript|>``, languages, tasks, specials, then
1,501 time stamps of 0.02 s. Of its 50,257 text entries we use the few hundred that the sentences need; the
rest is filler that can never be sampled (see `conversion`). Training works on `Vocabulary.compact_ids`
alone, so that the loss runs over about 1,500 entries and not over all.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import yaml
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

__all__ = ["LANGUAGES", "SampleSentence", "Vocabulary", "load_sentences"]

LANGUAGES = ("en", "zh", "de")
"""In the order in which Whisper numbers them, from id 50259."""

WINDOW_S = 12
"""Seconds that the model hears at once; faster-whisper reads it from ``preprocessor_config.json``."""

TIME_STEP_S = 0.02
N_TEXT_IDS = 50_257
N_TIMESTAMPS = 1_501
END_OF_TEXT = 50_257
START_OF_TRANSCRIPT = 50_258
FIRST_LANGUAGE = 50_259
SPECIALS = {
    "<|endoftext|>": END_OF_TEXT,
    "<|startoftranscript|>": START_OF_TRANSCRIPT,
    **{f"<|{code}|>": FIRST_LANGUAGE + i for i, code in enumerate(LANGUAGES)},
    "<|translate|>": 50_358,
    "<|transcribe|>": 50_359,
    "<|startoflm|>": 50_360,
    "<|startofprev|>": 50_361,
    "<|nospeech|>": 50_362,
    "<|notimestamps|>": 50_363,
}
FIRST_TIMESTAMP = 50_364
N_IDS = (
    FIRST_TIMESTAMP + N_TIMESTAMPS
)  # 51,865: CTranslate2 calls a model multilingual from here on


@dataclass(frozen=True, slots=True)
class SampleSentence:
    """One sentence of ``sample_data/sentences.yaml``."""

    id: str
    language: str
    emotion: str
    text: str

    @property
    def clauses(self) -> tuple[str, ...]:
        """The sentence's parts between commas, without commas and without the final mark."""
        return tuple(part.strip() for part in re.split("[,，]", self.text[:-1]))

    @property
    def mark(self) -> str:
        """The mark that ends the sentence."""
        return self.text[-1]


def load_sentences(path: Path) -> tuple[SampleSentence, ...]:
    """Read the closed set of sentences."""
    rows = yaml.safe_load(path.read_text(encoding="utf-8"))["sentences"]
    return tuple(SampleSentence(**row) for row in rows)


def spelled(text: str, language: str) -> str:
    """Return `text` as Whisper's tokeniser sees it: with a leading space where words have spaces."""
    return text if language == "zh" else " " + text


class Vocabulary:
    """A byte-level BPE tokeniser whose text entries are the words and characters of the sentences."""

    def __init__(self, texts: Sequence[tuple[str, str]]) -> None:
        """Learn the entries from (text, language) pairs.

        Words with spaces become one token each; Chinese becomes one token per character, so that
        faster-whisper gives a time to every character as it does with the large models.
        """
        spaced = [spelled(text, language) for text, language in texts if language != "zh"]
        characters = sorted({c for text, language in texts if language == "zh" for c in text})
        learned = _learn_words(spaced)
        entries: dict[str, int] = {}
        for token in sorted(pre_tokenizers.ByteLevel.alphabet()):
            entries[token] = len(entries)
        merges = [*_character_merges(characters), *learned]
        for left, right in merges:
            entries.setdefault(left + right, len(entries))
        if len(entries) > N_TEXT_IDS:
            raise ValueError(f"{len(entries)} text entries do not fit into {N_TEXT_IDS}")
        self.n_text = len(entries)
        self._tokenizer = Tokenizer(models.BPE(vocab=entries, merges=merges))
        self._tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        self._tokenizer.decoder = decoders.ByteLevel()

    def encode(self, text: str, language: str) -> list[int]:
        """Return the ids of `text` in the full vocabulary."""
        return [token for token, _ in self.encode_with_places(text, language)]

    def encode_with_places(self, text: str, language: str) -> list[tuple[int, tuple[int, int]]]:
        """Return (id, (first character, character after the last)) of every token of `text`."""
        shift = 0 if language == "zh" else 1
        encoding = self._tokenizer.encode(spelled(text, language))
        return [
            (token, (max(first - shift, 0), last - shift))
            for token, (first, last) in zip(encoding.ids, encoding.offsets, strict=True)
        ]

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of `ids`, specials and time stamps left out, without outer spaces."""
        text: str = self._tokenizer.decode([i for i in ids if i < self.n_text])
        return text.strip()

    def to_json(self) -> str:
        """Return ``tokenizer.json``: the tokeniser with the specials at their places after the filler."""
        data = json.loads(self._tokenizer.to_str())
        data["model"]["vocab"].update(SPECIALS)
        data["added_tokens"] = [
            {
                "id": i,
                "content": token,
                "single_word": False,
                "lstrip": False,
                "rstrip": False,
                "normalized": False,
                "special": True,
            }
            for token, i in SPECIALS.items()
        ]
        return json.dumps(data, ensure_ascii=False)

    @cached_property
    def compact_ids(self) -> list[int]:
        """Full ids that training uses, in training's order: text, specials, the window's time stamps."""
        n_steps = round(WINDOW_S / TIME_STEP_S) + 1
        timestamps = range(FIRST_TIMESTAMP, FIRST_TIMESTAMP + n_steps)
        return [*range(self.n_text), *sorted(SPECIALS.values()), *timestamps]

    @cached_property
    def compact_of(self) -> dict[int, int]:
        """Full id -> its place in `compact_ids`."""
        return {full: compact for compact, full in enumerate(self.compact_ids)}

    @property
    def first_compact_timestamp(self) -> int:
        """Place of ``<|0.00|>`` in `compact_ids`."""
        return self.compact_of[FIRST_TIMESTAMP]

    def names(self) -> list[str]:
        """Return all 51,865 entries by id, filler included, as ``vocabulary.json`` wants them."""
        names = [f"<|{i:x}|>" for i in range(FIRST_TIMESTAMP)]  # short, unique, never sampled
        names[END_OF_TEXT - 1] = ""  # by this token, newer CTranslate2 knows a multilingual model
        for token, i in json.loads(self.to_json())["model"]["vocab"].items():
            names[i] = token
        names.extend(f"<|{step * TIME_STEP_S:.2f}|>" for step in range(N_TIMESTAMPS))
        return names


def _learn_words(texts: Sequence[str]) -> list[tuple[str, str]]:
    """Return BPE merges that make one token of every word in `texts`."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=20_000,
        min_frequency=1,
        show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    tokenizer.train_from_iterator(texts, trainer)
    merges = json.loads(tokenizer.to_str())["model"]["merges"]
    return [(merge[0], merge[1]) for merge in merges]


def _character_merges(characters: Sequence[str]) -> list[tuple[str, str]]:
    """Return BPE merges that make one token of every character, byte by byte."""
    to_bytes = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    merges: list[tuple[str, str]] = []
    for character in characters:
        symbols = to_bytes.pre_tokenize_str(character)[0][0]
        for end in range(1, len(symbols)):
            merge = (symbols[:end], symbols[end])
            if merge not in merges:
                merges.append(merge)
    return merges
