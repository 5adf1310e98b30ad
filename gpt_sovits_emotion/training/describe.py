"""The card of a freshly trained head: where it comes from, what it expects, what was measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from gpt_sovits_emotion.audio import read_clip
from gpt_sovits_emotion.core.errors import EmotionError
from gpt_sovits_emotion.core.records import Sentence
from gpt_sovits_emotion.encoders.base import Encoder
from gpt_sovits_emotion.encoders.prosody import ProsodyEncoder
from gpt_sovits_emotion.heads.card import MODES, EncoderSpec, Result
from gpt_sovits_emotion.training.corpora import Clip, Corpus
from gpt_sovits_emotion.training.scoring import HeldOut, score, score_few

__all__ = ["encoder_spec", "licence_of", "measure_baseline", "results_of", "title_of"]

_POOLING = {
    "prosody": "functionals over the frames of a segment",
    "sovits.style": "the style vector itself",
}
_CLIPS_PER_SPEAKER = 20  # medians of more change in the second decimal


def encoder_spec(encoder: Encoder) -> EncoderSpec:
    """Return what a card says of its encoder."""
    families = [part.partition(":")[0] for part in encoder.id.split("+")]
    return EncoderSpec(
        id=encoder.id,
        dim=encoder.dim,
        fingerprint=encoder.fingerprint,
        sampling_rate_hz=encoder.sampling_rate_hz,
        pooling="; ".join(
            _POOLING.get(family, "mean and standard deviation over the frames")
            for family in families
        ),
    )


def title_of(encoder_id: str, corpora: Sequence[Corpus]) -> Sentence:
    """Return a head's name for people."""
    names = ", ".join(corpus.info.title for corpus in corpora)
    return Sentence(f"{encoder_id}, trained on {names}", f"{encoder_id}，{names} 训练")


def licence_of(corpora: Sequence[Corpus]) -> str:
    """Return the licence of a head: everything that its corpora ask for.

    A head trained on a corpus for non-commercial use is for non-commercial use.
    """
    terms = "; ".join(
        dict.fromkeys(f"{corpus.info.title}: {corpus.info.licence}" for corpus in corpora)
    )
    if any(corpus.info.non_commercial for corpus in corpora):
        return f"for non-commercial use only ({terms})"
    return terms


def results_of(
    held_out: HeldOut,
    *,
    corpus_name: str,
    protocol: str,
    few_counts: Sequence[int] = (),
    temperature: Mapping[str, float] | None = None,
) -> tuple[Result, ...]:
    """Return the lines of a card for held-out predictions, one per mode; see `score` on the temperature."""
    results = []
    for mode in MODES:
        if mode not in held_out.logits:
            continue
        notes = []
        if mode == "speaker":
            notes.append("statistics from all clips of the test speaker, without labels")
            for count in few_counts:
                uar, _ = score_few(held_out, count=count)
                notes.append(f"from {count} clips UAR {100 * uar:.1f}")
        if not held_out.is_complete:
            notes.append("stopped early: not all speakers were tested")
        results.append(
            score(
                held_out, mode=mode, temperature=None if temperature is None else temperature[mode]
            ).to_result(
                protocol=protocol, corpus=corpus_name, normalisation=mode, note="; ".join(notes)
            )
        )
    return tuple(results)


def measure_baseline(clips: Sequence[Clip]) -> Mapping[str, float]:
    """Return the median over speakers of each speaker's median syllable rate and F0 range.

    Args:
        clips: Clips of all speakers; up to 20 of each, evenly spread, are measured.
    """
    tracker = ProsodyEncoder()
    of_speaker: dict[str, list[Clip]] = {}
    for clip in clips:
        of_speaker.setdefault(clip.speaker, []).append(clip)
    rates: list[float] = []
    ranges: list[float] = []
    for own in of_speaker.values():
        step = max(1, len(own) // _CLIPS_PER_SPEAKER)
        measured = [_prosody(clip, tracker) for clip in own[::step][:_CLIPS_PER_SPEAKER]]
        known = [pair for pair in measured if pair is not None]
        if known:
            rates.append(float(np.median([rate for rate, _ in known])))
            ranges.append(float(np.median([span for _, span in known])))
    if not rates:
        return {}
    return {
        "rate_syl_per_s": round(float(np.median(rates)), 2),
        "f0_range_st": round(float(np.median(ranges)), 2),
    }


def _prosody(clip: Clip, tracker: ProsodyEncoder) -> tuple[float, float] | None:
    try:
        audio = read_clip(clip.path)
        prosody = tracker.summarise(tracker.tracks(audio), duration_s=audio.duration_s)
    except EmotionError:
        return None  # that it cannot be read was said when its features were computed
    if prosody.rate_syl_per_s is None or prosody.f0_range_st is None:
        return None
    return prosody.rate_syl_per_s, prosody.f0_range_st
