"""The embedded backend: eSpeak NG speaks, with the prosody of the reference clip. No GPT-SoVITS, no clone.

eSpeak NG is driven by numbers, so the reference clip is measured and a rendering is brought to it: median
F0, F0 range, syllable rate and loudness, and, of the voice's quality, the long-term spectral balance and
how noisy the voice is. The first rendering is guessed from the numbers, measured with the same instrument
as the reference was, and corrected a few times; the best of these is returned. Words, formants and rhythm
stay eSpeak's own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gpt_sovits_emotion.audio import ANALYSIS_RATE_HZ, resample
from gpt_sovits_emotion.backends.base import BackendLimits, SynthesisRequest
from gpt_sovits_emotion.backends.espeak import RATE_LIMITS_WPM, Espeak, VoiceShape
from gpt_sovits_emotion.backends.shaping import (
    REFERENCE_S,
    SpectralBalance,
    harmonicity_db,
    limit_peaks,
    match_balance,
    read_reference,
    spectral_balance,
    trim_silence,
)
from gpt_sovits_emotion.core.errors import BackendError
from gpt_sovits_emotion.core.loaded_models import LoadedModels
from gpt_sovits_emotion.core.messages import tr
from gpt_sovits_emotion.core.records import Audio, Prosody

__all__ = ["EmbeddedBackend"]

_N_RENDERINGS = 6
_GOOD_ENOUGH = 0.4
_N_LIMITINGS = 3
_INAUDIBLE = 0.98  # 0.2 dB
_SHORTEST_S = 0.2

# eSpeak's own voice is far steadier and cleaner than a person's. Breath takes away a third of the distance
# (mean z-score of all functionals of the prosody encoder against genuine EmoDB: 2.0 without, 1.2 with 20
# units of it); waver and creak take a little more.
_FLUTTER, _ROUGHNESS, _BREATH = 6, 3, 15.0
_DEFAULT_F0_HZ, _DEFAULT_RANGE_ST, _DEFAULT_RATE_WPM = 100.0, 4.0, 175.0

_LOW_LIMITS_HZ = (50.0, 450.0)
_RANGE_LIMITS_ST = (0.5, 24.0)
_HIGHEST_HZ = 1000.0
# Where between bottom and top of eSpeak's pitch the median lies depends on language and sentence (0.5 to
# 0.9 was seen); it is read off the last rendering, within limits that an octave error cannot pass.
_MEDIAN_PLACE, _MEDIAN_PLACE_LIMITS = 0.7, (0.2, 1.1)
_BREATH_LIMITS = (0.0, 70.0)
_BREATH_PER_DB = 6.0  # measured: 6 units of breath take 1 dB of harmonicity
# A measured range beyond this holds octave errors of the pitch tracker, as in whispered or creaky clips.
_WIDEST_BELIEVED_ST = 18.0

# One unit of error when renderings are compared: about what a listener just notices.
_PITCH_UNIT_ST, _RANGE_UNIT_ST, _RATE_UNIT, _NOISE_UNIT_DB = 1.0, 2.0, 0.10, 1.5


@dataclass(frozen=True, slots=True)
class _Target:
    """What the reference clip measures, None where it has nothing to measure."""

    f0_median_hz: float | None
    f0_range_st: float | None
    rate_syl_per_s: float | None
    harmonicity_db: float | None


@dataclass(frozen=True, slots=True)
class _Plan:
    """What eSpeak is told: bottom and width of its pitch, its rate, its breath."""

    low_hz: float
    width_st: float
    rate_wpm: float
    breath: float


class EmbeddedBackend:
    """Speaks any of eSpeak NG's languages with the prosody of the reference clip.

    Args:
        measure: Measures the prosody of an `Audio` at 16 kHz; the same function that measured the
            reference, since the rendering is brought to that function's numbers.
    """

    id = "embedded"
    title = tr("eSpeak NG (a small formant synthesiser: not GPT-SoVITS, and no cloned voice)")
    provides = frozenset({"prosody"})
    voice_mark = None  # there is one voice

    def __init__(self, measure: Callable[[Audio], Prosody]) -> None:
        self._measure = measure

    @cached_property
    def _espeak(self) -> Espeak:
        return Espeak()

    @cached_property
    def limits(self) -> BackendLimits:
        """All of eSpeak NG's languages; reference clips as GPT-SoVITS takes them."""
        return BackendLimits(
            languages=self._espeak.codes(),
            reference_min_s=REFERENCE_S[0],
            reference_max_s=REFERENCE_S[1],
            timbre_references=False,
            sampling_rate_hz=self._espeak.sampling_rate_hz,
            clones_voice=False,
        )

    def provide(self, family: str) -> Iterator[LoadedModels]:
        """Provide nothing but what needs no modules.

        Raises:
            BackendError: Another family than ``prosody`` was asked for.
        """
        if family not in self.provides:
            raise BackendError(
                tr(
                    "{family} needs the models of GPT-SoVITS, and this runs without: use it inside the "
                    "WebUI, name a checkout (--checkout), or choose a head that reads prosody",
                    family=family,
                )
            )
        return iter(())

    def synthesise(self, request: SynthesisRequest) -> Audio:
        """Say the text with the reference's pitch, range, rate, loudness, balance and noise.

        What the reference has nothing to measure of is left at a middle setting.

        Raises:
            BackendError: The language is unknown to eSpeak NG, the text has nothing to say, or the
                reference clip cannot be read or has a length outside 3 to 10 s.
        """
        reference = read_reference(request.reference)
        balance = spectral_balance(reference)
        target = _target(request.reference_prosody, reference)
        plan = _first_plan(target)
        best: tuple[Audio, Prosody] | None = None
        best_error = math.inf
        for _ in range(_N_RENDERINGS):
            try:
                audio, heard = self._render(request, plan, balance)
            except BackendError:
                # The pace of one short word is hardly measured, and the search ends in a click.
                if best is None:
                    raise
                break
            prosody = self._measure(heard)
            have = _target(prosody, heard)
            error = _error(have, target)
            if best is None or error < best_error:
                best, best_error = (audio, prosody), error
            if best_error < _GOOD_ENOUGH:
                break
            plan = _corrected(plan, have, target)
        assert best is not None  # the first rendering is always kept
        return _at_loudness(*best, request.reference_prosody.loudness_dbfs)

    def _render(
        self, request: SynthesisRequest, plan: _Plan, balance: SpectralBalance
    ) -> tuple[Audio, Audio]:
        """Return the rendering at eSpeak's rate, and the same at the analysis rate."""
        shape = VoiceShape(
            low_hz=plan.low_hz,
            high_hz=min(plan.low_hz * 2 ** (plan.width_st / 12), _HIGHEST_HZ),
            formant_scale=_formant_scale(request.voice_f0_hz),
            flutter=_FLUTTER,
            roughness=_ROUGHNESS,
            breath=round(plan.breath),
        )
        samples, rate_hz = self._espeak.say(
            request.text,
            language=request.language,
            variant=shape,
            rate_wpm=round(plan.rate_wpm),
            seed=request.seed,
        )
        audio = trim_silence(Audio(samples, rate_hz))
        if audio.duration_s < _SHORTEST_S:
            raise BackendError(
                tr(
                    "eSpeak NG has nothing to say for {text!r} in {language!r}: correct the text of the "
                    "segment, or leave the segment out",
                    text=request.text,
                    language=request.language,
                )
            )
        audio = match_balance(audio, have=spectral_balance(audio), want=balance)
        return audio, resample(audio, ANALYSIS_RATE_HZ)


def _formant_scale(voice_f0_hz: float | None) -> float:
    """Return the factor on eSpeak's formants for a speaker of this pitch; 1 (a man's) when unknown.

    Women's formants lie about 16 % above men's and their F0 three quarters of an octave (Peterson &
    Barney 1952, "Control methods used in a study of the vowels", JASA 24); between and beyond, the same
    slope, held to what still sounds like a grown speaker.
    """
    if voice_f0_hz is None:
        return 1.0
    return _held(1.16 ** (math.log2(voice_f0_hz / 130.0) / 0.75), (0.94, 1.2))


# --- the search for eSpeak's settings --------------------------------------------------------------


def _target(prosody: Prosody, audio: Audio) -> _Target:
    width_st = prosody.f0_range_st
    return _Target(
        prosody.f0_median_hz,
        None if width_st is None else min(width_st, _WIDEST_BELIEVED_ST),
        prosody.rate_syl_per_s,
        harmonicity_db(audio),
    )


def _first_plan(target: _Target) -> _Plan:
    width_st = _DEFAULT_RANGE_ST if target.f0_range_st is None else target.f0_range_st
    median_hz = target.f0_median_hz or _DEFAULT_F0_HZ
    low_hz = _bottom(median_hz, width_st, _MEDIAN_PLACE)
    return _within_limits(_Plan(low_hz, width_st, _DEFAULT_RATE_WPM, _BREATH))


def _corrected(plan: _Plan, have: _Target, target: _Target) -> _Plan:
    """Move each setting by what is missing; each is nearly proportional to its effect."""
    width_st, low_hz, rate_wpm, breath = plan.width_st, plan.low_hz, plan.rate_wpm, plan.breath
    if have.f0_range_st and target.f0_range_st:
        width_st *= _bounded(target.f0_range_st / have.f0_range_st, 1.6)
        width_st = _held(width_st, _RANGE_LIMITS_ST)
    if have.f0_median_hz and target.f0_median_hz:
        above_low_st = 12 * math.log2(have.f0_median_hz / plan.low_hz)
        if plan.width_st > 2.0:
            place = _held(above_low_st / plan.width_st, _MEDIAN_PLACE_LIMITS)
            # Where eSpeak goes no lower, a deep voice keeps its pitch and gives up some of its range.
            deepest_st = max(12 * math.log2(target.f0_median_hz / _LOW_LIMITS_HZ[0]), 0.0)
            width_st = min(width_st, deepest_st / place)
            low_hz = _bottom(target.f0_median_hz, width_st, place)
        else:
            low_hz *= _bounded(target.f0_median_hz / have.f0_median_hz, 2**0.5)
    if have.rate_syl_per_s and target.rate_syl_per_s:
        rate_wpm *= _bounded(target.rate_syl_per_s / have.rate_syl_per_s, 1.5)
    if have.harmonicity_db is not None and target.harmonicity_db is not None:
        breath += _BREATH_PER_DB * _held(have.harmonicity_db - target.harmonicity_db, (-3.0, 3.0))
    return _within_limits(_Plan(low_hz, width_st, rate_wpm, breath))


def _bottom(median_hz: float, width_st: float, place: float) -> float:
    """Return where a range of this width begins for its median to lie at `median_hz`."""
    return float(median_hz * 2 ** (-place * width_st / 12))


def _within_limits(plan: _Plan) -> _Plan:
    slowest_wpm, fastest_wpm = RATE_LIMITS_WPM
    return _Plan(
        _held(plan.low_hz, _LOW_LIMITS_HZ),
        _held(plan.width_st, _RANGE_LIMITS_ST),
        _held(plan.rate_wpm, (float(slowest_wpm), float(fastest_wpm))),
        _held(plan.breath, _BREATH_LIMITS),
    )


def _held(value: float, limits: tuple[float, float]) -> float:
    return min(max(value, limits[0]), limits[1])


def _bounded(ratio: float, most: float) -> float:
    return _held(ratio, (1 / most, most))


def _error(have: _Target, target: _Target) -> float:
    """Return how far a rendering is from its target, in just noticeable steps; 0 is a full match."""
    error = 0.0
    if have.f0_median_hz and target.f0_median_hz:
        error += abs(12 * math.log2(have.f0_median_hz / target.f0_median_hz)) / _PITCH_UNIT_ST
    if have.f0_range_st is not None and target.f0_range_st is not None:
        error += abs(have.f0_range_st - target.f0_range_st) / _RANGE_UNIT_ST
    if have.rate_syl_per_s and target.rate_syl_per_s:
        error += abs(math.log(have.rate_syl_per_s / target.rate_syl_per_s)) / _RATE_UNIT
    if have.harmonicity_db is not None and target.harmonicity_db is not None:
        error += abs(have.harmonicity_db - target.harmonicity_db) / _NOISE_UNIT_DB
    return error


def _at_loudness(audio: Audio, have: Prosody, target_dbfs: float | None) -> Audio:
    if have.loudness_dbfs is None or target_dbfs is None:
        return limit_peaks(audio)
    gain = float(10 ** ((target_dbfs - have.loudness_dbfs) / 20))
    for _ in range(_N_LIMITINGS):
        limited = limit_peaks(Audio(audio.samples * gain, audio.sampling_rate_hz))
        # What limiting took away is given back, as far as the peaks let it.
        taken = float(np.linalg.norm(limited.samples) / np.linalg.norm(audio.samples * gain))
        if taken > _INAUDIBLE:
            break
        gain /= taken
    return limited
