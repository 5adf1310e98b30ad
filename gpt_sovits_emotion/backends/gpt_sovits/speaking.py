"""What the three ways of speaking with GPT-SoVITS share: what is checked before, and after.

GPT-SoVITS is asked in three ways (the default page's function, the fast page's pipeline, the HTTP
interface) that fail in three ways. Everything that can be known beforehand is therefore checked here,
before the host is called, and what it returns is looked at, because it returns silence in place of an
error (``TTS_infer_pack/TTS.py``, ``run``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gpt_sovits_emotion.audio import probe_duration_s
from gpt_sovits_emotion.backends.base import BackendLimits, Sampling, SynthesisRequest
from gpt_sovits_emotion.backends.gpt_sovits.languages import host_code, spoken_languages
from gpt_sovits_emotion.backends.shaping import REFERENCE_S, read_reference, trim_silence
from gpt_sovits_emotion.core.errors import AudioError, BackendError
from gpt_sovits_emotion.core.messages import of_error, tr
from gpt_sovits_emotion.core.records import Audio

__all__ = [
    "SILENT_FAILURE",
    "STOPPED",
    "SWITCHED",
    "SWITCHING",
    "Utterance",
    "check_not_cancelled",
    "finished_audio",
    "limits_of",
    "prepare",
    "takes_timbre",
]

STOPPED = tr("stopped as asked; this segment was not said")
SWITCHED = tr("the voice's weights were switched while this was being said; say it again")
SWITCHING = tr(
    "the voice's weights are being switched, or could not be: wait until they are loaded, or choose them "
    "again, and say it again"
)
SILENT_FAILURE = tr(
    "GPT-SoVITS failed and gave a second of silence in place of a reason; its console has the reason: "
    "the usual ones are too little memory and a text that its front end cannot read"
)

_SAMPLING_RATES_HZ = {"v3": 24_000, "v4": 48_000}  # 32 kHz for all others
_DEFAULT_STEPS = {"v3": 32}  # as the default page's radio buttons; 8 for v4, unused elsewhere
_CUTS = frozenset(f"cut{number}" for number in range(6))
_FAILURE_RATE_HZ = 16_000
_SHORTEST_S = 0.05
_FULL_SCALE = 32_768.0


@dataclass(frozen=True, slots=True)
class Utterance:
    """One checked request, in the host's terms.

    Attributes:
        text: What to say, without surrounding blanks.
        code: The host's language code for it.
        reference: The clip, an absolute path.
        prompt_text: What is said in the clip; "" for reference-free speaking, in which the clip gives its
            timbre alone.
        prompt_code: The host's language code for that.
        timbre: Clips that set the timbre.
        sampling: As asked for.
        sample_steps: Of v3 and v4 models, never None.
        seed: 0 to 2**32 - 1.
    """

    text: str
    code: str
    reference: Path
    prompt_text: str
    prompt_code: str
    timbre: tuple[Path, ...]
    sampling: Sampling
    sample_steps: int
    seed: int

    def pipeline_inputs(self) -> dict[str, Any]:
        """Return what ``TTS.run`` takes, which ``POST /tts`` takes too."""
        sampling = self.sampling
        return {
            "text": self.text,
            "text_lang": self.code,
            "ref_audio_path": str(self.reference),
            "aux_ref_audio_paths": [str(path) for path in self.timbre],
            "prompt_text": self.prompt_text,
            "prompt_lang": self.prompt_code,
            "top_k": sampling.top_k,
            "top_p": sampling.top_p,
            "temperature": sampling.temperature,
            "text_split_method": sampling.cut,
            "batch_size": 1,  # so that it can be stopped between any two parts
            "speed_factor": sampling.speed,
            "fragment_interval": sampling.pause_s,
            "seed": self.seed,
            "sample_steps": self.sample_steps,
            "super_sampling": sampling.super_sampling,
            "return_fragment": False,
            "streaming_mode": False,
        }


def takes_timbre(version: str | None) -> bool:
    """Say whether a model version mixes timbre references in; True when the version is not known."""
    return version not in ("v3", "v4")


def limits_of(
    version: str | None,
    *,
    codes: Collection[str],
    timbre_references: bool = True,
    averages_timbre: bool = False,
) -> BackendLimits:
    """Return what a model version can do.

    Args:
        version: ``v1`` to ``v4``, ``v2Pro``, ``v2ProPlus``; None when it is not known.
        codes: The host's language codes for it.
        timbre_references: Whether the way of speaking hands them on.
        averages_timbre: Whether it takes the mean over the reference's own timbre and theirs
            (``TTS_infer_pack/TTS.py``, ``refer_spec``); ``get_tts_wav`` takes theirs alone.
    """
    return BackendLimits(
        languages=spoken_languages(codes),
        reference_min_s=REFERENCE_S[0],
        reference_max_s=REFERENCE_S[1],
        timbre_references=timbre_references and takes_timbre(version),
        sampling_rate_hz=_SAMPLING_RATES_HZ.get(version or "", 32_000),
        averages_timbre=averages_timbre,
    )


def prepare(
    request: SynthesisRequest,
    *,
    version: str | None,
    codes: Collection[str],
    timbre_references: bool = True,
) -> Utterance:
    """Check a request against what the loaded model can do.

    Args:
        request: What is asked for.
        version: Of the loaded model, None when it is not known.
        codes: The host's language codes for it.
        timbre_references: Whether the way of speaking hands timbre references on.

    Raises:
        BackendError: Something in the request cannot be; the message says what, and what to do.
    """
    text = request.text.strip()
    _check_text(text)
    _check_sampling(request.sampling, version)
    read_reference(request.reference)
    if request.timbre:
        _check_timbre(request.timbre, version, timbre_references)
    backend = f"GPT-SoVITS {version}" if version else "GPT-SoVITS"
    code = host_code(request.language, text=text, codes=codes, backend=backend)
    prompt_text = request.reference.text.strip()
    if prompt_text:
        prompt_code = host_code(
            request.reference.language or "auto",
            text=prompt_text,
            codes=codes,
            whose=tr("the text of the reference clip {path}", path=request.reference.path.name),
            backend=backend,
        )
    else:
        _check_without_prompt(request, version)
        prompt_code = code
    return Utterance(
        text=text,
        code=code,
        reference=request.reference.path.absolute(),
        prompt_text=prompt_text,
        prompt_code=prompt_code,
        timbre=tuple(path.absolute() for path in request.timbre),
        sampling=request.sampling,
        sample_steps=request.sampling.sample_steps or _DEFAULT_STEPS.get(version or "", 8),
        seed=request.seed % 2**32,
    )


def check_not_cancelled(request: SynthesisRequest) -> None:
    """Stop here if somebody has asked to.

    Raises:
        BackendError: Somebody has.
    """
    if request.cancelled():
        raise BackendError(STOPPED.en, zh=STOPPED.zh)


def finished_audio(outputs: Iterable[tuple[int, np.ndarray]]) -> Audio:
    """Exhaust what the host yields and return it as audio, without surrounding silence.

    Exhausting matters: the fast page's pipeline yields silence on a failure and raises only when it is
    asked for more.

    Args:
        outputs: ``(sampling_rate, samples)``, once or in parts; int16 or float.

    Raises:
        BackendError: There is no sound in it.
    """
    parts = [(int(rate_hz), np.asarray(samples)) for rate_hz, samples in outputs]
    if not parts:
        raise BackendError(
            tr("GPT-SoVITS returned nothing for this text: correct it, or try another")
        )
    rate_hz = parts[-1][0]
    samples = np.concatenate([_as_float(part) for _, part in parts])
    if not np.isfinite(samples).all():
        raise BackendError(
            tr(
                "GPT-SoVITS returned sound that is not finite: its weights may be damaged; try others, "
                "or restart it with is_half=False"
            )
        )
    if not samples.any():
        if rate_hz == _FAILURE_RATE_HZ and len(samples) == _FAILURE_RATE_HZ:
            raise BackendError(SILENT_FAILURE.en, zh=SILENT_FAILURE.zh)
        raise BackendError(
            tr(
                "GPT-SoVITS returned silence: its synthesis was stopped on its page, or half precision "
                "failed on this graphics card (restart it with is_half=False)"
            )
        )
    audio = trim_silence(Audio(samples, rate_hz))
    if audio.duration_s < _SHORTEST_S:
        raise BackendError(
            tr(
                "GPT-SoVITS returned no more than a click for this text: try another seed, clip or text"
            )
        )
    return audio


# --- inside ----------------------------------------------------------------------------------------


def _check_text(text: str) -> None:
    if not text:
        raise BackendError(tr("the text is empty: correct it, or leave the segment out"))
    if not any(character.isalnum() for character in text):
        raise BackendError(
            tr(
                "there is nothing to say in {text!r}: correct the text, or leave the segment out",
                text=text,
            )
        )


def _check_sampling(sampling: Sampling, version: str | None) -> None:
    if sampling.cut not in _CUTS:
        raise BackendError(
            tr(
                "the way of cutting a text is {cut!r}; cut0 (not at all) to cut5 was expected",
                cut=sampling.cut,
            )
        )
    if not sampling.speed > 0:
        raise BackendError(
            tr(
                "the speed is {speed:g}; more than 0 was expected, 1 is as it is",
                speed=sampling.speed,
            )
        )
    if sampling.super_sampling and version not in (None, "v3"):
        raise BackendError(
            tr(
                "super-sampling is for v3 models, and a {version} model is loaded: switch it off",
                version=version,
            )
        )


def _check_timbre(timbre: tuple[Path, ...], version: str | None, timbre_references: bool) -> None:
    if not takes_timbre(version):
        raise BackendError(
            tr(
                "{version} models take no timbre references ({timbre} given): leave them out, or load a "
                "v2 or v2Pro model",
                version=version,
                timbre=len(timbre),
            )
        )
    if not timbre_references:
        raise BackendError(
            tr(
                "this GPT-SoVITS is too old for timbre references ({timbre} given): leave them out, or "
                "update it (they came in August 2024)",
                timbre=len(timbre),
            )
        )
    for path in timbre:
        _check_readable(path)


def _check_readable(path: Path) -> None:
    try:
        probe_duration_s(path)
    except AudioError as error:
        # The host would leave it out and say nothing.
        raise BackendError(
            tr("a timbre reference cannot be used: {error}", error=of_error(error))
        ) from error


def _check_without_prompt(request: SynthesisRequest, version: str | None) -> None:
    if version in ("v3", "v4"):
        raise BackendError(
            tr(
                "{version} models need the text of the reference clip, and {path} has none: write down "
                "what is said in it, choose another clip, or load a v2 or v2Pro model",
                version=version,
                path=request.reference.path.name,
            )
        )


def _as_float(samples: np.ndarray) -> np.ndarray:
    samples = samples.reshape(-1)
    if np.issubdtype(samples.dtype, np.integer):
        return samples.astype(np.float32) / np.float32(_FULL_SCALE)
    return samples.astype(np.float32)
