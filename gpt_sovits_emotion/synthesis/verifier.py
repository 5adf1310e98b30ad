"""Check: listen to the resynthesis again and say whether each segment kept its emotion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from gpt_sovits_emotion.audio import recording_from_samples
from gpt_sovits_emotion.core.counting import beside_chinese
from gpt_sovits_emotion.core.labels import UNSURE, display_name, percent
from gpt_sovits_emotion.core.messages import in_both, tr
from gpt_sovits_emotion.core.progress import Progress, no_progress
from gpt_sovits_emotion.core.records import (
    EmotionScores,
    ReferenceChoice,
    RoundTripReport,
    RoundTripSegment,
    Segment,
    Sentence,
    SpeakerStatistics,
    Synthesis,
    SynthesisedSegment,
    TaggedSegment,
    TaggedTranscript,
    Transcript,
)
from gpt_sovits_emotion.tagging import Analyser, Tagging, TagOptions, tag

__all__ = ["Verification", "verify"]


@dataclass(frozen=True, slots=True, eq=False)
class Verification:
    """The report, and the second tagging it rests on (with tracks, for the timeline).

    `outputs` is None when not a single segment was spoken.
    """

    report: RoundTripReport
    outputs: Tagging | None


def verify(
    transcript: TaggedTranscript,
    choices: Sequence[ReferenceChoice | None],
    synthesis: Synthesis,
    verifier: Analyser,
    *,
    bank_synthetic: bool,
    options: TagOptions | None = None,
    speaker: SpeakerStatistics | None = None,
    progress: Progress = no_progress,
) -> Verification:
    """Tag the joined output as if it were a new recording, and compare it with what was wanted.

    Args:
        transcript: What was heard, with a person's corrections.
        choices: Per segment the reference chosen, None where none was.
        synthesis: What was said.
        verifier: The head that listens. If it is the one that tagged, the report says so.
        bank_synthetic: Whether the voice's bank is synthetic, for the report.
        options: As for `tag`.
        speaker: Statistics of the voice that speaks; the output's own segments give them when None.
        progress: Told how far it is.
    """
    places = [segment.index for segment in synthesis.segments if segment.audio is not None]
    outputs: Tagging | None = None
    heard: dict[int, TaggedSegment] = {}
    if places:
        outputs = _tagged_again(
            transcript, synthesis, verifier, options=options, speaker=speaker, progress=progress
        )
        heard = dict(zip(places, outputs.transcript.segments, strict=True))
    report = RoundTripReport(
        transcript=transcript,
        segments=tuple(
            _verdict(index, tagged, choices[index], heard.get(index), synthesis, verifier)
            for index, tagged in enumerate(transcript.segments)
        ),
        host_id=synthesis.host_id,
        host_title=synthesis.host_title,
        voice=synthesis.voice,
        bank_synthetic=bank_synthetic,
        judge_id=verifier.head.card.id,
        judge_is_tagger=verifier.head.card.id == transcript.head_id,
        carry=synthesis.carry,
        carry_note=synthesis.carry_note,
        judged_against=outputs.transcript.normalisation_note if outputs else None,
    )
    return Verification(report, outputs)


def _tagged_again(
    transcript: TaggedTranscript,
    synthesis: Synthesis,
    verifier: Analyser,
    *,
    options: TagOptions | None,
    speaker: SpeakerStatistics | None,
    progress: Progress,
) -> Tagging:
    """Tag the joined output, a segment for each that was said."""
    segments = tuple(
        Segment(
            said.start_s,
            said.start_s + said.audio.duration_s,
            transcript.segments[said.index].text,
        )
        for said in synthesis.segments
        if said.audio is not None
    )
    joined = synthesis.joined
    with recording_from_samples(
        joined.samples,
        joined.sampling_rate_hz,
        name="resynthesis",
        also_at_hz=verifier.encoder.sampling_rate_hz,
    ) as recording:
        return tag(
            Transcript(segments, transcript.language, "round trip"),
            recording,
            verifier,
            options=options,
            speaker=speaker,
            progress=progress,
        )


def _verdict(
    index: int,
    wanted: TaggedSegment,
    choice: ReferenceChoice | None,
    heard: TaggedSegment | None,
    synthesis: Synthesis,
    verifier: Analyser,
) -> RoundTripSegment:
    label, said = wanted.label, synthesis.segments[index]
    scores = heard.scores if heard else None
    survived: bool | None = None
    if scores is not None and label != UNSURE and label in verifier.head.card.labels:
        survived = scores.label == label
    return RoundTripSegment(
        index=index,
        wanted=label,
        choice=_as_spoken(choice, said),
        heard=scores,
        prosody=heard.prosody if heard else None,
        survived=survived,
        note=_note(wanted, heard, survived, said.problem, verifier),
        carried=said.carried,
        takes=said.takes,
    )


def _as_spoken(choice: ReferenceChoice | None, said: SynthesisedSegment) -> ReferenceChoice | None:
    """Return the choice with the clip of the take that was kept, where that was another."""
    kept = next((take for take in said.takes if take.kept), None)
    if choice is None or kept is None or kept.clip.path == choice.pick.path:
        return choice
    ranked = [one for one in choice.candidates if one.clip.path == kept.clip.path]
    if not ranked:
        return choice  # a piece of the recording, which is no clip of the bank
    n_takes, why = len(said.takes), ranked[0].reason
    reason = tr("the best of {n_takes} takes was said with it ({why})", n_takes=n_takes, why=why)
    return replace(choice, pick=kept.clip, reason=reason)


def _note(
    tagged: TaggedSegment,
    heard: TaggedSegment | None,
    survived: bool | None,
    problem: Sentence | None,
    verifier: Analyser,
) -> Sentence:
    wanted = tagged.label
    if heard is None:
        return problem or tr("not spoken")
    if heard.scores is None:
        return heard.problem or tr("could not be judged")
    en, zh = (_heard_as(heard.scores, verifier, language) for language in ("en", "zh"))
    if wanted == UNSURE and tagged.scores is None:
        return tr(
            "nothing to compare: no emotion was heard in the original or asked for; heard as {said}",
            said=in_both(en, beside_chinese(zh)),
        )
    if wanted == UNSURE:
        return tr(
            "nothing to compare: the original was unsure; heard again as {said}",
            said=in_both(en, beside_chinese(zh)),
        )
    if survived is None:
        return tr(
            "the judging head {card} does not know {wanted!r}; heard as {said}",
            card=verifier.head.card.id,
            wanted=wanted,
            said=in_both(en, beside_chinese(zh)),
        )
    if survived:
        return tr("survived: heard again as {said}", said=in_both(en, beside_chinese(zh)))
    return tr(
        "lost: {wanted} was wanted, heard again as {said}",
        wanted=in_both(display_name(wanted), beside_chinese(display_name(wanted, "zh"))),
        said=in_both(en, beside_chinese(zh)),
    )


def _heard_as(scores: EmotionScores, verifier: Analyser, language: str) -> str:
    best = f"{display_name(scores.best_label, language)} {percent(scores.confidence)}"
    if scores.label != UNSURE:
        return best
    if scores.confidence >= max(verifier.head.card.threshold.values()):
        # It would have been sure enough, and is not asked: this is like nothing that it knows.
        return (
            "不确定：与评判用的模型训练时的任何语音都不像"
            if language == "zh"
            else "unsure: unlike any voice that the judging head was trained on"
        )
    return (
        f"不确定（最可能{beside_chinese(best)}）"
        if language == "zh"
        else f"unsure (most likely {best})"
    )
