"""What a person wrote: emotion tags in front of texts, and texts that are to be said and never were."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from gpt_sovits_emotion.errors import TranscriptError
from gpt_sovits_emotion.labels import UNSURE, canonical_label
from gpt_sovits_emotion.records import (
    WRITTEN,
    RecordingInfo,
    ReferenceBank,
    Segment,
    Sentence,
    Synthesis,
    TaggedSegment,
    TaggedTranscript,
)
from gpt_sovits_emotion.references.layouts import language_of_text
from gpt_sovits_emotion.references.tagged_text import labels_of_bank, split_tag
from gpt_sovits_emotion.transcript_io import Line, TextFile, is_ours, read_json, read_lines
from gpt_sovits_emotion.transcript_io.decoding import read_text
from gpt_sovits_emotion.transcript_io.tables import is_txt
from gpt_sovits_emotion.transcript_io.wording import clean, one_line

__all__ = [
    "lines_to_say",
    "timed_as_spoken",
    "with_labels_of_file",
    "with_written_tags",
    "written_transcript",
]

_TRANSCRIPTS = frozenset({".srt", ".vtt", ".ass", ".ssa", ".csv", ".list"})
_NOBODY = Sentence("written by a person", "由人书写")
_NO_STATISTICS = Sentence(
    "nothing was listened to: the emotions were asked for in writing",
    "没有聆听录音：情感由文字指定",
)


def with_written_tags(transcript: TaggedTranscript, *banks: ReferenceBank) -> TaggedTranscript:
    """Return a transcript in which a tag written into a text is the person's correction, and no text.

    A correction made otherwise goes before a written tag. Doing it twice changes nothing more.

    Args:
        transcript: What is to be said.
        banks: Voices whose own labels count as tags beside the canonical ones.
    """
    known = _labels_of(banks)
    segments = tuple(_with_tag(tagged, known) for tagged in transcript.segments)
    return replace(transcript, segments=segments)


def with_labels_of_file(transcript: TaggedTranscript, source: Path | TextFile) -> TaggedTranscript:
    """Return a transcript with the emotions that a person wrote into the file its words came from.

    A mark with a percentage is a head's and counts for nothing here: the recording was just heard again.

    Args:
        transcript: Tagged, with words and times from the file.
        source: The file, in any format of `transcript_io.read_transcript`.

    Raises:
        TranscriptError: The file cannot be read.
    """
    file = TextFile.of(source)
    if is_ours(file):
        lines = [
            Line("", each.segment.start_s, each.segment.end_s, each.corrected_label)
            for each in read_json(file.path).segments
        ]
    elif file.path.suffix.casefold() == ".list":
        return transcript  # has no emotions, and a row for each of many recordings
    else:
        lines = list(read_lines(file))
    by_hand = {line.start_s: line.label for line in lines if line.label and line.confidence is None}
    whole = set(by_hand.values()) if None in by_hand and len(transcript.segments) == 1 else set()
    label_of_whole = whole.pop() if len(whole) == 1 else None
    segments = []
    for tagged in transcript.segments:
        label = by_hand.get(tagged.segment.start_s) or label_of_whole
        keeps = tagged.corrected_label is not None or label is None
        segments.append(tagged if keeps else replace(tagged, corrected_label=label))
    return replace(transcript, segments=tuple(segments))


def lines_to_say(path: Path) -> tuple[Line, ...]:
    """Read a file whose lines are to be said: plain text, or a transcript with its emotions.

    Args:
        path: ``.txt`` or any other text, one line each; or a transcript of ours or of another program
            (``.json``, ``.srt``, ``.vtt``, ``.ass``, ``.csv``, ``.list``), whose times are passed over.

    Raises:
        TranscriptError: It cannot be read, or is no text.
    """
    ending = path.suffix.casefold()
    if ending == ".json":
        document = read_json(path)
        return tuple(
            Line(
                each.text,
                label=None if each.label == UNSURE else each.label,
                language=each.segment.language or document.language,
            )
            for each in document.segments
        )
    if ending in _TRANSCRIPTS:
        return read_lines(path)
    text = read_text(path)
    if ending == ".txt" and is_txt(text):
        return read_lines(path)
    return tuple(Line(line) for line in text.splitlines())


def written_transcript(
    texts: Sequence[str | Line],
    *banks: ReferenceBank,
    emotion: str = "neutral",
    language: str = "",
    name: str = "text",
) -> TaggedTranscript:
    """Make a transcript of texts that are to be said, one segment each; blank ones are left out.

    Args:
        texts: May begin with the tag of their emotion, as ``[happy]`` (`references.tagged_text`); lines may
            have a label and a language of their own.
        banks: Voices whose own labels count as tags beside the canonical ones.
        emotion: Of texts without a tag.
        language: Of all texts; told by each text's script when "".
        name: What to call them.

    Returns:
        Segments without times: all are 0 (see `timed_as_spoken`).

    Raises:
        TranscriptError: There is nothing to say.
    """
    known = _labels_of(banks)
    segments = []
    for text in texts:
        line = Line(text) if isinstance(text, str) else text
        tag, words = split_tag(line.text, known=known)
        said = one_line(clean(words))
        if said:
            code = language or line.language or language_of_text(said)
            label = tag or line.label or canonical_label(emotion)
            segments.append(
                TaggedSegment(Segment(0.0, 0.0, said, code), None, corrected_label=label)
            )
    if not segments:
        raise TranscriptError(
            f"there is nothing to say in {name}: no line of it has words",
            zh=f"{name} 中没有可合成的内容：没有一行有文字",
        )
    return TaggedTranscript(
        recording=RecordingInfo(name, 0.0, 0, 0, 0.0, 0.0),
        segments=tuple(segments),
        language=language,
        transcriber=WRITTEN,
        head_id="",
        head_title=_NOBODY,
        normalisation="global",
        normalisation_note=_NO_STATISTICS,
    )


def timed_as_spoken(transcript: TaggedTranscript, synthesis: Synthesis) -> TaggedTranscript:
    """Give the segments of a written transcript the times at which they were said.

    Args:
        transcript: From `written_transcript`.
        synthesis: Of it.
    """
    segments = []
    for tagged, said in zip(transcript.segments, synthesis.segments, strict=True):
        end_s = said.start_s + (said.audio.duration_s if said.audio else 0.0)
        segments.append(
            replace(tagged, segment=replace(tagged.segment, start_s=said.start_s, end_s=end_s))
        )
    info = replace(
        transcript.recording,
        duration_s=synthesis.joined.duration_s,
        original_sampling_rate_hz=synthesis.joined.sampling_rate_hz,
        original_channels=1,
    )
    return replace(transcript, recording=info, segments=tuple(segments))


def _labels_of(banks: Sequence[ReferenceBank]) -> frozenset[str]:
    return frozenset[str]().union(*map(labels_of_bank, banks))


def _with_tag(tagged: TaggedSegment, known: frozenset[str]) -> TaggedSegment:
    label, said = split_tag(tagged.text, known=known)
    if label is None:
        return tagged
    return replace(
        tagged,
        corrected_label=label if tagged.corrected_label is None else tagged.corrected_label,
        corrected_text=said.strip(),
    )
