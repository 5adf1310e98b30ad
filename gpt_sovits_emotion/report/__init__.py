"""The report: a timeline picture, a page that needs nothing but a browser, and JSON."""

from __future__ import annotations

from gpt_sovits_emotion.report.data import (
    TimelineData,
    TimelineSegment,
    timeline_of_audio,
    timeline_of_recording,
)
from gpt_sovits_emotion.report.page import (
    REPORT_FILES,
    REPORT_FORMAT,
    REPORT_VERSION,
    read_report,
    write_report,
    write_transcript_page,
)
from gpt_sovits_emotion.report.timeline import draw_timeline, write_timeline

__all__ = [
    "REPORT_FILES",
    "REPORT_FORMAT",
    "REPORT_VERSION",
    "TimelineData",
    "TimelineSegment",
    "draw_timeline",
    "read_report",
    "timeline_of_audio",
    "timeline_of_recording",
    "write_report",
    "write_timeline",
    "write_transcript_page",
]
