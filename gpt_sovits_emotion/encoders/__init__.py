"""Frozen encoders, one protocol: audio in, one embedding per segment out.

An encoder is named by what it reads: ``prosody``, ``hubert:6`` (one hidden layer), ``hubert:4-9`` and
``hubert:4,6,9`` (several, one after another in the embedding), ``sovits.style``, ``sovits.posterior``,
``whisper-base:1-4`` and ``whisper-large-v3:8-20``; or several of these with ``+`` between them, such as
``prosody+hubert:6``, whose embeddings are concatenated. HuBERT and SoVITS are provided by a backend that has
loaded them, Whisper's layers are read from the model that transcribes; torch is imported when one of them
runs. Other packages add families of their own (`EncoderFamily`, docs/extending.md).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Protocol

from gpt_sovits_emotion.core import registry
from gpt_sovits_emotion.core.errors import EncoderError, PluginError
from gpt_sovits_emotion.core.loaded_models import LoadedModels
from gpt_sovits_emotion.core.messages import in_both, tr
from gpt_sovits_emotion.core.own_plugins import OWN
from gpt_sovits_emotion.encoders.base import Encoder

__all__ = [
    "N_HUBERT_LAYERS",
    "WHISPER",
    "EncoderFamily",
    "EncoderName",
    "borrowed_by",
    "family_of",
    "layers_in",
    "open_encoder",
    "parse_encoder_id",
]

N_HUBERT_LAYERS = 12
"""Transformer layers of HuBERT-base, the only size that GPT-SoVITS uses; layer 0 is what enters the first."""

WHISPER = "whisper-"
"""What a family of Whisper's encoders begins with; the model's size follows."""

_NUMBER = r"(?:0|[1-9][0-9]?)"
_LAYERS = re.compile(rf"{_NUMBER}(?:-{_NUMBER})?(?:,{_NUMBER}(?:-{_NUMBER})?)*")
_EXAMPLES = (
    "whisper-base:1-4, hubert:6, hubert:4-9, hubert:4,6,9, sovits.style, sovits.posterior, prosody, "
    "prosody+hubert:6"
)


@dataclass(frozen=True, slots=True)
class EncoderName:
    """An encoder's id, taken apart.

    Attributes:
        family: What must be provided for it: ``prosody`` (nothing), ``hubert``, ``sovits.style``,
            ``sovits.posterior``, or ``whisper-`` and a size. Of a fused encoder those of its parts, with
            ``+`` between them.
        layers: Of ``hubert`` and ``whisper-…``: the hidden layers, ascending, each once; 0 is what enters the
            first transformer layer, k what leaves the k-th. Of Whisper, the norm after its last layer is
            left out.
        setting: Of a family of another package: what else stands behind the colon.
        parts: Of a fused encoder alone: what it is made of, in order.
    """

    family: str
    layers: tuple[int, ...] = ()
    parts: tuple[EncoderName, ...] = ()
    setting: str = ""

    @property
    def families(self) -> tuple[str, ...]:
        """Everything that a backend has to provide for it, in order.

        >>> parse_encoder_id("prosody+hubert:6").families
        ('prosody', 'hubert')
        """
        return tuple(part.family for part in self.parts) or (self.family,)

    @property
    def whisper_size(self) -> str | None:
        """The size of the Whisper that it reads, None for any other encoder."""
        return self.family.removeprefix(WHISPER) if self.family.startswith(WHISPER) else None

    @property
    def id(self) -> str:
        """The one spelling of this name: every run of neighbouring layers as a range.

        >>> EncoderName("hubert", (4, 5, 6, 9)).id
        'hubert:4-6,9'
        """
        if self.parts:
            return "+".join(part.id for part in self.parts)
        if not self.layers:
            return f"{self.family}:{self.setting}" if self.setting else self.family
        runs: list[list[int]] = []
        for layer in self.layers:
            if runs and layer == runs[-1][-1] + 1:
                runs[-1].append(layer)
            else:
                runs.append([layer])
        spelled = (f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)
        return f"{self.family}:{','.join(spelled)}"


class EncoderFamily(Protocol):
    """A kind of encoders that is asked for by its name: what an entry point in the group ``encoders`` is.

    An id is the name, and behind a colon whatever the family makes of it: ``mine:2``. A family with an
    attribute ``sized`` that is true is asked for names that go on behind a dash, too: ``mine-large:2``.
    """

    def parse(self, encoder_id: str) -> EncoderName:
        """Take an id apart; its `EncoderName.id` is the one spelling by which heads know the encoder.

        Raises:
            EncoderError: There is no such encoder; the message says what is expected.
        """
        ...

    def borrows(self, name: EncoderName) -> str:
        """Return the family of models that a backend has to provide for it, as ``hubert``; "" for none."""
        ...

    def open(self, name: EncoderName, loaded: LoadedModels | None) -> Encoder:
        """Return the encoder, on what a backend provided where it borrows something.

        Raises:
            EncoderError: It cannot be opened; the message says why and what to do.
        """
        ...


def parse_encoder_id(encoder_id: str) -> EncoderName:
    """Take an encoder's id apart.

    Args:
        encoder_id: Such as ``hubert:4-9`` or ``prosody+hubert:6``.

    Raises:
        EncoderError: It names no encoder that there is, or fuses two of one family.

    Examples:
        >>> parse_encoder_id("hubert:4,5,9").layers
        (4, 5, 9)
        >>> parse_encoder_id("hubert:4,5,9").id
        'hubert:4-5,9'
        >>> [part.id for part in parse_encoder_id("prosody+hubert:4,5").parts]
        ['prosody', 'hubert:4-5']
    """
    spelled = encoder_id.split("+")
    if len(spelled) == 1:
        return _parse_one(encoder_id)
    parts = tuple(_parse_one(part, whole=encoder_id) for part in spelled)
    families = [part.family for part in parts]
    for family in families:
        if families.count(family) > 1:
            remedy, remedy_zh = "name it once", "只写一次"
            if any(part.layers for part in parts if part.family == family):
                remedy, remedy_zh = "name all its layers in one part", "把所有层写在一起"
            raise EncoderError(
                tr(
                    "{encoder_id!r} fuses {family} with itself: {remedy}, such as prosody+hubert:4,6",
                    encoder_id=encoder_id,
                    family=family,
                    remedy=in_both(remedy, remedy_zh),
                )
            )
    return EncoderName("+".join(families), parts=parts)


def _parse_one(encoder_id: str, *, whole: str | None = None) -> EncoderName:
    family = encoder_id.partition(":")[0]
    found = family_of(family)
    if found is None:
        named = repr(encoder_id) if whole is None else f"{encoder_id!r} (in {whole!r})"
        others = added_families()
        examples = ", ".join((_EXAMPLES, *others))
        raise EncoderError(
            tr(
                "there is no encoder {named}; expected {examples}, or the package that adds it is not "
                "installed",
                named=named,
                examples=examples,
            )
        )
    doing = tr("reading the name {encoder_id!r}", encoder_id=encoder_id)
    with registry.blamed(doing=doing):
        name = found.parse(encoder_id)
    if isinstance(name, EncoderName) and (name.family == family or getattr(found, "sized", False)):
        return name
    raise EncoderError(
        tr(
            "the family of {encoder_id!r} makes {name!r} of it, and no EncoderName of that family; that "
            "is a fault of the package that adds it",
            encoder_id=encoder_id,
            name=name,
        )
    )


def family_of(family: str) -> EncoderFamily | None:
    """Return the family of encoders of this name, or a sized one that it begins with before a dash.

    Args:
        family: Such as ``hubert``, or ``whisper-large-v3``, which the family ``whisper`` knows the sizes of.

    Raises:
        PluginError: A plug-in has it, and is broken.
    """
    name = family
    while name:
        if registry.find("encoders", name) is not None:
            found: EncoderFamily = registry.load("encoders", name)
            return found if name == family or getattr(found, "sized", False) else None
        name = name.rpartition("-")[0]
    return None


def added_families() -> tuple[str, ...]:
    """Return the names of the families that other packages add."""
    return tuple(name for name in registry.names("encoders") if name not in OWN["encoders"])


def borrowed_by(encoder_id: str) -> frozenset[str]:
    """Return the families of models that have to be provided for an encoder, or for the parts of a fused one.

    Of an encoder that nobody here knows it is the family that its id names.

    >>> sorted(borrowed_by("prosody+hubert:6")), sorted(borrowed_by("strange:1"))
    (['hubert'], ['strange'])
    """
    return frozenset(map(_borrowed_by_one, encoder_id.split("+"))) - {""}


def _borrowed_by_one(encoder_id: str) -> str:
    try:
        name = parse_encoder_id(encoder_id)
        found = family_of(name.family)
    except (EncoderError, PluginError):
        found = None
    return encoder_id.partition(":")[0] if found is None else found.borrows(name)


def layers_in(encoder_id: str, title: str, n_layers: int) -> tuple[int, ...]:
    """Read which layers of a model an id names, such as ``4-9`` or ``4,6,9`` behind its colon.

    Args:
        encoder_id: The whole id.
        title: The model's name, for people.
        n_layers: How many it has.

    Raises:
        EncoderError: It names none, one that the model does not have, or not in order.
    """
    family, _, spelled = encoder_id.partition(":")
    if not _LAYERS.fullmatch(spelled):
        few = n_layers < _MANY_LAYERS or family.startswith(WHISPER)
        usual = ("1", "1-4", "1,3") if few else ("6", "4-9", "4,6,9")
        examples = [f"{family}:{layers}" for layers in usual]
        raise EncoderError(
            tr(
                "{encoder_id!r} does not say which layers of {title} to read; expected one of 0 to "
                "{n_layers} or several: {examples}, {examples_2} or {examples_3}",
                encoder_id=encoder_id,
                title=title,
                n_layers=n_layers,
                examples=examples[0],
                examples_2=examples[1],
                examples_3=examples[2],
            )
        )
    layers: list[int] = []
    for part in spelled.split(","):
        first, _, last = part.partition("-")
        layers.extend(range(int(first), int(last or first) + 1))
    if not layers or layers != sorted(set(layers)):
        raise EncoderError(
            tr("the layers in {encoder_id!r} must ascend, each named once", encoder_id=encoder_id)
        )
    if layers[-1] > n_layers:
        raise EncoderError(
            tr(
                "{encoder_id!r} asks for layer {layers} of {title}, which has {n_layers}",
                encoder_id=encoder_id,
                layers=layers[-1],
                title=title,
                n_layers=n_layers,
            )
        )
    return tuple(layers)


def open_encoder(encoder_id: str, loaded: LoadedModels | None) -> Encoder:
    """Return the encoder of this id on the modules that a backend provides.

    Nothing is copied and nothing is run; the encoder holds `loaded` and nothing else of the backend. One of
    another package that borrows nothing is opened once, and kept.

    Args:
        encoder_id: See `parse_encoder_id`; not that of a fused encoder, whose parts are provided one by one.
        loaded: What the backend provides for the encoder's family; None for one that borrows nothing.

    Raises:
        EncoderError: There is no such encoder, it is a fused one, or `loaded` is not what it reads.
        WhisperModelError: Of Whisper: the model is missing, damaged, or another.
        PluginError: It is another package's, which failed.
    """
    name = parse_encoder_id(encoder_id)
    if name.parts:
        raise EncoderError(
            tr(
                "{name!r} is opened part by part: open {part}, and fuse them with FusedEncoder",
                name=name.id,
                part=in_both(
                    " and ".join(part.id for part in name.parts),
                    " 和 ".join(part.id for part in name.parts),
                ),
            )
        )
    family = family_of(name.family)
    assert family is not None  # or it would have no name
    kept = _OPENED.get(name.id)
    if kept is not None and kept[0] is family:
        return kept[1]
    with registry.blamed(doing=tr("opening {name!r}", name=name.id)):
        encoder = family.open(name, loaded)
    if getattr(encoder, "id", None) != name.id:
        raise EncoderError(
            tr(
                "the encoder {name!r} calls itself {getattr!r}; the package that adds it has to give it "
                "the id by which it is asked for",
                name=name.id,
                getattr=getattr(encoder, "id", None),
            )
        )
    if loaded is None and name.family.partition("-")[0] not in OWN["encoders"]:
        _OPENED[name.id] = family, encoder
    return encoder


_OPENED: dict[str, tuple[EncoderFamily, Encoder]] = {}
_MANY_LAYERS = 9
