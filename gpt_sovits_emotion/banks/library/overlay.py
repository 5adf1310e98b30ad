"""What a sidecar says, laid over the clips that are there now.

The bank as it lies on disk goes first: what a person writes into it (a clip moved to another emotion, a
text corrected, a clip taken out) holds. What was measured and heard belongs to a clip's content, so it
follows the clip only while that is what it was.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from gpt_sovits_emotion.banks.library.given_texts import is_of_the_text
from gpt_sovits_emotion.banks.library.layouts import ClipEntry, Listing, language_of_text
from gpt_sovits_emotion.banks.library.layouts.files import is_file
from gpt_sovits_emotion.banks.library.sidecar import ClipContent, Sidecar, is_unchanged, portable
from gpt_sovits_emotion.core.messages import tr
from gpt_sovits_emotion.core.records import ReferenceClip

__all__ = ["CHANGED", "GONE", "Known", "listing_of", "plain", "what_is_known"]

GONE = tr("gone: it was there when the bank was built; put it back, or build the bank again")
CHANGED = tr(
    "changed since it was listened to: what was heard then no longer counts; build the bank again"
)


@dataclass(frozen=True, slots=True)
class Known:
    """A clip with what is known of it before its file is looked at.

    Attributes:
        clip: With what was measured and heard, where that still holds; `problem` is the builder's refusal.
        content: What its file held when it was listened to, and still holds; None where it is to be
            looked at anew.
    """

    clip: ReferenceClip
    content: ClipContent | None = None


def listing_of(sidecar: Sidecar) -> Listing:
    """List the clips of a sidecar, for a bank whose own layout names none (a cut recording, say)."""
    bank = sidecar.bank
    entries = tuple(
        ClipEntry(clip.path, clip.emotion, clip.text, clip.language, clip.filed_by)
        for clip in bank.clips
    )
    return Listing(bank.layout, bank.root, entries, bank.voice, bank.synthetic, bank.settings)


def what_is_known(entries: Sequence[ClipEntry], sidecar: Sidecar | None, root: Path) -> list[Known]:
    """Join the clips that a layout names with what the sidecar says of them.

    Clips that the sidecar has and the layout does not name any more are added when their file is gone,
    with their problem; when it is there, a person took them out of the list, and they stay out.

    Args:
        entries: What the layout names.
        sidecar: Of the bank, None when there is none.
        root: Folder in which the sidecar lies.
    """
    if sidecar is None:
        return [Known(plain(entry)) for entry in entries]
    measured: defaultdict[str, list[ReferenceClip]] = defaultdict(list)
    for clip in sidecar.bank.clips:
        measured[portable(clip.path, root)].append(clip)
    contents = {portable(path, root): content for path, content in sidecar.contents.items()}
    known = []
    named = set()
    for entry in entries:
        name = portable(entry.path, root)
        named.add(name)
        of_path = measured.get(name)
        if not of_path:
            known.append(Known(plain(entry)))
            continue
        was = next((clip for clip in of_path if clip.emotion == entry.emotion), of_path[0])
        known.append(_joined(entry, was, contents.get(name)))
    for name, clips in measured.items():
        if name not in named:
            known += [
                Known(replace(clip, problem=GONE)) for clip in clips if not is_file(clip.path)
            ]
    return known


def plain(entry: ClipEntry) -> ReferenceClip:
    """Make a clip of what the layout alone says."""
    return ReferenceClip(
        entry.path,
        entry.emotion,
        entry.text,
        entry.language,
        None,
        entry.problem,
        filed_by=entry.filed_by,
        probabilities=entry.probabilities,
        intensity=entry.intensity,
        doubts=entry.doubts,
    )


def _joined(entry: ClipEntry, was: ReferenceClip, content: ClipContent | None) -> Known:
    if content is None:
        return Known(plain(entry))
    try:
        unchanged = is_unchanged(entry.path, content)
    except FileNotFoundError:
        return Known(replace(_with_what_was_heard(entry, was), problem=GONE))
    except OSError:
        return Known(plain(entry))  # looked at next, which says what is wrong with it
    if unchanged:
        return Known(_with_what_was_heard(entry, was), content)
    return Known(replace(plain(entry), doubts=(*entry.doubts, CHANGED)))


def _with_what_was_heard(entry: ClipEntry, was: ReferenceClip) -> ReferenceClip:
    """Keep what a person says now, and add what was measured, heard and transcribed."""
    refiled = entry.filed_by == "person" and entry.emotion != was.emotion
    corrected = entry.text not in ("", was.text)
    doubts = tuple(each for each in was.doubts if not (corrected and is_of_the_text(each)))
    by_person = refiled or (entry.filed_by == "person" and was.filed_by == "person")
    return ReferenceClip(
        entry.path,
        entry.emotion if entry.filed_by == "person" else was.emotion or entry.emotion,
        entry.text or was.text,
        _language(entry, was),
        was.duration_s,
        entry.problem or was.problem,
        filed_by="person" if by_person else was.filed_by,
        probabilities=was.probabilities or entry.probabilities,
        intensity=was.intensity if was.intensity is not None else entry.intensity,
        quality=was.quality,
        consistency=was.consistency,
        doubts=tuple(dict.fromkeys((*entry.doubts, *doubts))),
        text_error=None if corrected else was.text_error,
    )


def _language(entry: ClipEntry, was: ReferenceClip) -> str:
    # What the script of a text tells (every Latin one is English) gives way to what was heard.
    guessed = entry.language == language_of_text(entry.text)
    same_text = entry.text in ("", was.text)
    return (
        was.language if was.language and guessed and same_text else entry.language or was.language
    )
