"""What a person wrote: emotion tags in front of texts, and texts that are to be said and never were."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from gpt_sovits_emotion.banks.library.layouts import language_of_text
from gpt_sovits_emotion.banks.library.tagged_text import (
    SpokenParts,
    label_of_tag,
    labels_of_bank,
    split_at_tags,
    split_tag,
    spoken_parts,
)
from gpt_sovits_emotion.core.errors import TranscriptError
from gpt_sovits_emotion.core.labels import EMOTIONS, UNSURE, canonical_label, display_name
from gpt_sovits_emotion.core.messages import in_both, of_label, tr
from gpt_sovits_emotion.core.records import (
    WRITTEN,
    RecordingInfo,
    ReferenceBank,
    Segment,
    Sentence,
    TaggedSegment,
    TaggedTranscript,
)
from gpt_sovits_emotion.transcripts import (
    READABLE_ENDINGS,
    FileLines,
    Line,
    TextFile,
    is_ours,
    read_file,
    read_json,
    read_lines,
    timed_lines,
)
from gpt_sovits_emotion.transcripts.decoding import Decoded, read_decoded
from gpt_sovits_emotion.transcripts.formats import added_ending
from gpt_sovits_emotion.transcripts.held import ending_of
from gpt_sovits_emotion.transcripts.row_forms import unread_times
from gpt_sovits_emotion.transcripts.speakers import speakers_in
from gpt_sovits_emotion.transcripts.wording import clean, one_line

__all__ = [
    "file_to_say",
    "labels_written",
    "lines_to_say",
    "notes_of_parts",
    "text_to_say",
    "with_labels_of_file",
    "with_written_tags",
    "written_transcript",
]

_TRANSCRIPTS = frozenset({*READABLE_ENDINGS, ".csv"} - {".txt", ".lab"})
_NO_TEXT = frozenset(
    {
        ".textgrid", ".eaf", ".trs", ".idx", ".sup", ".stl", ".scc", ".rtf", ".html",
        ".htm", ".xml", ".doc", ".docx", ".odt", ".pdf", ".epub", ".xls", ".xlsx", ".ods", ".yaml", ".yml",
    }
)  # fmt: skip
"""Endings of files whose syntax would be spoken."""
_MOST_NAMED = 8
_NOBODY = tr("written by a person")
_NO_STATISTICS = tr("nothing was listened to: the emotions were asked for in writing")


def with_written_tags(
    transcript: TaggedTranscript, *banks: ReferenceBank, directions: bool = True
) -> TaggedTranscript:
    """Return a transcript in which a tag written into a text is the person's correction, and no text.

    A correction made otherwise goes before a written tag. A tag that names no emotion is no text either,
    and a note names it. Doing it twice changes nothing more.

    Args:
        transcript: What is to be said.
        banks: Voices whose own labels count as tags beside the canonical ones.
        directions: Whether stage directions, music signs and names of speakers stay in the texts.
    """
    known = _labels_of(banks)
    texts = [tagged.text for tagged in transcript.segments]
    names = frozenset[str]() if directions else speakers_in(texts)
    parts = [
        spoken_parts(text, known=known, speakers=names, with_directions=directions)
        for text in texts
    ]
    segments = tuple(map(_with_parts, transcript.segments, parts))
    notes = (*transcript.notes, *notes_of_parts(parts, known))
    return replace(transcript, segments=segments, notes=notes)


def with_labels_of_file(transcript: TaggedTranscript, source: Path | TextFile) -> TaggedTranscript:
    """Return a transcript with the emotions that a person wrote into the file its words came from.

    A mark with a percentage is a head's and counts for nothing here: the recording was just heard again.

    Args:
        transcript: Tagged, with words and times from the file.
        source: The file, in any format of `transcripts.read_transcript`.

    Raises:
        TranscriptError: The file cannot be read.
    """
    file = TextFile.of(source)
    if is_ours(file):
        lines = [
            Line("", each.segment.start_s, each.segment.end_s, each.corrected_label)
            for each in read_json(file.path).segments
        ]
    else:
        lines = list(read_lines(file))
    if lines and all(line.audio for line in lines):
        return transcript  # a training list has a row for each of many recordings
    by_hand = {line.start_s: line.label for line in lines if line.label and line.confidence is None}
    whole = set(by_hand.values()) if None in by_hand and len(transcript.segments) == 1 else set()
    label_of_whole = whole.pop() if len(whole) == 1 else None
    segments = []
    for tagged in transcript.segments:
        label = by_hand.get(tagged.segment.start_s) or label_of_whole
        keeps = tagged.corrected_label is not None or label is None
        segments.append(tagged if keeps else replace(tagged, corrected_label=label))
    return replace(transcript, segments=tuple(segments))


def labels_written(texts: Iterable[str | Line], wanted: Collection[str]) -> frozenset[str]:
    """Return which labels texts ask for: by tags, or as labels that lines have of themselves.

    Args:
        texts: What is to be said.
        wanted: Free labels, in canonical form, that count as tags beside the known emotions.

    Examples:
        >>> sorted(labels_written(["[hapy] Hi!", Line("Bye.", label="sad")], ["hapy", "angri"]))
        ['hapy', 'sad']
    """
    names = frozenset(wanted)
    lines = [Line(text) if isinstance(text, str) else text for text in texts]
    found = [line.label for line in lines]
    for line in lines:
        pieces = split_at_tags(line.text, known=names)
        found += [spoken_parts(piece, known=names).label for piece in pieces]
    return frozenset(label for label in found if label)


def lines_to_say(source: Path | TextFile) -> tuple[Line, ...]:
    """Return the lines of `file_to_say` alone. Arguments and errors as there."""
    return file_to_say(source).lines


def file_to_say(source: Path | TextFile) -> FileLines:
    """Read a file whose lines are to be said: plain text, or a transcript with its emotions.

    Args:
        source: ``.txt`` or any other text, one line each; or a transcript of ours or of another program,
            whose times are passed over.

    Raises:
        TranscriptError: It cannot be read, or is no text to be said.
    """
    file = TextFile.of(source)
    ending = file.path.suffix.casefold()
    if ending in _NO_TEXT and not added_ending(file.path):
        raise TranscriptError(
            tr(
                "{path} is of a kind ({ending}) that cannot be read; save it as text (.txt) or as "
                "subtitles (.srt)",
                path=file.path,
                ending=ending,
            )
        )
    if is_ours(file):
        return FileLines(_lines_of_document(read_json(file.path)))
    if ending in _TRANSCRIPTS or added_ending(file.path):
        # The times are passed over, and so are frames of which nobody knows how many a second has.
        return read_file(replace(file, film_rate=_any_rate))
    found = read_decoded(file.path, encoding=file.encoding, by_option=file.by_option)
    if ending == ".txt" and ending_of(found.joined):
        return read_file(file)
    return text_to_say(found, name=str(file.path))


def text_to_say(found: Decoded, *, name: str) -> FileLines:
    """Return the lines of a text, without the times that it may have.

    Args:
        found: The text, as it was decoded.
        name: What to call it in an error.

    Raises:
        TranscriptError: Its times run backwards.
    """
    said = (found.note,) if found.note is not None else ()
    timed = timed_lines(found.joined, name=name, film_rate=_any_rate)
    if timed is not None:
        return FileLines(timed.lines, (*said, *timed.notes))
    lines = tuple(map(Line, found.joined.splitlines()))
    return FileLines(lines, (*said, *unread_times(found.joined)))


def written_transcript(
    texts: Sequence[str | Line],
    *banks: ReferenceBank,
    emotion: str = "neutral",
    language: str = "",
    name: str = "text",
    directions: bool = False,
) -> TaggedTranscript:
    """Make a transcript of texts that are to be said, one segment each; blank ones are left out.

    A text with several tags becomes several segments, and a tag alone on its line counts for the next text.

    Args:
        texts: May have the tag of their emotion, as ``[happy]`` (`banks.library.tagged_text`); lines may have
            a label and a language of their own.
        banks: Voices whose own labels count as tags beside the canonical ones.
        emotion: Of texts without a tag.
        language: Of all texts; told by each text's script when "", where it has none by its neighbour's,
            then by the voice's.
        name: What to call them.
        directions: Whether stage directions, music signs and names of speakers are said.

    Returns:
        Segments without times: all are 0 (see `concatenation.timed_as_spoken`). Notes say what is not said.

    Raises:
        TranscriptError: There is nothing to say.
    """
    known = _labels_of(banks)
    lines = _lines_of(texts, known)
    plain = [split_tag(line.text, known=known)[1] for line in lines]
    names = frozenset[str]() if directions else speakers_in(plain)
    usual = label_of_tag(emotion, known) or canonical_label(emotion)
    taken_apart = [
        spoken_parts(line.text, known=known, speakers=names, with_directions=directions)
        for line in lines
    ]
    segments: list[TaggedSegment] = []
    waiting: str | None = None  # the label of a tag that stands alone, above its text
    for line, parts in zip(lines, taken_apart, strict=True):
        said = one_line(clean(parts.words))
        if not said:
            waiting = parts.label or waiting
            continue
        code = language or line.language or language_of_text(said)
        label = parts.label or line.label or waiting or usual
        waiting = None
        heard = Segment(0.0, 0.0, said, code, speaker=line.speaker or parts.speaker)
        segments.append(TaggedSegment(heard, None, corrected_label=label))
    if not segments:
        raise _nothing_to_say(name)
    notes = notes_of_parts(taken_apart, known)
    if waiting is not None:
        notes = (*notes, _without_words(waiting))
    return TaggedTranscript(
        recording=RecordingInfo(name, 0.0, 0, 0, 0.0, 0.0),
        segments=_in_languages(segments, banks),
        language=language,
        transcriber=WRITTEN,
        head_id="",
        head_title=_NOBODY,
        normalisation="global",
        normalisation_note=_NO_STATISTICS,
        notes=notes,
    )


def _lines_of(texts: Sequence[str | Line], known: Collection[str]) -> list[Line]:
    """Return the texts as lines, each with one tag at most."""
    lines = [Line(text) if isinstance(text, str) else text for text in texts]
    return [
        replace(line, text=piece)
        for line in lines
        for piece in split_at_tags(line.text, known=known)
    ]


def _nothing_to_say(name: str) -> TranscriptError:
    return TranscriptError(
        tr("there is nothing to say in {name}: no line of it has words", name=name)
    )


def _without_words(label: str) -> Sentence:
    return tr("the last tag, {label}, has no words", label=of_label(label))


def notes_of_parts(parts: Iterable[SpokenParts], known: Collection[str]) -> tuple[Sentence, ...]:
    """Say what of texts is not said: tags that name no emotion, speakers, stage directions.

    Args:
        parts: The texts, taken apart.
        known: Free labels that would have counted.
    """
    unknown: list[str] = []
    speakers: list[str] = []
    directions: list[str] = []
    for one in parts:
        unknown += one.unknown
        directions += one.directions
        speakers += [one.speaker] if one.speaker else []
    notes = []
    if unknown:
        labels = (
            [*EMOTIONS, *sorted(known - EMOTIONS.keys())] if isinstance(known, frozenset) else []
        )
        notes.append(
            tr(
                "{said}: not said, and no emotion that is known; known are {labels}",
                said=_named(unknown),
                labels=in_both(
                    ", ".join(labels), "、".join(display_name(label, "zh") for label in labels)
                ),
            )
        )
    if speakers:
        notes.append(tr("{said}: speakers, not said", said=_named(speakers)))
    if directions:
        notes.append(
            tr("{said}: not said (--directions say lets them be)", said=_named(directions))
        )
    return tuple(notes)


def _any_rate() -> float:
    """Return a rate for times that are passed over."""
    return 25.0


def _labels_of(banks: Sequence[ReferenceBank]) -> frozenset[str]:
    return frozenset[str]().union(*map(labels_of_bank, banks))


def _with_parts(tagged: TaggedSegment, parts: SpokenParts) -> TaggedSegment:
    if parts.label is None and parts.words == tagged.text:
        return tagged
    return replace(
        tagged,
        corrected_label=parts.label if tagged.corrected_label is None else tagged.corrected_label,
        corrected_text=parts.words.strip(),
    )


def _lines_of_document(document: TaggedTranscript) -> tuple[Line, ...]:
    return tuple(
        Line(
            each.text,
            label=None if each.label == UNSURE else each.label,
            language=each.segment.language or document.language,
            speaker=each.segment.speaker,
        )
        for each in document.segments
    )


def _in_languages(
    segments: Sequence[TaggedSegment], banks: Sequence[ReferenceBank]
) -> tuple[TaggedSegment, ...]:
    """Give texts without letters ("12345") the language of the one before, or behind, or of the voice."""
    codes = [tagged.segment.language for tagged in segments]
    spoken = Counter(clip.language for bank in banks for clip in bank.usable if clip.language)
    usual = next(iter(code for code, _ in spoken.most_common(1)), "")
    filled = []
    for index, tagged in enumerate(segments):
        before = next((code for code in reversed(codes[:index]) if code), "")
        behind = next((code for code in codes[index:] if code), "")
        code = codes[index]
        if not any(map(str.isalpha, tagged.text)):  # letters of another script are another language
            code = code or before or behind or usual
        filled.append(replace(tagged, segment=replace(tagged.segment, language=code)))
    return tuple(filled)


def _named(held: Sequence[str]) -> Sentence:
    """Name what was left out, each once."""
    each = list(dict.fromkeys(held))
    named = each[:_MOST_NAMED]
    more = tr(", … ({each})", each=len(each))
    if len(each) <= _MOST_NAMED:
        more = Sentence("", "")
    return Sentence(", ".join(named) + more.en, "、".join(named) + more.zh)
