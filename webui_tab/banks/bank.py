"""What the page of voices does with a bank, from one `Session` to the next, and what it shows of one.

No Gradio here. A bank that is shown here is not yet the voice that speaks: it becomes that with `use`.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from gpt_sovits_emotion.backends.base import never
from gpt_sovits_emotion.banks import (
    choose,
    export_bank,
    export_layouts,
    load_bank,
    read_sidecar,
    set_pin,
    set_teaching,
    sidecar_path,
)
from gpt_sovits_emotion.banks.library.coverage import coverage
from gpt_sovits_emotion.banks.library.ranking import emotion_of
from gpt_sovits_emotion.banks.library.tagged_text import split_tag
from gpt_sovits_emotion.core.errors import EmotionError
from gpt_sovits_emotion.core.labels import canonical_label, colour_of, display_name, percent
from gpt_sovits_emotion.core.messages import tr
from gpt_sovits_emotion.core.progress import Progress, no_progress
from gpt_sovits_emotion.core.records import ReferenceBank, ReferenceChoice, ReferenceClip, Sentence
from gpt_sovits_emotion.core.visible import visible
from gpt_sovits_emotion.report.coverage import coverage_svg
from webui_tab.app_context import AppContext, sample_data
from webui_tab.controls import SAMPLE_VOICE
from webui_tab.listen.analysis import choose_voice
from webui_tab.listen.view import clip_name
from webui_tab.markup import bilingual, both, label_name, note_of, sentence
from webui_tab.sessions import PageError, Session, ShownBank, require
from webui_tab.settings import AnalysisSettings
from webui_tab.texts import say

__all__ = [
    "COLUMNS",
    "N_SHOWN",
    "allow_teaching",
    "build",
    "choice_html",
    "choose_clip",
    "clip_headers",
    "clip_rows",
    "coverage_html",
    "export",
    "forget_lesson",
    "lesson_html",
    "lessons_of",
    "listing_of",
    "open_as_it_is",
    "opened_html",
    "pin",
    "place_of",
    "shown_clips",
    "sources_offered",
    "use",
]


def sources_offered(checkout: Path | None) -> tuple[str, ...]:
    """Return what lies ready to be built from: the experiments of a GPT-SoVITS, the latest first."""
    from gpt_sovits_emotion.backends.gpt_sovits.experiment import experiments_of

    return () if checkout is None else tuple(map(str, experiments_of(checkout)))


def place_of(written: str | None) -> Path:
    """Return the path that a person wrote; quotes around it are taken off.

    Raises:
        PageError: There is none.
    """
    path = (written or "").strip().strip('"')
    if not path:
        raise PageError("bank_no_source")
    return sample_data() / "voice_bank" if path == SAMPLE_VOICE else Path(path).expanduser()


def open_as_it_is(
    session: Session, source: Path, *, consent: bool, progress: Progress = no_progress
) -> Session:
    """Show a bank as it lies there, with what was heard in it before.

    Raises:
        ConsentError: The line about consent is not ticked.
        ReferenceBankError: It is no bank.
    """
    require(consent, "bank_consent_missing")
    return replace(session, shown=ShownBank(source, load_bank(source, progress=progress)))


def build(
    session: Session,
    source: Path,
    settings: AnalysisSettings,
    app: AppContext,
    *,
    transcribe: bool,
    consent: bool,
    stopped: Callable[[], bool] = never,
    progress: Progress = no_progress,
) -> Session:
    """Listen to a voice's clips and show what they hold.

    Args:
        session: What the page holds.
        source: Where the clips are.
        settings: Head and Whisper model.
        app: The engines.
        transcribe: Whether clips without text are written down.
        consent: Whether the line about consent is ticked.
        stopped: Asked between clips.
        progress: Told how far it is; it may raise to stop.

    Raises:
        ConsentError: The line is not ticked.
        EmotionError: There are no clips, or a step failed.
    """
    from gpt_sovits_emotion.banks.building import build_bank, find_sources
    from gpt_sovits_emotion.banks.building.sources import RECORDING

    require(consent, "bank_consent_missing")
    bank = build_bank(
        source,
        engines=app.engines(settings.head),
        whisper=app.whisper_options(settings) if transcribe else None,
        language=settings.spoken_language or None,
        progress=progress,
        cancelled=stopped,
    )
    cut = find_sources(source).layout == RECORDING
    return replace(session, shown=ShownBank(bank.root if cut else source, bank))


def lessons_of(session: Session) -> tuple[Sentence, ...]:
    """Return what the voice that is shown has taught heads, a sentence for each; nothing where none."""
    from gpt_sovits_emotion.banks.building.adaptation_sets import place_of as full_place
    from gpt_sovits_emotion.heads.profiles import list_profiles

    place = full_place(_shown(session).place)
    return tuple(
        tr("{head_id}: {said}", head_id=entry.head_id, said=said)
        for entry in list_profiles()
        if entry.profile is not None and entry.profile.bank == place
        for said in (entry.profile.say(),)
    )


def forget_lesson(session: Session, *, sure: bool) -> Session:
    """Forget what the voice that is shown taught heads; it teaches none until a person allows it again.

    What was heard in its clips with that is forgotten, too: the bank is loaded anew.

    Raises:
        ConsentError: The line about deleting is not ticked.
        PageError: No bank is shown.
        ReferenceBankError: The bank's sidecar is damaged, or of a newer version.
        OutputError: The sidecar cannot be written, or what was learned cannot be deleted.
    """
    from gpt_sovits_emotion.banks.building.teaching import forget_bank

    place = _shown(session).place
    require(sure, "sure_missing")
    set_teaching(place, False)
    forget_bank(place)
    return replace(session, shown=ShownBank(place, load_bank(place)))


def allow_teaching(session: Session, *, consent: bool) -> None:
    """Let the voice that is shown teach heads again, when its clips are listened to next.

    Raises:
        ConsentError: The line about consent is not ticked.
        PageError: No bank is shown.
        ReferenceBankError: The bank's sidecar is damaged, or of a newer version.
        OutputError: The sidecar cannot be written.
    """
    place = _shown(session).place
    require(consent, "bank_consent_missing")
    set_teaching(place, True)


def shown_clips(bank: ReferenceBank, label: str | None) -> tuple[ReferenceClip, ...]:
    """Return the clips of one emotion, or all: those that can be used first, the surest first."""

    def merit(clip: ReferenceClip) -> tuple[bool, str, float, str]:
        sure = 1.0 if clip.filed_by == "person" else max(clip.probabilities.values(), default=0.0)
        return clip.problem is not None, emotion_of(clip), -sure, str(clip.path)

    wanted = [clip for clip in bank.clips if label is None or emotion_of(clip) == label]
    return tuple(sorted(wanted, key=merit))


def pin(session: Session, label: str, clip: Path | None) -> Session:
    """Take one clip for an emotion always, or let the program choose again (None); kept beside the bank.

    Raises:
        PageError: No bank is shown.
        ReferenceBankError: The clip is not in the bank, or cannot be used; the file cannot be written.
    """
    shown = _shown(session)
    set_pin(shown.place, canonical_label(label), clip)
    pinned = ShownBank(shown.place, load_bank(shown.place))
    session = replace(session, shown=pinned)
    speaks = session.bank is not None and session.bank.root == pinned.bank.root
    return use(session) if speaks else session


def choose_clip(session: Session, wanted: str, text: str) -> ReferenceChoice:
    """Return which clip would be taken to say something; a tag in the text goes before `wanted`.

    Raises:
        PageError: No bank is shown.
        ReferenceBankError: No clip can be used.
    """
    tag, plain = split_tag(text)
    return choose(_shown(session).bank, wanted=tag or canonical_label(wanted), text=plain)


def use(session: Session) -> Session:
    """Let the bank that is shown be the voice that speaks."""
    return choose_voice(session, str(_shown(session).place), consent=True)  # it was opened with it


def export(
    session: Session,
    destination: str,
    *,
    layout: str,
    consent: bool,
    progress: Progress = no_progress,
) -> Path:
    """Copy the bank's clips into a new folder, in a form that other programs read.

    Raises:
        PageError: No bank is shown, no folder is named, or there is no such form.
        ConsentError: The line about consent is not ticked.
        ReferenceBankError: The form cannot hold the bank.
        OutputError: The folder exists, or cannot be written.
    """
    destination = destination.strip().strip('"')
    if not destination:
        raise PageError("bank_no_folder")
    if layout not in export_layouts():
        raise PageError("bad_choice", value=layout[:64], offered=" / ".join(export_layouts()))
    require(consent, "bank_consent_missing")
    shown = _shown(session)
    beside = sidecar_path(shown.place)
    return export_bank(
        shown.bank,
        Path(destination).expanduser(),
        layout=layout,
        sidecar=read_sidecar(beside) if beside.is_file() else None,
        progress=progress,
    )


def listing_of(path: str | None, consent: bool) -> dict[str, Any]:
    """Return a bank for other programs: its voice, emotions, clips and texts.

    Args:
        path: Where it lies.
        consent: Whether who speaks in it has agreed; a program says so for the person that uses it.

    What is wrong stands under ``error``: a program reads that better than the page's own way of telling.
    """
    from gpt_sovits_emotion.banks.building import listing

    try:
        require(consent, "bank_api_consent_missing")
        return listing(load_bank(place_of(path)))
    except EmotionError as error:
        return {"error": str(error)}


def _shown(session: Session) -> ShownBank:
    if session.shown is None:
        raise PageError("bank_none_open")
    return session.shown


# --- what is shown ------------------------------------------------------------------------------------

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
