"""The card of a head: what it was trained on, what it expects, how good it was measured to be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from gpt_sovits_emotion.errors import HeadError, TranscriptError
from gpt_sovits_emotion.labels import UNSURE
from gpt_sovits_emotion.records import Record, Sentence

__all__ = [
    "CARD_FORMAT",
    "CARD_VERSION",
    "MODES",
    "CorpusCredit",
    "EncoderSpec",
    "HeadCard",
    "Result",
    "card_from_yaml",
    "card_to_yaml",
]

CARD_FORMAT = "gpt-sovits-emotion/head"
CARD_VERSION = 1
MODES = ("global", "speaker")
"""How embeddings are normalised: by training statistics, or by the speaker's own."""

_MAX_CARD_BYTES = 1 << 20
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # as safe, and ten times as fast


@dataclass(frozen=True, slots=True)
class EncoderSpec(Record):
    """The encoder a head was trained on.

    Attributes:
        id: ``prosody``, ``hubert:6``, …
        dim: Length of its embeddings.
        fingerprint: Of its weights or definition; a host's encoder must have the same.
        sampling_rate_hz: The rate it listens at.
        pooling: How frames became one embedding, in words.
    """

    id: str
    dim: int
    fingerprint: str
    sampling_rate_hz: int
    pooling: str


@dataclass(frozen=True, slots=True)
class CorpusCredit(Record):
    """A corpus the head was trained on, with the licence it puts on the head."""

    name: str
    language: str
    n_utterances: int
    n_speakers: int
    licence: str
    citation: str


@dataclass(frozen=True, slots=True)
class Result(Record):
    """One measured figure with the protocol that gave it. Rates are 0 to 1.

    Attributes:
        protocol: ``loso`` (leave one speaker out), ``loso+text`` (speaker and text held out), …
        corpus: What was tested on.
        normalisation: ``global`` or ``speaker``.
        labels: The classes, in the order of `confusion`.
        n_utterances, n_speakers: Size of the test.
        uar, wa: Unweighted average recall, accuracy; pooled over the held-out predictions.
        uar_interval, wa_interval: 95 % bootstrap intervals over speakers.
        ece: Expected calibration error, 10 bins, after temperature.
        confusion: ``(n_labels, n_labels)`` counts, rows true, columns heard.
        note: What else one must know, such as how many clips the speaker statistics came from.
    """

    protocol: str
    corpus: str
    normalisation: str
    labels: tuple[str, ...]
    n_utterances: int
    n_speakers: int
    uar: float
    uar_interval: tuple[float, float]
    wa: float
    wa_interval: tuple[float, float]
    ece: float | None = None
    confusion: tuple[tuple[int, ...], ...] | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class HeadCard(Record):
    """Everything about a head but its numbers.

    Attributes:
        id: Unique name: small letters, digits and hyphens; the folder's name.
        title: Name for people.
        labels: Classes, in the order of the head's outputs.
        encoder: What it reads.
        licence: The strictest licence among its corpora, and its own.
        clip_z: Normalised features are clipped to plus or minus this.
        min_duration_s: Shorter segments are not judged.
        min_speaker_segments: From how many segments of one speaker on its own statistics are used.
        prior_segments: Weight of the training mean in a speaker's mean, counted in segments (MAP).
        temperature: Mode -> temperature, from held-out speakers.
        threshold: Mode -> probability below which the verdict is ``unsure``, from held-out speakers.
        baseline: Median over the training speakers of the numbers in `Prosody` (``rate_syl_per_s``,
            ``f0_range_st``), for explanations while the speaker's own usual is not known.
        corpora: What it was trained on.
        recipe: How it was trained: hyper-parameters, seed, command.
        results: What was measured.
        aliases: Label -> other names under which the label may come back to it.
        note: What a user must know, as a sentence.
    """

    id: str
    title: Sentence
    labels: tuple[str, ...]
    encoder: EncoderSpec
    licence: str
    clip_z: float
    min_duration_s: float
    min_speaker_segments: int
    prior_segments: float
    temperature: Mapping[str, float]
    threshold: Mapping[str, float]
    baseline: Mapping[str, float]
    corpora: tuple[CorpusCredit, ...]
    recipe: Mapping[str, Any]
    results: tuple[Result, ...]
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    note: Sentence | None = None

    def problems(self) -> list[str]:
        """Return what contradicts itself in the card, in words; empty when nothing does."""
        found = []
        if not self.labels or len(set(self.labels)) != len(self.labels):
            found.append("its labels are empty or name one class twice")
        if UNSURE in self.labels:
            found.append(f"{UNSURE!r} is a verdict, it cannot be a class")
        if self.encoder.dim < 1 or self.encoder.sampling_rate_hz < 1:
            found.append("its encoder has no dimensions or no sampling rate")
        if not self.clip_z > 0 or not self.prior_segments >= 0 or self.min_speaker_segments < 1:
            found.append("clip_z, prior_segments or min_speaker_segments is out of range")
        if any(not 0 < value < 100 for value in self.temperature.values()):
            found.append("a temperature is not between 0 and 100")
        if any(not 0 <= value <= 1 for value in self.threshold.values()):
            found.append("a threshold is not a probability")
        for result in self.results:
            n = len(result.labels)
            if not set(result.labels) <= set(self.labels):
                found.append(f"a result ({result.protocol}) has classes that the head has not")
            if result.confusion is not None and [len(row) for row in result.confusion] != [n] * n:
                found.append(f"a confusion matrix ({result.protocol}) does not fit its labels")
        return found


def card_from_yaml(path: Path) -> HeadCard:
    """Read a card.

    Raises:
        HeadError: The file is missing, larger than 1 MB, not YAML, uses YAML aliases (of which small
            files can be made that unpack to gigabytes), of another format or a newer version, lacks a
            field, or contradicts itself.
    """
    try:
        if path.stat().st_size > _MAX_CARD_BYTES:
            raise HeadError(f"{path} is larger than 1 MB; a card is a few pages of text")
        text = path.read_text(encoding="utf-8")
        for event in yaml.parse(text, Loader=_Loader):
            if isinstance(event, yaml.AliasEvent):
                raise HeadError(f"{path} uses a YAML alias (*{event.anchor}); write the value out")
        data = yaml.load(text, Loader=_Loader)
    except OSError as error:
        raise HeadError(
            f"{path} cannot be read ({error.strerror}); a head is a folder with head.yaml in it"
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        where = str(error).splitlines()[0]
        raise HeadError(
            f"{path} is not YAML in UTF-8 ({where}); mend it or copy it again"
        ) from error
    if not isinstance(data, dict) or data.pop("format", None) != CARD_FORMAT:
        raise HeadError(f"{path} is not the card of a head: 'format: {CARD_FORMAT}' was expected")
    version = data.pop("version", None)
    if version != CARD_VERSION:
        raise HeadError(
            f"{path} is version {version!r} of the card format; this program reads version "
            f"{CARD_VERSION}: update the program or get another copy of the head"
        )
    try:
        card = HeadCard.from_dict(data)
    except TranscriptError as error:
        raise HeadError(f"{path}: {error}") from error
    problems = card.problems()
    if problems:
        raise HeadError(f"{path} contradicts itself: {'; '.join(problems)}")
    return card


def card_to_yaml(card: HeadCard) -> str:
    """Return a card as YAML text that `card_from_yaml` reads back equal."""
    data = {"format": CARD_FORMAT, "version": CARD_VERSION, **card.to_dict()}
    text: str = yaml.dump(
        data, Dumper=_Flat, sort_keys=False, allow_unicode=True, width=100, default_flow_style=None
    )
    return text


class _Flat(yaml.SafeDumper):
    """Writes repeated values out: aliases are refused on reading."""

    def ignore_aliases(self, data: object) -> bool:
        """Say that nothing is to become an alias."""
        return True
