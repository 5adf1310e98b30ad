"""A voice's bank, opened to judge that voice: by what it taught, or against what is known; and its pins."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from gpt_sovits_emotion.audio import probe_duration_s
from gpt_sovits_emotion.banks.building.adaptation_sets import has_labels, plan_lesson
from gpt_sovits_emotion.banks.building.embeddings import embed_with_loaded
from gpt_sovits_emotion.banks.building.sources import RECORDING, Sources, find_sources
from gpt_sovits_emotion.banks.building.teaching import Taught, teach
from gpt_sovits_emotion.banks.library.sidecar import (
    content_of,
    is_unchanged,
    read_sidecar,
    sidecar_path,
    statistics_of,
)
from gpt_sovits_emotion.banks.library.tagged_text import labels_of_bank
from gpt_sovits_emotion.core.errors import AudioError, ReferenceBankError
from gpt_sovits_emotion.core.labels import EMOTIONS, display_name, slot_label
from gpt_sovits_emotion.core.messages import in_both, of_count, tr
from gpt_sovits_emotion.core.progress import Progress, no_progress
from gpt_sovits_emotion.core.records import ReferenceBank, Sentence, SpeakerStatistics
from gpt_sovits_emotion.encoders.base import Encoder
from gpt_sovits_emotion.encoders.feature_cache import FeatureCache, feature_key
from gpt_sovits_emotion.encoders.fused import FusedEncoder
from gpt_sovits_emotion.engines import Engines
from gpt_sovits_emotion.heads.profiles import head_digest
from gpt_sovits_emotion.tagging import Analyser
from gpt_sovits_emotion.training.augmentation import AS_IT_IS

__all__ = [
    "OpenedVoice",
    "VoiceStatistics",
    "clip_named",
    "open_heard_voice",
    "open_voice",
    "taught_by",
    "voice_statistics",
    "with_pins",
]

_LONGEST_S = 60.0  # one verdict over minutes would be none


@dataclass(frozen=True, slots=True, eq=False)
class OpenedVoice:
    """Who judges a voice, and against what.

    Attributes:
        engines: With the head fitted to the voice, where its bank taught it.
        speaker: The voice's statistics for that head; None where nothing is known.
        note: What was done, or why nothing was.
        taught: Whether the bank taught the head.
    """

    engines: Engines
    speaker: SpeakerStatistics | None
    note: Sentence
    taught: bool


def open_voice(
    source: str | Path,
    engines: Engines,
    *,
    who: Literal["tagger", "verifier"],
    learn: bool | None = None,
    progress: Progress = no_progress,
) -> OpenedVoice:
    """Let a bank say what it knows of its voice.

    Where enough of its clips carry a person's own labels they fit the head to the voice, at once or some time
    before; else the statistics that were kept when it was built are taken.

    Args:
        source: The bank, as it is named for `banks.load_bank`.
        engines: The heads; they are not changed.
        who: Which of them is to judge this voice.
        learn: Whether the bank may teach; None for what its sidecar remembers.
        progress: Told of each clip that is listened to.

    Raises:
        ReferenceBankError: It is no bank, or its sidecar is damaged or of a newer version.
        BackendError: A provided encoder has run out of memory.
    """
    analyser = engines.analyser if who == "tagger" else engines.verifier
    taught = taught_by(source, analyser, engines, learn=learn, progress=progress)
    if taught is not None and taught.profile is not None:
        if who == "tagger":
            fitted = engines.for_speaker(taught.profile)
            return OpenedVoice(fitted, fitted.speaker, taught.note, True)
        fitted, speaker = engines.verifier_for(taught.profile)
        return OpenedVoice(fitted, speaker, taught.note, True)
    found = voice_statistics(source, analyser)
    note = found.note
    if taught is not None:
        note = tr("{note}; {note_2}", note=taught.note, note_2=note)
    return OpenedVoice(engines, found.speaker, note, False)


def open_heard_voice(
    source: str | Path,
    engines: Engines,
    *,
    learn: bool | None = None,
    progress: Progress = no_progress,
) -> OpenedVoice | None:
    """Let a bank say what it knows of its voice to the judge; None where somebody else's will be heard.

    What is known of a voice fits only a backend that clones it. Arguments and errors as for `open_voice`.
    """
    limits = engines.backend.limits
    if limits is None or not limits.clones_voice:
        return None
    return open_voice(source, engines, who="verifier", learn=learn, progress=progress)


def taught_by(
    source: str | Path,
    analyser: Analyser,
    engines: Engines,
    *,
    learn: bool | None = None,
    progress: Progress = no_progress,
) -> Taught | None:
    """Let a bank teach a head; None where none of its clips carries a person's label that the head knows.

    Raises:
        ReferenceBankError: It is no bank, or its sidecar is damaged or of a newer version.
        BackendError: A provided encoder has run out of memory.
    """
    sources = find_sources(source)
    head = analyser.head
    if sources.layout == RECORDING or not has_labels(sources, head):
        return None
    lesson = plan_lesson(sources, _contents(sources), head, allowed=learn)

    def embed(paths: Mapping[str, Path]) -> dict[str, np.ndarray]:
        with FeatureCache() as cache:
            return _embedded(paths, analyser, cache, progress)

    return teach(lesson, head, folders=engines.folders, embed=embed)


# --- inside ----------------------------------------------------------------------------------------


def _contents(sources: Sources) -> dict[Path, str]:
    """Return the SHA-256 of every clip that can be read; one that was heard and not changed is not read."""
    beside = sidecar_path(sources.path)
    known = read_sidecar(beside).contents if beside.is_file() else {}
    contents: dict[Path, str] = {}
    for clip in sources.clips:
        if clip.problem is not None or clip.path in contents:
            continue
        try:
            before = known.get(clip.path)
            if before is not None and is_unchanged(clip.path, before):
                contents[clip.path] = before.sha256
            else:
                contents[clip.path] = content_of(clip.path).sha256
        except OSError:
            continue  # gone or unreadable: loading the bank has told of it
    return contents


def _embedded(
    paths: Mapping[str, Path], analyser: Analyser, cache: FeatureCache, progress: Progress
) -> dict[str, np.ndarray]:
    """Embed the clips that a head may judge. SHA-256 -> ``(dim,)``, of those that could be read."""
    least_s = analyser.head.card.min_duration_s
    fit = {sha256: path for sha256, path in paths.items() if _lasts(path, least_s)}
    encoder = analyser.encoder
    parts = encoder.parts if isinstance(encoder, FusedEncoder) else (encoder,)
    tables = [_of_part(fit, part, cache, progress) for part in parts]
    return {
        sha256: np.concatenate([table[sha256] for table in tables])
        for sha256 in fit
        if all(sha256 in table for table in tables)
    }


def _lasts(path: Path, least_s: float) -> bool:
    try:
        return least_s <= probe_duration_s(path) <= _LONGEST_S
    except AudioError:
        return False


def _of_part(
    paths: Mapping[str, Path], encoder: Encoder, cache: FeatureCache, progress: Progress
) -> dict[str, np.ndarray]:
    keys = {
        sha256: feature_key(
            bytes.fromhex(sha256),
            encoder_id=encoder.id,
            fingerprint=encoder.fingerprint,
            alteration=AS_IT_IS.spelled,
        )
        for sha256 in paths
    }
    kept = cache.find(keys.values(), dim=encoder.dim)
    rows = {sha256: kept[key] for sha256, key in keys.items() if key in kept}
    missing = {sha256: path for sha256, path in paths.items() if sha256 not in rows}

    def told(n_done: int, name: str) -> None:
        progress(n_done / max(len(missing), 1), f"listening to the voice's clips: {name}")

    for sha256, answer in embed_with_loaded(missing, encoder, told=told):
        if isinstance(answer, np.ndarray):
            rows[sha256] = np.asarray(answer, np.float32)
            cache.keep({keys[sha256]: rows[sha256]})
    return rows


@dataclass(frozen=True, slots=True, eq=False)
class VoiceStatistics:
    """Statistics of a bank's voice for one head; None with the reason where there are none for it."""

    speaker: SpeakerStatistics | None
    note: Sentence


def voice_statistics(source: str | Path, analyser: Analyser) -> VoiceStatistics:
    """Return the speaker statistics that were kept when a bank was built, for a head that may use them.

    Statistics belong to one head on one encoder: those of another lie in another space.

    Args:
        source: The bank, as it is named for `banks.load_bank`.
        analyser: The head, with its encoder as it is provided now.

    Raises:
        ReferenceBankError: The bank's sidecar is damaged, or of a newer version.
    """
    path = sidecar_path(source)
    if not path.is_file():
        return VoiceStatistics(
            None,
            tr("the bank has not been built (refs build), so nothing is known of its voice"),
        )
    sidecar = read_sidecar(path)
    head = analyser.head
    speaker = statistics_of(sidecar, head_digest=head_digest(head))
    fits = sidecar.encoder_fingerprint in ("", analyser.encoder.fingerprint)
    if speaker is not None and fits and len(speaker.mean) == analyser.encoder.dim:
        return VoiceStatistics(
            speaker,
            tr(
                "statistics of the voice from {n_segments} of its bank",
                n_segments=of_count(speaker.n_segments, "clip"),
            ),
        )
    if sidecar.speaker is None:
        return VoiceStatistics(
            None,
            tr("the bank was built without statistics of its voice (too few clips, or all alike)"),
        )
    return VoiceStatistics(
        None,
        tr(
            "the bank was built with another head ({head_id}), or with other weights: its statistics do "
            "not fit {card}; build it again to use them",
            head_id=sidecar.head_id,
            card=head.card.id,
        ),
    )


def with_pins(
    bank: ReferenceBank, pins: Mapping[str, str], *, known: Collection[str] | None = None
) -> ReferenceBank:
    """Return a bank with further pins for this time; what is kept beside the bank stays as it is.

    Args:
        bank: The voice.
        pins: Emotion -> clip, as `clip_named` finds it.
        known: Labels that can be wanted, in canonical form, beside the canonical ones and the bank's own:
            those of the heads and of the texts. Any label can be when None.

    Raises:
        ReferenceBankError: A clip is not in the bank, or cannot be used; or nothing is ever said in an
            emotion that is pinned.
    """
    if not pins:
        return bank
    labels = None if known is None else {*EMOTIONS, *labels_of_bank(bank), *known}
    added = {}
    for emotion, name in pins.items():
        label = slot_label(emotion)
        if labels is not None and label and label not in labels:
            raise _unknown_emotion(emotion, labels)
        added[label] = clip_named(bank, name)
    return replace(bank, pins={**bank.pins, **added})


def _unknown_emotion(emotion: str, labels: Collection[str]) -> ReferenceBankError:
    # By what a person may have written: canonical labels, and their Chinese names.
    named = {name: label for label in labels for name in (label, display_name(label, "zh"))}
    near = difflib.get_close_matches(emotion.strip().casefold(), sorted(named), n=3)
    labels_near = list(dict.fromkeys(named[name] for name in near)) or sorted(labels)
    shown = ", ".join(labels_near)
    shown_zh = "、".join(display_name(label, "zh") for label in labels_near)
    return ReferenceBankError(
        tr(
            "no clip can be pinned for {emotion!r}: neither the voice, nor the head, nor the text knows "
            "it; {words} {shown}",
            emotion=emotion,
            words=in_both(
                "near ones are" if near else "known are", "相近的有" if near else "已知的有"
            ),
            shown=in_both(shown, shown_zh),
        )
    )


def clip_named(bank: ReferenceBank, name: str) -> Path:
    """Return the path of a usable clip by its path, its path within the bank, or its file name.

    Raises:
        ReferenceBankError: No clip or several are called so, or the clip cannot be used.
    """
    wanted = Path(name).expanduser()
    places = (wanted, wanted.absolute(), bank.root / wanted)
    found = [clip for clip in bank.clips if clip.path in places]
    if not found:
        found = [clip for clip in bank.clips if clip.path.name == name]
    if len(found) != 1:
        many = f"{len(found)} clips" if found else "no clip"
        many_zh = f"有 {len(found)} 个片段叫" if found else "没有片段叫"
        raise ReferenceBankError(
            tr(
                "the bank {root} has {many} called {name!r}: give its path within the bank (refs list "
                "shows it)",
                root=bank.root,
                name=name,
                many=in_both(many, many_zh),
            )
        )
    problem = found[0].problem
    if problem is not None:
        raise ReferenceBankError(
            tr(
                "the clip {path} cannot be pinned: {problem}",
                path=found[0].path.name,
                problem=problem,
            )
        )
    return found[0].path
