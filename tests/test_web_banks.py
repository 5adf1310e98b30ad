"""The page of voices as plain functions: built, opened, pinned, chosen from, given away; and the listing."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gpt_sovits_emotion.banks import SIDECAR_NAME, load_bank
from gpt_sovits_emotion.core.errors import ConsentError, OutputError, ReferenceBankError
from gpt_sovits_emotion.core.records import ReferenceBank
from webui_tab.app_context import AppContext, sample_data
from webui_tab.banks import bank as banks
from webui_tab.controls import SAMPLE_VOICE
from webui_tab.listen.analysis import choose_voice
from webui_tab.listen.panel import lent_clip
from webui_tab.listen.view import clip_name
from webui_tab.markup import note
from webui_tab.sessions import PageError, Session
from webui_tab.settings import AnalysisSettings
from webui_tab.texts import LANGUAGES


@pytest.fixture(scope="module")
def app() -> AppContext:
    return AppContext(allow_download=False)


@pytest.fixture(scope="module")
def built(app, tmp_path_factory) -> tuple[Session, Path]:
    """The sample voice, its labels taken off, listened to."""
    folder = tmp_path_factory.mktemp("voice") / "clips"
    folder.mkdir()
    for number, clip in enumerate(sorted((sample_data() / "voice_bank").glob("*/*.flac"))):
        shutil.copyfile(clip, folder / f"{number:02d}.flac")
    session = banks.build(
        Session(), folder, AnalysisSettings(), app, transcribe=False, consent=True
    )
    return session, folder


def bank_of(session: Session) -> ReferenceBank:
    assert session.shown is not None
    return session.shown.bank


def own(built, folder: Path) -> Session:
    """A copy of the built voice that a test may change."""
    copy = shutil.copytree(built[1], folder / "clips")
    return banks.open_as_it_is(Session(), copy, consent=True)


def test_building_needs_consent_and_a_place(app, tmp_path):
    with pytest.raises(ConsentError, match="Tick the line about consent"):
        banks.build(
            Session(),
            tmp_path,
            AnalysisSettings(),
            app,
            transcribe=False,
            consent=False,
        )
    for nothing in (None, "", '  "" '):
        with pytest.raises(PageError, match="No voice is named"):
            banks.place_of(nothing)
    with pytest.raises(ReferenceBankError):
        banks.open_as_it_is(Session(), tmp_path / "gone", consent=True)


def test_a_built_voice_says_what_was_heard_in_every_clip(built):
    session, folder = built
    bank = bank_of(session)
    assert bank.head_id == "prosody-emodb"
    assert len(bank.usable) == 14
    assert (folder / SIDECAR_NAME).is_file()
    for language in LANGUAGES:
        rows = banks.clip_rows(bank, banks.shown_clips(bank, None), language)
        assert len(rows) == 14
        assert all(len(row) == len(banks.COLUMNS) for row in rows)
        sure = [row[banks.COLUMNS.index("sure")] for row in rows]
        assert all(cell.endswith("%") for cell in sure)
    said = banks.opened_html(bank)
    assert said.count('class="en"') == said.count('class="zh"') > 0
    assert "14 of 14 clips" in said


def test_clips_of_one_emotion_are_shown_the_surest_first(built):
    bank = bank_of(built[0])
    label = banks.shown_clips(bank, None)[0].emotion
    clips = banks.shown_clips(bank, label)
    assert {clip.emotion for clip in clips} == {label}
    sure = [max(clip.probabilities.values()) for clip in clips]
    assert sure == sorted(sure, reverse=True)


def test_a_pin_is_kept_beside_the_bank_and_decides(built, tmp_path):
    session = own(built, tmp_path)
    before = banks.choose_clip(session, "happy", "How nice!")
    other = next(clip for clip in bank_of(session).usable if clip.path != before.pick.path)
    pinned = banks.pin(session, "开心", other.path)
    assert banks.choose_clip(pinned, "happy", "How nice!").pick.path == other.path
    assert banks.choose_clip(pinned, "sad", "[happy] How nice!").pick.path == other.path
    again = banks.open_as_it_is(Session(), tmp_path / "clips", consent=True)
    assert bank_of(again).pins == {"happy": other.path}
    rows = banks.clip_rows(bank_of(again), bank_of(again).clips, "en")
    assert sum(row[0].startswith("★") for row in rows) == 1
    freed = banks.pin(again, "happy", None)
    assert banks.choose_clip(freed, "happy", "How nice!").pick.path == before.pick.path


def test_a_pin_of_the_voice_that_speaks_reaches_it(built, tmp_path):
    session = banks.use(own(built, tmp_path))
    clip = bank_of(session).usable[3].path
    assert session.bank is not None
    assert session.bank.pins == {}
    pinned = banks.pin(session, "angry", clip)
    assert pinned.bank is not None
    assert pinned.bank.pins == {"angry": clip}


def test_a_clip_of_elsewhere_is_not_pinned(built, tmp_path):
    session = own(built, tmp_path)
    with pytest.raises(ReferenceBankError):
        banks.pin(session, "angry", Path("/etc/hostname"))


def test_a_choice_shows_its_reasons_in_both_languages(built):
    session = built[0]
    choice = banks.choose_clip(session, "angry", "Stop it!")
    said = banks.choice_html(bank_of(session), choice)
    assert said.count('class="en"') == said.count('class="zh"') > 0
    assert said.count("<li") == len(choice.candidates) > 1
    assert said.count("emo-taken") == 1


def test_the_picture_says_what_the_voice_lacks(built):
    said = banks.coverage_html(bank_of(built[0]))
    assert said.count('class="en"') == said.count('class="zh"') > 0
    assert said.count("<svg") == 2


def test_a_bank_is_given_away_once(built, tmp_path):
    session = built[0]
    with pytest.raises(PageError, match="path of a new folder"):
        banks.export(session, " ", layout="brackets", consent=True)
    written = banks.export(session, f'"{tmp_path / "pack"}"', layout="brackets", consent=True)
    assert len(load_bank(written).usable) == len(bank_of(session).usable)
    with pytest.raises(OutputError):
        banks.export(session, str(tmp_path / "pack"), layout="brackets", consent=True)


def test_nothing_is_done_before_a_voice_is_open(tmp_path):
    for act in (
        lambda: banks.choose_clip(Session(), "angry", ""),
        lambda: banks.pin(Session(), "angry", None),
        lambda: banks.use(Session()),
        lambda: banks.export(Session(), str(tmp_path / "x"), layout="brackets", consent=True),
    ):
        with pytest.raises(PageError, match="Open or build a voice first"):
            act()


def test_other_programs_get_the_listing_or_a_sentence(built, tmp_path):
    voices = banks.listing_of(str(built[1]), True)["voices"]
    assert len(voices[0]["clips"]) == 14
    assert set(banks.listing_of(SAMPLE_VOICE, True)) >= {"format", "version", "voices"}
    assert list(banks.listing_of(str(tmp_path / "gone"), True)) == ["error"]
    assert list(banks.listing_of("", True)) == ["error"]


def test_experiments_of_the_checkout_are_offered_the_latest_first(tmp_path):
    assert banks.sources_offered(None) == ()
    assert banks.sources_offered(tmp_path) == ()
    for name in ("anna", "ben"):
        (tmp_path / "logs" / name / "5-wav32k").mkdir(parents=True)
    (tmp_path / "logs" / "eval").mkdir()
    import os

    os.utime(tmp_path / "logs" / "anna", (1, 1))
    offered = banks.sources_offered(tmp_path)
    assert offered == (str(tmp_path / "logs" / "ben"), str(tmp_path / "logs" / "anna"))


def test_what_is_shown_stays_when_another_recording_comes(built, tmp_path):
    from webui_tab.listen.analysis import take_recording

    recording = tmp_path / "talk.wav"
    recording.write_bytes(b"RIFF")
    session = replace(built[0], source=None)
    assert take_recording(session, recording, upload_root=tmp_path).shown is session.shown


def test_the_tagger_judges_the_voice_against_its_own_bank(built, app, tmp_path, monkeypatch):
    from gpt_sovits_emotion import pipeline
    from gpt_sovits_emotion.core.records import Segment, Transcript
    from webui_tab.listen.analysis import analyse

    given = Transcript((Segment(0.4, 4.6, "The meeting has been moved.", "en"),), "en", "given")
    monkeypatch.setattr(pipeline, "hear", lambda *args, **options: given)
    session = replace(banks.use(built[0]), source=sample_data() / "sample_en.flac")
    settings = AnalysisSettings(same_voice=True)
    heard = analyse(session, settings, app, tmp_path, consent=True)
    assert heard.tagging is not None
    assert heard.recording is not None
    heard.recording.close()
    assert heard.tagging.transcript.normalisation == "speaker"
    assert "14" in heard.tagging.transcript.normalisation_note.en

    unbuilt = replace(session, bank_place=sample_data() / "voice_bank")
    with pytest.raises(ReferenceBankError, match="has not been built"):
        analyse(unbuilt, settings, app, tmp_path, consent=True)
    nobody = replace(session, bank=None, bank_place=None)
    with pytest.raises(PageError, match="voice"):
        analyse(nobody, settings, app, tmp_path, consent=True)


def test_what_a_voice_taught_is_shown_and_forgotten_with_one_click(
    built, tmp_path, monkeypatch, fake_head
):
    from gpt_sovits_emotion.banks.building.teaching import forget_speaker
    from gpt_sovits_emotion.banks.library.sidecar import read_sidecar
    from gpt_sovits_emotion.heads import load_head
    from gpt_sovits_emotion.heads.profiles import add, begin_profile, list_profiles, save_profile
    from gpt_sovits_emotion.testing import FAKE_DIM
    from gpt_sovits_emotion.training.adapt import learn

    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    session = own(built, tmp_path)
    assert "taught no head" in banks.lesson_html(banks.lessons_of(session))
    head, rows = load_head(fake_head), np.eye(6, FAKE_DIM, dtype=np.float32)
    labels = ["angry", "angry", "sad", "sad", "sad", "neutral"]
    for place in ("clips", "another"):
        taught = learn(head, add(begin_profile(head, f"voice {place}"), rows, labels, "clip.wav"))
        save_profile(replace(taught, bank=str((tmp_path / place).resolve()), lesson="x"))
    said = banks.lesson_html(banks.lessons_of(session))
    assert "6 clips with your own labels (angry 2, sad 3, neutral 1)" in said
    assert "another" not in said
    assert said.count('class="en"') == said.count('class="zh"') > 0
    session = banks.forget_lesson(session, sure=True)
    assert banks.lessons_of(session) == ()
    assert not read_sidecar(tmp_path / "clips").teaches
    assert [entry.speaker for entry in list_profiles()] == ["voice another"]
    banks.allow_teaching(session, consent=True)
    assert read_sidecar(tmp_path / "clips").teaches
    with pytest.raises(PageError, match="Open or build"):
        banks.forget_lesson(Session(), sure=True)
    forget_speaker(None)


def test_names_of_files_do_nothing_to_the_page(tmp_path):
    evil = "a\x1b[31m\u202egnp<img src=x>\udce9.wav"
    (tmp_path / "angry").mkdir()
    shutil.copyfile(sample_data() / "voice_bank" / "angry" / "en.flac", tmp_path / "angry" / evil)
    session = banks.open_as_it_is(Session(), tmp_path, consent=True)
    (clip,) = bank_of(session).clips
    shown = clip_name(bank_of(session), clip)
    assert shown == "angry/a\\x1b[31m\\u202egnp<img src=x>\\xe9.wav"
    html = note("bad", f"{clip.path.name} is silent")
    assert "&lt;img" in html
    assert "\\u202e" in html
    (row,) = banks.clip_rows(bank_of(session), banks.shown_clips(bank_of(session), None), "en")
    assert row[0] == shown
    html.encode("utf-8")


def test_a_clip_that_is_no_sound_is_not_handed_on(tmp_path):
    secret, folder = tmp_path / "secret.wav", tmp_path / "page"
    secret.write_text("the words of a secret")
    assert lent_clip(secret, folder) is None
    assert lent_clip(tmp_path / "gone.wav", folder) is None
    assert not folder.exists()
    sound = sample_data() / "voice_bank" / "angry" / "en.flac"
    loaded = lent_clip(sound, folder)
    assert loaded is not None
    assert loaded.read_bytes() == sound.read_bytes()


def test_consent_is_asked_for_wherever_a_voice_is_read_or_given_away(built, tmp_path):
    session = own(built, tmp_path)
    for attempt in (
        lambda: banks.open_as_it_is(Session(), built[1], consent=False),
        lambda: banks.export(session, str(tmp_path / "x"), layout="brackets", consent=False),
        lambda: banks.allow_teaching(session, consent=False),
        lambda: choose_voice(Session(), str(built[1]), consent=False),
    ):
        with pytest.raises(ConsentError, match="agreed"):
            attempt()
    with pytest.raises(ConsentError, match="Nothing was deleted"):
        banks.forget_lesson(session, sure=False)
    with pytest.raises(PageError, match="not among what is offered"):
        banks.export(session, str(tmp_path / "x"), layout="../x", consent=True)
    assert not (tmp_path / "x").exists()
    assert "agreed" in banks.listing_of(str(built[1]), False)["error"]
