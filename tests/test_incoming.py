"""What a page sends is taken only if its component could have sent it."""

from __future__ import annotations

import warnings
from types import SimpleNamespace

import pytest

from webui_tab.sessions import PageError

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what gradio imports warns of what it imports
    import gradio as gr

    from webui_tab.inputs import checked, one_of, row_of, session_name, value_of

STOLEN = {"path": "/etc/hostname", "meta": {"_type": "gradio.FileData"}}
TEXT = (gr.Textbox(), gr.Dropdown(["a"]), gr.Radio(["a"]), gr.HTML())


def taken(component, value):
    return checked([component], [value])[0]


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
        assert taken(component, {**STOLEN, "url": "http://evil.example/x"}) == {
            "path": "/etc/hostname"
        }
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
