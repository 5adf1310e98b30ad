"""SAMI (``.smi``): captions of one or several languages in one file, each until the next of its language.

It is read here and not with pysubs2, which (1.8) strings the languages together, and makes up when a caption
ends from the number of its letters. Source: "Understanding SAMI 1.0" (Microsoft): a caption stays until the
next SYNC of its class, which may hold nothing but ``&nbsp;``.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass

from gpt_sovits_emotion.core.errors import TranscriptError
from gpt_sovits_emotion.core.messages import tr
from gpt_sovits_emotion.transcripts.lines import FileLines, from_zero, marked_line
from gpt_sovits_emotion.transcripts.subtitles import without_markup
from gpt_sovits_emotion.transcripts.timing import to_ms
from gpt_sovits_emotion.transcripts.wording import one_line

__all__ = ["read_sami"]

# No tag holds the sign that begins one, as in `subtitles`.
_SYNC = re.compile(r"<sync\b(?P<said>[^<>]*)>", re.IGNORECASE)
_START = re.compile(r"\bstart\s*=\s*[\"']?\s*(?P<ms>-?\d{1,15})", re.IGNORECASE)
_PARAGRAPH = re.compile(r"<p\b(?P<said>[^<>]*)>", re.IGNORECASE)
_SOURCE = re.compile(r"\bid\s*=\s*[\"']?\s*source\b", re.IGNORECASE)
_CLASS = re.compile(r"\bclass\s*=\s*[\"']?\s*(?P<name>[\w-]+)", re.IGNORECASE)
_STYLE = re.compile(r"\.(?P<name>[\w-]+)\s*\{(?P<said>[^{}]*)\}")
_LANG = re.compile(r"\blang\s*:\s*(?P<code>[A-Za-z]{2,3})\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Caption:
    start_s: float
    of_class: str
    text: str
    speaker: str = ""


def read_sami(text: str, *, name: str, language: str = "") -> FileLines:
    """Read the captions of one language: the one asked for, else the first, which a note then says.

    Args:
        text: The file.
        name: What to call it.
        language: Code of what is spoken; "" where nobody says.

    Raises:
        TranscriptError: There is no caption with a time, or none in the language.
    """
    text = _without_comments(text)
    captions = _captions(text)
    if not captions:
        raise TranscriptError(
            tr(
                "{name} has no caption with a time; expected SAMI, such as <SYNC Start=1000><P>words",
                name=name,
            )
        )
    codes = {
        found["name"].casefold(): code["code"].casefold()
        for found in _STYLE.finditer(text)
        if (code := _LANG.search(found["said"])) is not None
    }
    spoken = list(dict.fromkeys(caption.of_class for caption in captions if caption.text))
    taken = _class_of(spoken, codes, language, name=name)
    lines = []
    # An empty caption of no class takes away what stands, of whichever class.
    own = sorted(
        (each for each in captions if each.of_class == taken or not (each.of_class or each.text)),
        key=lambda each: each.start_s,
    )
    starts = [each.start_s for each in own]
    for caption in own:
        behind = bisect_right(starts, caption.start_s)
        end_s = starts[behind] if behind < len(starts) else None
        line = marked_line(
            caption.text,
            caption.start_s,
            end_s,
            speaker=caption.speaker,
            language=codes.get(taken, ""),
        )
        if line.text or line.label:
            lines.append(line)
    found = from_zero(lines)
    if len(spoken) < 2 or language:
        return found
    shown = ", ".join(codes.get(each, each) for each in spoken)
    first = codes.get(taken, taken)
    several = tr(
        "it holds captions in {spoken} languages ({shown}): {first} was taken; --language says which is "
        "spoken",
        spoken=len(spoken),
        shown=shown,
        first=first,
    )
    return FileLines(found.lines, (several, *found.notes))


def _class_of(spoken: list[str], codes: dict[str, str], language: str, *, name: str) -> str:
    """Return the class whose captions are read."""
    wanted = language.casefold().partition("-")[0]
    of_language = [each for each in spoken if codes.get(each) == wanted]
    if of_language:
        return of_language[0]
    if wanted and len(spoken) > 1 and all(each in codes for each in spoken):
        held = ", ".join(codes[each] for each in spoken)
        raise TranscriptError(
            tr(
                "{name} holds captions in {held}, and none in {wanted}; name one of these with --language",
                name=name,
                held=held,
                wanted=wanted,
            )
        )
    return spoken[0] if spoken else ""


def _captions(text: str) -> list[_Caption]:
    captions = []
    syncs = list(_SYNC.finditer(text))
    for index, sync in enumerate(syncs):
        start = _START.search(sync["said"])
        if start is None:
            continue
        start_s = to_ms(float(start["ms"])) / 1000
        behind = syncs[index + 1].start() if index + 1 < len(syncs) else len(text)
        held = text[sync.end() : behind]
        paragraphs = list(_PARAGRAPH.finditer(held))
        above = held[: paragraphs[0].start()] if paragraphs else held
        if without_markup(above) or not paragraphs:
            captions.append(_Caption(start_s, "", without_markup(above)))
        speakers: dict[str, str] = {}
        for number, paragraph in enumerate(paragraphs):
            last = number + 1 == len(paragraphs)
            end = len(held) if last else paragraphs[number + 1].start()
            found = _CLASS.search(paragraph["said"])
            of_class = found["name"].casefold() if found else ""
            words = without_markup(held[paragraph.end() : end])
            if _SOURCE.search(paragraph["said"]):  # says who speaks the next
                speakers[of_class] = one_line(words)
                continue
            captions.append(_Caption(start_s, of_class, words, speakers.get(of_class, "")))
    return captions


def _without_comments(text: str) -> str:
    """Take the comments out of the captions; the styles above them stand in one, and are kept."""
    first = _SYNC.search(text)
    if first is None:
        return text
    kept, at = [text[: first.start()]], first.start()
    while (begin := text.find("<!--", at)) >= 0 and (end := text.find("-->", begin)) >= 0:
        kept.append(text[at:begin])
        at = end + len("-->")
    return "".join((*kept, text[at:]))
