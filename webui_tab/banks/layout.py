"""The components of the page of voices and where they stand. What they do is in `events`."""

from __future__ import annotations

import gradio as gr

from gpt_sovits_emotion.banks import export_layouts
from gpt_sovits_emotion.core.labels import EMOTIONS, display_name
from webui_tab.banks.bank import clip_headers
from webui_tab.banks.form import SourceForm
from webui_tab.components import Components
from webui_tab.texts import say

__all__ = ["build_banks", "emotion_choices"]

_WIDTHS = ("20%", "11%", "8%", "8%", "9%", "9%", "20%", "15%")


def emotion_choices(language: str) -> dict[str, str]:
    """Return the emotions that are offered: name for people -> canonical label."""
    return {display_name(label, language): label for label in EMOTIONS if label != "other"}


def build_banks(parts: Components) -> None:
    """Make the page's components in the context that is open now."""
    parts.add_heading("heading_bank_source", "bank_step_source", "bank_lead")
    parts.add_settings(SourceForm, "source")
    with gr.Row():
        parts.add_work_button("bank_build", value="text:bank_build", variant="primary", scale=4)
        parts.add_work_button("bank_open", value="text:bank_open", scale=2)
        parts.add_stop_button("stop_bank", scale=1)
    parts.add("bank_status", gr.HTML, elem_classes=["emo-status"], elem_id="emo-bank-status")
    with parts.hidden("bank_area"):
        parts.add_heading("heading_bank_holds", "bank_step_holds")
        _holds_step(parts)
        parts.add_heading("heading_bank_choose", "bank_step_choose")
        _choose_step(parts)
        parts.add_heading("heading_bank_export", "bank_step_export")
        _export_step(parts)
    # For other programs: a listing of one bank, asked for by name (docs/banks.md).
    parts.add("bank_api_path", gr.Textbox, visible=False)
    parts.add("bank_api_consent", gr.Checkbox, visible=False)
    parts.add("bank_api_ask", gr.Button, "…", visible=False)
    parts.add("bank_api_listing", gr.JSON, visible=False)


def _holds_step(parts: Components) -> None:
    parts.add("bank_coverage", gr.HTML, elem_id="emo-bank-coverage")
    parts.add("bank_lesson", gr.HTML, elem_id="emo-bank-lesson")
    with gr.Row():
        parts.add_work_button(
            "bank_forget",
            value="text:bank_forget",
            size="sm",
            elem_id="emo-bank-forget",
        )
        parts.add("bank_sure", gr.Checkbox, label="text:sure", elem_id="emo-bank-sure")
        parts.add_work_button("bank_learn", value="text:bank_learn", size="sm")
    every = say("bank_all", parts.language)
    parts.add(
        "bank_shown",
        gr.Dropdown,
        choices=[every],
        value=every,
        label="text:bank_shown",
        elem_id="emo-bank-shown",
    )
    parts.add_table(
        "bank_clips",
        clip_headers(parts.language),
        _WIDTHS,
        datatype="str",
        height=360,
        interactive=False,
    )
    parts.add("bank_clips_note", gr.HTML)
    with gr.Row():
        with gr.Column(scale=3, min_width=300):
            parts.add("bank_clip_name", gr.HTML, elem_id="emo-bank-clip")
            parts.add_player("bank_player")
        with gr.Column(scale=2, min_width=260):
            names = list(emotion_choices(parts.language))
            parts.add(
                "bank_pin_emotion",
                gr.Dropdown,
                choices=names,
                value=names[0],
                allow_custom_value=True,
                label="text:bank_shown",
                elem_id="emo-bank-pin-emotion",
            )
            parts.add("bank_pin", gr.Button, value="text:bank_pin", elem_id="emo-bank-pin")
            parts.add("bank_unpin", gr.Button, value="text:bank_unpin", size="sm")
            parts.add("bank_pin_note", gr.HTML, elem_id="emo-bank-pin-note")


def _choose_step(parts: Components) -> None:
    with gr.Row():
        names = list(emotion_choices(parts.language))
        parts.add(
            "bank_wanted",
            gr.Dropdown,
            choices=names,
            value=names[0],
            allow_custom_value=True,
            label="text:bank_wanted",
            scale=1,
            elem_id="emo-bank-wanted",
        )
        parts.add(
            "bank_text",
            gr.Textbox,
            label="text:bank_text",
            info="text:bank_text_info",
            scale=3,
            elem_id="emo-bank-text",
        )
    parts.add("bank_choose", gr.Button, value="text:bank_choose", elem_id="emo-bank-choose")
    parts.add("bank_choice", gr.HTML, elem_id="emo-bank-choice")
    parts.add_work_button(
        "bank_use", value="text:bank_use", variant="primary", elem_id="emo-bank-use"
    )


def _export_step(parts: Components) -> None:
    layouts = list(export_layouts())
    with gr.Row():
        parts.add(
            "bank_format",
            gr.Dropdown,
            choices=layouts,
            value=layouts[0],
            label="text:bank_format",
            elem_id="emo-bank-format",
        )
        parts.add("bank_to", gr.Textbox, label="text:bank_to", scale=3, elem_id="emo-bank-to")
        parts.add_work_button("bank_export", value="text:bank_export", elem_id="emo-bank-export")
    parts.add("bank_exported", gr.HTML, elem_id="emo-bank-exported")
