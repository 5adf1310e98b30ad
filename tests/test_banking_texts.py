"""Given texts are held against what Whisper hears; one that is not what is said comes after all others."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import pytest

from gpt_sovits_emotion.backends.base import never
from gpt_sovits_emotion.banks import choose, load_bank
from gpt_sovits_emotion.banks.building import build_bank, engines_to_listen
from gpt_sovits_emotion.banks.building.hearing import ClipFacts, HeardClip
from gpt_sovits_emotion.banks.building.journal import Journal
from gpt_sovits_emotion.banks.building.reporter import Reporter
from gpt_sovits_emotion.banks.building.sources import SourceClip
from gpt_sovits_emotion.banks.building.texts import MOST_UNASKED, compare_texts, text_error_rate
from gpt_sovits_emotion.banks.library.given_texts import ANOTHER_TEXT
from gpt_sovits_emotion.core.progress import no_progress
from gpt_sovits_emotion.core.records import ReferenceBank, ReferenceClip
from gpt_sovits_emotion.transcription import TranscribeOptions

_VOICE = resources.files("gpt_sovits_emotion") / "sample_data" / "voice_bank"


@pytest.mark.parametrize(
    ("given", "heard", "rate"),
    [
        ("Hello there!", "hello, there", 0.0),
        ("Élève à l'école", "eleve a l ecole", 0.0),
        ("在公司開會", "在公司开会。", 0.0),
        ("第3个人来了", "第三个人来了", 0.0),
        ("你好世界", "", 1.0),
        ("the dog", "the cats", 4 / 6),
    ],
)
def test_the_error_rate_knows_no_case_accents_script_or_numerals(given, heard, rate):
    assert text_error_rate(given, heard) == pytest.approx(rate)


def bank_in(folder: Path, texts: dict[str, str]) -> Path:
    (folder / "neutral").mkdir(parents=True)
    for label, text in texts.items():
        clip = folder / "neutral" / f"{label[::-1]}.flac"  # a name that states no label
        clip.write_bytes((_VOICE / label / "en.flac").read_bytes())
        clip.with_suffix(".txt").write_text(text, "utf-8")
    return folder


def text_of(label: str) -> str:
    return (_VOICE / label / "en.txt").read_text(encoding="utf-8").strip()


def build(folder: Path, model: Path, **given: object) -> ReferenceBank:
    whisper = TranscribeOptions(model=str(model))
    engines = engines_to_listen("prosody-emodb")
    return build_bank(folder, engines=engines, whisper=whisper, **given)


def test_a_text_that_is_not_what_is_said_is_told_and_comes_last_until_it_is_corrected(
    tmp_path, whisper_base
):
    folder = bank_in(
        tmp_path / "anna",
        {"neutral": text_of("neutral"), "happy": "Quarterly figures came out on Wednesday night."},
    )
    bank = build(folder, whisper_base)
    right, wrong = bank.clips
    assert right.text_error < 0.2 < ANOTHER_TEXT < wrong.text_error
    (doubt,) = (
        each for each in wrong.doubts if each.en.startswith("its text is not what is said: “")
    )
    assert doubt.zh.startswith("文本与所说不符：听到的是“")
    assert any(note.en.startswith("the text of 1 clip is not what is said") for note in bank.notes)
    candidates = choose(bank, wanted="neutral", text="Hello there").candidates
    assert [each.clip for each in candidates] == [right, wrong]
    assert candidates[0].score - candidates[1].score > 0.1

    wrong.path.with_suffix(".txt").write_text(text_of("happy"), "utf-8")
    (again,) = (clip for clip in load_bank(folder).clips if clip.path == wrong.path)
    assert again.text_error is None
    assert doubt not in again.doubts
    assert all(clip.text_error < ANOTHER_TEXT for clip in build(folder, whisper_base).clips)


def test_texts_are_not_compared_against_a_persons_will_or_without_a_whisper(tmp_path, whisper_base):
    folder = bank_in(tmp_path / "anna", {"neutral": "Quarterly figures came out."})
    (clip,) = build(folder, whisper_base, check_texts=False).clips
    assert clip.text_error is None
    bank = build(folder, tmp_path / "no model")
    assert bank.clips[0].text_error is None
    assert any("there is no Whisper here" in note.en for note in bank.notes)


def test_very_many_texts_are_compared_only_when_that_is_asked_for(tmp_path):
    numbers = map(str, range(MOST_UNASKED + 1))
    clips = {
        number: SourceClip(tmp_path / f"{number}.wav", text="words enough") for number in numbers
    }
    heard = {sha256: HeardClip(ClipFacts(5.0), {}) for sha256 in clips}
    with Journal(tmp_path / "journal") as journal:
        found = compare_texts(
            clips,
            heard,
            TranscribeOptions(),
            language="",
            asked=None,
            journal=journal,
            reporter=Reporter(no_progress, never, {"texts": 1.0}),
        )
    assert found.errors == {}
    assert found.note is not None
    assert found.note.en.startswith("the text of 201 clips was taken as given")


def test_a_false_text_does_not_go_before_the_emotion():
    fields: dict = {"language": "en", "duration_s": 5.0}
    sad = ReferenceClip(Path("/b/sad.wav"), "sad", "words", **fields, text_error=1.5)
    calm = ReferenceClip(Path("/b/calm.wav"), "calm", "words", **fields)
    bank = ReferenceBank("anna", Path("/b"), "folders", (sad, calm))
    assert choose(bank, wanted="sad").pick is sad
