"""Texts that a person wrote to be said: their tags, what is not said, who speaks, and in which language."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from bilingual import check_says_the_same

from gpt_sovits_emotion.banks.library.tagged_text import split_tag, spoken_parts
from gpt_sovits_emotion.core.errors import TranscriptError
from gpt_sovits_emotion.core.records import (
    RecordingInfo,
    ReferenceBank,
    ReferenceClip,
    Segment,
    Sentence,
    TaggedSegment,
    TaggedTranscript,
)
from gpt_sovits_emotion.synthesis.text_input import (
    file_to_say,
    lines_to_say,
    with_written_tags,
    written_transcript,
)
from gpt_sovits_emotion.transcripts import Line, TextFile, read_transcript
from gpt_sovits_emotion.transcripts.directions import without_directions
from gpt_sovits_emotion.transcripts.speakers import speakers_in


def said(*texts: str, **how) -> list[tuple[str, str]]:
    return [(each.label, each.text) for each in written_transcript(texts, **how).segments]


def bank(language: str, *labels: str) -> ReferenceBank:
    clips = tuple(
        ReferenceClip(Path(f"{label}.wav"), label, "text", language, 4.0) for label in labels
    )
    return ReferenceBank("voice", Path(), "folders", clips)


def heard(*texts: str) -> TaggedTranscript:
    nobody = Sentence("somebody", "某人")
    segments = tuple(
        TaggedSegment(Segment(2.0 * i, 2.0 * i + 1.5, text, "en"), None)
        for i, text in enumerate(texts)
    )
    info = RecordingInfo("talk.wav", 10.0, 16_000, 1, -20.0, 0.0)
    return TaggedTranscript(info, segments, "en", "x", "head", nobody, "global", nobody)


# --- tags --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "label", "words"),
    [
        ("[angry] Stop!", "angry", "Stop!"),
        ("[Angry!] Stop", "angry", "Stop"),
        ("你好！【开心】", "happy", "你好！"),
        ("你好【emotion:happy】", "happy", "你好"),
        ("你好【情感：难过】。", "sad", "你好。"),
        ("Look at that (excited)", "happy", "Look at that"),
        ("(excited) Look at that", "happy", "Look at that"),
        ("[emotion=angry:0.8] Stop", "angry", "Stop"),
        ("[very angrily] Stop", "angry", "Stop"),
        ("[softly, sad] No", "calm", "No"),
        ("【非常生气地】够了", "angry", "够了"),
        ("［兴奋］太好了", "happy", "太好了"),
        ("[怒り] やめて", "angry", "やめて"),
        ("[悲しそうに] さよなら", "sad", "さよなら"),
        ("[슬픔] 안녕", "sad", "안녕"),
        ("[wütend] Halt!", "angry", "Halt!"),
        ("{happy} Hi", "happy", "Hi"),
        ("<happy> Hi", "happy", "Hi"),
        ("*angrily* Stop", "angry", "Stop"),
        ("[happy] Hi [happy]", "happy", "Hi"),
    ],
)
def test_a_tag_is_read_before_and_behind_in_many_spellings(text, label, words) -> None:
    assert split_tag(text) == (label, words)
    assert said(text) == [(label, words)]


@pytest.mark.parametrize(
    "text",
    [
        "He is (calm, I think).",
        "I am (normal).",
        "2 * 3 * 4",
        "a <b> c",
        "She said (happy birthday) to him",
        "The (angry) man left",
    ],
)
def test_words_in_brackets_stay_words(text) -> None:
    assert split_tag(text) == (None, text)
    assert said(text) == [("neutral", text)]


def test_a_voices_own_label_goes_before_what_a_word_means() -> None:
    assert said("[excited] Go!") == [("happy", "Go!")]
    transcript = written_transcript(
        ["[excited] Go!", "[撒娇] 不要嘛"], bank("zh", "excited", "撒娇")
    )
    assert [each.label for each in transcript.segments] == ["excited", "撒娇"]
    assert transcript.notes == ()


def test_a_tag_that_names_no_emotion_is_named_and_not_said() -> None:
    transcript = written_transcript(["[撒娇] 不要嘛", "好【害羞】。"], bank("zh", "happy", "傲娇"))
    assert [(each.label, each.text) for each in transcript.segments] == [
        ("neutral", "不要嘛"),
        ("neutral", "好。"),
    ]
    (note,) = transcript.notes
    assert note.en.startswith(
        "[撒娇], 【害羞】: not said, and no emotion that is known; known are neutral, calm,"
    )
    assert "傲娇" in note.en
    assert "不朗读" in note.zh


def test_several_tags_in_one_text_make_several_segments() -> None:
    assert said("[happy] Hi there! [sad] Bye.") == [("happy", "Hi there!"), ("sad", "Bye.")]
    assert said("你好【开心】。再见【难过】。") == [("happy", "你好。"), ("sad", "再见。")]
    assert said("Hello [happy] world") == [("neutral", "Hello"), ("happy", "world")]


def test_a_tag_alone_on_its_line_counts_for_the_next() -> None:
    assert said("[angry]", "", "Stop!", "Please.") == [("angry", "Stop!"), ("neutral", "Please.")]
    transcript = written_transcript(["Hi.", "[angry]"])
    assert transcript.notes[0].en == "the last tag, angry, has no words"


def test_the_emotion_for_all_may_be_any_word_of_it() -> None:
    assert said("Hi.", emotion="excited") == [("happy", "Hi.")]
    assert said("Hi.", emotion="傲娇") == [("傲娇", "Hi.")]


# --- what is not said --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words", "left_out"),
    [
        ("[door slams] Who's there?", "Who's there?", ("[door slams]",)),
        ("Well (laughs), maybe.", "Well, maybe.", ("(laughs)",)),
        ("早上好（叹气）。走吧", "早上好。走吧", ("（叹气）",)),
        ("*sighs* Fine.", "Fine.", ("*sighs*",)),
        ("♪ Happy birthday to you ♪", "Happy birthday to you", ("♪", "♪")),
        ("# Happy birthday #", "Happy birthday", ("#", "#")),
        (">> Good evening.", "Good evening.", (">>",)),
        ("- Hi. - Hello.", "Hi. Hello.", ("-", "-")),
        ("[MUSIC]", "", ("[MUSIC]",)),
        ("（掌声）", "", ("（掌声）",)),
        ("【音乐】♪～", "", ("【音乐】", "♪")),
        ("(DOOR SLAMS) Hey!", "Hey!", ("(DOOR SLAMS)",)),
        ("(seufzt) Na gut.", "Na gut.", ("(seufzt)",)),
        ("（ため息）はい", "はい", ("（ため息）",)),
        ("(한숨) 네", "네", ("(한숨)",)),
        ("I came (in 1998) and saw (as always).", "I came (in 1998) and saw (as always).", ()),
        ("他说的（也就是我说的）对", "他说的（也就是我说的）对", ()),
        ("That is *very* good - really.", "That is *very* good - really.", ()),
        ("-5 degrees and 3 - 2 = 1", "-5 degrees and 3 - 2 = 1", ()),
        ("C# is #1 and a > b", "C# is #1 and a > b", ()),
        ("(Windows only) It crashes.", "(Windows only) It crashes.", ()),
    ],
)
def test_directions_are_told_from_words(text, words, left_out) -> None:
    assert without_directions(text) == (words, left_out)


def test_directions_are_left_out_by_say_and_said_on_request() -> None:
    texts = ["[door slams] MIKE: [angry] Stop it!", "♪ La la ♪", "[music]"]
    transcript = written_transcript(texts)
    assert [(one.label, one.text, one.segment.speaker) for one in transcript.segments] == [
        ("angry", "Stop it!", "MIKE"),
        ("neutral", "La la", ""),
    ]
    assert any("♪" in note.en and "--directions say" in note.en for note in transcript.notes)
    kept = written_transcript(["(laughs) Hi.", "[laughs] Ho."], directions=True)
    assert [one.text for one in kept.segments] == ["(laughs) Hi.", "[laughs] Ho."]


def test_a_round_trip_says_directions_unless_asked_not_to() -> None:
    transcript = heard("[laughs] Hello.", "[撒娇] Hi.", "JOHN: Stop that.")
    as_heard = with_written_tags(transcript)
    assert [one.text for one in as_heard.segments] == ["[laughs] Hello.", "Hi.", "JOHN: Stop that."]
    assert [note.en.partition(":")[0] for note in as_heard.notes] == ["[撒娇]"]
    assert with_written_tags(as_heard) == as_heard
    without = with_written_tags(transcript, directions=False)
    assert [one.text for one in without.segments] == ["Hello.", "Hi.", "Stop that."]
    assert len(without.notes) == 3


# --- who speaks --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("texts", "names"),
    [
        (["MIKE: Stop!", "So what?", "DR. SMITH (V.O.): Well."], {"MIKE", "DR. SMITH"}),
        (["[SPEAKER_00]: Hi.", "[SPEAKER_01] Hello."], {"SPEAKER_00", "SPEAKER_01"}),
        (["Speaker 1: Hi.", "Speaker 2: Hello."], {"Speaker 1", "Speaker 2"}),
        (["说话人1：你好", "发言人 2：再见"], {"说话人1", "发言人 2"}),
        (["小明：你好", "小红：你好", "小明：再见", "小红：再见"], {"小明", "小红"}),
        (["Anna: Hi.", "Ben: Hello.", "Anna: So?", "Ben: Fine."], {"Anna", "Ben"}),
        ([">> JOHN: Hi.", "- MARY: Hello."], {"JOHN", "MARY"}),
        (["Note: this is hot.", "NOTE: so is this.", "WARNING: very."], set()),
        (["12:30 is late.", "At 12:30: lunch.", "Ratio 3:1: good."], set()),
        (["注意：很烫", "注意：很烫", "他说：好", "他说：好"], set()),
        (["I have one question: why?", "The result: nothing."], set()),
        (["Anna: Hi.", *["Words."] * 20, "Anna: Bye."], set()),
        (["THIS IS SHOUTED: ALL OF IT.", "AND SO IS THIS."], set()),
        (["Question: why? Answer: no.", "Question: who?", "Question: where?"], set()),
        (["https://example.org is it", "Re: your letter", "Step 1: mix", "Step 2: bake"], set()),
        (["PS: I love you.", "NASA: a history", "NOTE 1: first"], set()),
    ],
)
def test_speakers_are_told_from_words_before_a_colon(texts, names) -> None:
    assert speakers_in(texts) == names


def test_names_of_speakers_are_kept_and_not_said(tmp_path) -> None:
    transcript = written_transcript(["MIKE: [angry] Stop!", "[sad] ANNA: No."])
    assert [(one.segment.speaker, one.label, one.text) for one in transcript.segments] == [
        ("MIKE", "angry", "Stop!"),
        ("ANNA", "sad", "No."),
    ]
    assert transcript.notes[0].en == "MIKE, ANNA: speakers, not said"
    path = tmp_path / "talk.srt"
    path.write_text(
        "00:00:01,000 --> 00:00:02,000\nMIKE: Stop!\n\n00:00:03,000 --> 00:00:04,000\nNote: it is.\n"
    )
    found = read_transcript(path)
    assert [(one.speaker, one.text) for one in found.segments] == [
        ("MIKE", "Stop!"),
        ("", "Note: it is."),
    ]
    assert "MIKE" in found.notes[0].en


# --- languages ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("texts", "how", "codes"),
    [
        (["12345"], {}, [""]),
        (["12345"], {"language": "ja"}, ["ja"]),
        (["Hello.", "12345", "67"], {}, ["en", "en", "en"]),
        (["42", "你好", "42"], {}, ["zh", "zh", "zh"]),
        (["Hello.", "Привет", "42!"], {}, ["en", "", "en"]),
        ([Line("42", language="ko"), "42"], {}, ["ko", "ko"]),
    ],
)
def test_a_line_of_digits_is_said_in_the_language_around_it(texts, how, codes) -> None:
    transcript = written_transcript(texts, **how)
    assert [one.segment.language for one in transcript.segments] == codes


def test_a_line_of_digits_alone_is_said_in_the_voices_language() -> None:
    (segment,) = written_transcript(["[happy] 12345"], bank("zh", "happy", "sad")).segments
    assert (segment.segment.language, segment.label, segment.text) == ("zh", "happy", "12345")


# --- files -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.txt", "[00:01.000 --> 00:02.000] one\n[00:03.000 --> 00:04.000] two\n"),
        ("a.lrc", "[ti:x]\n[00:01.00]one\n[00:02.00]two\n"),
        (
            "a.vtt",
            "WEBVTT\n\n00:01.000 --> 00:02.000\n<i>one</i>\n\n00:03.000 --> 00:04.000\ntwo\n",
        ),
        (
            "a.json",
            '{"segments": [{"start": 0, "end": 1, "text": " one"}, {"start": 1, "end": 2, "text": " two"}]}',
        ),
        ("a.tsv", "start\tend\ttext\n0\t1000\tone\n1000\t2000\ttwo\n"),
        ("a.txt", "\ufeffone\ntwo\n"),
        ("a.text", "one\n\ufefftwo\n"),
    ],
)
def test_files_are_said_without_their_times(tmp_path, name, content) -> None:
    (tmp_path / name).write_text(content, "utf-8")
    assert [line.text for line in lines_to_say(tmp_path / name)] == ["one", "two"]


def test_encodings_of_files_to_be_said(tmp_path) -> None:
    path = tmp_path / "lines.txt"
    path.write_bytes("[开心] 今天天气真好。\n".encode("gbk"))
    found = file_to_say(path)
    assert found.lines[0].text == "[开心] 今天天气真好。"
    assert "GB 18030" in found.notes[0].en
    assert file_to_say(TextFile(path, "gbk")).notes == ()
    path.write_bytes(b"\xff\xff")
    with pytest.raises(TranscriptError, match="is not text in big5"):
        file_to_say(TextFile(path, "big5"))


@pytest.mark.parametrize("name", ["a.TextGrid", "a.docx", "a.html", "a.pdf", "a.idx"])
def test_files_whose_syntax_would_be_spoken_are_refused(tmp_path, name) -> None:
    (tmp_path / name).write_text("x")
    with pytest.raises(TranscriptError, match="cannot be read; save it as text") as caught:
        file_to_say(tmp_path / name)
    check_says_the_same(caught.value)


def test_numbers_in_brackets_are_no_tags() -> None:
    parts = spoken_parts("[1] A footnote.", with_directions=True)
    assert (parts.words, parts.unknown) == ("[1] A footnote.", ())
    assert spoken_parts("[1] A footnote.").directions == ("[1]",)


def test_say_tells_what_it_leaves_out(capsys, tmp_path, monkeypatch) -> None:
    from conftest import voiced

    from gpt_sovits_emotion.audio import write_wav
    from gpt_sovits_emotion.cli import main
    from gpt_sovits_emotion.core.records import Audio

    for number, emotion in enumerate(("angry", "neutral")):
        folder = tmp_path / "voice" / emotion
        write_wav(folder / f"{number}.wav", Audio(voiced(3.5, f0_hz=110 + 30 * number), 16_000))
        (folder / f"{number}.txt").write_text("words of the clip")
    text = "[angry] Stop!\n[撒娇] Hi.\n[door slams] Who is it?\n42\n"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode("utf-16"))))
    with pytest.raises(SystemExit) as exit_:
        main(
            [
                "say",
                str(tmp_path / "voice"),
                "--file",
                "-",
                "--out",
                str(tmp_path / "out"),
                "--whisper",
                "none",
            ]
        )
    captured = capsys.readouterr()
    assert exit_.value.code == 0, captured.err
    assert "stdin: [撒娇]: not said, and no emotion that is known" in captured.err
    assert "stdin: [door slams]: not said (--directions say" in captured.err
    assert "angry" in captured.out
    written = (tmp_path / "out" / "transcript.srt").read_text("utf-8")
    for line in ("[angry ✓] Stop!", "[neutral ✓] Hi.", "[neutral ✓] Who is it?", "[neutral ✓] 42"):
        assert line in written
