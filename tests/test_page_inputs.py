"""What a page sends: taken only if its component could have sent it, and read into what an event asks for."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest

from gpt_sovits_emotion.core.records import Sentence
from webui_tab.app_context import AppContext
from webui_tab.controls import Control, Line, Number, shown_as, texts_of
from webui_tab.pages import Pages
from webui_tab.sessions import PageError
from webui_tab.settings import AnalysisSettings, SpeakingSettings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what gradio imports warns of what it imports
    import gradio as gr

    from webui_tab.components import Components
    from webui_tab.events import Events, PageEvent
    from webui_tab.inputs import (
        Nothing,
        checked,
        one_of,
        read,
        read_by,
        row_of,
        sent_by,
        session_name,
        several,
        value_of,
    )

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # gradio's, of fastapi
STOLEN = {"path": "/etc/hostname", "meta": {"_type": "gradio.FileData"}}
TEXT = (gr.Textbox(), gr.Dropdown(["a"]), gr.Radio(["a"]), gr.HTML())


def taken(component, value):
    return checked(component, value)


@pytest.mark.parametrize("component", TEXT, ids=lambda one: type(one).__name__)
def test_a_text_is_a_string_and_nothing_else(component):
    assert [taken(component, value) for value in (None, "", "好 😀\n")] == [None, "", "好 😀\n"]
    for wrong in (STOLEN, [], ["a"], [STOLEN], 3, True, "a\0b"):
        with pytest.raises(PageError) as refused:
            taken(component, wrong)
        assert refused.value.key == "bad_value"
    with pytest.raises(PageError, match="20000"):
        taken(component, "x" * 20_001)
    assert taken(component, "half \ud83d") == "half ?"


def test_a_box_is_ticked_or_not():
    assert [taken(gr.Checkbox(), value) for value in (True, False, None)] == [True, False, False]
    for wrong in (1, "true", STOLEN, []):
        with pytest.raises(PageError):
            taken(gr.Checkbox(), wrong)


def test_a_number_is_finite_and_in_its_range():
    slider, number = gr.Slider(0, 1), gr.Number()
    assert [taken(slider, value) for value in (0, 0.5, 1, None)] == [0, 0.5, 1, None]
    assert taken(number, -3) == -3
    nan, inf = float("nan"), float("inf")
    for component in (slider, number):
        for wrong in (nan, inf, -inf, True, "1", STOLEN, [1]):
            with pytest.raises(PageError) as refused:
                taken(component, wrong)
            assert refused.value.key == "bad_number"
        for wrong in (10**30, -1e300):
            with pytest.raises(PageError, match="outside"):
                taken(component, wrong)


def test_several_choices_are_texts():
    menu = gr.Dropdown(["a"], multiselect=True, allow_custom_value=True)
    assert [taken(menu, value) for value in (None, [], ["a", "b"])] == [[], [], ["a", "b"]]
    for wrong in ("a", [STOLEN], [["a"]], ["a"] * 201, STOLEN):
        with pytest.raises(PageError):
            taken(menu, wrong)


def test_a_table_is_rows_of_cells():
    table = gr.Dataframe()
    rows = [["1", 2, None, True]]
    assert taken(table, {"headers": ["a"], "data": rows, "metadata": None}) == rows
    assert taken(table, rows) == rows
    assert taken(table, None) == []
    wrong_ones = (
        "a",
        {"data": "a"},
        [["a"], "b"],
        [[STOLEN]],
        [["x"] * 33],
        [["a\0"]],
        [[]] * 20_001,
    )
    for wrong in wrong_ones:
        with pytest.raises(PageError):
            taken(table, wrong)


def test_a_file_is_its_path_alone():
    for component in (gr.Audio(), gr.UploadButton(), gr.File()):
        sent = {**STOLEN, "url": "http://evil.example/x"}
        assert taken(component, sent) == Path("/etc/hostname")
        assert taken(component, None) is None
        for wrong in (
            "/etc/hostname",
            {},
            {"path": None},
            {"path": ["a"]},
            {"path": "a\0"},
            [STOLEN],
        ):
            with pytest.raises(PageError):
                taken(component, wrong)


def test_what_was_clicked_is_a_row_or_none():
    rows = [
        (3, 3),
        ([3, 1], 3),
        ((3, 1), 3),
        ([], -1),
        (None, -1),
        ("3", -1),
        ([True], -1),
        (-5, -5),
    ]
    assert [row_of(SimpleNamespace(index=index)) for index, _ in rows] == [row for _, row in rows]
    assert value_of(SimpleNamespace(value="a")) == "a"
    with pytest.raises(PageError):
        value_of(SimpleNamespace(value=STOLEN))


def test_a_page_without_a_name_holds_nothing():
    assert session_name("abc") == "abc"
    for wrong in (None, "", 3, ["a"], "x" * 65):
        with pytest.raises(PageError, match="open page"):
            session_name(wrong)


def test_a_choice_is_one_of_those_offered():
    assert one_of("clip", ("clip", "recording")) == "clip"
    with pytest.raises(PageError, match="not among what is offered: clip / recording"):
        one_of("bank", ("clip", "recording"))


# --- what events ask for -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Extras:
    """Settings as a person would add them: a field each, and nothing else."""

    shout: bool = field(
        default=False,
        metadata=shown_as(
            Control(label=("Shout", "大声"), info=("Loudly.", "很大声。"), place="here")
        ),
    )
    pace: int = field(
        default=3, metadata=shown_as(Number(label=("Pace", "快慢"), place="here", low=1, high=9))
    )
    elsewhere: str = field(default="", metadata=shown_as(Line(label=("Elsewhere", "别处"))))


@dataclass(frozen=True)
class Request:
    extras: Extras
    mark: str = field(metadata=read_by(str.upper))
    both: dict[str, object] = field(metadata=several(("shout", "mark")))
    raw: float | None = None


def test_a_setting_is_its_field_and_nothing_else(monkeypatch):
    texts = {key: Sentence(*text) for key, text in texts_of(Extras).items()}
    monkeypatch.setattr("webui_tab.texts.TEXTS", texts)
    with gr.Blocks(analytics_enabled=False):
        parts = Components(AppContext(), "zh")
        parts.add_settings(Extras, "here")
    assert list(parts.named) == ["shout", "pace"]
    shout, pace = parts.shout, parts.pace
    assert isinstance(shout, gr.Checkbox)
    assert (shout.label, shout.info, shout.value, shout.elem_id) == (
        "大声", "很大声。", False, "emo-shout",
    )  # fmt: skip
    assert isinstance(pace, gr.Slider)
    assert (pace.minimum, pace.maximum, pace.value) == (1, 9, 3)
    said = parts.said("en")
    assert {said[shout]["label"], said[shout]["info"], said[pace]["label"]} == {
        "Shout", "Loudly.", "Pace",
    }  # fmt: skip


def test_what_is_asked_for_is_read_from_components_of_its_names():
    assert sent_by(Request) == ("shout", "pace", "elsewhere", "mark", "raw")
    sent = {"shout": True, "pace": 4.0, "elsewhere": " a ", "mark": "m", "raw": 2.5}
    assert read(Request, sent, AppContext()) == Request(
        Extras(shout=True, pace=4, elsewhere="a"), "M", {"shout": True, "mark": "m"}, 2.5
    )
    emptied = read(Extras, {"shout": False, "pace": None, "elsewhere": None}, AppContext())
    assert emptied == Extras()
    assert read(Nothing, {}, AppContext()) == Nothing()


def test_menus_are_read_in_either_language_and_closed_ones_take_nothing_else():
    app = AppContext(allow_download=False)
    usual = dict.fromkeys(sent_by(SpeakingSettings)) | {"timbre": []}
    usual["directions"] = True
    assert read(SpeakingSettings, usual, app) == SpeakingSettings()
    for shown in ("the recording itself", "原录音本身", "recording"):
        assert read(SpeakingSettings, {**usual, "carry": shown}, app).carry == "recording"
    with pytest.raises(PageError, match="not among what is offered: clip / recording"):
        read(SpeakingSettings, {**usual, "carry": "bank"}, app)
    asked = dict.fromkeys(sent_by(AnalysisSettings))
    asked |= {"spoken_language": "粤语", "whisper": "/models/my own ", "head": "a", "speaker": "–"}
    asked |= {"encoding": "found out", "hotwords": " Ann "}
    assert read(AnalysisSettings, asked, app) == AnalysisSettings(
        whisper="/models/my own",
        spoken_language="yue",
        head="a",
        hotwords="Ann",
        speaker_statistics=False,
    )


def test_an_event_hands_its_action_a_dataclass_and_shows_its_errors(tmp_path, monkeypatch):
    """Through gradio's own call, with what a page would send in any order of its components."""
    warned: list[str] = []
    monkeypatch.setattr(gr, "Warning", warned.append)
    pages, app = Pages(tmp_path), AppContext()
    seen = []

    def act(event: PageEvent[Extras]) -> dict:
        seen.append((event.asked, event.language, event.page_id))
        if event.asked.pace == 9:
            raise PageError("no_recording")
        return {parts.answer: "done"}

    with gr.Blocks(analytics_enabled=False) as blocks:
        parts = Components(app, "zh")
        parts.add("answer", gr.HTML)
        parts.add("elsewhere", gr.Textbox)
        parts.add("pace", gr.Slider, 1, 9)
        parts.add("page_language", gr.Radio, choices=["English", "中文"])
        parts.add("shout", gr.Checkbox)
        parts.add("go", gr.Button)
        events = Events(blocks, parts, app, pages)
        events.quick(parts.go.click, act, ("answer",), failing_into="answer")
    (function,) = blocks.fns.values() if isinstance(blocks.fns, dict) else blocks.fns
    request = SimpleNamespace(session_hash="one", headers={})
    names = {component: name for name, component in parts.named.items()}

    def press(**values: object) -> dict:
        sent = {one: values[names[one]] for one in function.inputs}
        return function.fn(sent, request)

    usual = {"elsewhere": "x", "pace": 2, "page_language": "中文", "shout": True}
    assert press(**usual) == {parts.answer: "done"}
    assert seen == [(Extras(True, 2, "x"), "zh", "one")]
    (told,) = press(**{**usual, "pace": 9}).values()
    assert "还没有录音" in told
    (told,) = press(**{**usual, "pace": 10}).values()  # outside of what the slider sends
    assert "请填写 1 到 9 之间的数字" in told
    assert len(seen) == 2
    assert len(warned) == 2
