"""A freshly trained head as a folder: its card, its figures, and putting it into place whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from gpt_sovits_emotion import __version__
from gpt_sovits_emotion.audio import read_clip
from gpt_sovits_emotion.core.errors import EmotionError, HeadError
from gpt_sovits_emotion.core.files import write_bytes
from gpt_sovits_emotion.core.messages import tr
from gpt_sovits_emotion.core.records import Sentence
from gpt_sovits_emotion.encoders.base import Encoder
from gpt_sovits_emotion.encoders.prosody import ProsodyEncoder
from gpt_sovits_emotion.heads.card import MODES, EncoderSpec, HeadCard, Result, is_head_id
from gpt_sovits_emotion.heads.check import check_head
from gpt_sovits_emotion.heads.files import save_head
from gpt_sovits_emotion.heads.folder import head_folders, list_heads
from gpt_sovits_emotion.heads.install import claimed, put_into_place, staging
from gpt_sovits_emotion.training.adapt import choose_replay
from gpt_sovits_emotion.training.corpora import Clip, Corpus
from gpt_sovits_emotion.training.dataset import LabelledEmbeddings
from gpt_sovits_emotion.training.fit import FittedHead
from gpt_sovits_emotion.training.folds import speaker_folds
from gpt_sovits_emotion.training.held_out import HeldOut, calibrate, score, score_k_shot
from gpt_sovits_emotion.training.recipes import TrainingPlan
from gpt_sovits_emotion.training.unseen_corpora import (
    UnseenCalibration,
)

__all__ = [
    "K_SHOTS",
    "MOST_FOLDS",
    "card_results",
    "check_id",
    "encoder_spec",
    "free_id",
    "install_head",
    "licence_of",
    "measure_baseline",
    "reserved",
    "results_of",
    "title_of",
]

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
    return tr("{encoder_id}, trained on {names}", encoder_id=encoder_id, names=names)


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
    k_shots: Sequence[int] = (),
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
            for count in k_shots:
                uar, _ = score_k_shot(held_out, count=count)
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
    for of_corpus in of_speaker.values():
        step = max(1, len(of_corpus) // _CLIPS_PER_SPEAKER)
        measured = [_prosody(clip, tracker) for clip in of_corpus[::step][:_CLIPS_PER_SPEAKER]]
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


def card_results(
    corpora: Sequence[Corpus],
    data: LabelledEmbeddings,
    held_out: HeldOut,
    unseen: UnseenCalibration | None,
    calibrate_on: Sequence[Corpus],
) -> tuple[Result, ...]:
    """Return the lines of the card: all speakers held out, those of each corpus, and each corpus held out."""
    train_only = tuple(one.name for one in corpora if one.train_only)
    n_folds = len(speaker_folds(data, at_most=MOST_FOLDS, never_tested=train_only))
    tested = np.unique(data.speakers[~np.isin(data.corpora, train_only)])
    protocol = "loso" if n_folds == len(tested) else f"loso in {n_folds} groups of speakers"
    by_name = {one.name: one.info.id for one in corpora}
    together = "+".join(one.info.id for one in corpora if not one.train_only)
    found = list(results_of(held_out, corpus_name=together, protocol=protocol, k_shots=K_SHOTS))
    if unseen is None:
        return tuple(found)
    corpus_of = dict(zip(data.speakers.tolist(), data.corpora.tolist(), strict=True))
    tested_corpora = np.array([corpus_of[who] for who in held_out.speakers.tolist()])
    for name in dict.fromkeys(tested_corpora.tolist()):
        if len(set(tested_corpora.tolist())) > 1:
            of_corpus = held_out.select(tested_corpora == name)
            found += results_of(
                of_corpus, corpus_name=by_name[name], protocol=protocol, k_shots=K_SHOTS
            )
    by_name.update({one.name: one.info.id for one in calibrate_on})
    for name, left_out in unseen.tested.items():
        trained_on = [one.info.id for one in corpora if one.name != name]
        calibration = unseen.without(name)
        notes = (f"trained on {' + '.join(trained_on)}", *unseen.notes(name, calibration))
        of_others = results_of(
            left_out,
            corpus_name=by_name[name],
            protocol="cross",
            temperature=calibration.temperature,
        )
        found += [
            replace(result, note="; ".join(filter(None, (result.note, *notes))))
            for result in of_others
        ]
    return tuple(found)


K_SHOTS = (5, 10, 20)
"""From how many unlabelled clips of a speaker the speaker mode is measured, besides all of them."""

MOST_FOLDS = 12
"""With more speakers than this they are held out in groups: the time of a fit counts."""


_MIN_DURATION_S = 0.6
_LEAST_SEGMENTS_MOVING = 2  # a mean that moves needs no more than another segment


UNFINISHED = tr("Its fit was stopped before the end, so it hears less well than its figures say.")


def replay_rows(data: LabelledEmbeddings, fitted: FittedHead) -> bytes:
    """Return the training rows that the head keeps for being fitted to a speaker later."""
    return choose_replay(
        data,
        fitted.statistics,
        fitted.classes,
        clip_z=fitted.recipe.clip_z,
        prior_segments=fitted.recipe.prior_segments,
    ).to_bytes()


def head_card(
    plan: TrainingPlan,
    corpora: Sequence[Corpus],
    corpus: Corpus,
    encoder: Encoder,
    data: LabelledEmbeddings,
    fitted: FittedHead,
    held_out: HeldOut,
    compared: Mapping[str, Any],
    unseen: UnseenCalibration | None,
) -> HeadCard:
    modes = [mode for mode in MODES if mode in fitted.members]
    if unseen is None:
        calibration = {mode: calibrate(held_out, mode=mode) for mode in modes}
        temperature = {mode: pair[0] for mode, pair in calibration.items()}
        threshold = {mode: pair[1] for mode, pair in calibration.items()}
    else:
        temperature = dict(unseen.fitted.temperature)
        threshold = dict(unseen.fitted.threshold)
    return HeadCard(
        id=plan.head_id,
        title=plan.title or title_of(encoder.id, corpora),
        labels=fitted.classes,
        encoder=encoder_spec(encoder),
        licence=plan.licence or licence_of(corpora),
        clip_z=fitted.recipe.clip_z,
        min_duration_s=_MIN_DURATION_S,
        min_speaker_segments=min(K_SHOTS) if unseen is None else _LEAST_SEGMENTS_MOVING,
        prior_segments=fitted.recipe.prior_segments,
        temperature={mode: round(value, 4) for mode, value in temperature.items()},
        threshold=threshold,
        baseline=measure_baseline(corpus.clips),
        corpora=tuple(one.credit() for one in corpora),
        recipe={
            **fitted.recipe.to_dict(),
            "copies": ", ".join(data.copies),
            **({"several encoders": dict(compared)} if compared else {}),
            **({"command": plan.command} if plan.command else {}),
            "made with": f"gpt-sovits-emotion {__version__}",
        },
        results=card_results(corpora, data, held_out, unseen, plan.calibrate_on),
        layer_weights=fitted.layer_weights or {},
        note=_both(plan.note, UNFINISHED) if fitted.stopped else plan.note,
        moving=None if unseen is None else unseen.fitted.moving,
        farthest=None if unseen is None else unseen.farthest,
        calibrated_on=None if unseen is None else unseen.source,
    )


def _both(note: Sentence | None, more: Sentence) -> Sentence:
    if note is None:
        return more
    return Sentence(f"{note.en} {more.en}", f"{note.zh}{more.zh}")


def check_id(head_id: str) -> str:
    """Return `head_id` if a head may be called that. Raises `HeadError` if not."""
    if not is_head_id(head_id):
        raise HeadError(
            tr(
                "{head_id!r} cannot be the id of a head: small letters, digits and single hyphens, such "
                "as prosody-mine",
                head_id=head_id,
            )
        )
    return head_id


def free_id(wanted: str, heads_dir: Path) -> str:
    """Return `wanted`, or with the first number from 2 on that no head of any folder has."""
    taken = {entry.id for entry in list_heads(head_folders([heads_dir]))}
    candidates = (wanted, *(f"{wanted}-{number}" for number in range(2, len(taken) + 3)))
    return next(candidate for candidate in candidates if candidate not in taken)


@contextmanager
def reserved(heads_dir: Path, head_id: str, *, replace: bool) -> Iterator[Path]:
    """Reserve the place of a head while it is being trained; yield the folder it will be.

    Args:
        heads_dir: Folder of heads; made if missing.
        head_id: See `check_id`.
        replace: Whether a head that is there already may be replaced, at the very end.

    Raises:
        HeadError: A head of this id is there already, here or in another folder of heads, or another
            training is making one.
        OutputError: The folder cannot be written.
    """
    folder = heads_dir / check_id(head_id)
    for entry in list_heads(head_folders([heads_dir])):
        if entry.id == head_id and entry.path.resolve() != folder.resolve():
            raise HeadError(
                tr(
                    "a head {head_id!r} lies in {path} already, and two of one id cannot be told apart; "
                    "choose another id",
                    head_id=head_id,
                    path=entry.path,
                )
            )
    if folder.exists() and not replace:
        raise HeadError(
            tr(
                "{folder} is there already; choose another id, remove it (heads remove {head_id}) or "
                "allow it to be replaced (--replace)",
                folder=folder,
                head_id=head_id,
            )
        )
    with claimed(heads_dir, head_id):
        yield folder


def install_head(
    folder: Path,
    card: HeadCard,
    tensors: Mapping[str, np.ndarray],
    *,
    beside: Mapping[str, bytes] | None = None,
) -> tuple[Sentence, ...]:
    """Write a head beside its place, check it, and move it there.

    Args:
        folder: The head's folder; what is there is replaced.
        card: The card.
        tensors: See `heads.save_head`.
        beside: Further files of the folder: name -> content.

    Returns:
        The remarks of `check_head`.

    Raises:
        HeadError: The head does not keep its contract.
        OutputError: It cannot be written; what was there before is as it was.
    """
    with staging(folder.parent) as work:
        ready = work / folder.name
        save_head(ready, card, tensors)
        for name, content in (beside or {}).items():
            write_bytes(ready / name, content)
        remarks = check_head(ready)
        put_into_place(ready, folder, work)
    return remarks
