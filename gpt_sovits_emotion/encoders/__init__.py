"""Frozen encoders, one protocol: audio in, one embedding per segment out.

An encoder is named by what it reads: ``prosody``, ``hubert:6`` (one hidden layer), ``hubert:4-9`` and
``hubert:4,6,9`` (several, one after another in the embedding), ``sovits.style``, ``sovits.posterior``,
``whisper-base:1-4`` and ``whisper-large-v3:8-20``; or several of these with ``+`` between them, such as
``prosody+hubert:6``, whose embeddings are concatenated. HuBERT and SoVITS are provided by a backend that has
loaded them, Whisper's layers are read from the model that transcribes; torch is imported when one of them
runs.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass

from gpt_sovits_emotion.core.errors import EncoderError
from gpt_sovits_emotion.core.loaded_models import (
    LoadedHubert,
    LoadedModels,
    LoadedSovits,
    LoadedWhisper,
)
from gpt_sovits_emotion.encoders.base import Encoder
from gpt_sovits_emotion.encoders.whisper.sizes import SIZES, plain_size

__all__ = ["N_HUBERT_LAYERS", "WHISPER", "EncoderName", "open_encoder", "parse_encoder_id"]

N_HUBERT_LAYERS = 12
"""Transformer layers of HuBERT-base, the only size that GPT-SoVITS uses; layer 0 is what enters the first."""

WHISPER = "whisper-"
"""What a family of Whisper's encoders begins with; the model's size follows."""

_FAMILIES = ("prosody", "hubert", "sovits.style", "sovits.posterior")
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
        family: What must be lent for it: ``prosody`` (nothing), ``hubert``, ``sovits.style``,
            ``sovits.posterior``, or ``whisper-`` and a size. Of a fused encoder those of its parts, with
            ``+`` between them.
        layers: Of ``hubert`` and ``whisper-…``: the hidden layers, ascending, each once; 0 is what enters the
            first transformer layer, k what leaves the k-th. Of Whisper, the norm after its last layer is
            left out.
        parts: Of a fused encoder alone: what it is made of, in order.
    """

    family: str
    layers: tuple[int, ...] = ()
    parts: tuple[EncoderName, ...] = ()

    @property
    def families(self) -> tuple[str, ...]:
        """Everything that a host has to lend for it, in order.

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
            return self.family
        runs: list[list[int]] = []
        for layer in self.layers:
            if runs and layer == runs[-1][-1] + 1:
                runs[-1].append(layer)
            else:
                runs.append([layer])
        spelled = (f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)
        return f"{self.family}:{','.join(spelled)}"


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
            if family == "hubert" or family.startswith(WHISPER):
                remedy, remedy_zh = "name all its layers in one part", "把所有层写在一起"
            raise EncoderError(
                f"{encoder_id!r} fuses {family} with itself: {remedy}, such as prosody+hubert:4,6",
                zh=f"{encoder_id!r} 把 {family} 与自身融合：请{remedy_zh}，例如 prosody+hubert:4,6",
            )
    return EncoderName("+".join(families), parts=parts)


def _parse_one(encoder_id: str, *, whole: str | None = None) -> EncoderName:
    family, colon, spelled = encoder_id.partition(":")
    if family.startswith(WHISPER):
        size = plain_size(family.removeprefix(WHISPER))
        if size not in SIZES:
            raise _unknown_size(encoder_id, size)
        title, n_layers = f"Whisper {size}", SIZES[size].n_layers
        return EncoderName(WHISPER + size, _layers_in(encoder_id, spelled, title, n_layers))
    if family not in _FAMILIES:
        named = repr(encoder_id) if whole is None else f"{encoder_id!r} (in {whole!r})"
        raise EncoderError(
            f"there is no encoder {named}; expected {_EXAMPLES}",
            zh=f"没有编码器 {named}；可以写 {_EXAMPLES}",
        )
    if family == "hubert":
        return EncoderName(family, _layers_in(encoder_id, spelled, "HuBERT", N_HUBERT_LAYERS))
    if colon:
        raise EncoderError(
            f"the encoder {family!r} has no layers to choose; found {encoder_id!r}",
            zh=f"编码器 {family!r} 没有可选的层，却写成了 {encoder_id!r}",
        )
    return EncoderName(family)


def _unknown_size(encoder_id: str, size: str) -> EncoderError:
    near = difflib.get_close_matches(size, SIZES, n=3) or ["base", "small", "large-v3"]
    return EncoderError(
        f"there is no Whisper size {size!r} (in {encoder_id!r}); near ones are {', '.join(near)}: write "
        f"{WHISPER}{near[0]}:1-4",
        zh=f"没有 {size!r} 这种 Whisper 规格（在 {encoder_id!r} 中）；相近的有 {'、'.join(near)}："
        f"可写 {WHISPER}{near[0]}:1-4",
    )


def _layers_in(encoder_id: str, spelled: str, title: str, n_layers: int) -> tuple[int, ...]:
    """Read which layers an id names. Raises `EncoderError` where the model of this title has no such."""
    family = encoder_id.partition(":")[0]
    if not _LAYERS.fullmatch(spelled):
        usual = ("6", "4-9", "4,6,9") if family == "hubert" else ("1", "1-4", "1,3")
        examples = [f"{family}:{layers}" for layers in usual]
        raise EncoderError(
            f"{encoder_id!r} does not say which layers of {title} to read; expected one of 0 to {n_layers} "
            f"or several: {examples[0]}, {examples[1]} or {examples[2]}",
            zh=f"{encoder_id!r} 没有说明读取 {title} 的哪些层；应为 0 到 {n_layers} 中的一层或几层："
            f"{examples[0]}、{examples[1]} 或 {examples[2]}",
        )
    layers: list[int] = []
    for part in spelled.split(","):
        first, _, last = part.partition("-")
        layers.extend(range(int(first), int(last or first) + 1))
    if not layers or layers != sorted(set(layers)):
        raise EncoderError(
            f"the layers in {encoder_id!r} must ascend, each named once",
            zh=f"{encoder_id!r} 中的层必须从小到大，每层只写一次",
        )
    if layers[-1] > n_layers:
        raise EncoderError(
            f"{encoder_id!r} asks for layer {layers[-1]} of {title}, which has {n_layers}",
            zh=f"{encoder_id!r} 要读取 {title} 的第 {layers[-1]} 层，而它只有 {n_layers} 层",
        )
    return tuple(layers)


def open_encoder(encoder_id: str, loaded: LoadedModels | None) -> Encoder:
    """Return the encoder of this id on the modules that a host lends.

    Nothing is copied and nothing is run; the encoder holds `lent` and nothing else of the host.

    Args:
        encoder_id: See `parse_encoder_id`; not that of a fused encoder, whose parts are lent one by one.
        loaded: What the host lends for the encoder's family; None for ``prosody``.

    Raises:
        EncoderError: There is no such encoder, it is a fused one, or `lent` is not what it reads.
        WhisperModelError: Of Whisper: the model is missing, damaged, or another.
    """
    name = parse_encoder_id(encoder_id)
    if name.parts:
        raise EncoderError(
            f"{name.id!r} is opened part by part: open {' and '.join(part.id for part in name.parts)}, and "
            "fuse them with FusedEncoder",
            zh=f"{name.id!r} 须逐部分打开：请分别打开 {' 和 '.join(part.id for part in name.parts)}，"
            "再用 FusedEncoder 合并",
        )
    if name.family == "prosody":
        from gpt_sovits_emotion.encoders.prosody import ProsodyEncoder

        return ProsodyEncoder()
    if isinstance(loaded, LoadedWhisper) and name.whisper_size == loaded.size:
        from gpt_sovits_emotion.encoders.whisper.encoder import WhisperEncoder

        return WhisperEncoder(loaded, name.layers)
    if name.family == "hubert" and isinstance(loaded, LoadedHubert):
        from gpt_sovits_emotion.encoders.hubert import HubertEncoder

        return HubertEncoder(loaded, name.layers)
    if name.family == "sovits.style" and isinstance(loaded, LoadedSovits):
        from gpt_sovits_emotion.encoders.sovits import SovitsStyleEncoder

        return SovitsStyleEncoder(loaded)
    if name.family == "sovits.posterior" and isinstance(loaded, LoadedSovits):
        from gpt_sovits_emotion.encoders.sovits import SovitsPosteriorEncoder

        return SovitsPosteriorEncoder(loaded)
    found = "nothing" if loaded is None else loaded.source.en
    raise EncoderError(
        f"the encoder {name.id!r} needs a loaded {name.family.partition('.')[0]} model and was lent {found}",
        zh=f"编码器 {name.id!r} 需要已加载的 {name.family.partition('.')[0]} 模型，而得到的是 {found}",
    )
