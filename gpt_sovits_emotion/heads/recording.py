"""Judge the segments of one recording together, by what is known of who speaks; say so in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from gpt_sovits_emotion.core.labels import UNSURE
from gpt_sovits_emotion.core.messages import of_count, of_list, tr
from gpt_sovits_emotion.core.records import Sentence, SpeakerStatistics, Transcript
from gpt_sovits_emotion.heads.head import Head, softmax
from gpt_sovits_emotion.heads.moving import MovingStatistics, own_share
from gpt_sovits_emotion.heads.profiles import PROFILE_SOURCE, VOICE_SOURCE

__all__ = [
    "Judgement",
    "blend",
    "judgement_notes",
    "judgement_sentence",
    "predict_recording",
]

_CERTAIN = 0.95  # a share beyond which the other judgement is not worth a word


@dataclass(frozen=True, slots=True, eq=False)
class Judgement:
    """What a head says of the segments of a recording.

    Attributes:
        probabilities: ``(n_segments, n_labels)``, calibrated; rows sum to 1.
        mode: ``global`` (against the training speakers), ``speaker`` (against the speaker's own segments) or
            ``mixed`` (some of both).
        own_share: How much the judgement against the recording's own segments counts, 0 to 1.
        threshold: Probability below which a verdict is ``unsure``.
        outside: ``(n_segments,)`` bool: unlike anything that the head was trained on.
        speaker: The statistics that were used, None in mode ``global``.
    """

    probabilities: np.ndarray
    mode: Literal["global", "speaker", "mixed"]
    own_share: float
    threshold: float
    outside: np.ndarray
    speaker: SpeakerStatistics | None

    def label(self, row: int, labels: tuple[str, ...]) -> str:
        """Return the verdict on one segment, ``unsure`` where it is not sure enough, or was never taught."""
        best = int(np.argmax(self.probabilities[row]))
        sure = self.probabilities[row, best] >= self.threshold and not self.outside[row]
        return labels[best] if sure else UNSURE


def predict_recording(
    head: Head,
    embeddings: np.ndarray,
    *,
    use_own: bool | None = None,
    speaker: SpeakerStatistics | None = None,
) -> Judgement:
    """Judge all segments of a recording.

    Args:
        head: The head.
        embeddings: ``(n_segments, dim)``, in order of time, taken for one person's.
        use_own: Judge against the recording's own segments, as far as there are enough: True always, False
            never, None as far as the recording seems to hold several moods (of a head whose card does not say
            how to tell that, always).
        speaker: Statistics of this speaker from elsewhere; they go before the recording's own.

    Raises:
        EncoderError: The embeddings have another width or hold values that are not finite.
        HeadError: The weights are so large that no probabilities come of them.
    """
    card = head.card
    head.check_embeddings(embeddings)
    outside = np.zeros(len(embeddings), bool)
    if card.farthest is not None and len(embeddings):
        outside = head.distances(embeddings) > card.farthest
    own = speaker
    if own is None and use_own is not False:
        # What is no voice at all must not shift the mean that the others are judged by.
        heard = embeddings[~outside] if (~outside).any() else embeddings
        own = head.statistics(heard, source="recording", inclusive=True)
    if own is None:
        found = head.probabilities(embeddings) if len(embeddings) else _nothing(head)
        return Judgement(found, "global", 0.0, card.threshold["global"], outside, None)
    with np.errstate(over="ignore", invalid="ignore"):  # looked at by `Head.calibrated`
        own_logits = head.logits(embeddings, own)
    against_own = head.calibrated(own_logits, "speaker")
    if speaker is not None or use_own is True or card.moving is None:
        return Judgement(against_own, "speaker", 1.0, card.threshold["speaker"], outside, own)
    with np.errstate(over="ignore", invalid="ignore"):
        alone_logits = head.logits(embeddings)
    alone = head.calibrated(alone_logits, "global")
    kept = ~outside if (~outside).any() else np.ones(len(embeddings), bool)
    share = own_share(card.moving, against_own[kept], alone[kept])
    temperature = (card.temperature["global"], card.temperature["speaker"])
    found = blend(
        own_logits,
        alone_logits,
        temperature,
        card.moving,
        share,
        usual=kept,
    )
    threshold = share * card.threshold["speaker"] + (1 - share) * card.threshold["global"]
    mode: Literal["global", "speaker", "mixed"] = "mixed"
    if share >= _CERTAIN:
        mode = "speaker"
    elif share <= 1 - _CERTAIN:
        mode = "global"
    return Judgement(found, mode, share, threshold, outside, own)


def blend(
    own_logits: np.ndarray,
    alone_logits: np.ndarray,
    temperature: tuple[float, float],
    moving: MovingStatistics,
    share: float,
    *,
    usual: np.ndarray | None = None,
) -> np.ndarray:
    """Return ``(n_segments, n_labels)`` probabilities of both judgements mixed.

    Args:
        own_logits: ``(n_segments, n_labels)`` against the recording's own mean.
        alone_logits: The same against the training speakers; each is mixed with their mean first.
        temperature: Of the judgement alone, and of that against the own mean.
        moving: Says how much of the mean.
        share: Of the judgement against the own mean.
        usual: ``(n_segments,)`` bool, whose mean it is; all when None.
    """
    heard = alone_logits if usual is None else alone_logits[usual]
    smoothing = moving.smoothing
    smoothed = (1 - smoothing) * alone_logits + smoothing * heard.mean(axis=0)
    mixed = share * softmax(own_logits, temperature[1])
    mixed += (1 - share) * softmax(smoothed, temperature[0])
    return np.asarray(mixed)


def _nothing(head: Head) -> np.ndarray:
    return np.empty((0, len(head.card.labels)))


def judgement_sentence(head: Head, judgement: Judgement, *, forbidden: bool) -> Sentence:
    """Say against whom a recording was judged, and why.

    Args:
        head: The head.
        judgement: What it said.
        forbidden: It was asked not to use the recording's own statistics.
    """
    speaker = judgement.speaker
    if speaker is not None and speaker.source == "recording":
        return _recording_note(judgement, speaker)
    if speaker is not None and speaker.source.startswith(PROFILE_SOURCE):
        name = speaker.source.removeprefix(PROFILE_SOURCE)
        return tr(
            "judged with what was learned of the speaker {name} from {n_segments}",
            name=name,
            n_segments=of_count(speaker.n_segments, "clip"),
        )
    if speaker is not None and speaker.source.startswith(VOICE_SOURCE):
        taught = speaker.source.removeprefix(VOICE_SOURCE)
        return tr(
            "the head was fitted to this voice from clips of its bank with your own labels: {taught}",
            taught=taught,
        )
    if speaker is not None:
        return tr(
            "judged against {n_segments} of this speaker from {source}",
            source=speaker.source,
            n_segments=of_count(speaker.n_segments, "segment"),
        )
    if forbidden:
        return tr("judged against the training speakers, as asked")
    n_segments = int((~judgement.outside).sum())
    return tr(
        "judged against the training speakers: fewer than {min_speaker_segments} segments of this "
        "speaker ({n_segments})",
        min_speaker_segments=head.card.min_speaker_segments,
        n_segments=n_segments,
    )


def judgement_notes(
    head: Head, transcript: Transcript, judgement: Judgement
) -> tuple[Sentence, ...]:
    """Return what a reader must know before believing the labels."""
    notes = []
    taught = {
        _primary(code) for credit in head.card.corpora for code in credit.language.split(",")
    } - {""}
    spoken = {
        _primary(segment.language or transcript.language) for segment in transcript.segments
    } - {""}
    unknown = sorted(spoken - taught) if taught else []
    if unknown:
        notes.append(
            tr(
                "head {card} was trained on {taught}, not on {unknown}: expect more errors",
                card=head.card.id,
                taught=of_list(sorted(taught)),
                unknown=of_list(unknown),
            )
        )
    n_outside = int(judgement.outside.sum())
    if n_outside:
        notes.append(
            tr(
                "{n_outside} of {outside} {verb_2} unlike any voice that the head was trained on, and "
                "{verb_2} left unsure",
                n_outside=n_outside,
                outside=of_count(len(judgement.outside), "segment"),
                verb="is" if n_outside == 1 else "are",
                verb_2="is" if n_outside == 1 else "are",
            )
        )
    return tuple(notes)


# --- inside ----------------------------------------------------------------------------------------


def _recording_note(judgement: Judgement, speaker: SpeakerStatistics) -> Sentence:
    """Say how a recording was judged that gave its own statistics."""
    n_segments, share = speaker.n_segments, round(100 * judgement.own_share)
    if judgement.mode == "speaker":
        return tr("judged against this speaker's own {n_segments} segments", n_segments=n_segments)
    if judgement.mode == "global":
        return tr(
            "judged against the training speakers: the {n_segments} segments seem to be in one mood, "
            "which must not be taken for this speaker's usual",
            n_segments=n_segments,
        )
    return tr(
        "judged {share} % against this speaker's own {n_segments} segments and {share_2} % against the "
        "training speakers: that is how sure it is that there are several moods",
        share=share,
        n_segments=n_segments,
        share_2=100 - share,
    )


def _primary(language: str) -> str:
    """Return the language of a code such as ``en-US``, in small letters."""
    return language.strip().casefold().replace("_", "-").partition("-")[0]
