"""What the panel of one segment shows: the original, the reference, and what is said again."""

from __future__ import annotations

import hashlib
import html
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gpt_sovits_emotion.audio import open_recording, write_wav
from gpt_sovits_emotion.core.errors import AudioError
from gpt_sovits_emotion.core.labels import EMOTIONS, UNSURE, display_name
from gpt_sovits_emotion.core.records import (
    EmotionScores,
    ReferenceChoice,
    ReferenceClip,
    TaggedSegment,
)
from gpt_sovits_emotion.core.visible import visible
from gpt_sovits_emotion.synthesis.takes import told
from webui_tab.listen.view import clip_name, clock, verdict_of
from webui_tab.markup import note
from webui_tab.sessions import Session
from webui_tab.texts import say

__all__ = ["SegmentView", "emotion_names", "lent_clip", "segment_view"]


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
    verdict = verdict_of(session, index)
    choice = session.choices[index] if session.choices else None
    candidates, candidate_clips, picked = _candidates(session, choice, language)
    listed = {clip for clip in candidate_clips if clip}
    spare = (
        [clip for clip in session.bank.usable if clip.path not in listed] if session.bank else []
    )
    others = tuple(_described(session, clip, language) for clip in spare)
    return SegmentView(
        title=_title(index, segments, language),
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
        clip=lent_clip(choice.pick.path, folder) if choice else None,
        choice_note=_choice_note(session, choice, language),
        again=_again(session, index),
        heard_again=_probabilities(verdict.heard if verdict else None, language),
        verdict=_said_again(session, index, language),
    )


def _title(index: int, segments: Sequence[TaggedSegment], language: str) -> str:
    segment = segments[index].segment
    title = say(
        "segment_title",
        language,
        number=index + 1,
        n=len(segments),
        start=clock(segment.start_s),
        end=clock(segment.end_s),
    )
    # The title becomes part of a heading in HTML.
    return f"{title} · {html.escape(visible(segment.speaker))}" if segment.speaker else title


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
    names = [say("automatic", language, name=clip_name(session.bank, best))]
    clips: list[Path | None] = [None]
    picked = names[0]
    for rank, candidate in enumerate(choice.candidates, start=1):
        reason = candidate.reason.say(language)
        names.append(f"{rank}. {clip_name(session.bank, candidate.clip)}: {reason}")
        clips.append(candidate.clip.path)
        if choice.manual and candidate.clip.path == choice.pick.path:
            picked = names[-1]
    return tuple(names), tuple(clips), picked


def _described(session: Session, clip: ReferenceClip, language: str) -> str:
    emotion = display_name(clip.emotion, language)
    length = f"{clip.duration_s:.1f} s" if clip.duration_s else ""
    return (
        f"{clip_name(session.bank, clip)}: {', '.join(part for part in (emotion, length) if part)}"
    )


def _choice_note(session: Session, choice: ReferenceChoice | None, language: str) -> str:
    if session.bank is None:
        return note("plain", say("no_voice", language))
    if choice is None:
        return note("plain", say("no_words", language))
    if choice.substituted:
        return note("warning", choice.reason.say(language), badge=say("substituted", language))
    badge = say("pinned" if choice.manual else "chosen", language)
    return note(
        "good",
        f"{clip_name(session.bank, choice.pick)}: {choice.reason.say(language)}",
        badge=badge,
    )


def _said_again(session: Session, index: int, language: str) -> str:
    verdict = verdict_of(session, index)
    if verdict is None:
        return note("plain", say("not_said_yet", language))
    if _is_stale(session, index):
        return note("warning", say("changed_since", language))
    kind = {True: "good", False: "bad", None: "plain"}[verdict.survived]
    lines = [note(kind, verdict.note.say(language))]
    if verdict.carried is not None:
        lines.append(note("aside", verdict.carried.note.say(language)))
    for take in verdict.takes:
        line = say(
            "take_line",
            language,
            number=take.number,
            clip=take.clip.path.name,
            told=told(take).say(language),
        )
        lines.append(note("good" if take.kept else "aside", line))
    return "".join(lines)


def _is_stale(session: Session, index: int) -> bool:
    result, tagging = session.result, session.tagging
    if result is None or tagging is None:
        return False
    now, then = tagging.transcript.segments[index], result.transcript.segments[index]
    picked = session.choices[index] if session.choices else None
    used = result.choices[index]
    return (now.text, now.label, picked and picked.pick) != (
        then.text,
        then.label,
        used and used.pick,
    )


def _stretch(session: Session, index: int) -> Path | None:
    """Cut the segment out of the recording, once, and return the file."""
    if session.recording is None or session.heard_folder is None or session.tagging is None:
        return None
    path = session.heard_folder / f"{index + 1:03d}.wav"
    if not path.exists():
        segment = session.tagging.transcript.segments[index].segment
        write_wav(path, session.recording.read(segment.start_s, segment.end_s))
    return path


def lent_clip(clip: Path, folder: Path) -> Path | None:
    """Copy a clip of the bank into the page's folder, so that it goes when the page goes.

    Returns:
        The copy; None where the file is no sound: a list can name any file, and the server gives out what
        lies in the page's folder.
    """
    # Two banks may both hold angry/1.wav; the hash of the whole path tells them apart.
    whose = hashlib.sha256(os.fsencode(clip)).hexdigest()[:16]
    copied = folder / "clips" / whose / clip.name
    if not copied.exists():
        try:
            open_recording(clip).close()
        except AudioError:
            return None
        copied.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(clip, copied)
    return copied


def _again(session: Session, index: int) -> Path | None:
    if session.result is None:
        return None
    path = session.result.folder / f"{index + 1:03d}.wav"
    return path if path.exists() else None
