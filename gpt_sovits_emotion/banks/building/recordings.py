"""A long recording as clips: cut at its pauses into files that a backend takes as references."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gpt_sovits_emotion.audio import Recording, open_recording, write_wav
from gpt_sovits_emotion.banks import REFERENCE_MAX_S, REFERENCE_MIN_S
from gpt_sovits_emotion.banks.library.sidecar import content_of
from gpt_sovits_emotion.core.errors import ReferenceBankError
from gpt_sovits_emotion.core.files import write_text
from gpt_sovits_emotion.core.messages import of_count, tr
from gpt_sovits_emotion.core.progress import Progress, no_progress, part_of
from gpt_sovits_emotion.core.records import Segment, Sentence
from gpt_sovits_emotion.core.unreadable import unreadable
from gpt_sovits_emotion.transcription import segment_speech

__all__ = ["CUTS_NAME", "Cutting", "cut_recording", "cutting_folder", "stretches_of"]

CUTS_NAME = "gpt_sovits_emotion.cuts.json"
"""What was cut out of which recording; beside the clips."""

_RATE_HZ = 32_000  # what GPT-SoVITS listens at
_LONGEST_PIECE_S = 9.0  # leaves room for what joins it
_JOINING_PAUSE_S = 1.5  # within one clip nobody is silent for longer
_WIDEST_MARGIN_S = 1.0  # of silence, at each side of what is too short
_CUTS_VERSION = 1


@dataclass(frozen=True, slots=True)
class Cutting:
    """What came of a recording.

    Attributes:
        folder: Where the clips lie.
        note: How many there are, and how much was left out for being too short.
    """

    folder: Path
    note: Sentence


def cutting_folder(recording: Path, to: Path | None) -> Path:
    """Return the folder that a recording's clips go to: ``<name>.bank`` beside it, where none is named."""
    return to if to is not None else recording.with_name(f"{recording.stem}.bank")


def cut_recording(
    path: Path,
    *,
    to: Path | None = None,
    progress: Progress = no_progress,
    cancelled: Callable[[], bool] = lambda: False,
) -> Cutting:
    """Cut a recording into clips of 3 to 10 s, each a WAV in a folder of its own.

    What was cut before from the same recording is not cut again, so a person may delete clips from the
    folder; a cutting that was killed goes on. The recording itself is only read.

    Args:
        path: The recording.
        to: The folder; ``<name>.bank`` beside the recording when None.
        progress: Told how far it is.
        cancelled: Asked between clips.

    Raises:
        AudioError: It cannot be read.
        ReferenceBankError: The folder holds something else, nothing in the recording is long enough, or
            `cancelled` said yes.
        OutputError: The clips cannot be written.
    """
    folder = cutting_folder(path, to)
    sha256 = _digest(path)
    held = _held(folder, path, sha256)
    if held is not None and held.get("complete"):
        return Cutting(folder, _note(int(held["n_clips"]), float(held["left_out_s"])))
    with open_recording(
        path, also_at_hz=_RATE_HZ, progress=part_of(progress, 0.0, 0.2)
    ) as recording:
        speech = segment_speech(
            recording, max_segment_s=_LONGEST_PIECE_S, progress=part_of(progress, 0.2, 0.8)
        )
        stretches = stretches_of(speech.segments, recording.duration_s)
        if not stretches:
            raise _too_short(path)
        used_s = sum(end_s - start_s for start_s, end_s in stretches)
        spoken_s = sum(segment.duration_s for segment in speech.segments)
        left_out_s = round(max(spoken_s - used_s, 0.0), 2)
        state = {
            "recording": path.name,
            "sha256": sha256,
            "n_clips": len(stretches),
            "left_out_s": left_out_s,
        }
        _write_state(folder, state, complete=False)
        _write_clips(recording, stretches, folder, part_of(progress, 0.8, 1.0), cancelled)
    _write_state(folder, state, complete=True)
    return Cutting(folder, _note(len(stretches), left_out_s))


def stretches_of(segments: tuple[Segment, ...], duration_s: float) -> list[tuple[float, float]]:
    """Join and widen pieces of speech until each is as long as a reference must be.

    A piece that is too short joins the one after it, over a pause of up to 1.5 s, or else the one before;
    what is still too short is widened into the silence around it, by up to a second at each side. What is
    too short even then is left out.

    Args:
        segments: Pieces of speech in order, none longer than a reference may be.
        duration_s: Length of the recording.

    Returns:
        Start and end of each clip, seconds, in order, not overlapping.
    """
    joined: list[tuple[float, float]] = []
    for segment in segments:
        start_s, end_s = segment.start_s, segment.end_s
        if joined:
            last_start_s, last_end_s = joined[-1]
            short = min(last_end_s - last_start_s, end_s - start_s) < REFERENCE_MIN_S
            near = start_s - last_end_s <= _JOINING_PAUSE_S
            if short and near and end_s - last_start_s <= REFERENCE_MAX_S:
                joined[-1] = (last_start_s, end_s)
                continue
        joined.append((start_s, end_s))
    clips: list[tuple[float, float]] = []
    for number, (start_s, end_s) in enumerate(joined):
        before_s = clips[-1][1] if clips else 0.0
        after_s = joined[number + 1][0] if number + 1 < len(joined) else duration_s
        start_s, end_s = _widened(start_s, end_s, before_s, after_s)
        if end_s - start_s >= REFERENCE_MIN_S:
            clips.append((round(start_s, 3), round(end_s, 3)))
    return clips


def _widened(start_s: float, end_s: float, before_s: float, after_s: float) -> tuple[float, float]:
    """Widen what is too short into the silence between `before_s` and `after_s`."""
    lacking_s = REFERENCE_MIN_S + 0.01 - (end_s - start_s)
    if lacking_s <= 0:
        return start_s, end_s
    room_before_s = min(start_s - before_s, _WIDEST_MARGIN_S)
    room_after_s = min(after_s - end_s, _WIDEST_MARGIN_S)
    if room_before_s + room_after_s < lacking_s:
        return start_s, end_s
    take_before_s = min(room_before_s, max(lacking_s / 2, lacking_s - room_after_s))
    return start_s - take_before_s, end_s + (lacking_s - take_before_s)


def _write_clips(
    recording: Recording,
    stretches: list[tuple[float, float]],
    folder: Path,
    progress: Progress,
    cancelled: Callable[[], bool],
) -> None:
    for number, (start_s, end_s) in enumerate(stretches, start=1):
        if cancelled():
            raise stopped()
        clip = folder / f"{number:04d}_{_clock(start_s)}.wav"
        progress(number / len(stretches), f"writing {clip.name}")
        if not clip.exists():  # written in one step, so it is whole
            write_wav(clip, recording.read(start_s, end_s, sampling_rate_hz=_RATE_HZ))


def stopped() -> ReferenceBankError:
    """Return the error that says that a person stopped the work."""
    return ReferenceBankError(
        tr("stopped; what was found out is kept: build again, and it goes on from there")
    )


def _clock(seconds: float) -> str:
    minutes, rest_s = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours:02d}-{minutes:02d}-{rest_s:06.3f}"  # no letters: a name with some may be taken for words


def _digest(path: Path) -> str:
    try:
        return content_of(path).sha256
    except OSError as error:
        told = unreadable(path, error)
        raise ReferenceBankError(told.en, zh=told.zh) from error


def _held(folder: Path, recording: Path, sha256: str) -> dict[str, Any] | None:
    """Return what a folder says of its clips, None for one that is not there or empty; refuse any other."""
    if not folder.exists():
        return None
    try:
        held = json.loads((folder / CUTS_NAME).read_bytes())
    except FileNotFoundError:
        if folder.is_dir() and not any(folder.iterdir()):
            return None
        raise ReferenceBankError(
            tr(
                "{folder} is there already and was not cut out of {recording}; name another folder with "
                "--to",
                folder=folder,
                recording=recording.name,
            )
        ) from None
    except (OSError, ValueError) as error:
        raise ReferenceBankError(
            tr(
                "{folder} is damaged ({error}); name another folder with --to",
                folder=folder / CUTS_NAME,
                error=error,
            )
        ) from error
    if not isinstance(held, dict) or held.get("sha256") != sha256:
        whose = held.get("recording") if isinstance(held, dict) else "?"
        raise ReferenceBankError(
            tr(
                "{folder} holds clips of {whose!r}, another recording or an earlier state of it; name "
                "another folder with --to",
                folder=folder,
                whose=whose,
            )
        )
    return held


def _too_short(path: Path) -> ReferenceBankError:
    return ReferenceBankError(
        tr(
            "nothing in {path} is spoken for {reference_min_s:g} s or longer, pauses up to "
            "{joining_pause_s:g} s included; a longer recording of one speaker was expected",
            path=path.name,
            reference_min_s=REFERENCE_MIN_S,
            joining_pause_s=_JOINING_PAUSE_S,
        )
    )


def _write_state(folder: Path, state: dict[str, object], *, complete: bool) -> None:
    held = {"version": _CUTS_VERSION, **state, "complete": complete}
    write_text(folder / CUTS_NAME, json.dumps(held, ensure_ascii=False, indent=1) + "\n")


def _note(n_clips: int, left_out_s: float) -> Sentence:
    return tr(
        "cut at its pauses into {n_clips}; {left_out_s:.0f} s of speech in pieces shorter than "
        "{reference_min_s:g} s were left out",
        left_out_s=left_out_s,
        reference_min_s=REFERENCE_MIN_S,
        n_clips=of_count(n_clips, "clip"),
    )
