"""Fit a head to one speaker from what a page has heard and a person has corrected. No Gradio here.

A segment whose emotion was corrected is a labelled clip; every other one that was judged shows how this
person usually sounds. Nothing is counted twice: what a profile was taught from a recording is remembered as
long as the recording is open.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gpt_sovits_emotion.audio import Recording
from gpt_sovits_emotion.core.labels import UNSURE, display_name
from gpt_sovits_emotion.core.progress import Progress, no_progress
from gpt_sovits_emotion.core.records import Sentence, TaggedSegment
from gpt_sovits_emotion.heads import Head, head_folders
from gpt_sovits_emotion.heads.profiles import (
    SpeakerProfile,
    add,
    add_unlabelled,
    begin_profile,
    changing_profiles,
    find_replay,
    list_profiles,
    load_profile,
    save_profile,
    undo_last,
)
from gpt_sovits_emotion.tagging import embed_segments
from webui_tab.app_context import AppContext
from webui_tab.sessions import PageError, Session, require
from webui_tab.texts import TEXTS, filled

if TYPE_CHECKING:
    import numpy as np

__all__ = ["Lesson", "Lessons", "known_speakers"]


@dataclass(frozen=True, slots=True)
class Lesson:
    """What became of a speaker's profile.

    Attributes:
        profile: As it is now, None when there is none any more.
        said: What happened, and what one must know.
    """

    profile: SpeakerProfile | None
    said: tuple[Sentence, ...] = ()


@dataclass(slots=True)
class _Taught:
    """What one profile was taught from one recording: places of segments, and their labels."""

    usual: set[int] = field(default_factory=set)
    labelled: dict[int, str] = field(default_factory=dict)
    batches: list[dict[int, str]] = field(default_factory=list)


def known_speakers(head_id: str | None, *, learned: bool = False) -> tuple[str, ...]:
    """Return the speakers that something is kept of for a head.

    Args:
        head_id: The head; nobody is known where it is None.
        learned: Leave out those of whom too little is kept to have learned from.
    """
    return tuple(
        entry.speaker
        for entry in (list_profiles(head_id) if head_id else ())
        if not learned or (entry.profile is not None and entry.profile.mean is not None)
    )


class Lessons:
    """What the pages of one server teach about speakers.

    Args:
        app: The engines.
    """

    def __init__(self, app: AppContext) -> None:
        self._app = app
        self._taught: weakref.WeakKeyDictionary[Recording, dict[tuple[str, str], _Taught]] = (
            weakref.WeakKeyDictionary()
        )

    def learn(
        self, session: Session, speaker: str, *, consent: bool, progress: Progress = no_progress
    ) -> Lesson:
        """Teach a speaker's profile what the page has heard and a person has corrected since the last time.

        Raises:
            ConsentError: The line about consent is not ticked.
            PageError: There is no name, or nothing new to learn from.
            EmotionError: The name cannot be one, the profile is damaged, or the encoder failed.
        """
        speaker = _named(speaker)
        require(consent, "speaker_consent_missing")
        if session.tagging is None or session.recording is None:
            raise PageError("speaker_nothing_heard")
        segments = session.tagging.transcript.segments
        judged = [index for index, tagged in enumerate(segments) if tagged.scores is not None]
        if not judged:
            raise PageError("speaker_nothing_heard")
        head = self._app.engines(session.settings.head).tagger
        taught = self._of(session.recording, head, speaker)
        labels = _labels(segments, judged, head)
        fresh = {
            index: label for index, label in labels.items() if taught.labelled.get(index) != label
        }
        usual = [index for index in judged if index not in labels and index not in taught.usual]
        if not fresh and not usual:
            raise PageError("speaker_taught_already")
        load_profile(head, speaker)  # one that is damaged is told of before any work
        rows = self._embed(session, [*fresh, *usual])
        progress(0.4, "learning")
        with changing_profiles():
            profile = load_profile(head, speaker) or begin_profile(head, speaker)
            if fresh:
                name = session.tagging.transcript.recording.name
                where = [f"{name} #{index + 1}" for index in fresh]
                profile = add(profile, rows[: len(fresh)], list(fresh.values()), where)
            if usual:
                profile = add_unlabelled(profile, rows[len(fresh) :])
            lesson = self._learned(head, profile, _left_out(segments, judged, head))
        taught.usual.update(usual)
        if fresh:
            taught.batches.append({index: taught.labelled.get(index, "") for index in fresh})
            taught.labelled.update(fresh)
        progress(1.0, "learning")
        return lesson

    def undo(self, head_name: str, speaker: str) -> Lesson:
        """Take the last labelled clips back, and learn anew from what is left.

        Raises:
            PageError: There is no name, or nothing was learned of this speaker.
            HeadError: There is nothing to take back.
        """
        with changing_profiles():
            head, profile = self._profile(head_name, speaker)
            lesson = self._learned(head, undo_last(profile), (TEXTS["speaker_undone"],))
        for of_recording in self._taught.values():
            taught = of_recording.get((head.card.id, profile.speaker))
            if taught is not None and taught.batches:
                for index, before in taught.batches.pop().items():
                    taught.labelled[index] = before
        return lesson

    def forget(self, head_name: str, speaker: str, *, sure: bool) -> Lesson:
        """Delete what was learned of a speaker with a head.

        Raises:
            ConsentError: The line about deleting is not ticked.
            PageError: There is no name, or nothing was learned of this speaker.
            OutputError: It could not be deleted.
        """
        from gpt_sovits_emotion.banks.building.teaching import forget_speaker

        speaker = _named(speaker)
        require(sure, "sure_missing")
        head_id = self._app.engines(head_name).tagger.card.id
        # Not loaded first: what is damaged, or was made for a head that was replaced, can be forgotten too.
        deleted, notes = forget_speaker(speaker, head_id=head_id)
        if not deleted:
            raise PageError("speaker_unknown", speaker=speaker, head=head_id)
        for of_recording in self._taught.values():
            of_recording.pop((head_id, speaker), None)
        return Lesson(None, (filled("speaker_forgotten", speaker=speaker), *notes))

    def look(self, head_name: str, speaker: str) -> Lesson:
        """Return what is known of a speaker; nothing where nothing was learned."""
        if not speaker.strip():
            return Lesson(None)
        head = self._app.engines(head_name).tagger
        return Lesson(load_profile(head, speaker.strip()))

    # --- inside --------------------------------------------------------------------------------------

    def _profile(self, head_name: str, speaker: str) -> tuple[Head, SpeakerProfile]:
        speaker = _named(speaker)
        head = self._app.engines(head_name).tagger
        profile = load_profile(head, speaker)
        if profile is None:
            raise PageError("speaker_unknown", speaker=speaker, head=head.card.id)
        return head, profile

    def _of(self, recording: Recording, head: Head, speaker: str) -> _Taught:
        of_recording = self._taught.setdefault(recording, {})
        return of_recording.setdefault((head.card.id, speaker), _Taught())

    def _embed(self, session: Session, places: Iterable[int]) -> np.ndarray:
        assert session.tagging is not None
        assert session.recording is not None
        segments = [session.tagging.transcript.segments[index].segment for index in places]
        analyser = self._app.engines(session.settings.head).analyser
        return embed_segments(segments, session.recording, analyser)

    def _learned(self, head: Head, profile: SpeakerProfile, said: Iterable[Sentence]) -> Lesson:
        """Learn anew from all that a profile holds, or say what is missing; keep it in either case."""
        from gpt_sovits_emotion.training.adapt import learn

        least = head.card.min_speaker_segments
        if profile.n_clips < least:
            said = (*said, filled("speaker_too_few", n=profile.n_clips, least=least))
        else:
            replay = find_replay(head, head_folders(self._app.heads_dirs))
            profile = learn(head, profile, replay=replay)
        save_profile(profile)
        return Lesson(profile, tuple(said))


def _named(speaker: str | None) -> str:
    name = (speaker or "").strip()
    if not name:
        raise PageError("speaker_no_name")
    return name


def _labels(
    segments: tuple[TaggedSegment, ...], judged: Iterable[int], head: Head
) -> dict[int, str]:
    """Return the segments that a person corrected to an emotion that the head knows."""
    corrected = ((index, segments[index].corrected_label) for index in judged)
    return {index: label for index, label in corrected if label in head.card.labels and label}


def _left_out(
    segments: tuple[TaggedSegment, ...], judged: Iterable[int], head: Head
) -> Iterable[Sentence]:
    """Say which corrections the head cannot learn."""
    template = TEXTS["speaker_other_label"]
    for index in judged:
        label = segments[index].corrected_label
        if label is None or label == UNSURE or label in head.card.labels:
            continue
        yield Sentence(
            template.en.format(
                number=index + 1, label=display_name(label, "en"), head=head.card.id
            ),
            template.zh.format(
                number=index + 1, label=display_name(label, "zh"), head=head.card.id
            ),
        )
