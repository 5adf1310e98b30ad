"""The fields of the training page, and its sentences: key -> English, Chinese. No Gradio here.

`webui_tab.settings` says what is made of a field, `webui_tab.texts.say` says the sentences.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from gpt_sovits_emotion.core.messages import tr
from gpt_sovits_emotion.core.records import Sentence
from webui_tab.controls import Control, Line, Suggestions, shown_as, texts_of

__all__ = ["TABLE", "CorporaForm", "HeadForm", "SpeakerForm"]


@dataclass(frozen=True, slots=True)
class CorporaForm:
    """Which corpora are meant.

    Attributes:
        train_corpora: One a line, as a person names them.
        train_labels: Emotions, with commas between them; "" for all.
        train_consent: Whether the line that they may be used is ticked.
    """

    train_corpora: str = field(
        default="",
        metadata=shown_as(
            Line(
                label=tr("Corpora, one per line: NAME=FOLDER"),
                info=tr(
                    "Several speakers are needed. A folder per emotion, a manifest.csv, a .list with its "
                    "emotions, or a known corpus as it is distributed (emodb, ravdess, crema-d, esd, …)."
                ),
                place="corpora",
                layout={
                    "lines": 3,
                    "max_lines": 12,
                    "placeholder": "emodb=/data/emodb\nmine=/data/my-recordings",
                },
            )
        ),
    )
    train_labels: str = field(
        default="",
        metadata=shown_as(
            Line(
                label=tr("Emotions (blank: all)"),
                info=tr("Separated by commas."),
                place="labels",
                layout={"placeholder": "angry, sad", "min_width": 200},
            )
        ),
    )
    train_consent: bool = field(
        default=False,
        metadata=shown_as(
            Control(
                label=tr(
                    "I may read these recordings and train on them: who speaks in them has agreed, or "
                    "their licence allows it."
                ),
                place="corpora",
                consent=True,
            )
        ),
    )


@dataclass(frozen=True, slots=True)
class HeadForm(CorporaForm):
    """Which head is to be trained on them.

    Attributes:
        train_encoder: Id of the encoder.
        train_name: Id of the head.
        train_replace: Whether a head of this id may be replaced.
    """

    train_encoder: str = field(
        default="prosody",
        metadata=shown_as(
            Suggestions(
                label=tr("Encoder that it reads"),
                info=tr(
                    "prosody needs no model; whisper-base:1-4 reads layers of a Whisper that is on this "
                    "machine. Inside GPT-SoVITS also hubert:6, hubert:4-9, sovits.style, "
                    "sovits.posterior, and several joined by +."
                ),
                place="head",
                first="prosody",
                layout={"min_width": 280},
            )
        ),
    )
    train_name: str = field(
        default="my-head",
        metadata=shown_as(
            Line(
                label=tr("Name of the head"),
                info=tr("Small letters, digits and hyphens."),
                place="head",
                layout={"min_width": 200},
            )
        ),
    )
    train_replace: bool = field(
        default=False,
        metadata=shown_as(
            Control(
                label=tr("Replace a head of this name"),
                place="replace",
            )
        ),
    )


@dataclass(frozen=True, slots=True)
class SpeakerForm:
    """Whom a head is to be fitted to.

    Attributes:
        speaker_name: How the speaker is called.
        speaker_consent: Whether the line about consent is ticked.
    """

    speaker_name: str = field(
        default="",
        metadata=shown_as(
            Suggestions(
                label=tr("Name of the speaker"),
                place="speaker",
            )
        ),
    )
    speaker_consent: bool = field(
        default=False,
        metadata=shown_as(
            Control(
                label=tr(
                    "This person has agreed that numbers describing their voice are kept on this "
                    "machine. They are kept in my user folder, readable by me alone, are sent nowhere, "
                    "and go when I press “Forget”."
                ),
                place="speaker",
                consent=True,
            )
        ),
    )


TABLE = {
    **texts_of(HeadForm, SpeakerForm),
    "page_train": tr("Train heads"),
    # --- corpora
    "train_step_corpora": tr("1 · Labelled recordings"),
    "train_look": tr("Look"),
    "train_consent_missing": tr(
        "Nothing was read: tick the line below the corpora first, which says that you may."
    ),
    "train_fetch": tr("Fetch EmoDB (about 50 MB)"),
    "train_fetched": tr("EmoDB lies in {folder}."),
    "train_no_corpora": tr(
        "No corpus is named: write a line such as  emodb=/path/to/emodb  for each."
    ),
    "train_column_corpus": tr("Corpus"),
    "train_column_written": tr("As written"),
    "train_column_label": tr("Becomes"),
    "train_column_clips": tr("Clips"),
    "train_column_speakers": tr("Speakers"),
    "train_licence": tr("{corpus} · licence: {licence}"),
    "train_non_commercial": tr("not for commercial use"),
    # --- encoder and head
    "train_step_head": tr("2 · The head"),
    "train_bad_name": tr(
        "{name!r} cannot be the name of a head: use small letters, digits and hyphens, such as my-head."
    ),
    "train_start": tr("Train"),
    "train_stop": tr("Stop, keep the best so far"),
    "train_busy": tr(
        "A head is being trained already ({head}); only one is trained at a time. Wait until it is done, "
        "or stop it below."
    ),
    "train_hint": tr(
        "Training goes on when this page is closed; whoever opens it next sees it here and can stop it. "
        "It waits while GPT-SoVITS speaks. The recordings are read where they lie; nothing is sent "
        "anywhere."
    ),
    # --- while it trains
    "train_none": tr("No training is under way."),
    "train_under_way": tr("Training {head}"),
    "train_beginning": tr("reading the corpora"),
    "train_stopping": tr("stopping, with the best so far"),
    "train_waiting": tr("waiting while GPT-SoVITS speaks"),
    "train_loss": tr("Loss"),
    "train_held_out": tr("Recall on held-out speakers (UAR)"),
    "train_ended": tr("The training was given up because the server ended."),
    "train_voice_switched": tr(
        "Another voice was loaded in GPT-SoVITS while its encoder was read, so the features would be a "
        "mixture of two; nothing was written. Train again and leave the voice as it is."
    ),
    # --- its result
    "train_done": tr("{head} is installed and can be chosen on the first page."),
    "train_use": tr("Choose it on the first page"),
    "train_remove": tr("Remove it"),
    "train_removed": tr("{head} is removed."),
    "train_nothing_to_remove": tr("There is no head of this page to remove."),
    "train_card_trained_on": tr("Trained on"),
    "train_card_encoder": tr("Encoder"),
    "train_card_licence": tr("Licence"),
    "train_card_calibrated_on": tr("Calibrated on"),
    "train_card_recording": tr("Recordings"),
    "train_card_moving": tr(
        "judged against the speaker's own mean as far as several moods are heard"
    ),
    "train_card_farthest": tr("Unlike the training"),
    "train_card_unlike": tr("unsure from {distance} times the usual distance on"),
    "train_card_none": tr("Nothing was measured."),
    "train_mode_global": tr("as anybody"),
    "train_mode_speaker": tr("against the speaker’s own usual"),
    "train_measured": Sentence("Measured", "测试方式"),
    "train_uar": tr("UAR (95 % interval)"),
    "train_wa": tr("Accuracy (95 % interval)"),
    "train_ece": tr("Calibration error"),
    "train_calibration_note": tr(
        "Calibration error: how far a stated certainty lies from how often it is right; under 5 % is "
        "good."
    ),
    "train_clips_speakers": tr("{clips} clips, {speakers} speakers"),
    "train_confusion": tr("Rows: what it was. Columns: what the head heard."),
    "train_recall": tr("Recall of each emotion"),
    # --- one speaker
    "speaker_step": tr("3 · One speaker"),
    "speaker_lead": tr(
        "Fit a head to one person from the segments on the first page: emotions that you corrected there "
        "count as labelled, the others show how this person usually sounds. The head itself stays as it "
        "is; what is learned can be chosen under “Speaker” in the settings of the first page."
    ),
    "speaker_consent_missing": tr(
        "Nothing was learned: tick the line above first, which says that this person has agreed."
    ),
    "speaker_learn": tr("Learn from the first page"),
    "speaker_undo": tr("Take the last lesson back"),
    "speaker_forget": tr("Forget this speaker"),
    "speaker_no_name": tr("Give the speaker a name first."),
    "speaker_unknown": tr("Nothing was learned of {speaker} with the head {head}."),
    "speaker_nothing_heard": tr(
        "No segment of the first page can be learned from: analyse a recording there first."
    ),
    "speaker_taught_already": tr(
        "All segments of this recording have been learned from, and no further emotion was corrected "
        "since."
    ),
    "speaker_too_few": tr(
        "Kept, but {n} segments are too few to learn from: {least} are needed, best in several moods."
    ),
    "speaker_forgotten": tr("What was learned of {speaker} is deleted."),
    "speaker_undone": tr("The last lesson was taken back."),
    "speaker_other_label": tr(
        "Segment {number} is corrected to {label}, which the head {head} does not know, so it counts "
        "without its emotion."
    ),
}
