"""How a recording was judged, in words: against whom, why, and what to know before believing it."""

from __future__ import annotations

from gpt_sovits_emotion.core.counting import counted
from gpt_sovits_emotion.core.records import Sentence, SpeakerStatistics, Transcript
from gpt_sovits_emotion.heads.head import Head
from gpt_sovits_emotion.heads.profiles import PROFILE_SOURCE, VOICE_SOURCE
from gpt_sovits_emotion.heads.recording import Judgement

__all__ = ["judgement_notes", "judgement_sentence"]


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
        return Sentence(
            f"judged with what was learned of the speaker {name} from {counted(speaker.n_segments, 'clip')}",
            f"按已学习的说话人 {name} 判断（{speaker.n_segments} 个片段）",
        )
    if speaker is not None and speaker.source.startswith(VOICE_SOURCE):
        taught = speaker.source.removeprefix(VOICE_SOURCE)
        return Sentence(
            f"the head was fitted to this voice from clips of its bank with your own labels: {taught}",
            f"情感模型已根据该音色音库中您标注的片段适配：{taught}",
        )
    if speaker is not None:
        return Sentence(
            f"judged against {counted(speaker.n_segments, 'segment')} of this speaker from {speaker.source}",
            f"以该说话人的 {speaker.n_segments} 个片段（{speaker.source}）为基准",
        )
    if forbidden:
        return Sentence(
            "judged against the training speakers, as asked", "按要求以训练说话人为基准"
        )
    n_segments = int((~judgement.outside).sum())
    return Sentence(
        f"judged against the training speakers: fewer than {head.card.min_speaker_segments} segments of "
        f"this speaker ({n_segments})",
        f"以训练说话人为基准：该说话人只有 {n_segments} 个片段（需要 {head.card.min_speaker_segments} 个）",
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
            Sentence(
                f"head {head.card.id} was trained on {', '.join(sorted(taught))}, not on "
                f"{', '.join(unknown)}: expect more errors",
                f"情感模型 {head.card.id} 的训练语言是 {'、'.join(sorted(taught))}，"
                f"不包括 {'、'.join(unknown)}：出错会更多",
            )
        )
    n_outside = int(judgement.outside.sum())
    if n_outside:
        notes.append(
            Sentence(
                f"{n_outside} of {counted(len(judgement.outside), 'segment')} "
                f"{'is' if n_outside == 1 else 'are'} unlike any "
                f"voice that the head was trained on, and {'is' if n_outside == 1 else 'are'} left unsure",
                f"{len(judgement.outside)} 个片段中有 {n_outside} 个与训练时的任何语音都不像，标为不确定",
            )
        )
    return tuple(notes)


# --- inside ----------------------------------------------------------------------------------------


def _recording_note(judgement: Judgement, speaker: SpeakerStatistics) -> Sentence:
    """Say how a recording was judged that gave its own statistics."""
    n_segments, share = speaker.n_segments, round(100 * judgement.own_share)
    if judgement.mode == "speaker":
        return Sentence(
            f"judged against this speaker's own {n_segments} segments",
            f"以该说话人自己的 {n_segments} 个片段为基准",
        )
    if judgement.mode == "global":
        return Sentence(
            f"judged against the training speakers: the {n_segments} segments seem to be in one mood, which "
            "must not be taken for this speaker's usual",
            f"以训练说话人为基准：{n_segments} 个片段似乎处于同一种情绪，不能把它当作该说话人的常态",
        )
    return Sentence(
        f"judged {share} % against this speaker's own {n_segments} segments and {100 - share} % against the "
        "training speakers: that is how sure it is that there are several moods",
        f"{share} % 以该说话人自己的 {n_segments} 个片段为基准，{100 - share} % 以训练说话人为基准："
        "取决于录音中有多种情绪的把握",
    )


def _primary(language: str) -> str:
    """Return the language of a code such as ``en-US``, in small letters."""
    return language.strip().casefold().replace("_", "-").partition("-")[0]
