"""What the page shows of a session: plain strings, numbers and paths, in the page's language."""

from __future__ import annotations

import hashlib
import html
import re
import shutil
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gpt_sovits_emotion.audio import write_wav
from gpt_sovits_emotion.labels import EMOTIONS, UNSURE, colour_of, display_name
from gpt_sovits_emotion.records import (
    EmotionScores,
    ReferenceChoice,
    ReferenceClip,
    RoundTripSegment,
    TaggedSegment,
)
from webui_tab.sessions import Session
from webui_tab.texts import SPOKEN_LANGUAGES, say

if TYPE_CHECKING:
    from gpt_sovits_emotion.report.data import TimelineData

__all__ = [
    "COLUMNS",
    "SegmentView",
    "clock",
    "edited_columns",
    "emotion_names",
    "heard_timeline",
    "note",
    "result_html",
    "said_timeline",
    "segment_view",
    "summary_html",
    "table_headers",
    "table_rows",
]

COLUMNS = ("number", "start", "end", "text", "emotion", "sure", "why", "check")
"""The columns of the table of segments; `text` and `emotion` can be edited."""


# --- the table ---------------------------------------------------------------------------------------


def table_headers(language: str) -> list[str]:
    """Return the table's column names."""
    return [say(f"column_{name}", language) for name in COLUMNS]


def table_rows(session: Session, language: str) -> list[list[str]]:
    """Return one row per segment, in the order of `COLUMNS`; no row where nothing was analysed.

    The first cell carries a checksum of each of the others, by which `edited_columns` knows later what a
    person changed, even in a table that has been overtaken by another change.
    """
    if session.tagging is None:
        return []
    rows = []
    for index, tagged in enumerate(session.tagging.transcript.segments):
        cells = [
            clock(tagged.segment.start_s),
            clock(tagged.segment.end_s),
            tagged.text,
            display_name(tagged.label, language),
            _sure(tagged, language),
            _why(tagged, language),
            _check(session, index, language),
        ]
        rows.append([_number_cell(index, tagged, cells), *cells])
    return rows


def edited_columns(row: Sequence[object]) -> frozenset[str] | None:
    """Return which columns of a row differ from what `table_rows` gave; None when it is not our row."""
    sums = re.search(r'data-sums="([0-9a-f.]+)"', str(row[0])) if row else None
    if sums is None or len(row) != len(COLUMNS):
        return None
    now = _checksums([str(cell) for cell in row[1:]])
    changed = zip(COLUMNS[1:], sums[1].split("."), now.split("."), strict=True)
    return frozenset(name for name, was, is_now in changed if was != is_now)


def _checksums(cells: Sequence[str]) -> str:
    return ".".join(f"{zlib.crc32(cell.encode()):08x}" for cell in cells)


def clock(time_s: float) -> str:
    """Return a time as minutes and seconds: ``1:02.5``.

    Examples:
        >>> clock(62.46), clock(3725.0)
        ('1:02.5', '1:02:05.0')
    """
    tenths = round(time_s * 10)
    minutes, tenths = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    seconds = f"{tenths / 10:04.1f}"
    return f"{hours}:{minutes:02d}:{seconds}" if hours else f"{minutes}:{seconds}"


def _number_cell(index: int, tagged: TaggedSegment, cells: Sequence[str]) -> str:
    corrected = tagged.corrected_label is not None or tagged.corrected_text is not None
    colour = colour_of(tagged.label)
    return (
        f'<span class="emo-dot" style="background:{colour}" data-sums="{_checksums(cells)}"></span>'
        f"{index + 1}{' ✎' if corrected else ''}"
    )


def _sure(tagged: TaggedSegment, language: str) -> str:
    if tagged.corrected_label is not None:
        return say("by_hand", language)
    return f"{100 * tagged.scores.confidence:.0f} %" if tagged.scores else ""


def _why(tagged: TaggedSegment, language: str) -> str:
    if tagged.scores is None:
        return tagged.problem.say(language) if tagged.problem else ""
    reason = tagged.scores.reason.say(language)
    # The label and its share stand in columns of their own.
    return reason.partition("：" if language == "zh" else ": ")[2] or reason


def _check(session: Session, index: int, language: str) -> str:
    verdict = _verdict(session, index)
    if verdict is None:
        return ""
    if verdict.survived is None or verdict.heard is None:
        return say("kept_unknown", language)
    heard = display_name(verdict.heard.label, language)
    return say("kept_yes" if verdict.survived else "kept_no", language, heard=heard)


def _verdict(session: Session, index: int) -> RoundTripSegment | None:
    return session.result.verification.report.segments[index] if session.result else None


# --- one segment -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SegmentView:
    """The panel of one segment.

    Attributes:
        title: Its number and times.
        original, clip, again: Files to listen to, in the page's folder; None where there is none.
        text, emotion: As they count now.
        emotions: What can be chosen.
        probabilities: Name of the label -> probability; empty where nothing was heard.
        why: What was heard, as a sentence.
        changed: Whether there is something to take back.
        candidates: Names of the ranked clips with their reasons; the first leaves it to the program.
        candidate_clips: The clip of each candidate, None for the first.
        picked: The candidate that counts.
        others: Names of the voice's other usable clips.
        other_clips: Those clips.
        choice_note: Why this clip, as HTML.
        heard_again: As `probabilities`, for the resynthesis.
        verdict: What was heard in the resynthesis, as HTML.
    """

    title: str
    original: Path | None
    text: str
    emotion: str
    emotions: tuple[str, ...]
    probabilities: dict[str, float]
    why: str
    changed: bool
    candidates: tuple[str, ...]
    candidate_clips: tuple[Path | None, ...]
    picked: str | None
    others: tuple[str, ...]
    other_clips: tuple[Path, ...]
    clip: Path | None
    choice_note: str
    again: Path | None
    heard_again: dict[str, float]
    verdict: str


def segment_view(
    session: Session, index: int, *, labels: tuple[str, ...], folder: Path, language: str
) -> SegmentView | None:
    """Return what the panel of a segment shows; None when there is no such segment.

    Args:
        session: What the page holds.
        index: Which segment.
        labels: The head's labels.
        folder: The page's private folder; what is listened to is put there.
        language: The page's language.
    """
    if session.tagging is None or not 0 <= index < len(session.tagging.transcript.segments):
        return None
    segments = session.tagging.transcript.segments
    tagged = segments[index]
    verdict = _verdict(session, index)
    choice = session.choices[index] if session.choices else None
    candidates, candidate_clips, picked = _candidates(session, choice, language)
    listed = {clip for clip in candidate_clips if clip}
    spare = [clip for clip in session.bank.usable if clip.path not in listed] if session.bank else []
    others = tuple(_described(session, clip, language) for clip in spare)
    return SegmentView(
        title=say(
            "segment_title",
            language,
            number=index + 1,
            n=len(segments),
            start=clock(tagged.segment.start_s),
            end=clock(tagged.segment.end_s),
        ),
        original=_stretch(session, index),
        text=tagged.text,
        emotion=display_name(tagged.label, language),
        emotions=emotion_names(labels, language),
        probabilities=_probabilities(tagged.scores, language),
        why=_sentence(tagged, language),
        changed=tagged.corrected_label is not None
        or tagged.corrected_text is not None
        or index in session.pins,
        candidates=candidates,
        candidate_clips=candidate_clips,
        picked=picked,
        others=others,
        other_clips=tuple(clip.path for clip in spare),
        clip=_lent(choice.pick.path, folder) if choice else None,
        choice_note=_choice_note(session, choice, language),
        again=_again(session, index),
        heard_again=_probabilities(verdict.heard if verdict else None, language),
        verdict=_said_again(session, index, language),
    )


def emotion_names(labels: tuple[str, ...], language: str) -> tuple[str, ...]:
    """Return the names to choose from: the head's labels, the other known ones, and ``unsure``."""
    known = (*labels, *(label for label in EMOTIONS if label not in labels), UNSURE)
    return tuple(display_name(label, language) for label in known)


def _probabilities(scores: EmotionScores | None, language: str) -> dict[str, float]:
    if scores is None:
        return {}
    return {display_name(name, language): p for name, p in scores.probabilities.items()}


def _sentence(tagged: TaggedSegment, language: str) -> str:
    source = tagged.scores.reason if tagged.scores else tagged.problem
    return source.say(language) if source else ""


def _candidates(
    session: Session, choice: ReferenceChoice | None, language: str
) -> tuple[tuple[str, ...], tuple[Path | None, ...], str | None]:
    if choice is None:
        return (), (), None
    best = choice.candidates[0].clip if choice.manual else choice.pick
    names = [say("automatic", language, name=_name(session, best))]
    clips: list[Path | None] = [None]
    picked = names[0]
    for rank, candidate in enumerate(choice.candidates, start=1):
        reason = candidate.reason.say(language)
        names.append(f"{rank}. {_name(session, candidate.clip)}: {reason}")
        clips.append(candidate.clip.path)
        if choice.manual and candidate.clip.path == choice.pick.path:
            picked = names[-1]
    return tuple(names), tuple(clips), picked


def _name(session: Session, clip: ReferenceClip) -> str:
    """Return a clip's path within its bank: all of a bank's files may have the same name."""
    root = session.bank.root if session.bank else None
    if root is not None and clip.path.is_relative_to(root):
        return clip.path.relative_to(root).as_posix()
    return clip.path.name


def _described(session: Session, clip: ReferenceClip, language: str) -> str:
    emotion = display_name(clip.emotion, language)
    length = f"{clip.duration_s:.1f} s" if clip.duration_s else ""
    return f"{_name(session, clip)}: {', '.join(part for part in (emotion, length) if part)}"


def _choice_note(session: Session, choice: ReferenceChoice | None, language: str) -> str:
    if session.bank is None:
        return note("plain", say("no_voice", language))
    if choice is None:
        return note("plain", say("no_words", language))
    if choice.substituted:
        return note("warning", choice.reason.say(language), badge=say("substituted", language))
    badge = say("pinned" if choice.manual else "chosen", language)
    return note("good", f"{_name(session, choice.pick)}: {choice.reason.say(language)}", badge=badge)


def _said_again(session: Session, index: int, language: str) -> str:
    verdict = _verdict(session, index)
    if verdict is None:
        return note("plain", say("not_said_yet", language))
    if _is_stale(session, index):
        return note("warning", say("changed_since", language))
    kind = {True: "good", False: "bad", None: "plain"}[verdict.survived]
    return note(kind, verdict.note.say(language))


def _is_stale(session: Session, index: int) -> bool:
    result, tagging = session.result, session.tagging
    if result is None or tagging is None:
        return False
    now, then = tagging.transcript.segments[index], result.transcript.segments[index]
    picked = session.choices[index] if session.choices else None
    used = result.choices[index]
    return (now.text, now.label, picked and picked.pick) != (then.text, then.label, used and used.pick)


def _stretch(session: Session, index: int) -> Path | None:
    """Cut the segment out of the recording, once, and return the file."""
    if session.recording is None or session.heard_folder is None or session.tagging is None:
        return None
    path = session.heard_folder / f"{index + 1:03d}.wav"
    if not path.exists():
        segment = session.tagging.transcript.segments[index].segment
        write_wav(path, session.recording.read(segment.start_s, segment.end_s))
    return path


def _lent(clip: Path, folder: Path) -> Path:
    """Copy a clip of the bank into the page's folder, so that it goes when the page goes."""
    # Two banks may both hold angry/1.wav; the hash of the whole path tells them apart.
    whose = hashlib.sha256(str(clip).encode()).hexdigest()[:16]
    lent = folder / "clips" / whose / clip.name
    if not lent.exists():
        lent.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(clip, lent)
    return lent


def _again(session: Session, index: int) -> Path | None:
    if session.result is None:
        return None
    path = session.result.folder / f"{index + 1:03d}.wav"
    return path if path.exists() else None


# --- the whole ---------------------------------------------------------------------------------------


def summary_html(session: Session, language: str) -> str:
    """Return what was heard in a line or two, with the warnings about the recording, as HTML."""
    if session.tagging is None:
        return ""
    transcript = session.tagging.transcript
    if not transcript.segments:
        return note("warning", say("no_segments", language, name=transcript.recording.name))
    code = transcript.language
    spoken = SPOKEN_LANGUAGES[code].say(language) if code in SPOKEN_LANGUAGES else code
    one = len(transcript.segments) == 1
    line = say(
        "heard_one" if one else "heard_summary",
        language,
        n=len(transcript.segments),
        duration=clock(transcript.recording.duration_s),
        spoken=spoken or say("language_unknown", language),
        transcriber=(
            say("words_none", language)
            if transcript.transcriber == "none"
            else transcript.transcriber
        ),
        note=transcript.normalisation_note.say(language),
    )
    notes = [note("plain", line)]
    notes += [note("warning", each.say(language)) for each in transcript.recording.warnings]
    if transcript.removed:
        texts = "; ".join(f"“{removed.text}”" for removed in transcript.removed)
        notes.append(
            note("warning", say("removed", language, n=len(transcript.removed), texts=texts))
        )
    return "".join(notes)


def result_html(session: Session, language: str) -> str:
    """Return how the round trip went, as HTML."""
    if session.result is None:
        return ""
    report = session.result.verification.report
    line = say(
        "result" if report.compared else "result_nothing",
        language,
        kept=report.survived,
        compared=report.compared,
        judge=report.judge_id,
        voice=report.voice,
        host=session.result.host_title.say(language),
    )
    notes = [note("plain", line)]
    if session.is_stale:
        notes.insert(0, note("warning", say("result_stale", language)))
    asides = [say("judge_is_tagger", language)] if report.judge_is_tagger else []
    asides += [say("bank_synthetic", language)] if report.bank_synthetic else []
    if asides:
        notes.append(note("aside", " ".join(asides)))
    return "".join(notes)


def heard_timeline(session: Session) -> TimelineData | None:
    """Return the timeline of the recording, None where nothing was analysed."""
    from gpt_sovits_emotion.report.data import timeline_of_recording

    if session.recording is None or session.tagging is None:
        return None
    return timeline_of_recording(
        session.recording, session.tagging.transcript.segments, tracks=session.tagging.tracks
    )


def said_timeline(session: Session) -> TimelineData | None:
    """Return the timeline of the resynthesis, None where there is none."""
    from gpt_sovits_emotion.report.data import timeline_of_audio

    if session.result is None or session.result.verification.outputs is None:
        return None
    outputs = session.result.verification.outputs
    return timeline_of_audio(
        session.result.synthesis.joined,
        outputs.transcript.segments,
        tracks=outputs.tracks,
        title=session.result.synthesis.voice,
    )


def note(kind: str, text: str, *, badge: str = "") -> str:
    """Return a sentence as HTML, marked as ``plain``, ``aside``, ``good``, ``warning`` or ``bad``."""
    mark = f"<b>{html.escape(badge)}</b> " if badge else ""
    return f'<p class="emo-note emo-{kind}">{mark}{html.escape(text)}</p>'
