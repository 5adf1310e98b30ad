"""The card of a head: what it was trained on, what it expects, how good it was measured to be."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, field
from dataclasses import fields as dataclass_fields
from pathlib import Path
from typing import Any

from gpt_sovits_emotion.core.errors import HeadError, TranscriptError
from gpt_sovits_emotion.core.labels import UNSURE
from gpt_sovits_emotion.core.messages import in_both, of_error, tr
from gpt_sovits_emotion.core.records import Record, Sentence
from gpt_sovits_emotion.heads.card_text import dump_card, parse_card
from gpt_sovits_emotion.heads.moving import MovingStatistics
from gpt_sovits_emotion.heads.untrusted import UnfinishedError

__all__ = [
    "ANY_WEIGHTS",
    "CARD_FORMAT",
    "CARD_VERSION",
    "MODES",
    "MOVING_VERSION",
    "CorpusCredit",
    "EncoderSpec",
    "HeadCard",
    "Result",
    "card_from_fields",
    "card_from_yaml",
    "card_to_yaml",
    "is_head_id",
]

CARD_FORMAT = "gpt-sovits-emotion/head"
CARD_VERSION = 1
MOVING_VERSION = 2
"""Of a card that says how a recording is judged (`HeadCard.moving` and what follows it there), which programs
of version 1 would not heed."""
MODES = ("global", "speaker")
"""How embeddings are normalised: by training statistics, or by the speaker's own."""

ANY_WEIGHTS = "unknown"
"""The fingerprint of an encoder whose weights the author of a head could not name; it fits any."""

_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*\Z")
_MAX_ID = 64
_MAX_NAME = 120
_MAX_DIM = 100_000  # all twelve layers of HuBERT and prosody have 20,000
_TURNING = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def is_head_id(name: str) -> bool:
    """Say whether a head may be called that: small letters, digits and single hyphens, at most 64.

    >>> is_head_id("prosody-emodb"), is_head_id("../x"), is_head_id("Mine")
    (True, False, False)
    """
    return len(name) <= _MAX_ID and _ID.match(name) is not None


@dataclass(frozen=True, slots=True)
class EncoderSpec(Record):
    """The encoder a head was trained on.

    Attributes:
        id: ``prosody``, ``hubert:6``, …
        dim: Length of its embeddings.
        fingerprint: Of its weights or definition; a backend's encoder must have the same. `ANY_WEIGHTS` where
            the author does not know it.
        sampling_rate_hz: The rate it listens at.
        pooling: How frames became one embedding, in words.
    """

    id: str
    dim: int
    fingerprint: str
    sampling_rate_hz: int
    pooling: str

    @property
    def families(self) -> frozenset[str]:
        """What has to be provided for it: of a fused encoder (``prosody+hubert:6``) that of every part.

        >>> sorted(EncoderSpec("prosody+hubert:6", 3, "", 16_000, "").families)
        ['hubert', 'prosody']
        """
        return frozenset(part.partition(":")[0] for part in self.id.split("+"))

    @property
    def borrows_nothing(self) -> bool:
        """Whether no backend is needed: it reads prosody and Whisper, which come without one."""
        return all(family == "prosody" or family.startswith("whisper-") for family in self.families)


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
        layer_weights: Mode -> how much each of the encoder's layers counts, where the training learned it.
            For the reader alone: the weights of the head have it in them already.
        moving: How a recording of an unknown speaker is judged by the one network that both modes share;
            None for a head with a network per mode.
        farthest: From which distance to the training embeddings on (`Head.distances`) a segment is of a kind
            that was not trained on, and unsure; None where it was not measured.
        calibrated_on: On whom temperatures, thresholds and `moving` were fitted, in words.
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
    layer_weights: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    moving: MovingStatistics | None = None
    farthest: float | None = None
    calibrated_on: Sentence | None = None

    def problems(self) -> tuple[Sentence, ...]:
        """Return what contradicts itself in the card, in words; empty when nothing does."""
        return tuple(
            Sentence(en, zh)
            for wrong, en, zh in (
                *self._wrong_names(),
                *self._wrong_numbers(),
                *self._wrong_results(),
            )
            if wrong
        )

    def _wrong_names(self) -> Iterator[tuple[bool, str, str]]:
        names = (*self.labels, self.title.en, self.title.zh)
        yield (
            not is_head_id(self.id),
            f"the id {self.id[:80]!r} is not made of small letters, digits and single hyphens",
            f"id {self.id[:80]!r} 只能由小写字母、数字和单个连字符组成",
        )
        yield (
            not self.labels or len(set(self.labels)) != len(self.labels),
            "its labels are empty or name one class twice",
            "标签为空，或同一类别出现两次",
        )
        yield (
            UNSURE in self.labels,
            f"{UNSURE!r} is a verdict, it cannot be a class",
            f"{UNSURE!r} 是判断结果，不能作为类别",
        )
        yield (
            any(not name.strip() or len(name) > _MAX_NAME or "\n" in name for name in names),
            f"a label or title is empty, longer than {_MAX_NAME} characters or not one line",
            f"某个标签或标题为空、超过 {_MAX_NAME} 个字符，或不止一行",
        )
        yield (
            not all(map(_is_plain, _written(self.to_dict()))),
            "a text holds characters that steer a terminal or turn the direction of writing",
            "某段文字含有控制字符",
        )

    def _wrong_numbers(self) -> Iterator[tuple[bool, str, str]]:
        spec = self.encoder
        yield (
            not 1 <= spec.dim <= _MAX_DIM or not 1000 <= spec.sampling_rate_hz <= 192_000,
            "its encoder has no dimensions or no sampling rate that audio has",
            "编码器的维数或采样率超出范围",
        )
        yield (
            not self.clip_z > 0
            or not 0 <= self.prior_segments <= 1e6
            or not 1 <= self.min_speaker_segments <= 1000
            or not 0 <= self.min_duration_s <= 60,
            "clip_z, prior_segments, min_speaker_segments or min_duration_s is out of range",
            "clip_z、prior_segments、min_speaker_segments 或 min_duration_s 超出范围",
        )
        yield (
            any(not 0 < value < 100 for value in self.temperature.values()),
            "a temperature is not between 0 and 100",
            "某个 temperature 不在 0 到 100 之间",
        )
        yield (
            any(not 0 <= value <= 1 for value in self.threshold.values()),
            "a threshold is not a probability",
            "某个 threshold 不是概率",
        )
        yield (
            self.moving is not None
            and not (
                all(map(math.isfinite, self.moving.to_dict().values()))
                and 0 <= self.moving.smoothing <= 1
                and self.prior_segments > 0
            ),
            "a number of moving is not finite, its smoothing is no share, or prior_segments is 0",
            "moving 中有非有限的数值，或 smoothing 不在 0 到 1 之间，或 prior_segments 为 0",
        )
        yield (
            self.farthest is not None and not 0 < self.farthest < 1e6,
            "farthest is no distance",
            "farthest 不是距离",
        )
        weights = [weight for layers in self.layer_weights.values() for weight in layers]
        yield (
            not all(map(math.isfinite, (*self.baseline.values(), *weights))),
            "a number of baseline or layer_weights is not finite",
            "baseline 或 layer_weights 中有非有限的数值",
        )

    def _wrong_results(self) -> Iterator[tuple[bool, str, str]]:
        for result in self.results:
            n, protocol = len(result.labels), result.protocol[:_MAX_NAME]
            yield (
                not set(result.labels) <= set(self.labels),
                f"a result ({protocol}) has classes that the head has not",
                f"某个结果（{protocol}）含有该模型没有的类别",
            )
            yield (
                result.confusion is not None and [len(row) for row in result.confusion] != [n] * n,
                f"a confusion matrix ({protocol}) does not fit its labels",
                f"某个混淆矩阵（{protocol}）与其标签不符",
            )
            yield (
                not 0 <= result.uar <= 1 or not 0 <= result.wa <= 1,
                f"a recall or accuracy ({protocol}) is not between 0 and 1",
                f"某个召回率或准确率（{protocol}）不在 0 到 1 之间",
            )


def card_from_yaml(path: Path) -> HeadCard:
    """Read a card.

    Raises:
        HeadError: The file is missing or cannot be read as a card's text (see `card_text.parse_card`), is of
            another format or a newer version, lacks a field, or contradicts itself.
    """
    data = parse_card(path)
    if data.get("format") != CARD_FORMAT:
        raise _kind_of_error(data)(
            tr(
                "{path} is not the card of a head: 'format: {card_format}' was expected",
                path=path,
                card_format=CARD_FORMAT,
            )
        )
    return card_from_fields(data, path)


def card_from_fields(data: Mapping[str, Any], path: Path) -> HeadCard:
    """Build a card from the fields that were read from `path`. Raises `HeadError` as `card_from_yaml`."""
    fields = {name: value for name, value in data.items() if name not in ("format", "version")}
    version = data.get("version")
    if version not in (CARD_VERSION, MOVING_VERSION) or isinstance(version, (bool, float)):
        shown = str(version)[:20]
        raise _kind_of_error(data)(
            tr(
                "{path} is version {shown!r} of the card format; this program reads versions "
                "{card_version} and {moving_version}: update the program or get another copy of the head",
                path=path,
                shown=shown,
                card_version=CARD_VERSION,
                moving_version=MOVING_VERSION,
            )
        )
    try:
        card = HeadCard.from_dict(fields)
    except TranscriptError as error:
        raise _kind_of_error(data)(
            tr("{path}: {error}", path=path, error=of_error(error))
        ) from error
    problems = card.problems()
    if problems:
        raise HeadError(
            tr(
                "{path} contradicts itself: {problem}",
                path=path,
                problem=in_both(
                    "; ".join(problem.en for problem in problems),
                    "；".join(problem.zh for problem in problems),
                ),
            )
        )
    return card


def card_to_yaml(card: HeadCard) -> str:
    """Return a card as YAML text that `card_from_yaml` reads back equal."""
    fields = card.to_dict()
    # A program that knows version 1 alone refuses fields that it does not know.
    for name in [name for name in _NEW_FIELDS if fields[name] is None]:
        del fields[name]
    version = MOVING_VERSION if any(name in fields for name in _NEW_FIELDS) else CARD_VERSION
    return dump_card({"format": CARD_FORMAT, "version": version, **fields})


_NEW_FIELDS = ("moving", "farthest", "calibrated_on")  # of `MOVING_VERSION`

_NEEDED = tuple(
    part.name
    for part in dataclass_fields(HeadCard)
    if part.default is MISSING and part.default_factory is MISSING
)


def _kind_of_error(fields: Mapping[str, Any]) -> type[HeadError]:
    """Return what is wrong where fields are missing: a card that is still being copied ends somewhere."""
    return HeadError if all(name in fields for name in _NEEDED) else UnfinishedError


def _written(value: object) -> Iterator[str]:
    """Yield every text within a card's fields."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from (*_written(name), *_written(inner))
    elif isinstance(value, list):
        for inner in value:
            yield from _written(inner)


def _is_plain(text: str) -> bool:
    """Say whether a text has no characters that steer a terminal or turn the direction of writing."""
    steering = (char for char in text if unicodedata.category(char) in ("Cc", "Cs"))
    return _TURNING.isdisjoint(text) and all(char in "\n\t" for char in steering)
