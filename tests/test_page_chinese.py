"""A page in Chinese says nothing in English: what work tells of itself, and what a whole visit shows."""

from __future__ import annotations

import ast
import html
import inspect
import re
import shutil
import warnings
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from conftest import REPOSITORY

from gpt_sovits_emotion.core.progress_words import doing_in
from webui_tab.pages import Pages
from webui_tab.workshop import Workshop, sample_data

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what gradio imports warns of what it imports
    import gradio as gr

    from webui_tab.actions import Actions
    from webui_tab.again_actions import AgainActions
    from webui_tab.banks.actions import BankActions
    from webui_tab.layout import build
    from webui_tab.parts import Choices
    from webui_tab.segment_actions import SegmentActions
    from webui_tab.training.actions import TrainingActions
    from webui_tab.training.job import Trainer
    from webui_tab.wiring import Wire

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
    pages = Pages(tmp_path / "pages")
    with gr.Blocks(analytics_enabled=False):
        parts = build(Choices("zh", ("auto",), ("prosody-emodb",), ("示例声音（合成）",)))
    page = Actions(
        parts, pages, Workshop(allow_download=False), upload_root=tmp_path, language="zh"
    )
    wire = Wire(page, "q")

    class Bar:
        def __call__(self, fraction, desc):
            shown.append(desc)

    def do(action: Any, inputs: str, outputs: str, *values: Any, event: Any = None) -> None:
        """Set an event off as the page does: raw values in, updates out."""
        acts: list[Any] = []
        named = tuple(outputs.split())
        wire.quick(
            lambda act, **_: acts.append(act),
            action,
            tuple(inputs.split()),
            named,
            failing_into=named[0],
        )
        request = SimpleNamespace(session_hash="one", headers={})
        offered = {"event": event, "request": request, "progress": Bar()}
        asked_for = inspect.signature(action).parameters
        added = [given for name, given in offered.items() if name in asked_for]
        updates = acts[0](ZH, *values, *added)
        for component, update in (updates or {}).items():
            if component not in (parts.timeline, parts.said_timeline, parts.style):
                shown.extend(_strings(update))

    yield SimpleNamespace(page=page, parts=parts, shown=shown, do=do, pages=pages)
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


_ANALYSED = (
    "consent voice whisper spoken_language head speaker_statistics smoothing speaker same_voice "
    "initial_prompt hotwords encoding"
)


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
    page, do = visit.page, visit.do
    fresh = "status step_heard summary table table_note result files recording head voice"
    settings = (
        "示例声音（合成）",
        str(whisper_base),
        "中文",
        "prosody-emodb",
        True,
        0.0,
        "–",
        False,
        "",
        "",
        None,  # encoding of a file of words: found out
    )
    do(page.analyse, _ANALYSED, "status", False, *settings)  # no consent, no recording
    do(page.analyse, _ANALYSED, "status", True, *settings)
    do(page.take_sample, "head", fresh, "prosody-emodb")
    do(page.analyse, _ANALYSED, "status", True, *settings)
    do(page.show_heard, "", "status")
    segments, again = SegmentActions(page), AgainActions(page)
    do(segments.select, "", "status", event=SimpleNamespace(index=[1, 0]))
    do(segments.correct_emotion, "index emotion", "status", 1, "开心")
    do(segments.edit_table, "table", "table_note", _edited(visit))
    speaking = "index text emotion speed temperature top_p top_k seed timbre takes carry directions"
    values = (1, "你好。", "开心", 1.0, 1.0, 1.0, 15, 0, [], 1, "该声音中同一情感的片段", True)
    do(again.resynthesise, speaking, "again_status", *values)
    do(again.show_again, "", "status")
    do(segments.undo, "index", "status", 0)
    do(again.make_files, "", "save_status files")
    assert any("重说" in text for text in visit.shown)
    assert any("聆听情感" in text for text in visit.shown)
    assert any("合成语音" in text for text in visit.shown)
    assert "\n".join(english(visit.shown)) == ""
    assert not any("意外" in text for text in visit.shown)


def _edited(visit) -> dict[str, Any]:
    from webui_tab.view import table_rows

    rows = table_rows(visit.pages.session("one"), "zh")
    rows[0][1] = "9"
    rows[1][4] = ""
    return {"headers": [], "data": rows, "metadata": None}


@pytest.mark.slow
def test_a_visit_to_the_other_pages_in_chinese_shows_no_english_sentence(visit, tmp_path):
    banks = BankActions(visit.page)
    training = TrainingActions(visit.page, Trainer())
    do, home = visit.do, tmp_path / "开心的声音"
    shutil.copytree(sample_data() / "voice_bank", home, ignore=shutil.ignore_patterns("en.*"))
    built = "bank_source bank_transcribe bank_consent whisper spoken_language head initial_prompt hotwords"
    settings = ("none", "自动检测", "prosody-emodb", "", "")
    for consent in (False, True):
        do(banks.open, "bank_source bank_consent", "bank_status", str(home), consent)
        do(banks.build, built, "bank_status", str(home), False, consent, *settings)
        export = "bank_format bank_to bank_consent"
        do(banks.export, export, "bank_exported", "brackets", str(tmp_path / "包"), consent)
        do(banks.forget, "bank_sure", "bank_lesson", consent)
        do(banks.learn, "bank_consent", "bank_lesson", consent)
    do(banks.export, export, "bank_exported", "nothing", str(tmp_path / "包"), True)
    do(banks.open, "bank_source bank_consent", "bank_status", str(tmp_path / "没有"), True)
    do(banks.show_emotion, "bank_shown", "bank_clips", "全部")
    do(banks.select, "bank_shown", "bank_clip_name", "全部", event=SimpleNamespace(index=[0, 0]))
    do(banks.choose, "bank_wanted bank_text", "bank_choice", "开心", "太好了！")
    do(banks.pin, "bank_shown bank_pin_emotion bank_clip_name", "bank_pin_note", "全部", "开心", "")
    look = "train_corpora train_labels train_consent"
    order = "train_corpora train_encoder train_name train_labels train_replace train_consent"
    for consent in (False, True):
        do(training.look, look, "train_found", str(tmp_path / "没有"), "", consent)
        values = (str(tmp_path / "没有"), "prosody", "a/b", "", False, consent)
        do(training.start, order, "train_problem", *values)
        learned = ("某人", consent)
        do(training.learn, "speaker_name speaker_consent", "speaker_status", *learned)
        do(training.remove, "head train_sure", "train_result", "prosody-emodb", consent)
        forgotten = ("某人", "prosody-emodb", consent)
        do(training.forget, "speaker_name head speaker_sure", "speaker_status", *forgotten)
    do(training.opened, "train_encoder head", "train_live", "prosody", "prosody-emodb")
    assert len(visit.shown) > 60
    assert "\n".join(english(visit.shown)) == ""
    assert not any("意外" in text for text in visit.shown)
