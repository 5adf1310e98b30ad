"""What is wrong with a damaged file is said in words for a person, in both languages."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from reference_clips import write_clip

from gpt_sovits_emotion.audio import open_recording
from gpt_sovits_emotion.banks import read_sidecar, set_pin, sidecar_path
from gpt_sovits_emotion.banks.library.layouts.files import read_json_file
from gpt_sovits_emotion.banks.library.layouts.voice_file import read_voice_file
from gpt_sovits_emotion.core.errors import AudioError, ReferenceBankError, TranscriptError
from gpt_sovits_emotion.core.records import Sentence
from gpt_sovits_emotion.core.unreadable import kind_of, why_unreadable
from gpt_sovits_emotion.transcripts import read_transcript
from gpt_sovits_emotion.transcripts.timing import seconds_of

OF_PYTHON = re.compile(
    r"codec|NoneType|object|\bstr\b|\bint\b|\bdict\b|attribute|set_int_max|recursion|scanning|Expecting"
)


def told(error: ReferenceBankError | TranscriptError) -> Sentence:
    """Return both sentences of an error, neither of which speaks of Python."""
    assert not OF_PYTHON.search(str(error)), str(error)
    chinese = error.say("zh")
    assert not OF_PYTHON.search(chinese), chinese
    assert re.search("[\u4e00-\u9fff]", chinese)
    return Sentence(str(error), chinese)


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        ("voice: anna\n\tlanguage: zh", Sentence("line 2", "第 2 行")),
        ("a: 1\nvoice: [anna\n", Sentence("line 3", "第 3 行")),
        ("voice: !!python/name:os.system x", Sentence("line 1", "第 1 行")),
        ("voice: 9999-99-99", Sentence("a value", "其中有不该出现的值")),
        ("voice: " + "9" * 5000, Sentence("a value", "其中有不该出现的值")),
        ("- anna", Sentence("holds a list", "列表")),
        ("anna", Sentence("holds a text", "文本")),
        ("voice: {a: 1}", Sentence("voice is fields with names", "一组字段")),
    ],
)
def test_a_voice_file_says_where_it_is_broken(tmp_path: Path, broken: str, why: Sentence) -> None:
    path = tmp_path / "voice.yaml"
    path.write_text(broken, "utf-8")
    with pytest.raises(ReferenceBankError) as caught:
        read_voice_file(path)
    both = told(caught.value)
    assert why.en in both.en
    assert why.zh in both.zh


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
def test_a_voice_file_may_be_in_any_encoding_that_texts_are_in(
    tmp_path: Path, encoding: str
) -> None:
    path = tmp_path / "voice.yaml"
    path.write_bytes("voice: 小明的声音，很好听\nlanguage: zh\n".encode(encoding))
    assert read_voice_file(path) == {"voice": "小明的声音，很好听", "language": "zh"}


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        ('{"a": 1,\n}', Sentence("line 2", "第 2 行")),
        ('{"a": [1', Sentence("line 1", "第 1 行")),
        ("[" * 5000, Sentence("nested too deep", "嵌套")),
        ('{"a": 1, "a": 2}', Sentence("'a' stands twice", "出现了两次")),
        ('{"a": NaN}', Sentence("NaN is not a number", "NaN 不是 JSON 的数")),
        ('{"a": ' + "9" * 6000 + "}", Sentence("a value", "其中有不该出现的值")),
    ],
)
def test_json_says_where_it_is_broken(tmp_path: Path, broken: str, why: Sentence) -> None:
    path = tmp_path / "infer_config.json"
    path.write_text(broken)
    with pytest.raises(ReferenceBankError) as caught:
        read_json_file(path)
    both = told(caught.value)
    assert why.en in both.en
    assert why.zh in both.zh


def test_a_sidecar_whose_parts_are_of_another_kind_says_it_in_both_languages(
    tmp_path: Path,
) -> None:
    write_clip(tmp_path / "bank" / "angry" / "1.wav")
    set_pin(tmp_path / "bank", "angry", "angry/1.wav")
    path = sidecar_path(tmp_path / "bank")
    held = json.loads(path.read_text("utf-8"))
    spoiled = [
        {"clips": None},
        {"clips": [None]},
        {"bank": None},
        {"bank": "x"},
        {"contents": []},
        {"speaker": 5},
        {"contents": {"angry/1.wav": 5}},
        {"bank": {**held["bank"], "pins": []}},
        {"bank": {**held["bank"], "root": 5}},
        {"clips": [{"path": None}]},
        {"version": None},
        {"speaker": {"mean": "AAA=", "std": "AAA=", "n_segments": 1, "source": "a"}},
    ]
    for each in spoiled:
        path.write_text(json.dumps({**held, **each}))
        with pytest.raises(ReferenceBankError, match="is damaged") as caught:
            read_sidecar(path)
        told(caught.value)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("talk.srt", "1\n{}:00:00,400 --> {}:00:04,700\nhello\n"),
        ("talk.vtt", "WEBVTT\n\n{}:00:00.400 --> {}:00:04.700\nhello\n"),
        ("talk.sbv", "{}:00:00.400,{}:00:04.700\nhello\n"),
        ("talk.lrc", "[{}:00.40]hello\n"),
        ("talk.tsv", "start\tend\ttext\n{}\t{}\thello\n"),
        ("talk.txt", "[{}.0s -> {}.5s] hello\n"),
        ("talk.ttml", "<tt><body><p begin='{}s' end='{}s'>hello</p></body></tt>"),
    ],
)
def test_times_of_hundreds_of_digits_are_past_any_recording(
    tmp_path: Path, name: str, text: str
) -> None:
    path = tmp_path / name
    for digits in ("9" * 12, "9" * 400, "9" * 5000):
        path.write_text(text.replace("{}", digits))
        with pytest.raises(TranscriptError) as caught:
            read_transcript(path, duration_s=10.0, recording_name="talk.wav")
        told(caught.value)


def test_an_offset_or_a_number_of_hundreds_of_digits_is_no_fault(tmp_path: Path) -> None:
    path = tmp_path / "talk.lrc"
    path.write_text("[offset:" + "9" * 400 + "]\n[00:01.00]hello\n")
    read = read_transcript(path, duration_s=10.0, recording_name="talk.wav")
    assert [(segment.start_s, segment.text) for segment in read.segments] == [(0.0, "hello")]
    path = tmp_path / "talk.srt"
    path.write_text("9" * 5000 + "\n\n00:00:01,000 --> 00:00:02,000\nhello\n")
    read = read_transcript(path, duration_s=10.0, recording_name="talk.wav")
    assert read.segments[-1].text == "hello"
    assert seconds_of("1:02:03.5") == 3723.5


def test_the_system_says_it_without_numbers(tmp_path: Path) -> None:
    (tmp_path / "loop.wav").symlink_to("loop.wav")
    for name, en, zh in (
        ("loop.wav", "links lead in a circle", "链接首尾相连"),
        ("x" * 300 + ".wav", "its name is too long", "文件名过长"),
    ):
        with pytest.raises(AudioError) as caught:
            open_recording(tmp_path / name)
        assert en in str(caught.value)
        assert zh in caught.value.say("zh")
        assert "Errno" not in str(caught.value)


def test_what_our_own_errors_say_is_kept() -> None:
    ours = ReferenceBankError("a path is odd", zh="路径不对")
    assert why_unreadable(ours) == Sentence("a path is odd", "路径不对")
    assert why_unreadable(KeyError("clips")) == Sentence("'clips' is missing", "缺少 'clips'")
    assert kind_of({}) == Sentence("fields with names", "一组字段")
    with pytest.raises(yaml.YAMLError) as caught:
        yaml.safe_load("a: [")
    assert "line 1" in why_unreadable(caught.value).en
