"""Write the report: one page that needs nothing but a browser, and the same as JSON and PNG."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any

from gpt_sovits_emotion import __version__
from gpt_sovits_emotion.core.files import write_bytes, write_text
from gpt_sovits_emotion.core.records import Audio, RoundTripReport, Synthesis, TaggedTranscript
from gpt_sovits_emotion.report.content import facts_of, files_of, notices_of, rows_of, summary_of
from gpt_sovits_emotion.report.data import TimelineData
from gpt_sovits_emotion.report.pictures import PageTimeline, draw_svg
from gpt_sovits_emotion.report.timeline import write_timeline
from gpt_sovits_emotion.transcripts import document_text, read_document

__all__ = [
    "EMBED_LIMIT_BYTES",
    "REPORT_FILES",
    "REPORT_FORMAT",
    "REPORT_VERSION",
    "Sound",
    "read_report",
    "write_report",
    "write_transcript_page",
]

REPORT_FORMAT = "gpt-sovits-emotion/round-trip-report"
REPORT_VERSION = 1
_PAGE_NAME, _REPORT_NAME = "report.html", "report.json"
_BEFORE_NAME, _AFTER_NAME = "timeline.png", "timeline-after.png"
REPORT_FILES: tuple[str, ...] = (
    _PAGE_NAME,
    _REPORT_NAME,
    _BEFORE_NAME,
    _AFTER_NAME,
    "before.mp3",
    "after.mp3",
)
"""Every file that `write_report` may write into its folder."""

EMBED_LIMIT_BYTES = 8 * 1024 * 1024
"""MP3 above this (17 minutes at 64 kbit/s) lies beside the page: browsers load a page whole."""

Sound = Audio | bytes
"""Audio for a player: samples, or an MP3 file's bytes."""


@dataclass(frozen=True, slots=True)
class _Player:
    """One player of the page; `src` is a data URI or the name of a file beside the page."""

    name: str
    src: str
    linked: bool
    megabytes: float
    timeline: PageTimeline


def write_report(
    report: RoundTripReport,
    out_dir: Path,
    *,
    before: Sound | None,
    before_timeline: TimelineData | None,
    synthesis: Synthesis,
    after_timeline: TimelineData,
    language: str = "en",
) -> RoundTripReport:
    """Write ``report.html``, ``report.json``, ``timeline.png`` and ``timeline-after.png`` to a folder.

    Where texts were said that nobody had recorded, there is nothing before: ``timeline.png`` is left out.

    Args:
        report: The round trip.
        out_dir: Folder; made if need be.
        before: The recording; None where there is none.
        before_timeline: Its picture; None where there is no recording.
        synthesis: What was said; its joined audio and the place of each segment in it.
        after_timeline: The picture of the joined audio.
        language: The language in which the page opens, ``"en"`` or ``"zh"``.

    Returns:
        The report as it was written: with the written files in `files`.

    Raises:
        OutputError: The folder or a file cannot be written.
        TranscriptError: A number in the report is not finite.
    """
    out_dir = Path(out_dir)
    written = {
        "report page": _PAGE_NAME,
        "report": _REPORT_NAME,
        **({} if before is None else {"timeline": _BEFORE_NAME}),
        "timeline after": _AFTER_NAME,
    }
    report = replace(report, files={**report.files, **written})
    players: tuple[_Player, ...] = ()
    if before is not None and before_timeline is not None:
        before_timeline, after_timeline = _comparable(before_timeline, after_timeline)
        players = (_player("before", before, before_timeline, out_dir),)
        write_timeline(before_timeline, out_dir / written["timeline"], language=language)
    players = (*players, _player("after", synthesis.joined, after_timeline, out_dir))
    page = _render(
        report.transcript, report, synthesis, players=players, files=report.files, language=language
    )
    write_timeline(after_timeline, out_dir / written["timeline after"], language=language)
    write_text(
        out_dir / written["report"],
        document_text(report, format_name=REPORT_FORMAT, version=REPORT_VERSION),
    )
    # Last, so that a page stands only where everything that it names stands too.
    write_text(out_dir / written["report page"], page)
    return report


def write_transcript_page(
    transcript: TaggedTranscript,
    path: Path,
    *,
    sound: Sound,
    timeline: TimelineData,
    files: Mapping[str, str] | None = None,
    language: str = "en",
) -> None:
    """Write the page of a recording that was tagged and not spoken again.

    Args:
        transcript: What was heard.
        path: The page's file.
        sound: The recording.
        timeline: Its picture.
        files: Other files in the page's folder to point to, role -> name.
        language: The language in which the page opens, ``"en"`` or ``"zh"``.

    Raises:
        OutputError: The file cannot be written.
    """
    path = Path(path)
    players = (_player("before", sound, timeline, path.parent),)
    write_text(
        path,
        _render(transcript, None, None, players=players, files=files or {}, language=language),
    )


def read_report(path: Path) -> RoundTripReport:
    """Read ``report.json``.

    Raises:
        TranscriptError: The file is unreadable, damaged, another format or of a later version.
    """
    return read_document(path, RoundTripReport, format_name=REPORT_FORMAT, version=REPORT_VERSION)


def _comparable(one: TimelineData, other: TimelineData) -> tuple[TimelineData, TimelineData]:
    """Give two timelines one time axis and the same lanes."""
    duration_s = max(one.duration_s, other.duration_s)
    lanes = tuple(dict.fromkeys(segment.label for segment in one.segments + other.segments))
    return (
        replace(one, duration_s=duration_s, lanes=lanes),
        replace(other, duration_s=duration_s, lanes=lanes),
    )


def _player(name: str, sound: Sound, timeline: TimelineData, out_dir: Path) -> _Player:
    from gpt_sovits_emotion.audio import encode_mp3

    mp3 = encode_mp3(sound) if isinstance(sound, Audio) else sound
    linked = len(mp3) > EMBED_LIMIT_BYTES
    if linked:
        src = f"{name}.mp3"
        write_bytes(out_dir / src, mp3)
    else:
        src = "data:audio/mpeg;base64," + base64.b64encode(mp3).decode("ascii")
    return _Player(name, src, linked, len(mp3) / 1e6, draw_svg(timeline, name=name))


def _render(
    transcript: TaggedTranscript,
    report: RoundTripReport | None,
    synthesis: Synthesis | None,
    *,
    players: tuple[_Player, ...],
    files: Mapping[str, str],
    language: str,
) -> str:
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    script, style = _part("page.js"), _part("page.css")
    digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    values: dict[str, Any] = {
        "title": transcript.recording.name,
        "language": language if language in ("en", "zh") else "en",
        "facts": facts_of(transcript, report),
        "notices": notices_of(transcript, report),
        "summary": summary_of(report) if report else None,
        "players": players,
        "recorded": any(player.name == "before" for player in players),
        "rows": rows_of(transcript, report, synthesis),
        "removed": transcript.removed,
        "files": files_of(files),
        "version": __version__,
        # These three are ours: two files of the package, and pictures whose texts are escaped already.
        "script": Markup(script),
        "style": Markup(style),
        "svgs": {player.name: Markup(player.timeline.svg) for player in players},
        "script_digest": digest,
    }
    return environment.from_string(_part("page.html")).render(values)


def _part(name: str) -> str:
    package = resources.files("gpt_sovits_emotion.report")
    return (package / "template" / name).read_text(encoding="utf-8")
