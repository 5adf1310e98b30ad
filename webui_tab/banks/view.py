"""What the page of voices shows of a bank: rows, remarks, a choice with its reasons. No Gradio here."""

from __future__ import annotations

import html
from collections.abc import Sequence

from gpt_sovits_emotion.banks.library.coverage import coverage
from gpt_sovits_emotion.banks.library.ranking import emotion_of
from gpt_sovits_emotion.core.labels import colour_of, display_name, percent
from gpt_sovits_emotion.core.records import ReferenceBank, ReferenceChoice, ReferenceClip, Sentence
from gpt_sovits_emotion.core.visible import visible
from gpt_sovits_emotion.report.coverage import coverage_svg
from webui_tab.texts import say
from webui_tab.training.words import bilingual, both, label_name, note_of, sentence
from webui_tab.view import clip_name

__all__ = [
    "COLUMNS",
    "N_SHOWN",
    "choice_html",
    "clip_headers",
    "clip_rows",
    "coverage_html",
    "lesson_html",
    "opened_html",
]

COLUMNS = ("clip", "emotion", "sure", "length", "noise", "alike", "text", "remark")
N_SHOWN = 200
"""Rows of the table; a browser that draws thousands stands still."""


def clip_headers(language: str) -> list[str]:
    """Return the headers of the table of clips."""
    return [say(f"bank_col_{column}", language) for column in COLUMNS]


def clip_rows(
    bank: ReferenceBank, clips: Sequence[ReferenceClip], language: str
) -> list[list[str]]:
    """Return one row per clip, in the order of `COLUMNS`; "–" where nothing is known."""
    return [_row(bank, clip, language) for clip in clips[:N_SHOWN]]


def _row(bank: ReferenceBank, clip: ReferenceClip, language: str) -> list[str]:
    quality = clip.quality
    pinned = set(bank.pins.values())
    remarks = [said.say(language) for said in (clip.problem, *clip.doubts) if said is not None]
    return [
        ("★ " if clip.path in pinned else "") + clip_name(bank, clip),
        display_name(emotion_of(clip), language) or say("bank_default", language),
        _sure(clip, language),
        "–" if clip.duration_s is None else f"{clip.duration_s:.1f} s",
        "–" if quality is None or quality.snr_db is None else f"{quality.snr_db:.0f} dB",
        "–" if clip.consistency is None else percent(clip.consistency),
        visible(clip.text),
        visible("; ".join(remarks)),
    ]


def _sure(clip: ReferenceClip, language: str) -> str:
    if clip.filed_by == "person":
        return say("bank_filed", language)
    return percent(max(clip.probabilities.values())) if clip.probabilities else "–"


def opened_html(bank: ReferenceBank) -> str:
    """Return what a bank is, in one line, and what to mind, in both languages."""
    key = "bank_built" if bank.head_id else "bank_opened"
    said = both(
        key, voice=bank.voice, usable=len(bank.usable), n=len(bank.clips), head=bank.head_id
    )
    notes = "".join(note_of("aside", sentence(said)) for said in bank.notes)
    return f'<div class="emo-both">{note_of("good", said)}{notes}</div>'


def lesson_html(lessons: Sequence[Sentence], key: str = "bank_taught_nothing") -> str:
    """Return what a voice has taught heads, in both languages; the text of `key` where that is nothing."""
    notes = [note_of("good", sentence(said)) for said in lessons]
    return f'<div class="emo-both">{"".join(notes) or note_of("aside", both(key))}</div>'


def coverage_html(bank: ReferenceBank) -> str:
    """Return the picture of what a voice can say, in both languages."""
    found = coverage(bank)
    drawn = bilingual(coverage_svg(found, language="en"), coverage_svg(found, language="zh"))
    return f'<div class="emo-both">{drawn}</div>'


def choice_html(bank: ReferenceBank, choice: ReferenceChoice) -> str:
    """Return the ranked clips with their reasons, the one that would be taken first in view."""
    rows = []
    for candidate in choice.candidates:
        clip = candidate.clip
        taken = clip.path == choice.pick.path
        label = emotion_of(clip)
        name = label_name(label) if label else both("bank_default")
        colour = colour_of(label)
        rows.append(
            f'<li class="{"emo-taken" if taken else ""}">'
            f'<i style="background:{colour}"></i>{name} '
            f"<code>{html.escape(clip_name(bank, clip))}</code>"
            f"<br><small>{sentence(candidate.reason)}</small></li>"
        )
    kind = "warning" if choice.substituted else "good"
    return (
        f'<div class="emo-both emo-ranking">{note_of(kind, sentence(choice.reason))}'
        f"<ol>{''.join(rows)}</ol></div>"
    )
