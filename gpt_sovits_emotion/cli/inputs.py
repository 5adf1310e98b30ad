"""What a command is to read is looked at before any model is opened.

Opening one takes seconds, may fetch it, and joins the Whisper that is installed in halves in the user's
cache: none of that is to happen for a path that is not there.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from gpt_sovits_emotion.cli.settings import ChoosingSettings, RecordingSettings, SpeakingSettings
from gpt_sovits_emotion.cli.texts import existing_transcript

__all__ = ["check_banks", "check_recording", "check_transcripts"]


def check_recording(path: Path, settings: RecordingSettings) -> None:
    """Look for a recording, and for the transcript that ``--transcript`` means for it.

    Raises:
        AudioError: There is no such recording, it is empty or may not be read.
        TranscriptError: There is no such transcript, or it may not be read.
    """
    from gpt_sovits_emotion.audio import check_file

    check_file(path)
    transcript = existing_transcript(settings, path)
    if transcript is not None:
        check_transcripts([transcript.path])


def check_transcripts(paths: Iterable[Path]) -> None:
    """Look for transcript files. Raises `TranscriptError` where one is not there or may not be read."""
    from gpt_sovits_emotion.transcripts.decoding import read_bytes

    for path in paths:
        read_bytes(path)


def check_banks(bank: Path, choosing: ChoosingSettings, speaking: SpeakingSettings) -> None:
    """Look for a voice's bank, that of ``--prosody-from``, and further clips for the timbre.

    Raises:
        ReferenceBankError: One is not there, or is no bank.
        AudioError: A clip is not there, is empty or may not be read.
    """
    from gpt_sovits_emotion.audio import check_file
    from gpt_sovits_emotion.banks.library.layouts import read_layout

    for path in (bank, choosing.prosody_from):
        if path is not None:
            read_layout(path)
    for clip in speaking.timbre:
        check_file(clip)
