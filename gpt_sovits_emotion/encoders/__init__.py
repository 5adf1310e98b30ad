"""Frozen encoders, one protocol: audio in, one embedding per segment out.

An encoder is named by what it reads: ``prosody``, ``hubert:6`` (one hidden layer), ``hubert:4-9`` and
``hubert:4,6,9`` (several, one after another in the embedding), ``sovits.style``, ``sovits.posterior``.
All but the first borrow the modules that a host has loaded; torch is imported when one of them runs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from gpt_sovits_emotion.encoders.base import Encoder
from gpt_sovits_emotion.errors import EncoderError
from gpt_sovits_emotion.lending import Lent, LentHubert, LentSovits

__all__ = ["N_HUBERT_LAYERS", "EncoderName", "open_encoder", "parse_encoder_id"]

N_HUBERT_LAYERS = 12
"""Transformer layers of HuBERT-base, the only size that GPT-SoVITS uses; layer 0 is what enters the first."""

_FAMILIES = ("prosody", "hubert", "sovits.style", "sovits.posterior")
_NUMBER = r"(?:0|[1-9][0-9]?)"
_LAYERS = re.compile(rf"{_NUMBER}(?:-{_NUMBER})?(?:,{_NUMBER}(?:-{_NUMBER})?)*")
_EXAMPLES = "hubert:6, hubert:4-9, hubert:4,6,9, sovits.style, sovits.posterior or prosody"


@dataclass(frozen=True, slots=True)
class EncoderName:
    """An encoder's id, taken apart.

    Attributes:
        family: What a host has to lend for it: ``prosody`` (nothing), ``hubert``, ``sovits.style`` or
            ``sovits.posterior``.
        layers: Of ``hubert`` alone: the hidden layers, ascending, each once; as in transformers'
            ``hidden_states``, 0 is what enters the first transformer layer, k what leaves the k-th.
    """

    family: str
    layers: tuple[int, ...] = ()

    @property
    def id(self) -> str:
        """The one spelling of this name: every run of neighbouring layers as a range.

        >>> EncoderName("hubert", (4, 5, 6, 9)).id
        'hubert:4-6,9'
        """
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
        encoder_id: Such as ``hubert:4-9``.

    Raises:
        EncoderError: It names no encoder that there is.

    Examples:
        >>> parse_encoder_id("hubert:4,5,9")
        EncoderName(family='hubert', layers=(4, 5, 9))
        >>> parse_encoder_id("hubert:4,5,9").id
        'hubert:4-5,9'
    """
    family, colon, spelled = encoder_id.partition(":")
    if family not in _FAMILIES:
        raise EncoderError(f"there is no encoder {encoder_id!r}; expected {_EXAMPLES}")
    if family != "hubert":
        if colon:
            raise EncoderError(
                f"the encoder {family!r} has no layers to choose; found {encoder_id!r}"
            )
        return EncoderName(family)
    if not _LAYERS.fullmatch(spelled):
        raise EncoderError(
            f"{encoder_id!r} does not say which layers of HuBERT to read; expected one of 0 to "
            f"{N_HUBERT_LAYERS} or several: hubert:6, hubert:4-9 or hubert:4,6,9"
        )
    layers: list[int] = []
    for part in spelled.split(","):
        first, _, last = part.partition("-")
        layers.extend(range(int(first), int(last or first) + 1))
    if not layers or layers != sorted(set(layers)):
        raise EncoderError(f"the layers in {encoder_id!r} must ascend, each named once")
    if layers[-1] > N_HUBERT_LAYERS:
        raise EncoderError(
            f"{encoder_id!r} asks for layer {layers[-1]} of HuBERT, which has {N_HUBERT_LAYERS}"
        )
    return EncoderName(family, tuple(layers))


def open_encoder(encoder_id: str, lent: Lent | None) -> Encoder:
    """Return the encoder of this id on the modules that a host lends.

    Nothing is copied and nothing is run; the encoder holds `lent` and nothing else of the host.

    Args:
        encoder_id: See `parse_encoder_id`.
        lent: What the host lends for the encoder's family; None for ``prosody``.

    Raises:
        EncoderError: There is no such encoder, or `lent` is not what it reads.
    """
    name = parse_encoder_id(encoder_id)
    if name.family == "prosody":
        from gpt_sovits_emotion.encoders.prosody import ProsodyEncoder

        return ProsodyEncoder()
    if name.family == "hubert" and isinstance(lent, LentHubert):
        from gpt_sovits_emotion.encoders.hubert import HubertEncoder

        return HubertEncoder(lent, name.layers)
    if name.family == "sovits.style" and isinstance(lent, LentSovits):
        from gpt_sovits_emotion.encoders.sovits import SovitsStyleEncoder

        return SovitsStyleEncoder(lent)
    if name.family == "sovits.posterior" and isinstance(lent, LentSovits):
        from gpt_sovits_emotion.encoders.sovits import SovitsPosteriorEncoder

        return SovitsPosteriorEncoder(lent)
    found = "nothing" if lent is None else lent.source.en
    raise EncoderError(
        f"the encoder {name.id!r} needs a loaded {name.family.partition('.')[0]} model and was lent {found}"
    )
