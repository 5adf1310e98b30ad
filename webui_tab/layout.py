"""The components of the tab and where they stand. What they do is in `wiring`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import gradio as gr

from gpt_sovits_emotion.backends.base import Sampling
from webui_tab.banks.layout import build_banks
from webui_tab.heads_menu import ASK_ID, MARK_ID
from webui_tab.menus import carry_choices, encoding_choices, spoken_choices
from webui_tab.parts import Choices, Parts, style_html
from webui_tab.texts import LANGUAGES, say
from webui_tab.training.layout import ANYBODY, build_training
from webui_tab.view import COLUMNS, table_headers

__all__ = ["build"]

_COLUMN_WIDTHS = ("6%", "7%", "7%", "28%", "10%", "7%", "24%", "11%")


def build(choices: Choices) -> Parts:
    """Make all components in the Blocks context that is open now."""
    parts = Parts(choices.language, choices.spoken_by)
    with gr.Column(elem_classes=["emo-tab"]):
        parts.add("style", gr.HTML, style_html(choices.language))
        # Gradio 4.44.1 hears a page close only if the app holds a State or if the event of closing happens
        # to be the last one connected (utils.connect_heartbeat); this State is for that and nothing else.
        gr.State()
        # A field of the page, not of the server: what is typed into the panel goes with its own index.
        parts.add("index", gr.Number, 0, precision=0, visible=False)
        parts.add("heads_mark", gr.Textbox, "", visible=False, elem_id=MARK_ID)
        # Not invisible: what is, is not in the page, and cannot be clicked. The style sheet hides it.
        parts.add("heads_ask", gr.Button, value="", elem_id=ASK_ID)
        _head(parts, choices)
        with gr.Tabs(elem_id="emo-pages"):
            with _page(parts, "listen"):
                _recording_step(parts, choices)
                with _step(parts, "heard"):
                    _heard_step(parts)
                with _step(parts, "again"):
                    _again_step(parts)
                with _step(parts, "save"):
                    _save_step(parts)
            with _page(parts, "banks"):
                build_banks(parts)
            with _page(parts, "train"):
                build_training(parts)
    return parts


def _page(parts: Parts, name: str) -> Any:
    """Return one of the tab's pages, to be filled."""
    label, elem_id = f"text:page_{name}", f"emo-page-{name}"
    return parts.add(f"page_{name}", gr.Tab, label=label, id=name, elem_id=elem_id)


@contextmanager
def _step(parts: Parts, name: str) -> Iterator[None]:
    """Open a step that is hidden until there is something to do in it."""
    with gr.Column(visible=False) as column:
        parts.named[f"step_{name}"] = column
        yield


def _head(parts: Parts, choices: Choices) -> None:
    with gr.Row(equal_height=True):
        with gr.Column(scale=4, min_width=320):
            parts.add("title", gr.HTML, parts.static_html(parts.language)["title"])
        with gr.Column(scale=1, min_width=180):
            parts.add(
                "page_language",
                gr.Radio,
                choices=list(LANGUAGES.values()),
                value=LANGUAGES[choices.language],
                show_label=False,
                container=False,
                elem_id="emo-language",
            )


def _recording_step(parts: Parts, choices: Choices) -> None:
    parts.add("voice_notice", gr.HTML, parts.static_html(parts.language)["voice_notice"])
    parts.add("heading_recording", gr.HTML, parts.static_html(parts.language)["heading_recording"])
    with gr.Row():
        with gr.Column(scale=3, min_width=340):
            parts.add(
                "recording",
                gr.Audio,
                sources=["upload", "microphone"],
                type="filepath",
                label="text:recording",
                show_download_button=False,
                elem_id="emo-recording",
            )
            with gr.Row():
                parts.add("sample", gr.Button, value="text:try_sample", size="sm")
                parts.add("video", gr.UploadButton, label="text:open_video", size="sm")
                parts.add(
                    "words", gr.UploadButton, label="text:words", size="sm", elem_id="emo-words"
                )
            parts.add("words_note", gr.HTML, elem_id="emo-words-note")
            parts.add(
                "words_drop",
                gr.Button,
                value="text:words_drop",
                size="sm",
                visible=False,
                elem_id="emo-words-drop",
            )
        with gr.Column(scale=2, min_width=300):
            _settings(parts, choices)
    parts.add(
        "consent",
        gr.Checkbox,
        label="text:consent",
        elem_classes=["emo-consent"],
        elem_id="emo-consent",
    )
    with gr.Row():
        parts.add("analyse", gr.Button, value="text:analyse", variant="primary", scale=4)
        parts.add("stop", gr.Button, value="text:stop", variant="stop", scale=1, visible=False)
    parts.add("status", gr.HTML, elem_classes=["emo-status"], elem_id="emo-status")


def _settings(parts: Parts, choices: Choices) -> None:
    parts.add(
        "whisper",
        gr.Dropdown,
        choices=list(choices.whisper),
        value=choices.whisper[0],
        allow_custom_value=True,
        label="text:whisper",
        info="text:whisper_info",
        elem_id="emo-whisper",
    )
    parts.add(
        "spoken_language",
        gr.Dropdown,
        choices=list(spoken_choices(choices.language)),
        value=say("spoken_auto", choices.language),
        allow_custom_value=True,
        label="text:spoken_language",
    )
    parts.add(
        "voice",
        gr.Dropdown,
        choices=list(choices.voices),
        value=choices.voices[0],
        allow_custom_value=True,
        label="text:voice",
        info="text:voice_info",
        elem_id="emo-voice",
    )
    parts.add(
        "head",
        gr.Dropdown,
        choices=list(choices.heads),
        value=choices.heads[0] if choices.heads else None,
        allow_custom_value=True,
        label="text:head",
        elem_id="emo-head",
    )
    parts.add("heads_note", gr.HTML, elem_id="emo-heads-note")
    with parts.add("more", gr.Accordion, label="text:more_settings", open=False):
        parts.add(
            "speaker",
            gr.Dropdown,
            choices=[ANYBODY],
            value=ANYBODY,
            allow_custom_value=True,
            label="text:speaker",
            info="text:speaker_info",
            elem_id="emo-speaker",
        )
        for name in ("initial_prompt", "hotwords"):
            parts.add(
                name,
                gr.Textbox,
                label=f"text:{name}",
                info=f"text:{name}_info",
                elem_id=f"emo-{name.replace('_', '-')}",
            )
        parts.add(
            "encoding",
            gr.Dropdown,
            choices=list(encoding_choices(choices.language)),
            value=say("encoding_auto", choices.language),
            allow_custom_value=True,
            label="text:encoding",
            info="text:encoding_info",
            elem_id="emo-encoding",
        )
        parts.add("same_voice", gr.Checkbox, label="text:same_voice", elem_id="emo-same-voice")
        parts.add("speaker_statistics", gr.Checkbox, True, label="text:speaker_statistics")
        parts.add("smoothing", gr.Slider, 0, 1, value=0, step=0.05, label="text:smoothing")


def _heard_step(parts: Parts) -> None:
    parts.add("heading_heard", gr.HTML, parts.static_html(parts.language)["heading_heard"])
    parts.add("summary", gr.HTML, elem_id="emo-summary")
    parts.add("timeline", gr.HTML, elem_id="emo-timeline")
    parts.add(
        "table",
        gr.Dataframe,
        headers=table_headers(parts.language),
        datatype=["html", *["str"] * (len(COLUMNS) - 1)],
        col_count=(len(COLUMNS), "fixed"),
        row_count=(1, "fixed"),
        column_widths=list(_COLUMN_WIDTHS),
        type="array",
        wrap=True,
        height=640,
        interactive=True,
        show_label=False,
        elem_classes=["emo-table"],
        elem_id="emo-table",
    )
    parts.add("table_hint", gr.HTML, parts.static_html(parts.language)["table_hint"])
    parts.add("table_note", gr.HTML, elem_id="emo-table-note")
    _segment_panel(parts)


def _segment_panel(parts: Parts) -> None:
    with gr.Column(elem_classes=["emo-panel"], elem_id="emo-segment"):
        with gr.Row(elem_classes=["emo-turn"]):
            parts.add("earlier", gr.Button, value="text:earlier", size="sm", scale=0, min_width=44)
            parts.add("segment_title", gr.HTML)
            parts.add("later", gr.Button, value="text:later", size="sm", scale=0, min_width=44)
        with gr.Row():
            parts.add(
                "text",
                gr.Textbox,
                label="text:text",
                lines=2,
                scale=4,
                interactive=True,
                elem_id="emo-text",
            )
            with gr.Column(scale=2, min_width=240):
                parts.add(
                    "emotion",
                    gr.Dropdown,
                    allow_custom_value=True,
                    interactive=True,
                    label="text:emotion",
                    elem_id="emo-emotion",
                )
                parts.add("undo", gr.Button, value="text:undo", size="sm", elem_id="emo-undo")
        with gr.Row():
            with gr.Column(min_width=290):
                _player(parts, "original")
                _bars(parts, "probabilities")
                parts.add("why", gr.HTML)
            with gr.Column(min_width=290):
                _player(parts, "clip", label="text:reference")
                parts.add("choice_note", gr.HTML, elem_id="emo-choice")
                parts.add(
                    "candidates",
                    gr.Radio,
                    label="text:candidates",
                    interactive=True,
                    elem_id="emo-candidates",
                )
                parts.add(
                    "other_clip",
                    gr.Dropdown,
                    label="text:other_clip",
                    interactive=True,
                    elem_id="emo-other",
                )
            with gr.Column(min_width=290):
                _player(parts, "again_clip", label="text:said_again")
                _bars(parts, "heard_again")
                parts.add("verdict", gr.HTML, elem_id="emo-verdict")


def _bars(parts: Parts, name: str) -> None:
    parts.add(name, gr.Label, label=f"text:{name}", num_top_classes=4, elem_classes=["emo-bars"])


def _player(parts: Parts, name: str, *, label: str = "") -> None:
    parts.add(
        name,
        gr.Audio,
        label=label or f"text:{name}",
        interactive=False,
        show_download_button=False,
        elem_id=f"emo-{name.replace('_', '-')}",
    )


def _again_step(parts: Parts) -> None:
    parts.add("heading_again", gr.HTML, parts.static_html(parts.language)["heading_again"])
    with gr.Row():
        parts.add("resynthesise", gr.Button, value="text:resynthesise", variant="primary", scale=4)
        parts.add(
            "stop_again", gr.Button, value="text:stop", variant="stop", scale=1, visible=False
        )
    with gr.Row():
        parts.add(
            "takes",
            gr.Slider,
            1,
            8,
            value=1,
            step=1,
            label="text:takes",
            info="text:takes_info",
            elem_id="emo-takes",
        )
        with gr.Column(visible=parts.spoken_by is not None):
            parts.add(
                "carry",
                gr.Radio,
                choices=list(carry_choices(parts.language)),
                value=next(iter(carry_choices(parts.language))),
                label="text:carry",
                info="text:carry_info",
                elem_id="emo-carry",
            )
    parts.add(
        "directions",
        gr.Checkbox,
        True,
        label="text:directions",
        info="text:directions_info",
        elem_id="emo-directions",
    )
    _speaking(parts)
    parts.add("again_status", gr.HTML, elem_classes=["emo-status"], elem_id="emo-again-status")
    with gr.Column(visible=False) as column:
        parts.named["result_area"] = column
        parts.add("result", gr.HTML, elem_id="emo-result")
        with gr.Row():
            with gr.Column(min_width=320):
                _player(parts, "before")
            with gr.Column(min_width=320):
                _player(parts, "after")
        parts.add("said_timeline", gr.HTML, elem_id="emo-said-timeline")


def _speaking(parts: Parts) -> None:
    """How the host is to sample; the embedded one does not."""
    usual = Sampling()
    with (
        gr.Column(visible=parts.spoken_by is not None),
        parts.add("how", gr.Accordion, label="text:how_to_speak", open=False),
    ):
        with gr.Row():
            parts.add("speed", gr.Slider, 0.6, 1.65, value=1, step=0.05, label="text:speed")
            parts.add(
                "temperature",
                gr.Slider,
                0.05,
                1,
                value=usual.temperature,
                step=0.05,
                label="text:temperature",
            )
            parts.add("top_p", gr.Slider, 0.05, 1, value=usual.top_p, step=0.05, label="top_p")
            parts.add("top_k", gr.Slider, 1, 100, value=usual.top_k, step=1, label="top_k")
            parts.add(
                "seed",
                gr.Number,
                0,
                precision=0,
                minimum=0,
                maximum=2**32 - 1,
                label="text:seed",
            )
        parts.add(
            "timbre",
            gr.Dropdown,
            choices=[],
            value=[],
            multiselect=True,
            allow_custom_value=True,
            label="text:timbre",
            info="text:timbre_info",
        )


def _save_step(parts: Parts) -> None:
    parts.add("heading_save", gr.HTML, parts.static_html(parts.language)["heading_save"])
    parts.add("make_files", gr.Button, value="text:make_files", elem_id="emo-make-files")
    parts.add("save_status", gr.HTML)
    parts.add(
        "files",
        gr.File,
        label="text:files",
        file_count="multiple",
        interactive=False,
        visible=False,
        elem_id="emo-files",
    )
