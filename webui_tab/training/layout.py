"""The components of the training page and where they stand. What they do is in `wiring`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import gradio as gr

from webui_tab.training.headings import headings

if TYPE_CHECKING:
    from webui_tab.parts import Parts

__all__ = ["ANYBODY", "EMPTY_LIVE", "build_training"]

ANYBODY = "–"
"""What stands in the menu of speakers for none in particular, in either language."""

_EXAMPLES = "emodb=/data/emodb\nmine=/data/my-recordings"
EMPTY_LIVE = '<div class="emo-live" data-running="0"></div>'


def build_training(parts: Parts) -> None:
    """Make the page's components in the context that is open now."""
    said = headings(parts.language)
    # What the page shows of the training, by its count of changes; and what asks for news of it.
    parts.add("train_seen", gr.Number, -1, precision=0, visible=False)
    parts.add(
        "train_tick", gr.Button, "…", elem_id="emo-train-tick", elem_classes=["emo-out-of-sight"]
    )
    parts.add("heading_corpora", gr.HTML, said["heading_corpora"])
    _corpora_step(parts)
    parts.add("heading_head", gr.HTML, said["heading_head"])
    _head_step(parts)
    _result(parts)
    parts.add("heading_speaker", gr.HTML, said["heading_speaker"])
    _speaker_step(parts)


def _corpora_step(parts: Parts) -> None:
    parts.add(
        "train_corpora",
        gr.Textbox,
        lines=3,
        max_lines=12,
        placeholder=_EXAMPLES,
        label="text:train_corpora",
        info="text:train_corpora_info",
        elem_id="emo-train-corpora",
    )
    parts.add(
        "train_consent",
        gr.Checkbox,
        label="text:train_consent",
        elem_classes=["emo-consent"],
        elem_id="emo-train-consent",
    )
    with gr.Row():
        parts.add("train_look", gr.Button, value="text:train_look", size="sm")
        parts.add("train_fetch", gr.Button, value="text:train_fetch", size="sm")
        parts.add(
            "stop_page", gr.Button, value="text:stop", variant="stop", size="sm", visible=False
        )
    parts.add("train_found", gr.HTML, elem_id="emo-train-found")


def _head_step(parts: Parts) -> None:
    with gr.Row():
        parts.add(
            "train_encoder",
            gr.Dropdown,
            choices=["prosody"],
            value="prosody",
            allow_custom_value=True,
            label="text:train_encoder",
            info="text:train_encoder_info",
            elem_id="emo-train-encoder",
            min_width=280,
        )
        parts.add(
            "train_name",
            gr.Textbox,
            "my-head",
            label="text:train_name",
            info="text:train_name_info",
            elem_id="emo-train-name",
            min_width=200,
        )
        parts.add(
            "train_labels",
            gr.Textbox,
            placeholder="angry, sad",
            label="text:train_labels",
            info="text:train_labels_info",
            elem_id="emo-train-labels",
            min_width=200,
        )
    parts.add("train_replace", gr.Checkbox, label="text:train_replace", elem_id="emo-train-replace")
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
    parts.add("train_live", gr.HTML, EMPTY_LIVE, elem_id="emo-train-live")


def _result(parts: Parts) -> None:
    parts.add("train_result", gr.HTML, elem_id="emo-train-result")
    with gr.Row():
        parts.add("train_use", gr.Button, value="text:train_use", size="sm", visible=False)
        parts.add("train_remove", gr.Button, value="text:train_remove", size="sm", visible=False)
        parts.add(
            "train_sure", gr.Checkbox, label="text:sure", visible=False, elem_id="emo-train-sure"
        )


def _speaker_step(parts: Parts) -> None:
    parts.add(
        "speaker_name",
        gr.Dropdown,
        choices=[],
        value=None,
        allow_custom_value=True,
        label="text:speaker_name",
        elem_id="emo-speaker-name",
    )
    parts.add(
        "speaker_consent",
        gr.Checkbox,
        label="text:speaker_consent",
        elem_classes=["emo-consent"],
        elem_id="emo-speaker-consent",
    )
    with gr.Row():
        parts.add(
            "speaker_learn", gr.Button, value="text:speaker_learn", variant="primary", scale=3
        )
        parts.add("speaker_undo", gr.Button, value="text:speaker_undo", scale=2)
        parts.add("speaker_forget", gr.Button, value="text:speaker_forget", variant="stop", scale=2)
    parts.add("speaker_sure", gr.Checkbox, label="text:sure", elem_id="emo-speaker-sure")
    parts.add("speaker_status", gr.HTML, elem_id="emo-speaker-status")
