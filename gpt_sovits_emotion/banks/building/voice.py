"""Open a voice's bank to judge that voice: by a head that it taught, or against what is known of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from gpt_sovits_emotion.audio import probe_duration_s
from gpt_sovits_emotion.banks.building.adaptation_sets import has_labels, plan_lesson
from gpt_sovits_emotion.banks.building.embeddings import embed_with_loaded
from gpt_sovits_emotion.banks.building.sources import RECORDING, Sources, find_sources
from gpt_sovits_emotion.banks.building.teaching import Taught, teach
from gpt_sovits_emotion.banks.building.voices import voice_statistics
from gpt_sovits_emotion.banks.library.sidecar import (
    content_of,
    is_unchanged,
    read_sidecar,
    sidecar_path,
)
from gpt_sovits_emotion.core.errors import AudioError
from gpt_sovits_emotion.core.progress import Progress, no_progress
from gpt_sovits_emotion.core.records import Sentence, SpeakerStatistics
from gpt_sovits_emotion.encoders.base import Encoder
from gpt_sovits_emotion.encoders.fused import FusedEncoder
from gpt_sovits_emotion.engines import Engines
from gpt_sovits_emotion.tagging import Analyser
from gpt_sovits_emotion.training.feature_cache import FeatureCache, feature_key
from gpt_sovits_emotion.training.versions import AS_IT_IS

__all__ = ["OpenedVoice", "open_heard_voice", "open_voice", "taught_by"]

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
    who: Literal["tagger", "judge"],
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
        BackendError: A lent encoder has run out of memory.
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
        note = Sentence(f"{taught.note.en}; {note.en}", f"{taught.note.zh}；{note.zh}")
    return OpenedVoice(engines, found.speaker, note, False)


def open_heard_voice(
    source: str | Path,
    engines: Engines,
    *,
    learn: bool | None = None,
    progress: Progress = no_progress,
) -> OpenedVoice | None:
    """Let a bank say what it knows of its voice to the judge; None where somebody else's will be heard.

    What is known of a voice fits only a host that clones it. Arguments and errors as for `open_voice`.
    """
    limits = engines.backend.limits
    if limits is None or not limits.clones_voice:
        return None
    return open_voice(source, engines, who="judge", learn=learn, progress=progress)


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
        BackendError: A lent encoder has run out of memory.
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
