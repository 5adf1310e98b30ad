"""A page in Chinese says nothing in English: what work tells of itself, and what a whole visit shows."""

from __future__ import annotations

import ast
import html
import re
import shutil
import warnings
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from conftest import REPOSITORY

from gpt_sovits_emotion.core.progress import doing_in
from webui_tab.app_context import AppContext, sample_data
from webui_tab.pages import Pages

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what gradio imports warns of what it imports
    import gradio as gr

    from webui_tab.banks.events import BanksPage
    from webui_tab.components import Components
    from webui_tab.events import Events
    from webui_tab.listen.again_step import AgainStep
    from webui_tab.listen.recording_step import RecordingStep
    from webui_tab.listen.segments_step import SegmentsStep
    from webui_tab.listen.showing import Showing
    from webui_tab.page import build_components
    from webui_tab.training.events import TrainingPage
    from webui_tab.training.job import Trainer

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # gradio's, of fastapi
ZH = "中文"
SENTENCE = re.compile(r"[A-Za-z’']{2,}(?:,? [A-Za-z’']{2,}){2,}")
"""Three English words in a row; names of models and files are shorter."""


# --- progress ----------------------------------------------------------------------------------------


def told() -> Iterator[tuple[str, str]]:
    """What work of the package tells a `Progress`: where, and the words, with 12 for what is filled in."""
    for folder in ("gpt_sovits_emotion", "webui_tab"):
        for path in sorted((REPOSITORY / folder).rglob("*.py")):
            if {"cli", "doctor"} & set(path.parts):
                continue  # said on a terminal alone
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Call) and len(node.args) == 2:
                    name = getattr(node.func, "attr", getattr(node.func, "id", ""))
                    words = _words(node.args[1])
                    if name in ("progress", "_progress") and words and words != "12":
                        yield f"{path.name}:{node.lineno}", words


def _words(node: ast.expr) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        parts = [part.value if isinstance(part, ast.Constant) else "12" for part in node.values]
        return "".join(map(str, parts))
    return None


def test_all_that_work_tells_of_itself_is_said_in_chinese():
    everything = dict(told())
    assert len(everything) > 25
    english = {
        where: words
        for where, words in everything.items()
        if re.search("[a-z]{2}", doing_in("zh", words).replace("Whisper", ""))
        or doing_in("en", words) != words
    }
    assert english == {}


@pytest.mark.parametrize(
    ("words", "chinese"),
    [
        (
            "listening to clip 3 of 12, 2 h 5 min left a b.wav",
            "聆听片段 3/12，还需 2 小时 5 分钟 a b.wav",
        ),
        ("whisper-base: listening to clip", "whisper-base: 聆听片段"),
        ("12.5 of 50.0 MB", "12.5 / 50.0 MB"),
        ("talk.wav", "talk.wav"),
    ],
)
def test_names_and_numbers_stay_as_they_are(words, chinese):
    assert doing_in("zh", words) == chinese


# --- a visit -----------------------------------------------------------------------------------------


@pytest.fixture
def visit(tmp_path, monkeypatch):
    """A page's actions, and everything that it was told, in the order in which it was."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    shown: list[str] = []
    monkeypatch.setattr(gr, "Warning", shown.append)
    pages, app = Pages(tmp_path / "pages"), AppContext(allow_download=False)
    parts = Components(app, "zh")
    with gr.Blocks(analytics_enabled=False) as blocks:
        build_components(parts)
    events = Events(blocks, parts, app, pages)

    class Bar:
        def __call__(self, fraction, desc):
            shown.append(desc)

    def do(action: Any, outputs: str, *, row: int | None = None, **values: Any) -> None:
        """Set an event off as the page does: raw values in, updates out; what is not named stays as built."""
        acts: list[Any] = []
        named = tuple(outputs.split())
        events.quick(
            lambda act, **options: acts.append((act, options["inputs"])),
            action,
            named,
            failing_into=named[0],
            adds="progress" if row is None else "selected",
        )
        ((act, inputs),) = acts
        names = {component: name for name, component in parts.named.items()}
        sent = {one: values.get(names[one], getattr(one, "value", None)) for one in inputs}
        assert set(values) <= {names[one] for one in inputs}, (
            "the action asks for all that is given"
        )
        request = SimpleNamespace(session_hash="one", headers={})
        selected = SimpleNamespace(index=[row, 0])
        updates = act(sent, request, Bar()) if row is None else act(sent, selected, request)
        for component, update in (updates or {}).items():
            if component not in (parts.timeline, parts.said_timeline, parts.style):
                shown.extend(_strings(update))

    showing = Showing(parts, pages, app)
    yield SimpleNamespace(
        parts=parts, shown=shown, do=do, pages=pages, events=events, showing=showing
    )
    pages.forget_all()


def _strings(update: Any) -> Iterator[str]:
    if isinstance(update, str):
        # What is shown in both languages at once holds each sentence twice; the style sheet hides one.
        for gone in (r'<span class="en">.*?</span>', r"<(svg|style|code)\b.*?</\1>", r"<[^>]*>"):
            update = re.sub(gone, " ", update, flags=re.DOTALL)
        yield html.unescape(update)
    elif isinstance(update, dict):
        for key, value in update.items():
            if key not in ("__type__", "elem_id"):
                yield from _strings(value)
    elif isinstance(update, (list, tuple)):
        for value in update:
            yield from _strings(value)


def english(shown: list[str]) -> list[str]:
    return [text for text in shown if SENTENCE.search(text)]


def test_the_page_itself_has_no_english_sentence(visit):
    said = [
        text
        for part in visit.parts.named.values()
        for name in ("label", "info", "value", "placeholder")
        for text in _strings(getattr(part, name, None))
    ]
    assert len(said) > 60
    assert english(said) == []


@pytest.mark.slow
def test_a_whole_visit_in_chinese_shows_no_english_sentence(visit, tmp_path, whisper_base):
    do, shared = visit.do, (visit.events, visit.showing)
    recording = RecordingStep(*shared, tmp_path)
    segments, again = SegmentsStep(*shared), AgainStep(*shared)
    fresh = "status step_heard summary table table_note result files recording head voice"
    settings = {"whisper": str(whisper_base), "spoken_language": "中文", "head": "prosody-emodb"}
    do(recording.analyse, "status", **settings)  # no consent, no recording
    do(recording.analyse, "status", consent=True, **settings)
    do(recording.take_sample, fresh, head="prosody-emodb")
    do(recording.analyse, "status", consent=True, **settings)
    do(recording.show_heard, "status")
    do(segments.select, "status", row=1)
    do(segments.correct_emotion, "status", index=1, emotion="开心")
    do(segments.edit_table, "table_note", table=_edited(visit))
    spoken = {"text": "你好。", "emotion": "开心", "carry": "该声音中同一情感的片段"}
    do(again.resynthesise, "again_status", index=1, **spoken)
    do(again.show_again, "status")
    do(segments.undo, "status", index=0)
    do(again.make_files, "save_status files")
    assert any("重说" in text for text in visit.shown)
    assert any("聆听情感" in text for text in visit.shown)
    assert any("合成语音" in text for text in visit.shown)
    assert "\n".join(english(visit.shown)) == ""
    assert not any("意外" in text for text in visit.shown)


def _edited(visit) -> dict[str, Any]:
    from webui_tab.listen.view import table_rows

    rows = table_rows(visit.pages.session("one"), "zh")
    rows[0][1] = "9"
    rows[1][4] = ""
    return {"headers": [], "data": rows, "metadata": None}


@pytest.mark.slow
def test_a_visit_to_the_other_pages_in_chinese_shows_no_english_sentence(visit, tmp_path):
    banks = BanksPage(visit.events, visit.showing)
    training = TrainingPage(visit.events, Trainer())
    do, home = visit.do, tmp_path / "开心的声音"
    shutil.copytree(sample_data() / "voice_bank", home, ignore=shutil.ignore_patterns("en.*"))
    source = {"bank_source": str(home), "bank_transcribe": False}
    settings = {"whisper": "none", "spoken_language": "自动检测", "head": "prosody-emodb"}
    export = {"bank_format": "brackets", "bank_to": str(tmp_path / "包")}
    for consent in (False, True):
        agreed = {"bank_consent": consent}
        do(banks.open, "bank_status", **source, **agreed)
        do(banks.build, "bank_status", **source, **agreed, **settings)
        do(banks.export, "bank_exported", **export, **agreed)
        do(banks.forget, "bank_lesson", bank_sure=consent)
        do(banks.learn, "bank_lesson", **agreed)
    do(banks.export, "bank_exported", **{**export, "bank_format": "nothing"}, bank_consent=True)
    do(banks.open, "bank_status", bank_source=str(tmp_path / "没有"), bank_consent=True)
    do(banks.show_emotion, "bank_clips", bank_shown="全部")
    do(banks.select, "bank_clip_name", row=0, bank_shown="全部")
    do(banks.choose, "bank_choice", bank_wanted="开心", bank_text="太好了！")
    do(banks.pin, "bank_pin_note", bank_shown="全部", bank_pin_emotion="开心", bank_clip_name="")
    corpora = {"train_corpora": str(tmp_path / "没有")}
    for consent in (False, True):
        agreed = {"train_consent": consent}
        do(training.look, "train_found", **corpora, **agreed)
        do(training.start, "train_problem", **corpora, **agreed, train_name="a/b")
        speaker = {"speaker_name": "某人"}
        do(training.learn, "speaker_status", **speaker, speaker_consent=consent)
        do(training.remove, "train_result", head="prosody-emodb", train_sure=consent)
        do(training.forget, "speaker_status", **speaker, head="prosody-emodb", speaker_sure=consent)
    do(training.opened, "train_live", train_encoder="prosody", head="prosody-emodb")
    assert len(visit.shown) > 60
    assert "\n".join(english(visit.shown)) == ""
    assert not any("意外" in text for text in visit.shown)
