"""Transcripts of other programs: times in plain text, rolling captions, overlaps, and which file is meant."""

from __future__ import annotations

from pathlib import Path

import pytest
from bilingual import check_says_the_same

from gpt_sovits_emotion import transcripts as transcript_io
from gpt_sovits_emotion.core.errors import TranscriptError
from gpt_sovits_emotion.synthesis.text_input import file_to_say
from gpt_sovits_emotion.transcripts.subtitles import read_srt, read_vtt


def read(tmp_path: Path, name: str, content: str, **more):
    path = tmp_path / name
    path.write_text(content, "utf-8")
    return transcript_io.read_transcript(path, **more)


def shape(transcript):
    return [(one.start_s, one.end_s, one.text) for one in transcript.segments]


# --- times in plain text -----------------------------------------------------------------------------

TWO = [(1.0, 2.5, "Hello there."), (3.0, 4.25, "Goodbye.")]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (
            "whisper.txt",
            "[00:01.000 --> 00:02.500]  Hello there.\n[00:03.000 --> 00:04.250]  Goodbye.\n",
        ),
        (
            "whisper_cpp.txt",
            "[00:00:01.000 --> 00:00:02.500]   Hello there.\n[00:00:03.000 --> 00:00:04.250]   Goodbye.\n",
        ),
        ("faster.txt", "[1.00s -> 2.50s]  Hello there.\n[3.00s -> 4.25s] Goodbye.\n"),
        (
            "whisperx.txt",
            "Transcript: [1.0 --> 2.5]  Hello there.\nTranscript: [3.0 --> 4.25]  Goodbye.\n",
        ),
        (
            "plain.txt",
            "00:00:01,000 --> 00:00:02,500 Hello there.\n00:00:03,000 --> 00:00:04,250 Goodbye.\n",
        ),
        ("dashes.txt", "(0:01.0 - 0:02.5) Hello there.\n(0:03.0 – 0:04.25) Goodbye.\n"),
        (
            "wrapped.txt",
            "[00:01.000 --> 00:02.500] Hello\nthere.\n\n[00:03.000 --> 00:04.250]\nGoodbye.\n",
        ),
        (
            "audacity.txt",
            "1.000000\t2.500000\tHello there.\n\\\t100.0\t200.0\n3.000000\t4.250000\tGoodbye.\n",
        ),
        ("comma.txt", "1,000000\t2,500000\tHello there.\n3,000000\t4,250000\tGoodbye.\n"),
        ("labels.lab", "1.0 2.5 Hello there.\n3.0 4.25 Goodbye.\n"),
        (
            "as_srt.txt",
            "1\n00:00:01,000 --> 00:00:02,500\nHello there.\n\n2\n00:00:03,000 --> 00:00:04,250\nGoodbye.\n",
        ),
        (
            "as_vtt.txt",
            "WEBVTT\n\n00:01.000 --> 00:02.500\nHello there.\n\n00:03.000 --> 00:04.250\nGoodbye.\n",
        ),
        (
            "captions.sbv",
            "0:00:01.000,0:00:02.500\nHello there.\n\n0:00:03.000,0:00:04.250\nGoodbye.\n",
        ),
        (
            "captions.txt",
            "0:00:01.000,0:00:02.500\nHello[br]there.\n\n0:00:03.000,0:00:04.250\nGoodbye.\n",
        ),
        ("whisper.tsv", "start\tend\ttext\n1000\t2500\tHello there.\n3000\t4250\tGoodbye.\n"),
        ("cpp.csv", 'start,end,text\n1000,2500,"Hello there."\n3000,4250,"Goodbye."\n'),
        ("seconds.csv", "start;end;speaker;text\n1.0;2.5;A;Hello there.\n3.0;4.25;B;Goodbye.\n"),
        (
            "whisperx.json",
            '{"segments": [{"start": 1.0, "end": 2.5, "text": " Hello there."},'
            ' {"start": 3, "end": 4.25, "text": " Goodbye."}], "language": "en"}',
        ),
        (
            "cpp.json",
            '{"result": {"language": "en"}, "transcription": [{"offsets": {"from": 1000, "to": 2500},'
            ' "text": " Hello there."}, {"offsets": {"from": 3000, "to": 4250}, "text": " Goodbye."}]}',
        ),
        (
            "pipeline.json",
            '{"text": "x", "chunks": [{"timestamp": [1.0, 2.5], "text": " Hello there."},'
            ' {"timestamp": [3.0, 4.25], "text": " Goodbye."}]}',
        ),
        (
            "film.ttml",
            '<?xml version="1.0" encoding="UTF-8"?><tt xmlns="http://www.w3.org/ns/ttml"><body><div>'
            '<p begin="00:00:01.000" end="00:00:02.500">Hello <span>there.</span></p>'
            '<p begin="3s" dur="1250ms">Goodbye.</p></div></body></tt>',
        ),
        (
            "wrong_name.vtt",
            "1\n00:00:01,000 --> 00:00:02,500\nHello there.\n\n2\n00:00:03,000 --> 00:00:04,250\nGoodbye.\n",
        ),
    ],
)
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_times_of_other_programs_are_read_and_not_spoken(tmp_path, name, content, mark) -> None:
    assert shape(read(tmp_path, name, mark + content, duration_s=10.0)) == TWO


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (
            "song.lrc",
            "[ti:Song]\n[offset:+500]\n[00:01.50]Hello there.\n[00:03.00]\n[00:03.50]Goodbye.\n",
        ),
        (
            "song.txt",
            "[by:whisper.cpp]\n[00:01.00] Hello there.\n[00:02.50]\n[00:03.00] Goodbye.\n",
        ),
        (
            "words.lrc",
            "[00:01.00]<00:01.00>Hello <00:01.50>there.\n[00:02.50]\n[00:03:00]Goodbye.\n",
        ),
        ("page.txt", "0:01\nHello there.\n0:02.5\n\n0:03\n3 seconds\nGoodbye.\n"),
        ("page2.txt", "00:00:01 Hello there.\n00:00:03 Goodbye.\n"),
        ("page3.txt", "[0:01] Hello there.\n[0:03] Goodbye.\n"),
        ("page4.txt", "(00:01): Hello there.\n(00:03): Goodbye.\n"),
        ("minutes.txt", "Anna  0:01\nHello there.\n\nBob Doe  0:03\nGoodbye.\n"),
    ],
)
def test_lines_that_say_only_when_they_begin_last_to_the_next(tmp_path, name, content) -> None:
    first, last = shape(read(tmp_path, name, content, duration_s=10.0))
    assert first[0] == 1.0
    assert first[1] in (2.5, 3.0)
    assert (first[2], last) == ("Hello there.", (3.0, 10.0, "Goodbye."))


def test_a_line_of_lyrics_comes_as_often_as_it_has_times(tmp_path) -> None:
    found = read(
        tmp_path, "song.lrc", "[00:00.00][00:08.00]La la\n[00:04.00]Verse\n", duration_s=12.0
    )
    assert shape(found) == [(0.0, 4.0, "La la"), (4.0, 8.0, "Verse"), (8.0, 12.0, "La la")]


@pytest.mark.parametrize(
    "text",
    [
        "12:30 is when we meet.",
        "12:30 lunch\n13:45 coffee\n15:00 home",
        "10:30 - 11:00 a meeting\n11:00 - 12:00 another one",
        "[12:30] is when we meet.",
        "We meet at 12:30.\n0:16 was the time.",
        "3 apples\n4 pears",
        "1.5 2.5",
        "[1] A footnote --> see below",
        "Chapter 1: the 00:16.020 --> 00:41.090 problem",
        "We meet today at 0:10\nHe said so.\nWe part again at 0:30\nBye.",
        "Lunch 12:30\nsoup\nDinner 18:30\nbread",
    ],
)
def test_numbers_in_a_text_are_no_times(tmp_path, text) -> None:
    if text == "1.5 2.5":
        return  # is the empty label of a label track
    found = read(tmp_path, "talk.txt", text, duration_s=10.0)
    assert shape(found) == [(0.0, 10.0, " ".join(text.split("\n")))]


@pytest.mark.parametrize(
    ("first", "second", "names"),
    [
        ("Anna  0:01", "Bob  0:03", ("Anna", "Bob")),
        ("Speaker 1 (00:01):", "Speaker 2 (00:03):", ("Speaker 1", "Speaker 2")),
        ("Anna Schmidt | 00:01", "Bob | 00:03", ("Anna Schmidt", "Bob")),
        ("SPEAKER_00 [00:00:01.000]", "SPEAKER_01 00:00:03", ("SPEAKER_00", "SPEAKER_01")),
        ("说话人1 00:01", "说话人2 00:03", ("说话人1", "说话人2")),
        ("发言人 1   00:01", "发言人 2   00:03", ("发言人 1", "发言人 2")),
    ],
)
def test_minutes_say_who_and_when_above_the_words(tmp_path, first, second, names) -> None:
    content = f"Weekly\n\n{first}\nHello there.\n\n{second}\nGood\nbye.\n"
    found = read(tmp_path, "minutes.txt", content, duration_s=10.0)
    assert [(one.start_s, one.end_s, one.text, one.speaker) for one in found.segments] == [
        (1.0, 3.0, "Hello there.", names[0]),
        (3.0, 10.0, "Good bye.", names[1]),
    ]
    assert found.notes[0].en == "1 row above the first time is left out"


def test_what_stands_above_the_first_time_is_said(tmp_path) -> None:
    text = "Detecting language\nDetected language: English\n[00:01.000 --> 00:02.000] Hello.\n"
    found = read(tmp_path, "talk.txt", text, duration_s=10.0)
    assert [one.text for one in found.segments] == ["Hello."]
    assert found.notes[0].en == "2 rows above the first time are left out"


def test_speakers_of_other_programs_are_kept(tmp_path) -> None:
    diarised = '{"segments": [{"start": 0, "end": 1, "text": "Hi.", "speaker": "SPEAKER_00"}]}'
    assert read(tmp_path, "a.json", diarised).segments[0].speaker == "SPEAKER_00"
    voices = "WEBVTT\n\n00:00.000 --> 00:01.000\n<v.loud Mary Ann>Hi <i>you</i>.</v>\n"
    (segment,) = read(tmp_path, "a.vtt", voices).segments
    assert (segment.speaker, segment.text) == ("Mary Ann", "Hi you.")
    ass = "[Events]\nDialogue: 0,0:00:00.00,0:00:01.00,Default,Anna,0,0,0,,Hi.\n"
    assert read(tmp_path, "a.ass", ass).segments[0].speaker == "Anna"


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.lrc", "words alone", "no line with a time"),
        ("a.sbv", "words alone", "no line with a time"),
        ("a.tsv", "a\tb\n1\t2\n", "no columns start, end and text"),
        ("a.tsv", "start\tend\ttext\nx\t2\thi\n", "row 2 has no times"),
        ("a.ttml", "<tt><body/></tt>", "no paragraph with times"),
        ("a.ttml", "<tt>", "damaged as TTML"),
        ("a.ttml", '<!DOCTYPE x [<!ENTITY a "b">]><tt/>', "declares its own entities"),
        ("a.ttml", '<tt><p begin="soon" end="1s">x</p></tt>', "none of TTML"),
        (
            "a.json",
            '{"segments": [{"start": 1, "end": 2, "text": "x"}, {"text": "y"}]}',
            "segment 2 has no times",
        ),
        ("a.lab", "0 1500000 sil\n1500000 2500000 ae\n", "labels of sounds"),
        ("a.txt", "[00:05.000 --> 00:01.000] back", "before it starts"),
    ],
)
def test_damaged_files_of_other_programs_are_refused_in_two_languages(
    tmp_path, name, content, says
) -> None:
    with pytest.raises(TranscriptError, match=says) as caught:
        read(tmp_path, name, content, duration_s=10.0)
    check_says_the_same(caught.value)


# --- subtitles as they are ---------------------------------------------------------------------------

ROLLING = """WEBVTT
Kind: captions
Language: en

00:00:00.160 --> 00:00:02.230 align:start position:0%
 
hello<00:00:00.400><c> there</c><00:00:01.000><c> friend</c>

00:00:02.230 --> 00:00:02.240 align:start position:0%
hello there friend
 

00:00:02.240 --> 00:00:04.000 align:start position:0%
hello there friend
how<00:00:02.500><c> are</c><00:00:03.000><c> you</c>

00:00:04.000 --> 00:00:04.010 align:start position:0%
how are you
 

00:00:04.010 --> 00:00:06.000 align:start position:0%
how are you
today
"""  # noqa: W293


def test_rolling_captions_are_read_once(tmp_path) -> None:
    found = read(tmp_path, "talk.vtt", ROLLING, duration_s=6.0)
    expected = [
        (0.16, 2.23, "hello there friend"), (2.24, 4.0, "how are you"), (4.01, 6.0, "today"),
    ]  # fmt: skip
    assert shape(found) == expected
    assert "4 rows that repeat" in found.notes[0].en
    # The same as it comes out of a conversion to SRT.
    rows = ROLLING.split("\n\n")[1:]
    srt = "\n\n".join(
        f"{n}\n{block.replace(' align:start position:0%', '')}" for n, block in enumerate(rows, 1)
    )
    assert shape(read(tmp_path, "talk.srt", srt, duration_s=6.0)) == expected


def test_segments_without_words_do_not_roll(tmp_path) -> None:
    blank = "<c.unsure>[unsure]</c>"
    content = "WEBVTT\n\n" + "".join(
        f"00:00.0{n}0 --> 00:00.0{n + 2}0\n{blank}\n\n" for n in (0, 2, 4)
    )
    assert len(read(tmp_path, "a.vtt", content, duration_s=10.0).segments) == 3


def test_what_people_say_twice_stays(tmp_path) -> None:
    said = ("No!", "No!", "No!\nStop!")
    cues = [f"00:0{n}.000 --> 00:0{n + 1}.000\n{one}\n" for n, one in enumerate(said)]
    twice = "\n".join(("WEBVTT\n", *cues))
    assert [one.text for one in read(tmp_path, "a.vtt", twice).segments] == [
        "No!",
        "No!",
        "No! Stop!",
    ]


def test_a_row_of_blanks_is_no_empty_row() -> None:
    (line,) = read_vtt("WEBVTT\n\n00:01.000 --> 00:02.000\n \nfirst\nsecond\n", name="a.vtt").lines
    assert line.text == "first\nsecond"
    found = read_vtt(
        "WEBVTT\n\nid\n00:01.000 --> 00:02.000\nfirst\n\nlost\n\nNOTE no\n", name="a.vtt"
    )
    assert [line.text for line in found.lines] == ["first"]
    assert found.notes[0].en.startswith("1 row of text after an empty row belongs to no cue")


@pytest.mark.parametrize(
    ("row", "text"),
    [
        ("you &amp; me, AT&T &#39;s &lt;3", "you & me, AT&T 's <3"),
        ("{\\an8}<i>Hello</i> <b>you</b>", "Hello you"),
        ("<font color=\"#fff\" size='3'>Hello</font><br/>you", "Hello you"),
        ("<00:00:01.000><c.yellow>Hello</c> <v Bob>you</v>", "Hello you"),
        ("{y:i}Hello", "Hello"),
        ("<ruby>漢<rt>かん</rt></ruby>字", "漢字"),
        ("3 < 4 and <3", "3 < 4 and <3"),
        ("a\ufeffb", "ab"),
    ],
)
def test_markup_of_subtitles_is_not_spoken(tmp_path, row, text) -> None:
    found = read(tmp_path, "a.srt", f"1\n00:00:01,000 --> 00:00:02,000\n{row}\n")
    assert [one.text for one in found.segments] == [text]


@pytest.mark.parametrize(
    ("timing", "times"),
    [
        ("00:00:01 --> 00:00:02", (1.0, 2.0)),
        ("0:00:01.5 --> 0:00:02.25", (1.5, 2.25)),
        ("1:00:01,500 --> 1:00:02,000", (3601.5, 3602.0)),
        ("00:01,500 --> 00:02,000", (1.5, 2.0)),
        ("00:00:01:500 --> 00:00:02:000", (1.5, 2.0)),
        ("00:00:01,500-->00:00:02,000", (1.5, 2.0)),
        ("00:00:01,500 -> 00:00:02,000", (1.5, 2.0)),
        ("00:00:01，500 --> 00:00:02，000", (1.5, 2.0)),
        ("-00:00:01,500 --> 00:00:02,000", (0.0, 2.0)),
    ],
)
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_times_of_srt_in_every_spelling(tmp_path, timing, times, line_end) -> None:
    content = f"1\n{timing}\nHello\n".replace("\n", line_end)
    (segment,) = read(tmp_path, "a.srt", content).segments
    assert (segment.start_s, segment.end_s, segment.text) == (*times, "Hello")


@pytest.mark.parametrize(
    "content",
    [
        "00:00:01,000 --> 00:00:02,000\nI have\n5\n\n00:00:03,000 --> 00:00:04,000\n42\n",
        "1\n00:00:01,000 --> 00:00:02,000\nI have\n5\n2\n00:00:03,000 --> 00:00:04,000\n42\n",
        "1\n\n00:00:01,000 --> 00:00:02,000\nI have\n5\n\n2\n\n00:00:03,000 --> 00:00:04,000\n42\n",
        "7\n00:00:01,000 --> 00:00:02,000\nI have\n\n5\n\n9\n00:00:03,000 --> 00:00:04,000\n\n42\n\n\n",
    ],
)
def test_numbers_of_cues_are_not_spoken_and_spoken_numbers_are(content) -> None:
    assert [line.text for line in read_srt(content, name="a.srt").lines] == ["I have\n5", "42"]


@pytest.mark.parametrize(
    ("cues", "shapes", "says"),
    [
        ([(0, 5, "a"), (2, 6, "b")], [(0, 2, "a"), (2, 6, "b")], "1 line overlaps the next"),
        ([(0, 2.05, "a"), (2, 6, "b")], [(0, 2, "a"), (2, 6, "b")], None),
        (
            [(1, 3, "- Hi."), (1, 4, "- Hello.")],
            [(1, 4, "- Hi. - Hello.")],
            "1 line begins together",
        ),
        (
            [(1, 1, "short"), (5, 6, "b")],
            [(1, 1.5, "short"), (5, 6, "b")],
            "1 line has no length",
        ),
        (
            [(1, 1, "short"), (1.2, 6, "b")],
            [(1, 1.2, "short"), (1.2, 6, "b")],
            "1 line has no length",
        ),
        ([(8, 12.5, "a")], [(8, 10, "a")], "1 line lasts longer"),
        ([(8, 10.5, "a")], [(8, 10, "a")], None),
        ([(1, 2, "a"), (11, 12, "late")], [(1, 2, "a")], "left out: “late”"),
        ([(-3, -1, "early"), (-1, 2, "a")], [(0, 2, "a")], "1 left out, 1 cut at 0 s"),
    ],
)
def test_times_that_no_recording_has_are_brought_to_those_it_has(
    tmp_path, cues, shapes, says
) -> None:
    def clock(time_s: float) -> str:
        sign, ms = "-" if time_s < 0 else "", round(abs(time_s) * 1000)
        return f"{sign}00:00:{ms // 1000:02d},{ms % 1000:03d}"

    content = "\n".join(f"{clock(start)} --> {clock(end)}\n{text}\n" for start, end, text in cues)
    found = read(tmp_path, "a.srt", content, duration_s=10.0)
    assert shape(found) == [tuple(one) for one in shapes]
    assert [says in note.en for note in found.notes] == ([] if says is None else [True])


def test_a_place_in_a_file_is_named_in_both_languages(tmp_path) -> None:
    with pytest.raises(TranscriptError) as caught:
        read(tmp_path, "a.srt", "1\n00:00:05,000 --> 00:00:01,000\nHello\n", duration_s=10.0)
    assert "a.srt: the cue in line 2 ends at 1 s" in str(caught.value)
    assert "a.srt：第 2 行的字幕：结束于 1 s" in caught.value.say("zh")


def test_the_transcript_of_another_recording_is_refused(tmp_path) -> None:
    content = "".join(f"00:00:{n:02d},000 --> 00:00:{n:02d},500\nline\n\n" for n in range(0, 40, 2))
    with pytest.raises(TranscriptError, match="is it the transcript of another one") as caught:
        read(tmp_path, "a.srt", content, duration_s=10.0)
    check_says_the_same(caught.value)


def test_ass_past_ten_hours_and_old_fractions(tmp_path) -> None:
    head = "[Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
    late = f"{head}Dialogue: 0,10:00:01.00,10:00:02.50,Default,,0,0,0,,at 0:00:01:50, late\n"
    assert shape(read(tmp_path, "a.ass", late)) == [(36001.0, 36002.5, "at 0:00:01:50, late")]
    old = f"{head}Dialogue: 0,0:00:01:50,0:00:02:25,Default,,0,0,0,,old\n"
    assert shape(read(tmp_path, "a.ass", old)) == [(1.5, 2.25, "old")]


# --- which file is meant -----------------------------------------------------------------------------


def test_a_language_in_the_name_is_found(tmp_path) -> None:
    audio = tmp_path / "talk.mp4"
    for name, language in (
        ("talk.en.srt", "en"),
        ("talk.zh-CN.srt", "zh"),
        ("talk.mp4.eng.sdh.vtt", "en"),
        ("talk.en-orig.vtt", "en"),
        ("talk_ja.srt", "ja"),
        ("talk.zh-Hans.ass", "zh"),
    ):
        (tmp_path / name).write_text("00:00:01,000 --> 00:00:02,000\n42\n", "utf-8")
        found = transcript_io.find_transcript_beside(audio)
        assert found == tmp_path / name
        if found.suffix != ".ass":
            read_ = transcript_io.read_transcript(found, recording_name=audio.name)
            assert (read_.language, read_.segments[0].language) == (language, language)
        found.unlink()


def test_of_several_languages_the_one_of_the_job_is_taken(tmp_path) -> None:
    audio = tmp_path / "talk.mp4"
    for name in ("talk.en.srt", "talk.zh-CN.srt", "talk.en.forced.vtt", "talk.part2.srt"):
        (tmp_path / name).write_text("x", "utf-8")
    assert transcript_io.find_transcript_beside(audio, language="zh").name == "talk.zh-CN.srt"
    assert transcript_io.find_transcript_beside(audio, language="en").name == "talk.en.srt"
    with pytest.raises(TranscriptError, match=r"2 languages.*--language \(en, zh\)") as caught:
        transcript_io.find_transcript_beside(audio)
    check_says_the_same(caught.value)
    with pytest.raises(TranscriptError, match="the recording is in de") as caught:
        transcript_io.find_transcript_beside(audio, language="de")
    check_says_the_same(caught.value)
    (tmp_path / "talk.srt").write_text("x", "utf-8")
    assert transcript_io.find_transcript_beside(audio).name == "talk.srt"
    assert transcript_io.find_transcript_beside(audio, language="de").name == "talk.srt"
    assert transcript_io.find_transcript_beside(audio, language="zh").name == "talk.zh-CN.srt"


def test_the_transcript_of_another_recording_is_not_taken(tmp_path) -> None:
    (tmp_path / "talk.en.srt").write_text("x", "utf-8")
    (tmp_path / "talk.en.wav").write_bytes(b"")
    assert transcript_io.find_transcript_beside(tmp_path / "talk.wav") is None
    assert transcript_io.find_transcript_beside(tmp_path / "talk.en.wav").name == "talk.en.srt"


def test_json_of_another_program_comes_after_what_a_person_made(tmp_path) -> None:
    audio = tmp_path / "talk.mp4"
    (tmp_path / "talk.json").write_text(
        '{"segments": [{"start": 0, "end": 1, "text": "x"}]}', "utf-8"
    )
    assert transcript_io.find_transcript_beside(audio).name == "talk.json"
    (tmp_path / "talk.srt").write_text("x", "utf-8")
    assert transcript_io.find_transcript_beside(audio).name == "talk.srt"


@pytest.mark.parametrize(
    "row", ["<", "<rt>", "{\\", "<v ", "[", "&", "(", "*", "- ", " ", "[00:01.00]", "0:01 - "]
)
@pytest.mark.parametrize("ending", [".srt", ".vtt", ".txt", ".lrc"])
def test_a_row_of_nothing_but_signs_is_read_in_a_moment(tmp_path, row, ending) -> None:
    path = tmp_path / f"signs{ending}"
    path.write_text(f"WEBVTT\n\n00:01.000 --> 00:02.000\n{row * 20_000}\n\nwords\n", "utf-8")
    try:
        outcome = f"expected: {len(transcript_io.read_transcript(path, duration_s=10.0).segments)}"
    except TranscriptError as error:
        outcome = str(error)
    assert "expected" in outcome
    assert len(outcome) < 1_000


# --- what is syntax, or a time, is not spoken --------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("table.txt", "start\tend\ttext\n1000\t2500\tHello there.\n3000\t4250\tGoodbye.\n"),
        ("seconds.txt", "start;end;text\n1,0;2,5;Hello there.\n3,0;4,25;Goodbye.\n"),
        ("clocks.txt", "00:00:01.000\t00:00:02.500\tHello there.\n00:00:03.000\t00:00:04.250\tGoodbye.\n"),
        ("numbered.txt", "1\t1.0\t2.5\tHello there.\n2\t3.0\t4.25\tGoodbye.\n"),
        ("brackets.txt", "[1.0 - 2.5] Hello there.\n[3.0 - 4.25] Goodbye.\n"),
        ("lens.txt", "【0:01.0-0:02.5】Hello there.\n【0:03.0-0:04.25】Goodbye.\n"),
        ("json.txt", '{"segments": [{"start": 1, "end": 2.5, "text": "Hello there."},'
         ' {"start": 3, "end": 4.25, "text": "Goodbye."}]}'),
        ("ass.txt", "[Script Info]\nScriptType: v4.00+\n\n[Events]\n"
         "Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
         "Dialogue: 0,0:00:01.00,0:00:02.50,Default,,0,0,0,,Hello there.\n"
         "Dialogue: 0,0:00:03.00,0:00:04.25,Default,,0,0,0,,Goodbye.\n"),
        ("sami.txt", "<SAMI><BODY><SYNC Start=1000><P>Hello there.<SYNC Start=2500><P>&nbsp;"
         "<SYNC Start=3000><P>Goodbye.<SYNC Start=4250><P>&nbsp;</BODY></SAMI>"),
        ("ttml.txt", '<?xml version="1.0"?>\n<tt xmlns="http://www.w3.org/ns/ttml"><body><div>'
         '<p begin="1s" end="2.5s">Hello&nbsp;there.</p>'
         '<p begin="3s" end="4.25s">Goodbye.</p></div></body></tt>'),
        ("arrow.srt", "1\n00:00:01,000 → 00:00:02,500\nHello there.\n\n"
         "2\n00:00:03,000 –> 00:00:04,250\nGoodbye.\n"),
        ("wide.srt", "1\n00：00：01，000 --> 00：00：02，500\nHello there.\n\n"
         "2\n00：00：03，000 --> 00：00：04，250\nGoodbye.\n"),
        ("spans.ttml", '<tt xmlns="http://www.w3.org/ns/ttml"><body><div><p><span begin="1s" end="2.5s">'
         'Hello there.</span></p><p begin="3s" end="4.25s">Goodbye.</p></div></body></tt>'),
        ("whole.sub", "00:00:01.00,00:00:02.50\nHello there.\n\n00:00:03.00,00:00:04.25\nGoodbye.\n"),
    ],
)  # fmt: skip
def test_syntax_and_times_are_read_whatever_the_name_says(tmp_path, name, content) -> None:
    found = read(tmp_path, name, content, duration_s=10.0)
    words = [(start, end, text.replace("\xa0", " ")) for start, end, text in shape(found)]
    assert words == TWO
    assert not found.notes


@pytest.mark.parametrize(
    ("first", "second", "names"),
    [
        ("SPEAKER_00 [00:00:01.000 --> 00:00:02.500]", "SPEAKER_01 [00:00:03.000 --> 00:00:04.250]",
         ("SPEAKER_00", "SPEAKER_01")),
        ("发言人1 00:00:01.000-00:00:02.500", "发言人2 00:00:03.000-00:00:04.250", ("发言人1", "发言人2")),
        ("00:00:01:00 - 00:00:02:12\nSpeaker 1", "00:00:03:00 - 00:00:04:06\nSpeaker 2",
         ("Speaker 1", "Speaker 2")),
        ("00;00;01;00 - 00;00;02;12\nSpeaker 1", "00;00;03;00 - 00;00;04;06\nSpeaker 2",
         ("Speaker 1", "Speaker 2")),
    ],
)  # fmt: skip
def test_names_beside_both_times_are_the_speakers(tmp_path, first, second, names) -> None:
    content = f"{first}\nHello there.\n\n{second}\nGood\nbye.\n"
    found = read(tmp_path, "minutes.txt", content, duration_s=10.0)
    times = [(one.start_s, round(one.end_s, 1)) for one in found.segments]
    assert times == [(1.0, 2.5), (3.0, 4.2)]
    assert [(one.text, one.speaker) for one in found.segments] == [
        ("Hello there.", names[0]),
        ("Good bye.", names[1]),
    ]


def test_a_name_behind_a_single_time_is_the_speaker(tmp_path) -> None:
    content = "00:00:01 Speaker 1\nHello there.\n00:00:03 Speaker 2\nGoodbye.\n"
    found = read(tmp_path, "talk.txt", content, duration_s=10.0)
    assert [(one.start_s, one.text, one.speaker) for one in found.segments] == [
        (1.0, "Hello there.", "Speaker 1"),
        (3.0, "Goodbye.", "Speaker 2"),
    ]
    glued = read(tmp_path, "glued.txt", "00:01发言人1：你好\n00:05发言人2：再见\n", duration_s=9.0)
    assert [(one.start_s, one.text, one.speaker) for one in glued.segments] == [
        (1.0, "你好", "发言人1"),
        (5.0, "再见", "发言人2"),
    ]


def test_frames_of_a_film_editor_are_those_of_the_film(tmp_path) -> None:
    path = tmp_path / "talk.txt"
    path.write_text("00:00:01:15 - 00:00:03:00\nHello.\n", "utf-8")
    of_film = transcript_io.TextFile(path, film_rate=lambda: 30.0)
    assert shape(transcript_io.read_transcript(of_film, duration_s=10.0)) == [(1.5, 3.0, "Hello.")]
    assert not transcript_io.read_transcript(of_film, duration_s=10.0).notes
    for frames, start_s, rate in [(15, 1.6, 25), (24, 1.96, 25), (27, 1.9, 30), (45, 1.9, 50)]:
        path.write_text(f"00:00:01:{frames} - 00:00:03:00\nHello.\n", "utf-8")
        found = transcript_io.read_transcript(path, duration_s=10.0)
        assert shape(found) == [(start_s, 3.0, "Hello.")]
        assert f"nothing says how many a second has: {rate} are assumed" in found.notes[0].en
        assert f"每秒 {rate} 帧" in found.notes[0].zh
    assert not file_to_say(path).notes, "what is said has no times"


def test_a_list_under_another_name_gives_the_row_of_the_recording(tmp_path) -> None:
    content = "wav/talk.wav|anna|EN|Hello there.\nwav/other.wav|anna|EN|Goodbye.\n"
    found = read(tmp_path, "all.txt", content, duration_s=4.0, recording_name="talk.wav")
    assert shape(found) == [(0.0, 4.0, "Hello there.")]
    assert found.language == "en"


def test_times_of_an_unknown_form_are_told(tmp_path) -> None:
    content = "Hello (0:00:01)\nGoodbye (0:00:03)\n"
    found = read(tmp_path, "talk.txt", content, duration_s=4.0)
    assert len(found.segments) == 1
    assert "2 rows hold times in a form that is not known" in found.notes[0].en
    assert "2 行" in found.notes[0].zh
    plain = read(tmp_path, "plain.txt", "We meet at 12:30.\nOr at 13:00.\n", duration_s=4.0)
    assert not plain.notes


def test_rows_above_the_first_cue_are_told(tmp_path) -> None:
    cue = "1\n00:00:01,000 --> 00:00:02,000\nHello.\n"
    found = read(tmp_path, "talk.srt", f"A title\n\n{cue}", duration_s=4.0)
    assert shape(found) == [(1.0, 2.0, "Hello.")]
    assert found.notes[0].en == "1 row above the first time is left out"
    assert not read(tmp_path, "bare.srt", cue, duration_s=4.0).notes


def test_whole_seconds_in_a_table_are_no_milliseconds(tmp_path) -> None:
    found = read(
        tmp_path, "t.csv", "start,end,text\n0,5,Hello there.\n5,9,Goodbye.\n", duration_s=9.0
    )
    assert shape(found) == [(0.0, 5.0, "Hello there."), (5.0, 9.0, "Goodbye.")]
    assert "taken for seconds" in found.notes[0].en


def test_a_caption_of_sami_ends_where_an_empty_one_stands_and_says_who_speaks(tmp_path) -> None:
    content = (
        "<SAMI><BODY><SYNC Start=1000><P Class=KRCC ID=Source>영희<P Class=KRCC>안녕\n"
        "<SYNC Start=2000>&nbsp;<SYNC Start=5000><P Class=KRCC>둘</BODY></SAMI>"
    )
    found = read(tmp_path, "talk.smi", content, duration_s=9.0)
    assert [(one.start_s, one.end_s, one.text, one.speaker) for one in found.segments] == [
        (1.0, 2.0, "안녕", "영희"),
        (5.0, 9.0, "둘", ""),
    ]


def test_entities_in_microdvd_are_not_spoken(tmp_path) -> None:
    found = read(tmp_path, "t.sub", "{1}{1}25\n{25}{50}{y:b}You &amp; me\n", duration_s=9.0)
    assert shape(found) == [(1.0, 2.0, "You & me")]


@pytest.mark.parametrize(
    "content", ["<tt><body><p begin='1s'>a</body></tt>", "<tt", "<tt>&nosuch;</tt>"]
)
def test_damaged_ttml_is_told_without_the_words_of_the_parser(tmp_path, content) -> None:
    with pytest.raises(TranscriptError, match="is damaged as TTML in line 1") as caught:
        read(tmp_path, "t.ttml", content, duration_s=9.0)
    check_says_the_same(caught.value)


def test_half_an_emoji_in_json_is_left_out_and_told(tmp_path) -> None:
    content = '[{"start": 0, "end": 1, "text": "a\\ud83d b \\ud83d\\ude00"}]'
    found = read(tmp_path, "t.json", content, duration_s=9.0)
    assert shape(found) == [(0.0, 1.0, "a b 😀")]
    assert found.notes[0].en == "1 half character left out, as of a cut emoji"


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (
            "张三(00:00:01): 你好\n李四（00:00:03）：再见\n",
            [(1.0, 3.0, "张三", "你好"), (3.0, 9.0, "李四", "再见")],
        ),
        (
            "Anna (0:01 - 0:02): Hi there.\nBen (0:03 - 0:05): Bye.\n",
            [(1.0, 2.0, "Anna", "Hi there."), (3.0, 5.0, "Ben", "Bye.")],
        ),
        (
            "[SPEAKER_00] 0.5 - 1.5: Hello.\n[SPEAKER_01] 2.0 - 3.25: Hi.\n",
            [(0.5, 1.5, "SPEAKER_00", "Hello."), (2.0, 3.25, "SPEAKER_01", "Hi.")],
        ),
        (
            "**00:01** Hello.\n\n**00:04** Bye.\n",
            [(1.0, 4.0, "", "Hello."), (4.0, 9.0, "", "Bye.")],
        ),
        (
            "**[0:01]** Hello.\n**[0:04]** Bye.\n",
            [(1.0, 4.0, "", "Hello."), (4.0, 9.0, "", "Bye.")],
        ),
    ],
)
def test_names_and_emphasis_around_times_are_no_words(tmp_path, content, lines) -> None:
    found = read(tmp_path, "t.txt", content, duration_s=9.0)
    assert [(one.start_s, one.end_s, one.speaker, one.text) for one in found.segments] == lines


@pytest.mark.parametrize(
    "content",
    [
        "Anna (27): we met at 12:30.\n",
        "**Stop** he said.\n**Go** she said.\n",
        "Anna: (0:01) yes\n",
    ],
)
def test_sentences_with_brackets_and_emphasis_stay_sentences(tmp_path, content) -> None:
    found = read(tmp_path, "t.txt", content, duration_s=9.0)
    words = "".join(one.text for one in found.segments)
    assert "met at 12:30" in words or "he said" in words or "yes" in words


@pytest.mark.parametrize(
    ("begins", "kind"),
    [
        (b"{\\rtf1\\ansi Hello}", "RTF"),
        (b"\xef\xbb\xbf\n<!DOCTYPE html><html><body>Hello</body></html>", "HTML"),
        (b"%PDF-1.7\n", "PDF"),
        (b"PK\x03\x04\x14\x00", "Word"),
    ],
)
def test_a_document_is_no_plain_text(tmp_path, begins, kind) -> None:
    (tmp_path / "t.txt").write_bytes(begins)
    with pytest.raises(TranscriptError, match=kind) as caught:
        transcript_io.read_transcript(tmp_path / "t.txt", duration_s=9.0)
    check_says_the_same(caught.value)


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("今日はいい天気ですね。", "iso-2022-jp"),
        ("안녕하세요, 반갑습니다.", "iso-2022-kr"),
        ("今天天气很好。", "hz"),
    ],
)
def test_letters_that_hide_in_ascii_are_found(tmp_path, text, encoding) -> None:
    (tmp_path / "t.txt").write_bytes(text.encode(encoding))
    found = transcript_io.read_transcript(tmp_path / "t.txt", duration_s=9.0)
    assert "".join(one.text for one in found.segments) == text
    assert any("is not UTF-8" in note.en for note in found.notes)


@pytest.mark.parametrize(
    ("fields", "dialogue"),
    [
        ("Start, End, Text", "0:00:01.00,0:00:02.50,Well, hello\\Nthere"),
        ("Actor, Text_x, Start, End, Text", "Ann,x,0:00:01.00,0:00:02.50,Well, hello\\Nthere"),
        (
            "Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text",
            "0,0:00:01.00,0:00:02.50,Default,,0,0,0,,Well, hello\\Nthere",
        ),
    ],
)
def test_ass_has_the_fields_that_it_says(tmp_path, fields, dialogue) -> None:
    content = (
        "[Script Info]\nScriptType: v4.00+\n\n[V4+ Styles]\nFormat: Name, Fontname\n\n"
        f"[Events]\nFormat: {fields}\nDialogue: {dialogue}\n"
    )
    found = read(tmp_path, "t.ass", content, duration_s=9.0)
    assert [(one.start_s, one.end_s, one.text) for one in found.segments] == [
        (1.0, 2.5, "Well, hello there")
    ]
    assert found.segments[0].speaker == ("Ann" if "Actor" in fields else "")
