"""SAMI, MicroDVD, MPL2 and SubViewer: what stands in them is read at its times, or refused in a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest
from bilingual import check_says_the_same
from media_files import clicks, film
from test_transcript_foreign import TWO, read, shape

from gpt_sovits_emotion import audio
from gpt_sovits_emotion import transcripts as transcript_io
from gpt_sovits_emotion.audio import frames_per_s
from gpt_sovits_emotion.cli.settings import RecordingSettings
from gpt_sovits_emotion.cli.texts import existing_transcript
from gpt_sovits_emotion.core.errors import TranscriptError
from gpt_sovits_emotion.synthesis.text_input import file_to_say
from gpt_sovits_emotion.transcripts import TextFile

PAL = "{1}{1}25\n{25}{62}Hello|there.\n{75}{106}{y:i}Goodbye.\n"
# 24 frames a second: 24 to 60 is 1.0 to 2.5 s, 72 to 102 is 3.0 to 4.25 s.
OF_24 = "{24}{60}Hello|there.\n{72}{102}Goodbye.\n"
TWO_LANGUAGES = """<SAMI><HEAD><TITLE>Film</TITLE><STYLE TYPE="text/css"><!--
P {margin-left: 8pt;}
.KRCC {Name: Korean; lang: ko-KR; SAMIType: CC;}
.ENCC {Name: English; lang: en-US; SAMIType: CC;}
--></STYLE></HEAD><BODY>
<SYNC Start=1000><P Class=KRCC>안녕하세요<br>여러분 &amp; 모두
<SYNC Start=1000><P Class=ENCC>Hello <i>there</i>.
<SYNC Start=2500><P Class=KRCC>&nbsp;
<SYNC Start=2500><P Class=ENCC>&nbsp;
<!-- <SYNC Start=2600><P Class=ENCC>never shown -->
<SYNC Start="3000"><P Class="KRCC">안녕<P Class='ENCC'>Goodbye.
<SYNC Start=4250><P Class=KRCC>&nbsp;<P Class=ENCC>&nbsp;
</BODY></SAMI>
"""


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("mpl2.sub", "[10][25]Hello|/there.\n[30][42]Goodbye.\n[43][43]\n"),
        ("mpl2.txt", "[10][25]Hello|/there.\n[30][42]Goodbye.\n"),
        (
            "subviewer2.sub",
            "[INFORMATION]\n[TITLE]Film\n[END INFORMATION]\n[SUBTITLE]\n[COLF]&HFFFFFF,[SIZE]18\n"
            "00:00:01.00,00:00:02.50\nHello[br]there.\n\n00:00:03.00,00:00:04.20\nGoodbye.\n",
        ),
        (
            "srt.sub",
            "1\n00:00:01,000 --> 00:00:02,500\nHello there.\n\n2\n00:00:03,000 --> 00:00:04,200\nGoodbye.",
        ),
    ],
)
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_times_in_tenths_and_clocks_are_read(
    tmp_path: Path, name: str, content: str, mark: str
) -> None:
    found = read(tmp_path, name, mark + content, duration_s=10.0)
    assert shape(found) == [(1.0, 2.5, "Hello there."), (3.0, 4.2, "Goodbye.")]
    assert found.notes == ()


def test_subviewer_1_says_an_end_with_an_empty_line(tmp_path: Path) -> None:
    above = "[TITLE]\nFilm\n[BEGIN]\n[SCRIPT]\n"
    content = f"{above}[00:00:01]\nHello|there.\n[00:00:02]\n\n[00:00:03]\nGoodbye.\n[00:00:04]\n\n[END]\n"
    found = read(tmp_path, "a.sub", content, duration_s=10.0)
    assert shape(found) == [(1.0, 2.0, "Hello there."), (3.0, 4.0, "Goodbye.")]


@pytest.mark.parametrize("name", ["a.sub", "a.txt"])
@pytest.mark.parametrize(
    "first", ["{1}{1}25", "{0}{0}25.000", "{1}{1}25,0", "{DEFAULT}{}{C:$0000ff}\n{1}{1}25"]
)
def test_frames_are_counted_at_what_the_first_line_says(
    tmp_path: Path, name: str, first: str
) -> None:
    found = read(tmp_path, name, PAL.replace("{1}{1}25", first), duration_s=10.0)
    assert shape(found) == [(1.0, 2.48, "Hello there."), (3.0, 4.24, "Goodbye.")]


def test_a_line_without_an_end_lasts_until_the_next_and_other_rows_are_said(tmp_path: Path) -> None:
    content = "{1}{1}25\n{25}{}Hello there.\n{75}{106}Goodbye.\nby Ann\n"
    found = read(tmp_path, "a.sub", content, duration_s=10.0)
    assert shape(found) == [(1.0, 3.0, "Hello there."), (3.0, 4.24, "Goodbye.")]
    assert [note.en for note in found.notes] == ["1 row without times is left out"]


def test_frames_without_a_rate_are_refused_unless_the_film_says_it(tmp_path: Path) -> None:
    path = tmp_path / "talk.sub"
    path.write_text(OF_24, "utf-8")
    with pytest.raises(
        TranscriptError, match=r"nothing says how many a second has.*\{1\}\{1\}25"
    ) as caught:
        transcript_io.read_transcript(path, duration_s=10.0)
    check_says_the_same(caught.value)

    for name, rate, recording in [("talk.mkv", 24, "talk.mkv"), ("talk.mp4", 25, "elsewhere.wav")]:
        movie = film(
            tmp_path / name, [(0.0, clicks(3.0, [1.0]))], picture=(0.0, 3.0), video_rate=rate
        )
        assert frames_per_s(movie) == rate
        file = existing_transcript(RecordingSettings(transcript=path), tmp_path / recording)
        assert file is not None
        found = transcript_io.read_transcript(file, duration_s=10.0)
        starts = [segment.start_s for segment in found.segments]
        assert starts == pytest.approx([24 / rate, 72 / rate], abs=1e-3)
        assert f"{rate} a second, as the film has" in found.notes[0].en
        movie.unlink()


def test_sound_and_what_is_no_film_have_no_frames(tmp_path: Path) -> None:
    sound = film(tmp_path / "a.mka", [(0.0, clicks(1.0, [0.2]))], "flac", picture=None)
    text = tmp_path / "a.txt"
    text.write_text("words")
    assert [frames_per_s(path) for path in (sound, text, tmp_path / "no.mp4")] == [None, None, None]


def test_films_are_opened_only_for_times_in_frames(tmp_path: Path, monkeypatch) -> None:
    opened = []
    monkeypatch.setattr(audio, "frames_per_s", opened.append)
    path = tmp_path / "talk.txt"
    (tmp_path / "talk.mp4").touch()
    settings = RecordingSettings(transcript=path)
    for text, n_opened in [("Hello there.", 0), ("[00:01.000 --> 00:02.000] Hello", 0), (OF_24, 2)]:
        path.write_text(text, "utf-8")
        file = existing_transcript(settings, tmp_path / "talk.wav")
        assert file is not None
        try:
            transcript_io.read_transcript(file, duration_s=10.0)
        except TranscriptError:
            assert n_opened, "nothing says how many frames a second has"
        assert len(opened) == n_opened


def test_to_be_said_frames_need_no_rate(tmp_path: Path) -> None:
    path = tmp_path / "talk.sub"
    path.write_text(OF_24, "utf-8")
    assert [line.text for line in file_to_say(path).lines] == ["Hello\nthere.", "Goodbye."]


@pytest.mark.parametrize(
    ("language", "first", "second"),
    [
        ("", "안녕하세요 여러분 & 모두", "안녕"),
        ("ko", "안녕하세요 여러분 & 모두", "안녕"),
        ("en", "Hello there.", "Goodbye."),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp949"])
def test_of_sami_in_two_languages_one_is_read(
    tmp_path: Path, language, first, second, encoding
) -> None:
    path = tmp_path / "film.smi"
    path.write_bytes(TWO_LANGUAGES.encode(encoding))
    found = transcript_io.read_transcript(path, duration_s=10.0, language=language)
    assert shape(found) == [(1.0, 2.5, first), (3.0, 4.25, second)]
    assert found.language == (language or "ko")
    assert ("ko was taken" in " ".join(note.en for note in found.notes)) == (not language)


def test_sami_of_one_language_lasts_until_the_next_and_needs_no_class(tmp_path: Path) -> None:
    content = "<SYNC Start=1000><P>Hello there.<SYNC Start=2500>&nbsp;<SYNC Start=3000>Goodbye."
    found = read(tmp_path, "a.smi", f"<SAMI><BODY>{content}</BODY></SAMI>", duration_s=4.25)
    assert shape(found)[0] == TWO[0]
    assert shape(found)[1][::2] == (3.0, "Goodbye.")


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.smi", b"<SAMI><BODY>words</BODY></SAMI>", "no caption with a time"),
        ("a.sub", b"words alone\n", "no line with a time; expected MicroDVD"),
        ("a.sub", b"{1}{1}25\n", "has no text"),
        ("a.sub", b"{1}{1}0\n{1}{2}words\n", "nothing says how many a second has"),
        ("a.sub", b"{1}{1}25\n{50}{25}words\n", "line 2 ends at 1 s, before it starts at 2 s"),
        ("a.sub", b"\x00\x00\x01\xba" + bytes(2000), "pictures of subtitles .VobSub."),
    ],
)
def test_what_cannot_be_read_is_said(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(TranscriptError, match=says) as caught:
        transcript_io.read_transcript(path, duration_s=10.0)
    check_says_the_same(caught.value)


def test_a_language_that_sami_does_not_hold_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "film.smi"
    path.write_text(TWO_LANGUAGES, "utf-8")
    with pytest.raises(TranscriptError, match="captions in ko, en, and none in de") as caught:
        transcript_io.read_transcript(TextFile(path), duration_s=10.0, language="de")
    check_says_the_same(caught.value)


def test_pictures_beside_a_recording_are_not_its_transcript(tmp_path: Path) -> None:
    (tmp_path / "talk.sub").write_bytes(b"\x00\x00\x01\xba" + bytes(100))
    assert transcript_io.find_transcript_beside(tmp_path / "talk.mp4") is None
    (tmp_path / "talk.smi").write_text(TWO_LANGUAGES, "utf-8")
    found = transcript_io.find_transcript_beside(tmp_path / "talk.mp4")
    assert found == tmp_path / "talk.smi"
