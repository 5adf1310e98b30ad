"""The reference bank of a voice and the choice of a clip."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from bilingual import check_says_the_same

from gpt_sovits_emotion.banks import choose, load_bank
from gpt_sovits_emotion.core.errors import ReferenceBankError
from gpt_sovits_emotion.core.labels import UNSURE
from gpt_sovits_emotion.core.records import ReferenceBank, ReferenceClip

_PITCHES_HZ = itertools.count(80)


def write_clip(
    path: Path, *, duration_s: float = 4.0, n_samples: int | None = None, rate_hz: int = 16_000
) -> Path:
    """Write a tone of its own pitch, so that no two clips have the same content."""
    n_samples = round(duration_s * rate_hz) if n_samples is None else n_samples
    tone = 0.2 * np.sin(2 * np.pi * next(_PITCHES_HZ) * np.arange(n_samples) / rate_hz)
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, tone, rate_hz)
    return path


def clip(emotion: str, name: str = "a", **changes: object) -> ReferenceClip:
    fields: dict = {"text": "hello", "language": "en", "duration_s": 5.0}
    return ReferenceClip(Path(f"/bank/{emotion}/{name}.wav"), emotion, **{**fields, **changes})


def bank_of(*clips: ReferenceClip) -> ReferenceBank:
    return ReferenceBank("someone", Path("/bank"), "folders", clips)


def only(bank: ReferenceBank, name: str) -> ReferenceClip:
    (found,) = [clip for clip in bank.clips if clip.path.name == name]
    return found


# --- a folder per emotion ------------------------------------------------------------------------


def test_a_folder_per_emotion_is_read_with_texts_languages_and_labels(tmp_path):
    write_clip(tmp_path / "高兴" / "一.wav").with_suffix(".lab").write_text("太好了！\n", "utf-8")
    write_clip(tmp_path / "angry" / "1.flac").with_suffix(".txt").write_bytes("够了".encode("gbk"))
    write_clip(tmp_path / "傲娇" / "1.ogg")
    write_clip(tmp_path / "默认" / "1.wav").with_suffix(".txt").write_text(
        "\ufeffGood day.", "utf-8"
    )
    (tmp_path / "angry" / "notes.md").write_text("not a clip")
    (tmp_path / ".cache").mkdir()

    bank = load_bank(tmp_path)

    assert bank.layout == "folders"
    assert bank.voice == tmp_path.name
    assert not bank.synthetic
    found = {(clip.emotion, clip.text, clip.language) for clip in bank.usable}
    assert found == {
        ("happy", "太好了！", "zh"),
        ("angry", "够了", "zh"),
        ("傲娇", "", ""),
        ("", "Good day.", "en"),
    }
    assert all(clip.duration_s == pytest.approx(4.0) for clip in bank.clips)


def test_voice_yaml_names_the_voice_its_language_and_that_it_is_synthetic(tmp_path):
    write_clip(tmp_path / "sad" / "1.wav").with_suffix(".txt").write_text("Guten Tag.")
    (tmp_path / "voice.yaml").write_text(
        "voice: Anna\nlanguage: de\nsynthetic: true\nmade_with: a program\n"
    )
    bank = load_bank(tmp_path)
    assert (bank.voice, bank.synthetic) == ("Anna", True)
    assert bank.usable[0].language == "de"
    assert bank.settings == {"made_with": "a program"}
    assert load_bank(tmp_path, voice="Berta").voice == "Berta"


@pytest.mark.parametrize(
    ("content", "voice", "language"),
    [
        ("voice: yes\nlanguage: no\n", "yes", "no"),  # Norwegian, and no refusal
        ("voice: 007\nlanguage: 中文\n", "007", "zh"),
        ("voice: .nan\n", ".nan", ""),
        ("voice:\nlanguage: ~\n", None, ""),
    ],
)
def test_words_in_voice_yaml_are_taken_as_they_are_written(tmp_path, content, voice, language):
    write_clip(tmp_path / "sad" / "a.wav")
    (tmp_path / "voice.yaml").write_text(content, "utf-8")
    bank = load_bank(tmp_path)
    assert (bank.voice, bank.clips[0].language) == (voice or tmp_path.name, language)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("language: 5\n", "language is '5'; a language was expected"),
        ("language: .5\n", "a language was expected"),
        ("layout: folders\n", "layout is 'folders', which is none that is known"),
        ("voice: [a]\n", "voice is a list"),
    ],
)
def test_values_that_a_voice_cannot_have_are_refused(tmp_path, content, message):
    write_clip(tmp_path / "sad" / "a.wav")
    (tmp_path / "voice.yaml").write_text(content, "utf-8")
    with pytest.raises(ReferenceBankError, match=message) as caught:
        load_bank(tmp_path)
    check_says_the_same(caught.value)


def test_a_bank_survives_being_written_as_a_record(tmp_path):
    write_clip(tmp_path / "sad" / "1.wav")
    bank = load_bank(tmp_path)
    assert ReferenceBank.from_dict(json.loads(json.dumps(bank.to_dict()))) == bank


# --- infer_config.json ---------------------------------------------------------------------------


@pytest.fixture
def infer_config(tmp_path) -> Path:
    write_clip(tmp_path / "wavs" / "calm one.wav")
    write_clip(tmp_path / "wavs" / "happy.wav")
    held = {
        "version": "v2",
        "gpt_path": "a.ckpt",
        "sovits_path": "b.pth",
        "简介": "介绍",
        "emotion_list": {
            "default": {
                "ref_wav_path": "wavs/calm one.wav",
                "prompt_text": "你好。",
                "prompt_language": "中文",
            },
            "平静": {"ref_wav_path": "wavs\\calm one.wav", "prompt_text": "你好。"},
            "开心_happy": {
                "ref_wav_path": str(tmp_path / "wavs" / "happy.wav"),
                "prompt_text": "犬です",
                "prompt_language": "all_ja",
            },
            "sad": {"ref_wav_path": "wavs/gone.wav", "prompt_language": "多语种混合"},
        },
    }
    path = tmp_path / "infer_config.json"
    path.write_text("\ufeff" + json.dumps(held, ensure_ascii=False), "utf-8")
    return path


def test_infer_config_is_read_with_its_default_slot_and_settings(infer_config):
    bank = load_bank(infer_config.parent)
    assert bank.layout == "infer_config"
    assert bank.settings == {
        "version": "v2",
        "gpt_path": "a.ckpt",
        "sovits_path": "b.pth",
        "简介": "介绍",
    }
    assert [(clip.emotion, clip.language) for clip in bank.usable] == [
        ("", "zh"),
        ("calm", "zh"),
        ("happy", "ja"),
    ]
    gone = only(bank, "gone.wav")
    assert gone.duration_s is None
    assert "no such file" in gone.problem.en
    assert bank == load_bank(infer_config)


def test_the_default_slot_may_point_at_another_emotions_clip(infer_config):
    bank = load_bank(infer_config)
    default, calm = bank.usable[:2]
    assert default.path == calm.path
    assert choose(bank, wanted="calm").pick.emotion == "calm"
    assert choose(bank, wanted="默认").pick.emotion == ""


# --- clips that cannot be used -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n_samples", "rate_hz", "problem"),
    [
        (47_999, 16_000, "too short"),
        (48_000, 16_000, None),
        (160_000, 16_000, None),
        (160_001, 16_000, "too long"),
        (3 * 44_100 - 3, 44_100, "too short"),
        (3 * 44_100, 44_100, None),
        (10 * 22_050, 22_050, None),
        (10 * 22_050 + 1, 22_050, "too long"),
    ],
)
def test_the_length_rule_is_exact(tmp_path, n_samples, rate_hz, problem):
    write_clip(tmp_path / "sad" / "edge.wav", n_samples=n_samples, rate_hz=rate_hz)
    write_clip(tmp_path / "sad" / "good.wav")
    edge = only(load_bank(tmp_path), "edge.wav")
    if problem is None:
        assert edge.problem is None
    else:
        assert problem in edge.problem.en
        assert edge.duration_s == pytest.approx(n_samples / rate_hz)


def test_limits_come_from_the_host(tmp_path):
    write_clip(tmp_path / "sad" / "a.wav", duration_s=2.0)
    assert load_bank(tmp_path, reference_min_s=1.0, reference_max_s=2.0).usable
    with pytest.raises(ReferenceBankError, match=r"too long: 2\.00 s, at most 1\.5 s"):
        load_bank(tmp_path, reference_min_s=1.0, reference_max_s=1.5)


def test_unusable_clips_stay_with_their_problem_and_are_never_chosen(tmp_path):
    good = write_clip(tmp_path / "angry" / "good.wav")
    (tmp_path / "angry" / "no audio.wav").write_text("hello")
    (tmp_path / "angry" / "empty.mp3").touch()
    (tmp_path / "angry" / "copy.wav").write_bytes(good.read_bytes())
    (tmp_path / "sad").mkdir()
    (tmp_path / "sad" / "copy too.wav").write_bytes(good.read_bytes())
    write_clip(tmp_path / "sad" / "short.wav", duration_s=1.0)

    bank = load_bank(tmp_path)

    assert {clip.path.name for clip in bank.usable} == {"copy.wav"}
    assert only(bank, "good.wav").problem.en == "duplicate: the same audio as copy.wav"
    assert "filed under angry" in only(bank, "copy too.wav").problem.en
    assert "not audio" in only(bank, "no audio.wav").problem.en
    assert "empty" in only(bank, "empty.mp3").problem.en
    for wanted in ("angry", "sad", UNSURE):
        choice = choose(bank, wanted=wanted)
        assert [candidate.clip.path.name for candidate in choice.candidates] == ["copy.wav"]


def break_missing(folder: Path) -> Path:
    return folder / "nowhere"


def break_empty(folder: Path) -> Path:
    (folder / "angry").mkdir()
    return folder


def break_file(folder: Path) -> Path:
    return write_clip(folder / "a.wav")


def break_all_short(folder: Path) -> Path:
    write_clip(folder / "sad" / "a.wav", duration_s=0.5)
    write_clip(folder / "sad" / "b.wav", duration_s=0.5)
    return folder


def break_yaml(folder: Path) -> Path:
    write_clip(folder / "sad" / "a.wav")
    (folder / "voice.yaml").write_text("voice: [")
    return folder


def break_yaml_type(folder: Path) -> Path:
    (folder / "voice.yaml").write_text("- a\n- b\n")
    return folder


def break_json(folder: Path) -> Path:
    (folder / "infer_config.json").write_text("{'a': 1}")
    return folder


def break_json_list(folder: Path) -> Path:
    (folder / "infer_config.json").write_text('{"emotion_list": ["a.wav"]}')
    return folder


def break_json_slot(folder: Path) -> Path:
    (folder / "infer_config.json").write_text('{"emotion_list": {"sad": {"text": "x"}}}')
    return folder


@pytest.mark.parametrize(
    ("breaking", "message"),
    [
        (break_missing, "there is no reference bank at .*nowhere; expected a folder per emotion"),
        (break_empty, "has no clips; expected a folder per emotion"),
        (break_file, "is a file; expected a folder per emotion"),
        (break_all_short, r"none of its 2 clips can be used \(a.wav: too short: 0.50 s"),
        (break_yaml, "is not readable YAML"),
        (break_yaml_type, "holds a list; names with values"),
        (break_json, "is not readable JSON"),
        (break_json_list, "has no emotion_list"),
        (break_json_slot, "the emotion 'sad' has no ref_wav_path"),
    ],
)
def test_a_broken_bank_is_told_in_one_sentence(tmp_path, breaking, message):
    with pytest.raises(ReferenceBankError, match=message) as caught:
        load_bank(breaking(tmp_path))
    assert "\n" not in str(caught.value)
    check_says_the_same(caught.value)
