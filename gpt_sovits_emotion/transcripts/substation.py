r"""ASS (Advanced SubStation Alpha): one coloured style per emotion. Written and read with pysubs2.

ASS has no escape for its own signs that all players know. Braces are written ``\{`` and ``\}`` (libass,
and with it mpv, VLC and ffmpeg), and every backslash of a text is followed by a word joiner, so that
``\N`` stays two characters.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

from gpt_sovits_emotion.core.errors import TranscriptError
from gpt_sovits_emotion.core.labels import UNSURE, colour_of
from gpt_sovits_emotion.core.messages import in_both, tr
from gpt_sovits_emotion.transcripts.lines import (
    FileLines,
    Line,
    check_times,
    from_zero,
    marked_line,
    place,
)
from gpt_sovits_emotion.transcripts.wording import JOINER, clean, mark

if TYPE_CHECKING:
    import pysubs2

__all__ = ["LATEST_S", "ass_text", "read_ass"]

LATEST_S = 9 * 3600 + 59 * 60 + 59.99
"""The format has one digit for hours."""

_NOTICE = "Written by gpt-sovits-emotion; one style per emotion."
_SIGNS = re.compile(rf"\\(?:([{{}}])|([Nn])|(h)|({JOINER}))|\{{[^}}]*\}}")
_EVENT_TIME = re.compile(r"\s*\d+:\d{1,2}:\d{1,2}(?:[.:]\d*)?\s*")
_COLON_FRACTION = re.compile(
    r"^(Dialogue:[^,\n]*,\s*-?\d+:\d\d:\d\d):(\d{2,3}\s*,\s*-?\d+:\d\d:\d\d):(?=\d{2,3}\s*,)",
    re.MULTILINE | re.IGNORECASE,
)

_FIELDS = [
    "layer", "start", "end", "style", "name", "marginl", "marginr", "marginv", "effect", "text",
]  # fmt: skip
"""Of a line of dialogue, as nearly all programs write it; SSA has ``Marked`` first, some say ``Actor``."""
_FORMAT = re.compile(
    r"^\[Events\][ \t]*\n(?:[^\[\n]*\n)*?Format:(?P<fields>[^\n]*)", re.MULTILINE | re.IGNORECASE
)
_DIALOGUE = re.compile(
    r"^(?P<kind>Dialogue|Comment):(?P<values>[^\n]*)$", re.MULTILINE | re.IGNORECASE
)


def ass_text(lines: Sequence[Line], *, language: str) -> str:
    """Write lines as ASS; times to the hundredth, the emotion as a mark and as the line's style.

    Raises:
        TranscriptError: A time lies past what the format can hold (10 hours).
    """
    import pysubs2

    subtitles = pysubs2.SSAFile()
    subtitles.info["WrapStyle"] = "0"
    for number, line in enumerate(lines, start=1):
        start_s, end_s = line.start_s or 0.0, line.end_s or 0.0
        if max(start_s, end_s) > LATEST_S:
            raise TranscriptError(
                tr(
                    "segment {number} ends at {end_s:.0f} s, and ASS holds no time past 10 hours; write "
                    "SRT or VTT instead",
                    number=number,
                    end_s=end_s,
                )
            )
        label = line.label or UNSURE
        style = _style_name(label)
        if style not in subtitles.styles:
            subtitles.styles[style] = _style(label)
        shown = mark(label, confidence=line.confidence, by_hand=line.by_hand, language=language)
        event = pysubs2.SSAEvent(
            start=round(start_s * 1000),
            end=round(end_s * 1000),
            style=style,
            name=line.speaker.replace(",", ";"),  # a comma would end the field
            text=_escape(f"{shown} {line.text}".rstrip()),
        )
        subtitles.append(event)
    return str(subtitles.to_string("ass", header_notice=_NOTICE))


def read_ass(text: str, *, name: str) -> FileLines:
    """Read ASS or SSA; comments and drawings are dropped, and so is all styling; the actor is the speaker.

    Raises:
        TranscriptError: No dialogue, a damaged line, or times that run backwards.
    """
    import pysubs2

    # pysubs2 (1.8) drops a fraction after a colon, as old SSA files have it.
    text = _COLON_FRACTION.sub(r"\1.\2.", _in_usual_fields(text))

    version = "ssa" if re.search(r"^\[V4 Styles\]", text, re.MULTILINE | re.IGNORECASE) else "ass"
    try:
        with warnings.catch_warnings():
            # It warns of margins and alignments that it does not understand; we do not use them.
            warnings.simplefilter("ignore", RuntimeWarning)
            subtitles = pysubs2.SSAFile.from_string(text, format_=version)
    except (ValueError, TypeError, LookupError, pysubs2.exceptions.Pysubs2Error) as error:
        row = _damaged_row(text)
        where, where_zh = (f" in line {row}", f" 第 {row} 行的") if row else ("", "")
        raise TranscriptError(
            tr(
                "{name} is damaged as ASS subtitles{where}; save it again from a subtitle editor",
                name=name,
                where=in_both(where, where_zh),
            )
        ) from error
    events = [event for event in subtitles if event.is_text]
    if not events:
        raise TranscriptError(
            tr("{name} has no line of dialogue; expected ASS subtitles", name=name)
        )
    return from_zero(_line_of(event, n, name=name) for n, event in enumerate(events, start=1))


def _damaged_row(text: str) -> int | None:
    """Return the number of the first row of dialogue that breaks off or whose times are none."""
    for number, row in enumerate(text.splitlines(), start=1):
        kind, _, rest = row.partition(":")
        fields = rest.split(",", 9)
        if kind.strip() not in ("Dialogue", "Comment"):
            continue
        if len(fields) < 10 or not all(_EVENT_TIME.fullmatch(time) for time in fields[1:3]):
            return number
    return None


def _in_usual_fields(text: str) -> str:
    """Bring lines of dialogue whose fields the file orders otherwise, or leaves out, into the usual order.

    The format says which fields there are (``Format:``); pysubs2 (1.8) reads the usual ones whatever it says.
    """
    told = _FORMAT.search(text)
    fields = [] if told is None else [each.strip().casefold() for each in told["fields"].split(",")]
    names = [{"marked": "layer", "actor": "name"}.get(each, each) for each in fields]
    if names == _FIELDS or not {"start", "end", "text"} <= set(names) or names[-1] != "text":
        return text
    usual = {"layer": "0", "style": "Default", "marginl": "0", "marginr": "0", "marginv": "0"}
    if "marked" in fields:
        usual["layer"] = "Marked=0"

    def ordered(found: re.Match[str]) -> str:
        values = found["values"].split(",", len(names) - 1)
        if len(values) < len(names):
            return found[0]  # damaged: told of where it is read
        held = {**usual, **{name: value.strip() for name, value in zip(names, values, strict=True)}}
        return f"{found['kind']}: " + ",".join(held.get(name, "") for name in _FIELDS)

    return _DIALOGUE.sub(ordered, text)


def _line_of(event: pysubs2.SSAEvent, number: int, *, name: str) -> Line:
    start_s, end_s = event.start / 1000, event.end / 1000
    if start_s >= 0:
        check_times(start_s, end_s, where=place("line of dialogue", number, name=name))
    words = clean(_unescape(event.text))
    return marked_line(words, start_s, end_s, speaker=clean(event.name))


def _style_name(label: str) -> str:
    # A comma would end the field, and an asterisk in front is dropped by some readers.
    return re.sub(r"[^\w -]", "_", label).strip() or "_"


def _style(label: str) -> pysubs2.SSAStyle:
    import pysubs2

    red, green, blue = bytes.fromhex(colour_of(label).removeprefix("#"))
    return pysubs2.SSAStyle(primarycolor=pysubs2.Color(red, green, blue), outline=2.0, shadow=0.0)


def _escape(text: str) -> str:
    text = text.replace("\\", "\\" + JOINER).replace("{", "\\{").replace("}", "\\}")
    return text.replace("\n", "\\N")


def _unescape(text: str) -> str:
    def plain(sign: re.Match[str]) -> str:
        brace, line_break, space, joiner = sign.groups()
        if brace:
            return str(brace)
        if line_break:
            return "\n"
        if space:
            return " "
        return "\\" if joiner else ""  # an override block says nothing

    return _SIGNS.sub(plain, text)
