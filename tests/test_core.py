"""Errors, labels, records, files: what every package stands on."""

from __future__ import annotations

import copy
import errno
import pickle
import stat
from pathlib import Path

import pytest
from bilingual import check_says_the_same
from hypothesis import given
from hypothesis import strategies as st

from gpt_sovits_emotion.core import errors, files, labels, records
from gpt_sovits_emotion.core.errors import (
    EmotionError,
    MissingExtraError,
    OutputError,
    TranscriptError,
)
from gpt_sovits_emotion.core.files import replacing, write_text
from gpt_sovits_emotion.core.labels import (
    EMODB_LETTERS,
    EMOTIONS,
    UNSURE,
    canonical_label,
    colour_of,
    display_name,
    distance,
    is_default_slot,
    rich_text_tag,
)
from gpt_sovits_emotion.core.memory import trim_heap
from gpt_sovits_emotion.core.progress import part_of
from gpt_sovits_emotion.core.records import (
    Cue,
    EmotionScores,
    Prosody,
    RecordingInfo,
    Segment,
    Sentence,
    TaggedSegment,
    TaggedTranscript,
    Word,
)

# --- errors ----------------------------------------------------------------------------------------


def test_every_error_is_an_emotion_error_and_stands_in_the_tree() -> None:
    for name in errors.__all__:
        kind = getattr(errors, name)
        assert issubclass(kind, EmotionError)
        assert name in errors.__doc__


def test_a_missing_package_names_the_extra() -> None:
    with pytest.raises(ImportError, match=r"pip install 'gpt-sovits-emotion\[demo\]'"):
        raise MissingExtraError("espeakng_loader", extra="demo", purpose="the demo voice")


def test_every_kind_of_error_says_its_sentence_in_both_languages() -> None:
    for name in errors.__all__:
        kind = getattr(errors, name)
        if kind is MissingExtraError:
            continue
        error = kind("it is silent", zh="是静音")
        assert str(error) == error.say("en") == error.say("de") == "it is silent"
        assert error.say("zh") == error.zh == "是静音"
        for twin in (copy.copy(error), pickle.loads(pickle.dumps(error))):
            assert (type(twin), str(twin), twin.zh) == (kind, "it is silent", "是静音")
        only_english = kind("it is silent")
        assert only_english.zh is None
        assert only_english.say("zh") == "it is silent"


def test_a_missing_package_is_told_in_chinese_too() -> None:
    error = MissingExtraError("espeakng_loader", extra="demo", purpose="the demo voice")
    assert "pip install 'gpt-sovits-emotion[demo]'" in error.say("zh")
    assert "未安装" in error.say("zh")


# --- labels ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("高兴", "happy"),
        (" Happy ", "happy"),
        ("开心_happy", "happy"),
        ("生气/angry", "angry"),
        ("anger", "angry"),
        ("难过", "sad"),
        ("惊喜", "surprised"),
        ("<unk>", "other"),
        ("EMO_UNKNOWN", UNSURE),
        ("傲娇", "傲娇"),
        ("开心_sad", "开心_sad"),
        ("default", "default"),
    ],
)
def test_aliases(written: str, expected: str) -> None:
    assert canonical_label(written) == expected


def test_every_name_of_an_emotion_leads_to_one_label() -> None:
    names = [
        (name, emotion.label)
        for emotion in EMOTIONS.values()
        for name in (emotion.label, emotion.zh, *emotion.aliases)
    ]
    assert len({name for name, _ in names}) == len(names)
    assert all(canonical_label(name) == label for name, label in names)
    assert set(EMODB_LETTERS.values()) <= set(EMOTIONS)


@given(st.text(max_size=20))
def test_canonical_labels_stay(written: str) -> None:
    once = canonical_label(written)
    assert canonical_label(once) == once


@given(st.sampled_from([*EMOTIONS, "free"]), st.sampled_from([*EMOTIONS, "free"]))
def test_distance_is_a_distance(one: str, other: str) -> None:
    assert distance(one, other) == distance(other, one) >= 0
    assert (distance(one, other) == 0) == (one == other)


def test_labels_are_named_coloured_and_tagged() -> None:
    assert display_name("angry", "zh") == "愤怒"
    assert display_name("傲娇", "zh") == display_name("傲娇") == "傲娇"
    assert display_name(UNSURE, "zh") == "不确定"
    assert len({colour_of(label) for label in [*EMOTIONS, UNSURE, "free"]}) == len(EMOTIONS) + 2
    assert rich_text_tag("fearful") == "FEARFUL"
    assert rich_text_tag("傲娇") == "EMO_UNKNOWN"
    assert is_default_slot("默认")
    assert not is_default_slot("neutral")


# --- records ---------------------------------------------------------------------------------------


def _transcript() -> TaggedTranscript:
    scores = EmotionScores(
        {"angry": 0.7, "sad": 0.3},
        "angry",
        (Cue("rate", 12.0, "%", "speaker"),),
        Sentence("a", "甲"),
    )
    words = (Word(0.0, 0.5, "你好", 0.9),)
    return TaggedTranscript(
        RecordingInfo("a.wav", 3.0, 44_100, 2, -20.0, 0.0, (Sentence("w", "警"),)),
        (
            TaggedSegment(
                Segment(0.0, 1.0, "你好", "zh", words), scores, Prosody(1, 1, None, 3.0, 4.0, -20.0)
            ),
            TaggedSegment(Segment(1.5, 1.6, "嗯"), None, problem=Sentence("short", "短")),
        ),
        "zh",
        "none",
        "toy-head",
        Sentence("Fake", "假"),
        "global",
        Sentence("n", "注"),
    )


def test_records_come_back_equal() -> None:
    transcript = _transcript()
    assert TaggedTranscript.from_dict(transcript.to_dict()) == transcript


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        (lambda data: data.pop("head_id"), "head_id"),
        (
            lambda data: data["segments"][0]["segment"].update(start_s="soon"),
            "segments.0.segment.start_s",
        ),
        (lambda data: data.update(segments=7), "segments"),
    ],
)
def test_damaged_records_name_the_field(damage, named: str) -> None:
    data = _transcript().to_dict()
    damage(data)
    with pytest.raises(TranscriptError, match=f"field '{named}'"):
        TaggedTranscript.from_dict(data)


def test_a_correction_counts_more_than_what_was_heard() -> None:
    heard = _transcript().segments[0]
    assert (heard.label, heard.text) == ("angry", "你好")
    corrected = TaggedSegment(heard.segment, heard.scores, None, None, "sad", "")
    assert (corrected.label, corrected.text) == ("sad", "")
    assert _transcript().segments[1].label == UNSURE


def test_public_names_exist() -> None:
    for module in (errors, labels, records):
        assert sorted(module.__all__) == sorted(set(module.__all__))
        assert all(hasattr(module, name) for name in module.__all__)


# --- files -----------------------------------------------------------------------------------------


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "new folder" / "a.txt"
    write_text(target, "one\n")
    assert target.read_text() == "one\n"
    assert stat.S_IMODE(target.stat().st_mode) & stat.S_IRUSR

    def half() -> None:
        with replacing(target) as temporary:
            temporary.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        half()
    assert target.read_text() == "one\n"
    assert [path.name for path in target.parent.iterdir()] == ["a.txt"]


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EACCES, "may not be written to"),
        (errno.EROFS, "may not be written to"),
        (errno.EIO, "was not written"),
    ],
)
def test_every_failure_to_write_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, expected: str
) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(number, "as the system says it")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OutputError, match=expected) as caught:
        write_text(tmp_path / "a.txt", "x")
    check_says_the_same(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="was not written"):
        write_text(tmp_path / "file" / "a.txt", "x")


def test_progress_of_a_part_fills_its_part() -> None:
    seen: list[float] = []
    part = part_of(lambda fraction, doing: seen.append(fraction), 0.5, 0.9)
    for fraction in (0.0, 0.5, 1.0, 2.0):
        part(fraction, "x")
    assert seen == pytest.approx([0.5, 0.7, 0.9, 0.9])


def test_freed_memory_is_given_back_to_the_system() -> None:
    """Where the C library is glibc; elsewhere nothing happens."""
    import platform
    import subprocess
    import sys

    code = """
import gpt_sovits_emotion.core.memory as memory
def resident_kb():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4
held = [bytearray(60_000) for _ in range(2_000)]
last = bytearray(60_000)  # keeps the heap's end in place
full = resident_kb()
del held
before = resident_kb()
memory.trim_heap()
print(full - resident_kb() > 90_000)
"""
    if platform.libc_ver()[0] != "glibc":
        trim_heap()
        return
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True"


def test_the_users_folders_are_those_of_the_system(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.delenv(files.CACHE_VARIABLE)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert files.cache_folder() == tmp_path / "caches" / "gpt-sovits-emotion"
    assert files.data_folder() == tmp_path / "data" / "gpt-sovits-emotion"
    monkeypatch.setenv(files.CACHE_VARIABLE, str(tmp_path / "mine"))
    assert files.cache_folder() == tmp_path / "mine"


def test_on_a_mac_what_lies_where_it_was_is_used(monkeypatch, tmp_path: Path) -> None:
    now = tmp_path / "Library" / "Application Support" / "gpt-sovits-emotion"
    monkeypatch.setattr("platformdirs.user_data_path", lambda *_, **__: now)
    monkeypatch.setattr("sys.platform", "darwin")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert files.data_folder() == now
    earlier = tmp_path / ".local" / "share" / "gpt-sovits-emotion"
    earlier.mkdir(parents=True)
    assert files.data_folder() == earlier
    now.mkdir(parents=True)
    assert files.data_folder() == now
