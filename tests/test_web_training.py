"""The training page, without a browser: its one training, what it shows, and what it teaches of a speaker."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from bilingual import check_says_the_same
from conftest import voiced

from gpt_sovits_emotion.audio import recording_from_samples, write_wav
from gpt_sovits_emotion.core.errors import CorpusError, EmotionError
from gpt_sovits_emotion.core.records import Segment, Sentence, Transcript
from gpt_sovits_emotion.heads import load_head
from gpt_sovits_emotion.heads.profiles import list_profiles, load_profile
from gpt_sovits_emotion.tagging import Analyser, tag
from gpt_sovits_emotion.testing import FakeBackend, FakeEncoder, fake_card, make_fake_head
from gpt_sovits_emotion.training.train import ProgressEvent, TrainedHead
from webui_tab.sessions import PageError, Session
from webui_tab.settings import AnalysisSettings
from webui_tab.texts import TEXTS
from webui_tab.training import requests
from webui_tab.training.form import TABLE, HeadForm
from webui_tab.training.job import History, Look, Order, Trainer
from webui_tab.training.speakers import Lessons, known_speakers
from webui_tab.training.view import card_html, corpora_html, lesson_html, live_html

EMOTIONS = ("angry", "sad")


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Three speakers, two emotions, three clips of each, in a table."""
    folder = tmp_path / "corpus"
    folder.mkdir()
    rows = ["path,speaker,emotion"]
    for s, speaker in enumerate(("anna", "ben", "cleo")):
        for e, emotion in enumerate(EMOTIONS):
            for take in range(3):
                name = f"{speaker}-{emotion}-{take}.wav"
                tone = voiced(
                    0.8, f0_hz=110 + 40 * s + 90 * e + 5 * take, syllables_per_s=3 + 2 * e
                )
                with recording_from_samples(tone, 16_000, name=name) as recording:
                    write_wav(folder / name, recording.read())
                rows.append(f"{name},{speaker},{'Wut' if emotion == 'angry' else emotion}")
    text = "\n".join(rows).replace("Wut", "anger")
    (folder / "manifest.csv").write_text(text, encoding="utf-8")
    return folder


def order_for(corpus: Path, head_id: str = "mine", **changes: Any) -> Order:
    return Order((f"mine={corpus}",), "prosody", head_id, **changes)


class Held:
    """A training that goes as far as it is let, in place of the real one."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.begun = threading.Event()
        self.plan: Any = None
        self.failure: Exception | None = None

    def __call__(
        self,
        corpora: Any,
        plan: Any,
        *,
        encoder: Any,
        watch: Callable[[ProgressEvent], None],
        cancelled: Callable[[], bool],
        cache: Any,
    ) -> TrainedHead:
        self.plan, self.encoder, self.corpora = plan, encoder, corpora
        for epoch in range(1, 4):
            watch(moment(fraction=0.1 * epoch, loss=1 / epoch, epoch=epoch))
        self.begun.set()
        while not self.go_on.wait(0.01) and not cancelled():
            watch(moment(fraction=0.5, held_out_uar=0.61))
        if self.failure is not None:
            raise self.failure
        stopped = (Sentence("stopped early", "提前停止"),) if cancelled() else ()
        folder = make_fake_head(plan.heads_dir / plan.head_id)
        return TrainedHead(folder, fake_card(id=plan.head_id), stopped)


def moment(**changes: Any) -> ProgressEvent:
    given = {"stage": "fitting", "fraction": 0.5, "doing": Sentence("network 1", "第 1 个网络")}
    return ProgressEvent(**{**given, **changes})


@pytest.fixture
def held() -> Held:
    return Held()


@pytest.fixture
def trainer(held: Held, tmp_path: Path) -> Iterator[Trainer]:
    made = Trainer(heads_dir=tmp_path / "heads", run=held)
    yield made
    held.go_on.set()
    made.close()


@pytest.fixture(autouse=True)
def _no_cache_of_the_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GPT_SOVITS_EMOTION_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


# --- the one training of a server --------------------------------------------------------------------


def test_a_training_is_seen_and_its_head_is_installed(
    trainer: Trainer, held: Held, corpus: Path
) -> None:
    assert trainer.look == trainer.look
    assert not trainer.look.running
    trainer.start(order_for(corpus, labels=EMOTIONS))
    assert held.begun.wait(60), trainer.look.problem
    look = trainer.look
    assert look.running
    assert look.moment is not None
    assert look.history.losses == (((1, 1.0), (2, 0.5), (3, 1 / 3)),)
    assert held.plan.labels == EMOTIONS
    assert held.plan.n_jobs == 1, "processes of a page's server would start the host once more"
    assert str(corpus) not in held.plan.command
    assert held.encoder.id == "prosody"
    held.go_on.set()
    assert trainer.wait(20)
    assert not trainer.look.running
    assert trainer.look.version > look.version
    trained = trainer.look.trained
    assert trained is not None
    assert trained.folder == trainer.heads_dir / "mine"


def test_only_one_head_is_trained_at_a_time(trainer: Trainer, held: Held, corpus: Path) -> None:
    trainer.start(order_for(corpus))
    with pytest.raises(PageError, match="mine") as refused:
        trainer.start(order_for(corpus, "another"))
    check_says_the_same(refused.value)
    held.go_on.set()
    assert trainer.wait(60)
    trainer.start(order_for(corpus, "another"))
    assert trainer.wait(60)
    assert trainer.look.trained is not None
    assert trainer.look.trained.card.id == "another"


def test_stopping_keeps_the_best_so_far(trainer: Trainer, held: Held, corpus: Path) -> None:
    trainer.start(order_for(corpus))
    assert held.begun.wait(60)
    trainer.stop()
    assert trainer.look.stopping or not trainer.look.running
    assert trainer.wait(20)
    assert trainer.look.trained is not None
    assert trainer.look.trained.warnings
    assert not trainer.look.stopping


def test_the_end_of_the_server_gives_it_up(trainer: Trainer, held: Held, corpus: Path) -> None:
    trainer.start(order_for(corpus))
    assert held.begun.wait(60)
    trainer.close()
    assert trainer.wait(0)
    assert trainer.look.trained is None
    assert trainer.look.problem == TEXTS["train_ended"]
    assert not (trainer.heads_dir / "mine").exists()
    with pytest.raises(PageError):
        trainer.start(order_for(corpus))


@pytest.mark.parametrize(
    ("failure", "en", "zh"),
    [
        (CorpusError("one speaker", zh="只有一人"), "one speaker", "只有一人"),
        (ZeroDivisionError("oh"), "ZeroDivisionError", "ZeroDivisionError"),
    ],
)
def test_a_failure_is_one_sentence(
    trainer: Trainer, held: Held, corpus: Path, failure: Exception, en: str, zh: str
) -> None:
    held.failure = failure
    held.go_on.set()
    trainer.start(order_for(corpus))
    assert trainer.wait(60)
    problem = trainer.look.problem
    assert problem is not None
    assert en in problem.en
    assert zh in problem.zh
    assert "Traceback" not in live_html(trainer.look)
    assert zh in live_html(trainer.look)


def test_a_corpus_that_is_not_there_is_one_sentence(trainer: Trainer, tmp_path: Path) -> None:
    trainer.start(order_for(tmp_path / "nowhere"))
    assert trainer.wait(60)
    assert trainer.look.problem is not None
    assert "nowhere" in trainer.look.problem.en


def test_it_waits_while_the_host_speaks(held: Held, corpus: Path, tmp_path: Path) -> None:
    speaking = threading.Event()
    speaking.set()
    trainer = Trainer(heads_dir=tmp_path / "heads", run=held, speaking=speaking.is_set)
    trainer.start(order_for(corpus))
    ended = threading.Event()
    try:
        for _ in range(600):
            if trainer.look.waiting:
                break
            ended.wait(0.1)
        assert trainer.look.waiting
        assert not held.begun.is_set()
        assert TEXTS["train_waiting"].zh in live_html(trainer.look)
        speaking.clear()
        assert held.begun.wait(20)
        assert not trainer.look.waiting
    finally:
        speaking.clear()
        held.go_on.set()
        trainer.close()


class SwitchingHost(FakeBackend):
    """A host in which another voice is loaded while its encoder is read."""

    provides = frozenset({"prosody", "sovits.style"})
    voice_mark: object = "one voice"


def test_a_voice_that_is_switched_meanwhile_ends_it(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = SwitchingHost()
    monkeypatch.setattr(
        "gpt_sovits_emotion.binding.provide_encoder", lambda *args, **given: FakeEncoder()
    )

    def run(
        corpora: Any, plan: Any, *, watch: Callable[[ProgressEvent], None], **_: Any
    ) -> TrainedHead:
        watch(moment(stage="features"))
        host.voice_mark = "another voice"
        watch(moment(stage="features"))
        raise AssertionError("it goes on with features of two voices")

    trainer = Trainer(backend=host, heads_dir=tmp_path / "heads", run=run)
    trainer.start(replace(order_for(corpus), encoder="sovits.style"))
    assert trainer.wait(60)
    assert trainer.look.problem == TEXTS["train_voice_switched"]


def test_threads_of_others_keep_their_number(
    trainer: Trainer, held: Held, corpus: Path, tmp_path: Path
) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    seen = []

    def run(*args: Any, **given: Any) -> TrainedHead:
        seen.append(torch.get_num_threads())
        other = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
        other.start()
        other.join()
        raise CorpusError("enough")

    trainer = Trainer(heads_dir=tmp_path / "heads", run=run)
    try:
        trainer.start(order_for(corpus))
        assert trainer.wait(60)
        assert seen == [2, 4]
        assert torch.get_num_threads() == 4
    finally:
        torch.set_num_threads(before)


def test_a_trained_head_can_be_removed_and_nothing_else(tmp_path: Path) -> None:
    heads = tmp_path / "heads"
    folder = make_fake_head(heads / "mine")
    trained = TrainedHead(folder, fake_card(id="mine"), ())
    requests.remove(trained, heads_dir=heads)
    assert list(heads.iterdir()) == []
    with pytest.raises(PageError):
        requests.remove(trained, heads_dir=heads)
    elsewhere = TrainedHead(make_fake_head(tmp_path / "elsewhere"), fake_card(), ())
    with pytest.raises(PageError):
        requests.remove(elsewhere, heads_dir=heads)
    assert elsewhere.folder.is_dir()


# --- figures -----------------------------------------------------------------------------------------


def test_history_tells_networks_apart_and_stays_small() -> None:
    history = History()
    for _ in range(40):
        for epoch in range(1, 4):
            history = history.and_then(moment(loss=1.0 / epoch, epoch=epoch))
    assert len(history.losses) == 24
    assert {len(network) for network in history.losses} == {3}
    for number in range(900):
        history = history.and_then(moment(held_out_uar=number / 1000))
    assert len(history.recalls) <= 200
    assert history.recalls[-1] == 0.899
    assert history.and_then(moment(held_out_uar=0.899)).recalls == history.recalls


# --- what is shown -----------------------------------------------------------------------------------


def test_every_sentence_of_the_page_is_there_in_both_languages() -> None:
    for key, text in TABLE.items():
        assert set(re.findall(r"{\w+", text.en)) == set(re.findall(r"{\w+", text.zh)), key
        assert re.search(r"[\u4e00-\u9fff]", text.zh), key


def test_a_training_under_way_shows_its_figures(corpus: Path) -> None:
    history = History().and_then(moment(loss=0.5, epoch=1, held_out_uar=0.62))
    now = moment(fraction=0.43, seconds_left=130.0)
    look = Look(3, order_for(corpus), running=True, moment=now, history=history)
    shown = live_html(look)
    assert 'data-running="1"' in shown
    assert "43 %" in shown
    assert "about 2 min left in this step" in shown
    assert "本步骤剩余约 2 分钟" in shown
    assert shown.count("<svg") == 2
    assert "<b>62 %</b>" in shown
    assert "<svg" not in live_html(replace(look, history=History()))
    assert TEXTS["train_stopping"].zh in live_html(replace(look, stopping=True))
    assert 'data-running="0"' in live_html(Look())


def test_a_card_shows_what_was_measured_and_escapes_the_rest() -> None:
    card = fake_card(id="mine", title=Sentence("<b>bold</b>", "<b>粗</b>"), licence="<script>")
    shown = card_html(card, (Sentence("few <clips>", "片段太少"),))
    assert "<script>" not in shown
    assert "<b>bold" not in shown
    assert "few &lt;clips&gt;" in shown
    assert "50.0 % <small>(40.0–60.0)</small>" in shown
    assert "4.0 %" in shown
    assert shown.count("<td style=") == 9
    assert "50 %" in shown
    assert TEXTS["train_card_none"].en in card_html(replace(card, results=()))


def test_corpora_are_shown_as_they_are_read(corpus: Path) -> None:
    found = requests.find([f"mine={corpus}"], consent=True)
    shown = corpora_html(found)
    assert [(row.written, row.emotion, row.n_clips) for row in found.rows] == [
        ("sad", "sad", 9),
        ("anger", "angry", 9),
    ]
    assert "愤怒" in shown
    assert "anger" in shown
    assert found.problem is None
    alone = requests.find([f"mine={corpus}"], ["angry"], consent=True)
    assert alone.problem is not None
    assert alone.problem.zh in corpora_html(alone)
    assert "<s>" in corpora_html(alone)


# --- what a person writes ----------------------------------------------------------------------------


def test_orders_are_read_from_what_is_written() -> None:
    order = requests.order_of(
        HeadForm(
            train_corpora=' emodb = "/data/emo db" \n\n/data/mine\n',
            train_encoder=" hubert:4,5,6 ",
            train_name="my-head",
            train_labels="anger、开心, 开心",
            train_replace=True,
            train_consent=True,
        )
    )
    assert order == Order(
        ("emodb=/data/emo db", "/data/mine"), "hubert:4-6", "my-head", ("angry", "happy"), True
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"train_corpora": " \n"},
        {"train_name": "My Head"},
        {"train_name": "../up"},
        {"train_name": ""},
        {"train_encoder": "wav2vec"},
        {"train_consent": False},
    ],
)
def test_wrong_orders_are_one_sentence(wrong: dict[str, Any]) -> None:
    form = HeadForm(train_corpora="/data", train_name="a", train_consent=True)
    with pytest.raises(EmotionError) as refused:
        requests.order_of(replace(form, **wrong))
    assert "\n" not in str(refused.value)


def test_what_was_fetched_is_named_once() -> None:
    once = requests.add_line("mine=/a", "emodb", Path("/data/emodb"))
    assert once == "mine=/a\nemodb=/data/emodb"
    assert requests.add_line(once, "emodb", Path("/b")) == "mine=/a\nemodb=/b"
    assert requests.add_line("", "emodb", Path("/b")) == "emodb=/b"


def test_encoders_are_offered_as_they_are_lent() -> None:
    assert requests.encoders_of(None) == ("prosody",)
    host = SimpleNamespace(provides=frozenset({"prosody", "hubert", "sovits.style"}))
    assert requests.encoders_of(host) == (
        "prosody", "hubert:6", "hubert:4-9", "sovits.style", "prosody+hubert:6",
    )  # fmt: skip


# --- one speaker -------------------------------------------------------------------------------------

N_SEGMENTS = 8


class FakeApp:
    """A app with the fake head and its encoder."""

    heads_dirs: tuple[Path, ...] = ()

    def __init__(self, folder: Path) -> None:
        self.head = load_head(folder)
        self.analyser = Analyser(self.head, FakeEncoder(), FakeEncoder())

    def engines(self, head: str) -> Any:
        return SimpleNamespace(tagger=self.head, analyser=self.analyser)


@pytest.fixture
def app(fake_head: Path) -> FakeApp:
    return FakeApp(fake_head)


@pytest.fixture
def session(app: FakeApp) -> Iterator[Session]:
    segments = tuple(Segment(0.9 * i, 0.9 * i + 0.8, f"words {i}", "en") for i in range(N_SEGMENTS))
    tone = voiced(0.9 * N_SEGMENTS) * np.repeat(np.linspace(0.3, 1, N_SEGMENTS), 14_400)
    with recording_from_samples(tone.astype(np.float32), 16_000, name="talk.wav") as recording:
        tagging = tag(Transcript(segments, "en", "given"), recording, app.analyser)
        yield Session(
            recording=recording, tagging=tagging, settings=AnalysisSettings(head="fake-head")
        )


def corrected(session: Session, index: int, label: str) -> Session:
    from webui_tab.listen.analysis import correct

    return correct(session, index, label=label)


def test_a_speaker_is_learned_undone_and_forgotten(app: FakeApp, session: Session) -> None:
    lessons = Lessons(app)
    other = "sad" if session.tagging.transcript.segments[2].label != "sad" else "angry"
    lesson = lessons.learn(corrected(session, 2, other), " anna ", consent=True)
    profile = load_profile(app.head, "anna")
    assert profile is not None
    assert lesson.profile is not None
    assert [(each.label, each.source) for each in profile.corrections] == [(other, "talk.wav #3")]
    assert profile.n_unlabelled == N_SEGMENTS - 1
    assert profile.mean is not None
    assert known_speakers("fake-head", learned=True) == ("anna",)
    assert "talk.wav #3" in lesson_html(lesson)
    assert lessons.look("fake-head", "anna").profile is not None
    assert lessons.look("fake-head", "nobody").profile is None

    with pytest.raises(PageError) as again:
        lessons.learn(corrected(session, 2, other), "anna", consent=True)
    assert again.value.key == "speaker_taught_already"

    undone = lessons.undo("fake-head", "anna")
    assert undone.profile is not None
    assert undone.profile.corrections == ()
    taught_again = lessons.learn(corrected(session, 2, other), "anna", consent=True)
    assert taught_again.profile is not None
    assert len(taught_again.profile.corrections) == 1
    assert taught_again.profile.n_unlabelled == N_SEGMENTS - 1

    assert lessons.forget("fake-head", "anna", sure=True).profile is None
    assert list_profiles() == ()
    with pytest.raises(PageError):
        lessons.forget("fake-head", "anna", sure=True)


def test_nothing_is_learned_without_consent_a_name_or_a_recording(
    app: FakeApp, session: Session
) -> None:
    lessons = Lessons(app)
    for key, given in {
        "speaker_consent_missing": (session, "anna", False),
        "speaker_no_name": (session, "  ", True),
        "speaker_nothing_heard": (Session(), "anna", True),
    }.items():
        with pytest.raises(EmotionError) as refused:
            lessons.learn(given[0], given[1], consent=given[2])
        assert str(refused.value) == TEXTS[key].en
    with pytest.raises(EmotionError) as refused_name:
        lessons.learn(session, "../anna", consent=True)
    check_says_the_same(refused_name.value)
    assert list_profiles() == ()


def test_a_correction_that_the_head_does_not_know_counts_without_it(
    app: FakeApp, session: Session
) -> None:
    lesson = Lessons(app).learn(corrected(session, 1, "bored"), "ben", consent=True)
    assert lesson.profile is not None
    assert lesson.profile.n_unlabelled == N_SEGMENTS
    (said,) = lesson.said
    assert "bored" in said.en
    assert "无聊" in said.zh


def test_too_few_segments_are_kept_and_not_learned_from(app: FakeApp, session: Session) -> None:
    transcript = session.tagging.transcript
    few = replace(transcript, segments=transcript.segments[:3])
    short = replace(session, tagging=replace(session.tagging, transcript=few))
    lesson = Lessons(app).learn(short, "cleo", consent=True)
    assert lesson.profile is not None
    assert lesson.profile.mean is None
    assert lesson.profile.n_unlabelled == 3
    assert "3" in lesson.said[-1].en
    assert known_speakers("fake-head") == ("cleo",)
    assert known_speakers("fake-head", learned=True) == ()
