"""The components of the training page and where they stand. What they do is in `events`."""

from __future__ import annotations

import gradio as gr

from webui_tab.components import Components
from webui_tab.training.form import CorporaForm, HeadForm, SpeakerForm

__all__ = ["build_training"]

_NOTHING_LIVE = '<div class="emo-live" data-running="0"></div>'


def build_training(parts: Components) -> None:
    """Make the page's components in the context that is open now."""
    # What the page shows of the training, by its count of changes; and what asks for news of it.
    parts.add("train_seen", gr.Number, -1, precision=0, visible=False)
    parts.add(
        "train_tick", gr.Button, "…", elem_id="emo-train-tick", elem_classes=["emo-out-of-sight"]
    )
    parts.add_heading("heading_corpora", "train_step_corpora")
    parts.add_settings(CorporaForm, "corpora")
    with gr.Row():
        parts.add_work_button("train_look", value="text:train_look", size="sm")
        parts.add_work_button("train_fetch", value="text:train_fetch", size="sm")
        parts.add_stop_button("stop_page", size="sm")
    parts.add("train_found", gr.HTML, elem_id="emo-train-found")
    parts.add_heading("heading_head", "train_step_head", "train_hint")
    _head_step(parts)
    _result(parts)
    parts.add_heading("heading_speaker", "speaker_step", "speaker_lead")
    _speaker_step(parts)


def _head_step(parts: Components) -> None:
    with gr.Row():
        parts.add_settings(HeadForm, "head")
        parts.add_settings(CorporaForm, "labels")
    parts.add_settings(HeadForm, "replace")
    with gr.Row():
        parts.add("train_start", gr.Button, value="text:train_start", variant="primary", scale=4)
        parts.add(
            "train_stop",
            gr.Button,
            value="text:train_stop",
            variant="stop",
            scale=2,
            visible=False,
            elem_id="emo-train-stop",
        )
    parts.add("train_problem", gr.HTML, elem_id="emo-train-problem")
    parts.add("train_live", gr.HTML, _NOTHING_LIVE, elem_id="emo-train-live")


def _result(parts: Components) -> None:
    parts.add("train_result", gr.HTML, elem_id="emo-train-result")
    with gr.Row():
        parts.add("train_use", gr.Button, value="text:train_use", size="sm", visible=False)
        parts.add("train_remove", gr.Button, value="text:train_remove", size="sm", visible=False)
        parts.add(
            "train_sure", gr.Checkbox, label="text:sure", visible=False, elem_id="emo-train-sure"
        )


def _speaker_step(parts: Components) -> None:
    parts.add_settings(SpeakerForm, "speaker")
    with gr.Row():
        parts.add_work_button(
            "speaker_learn", value="text:speaker_learn", variant="primary", scale=3
        )
        parts.add_work_button("speaker_undo", value="text:speaker_undo", scale=2)
        parts.add_work_button(
            "speaker_forget", value="text:speaker_forget", variant="stop", scale=2
        )
    parts.add("speaker_sure", gr.Checkbox, label="text:sure", elem_id="emo-speaker-sure")
    parts.add("speaker_status", gr.HTML, elem_id="emo-speaker-status")
