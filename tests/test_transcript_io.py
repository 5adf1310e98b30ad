"""Every transcript format: what is written reads back equal, and bad files are met with a sentence."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import os
import re
import string
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gpt_sovits_emotion import transcripts as transcript_io
from gpt_sovits_emotion.core.errors import OutputError, TranscriptError
from gpt_sovits_emotion.core.labels import EMOTIONS, UNSURE, canonical_label, rich_text_tag
from gpt_sovits_emotion.core.records import (
    Cue,
    EmotionScores,
    Prosody,
    RecordingInfo,
    RemovedText,
    Segment,
    Sentence,
    TaggedSegment,
    TaggedTranscript,
    Word,
)
from gpt_sovits_emotion.transcripts.decoding import decode
from gpt_sovits_emotion.transcripts.schema import schema_text, transcript_schema
from gpt_sovits_emotion.transcripts.wording import guard, mark, split_mark, unguard

GOLDEN = Path(__file__).parent / "golden"
REPOSITORY = Path(__file__).parent.parent
JOINER = "\u2060"

# --- what hypothesis draws -------------------------------------------------------------------------

# Half of a surrogate pair can stand in no file; test_half_a_character_is_refused covers it.
_CHARS = st.characters(exclude_categories=["Cs"])
_NASTY = st.sampled_from(
    [
        "-->",
        "00:00:01,000 --> 00:00:02,000",
        "{\\b1}bold{\\b0}",
        "{\\p1}m 0 0{\\p0}",
        "\\N",
        "<i>x</i>",
        "</c>",
        "&amp;",
        "<|HAPPY|>",
        "[angry 87 %]",
        "[傲娇 ✓]",
        "[laughs]",
        "|",
        '"',
        "'",
        ",",
        "=1+1",
        "'=1",
        "@cmd",
        "\n\n",
        "\r\n",
        "7",
        "NOTE",
        "WEBVTT",
        "😀👩‍👩‍👧",
        "שלום",
        "\u202e",
        "\ufeff",
        JOINER,
        "--" + JOINER + ">",
        "\u2028",
        "\x85",
        "\x00",
        "\x1c",
        "早上",
        "안녕",
    ]
)
TEXTS = st.one_of(
    st.text(_CHARS, max_size=40),
    st.lists(st.one_of(_NASTY, st.text(_CHARS, max_size=4)), max_size=6).map("".join),
)
LABELS = st.one_of(
    st.sampled_from([*EMOTIONS, UNSURE, "傲娇", "anger", "50 %", "a]b", "x ✓", "a,b", "Default"]),
    st.text(_CHARS, min_size=1, max_size=12),
)
SENTENCES = st.builds(Sentence, en=TEXTS, zh=TEXTS)
QUICK = settings(max_examples=25)
FINITE = st.floats(allow_nan=False, allow_infinity=False)


@st.composite
def scores(draw: st.DrawFn) -> EmotionScores:
    labels = draw(st.lists(LABELS, min_size=1, max_size=5, unique=True))
    weights = draw(st.lists(st.floats(0.01, 1.0), min_size=len(labels), max_size=len(labels)))
    probabilities = {
        label: weight / sum(weights) for label, weight in zip(labels, weights, strict=True)
    }
    best = max(probabilities, key=lambda label: probabilities[label])
    cues = st.builds(
        Cue,
        name=st.sampled_from(["rate", "pitch"]),
        difference=FINITE,
        unit=st.just("st"),
        baseline=st.just("speaker"),
    )
    return EmotionScores(
        probabilities,
        draw(st.sampled_from([best, UNSURE])),
        tuple(draw(st.lists(cues, max_size=2))),
        draw(SENTENCES),
    )


@st.composite
def segments(draw: st.DrawFn) -> tuple[TaggedSegment, ...]:
    tagged = []
    now_ms = draw(st.integers(0, 3_600_000))
    for _ in range(draw(st.integers(1, 4))):
        # Longer than the coarsest resolution, so that no segment is rounded to nothing.
        end_ms = now_ms + draw(st.integers(20, 60_000))
        offset_s = draw(st.sampled_from([0.0, 0.0001, 0.0004]))
        words = (
            Word(now_ms / 1000, end_ms / 1000, draw(TEXTS), draw(st.none() | st.floats(0, 1))),
        )
        tagged.append(
            TaggedSegment(
                Segment(
                    now_ms / 1000 + offset_s,
                    end_ms / 1000 + offset_s,
                    draw(TEXTS),
                    draw(st.sampled_from(["", "zh", "en", "de"])),
                    draw(st.sampled_from([(), words])),
                    speaker=draw(
                        st.sampled_from(["", "Anna", "小明", "A, B: <i>C</i> | -->"]) | TEXTS
                    ),
                ),
                draw(st.none() | scores()),
                draw(st.none() | st.just(Prosody(1.5, 1.25, 180.5, None, 4.0, -23.0))),
                draw(st.none() | SENTENCES),
                draw(st.none() | LABELS),
                draw(st.none() | TEXTS),
            )
        )
        now_ms = end_ms + draw(st.integers(1, 10_000))
    return tuple(tagged)


TRANSCRIPTS = st.builds(
    TaggedTranscript,
    recording=st.just(RecordingInfo("talk.wav", 4000.0, 44_100, 2, -31.5, 8.5)),
    segments=segments(),
    language=st.sampled_from(["", "zh", "en"]),
    transcriber=TEXTS,
    head_id=st.just("prosody-emodb"),
    head_title=SENTENCES,
    normalisation=st.just("speaker"),
    normalisation_note=SENTENCES,
    removed=st.just((RemovedText(1.0, 2.0, "thanks for watching", "silence"),)),
)


def transcript(*texts: str, label: str = "angry", corrected: str | None = None) -> TaggedTranscript:
    """Segments of one second each, from second 1 on, every one heard as `label` with 87 %."""
    heard = EmotionScores(
        {label: 0.87, "neutral": 0.13}, label, (), Sentence("angry 87 %: louder", "愤怒 87 %：更响")
    )
    return TaggedTranscript(
        RecordingInfo("talk.wav", 100.0, 16_000, 1, -23.0, 0.0),
        tuple(
            TaggedSegment(
                Segment(second, second + 0.5, text, "en"), heard, corrected_label=corrected
            )
            for second, text in enumerate(texts, start=1)
        ),
        "en",
        "faster-whisper:small",
        "prosody-emodb",
        Sentence("Prosody", "韵律"),
        "global",
        Sentence("", ""),
    )


# --- what each format can hold, said a second time and more simply -----------------------------------


def held(text: str) -> str:
    text = text.replace("\ufeff", "")
    rows = ("".join(c for c in row.replace("\t", " ") if c.isprintable() or not _control(c)).strip()
            for row in text.splitlines())  # fmt: skip
    return "\n".join(row for row in rows if row)


def _control(char: str) -> bool:
    return ord(char) < 32 or 127 <= ord(char) < 160


def held_label(label: str) -> str:
    return canonical_label(transcript_io.lines.one_line(held(label))) or UNSURE


def held_on_one_line(text: str) -> str:
    return transcript_io.lines.one_line(held(text))


def held_speaker(tagged: TaggedSegment) -> str:
    return held_on_one_line(tagged.segment.speaker.replace("\u2060", ""))


# --- round trips -------------------------------------------------------------------------------------


@QUICK
@given(TRANSCRIPTS)
def test_json_reads_back_wholly_equal(tmp_path_factory, drawn):
    path = tmp_path_factory.getbasetemp() / "drawn.json"
    transcript_io.write(drawn, path)
    assert transcript_io.read_json(path) == drawn


@pytest.mark.parametrize(
    ("ending", "resolution_s", "lines_kept"),
    [
        (".srt", 0.001, True),
        (".vtt", 0.001, True),
        (".ass", 0.01, True),
        (".txt", 0.001, False),
        (".csv", 0.001, True),
    ],
)
@pytest.mark.parametrize("language", ["en", "zh"])
@QUICK
@given(drawn=TRANSCRIPTS)
@example(drawn=transcript("I have\n5", "6", "a --> b", "00:00:01,000 --> 00:00:02,000"))
@example(drawn=transcript("{\\b1}", "\\N \\{ }", "<i>i</i> <3 & &lt;", ""))
@example(drawn=transcript("[laughs] no", corrected="傲娇"))
def test_timed_formats_read_back_what_they_hold(
    tmp_path_factory, ending, resolution_s, lines_kept, language, drawn
):
    path = tmp_path_factory.getbasetemp() / f"drawn{ending}"
    transcript_io.write(drawn, path, language=language)
    lines = transcript_io.read_lines(path)
    hold = held if lines_kept else held_on_one_line

    assert [line.text for line in lines] == [hold(tagged.text) for tagged in drawn.segments]
    assert [line.label for line in lines] == [held_label(tagged.label) for tagged in drawn.segments]
    named = [held_speaker(tagged) for tagged in drawn.segments]
    if ending == ".ass":
        named = [name.replace(",", ";") for name in named]
    assert [line.speaker for line in lines] == named
    for line, tagged in zip(lines, drawn.segments, strict=True):
        # Half a step for rounding, and the rounding of the millisecond before it.
        assert line.start_s == pytest.approx(tagged.segment.start_s, abs=0.51 * resolution_s + 5e-4)
        assert line.end_s == pytest.approx(tagged.segment.end_s, abs=0.51 * resolution_s + 5e-4)
        by_hand = tagged.corrected_label is not None and line.label != UNSURE
        assert line.by_hand == by_hand
        if tagged.scores is None or by_hand or line.label == UNSURE:
            assert line.confidence is None
        else:
            # To one percent, and 99 % stands for all that is above.
            assert line.confidence == pytest.approx(tagged.scores.confidence, abs=0.0101)


def test_who_speaks_stands_where_a_reader_of_each_format_looks(tmp_path):
    told = transcript("Hi there.", "Note: hot", "Bye.")
    first, second, third = told.segments
    change = dataclasses.replace
    named = change(first, segment=change(first.segment, speaker="Anna, B"))
    last = change(third, segment=change(third.segment, speaker="小明"))
    told = change(told, segments=(named, second, last))
    shown = {
        name: transcript_io.to_text(told, name) for name in ("srt", "vtt", "ass", "txt", "csv")
    }
    joined = {name: text.replace("\u2060", "") for name, text in shown.items()}
    assert "[angry 87 %] Anna, B: Hi there." in joined["srt"]
    assert "[angry 87 %] Note: hot" in joined["srt"]
    assert "  [angry 87 %] 小明: Bye." in joined["txt"]
    assert "<v Anna, B><c.angry>[angry 87 %] Hi there.</c>" in joined["vtt"]
    assert "angry,Anna; B,0,0,0,,[angry 87 %] Hi there." in joined["ass"]
    header, row, *_ = joined["csv"].lstrip("\ufeff").splitlines()
    assert header.endswith(",reason,speaker,p:angry,p:neutral")
    assert ',"Anna, B",' in row
    clips = [f"{number}.wav" for number in range(3)]
    rows = transcript_io.to_text(told, "list", clip_paths=clips, speaker="ada").splitlines()
    assert [row.split("|")[1] for row in rows] == ["Anna, B", "ada", "小明"]

    nobody = transcript("Hi there.")
    assert "speaker" not in transcript_io.to_text(nobody, "csv")
    assert "<v " not in transcript_io.to_text(nobody, "vtt")


@QUICK
@given(TRANSCRIPTS)
def test_rich_text_reads_back_what_it_holds(drawn):
    text = transcript_io.to_text(drawn, "rich-text")
    lines = transcript_io.tagged_text.read_rich_text(text)
    assert [line.text for line in lines] == [held_on_one_line(t.text) for t in drawn.segments]
    assert [line.label for line in lines] == [
        canonical_label(rich_text_tag(held_label(tagged.label))) for tagged in drawn.segments
    ]


@QUICK
@given(TRANSCRIPTS)
def test_training_lists_have_four_fields_and_read_back(drawn):
    spoken = transcript(*(tagged.text for tagged in drawn.segments))
    clips = [f"clips/talk_{number:04d}.wav" for number in range(len(spoken.segments))]
    text = transcript_io.to_text(spoken, "list", clip_paths=clips, speaker="ada")
    rows = [row.split("|") for row in text.split("\n")[:-1]]
    assert all(len(row) == 4 and row[1:3] == ["ada", "en"] for row in rows)
    expected = {
        clip: words
        for clip, tagged in zip(clips, spoken.segments, strict=True)
        if (words := held_on_one_line(tagged.text).replace("|", " ").strip())
    }
    assert {row[0]: row[3] for row in rows} == expected


@QUICK
@given(TRANSCRIPTS)
def test_subtitles_become_segments_again(tmp_path_factory, drawn):
    path = tmp_path_factory.getbasetemp() / "again.vtt"
    transcript_io.write(drawn, path)
    read = transcript_io.read_transcript(path, duration_s=4000.0, language="zh")
    assert [s.text for s in read.segments] == [held_on_one_line(t.text) for t in drawn.segments]
    assert (read.language, read.source) == ("zh", "file:again.vtt")


@given(TEXTS)
def test_guards_come_off_again(text):
    assert unguard(guard(text)) == text
    for syntax in (r"-->", r"<[A-Za-z/|]", r"\{\\"):
        assert re.search(syntax, guard(text)) is None


@given(LABELS.filter(str.strip), st.none() | st.floats(0, 1), st.booleans())
def test_marks_come_off_again(label, confidence, by_hand):
    label = held_label(label)
    confidence = None if by_hand else confidence
    written = mark(
        label, confidence=confidence, by_hand=by_hand or confidence is None, language="zh"
    )
    found, rest = split_mark(f"{written} [angry 3 %] hello")
    assert found is not None
    assert (found.label, rest) == (label, "[angry 3 %] hello")


# --- goldens: what a file looks like, and that it stays so -------------------------------------------


@pytest.mark.parametrize("format", ["json", "srt", "vtt", "ass", "txt", "csv", "rich-text"])
def test_written_files_stay_as_they_are(format):
    golden = GOLDEN / f"transcript{transcript_io.FORMATS[format]}"
    written = transcript_io.to_text(golden_transcript(), format, language="zh")
    written = re.sub(r'"written_by": "[^"]*"', '"written_by": "gpt-sovits-emotion"', written)
    assert written.encode() == golden.read_bytes()


def golden_transcript() -> TaggedTranscript:
    """One segment of each kind: sure, unsure, corrected with a free label, untaggable."""

    def tagged(start_s, text, probabilities, label, **more):  # fmt: skip
        reason = Sentence(f"{label}: as heard", f"{label}：听到的")
        return TaggedSegment(
            Segment(start_s, start_s + 1.25, text, "zh"),
            EmotionScores(probabilities, label, (Cue("rate", 18.0, "%", "speaker"),), reason),
            **more,
        )

    return TaggedTranscript(
        RecordingInfo("采访.m4a", 12.5, 44_100, 2, -31.5, 8.5),
        (
            tagged(0.5, "你怎么能这样！", {"angry": 0.87, "happy": 0.13}, "angry"),
            tagged(2.0, "a --> b & <i>c</i>\n=1+1", {"angry": 0.4, "happy": 0.6}, UNSURE),
            tagged(4.0, "哼", {"angry": 0.7, "happy": 0.3}, "angry", corrected_label="傲娇",
                   corrected_text="哼，{才不是}"),
            TaggedSegment(
                Segment(11.0, 11.0625, "", "zh"), None, problem=Sentence("too short", "太短")
            ),
        ),
        "zh",
        "faster-whisper:small",
        "prosody-emodb",
        Sentence("Prosody, EmoDB", "韵律，EmoDB"),
        "speaker",
        Sentence("from 12 segments", "来自 12 段"),
        (RemovedText(12.0, 12.5, "谢谢观看", "silence"),),
    )  # fmt: skip


def test_schema_file_is_what_the_records_say():
    assert (REPOSITORY / "docs" / "tagged-transcript.schema.json").read_text(
        "utf-8"
    ) == schema_text()


def test_schema_names_every_key_that_is_written():
    schema = transcript_schema()
    document = transcript_io.document_text(
        golden_transcript(),
        format_name=transcript_io.TRANSCRIPT_FORMAT,
        version=transcript_io.TRANSCRIPT_VERSION,
    )
    written = json.loads(document)
    assert set(written) == set(schema["properties"])
    assert set(written["document"]) == set(schema["properties"]["document"]["properties"])
    first = written["document"]["segments"][0]
    assert set(first) == set(schema["$defs"]["TaggedSegment"]["properties"])


# --- formats in detail -------------------------------------------------------------------------------


def test_csv_is_inert_in_a_spreadsheet_and_plain_for_the_csv_module(tmp_path):
    path = tmp_path / "talk.csv"
    transcript_io.write(transcript('=HYPERLINK("x")', "+1", "\u3000＝1", "'quoted'", "'=1"), path)
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(path.read_text("utf-8-sig"), newline="")))
    assert [row["text"] for row in rows] == [
        '\'=HYPERLINK("x")',
        "'+1",
        "'＝1",
        "'quoted'",
        "''=1",
    ]
    assert float(rows[0]["p:angry"]) == 0.87
    assert rows[0]["reason"] == "angry 87 %: louder"


def test_vtt_colours_every_cue_by_a_class_that_its_header_defines():
    written = transcript_io.to_text(transcript("hello", corrected="傲娇"), "vtt")
    header, cues = written.split("\n\n1\n")
    assert "::cue(.angry) { color: #d55e00 }" in header
    assert "<c.free>[傲娇 ✓] hello</c>" in cues
    assert "<c.angry>[angry 87 %] hello</c>" in transcript_io.to_text(transcript("hello"), "vtt")


def test_ass_has_one_coloured_style_per_emotion():
    import pysubs2

    subtitles = pysubs2.SSAFile.from_string(transcript_io.to_text(transcript("a", "b"), "ass"))
    assert {event.style for event in subtitles} == {"angry"}
    colour = subtitles.styles["angry"].primarycolor
    assert (colour.r, colour.g, colour.b) == (0xD5, 0x5E, 0x00)


def test_ass_refuses_what_lies_past_ten_hours():
    tagged = transcript("late").segments[0]
    late = dataclasses.replace(tagged, segment=Segment(36_000.0, 36_001.0, "late"))
    document = dataclasses.replace(transcript("late"), segments=(late,))
    with pytest.raises(TranscriptError, match="no time past 10 hours"):
        transcript_io.to_text(document, "ass")
    assert "10:00:00,000 --> 10:00:01,000" in transcript_io.to_text(document, "srt")


def test_rich_text_is_written_as_sensevoice_writes_it():
    assert (
        transcript_io.to_text(transcript("Go away!"), "rich-text")
        == "<|en|><|ANGRY|><|Speech|><|withitn|>Go away!\n"
    )


def test_rich_text_of_several_utterances_is_parsed_and_stripped():
    text = "<|zh|><|HAPPY|><|BGM|><|withitn|>真好。<|en|><|EMO_UNKNOWN|><|Speech|><|woitn|>okay"
    first, second = transcript_io.tagged_text.read_rich_text(text)
    assert (first.text, first.label, first.language) == ("真好。", "happy", "zh")
    assert (second.text, second.label, second.language) == ("okay", UNSURE, "en")
    assert transcript_io.strip_rich_text_tags(text) == "真好。okay"


@pytest.mark.parametrize(
    ("clips", "speaker", "language", "says"),
    [
        ((), "ada", "en", "one audio clip per segment; found 0 clips for 1"),
        (("a|b.wav",), "ada", "en", "clip name"),
        (("a.wav",), "a|b", "en", "speaker name"),
        (("a.wav",), "ada", "de", "trains zh, en, ja, ko and yue"),
    ],
)
def test_training_lists_that_would_be_dropped_are_refused(clips, speaker, language, says):
    document = transcript("hello")
    tagged = document.segments[0]
    spoken = dataclasses.replace(tagged, segment=Segment(1.0, 2.0, "hello", language))
    document = dataclasses.replace(document, segments=(spoken,))
    with pytest.raises(TranscriptError, match=says):
        transcript_io.to_text(document, "list", clip_paths=clips, speaker=speaker)


# --- other people's files ----------------------------------------------------------------------------

FOREIGN_SRT = """1
00:00:01,000 --> 00:00:02,500 X1:10
<font color="#ff0000">[angry]</font> <i>Go</i>
{\\an8}away!

2
00:00:03.00 --> 00:00:04,000
[laughs] one

two
3
00:00:05,000 --> 00:00:06,000

"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_subtitles_of_other_programs(tmp_path, encoding, line_end):
    path = tmp_path / "talk.SRT"
    path.write_bytes(FOREIGN_SRT.replace("\n", line_end).encode(encoding))
    read = transcript_io.read_transcript(path)
    assert [(s.start_s, s.end_s, s.text) for s in read.segments] == [
        (1.0, 2.5, "Go away!"),
        (3.0, 4.0, "[laughs] one two"),
    ]


def test_vtt_of_other_programs(tmp_path):
    path = tmp_path / "talk.vtt"
    path.write_text(
        "WEBVTT - made by hand\n\nSTYLE\n::cue { color: red }\n\nNOTE\nnot said\n\nintro\n"
        "00:01.000 --> 00:02.000 align:start\n<v Ada><c.loud>you &amp; me</c>\n- 7\n\n"
        "NOTE not said either\n",
        "utf-8",
    )
    (line,) = transcript_io.read_lines(path)
    assert (line.start_s, line.text) == (1.0, "you & me\n- 7")


def test_ass_of_other_programs(tmp_path):
    path = tmp_path / "talk.ass"
    path.write_text(
        "[Script Info]\n[V4+ Styles]\n[Events]\n"
        "Comment: 0,0:00:00.00,0:00:01.00,Default,,0,0,0,,not said\n"
        "Dialogue: 0,0:00:00.00,0:00:01.00,Default,,0,0,0,,{\\p1}m 0 0 l 9 9{\\p0}\n"
        "Dialogue: 0,0:00:02.00,0:00:03.00,angry,,0,0,0,,{\\i1}go{\\i0},\\Naway\\h!\n",
        "utf-8",
    )
    read = transcript_io.read_transcript(path)
    assert [segment.text for segment in read.segments] == ["go, away !"]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("1\n你好".encode("utf-16-le"), "1\n你好"),
        ("1\n你好".encode("utf-16-be"), "1\n你好"),
        ("早上好".encode(), "早上好"),
        (b"", ""),
    ],
)
def test_unicode_is_told_apart(data, text):
    assert decode(data, name="talk.txt") == text


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.srt", "00:00:03,000 --> 00:00:02,000\nx", "before it starts"),
        ("a.srt", "00:00:0x,000 --> 00:00:02,000\nx", "times in line 1"),
        ("a.srt", "hello", "no cue with times"),
        ("a.srt", "00:00:01,000 --> 00:00:02,000\n\n", "has no text"),
        ("a.srt", "00:01:01,0 --> 00:01:02,0\nx", "past the end of the recording"),
        ("a.vtt", "WEBVTT\n", "no cue with times"),
        (
            "a.ass",
            "[Events]\nDialogue: 0,zero,0:00:01.00,Default,,0,0,0,,x",
            "ASS subtitles in line 2;",
        ),
        ("a.ass", "[Events]\n", "no line of dialogue"),
        ("a.txt", " \n", "has no text"),
        ("a.lab", "", "has no text"),
        ("a.list", "a.wav|ada|en|hello|happy", "has 5 fields"),
        ("a.list", "b.wav|ada|en|x\nc.wav|ada|en|y", "none for 'a.wav'"),
        ("a.list", "a.wav|ada|en|x\na.wav|ada|en|y", "different texts"),
        ("a.list", "\n", "has no row"),
        ("a.csv", "start_s,end_s\n1,2\n", "row 2 lacks label"),
        ("a.csv", "start_s\n", "has no row"),
        ("a.docx", "x", "has the ending '.docx'"),
        ("a.json", "{", "damaged JSON"),
        ("a.json", "[" * 100_000, "damaged JSON"),
        ("a.json", "[1]", "JSON of another program"),
        ("a.json", '{"format": "whisper"}', "of the format 'whisper'"),
    ],
)
def test_bad_files_are_met_with_one_sentence(tmp_path, name, content, says):
    path = tmp_path / name
    path.write_text(content, "utf-8")
    with pytest.raises(TranscriptError, match=re.escape(says)) as caught:
        transcript_io.read_transcript(path, duration_s=10.0, recording_name="a.wav")
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_files_folders_and_giants_are_met_with_one_sentence(tmp_path):
    with pytest.raises(TranscriptError, match="does not exist"):
        transcript_io.read_transcript(tmp_path / "no.srt")
    (tmp_path / "folder.srt").mkdir()
    with pytest.raises(TranscriptError, match="is a folder"):
        transcript_io.read_transcript(tmp_path / "folder.srt")
    giant = tmp_path / "giant.srt"
    with giant.open("wb") as stream:
        stream.truncate(65 * 1024 * 1024)  # sparse: takes no room
    with pytest.raises(TranscriptError, match="never has more than"):
        transcript_io.read_transcript(giant)


@given(
    st.binary(max_size=200),
    st.sampled_from(
        [
            ".srt",
            ".vtt",
            ".ass",
            ".list",
            ".txt",
            ".json",
            ".lrc",
            ".sbv",
            ".ttml",
            ".tsv",
            ".csv",
            ".lab",
            ".smi",
            ".sub",
        ]
    ),
)
def test_any_bytes_give_a_transcript_or_a_sentence(tmp_path_factory, data, ending):
    path = tmp_path_factory.getbasetemp() / f"any{ending}"
    path.write_bytes(data)
    try:
        read = transcript_io.read_transcript(path, duration_s=10.0, recording_name="a.wav")
    except TranscriptError as error:
        outcome = str(error)
    else:
        outcome = f"{path} has {len(read.segments)} segments"
    assert outcome.startswith(str(path))
    assert " 0 segments" not in outcome


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"version": 2}, "update gpt-sovits-emotion"),
        ({"version": "1"}, "whole number"),
        ({"document": None}, "an object was expected"),
        ({"document": {"language": 3}}, "not as expected"),
    ],
)
def test_json_of_another_version_or_damaged_is_explained(tmp_path, change, says):
    path = tmp_path / "talk.json"
    transcript_io.write(transcript("hello"), path)
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | change), "utf-8")
    with pytest.raises(TranscriptError, match=says):
        transcript_io.read_json(path)


def test_json_with_keys_of_a_later_version_is_read(tmp_path):
    path = tmp_path / "talk.json"
    transcript_io.write(transcript("hello"), path)
    data = json.loads(path.read_text("utf-8"))
    data["mood"] = data["document"]["mood"] = data["document"]["segments"][0]["mood"] = "later"
    path.write_text(json.dumps(data), "utf-8")
    assert transcript_io.read_json(path) == transcript("hello")


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-1.0"])
def test_json_with_impossible_times_is_refused(tmp_path, word):
    path = tmp_path / "talk.json"
    transcript_io.write(transcript("hello"), path)
    text = path.read_text("utf-8")
    assert '"start_s": 1,' in text or '"start_s": 1.0,' in text
    path.write_text(re.sub(r'"start_s": 1(\.0)?,', f'"start_s": {word},', text), "utf-8")
    with pytest.raises(TranscriptError, match=r"not a number|negative time"):
        transcript_io.read_json(path)


# --- beside a recording ------------------------------------------------------------------------------


def test_plain_text_is_one_segment_over_the_whole_recording(tmp_path):
    path = tmp_path / "talk.lab"
    path.write_text("[angry] good\nmorning\n", "utf-8")
    (segment,) = transcript_io.read_transcript(path, duration_s=2.5, language="en").segments
    assert segment == Segment(0.0, 2.5, "good morning", "en")
    with pytest.raises(TranscriptError, match="length of its recording is not known"):
        transcript_io.read_transcript(path)


def test_rich_text_beside_a_recording_is_stripped(tmp_path):
    path = tmp_path / "talk.txt"
    path.write_text("<|yue|><|SAD|><|Speech|><|withitn|>唔好\n", "utf-8")
    read = transcript_io.read_transcript(path, duration_s=2.5)
    assert (read.segments[0].text, read.language) == ("唔好", "yue")


def test_our_own_txt_beside_a_recording_keeps_its_times(tmp_path):
    path = tmp_path / "talk.txt"
    transcript_io.write(transcript("one", "two"), path)
    read = transcript_io.read_transcript(path, duration_s=9.0)
    assert [(s.start_s, s.text) for s in read.segments] == [(1.0, "one"), (2.0, "two")]


def test_corrected_text_counts_and_its_word_times_go(tmp_path):
    heard = TaggedSegment(Segment(0.0, 1.0, "helo", "en", (Word(0.0, 1.0, "helo"),)), None)
    corrected = dataclasses.replace(heard, corrected_text="hello")
    path = tmp_path / "talk.json"
    document = dataclasses.replace(transcript(), segments=(heard, ))  # fmt: skip
    transcript_io.write(document, path)
    assert transcript_io.read_transcript(path).segments == (heard.segment,)
    transcript_io.write(dataclasses.replace(document, segments=(corrected,)), path)
    assert transcript_io.read_transcript(path).segments == (Segment(0.0, 1.0, "hello", "en"),)


@pytest.mark.parametrize("audio", ["clips\\Talk.WAV", "/data/clips/talk.wav", "talk.flac"])
def test_the_row_of_a_list_is_found_by_the_recordings_name(tmp_path, audio):
    path = tmp_path / "voice.list"
    path.write_text(f"other.wav|ada|EN|no\n{audio}|ada|JP|yes|happy|loud\n", "utf-8")
    read = transcript_io.read_transcript(path, duration_s=1.0, recording_name="talk.wav")
    assert read.segments == (Segment(0.0, 1.0, "yes", "ja"),)
    assert transcript_io.read_lines(path)[1].label == "happy"


def test_small_overlaps_and_overruns_are_cut(tmp_path):
    path = tmp_path / "talk.srt"
    path.write_text(
        "00:00:02,000 --> 00:00:03,500\nlast\n\n00:00:00,000 --> 00:00:02,050\nfirst\n", "utf-8"
    )
    read = transcript_io.read_transcript(path, duration_s=3.0)
    assert [(s.start_s, s.end_s) for s in read.segments] == [(0.0, 2.0), (2.0, 3.0)]


def test_the_best_transcript_beside_is_found(tmp_path):
    audio = tmp_path / "我的 talk 😀.wav"
    audio.write_bytes(b"")
    assert transcript_io.find_transcript_beside(audio) is None
    expected = [
        ("all.list", f"other.wav|a|en|x\n{audio}|a|en|x\n"),
        (f"{audio.name}.TXT", "x"),
        (f"{audio.stem}.lab", "x"),
        (f"{audio.stem}.srt", "x"),
    ]
    for name, content in expected:
        (tmp_path / name).write_text(content, "utf-8")
        assert transcript_io.find_transcript_beside(audio) == tmp_path / name
    foreign = tmp_path / f"{audio.stem}.json"
    foreign.write_text("{}", "utf-8")
    assert transcript_io.find_transcript_beside(audio) == tmp_path / f"{audio.stem}.srt"
    transcript_io.write(transcript("x"), foreign)
    assert transcript_io.find_transcript_beside(audio) == foreign
    with pytest.raises(TranscriptError, match="could not be read"):
        transcript_io.find_transcript_beside(tmp_path / "missing" / "talk.wav")


# --- writing -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "format"),
    [("a.rich.txt", "rich-text"), ("a.txt", "txt"), ("a.SRT", "srt"), ("b.list", "list")],
)
def test_the_ending_chooses_the_format(name, format):
    assert transcript_io.format_of(Path(name)) == format


def test_unknown_formats_are_refused():
    with pytest.raises(TranscriptError, match=r"expected one of \.json, \.srt"):
        transcript_io.format_of(Path("a.doc"))
    with pytest.raises(TranscriptError, match="'doc' is no format"):
        transcript_io.to_text(transcript("x"), "doc")


@pytest.mark.parametrize("format", sorted(transcript_io.FORMATS))
@pytest.mark.parametrize(
    ("start_s", "end_s", "text"),
    [(float("nan"), 1.0, "x"), (-1.0, 1.0, "x"), (2.0, 1.0, "x"), (0.0, 1.0, "half \ud83d")],
)
def test_what_no_file_can_hold_is_refused(format, start_s, end_s, text):
    bad = dataclasses.replace(
        transcript(), segments=(TaggedSegment(Segment(start_s, end_s, text), None),)
    )
    with pytest.raises(TranscriptError, match="segment 1 "):
        transcript_io.to_text(bad, format, clip_paths=["a.wav"])


def test_numbers_that_json_cannot_hold_are_refused():
    bad = dataclasses.replace(
        transcript("x"), recording=RecordingInfo("a.wav", 1.0, 8000, 1, float("-inf"), 0.0)
    )
    with pytest.raises(TranscriptError, match="not finite"):
        transcript_io.to_text(bad, "json")


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "talk.srt"
    transcript_io.write(transcript("old"), path)
    before = path.read_bytes()

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="disk is full"):
        transcript_io.write(transcript("new"), path)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["talk.srt"]


def test_every_printable_ascii_sign_survives_everywhere(tmp_path):
    text = string.printable.strip()
    for ending in (".srt", ".vtt", ".ass", ".txt", ".csv"):
        path = tmp_path / f"signs{ending}"
        transcript_io.write(transcript(text), path)
        hold = held_on_one_line if ending == ".txt" else held
        assert transcript_io.read_lines(path)[0].text == hold(text)
