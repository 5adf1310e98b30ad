"""The tab in the words of gradio 4, translated for the release that runs."""

from __future__ import annotations

import warnings

import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what gradio imports warns of what it imports
    import gradio as gr

    from webui_tab import gradio_releases
    from webui_tab.gradio_releases import fitted, launch_options, page_options, private, rows_update


def later_audio(self, value=None, *, buttons=None): ...


def later_table(self, value=None, *, row_count=None, column_count=None, max_height=500): ...


def later_click(self, fn=None, *, api_visibility="public"): ...


def later_launch(
    self, *, theme=None, run_history=None, ssr_mode=None, footer_links=None, _frontend=True
): ...


def earlier_audio(self, value=None, *, show_download_button=True): ...


def earlier_table(self, value=None, *, row_count=None, col_count=None, height=500): ...


def earlier_click(self, fn=None, *, api_name=None, show_api=True): ...


def earlier_launch(self, *, show_api=True, _frontend=True): ...


@pytest.fixture
def gradio_6(monkeypatch):
    monkeypatch.setattr(gr.Audio, "__init__", later_audio)
    monkeypatch.setattr(gr.Dataframe, "__init__", later_table)
    monkeypatch.setattr(gr.Button, "click", later_click)
    monkeypatch.setattr(gr.Blocks, "launch", later_launch)
    gradio_releases._parameters.cache_clear()
    yield
    gradio_releases._parameters.cache_clear()


@pytest.fixture
def gradio_4(monkeypatch):
    monkeypatch.setattr(gr.Audio, "__init__", earlier_audio)
    monkeypatch.setattr(gr.Dataframe, "__init__", earlier_table)
    monkeypatch.setattr(gr.Button, "click", earlier_click)
    monkeypatch.setattr(gr.Blocks, "launch", earlier_launch)
    gradio_releases._parameters.cache_clear()
    yield
    gradio_releases._parameters.cache_clear()


TABLE = {"col_count": (8, "fixed"), "row_count": (1, "fixed"), "height": 640}


def test_gradio_4_is_spoken_to_as_it_is_written(gradio_4):
    assert fitted(gr.Audio, {"show_download_button": False}) == {"show_download_button": False}
    assert fitted(gr.Dataframe, TABLE) == TABLE
    assert rows_update(3) == {"row_count": (3, "fixed")}
    assert private() == {"api_name": False, "show_api": False}
    assert page_options("theme") == {"theme": "theme"}
    assert launch_options("theme") == {"show_api": False, "_frontend": False}


def test_gradio_6_is_spoken_to_in_its_own_words(gradio_6):
    assert fitted(gr.Audio, {"show_download_button": False, "label": "a"}) == {
        "buttons": [],
        "label": "a",
    }
    assert fitted(gr.Dataframe, TABLE) == {"column_count": 8, "row_count": 1, "max_height": 640}
    assert rows_update(3) == {"row_count": 3}
    assert private() == {"api_visibility": "private"}
    assert page_options("theme") == {}


def test_the_browser_keeps_no_history_and_no_second_server_draws_the_page(gradio_6):
    assert launch_options("theme") == {
        "theme": "theme",
        "run_history": False,
        "ssr_mode": False,
        "footer_links": [],
        "_frontend": False,
    }


def test_what_is_given_stays_as_it_was(gradio_6):
    given = dict(TABLE)
    fitted(gr.Dataframe, given)
    assert given == TABLE
