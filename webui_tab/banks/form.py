"""The fields of the page of voices, and its sentences: key -> English, Chinese. No Gradio here.

`webui_tab.settings` says what is made of a field, `webui_tab.texts.say` says the sentences.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from gpt_sovits_emotion.core.messages import tr
from webui_tab.controls import Control, Suggestions, shown_as, texts_of

__all__ = ["TABLE", "SourceForm"]


@dataclass(frozen=True, slots=True)
class SourceForm:
    """Which voice is meant.

    Attributes:
        bank_source: Folder, list or recording, as a person wrote it.
        bank_transcribe: Whether clips without text are written down.
        bank_consent: Whether the line about consent is ticked.
    """

    bank_source: str = field(
        default="",
        metadata=shown_as(
            Suggestions(
                label=tr("Folder, list or recording"),
                info=tr(
                    "logs/<experiment> of GPT-SoVITS, a .list, a folder of clips (a folder per emotion, "
                    "or names that begin with it), an infer_config.json, or one long recording, which is "
                    "cut at its pauses."
                ),
                place="source",
            )
        ),
    )
    bank_transcribe: bool = field(
        default=True,
        metadata=shown_as(
            Control(
                label=tr("Write down clips without text"),
                place="source",
            )
        ),
    )
    bank_consent: bool = field(
        default=False,
        metadata=shown_as(
            Control(
                label=tr(
                    "The speaker has agreed that this voice is listened to, cloned, and copied where I say."
                ),
                place="source",
                consent=True,
            )
        ),
    )


TABLE = {
    **texts_of(SourceForm),
    "bank_wanted": tr("Emotion wanted"),
    "bank_text": tr("What will be said"),
    "bank_text_info": tr("A tag goes before the choice on the left: [happy] How nice!"),
    "bank_format": tr("Format"),
    "bank_to": tr("New folder"),
    "page_banks": tr("Voices"),
    # --- building
    "bank_step_source": tr("1 · The voice's clips"),
    "bank_lead": tr(
        "Every clip is listened to: which emotion, how sure, how clean, the same speaker or not. Nothing "
        "of yours is changed; what was heard is kept in one small file beside the clips."
    ),
    "bank_build": tr("Listen to the clips"),
    "bank_open": tr("Open as it is"),
    "bank_no_source": tr("No voice is named: write the path of a folder, a list or a recording."),
    "bank_consent_missing": tr(
        "Tick the line about consent first: whose voice this is must have agreed."
    ),
    "bank_api_consent_missing": tr(
        "nothing was read: say with the second value, true, that whose voice this is has agreed"
    ),
    "bank_built": tr("{voice}: {usable} of {n} clips can be used; head {head}."),
    "bank_opened": tr(
        "{voice}: {usable} of {n} clips can be used; no head has listened to them yet."
    ),
    # --- what it taught
    "bank_forget": tr("Forget what this voice taught the head"),
    "bank_learn": tr("Let this voice teach the head"),
    "bank_taught_nothing": tr(
        "This voice has taught no head. Clips that carry your own labels do when they are listened to."
    ),
    "bank_forgotten": tr(
        "Forgotten, and it will not be learned again. Listen to the clips again to judge them without it."
    ),
    "bank_may_teach": tr(
        "It may teach. Listen to the clips again, and the head is fitted to this voice."
    ),
    # --- what it holds
    "bank_step_holds": tr("2 · What this voice can say"),
    "bank_shown": tr("Emotion"),
    "bank_all": tr("all"),
    "bank_clip": tr("Clip"),
    "bank_player": tr("Listen"),
    "bank_pin": tr("Always take this clip for this emotion"),
    "bank_unpin": tr("Let the program choose"),
    "bank_pinned": tr("{label}: always {clip}."),
    "bank_unpinned": tr("{label}: the program chooses."),
    "bank_none_open": tr("Open or build a voice first."),
    "bank_no_clip": tr("Choose a clip first."),
    "bank_more": tr("{n} more are not shown; choose an emotion."),
    "bank_col_clip": tr("clip"),
    "bank_col_emotion": tr("emotion"),
    "bank_col_sure": tr("sure"),
    "bank_col_length": tr("length"),
    "bank_col_noise": tr("over noise"),
    "bank_col_alike": tr("same voice"),
    "bank_col_text": tr("text"),
    "bank_col_remark": tr("remark"),
    "bank_default": tr("default clip"),
    "bank_filed": tr("filed so"),
    # --- choosing
    "bank_step_choose": tr("3 · Which clip would be taken"),
    "bank_choose": tr("Show the choice"),
    "bank_use": tr("Speak with this voice"),
    # --- giving away
    "bank_step_export": tr("4 · For other programs"),
    "bank_export": tr("Copy the clips there"),
    "bank_exported": tr("Written: {path}"),
    "bank_no_folder": tr("Write the path of a new folder."),
}
"""Key -> English, Chinese."""
