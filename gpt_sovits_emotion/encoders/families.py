"""Our own families of encoders: how their ids are read, what has to be provided, how they are opened."""

from __future__ import annotations

import difflib

from gpt_sovits_emotion.core.errors import EncoderError
from gpt_sovits_emotion.core.loaded_models import (
    LoadedHubert,
    LoadedModels,
    LoadedSovits,
    LoadedWhisper,
)
from gpt_sovits_emotion.core.messages import of_list, tr
from gpt_sovits_emotion.encoders import N_HUBERT_LAYERS, WHISPER, EncoderName, layers_in
from gpt_sovits_emotion.encoders.base import Encoder
from gpt_sovits_emotion.encoders.whisper.sizes import SIZES, plain_size

__all__ = ["hubert", "prosody", "sovits_posterior", "sovits_style", "whisper"]


class _Prosody:
    def parse(self, encoder_id: str) -> EncoderName:
        return _without_layers(encoder_id)

    def borrows(self, name: EncoderName) -> str:
        return ""

    def open(self, name: EncoderName, loaded: LoadedModels | None) -> Encoder:
        from gpt_sovits_emotion.encoders.prosody import ProsodyEncoder

        return ProsodyEncoder()


class _Whisper:
    sized = True

    def parse(self, encoder_id: str) -> EncoderName:
        size = plain_size(encoder_id.partition(":")[0].removeprefix(WHISPER))
        if size not in SIZES:
            raise _unknown_size(encoder_id, size)
        layers = layers_in(encoder_id, f"Whisper {size}", SIZES[size].n_layers)
        return EncoderName(WHISPER + size, layers)

    def borrows(self, name: EncoderName) -> str:
        return name.family

    def open(self, name: EncoderName, loaded: LoadedModels | None) -> Encoder:
        if not isinstance(loaded, LoadedWhisper) or name.whisper_size != loaded.size:
            raise _lent_nothing_fit(name, loaded)
        from gpt_sovits_emotion.encoders.whisper.encoder import WhisperEncoder

        return WhisperEncoder(loaded, name.layers)


class _Hubert:
    def parse(self, encoder_id: str) -> EncoderName:
        return EncoderName("hubert", layers_in(encoder_id, "HuBERT", N_HUBERT_LAYERS))

    def borrows(self, name: EncoderName) -> str:
        return name.family

    def open(self, name: EncoderName, loaded: LoadedModels | None) -> Encoder:
        if not isinstance(loaded, LoadedHubert):
            raise _lent_nothing_fit(name, loaded)
        from gpt_sovits_emotion.encoders.hubert import HubertEncoder

        return HubertEncoder(loaded, name.layers)


class _Sovits:
    def parse(self, encoder_id: str) -> EncoderName:
        return _without_layers(encoder_id)

    def borrows(self, name: EncoderName) -> str:
        return name.family

    def open(self, name: EncoderName, loaded: LoadedModels | None) -> Encoder:
        if not isinstance(loaded, LoadedSovits):
            raise _lent_nothing_fit(name, loaded)
        from gpt_sovits_emotion.encoders.sovits import SovitsPosteriorEncoder, SovitsStyleEncoder

        encoder = SovitsStyleEncoder if name.family == "sovits.style" else SovitsPosteriorEncoder
        return encoder(loaded)


prosody, whisper, hubert = _Prosody(), _Whisper(), _Hubert()
sovits_style = sovits_posterior = _Sovits()


def _without_layers(encoder_id: str) -> EncoderName:
    family, colon, _ = encoder_id.partition(":")
    if colon:
        raise EncoderError(
            tr(
                "the encoder {family!r} has no layers to choose; found {encoder_id!r}",
                family=family,
                encoder_id=encoder_id,
            )
        )
    return EncoderName(family)


def _unknown_size(encoder_id: str, size: str) -> EncoderError:
    near = difflib.get_close_matches(size, SIZES, n=3) or ["base", "small", "large-v3"]
    return EncoderError(
        tr(
            "there is no Whisper size {size!r} (in {encoder_id!r}); near ones are {near_2}: write "
            "{whisper}{near}:1-4",
            size=size,
            encoder_id=encoder_id,
            whisper=WHISPER,
            near=near[0],
            near_2=of_list(near),
        )
    )


def _lent_nothing_fit(name: EncoderName, loaded: LoadedModels | None) -> EncoderError:
    found = "nothing" if loaded is None else loaded.source.en
    needed = name.family.partition(".")[0]
    return EncoderError(
        tr(
            "the encoder {name!r} needs a loaded {needed} model and was lent {found}",
            name=name.id,
            needed=needed,
            found=found,
        )
    )
