"""The page's handlers, called as plain functions: no Gradio, real engines, a recogniser that is given."""

from __future__ import annotations

import ast
import doctest
import shutil
import stat
import string
import threading
import zipfile
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml
from bilingual import check_says_the_same
from browser import until
from conftest import REPOSITORY, voiced
from hypothesis import given
from hypothesis import strategies as st
from media_files import film
from plugged import distribution

from gpt_sovits_emotion import pipeline
from gpt_sovits_emotion.audio import open_recording
from gpt_sovits_emotion.backends.base import Sampling
from gpt_sovits_emotion.backends.gpt_sovits.failures import backend_error
from gpt_sovits_emotion.core import registry
from gpt_sovits_emotion.core.errors import (
    AudioError,
    BackendError,
    ConsentError,
    ReferenceBankError,
    TranscriptError,
)
from gpt_sovits_emotion.core.progress import no_progress
from gpt_sovits_emotion.core.records import RemovedText, Segment, Transcript
from gpt_sovits_emotion.synthesis.takes import TakeOptions
from gpt_sovits_emotion.transcripts import FORMATS, read_json
from webui_tab import launch, texts
from webui_tab.app_context import AppContext, sample_data
from webui_tab.controls import SAMPLE_VOICE, WHISPER_SIZES
from webui_tab.listen import analysis, panel, resynthesis, view
from webui_tab.pages import Pages
from webui_tab.sessions import PageError, Session, Stopped
from webui_tab.settings import MENUS, AnalysisSettings, SpeakingSettings
from webui_tab.storage import private_folder
from webui_tab.texts import LANGUAGES, TEXTS, language_of_browser, say, sentence_of

_N_SEGMENTS = 3


@pytest.fixture(scope="module")
def app() -> AppContext:
    return AppContext(allow_download=False)


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> tuple[Path, Transcript]:
    """The first segments of the sample recording, with what is said in them."""
    truth = yaml.safe_load((sample_data() / "sample_en.truth.yaml").read_text(encoding="utf-8"))
    segments = tuple(
        Segment(one["start_s"], one["end_s"], one["text"], "en")
        for one in truth["segments"][:_N_SEGMENTS]
    )
    samples, rate = soundfile.read(sample_data() / "sample_en.flac", dtype="float32")
    path = tmp_path_factory.mktemp("clip") / "talk.wav"
    soundfile.write(path, samples[: round((segments[-1].end_s + 0.3) * rate)], rate)
    return path, Transcript(segments, "en", "given")


@pytest.fixture(scope="module")
def heard(clip, app, tmp_path_factory):
    """An analysed session with the sample voice; sessions are values, so all tests share it."""
    path, transcript = clip
    folder = tmp_path_factory.mktemp("page")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline, "hear", lambda *args, **options: transcript)
        session = analysis.choose_voice(Session(source=path), SAMPLE_VOICE, consent=False)
        session = analysis.analyse(session, AnalysisSettings(), app, folder, consent=True)
    yield session, folder
    assert session.recording is not None
    session.recording.close()


@pytest.fixture(scope="module")
def said(heard, app):
    """The same, said again."""
    session, folder = heard
    return resynthesis.resynthesise(session, app, folder), folder


# --- texts -------------------------------------------------------------------------------------------


def test_every_sentence_is_there_in_both_languages_with_the_same_fields():
    def fields(text: str) -> set[str]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}

    for key, sentence in TEXTS.items():
        assert sentence.en
        assert sentence.zh, key
        assert fields(sentence.en) == fields(sentence.zh), key


def test_every_sentence_is_given_the_fields_that_it_has():
    seen, wrong = 0, []
    for path in sorted((REPOSITORY / "webui_tab").rglob("*.py")):
        for call in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(call, ast.Call) or not call.args:
                continue
            name = getattr(call.func, "id", getattr(call.func, "attr", ""))
            key = getattr(call.args[0], "value", None)
            if name not in ("say", "filled", "both", "PageError") or key not in TEXTS:
                continue
            given = {keyword.arg for keyword in call.keywords}
            fields = {field for _, field, _, _ in string.Formatter().parse(TEXTS[key].en) if field}
            seen += 1
            if None not in given and not fields <= given:
                wrong.append((path.name, call.lineno, key, fields - given))
    assert seen > 100
    assert wrong == []


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, "en"),
        ("", "en"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("zh-TW", "zh"),
        ("en-US,en;q=0.9,zh;q=0.8", "en"),
        ("fr,zh;q=0.5,en;q=0.7", "en"),
        ("de;q=x, zh", "zh"),
    ],
)
def test_the_browser_chooses_the_first_language(header, expected):
    assert language_of_browser(header) == expected


@pytest.mark.parametrize("module", [texts, view])
def test_the_examples_in_docstrings_hold(module):
    outcome = doctest.testmod(module)
    assert outcome.attempted > 0
    assert outcome.failed == 0


# --- pages -------------------------------------------------------------------------------------------


def test_a_pages_folder_is_private_and_goes_with_the_page(tmp_path):
    pages = Pages(tmp_path)
    folder = pages.folder("one")
    (folder / "voice.wav").write_bytes(b"x")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert pages.folder("one") == folder
    assert pages.folder("two") != folder
    pages.forget("one")
    assert not folder.exists()
    assert len(pages) == 1
    pages.forget_all()
    assert list(tmp_path.iterdir()) == []


def test_a_closed_page_stays_closed(tmp_path):
    pages = Pages(tmp_path)
    pages.session("one")
    pages.forget("one")
    with pytest.raises(PageError, match="reload"):
        pages.session("one")
    assert list(tmp_path.iterdir()) == []


def test_an_upload_goes_with_the_last_page_that_holds_it(tmp_path):
    pages = Pages(tmp_path)
    upload = tmp_path / "0ed5e02c" / "talk.wav"
    upload.parent.mkdir()
    upload.write_bytes(b"x")
    for page_id in ("one", "two"):
        pages.uploads.arrived([upload])
        pages.own_upload(page_id, upload)
    pages.forget("one")
    assert upload.exists()
    pages.forget("two")
    assert list(tmp_path.iterdir()) == []


def test_an_upload_is_taken_once_by_whoever_it_arrived_for(tmp_path):
    pages = Pages(tmp_path)
    mine, foreign = tmp_path / "a" / "talk.wav", tmp_path / "b" / "secret.wav"
    for upload in (mine, foreign):
        upload.parent.mkdir()
        upload.write_bytes(b"x")
    pages.uploads.arrived([mine])
    pages.own_upload("one", mine)
    for page_id, path in (("two", mine), ("one", foreign), ("one", tmp_path / "gone.wav")):
        with pytest.raises(PageError, match="did not come from this page"):
            pages.own_upload(page_id, path)
    pages.own_upload("one", mine)  # again, by its owner
    assert mine.exists()
    assert foreign.exists()


def test_the_same_recording_in_two_pages_goes_with_the_last_in_any_order(tmp_path):
    for first, last in (("one", "two"), ("two", "one")):
        pages = Pages(tmp_path / "pages")
        upload = tmp_path / "0ed5e02c" / "talk.wav"
        upload.parent.mkdir()
        for page_id in ("one", "two"):
            upload.unlink(missing_ok=True)
            upload.write_bytes(b"x")  # as the server does: a new file in the place of the same one
            pages.uploads.arrived([upload])
            pages.own_upload(page_id, upload)
        pages.forget(first)
        assert upload.exists()
        pages.forget(last)
        assert not upload.parent.exists()


def test_an_upload_on_its_way_survives_the_closing_of_the_other_page(tmp_path):
    pages = Pages(tmp_path / "pages")
    upload = tmp_path / "0ed5e02c" / "talk.wav"
    upload.parent.mkdir()
    upload.write_bytes(b"x")
    pages.session("two")
    pages.uploads.arrived([upload])
    pages.own_upload("one", upload)
    pages.uploads.arrived([upload])  # for the second page, which has not claimed it yet
    pages.forget("one")
    pages.own_upload("two", upload)
    assert upload.exists()
    pages.forget("two")
    assert not upload.exists()


def test_what_nobody_claims_goes_with_the_last_page_or_after_a_while(tmp_path, monkeypatch):
    now = [0.0]
    monkeypatch.setattr("webui_tab.storage.time.monotonic", lambda: now[0])
    pages = Pages(tmp_path / "pages")
    uploads = [tmp_path / name / "talk.wav" for name in "abc"]
    for upload in uploads:
        upload.parent.mkdir()
        upload.write_bytes(b"x")
    pages.session("one")
    pages.uploads.arrived(uploads[:1])
    now[0] = 599.0
    pages.uploads.arrived(uploads[1:2])
    assert uploads[0].exists()
    now[0] = 601.0
    pages.uploads.arrived(uploads[2:])
    assert [upload.exists() for upload in uploads] == [False, True, True]
    pages.forget("one")
    assert not any(upload.exists() for upload in uploads)


def test_a_new_upload_takes_the_place_of_the_old_one(tmp_path):
    pages = Pages(tmp_path)
    old, new = tmp_path / "a" / "old.wav", tmp_path / "b" / "new.wav"
    for upload in (old, new):
        upload.parent.mkdir()
        upload.write_bytes(b"x")
        pages.uploads.arrived([upload])
        pages.own_upload("one", upload)
    assert not old.parent.exists()
    assert new.exists()
    pages.drop_uploads("one")
    assert not new.parent.exists()


def test_where_uploads_are_shared_they_stay_until_the_page_is_closed(tmp_path):
    pages = Pages(tmp_path / "pages", shares_uploads=True)
    uploads = [tmp_path / name / "talk.wav" for name in "abc"]
    for upload in uploads:
        upload.parent.mkdir()
        upload.write_bytes(b"x")
        pages.uploads.arrived([upload])
        pages.own_upload("one", upload)
    pages.drop_uploads("one")
    assert all(upload.exists() for upload in uploads)
    pages.uploads.arrived(uploads[1:2])  # the same content, in another field of the host's page
    uploads[2].unlink()
    pages.forget("one")
    assert [upload.exists() for upload in uploads] == [False, True, False]


def test_a_page_lives_on_when_its_place_was_emptied(tmp_path):
    pages = Pages(tmp_path / "TEMP" / "pages")
    shutil.rmtree(pages.folder("one").parents[1])
    assert pages.folder("one").is_dir()
    assert pages.folder("two").is_dir()
    pages.forget_all()


def test_pages_that_nobody_uses_go_and_others_stay(tmp_path):
    now = [0.0]
    pages = Pages(tmp_path, unused_s=60.0, clock=lambda: now[0])
    folders = {
        name: pages.folder(name) for name in ("gone", "open", "waiting", "touched", "worked")
    }
    upload = tmp_path / "uploaded" / "talk.wav"
    upload.parent.mkdir()
    upload.write_bytes(b"x")
    pages.uploads.arrived([upload])
    pages.own_upload("gone", upload)
    asks = {
        "open": {"path": "/heartbeat/open", "method": "GET"},
        "waiting": {
            "path": "/gradio_api/queue/data", "query_string": b"session_hash=waiting", "method": "GET",
        },
        "gone": {"path": "/queue/join", "query_string": b"session_hash=gone", "method": "POST"},
    }  # fmt: skip
    with ExitStack() as answered:
        for scope in asks.values():
            answered.enter_context(pages.presence.during(scope))
        with pages.job("worked", no_progress), pages.job("working", no_progress):
            now[0] = 50.0
            pages.session("touched")
            now[0] = 100.0
            pages.forget_unused()
            assert not folders.pop("gone").exists()
            assert not upload.parent.exists()
            assert all(folder.exists() for folder in folders.values())
        now[0] = 130.0  # what was at work has ended 30 seconds ago
        pages.session("new")
        assert not folders.pop("touched").exists()
        assert all(folder.exists() for folder in folders.values())
    assert "open" not in pages.presence
    now[0] = 200.0
    pages.forget_unused()
    assert len(pages) == 0
    assert not any(folder.exists() for folder in folders.values())
    with pytest.raises(PageError, match="lost its connection"):
        pages.session("gone")


def test_what_nobody_uses_goes_also_where_nobody_comes_any_more(tmp_path):
    pages = Pages(tmp_path, unused_s=0.2)
    folder = pages.folder("gone")
    until(lambda: not folder.exists())
    assert len(pages) == 0


@pytest.mark.parametrize("closed", ["open", "while it is copied", "before it is copied"])
def test_while_words_are_copied_other_pages_go_on(tmp_path, monkeypatch, closed):
    pages, copied = Pages(tmp_path / "pages"), shutil.copyfile
    upload = tmp_path / "u" / "a.txt"
    upload.parent.mkdir()
    upload.write_bytes(b"words")
    pages.uploads.arrived([upload])

    def copy(source, target):
        other = threading.Thread(target=pages.session, args=["other"], daemon=True)
        other.start()
        other.join(20.0)
        assert not other.is_alive(), "the other page waits"
        if closed == "before it is copied":
            pages.forget("one")
        copied(source, target)
        if closed == "while it is copied":
            pages.forget("one")

    monkeypatch.setattr(shutil, "copyfile", copy)
    folder = pages.folder("one")
    if closed == "before it is copied":
        with pytest.raises(PageError, match="lost its connection"):
            pages.copied_upload("one", upload)
    else:
        assert pages.copied_upload("one", upload).name == "a.txt"
    assert not upload.exists()
    assert folder.exists() == (closed == "open")


def test_a_file_of_words_is_copied_and_its_upload_goes(tmp_path):
    pages = Pages(tmp_path / "pages")
    recording, words = (tmp_path / name / "a.txt" for name in "rw")
    for upload in (recording, words):
        upload.parent.mkdir()
        upload.write_bytes(upload.parent.name.encode())
        pages.uploads.arrived([upload])
    pages.own_upload("one", recording)
    with pytest.raises(PageError, match="did not come from this page"):
        pages.copied_upload("one", tmp_path / "x" / "a.txt")
    copy = pages.copied_upload("one", words)
    assert (copy.read_bytes(), copy.name) == (b"w", "a.txt")
    assert pages.folder("one") in copy.parents
    assert not words.parent.exists()
    assert recording.exists(), "it is still the page's recording"
    pages.uploads.arrived([recording])  # the same file once more, for its words
    again = pages.copied_upload("one", recording)
    assert again.read_bytes() == b"r"
    assert recording.exists()

    pages.keep("one", analysis.take_words(Session(source=recording), copy))
    pages.keep("one", analysis.take_words(pages.session("one"), again))
    assert not copy.parent.exists()
    # Given before there is a recording they wait for it; the next recording has other words.
    root = tmp_path.resolve()
    waiting = analysis.take_recording(Session(words=again), recording, upload_root=root)
    assert waiting.words == again
    other = tmp_path / "r" / "b.txt"
    other.write_bytes(b"x")
    assert analysis.take_recording(waiting, other, upload_root=root).words is None


def test_one_job_at_a_time(tmp_path):
    pages = Pages(tmp_path)
    with pages.job("one", no_progress):
        with (
            pytest.raises(PageError, match="at work"),
            pages.job("one", no_progress),
        ):
            pass
        with pytest.raises(PageError, match="at work"):
            pages.keep("one", Session())
        pages.keep("two", Session())  # other pages go on
    pages.keep("one", Session())


def test_a_job_stops_at_its_next_step(tmp_path):
    pages = Pages(tmp_path)
    told = []
    with pages.job("one", lambda fraction, what: told.append(fraction)) as job:
        job.progress(0.1, "speaking")
        pages.stop("one")
        with pytest.raises(Stopped):
            job.progress(0.2, "speaking")
    assert told == [0.1]
    with pages.job("one", no_progress) as job:
        job.progress(0.1, "speaking")  # the next job is not stopped


def test_what_a_page_holds_goes_when_its_job_has_stopped(tmp_path, heard):
    session, _ = heard
    pages = Pages(tmp_path)
    with pages.job("one", no_progress) as job:
        pages.forget("one")
        assert job.folder.exists()
        job.done(replace(session, recording=None))
        with pytest.raises(Stopped):
            job.progress(0.5, "speaking")
    assert not job.folder.exists()


def test_a_replaced_recording_is_closed(tmp_path, clip):

    pages = Pages(tmp_path)
    recording = open_recording(clip[0])
    pages.keep("one", Session(recording=recording))
    pages.keep("one", Session())
    with pytest.raises(ValueError, match="closed"):
        recording.read()


def test_what_was_made_of_an_earlier_recording_goes(tmp_path):
    pages = Pages(tmp_path)
    folder = pages.folder("one")
    sample, heard_folder = folder / "sample.flac", folder / "heard-1"
    sample.write_bytes(b"x")
    heard_folder.mkdir()
    elsewhere = tmp_path / "elsewhere.wav"
    elsewhere.write_bytes(b"x")
    pages.keep("one", Session(source=sample, heard_folder=heard_folder))
    pages.keep("one", Session(source=sample))
    assert [path.name for path in folder.iterdir()] == ["sample.flac"]
    pages.keep("one", Session(source=elsewhere))
    pages.keep("one", Session())
    assert list(folder.iterdir()) == []
    assert elsewhere.exists()


# --- the recording -----------------------------------------------------------------------------------


def test_no_analysis_without_consent(app, tmp_path, clip):
    session = Session(source=clip[0])
    for language, words in (("en", "tick the line"), ("zh", "勾选")):
        with pytest.raises(ConsentError) as refused:
            analysis.analyse(session, AnalysisSettings(), app, tmp_path, consent=False)
        assert words in refused.value.say(language)
    assert list(tmp_path.iterdir()) == []


def test_no_analysis_without_a_recording(app, tmp_path):
    with pytest.raises(PageError) as error:
        analysis.analyse(Session(), AnalysisSettings(), app, tmp_path, consent=True)
    assert "try the sample" in sentence_of(error.value, "en")
    assert "试用示例" in sentence_of(error.value, "zh")


def test_the_chinese_page_says_in_chinese_that_a_recording_is_silent(app, tmp_path):
    path = tmp_path / "quiet.wav"
    soundfile.write(path, np.zeros(16_000), 16_000)
    with pytest.raises(AudioError) as caught:
        analysis.analyse(Session(source=path), AnalysisSettings(), app, tmp_path, consent=True)
    check_says_the_same(caught.value)
    assert "quiet.wav 是静音" in sentence_of(caught.value, "zh")
    assert "quiet.wav is silent" in sentence_of(caught.value, "en")


def test_the_chinese_page_says_in_chinese_why_the_host_failed(heard, app, monkeypatch):
    session, folder = heard
    backend = app.engines(session.settings.head).backend
    fail = backend.synthesise

    def fail_once(request):
        if request.text == session.tagging.transcript.segments[0].text:
            raise backend_error(MemoryError())
        return fail(request)

    monkeypatch.setattr(type(backend), "synthesise", lambda self, request: fail_once(request))
    problem = resynthesis.resynthesise(session, app, folder).result.synthesis.segments[0].problem
    assert problem.zh.startswith("合成失败：GPT-SoVITS 显存或内存不足")
    assert problem.en.startswith("GPT-SoVITS ran out of memory")

    def fail_always(self, request):
        raise backend_error(MemoryError())

    monkeypatch.setattr(type(backend), "synthesise", fail_always)
    with pytest.raises(BackendError) as caught:
        resynthesis.resynthesise(session, app, folder)
    assert sentence_of(caught.value, "zh").startswith("GPT-SoVITS 显存或内存不足")


def test_an_error_without_chinese_is_shown_in_english():
    error = BackendError("only this is known")
    assert sentence_of(error, "zh") == sentence_of(error, "en") == str(error)


def test_only_files_that_the_page_uploaded_are_taken(tmp_path):
    root = tmp_path / "files"
    root.mkdir()
    foreign = tmp_path / "secret.wav"
    foreign.write_bytes(b"x")
    for path in (foreign, root / ".." / "secret.wav", root / "missing.wav"):
        with pytest.raises(PageError, match="did not come from this page"):
            analysis.take_recording(Session(), path, upload_root=root)


def test_another_recording_clears_what_was_heard_and_keeps_the_voice(said, tmp_path):
    session, _ = said
    upload = tmp_path / "other.wav"
    upload.write_bytes(b"x")
    taken = analysis.take_recording(session, upload, upload_root=tmp_path)
    assert taken.source == upload.resolve()
    assert taken.tagging is None
    assert taken.result is None
    assert taken.bank is session.bank
    assert analysis.take_recording(taken, upload, upload_root=tmp_path) is taken
    assert analysis.take_recording(taken, None, upload_root=tmp_path).source is None


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_sample_comes_with_its_voice(tmp_path, language):
    session = analysis.take_sample(Session(), tmp_path, language=language)
    assert session.source == tmp_path / f"sample_{language}.flac"
    assert session.source.is_file()
    assert session.bank is not None
    assert session.bank.synthetic


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "empty"), (b"no audio at all, only text", "audio"), (bytes(4000), "audio")],
)
def test_a_bad_file_is_one_sentence(app, tmp_path, content, words):
    source = tmp_path / "bad.wav"
    source.write_bytes(content)
    with pytest.raises(AudioError, match=words) as error:
        analysis.analyse(Session(source=source), AnalysisSettings(), app, tmp_path, consent=True)
    assert "\n" not in str(error.value)


def test_analysis_tags_and_chooses(heard):
    session, folder = heard
    assert session.tagging is not None
    assert len(session.tagging.transcript.segments) == _N_SEGMENTS
    assert all(tagged.scores is not None for tagged in session.tagging.transcript.segments)
    assert len(session.choices) == _N_SEGMENTS
    assert session.heard_folder is not None
    assert session.heard_folder.parent == folder


def test_speech_is_found_without_a_recogniser(app, tmp_path):
    source = tmp_path / "tone.wav"
    samples = np.concatenate([np.zeros(8000), voiced(3.0), np.zeros(8000)]).astype(np.float32)
    soundfile.write(source, samples, 16_000)
    session = analysis.analyse(
        Session(source=source),
        AnalysisSettings(whisper="none"),
        app,
        tmp_path,
        consent=True,
    )
    assert session.tagging is not None
    assert session.tagging.transcript.segments
    assert "nobody" in view.summary_html(session, "en")
    assert "无" in view.summary_html(session, "zh")

    # Words written by hand are said, though no language was heard.
    session = analysis.choose_voice(session, SAMPLE_VOICE, consent=False)
    session = analysis.correct(session, 0, text="早上好。")
    session = resynthesis.resynthesise(session, app, tmp_path)
    assert session.result is not None
    assert session.result.synthesis.segments[0].audio is not None
    assert not session.is_stale
    assert session.recording is not None
    session.recording.close()


def test_a_stopped_analysis_closes_the_recording(app, tmp_path, clip, monkeypatch):
    opened = []
    original = analysis.open_recording
    monkeypatch.setattr(
        analysis,
        "open_recording",
        lambda *args, **options: opened.append(original(*args, **options)) or opened[0],
    )

    def stop_after_decoding(fraction: float, what: str) -> None:
        if what != "decoding":
            raise Stopped

    with pytest.raises(Stopped):
        analysis.analyse(
            Session(source=clip[0]),
            AnalysisSettings(whisper="none"),
            app,
            tmp_path,
            consent=True,
            progress=stop_after_decoding,
        )
    with pytest.raises(ValueError, match="closed"):
        opened[0].read()


def test_engines_are_opened_once(app):
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(app.engines("prosody-emodb")))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(engines) for engines in found}) == 1


def test_the_menu_of_recognisers_names_what_they_are(app):
    for language in LANGUAGES:
        names = MENUS["whisper"].choices(app, language)
        assert {"none", "auto"} <= set(names.values())
        assert next(iter(names)) == say("whisper_auto", language)
    everything = MENUS["whisper"].choices(AppContext(allow_download=True), "en")
    assert set(everything.values()) == {*WHISPER_SIZES, "none", "auto"}


# --- corrections -------------------------------------------------------------------------------------


def test_a_correction_counts_and_can_be_taken_back(heard):
    session, _ = heard
    corrected = analysis.correct(session, 1, text="  Said \n otherwise. ", label="悲伤")
    tagged = corrected.tagging.transcript.segments[1]
    assert (tagged.text, tagged.label) == ("Said otherwise.", "sad")
    assert corrected.choices[1].wanted == "sad"
    assert corrected.choices[1].pick.emotion == "sad"
    back = analysis.undo(corrected, 1)
    assert back.tagging.transcript == session.tagging.transcript
    assert back.choices == session.choices


def test_what_was_heard_is_no_correction(heard):
    session, _ = heard
    tagged = session.tagging.transcript.segments[0]
    assert analysis.correct(session, 0, text=tagged.text, label=tagged.scores.label) is session
    assert analysis.correct(session, 0, label="  ") is session


def test_free_labels_are_kept_and_get_a_stand_in(heard):
    session = analysis.correct(heard[0], 0, label="傲娇")
    assert session.tagging.transcript.segments[0].label == "傲娇"
    assert session.choices[0].substituted


def test_there_is_no_segment_beyond_the_last(heard):
    for index in (-1, _N_SEGMENTS):
        with pytest.raises(PageError):
            analysis.correct(heard[0], index, text="x")
    with pytest.raises(PageError):
        analysis.correct(Session(), 0, text="x")


def _edited(session: Session, language: str, row: int, column: str, value: str) -> list[list[str]]:
    rows = view.table_rows(session, language)
    rows[row][view.COLUMNS.index(column)] = value
    return rows


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_untouched_table_changes_nothing(heard, language):
    session, _ = heard
    other = next(code for code in LANGUAGES if code != language)
    rows = view.table_rows(session, language)
    assert analysis.edit_table(session, rows, language=language) == (session, ())
    # The table of a moment ago, when the page spoke another language.
    assert analysis.edit_table(session, rows, language=other) == (session, ())


def test_text_and_emotion_can_be_edited_in_the_table(heard):
    session, _ = heard
    edited, refused = analysis.edit_table(
        session, _edited(session, "zh", 2, "emotion", "无聊"), language="zh"
    )
    assert edited.tagging.transcript.segments[2].corrected_label == "bored"
    edited, refused = analysis.edit_table(
        edited, _edited(edited, "en", 0, "text", "New words."), language="en"
    )
    assert edited.tagging.transcript.segments[0].text == "New words."
    assert edited.tagging.transcript.segments[2].label == "bored"
    assert refused == ()
    assert "✎" in view.table_rows(edited, "en")[0][0]
    assert "✎" not in view.table_rows(edited, "en")[1][0]


@pytest.mark.parametrize("column", sorted(set(view.COLUMNS) - {"text", "emotion"}))
def test_nothing_else_can_be_edited(heard, column):
    session, _ = heard
    rows = _edited(session, "en", 1, column, "9")
    edited, refused = analysis.edit_table(session, rows, language="en")
    assert edited is session
    assert refused == (say("only_text_and_emotion", "en"),)


def test_an_emptied_emotion_stays(heard):
    session, _ = heard
    edited, refused = analysis.edit_table(
        session, _edited(session, "en", 0, "emotion", " "), language="en"
    )
    assert edited is session
    assert "Segment 1" in refused[0]


def test_an_overtaken_table_undoes_nothing(heard):
    session, _ = heard
    rows = view.table_rows(session, "en")  # sent by the page before it showed the correction
    corrected = analysis.correct(session, 0, text="Corrected in the panel.")
    assert analysis.edit_table(corrected, rows, language="en") == (corrected, ())
    assert analysis.edit_table(corrected, rows[:1], language="en") == (corrected, ())


@given(
    column=st.integers(1, len(view.COLUMNS) - 1),
    value=st.text(max_size=40),
)
def test_every_edit_is_known_by_its_column(column, value):
    cells = ["0:00.4", "0:04.7", "Some words.", "angry", "87 %", "faster", ""]
    row: list[object] = [f'<i data-sums="{view._checksums(cells)}"></i>1', *cells]
    assert view.edited_columns(row) == frozenset()
    before, row[column] = row[column], value
    expected = frozenset() if value == before else frozenset({view.COLUMNS[column]})
    assert view.edited_columns(row) == expected


# --- references --------------------------------------------------------------------------------------


def test_a_clip_chosen_by_hand_stays_until_it_is_left_to_the_program_again(heard):
    session, _ = heard
    clip = session.choices[0].candidates[-1].clip.path
    pinned = analysis.pin(session, 0, clip)
    assert pinned.choices[0].pick.path == clip
    assert pinned.choices[0].manual
    corrected = analysis.correct(pinned, 0, text="Other words.")
    assert corrected.choices[0].pick.path == clip
    assert analysis.pin(pinned, 0, None).choices == session.choices


def test_a_clip_from_elsewhere_cannot_be_chosen(heard, tmp_path):
    with pytest.raises(ReferenceBankError, match="not in the bank"):
        analysis.pin(heard[0], 0, tmp_path / "else.wav")


def test_a_bank_that_is_none_is_one_sentence(tmp_path):
    with pytest.raises(ReferenceBankError):
        analysis.choose_voice(Session(), str(tmp_path / "no-bank"), consent=True)
    assert analysis.choose_voice(Session(), " ", consent=False).bank is None


def test_a_path_may_be_pasted_with_quotes():
    session = analysis.choose_voice(Session(), f' "{sample_data() / "voice_bank"}" ', consent=True)
    assert session.bank is not None


# --- say it again ------------------------------------------------------------------------------------


def test_every_segment_is_said_and_checked(said):
    session, folder = said
    result = session.result
    assert result.folder.parent == folder
    assert {path.name for path in result.folder.iterdir()} == {
        "joined.wav",
        *(f"{number:03d}.wav" for number in range(1, _N_SEGMENTS + 1)),
    }
    assert len(result.verification.report.segments) == _N_SEGMENTS
    assert not session.is_stale


def test_a_correction_makes_the_result_stale(said):
    session, _ = said
    changed = analysis.correct(session, 0, text="Other words.")
    assert changed.is_stale
    assert say("result_stale", "en").split(";")[0] in view.result_html(changed, "en")
    assert not analysis.undo(changed, 0).is_stale


def test_nothing_is_said_without_voice_words_or_analysis(heard, app, tmp_path):
    session, _ = heard
    cases = {
        "not_analysed": Session(),
        "no_voice": analysis.choose_voice(session, "", consent=False),
    }
    wordless = session
    for index in range(_N_SEGMENTS):
        wordless = analysis.correct(wordless, index, text="")
    cases["nothing_to_say"] = wordless
    for key, case in cases.items():
        with pytest.raises(PageError) as error:
            resynthesis.resynthesise(case, app, tmp_path)
        assert error.value.key == key


# --- what the page shows -----------------------------------------------------------------------------


def test_times_are_read_as_minutes_and_seconds():
    assert [view.clock(time_s) for time_s in (0.0, 9.96, 59.97, 3725.0)] == [
        "0:00.0",
        "0:10.0",
        "1:00.0",
        "1:02:05.0",
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_panel_of_a_segment(said, language):
    session, folder = said
    labels = ("angry", "happy")
    shown = panel.segment_view(session, 0, labels=labels, folder=folder, language=language)
    assert shown is not None
    assert shown.emotion in shown.emotions
    assert shown.emotions[:2] == tuple({"en": ("angry", "happy"), "zh": ("愤怒", "开心")}[language])
    assert sum(shown.probabilities.values()) == pytest.approx(1.0)
    assert sum(shown.heard_again.values()) == pytest.approx(1.0)
    assert len(shown.candidates) == len(shown.candidate_clips)
    assert shown.candidate_clips[0] is None
    assert shown.picked == shown.candidates[0]
    assert not shown.changed
    for path in (shown.original, shown.clip, shown.again):
        assert path is not None
        assert path.is_relative_to(folder), "what a page listens to must go with the page"
        assert soundfile.info(path).duration > 1.0
    listed = {path for path in shown.candidate_clips if path}
    assert listed.isdisjoint(shown.other_clips)
    assert len(listed) + len(shown.other_clips) == len(session.bank.usable)


def test_the_panel_follows_a_choice_by_hand(said):
    session, folder = said
    pinned = analysis.pin(session, 0, session.choices[0].candidates[2].clip.path)
    shown = panel.segment_view(pinned, 0, labels=(), folder=folder, language="en")
    assert shown.picked == shown.candidates[3]
    assert shown.changed
    assert say("pinned", "en") in shown.choice_note
    assert say("changed_since", "en") in shown.verdict.replace("&quot;", '"').replace("&#x27;", "'")


def test_there_is_no_panel_without_a_segment(heard):
    session, folder = heard
    for case, index in ((Session(), 0), (session, _N_SEGMENTS), (session, -1)):
        assert panel.segment_view(case, index, labels=(), folder=folder, language="en") is None


def test_the_summary_names_the_source_and_what_was_taken_out(heard):
    session, _ = heard
    removed = (RemovedText(1.0, 2.0, "<b>Thanks for watching!</b>", "invented"),)
    tagging = session.tagging
    with_removed = replace(tagging, transcript=replace(tagging.transcript, removed=removed))
    shown = view.summary_html(replace(session, tagging=with_removed), "en")
    assert "given" in shown
    assert "&lt;b&gt;Thanks for watching!" in shown
    assert "<b>Thanks" not in shown


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_result_says_who_judged_and_who_spoke(said, language):
    session, _ = said
    shown = view.result_html(session, language)
    assert "prosody-emodb" in shown
    assert "eSpeak NG" in shown
    assert say("judge_is_tagger", language) in shown
    assert say("bank_synthetic", language).replace("’", "’") in shown


def test_timelines_are_there_when_there_is_something_to_draw(said):
    session, _ = said
    assert view.heard_timeline(Session()) is None
    assert view.said_timeline(Session()) is None
    assert len(view.heard_timeline(session).segments) == _N_SEGMENTS
    assert len(view.said_timeline(session).segments) == _N_SEGMENTS


# --- save --------------------------------------------------------------------------------------------


def test_everything_can_be_taken_home(said):
    session, folder = said
    corrected = analysis.undo(session, 0)
    saved = resynthesis.make_files(corrected, folder, language="en")
    names = {path.name for path in saved.files}
    assert {f"talk{ending}" for format, ending in FORMATS.items() if format != "list"} <= names
    assert {"report.html", "report.json", "timeline.png", "talk-list.zip"} <= names
    assert any(name.endswith(".wav") for name in names)
    assert saved.left_out == ()
    made = next(path for path in saved.files if path.name == "talk.json")
    assert read_json(made) == session.tagging.transcript
    with zipfile.ZipFile(made.with_name("talk-list.zip")) as archive:
        rows = archive.read("talk.list").decode().splitlines()
        assert len(rows) == _N_SEGMENTS
        assert {row.split("|")[0] for row in rows} <= set(archive.namelist())


def test_formats_that_were_added_are_taken_home_too(heard, tmp_path, monkeypatch):
    where = {"fake": "gpt_sovits_emotion.testing:FakeFormat", "bad": "bad_format:Bad"}
    source = (
        "class Bad:\n    endings = ('.bad',)\n    def to_text(self, t, *, language): return 1 / 0\n"
    )
    distribution(tmp_path, "fakes", {"formats": where}, bad_format=source)
    monkeypatch.syspath_prepend(str(tmp_path))
    registry.forget()
    session, folder = heard
    saved = resynthesis.make_files(session, folder, language="zh")
    monkeypatch.undo()
    registry.forget()
    (made,) = (path for path in saved.files if path.suffix == ".fake")
    assert len(made.read_text().splitlines()) == _N_SEGMENTS
    (left_out,) = saved.left_out
    assert "fakes 1.0 的文稿格式 'bad' 在写出文稿时出错（ZeroDivisionError" in left_out


def test_before_the_resynthesis_there_is_the_transcript_alone(heard):
    session, folder = heard
    saved = resynthesis.make_files(session, folder, language="zh")
    names = {path.name for path in saved.files}
    assert {"transcript.html", "timeline.png", "talk.srt"} <= names
    assert "report.html" not in names


def test_a_stale_result_is_left_out_and_that_is_said(said):
    session, folder = said
    changed = analysis.correct(session, 0, label="bored")
    saved = resynthesis.make_files(changed, folder, language="en")
    assert "report.html" not in {path.name for path in saved.files}
    assert saved.left_out == (say("result_stale", "en"),)


def test_a_format_that_cannot_hold_the_transcript_is_named(heard):
    session, folder = heard
    tagging = session.tagging
    german = tuple(
        replace(tagged, segment=replace(tagged.segment, language="de"))
        for tagged in tagging.transcript.segments
    )
    transcript = replace(tagging.transcript, segments=german, language="de")
    session = replace(session, tagging=replace(tagging, transcript=transcript))
    saved = resynthesis.make_files(session, folder, language="en")
    assert len(saved.left_out) == 1
    assert "talk.list" in saved.left_out[0]
    assert "talk.srt" in {path.name for path in saved.files}


# --- the server's folder and port --------------------------------------------------------------------


def test_a_taken_port_gives_the_next_one():
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert launch._free_port(port, "127.0.0.1") > port


def test_no_free_port_is_one_sentence(monkeypatch):
    monkeypatch.setattr(launch, "_PORTS_TRIED", 0)
    with pytest.raises(BackendError, match="--port"):
        launch._free_port(9876, "127.0.0.1")


def test_an_address_of_another_machine_is_one_sentence():
    with pytest.raises(BackendError, match="does not have the address") as refused:
        launch._free_port(9876, "203.0.113.7")
    check_says_the_same(refused.value)


def test_a_private_folder_is_private_and_a_killed_processs_is_swept(tmp_path):
    killed = tmp_path / "ours-killed"
    killed.mkdir()
    (killed / "in-use").write_bytes(b"")
    (killed / "voice.wav").write_bytes(b"x")
    other = tmp_path / "another-program"
    other.mkdir()
    with private_folder(tmp_path, prefix="ours-") as root:
        assert stat.S_IMODE(root.stat().st_mode) == 0o700
        assert not killed.exists()
        with private_folder(tmp_path, prefix="ours-") as second:
            assert root.exists(), "a process that runs keeps its folder"
            assert second != root
    assert list(tmp_path.iterdir()) == [other]


def test_how_it_is_said_reaches_the_host(heard, app, monkeypatch):
    session, folder = heard
    session = analysis.choose_voice(session, SAMPLE_VOICE, consent=False)
    asked = {}

    class HeardEnoughError(Exception):
        pass

    def resynthesise(transcript, choices, engines, **given):
        asked.update(given)
        raise HeardEnoughError

    monkeypatch.setattr("gpt_sovits_emotion.speaking.resynthesise", resynthesise)
    speaking = SpeakingSettings(speed=1.2, seed=7, timbre=("sad/en.flac",))
    with pytest.raises(HeardEnoughError):
        resynthesis.resynthesise(session, app, folder, speaking=speaking)
    assert (asked["seed"], asked["sampling"].speed) == (7, 1.2)
    assert asked["timbre"] == (session.bank.root / "sad" / "en.flac",)
    with pytest.raises(ReferenceBankError, match=r"no clip 'gone.wav' for the timbre"):
        resynthesis.resynthesise(
            session, app, folder, speaking=SpeakingSettings(timbre=("gone.wav",))
        )


def test_times_in_frames_are_those_of_the_film_on_the_page(app, tmp_path):
    sound = voiced(3.0, f0_hz=150.0)
    movie = film(tmp_path / "film.mkv", [(0.0, sound)], "flac", rate_hz=16_000, video_rate=24)
    words = tmp_path / "words.sub"
    words.write_text("{24}{60}Hello there.\n")
    session = Session(source=movie, words=words)
    heard = analysis.analyse(session, AnalysisSettings(), app, tmp_path, consent=True)
    assert heard.tagging is not None
    (one,) = heard.tagging.transcript.segments
    assert (one.segment.start_s, one.segment.end_s, one.text) == (1.0, 2.5, "Hello there.")
    heard.recording.close()


@pytest.mark.parametrize("takes", [1, 4])
def test_the_page_and_the_command_line_choose_the_same_clips(heard, clip, app, monkeypatch, takes):
    """Also where more candidates are tried than the panel shows."""
    session, folder = heard
    path, transcript = clip
    asked = []

    class ChosenError(Exception):
        pass

    def resynthesise(said, choices, engines, **given):
        asked.append((choices, given["takes"].n, given["seed"], given["sampling"]))
        raise ChosenError

    monkeypatch.setattr("gpt_sovits_emotion.speaking.resynthesise", resynthesise)
    monkeypatch.setattr(pipeline, "hear", lambda *args, **options: transcript)
    assert len(session.bank.usable) > 5
    with pytest.raises(ChosenError):
        resynthesis.resynthesise(
            session, app, folder, speaking=SpeakingSettings(takes=takes, seed=3)
        )
    settings = pipeline.SpeakingOptions(seed=3, sampling=Sampling(), takes=TakeOptions(takes))
    with open_recording(path) as recording, pytest.raises(ChosenError):
        pipeline.round_trip(
            recording,
            session.bank,
            app.engines(session.settings.head),
            whisper=app.whisper_options(session.settings),
            speaking=settings,
        )
    by_page, by_command = asked
    assert by_page == by_command
    chosen = by_page[0]
    assert [len(choice.candidates) for choice in chosen] == [max(5, 2 * takes)] * _N_SEGMENTS
    assert [choice.pick for choice in chosen] == [choice.pick for choice in session.choices]


def test_words_of_a_file_are_taken_and_what_is_not_said_is_shown(clip, app, tmp_path):
    recording, transcript = clip
    words = tmp_path / "talk.srt"
    texts = ("ANNA: [开心] Good morning (laughs).", "ANNA: [撒娇] What now?", "(sighs)")
    rows = [
        f"{n}\n00:00:{one.start_s:06.3f} --> 00:00:{one.end_s:06.3f}\n{text}\n"
        for n, (one, text) in enumerate(zip(transcript.segments, texts, strict=True), start=1)
    ]
    words.write_text("\n".join(rows).replace("\u2014", "-"), encoding="utf-16-le")
    session = analysis.choose_voice(
        Session(source=recording, words=words), SAMPLE_VOICE, consent=False
    )
    with pytest.raises(TranscriptError) as refused:
        analysis.analyse(session, AnalysisSettings(encoding="ascii"), app, tmp_path, consent=True)
    for language in ("en", "zh"):
        told = sentence_of(refused.value, language)
        assert "--" not in told
        assert say("encoding", language) in told
    heard = analysis.analyse(session, AnalysisSettings(), app, tmp_path, consent=True)
    for language in ("en", "zh"):
        shown = view.summary_html(heard, language)
        assert say("words_file", language, name="talk.srt") in shown
        assert "ANNA" in shown  # taken for a speaker, and not for a word
        assert "<small>ANNA</small>" in view.table_rows(heard, language)[0][0]
    said = resynthesis.resynthesise(heard, app, tmp_path)
    assert "[撒娇]" in view.result_html(said, "en")
    assert "(laughs)" not in view.result_html(said, "en")
    speaking = SpeakingSettings(directions=False)
    said = resynthesis.resynthesise(heard, app, tmp_path, speaking=speaking)
    for language, not_said in (("en", "not said"), ("zh", "不朗读")):
        shown = view.result_html(said, language)
        assert {"en": "(laughs), (sighs): ", "zh": "(laughs)、(sighs)："}[language] in shown
        assert not_said in shown
        assert say("directions", language) in shown
        assert "--directions" not in shown
    report = said.result.verification.report
    assert [one.text for one in report.transcript.segments] == ["Good morning.", "What now?", ""]
    assert report.segments[2].choice is None
    assert report.segments[0].wanted == "happy"
    assert not said.is_stale
    heard.recording.close()
    only = replace(heard.tagging.transcript, segments=heard.tagging.transcript.segments[2:])
    alone = analysis.with_choices(replace(heard, tagging=replace(heard.tagging, transcript=only)))
    with pytest.raises(PageError, match="nothing to say"):
        resynthesis.resynthesise(alone, app, tmp_path, speaking=speaking)
