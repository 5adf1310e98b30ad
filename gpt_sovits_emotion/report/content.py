"""What the page says, as records that its template lays out; nothing here is HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gpt_sovits_emotion.core.labels import UNSURE, canonical_label, colour_of, percent
from gpt_sovits_emotion.core.messages import of_label, tr
from gpt_sovits_emotion.core.records import (
    WRITTEN,
    Carried,
    EmotionScores,
    ReferenceChoice,
    RoundTripReport,
    RoundTripSegment,
    Sentence,
    Synthesis,
    TaggedSegment,
    TaggedTranscript,
)
from gpt_sovits_emotion.report.takes import TakeLine, take_lines

__all__ = [
    "Bar",
    "Fact",
    "HeardAgain",
    "Reference",
    "Row",
    "Summary",
    "Verdict",
    "facts_of",
    "files_of",
    "notices_of",
    "rows_of",
    "summary_of",
]


_FILE_ROLES = {
    "report": "报告 (JSON)",
    "timeline": "时间线（合成前）",
    "timeline after": "时间线（合成后）",
    "audio": "合成音频",
    "transcript json": "转写 (JSON)",
    "transcript srt": "字幕 (SRT)",
    "transcript txt": "文本 (TXT)",
}


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of the page's head: what, and its value; `note` explains."""

    name: Sentence
    value: Sentence
    note: Sentence | None = None


@dataclass(frozen=True, slots=True)
class Bar:
    """One label with its probability, None where a person set it."""

    label: Sentence
    colour: str
    probability: float | None
    unsure: bool = False

    @property
    def share(self) -> str:
        """The probability as a person reads it, "" without one."""
        return "" if self.probability is None else percent(self.probability)


@dataclass(frozen=True, slots=True)
class Reference:
    """The reference clip of one segment, and the others that were on the table.

    `carried` says how the emotion got across where that was not by the clip alone; `prompt_text` is then
    what is said in the prosody prompt.
    """

    clip: str
    emotion: Sentence
    reason: Sentence
    substituted: bool
    manual: bool
    others: tuple[tuple[str, Sentence], ...]
    carried: Sentence | None = None
    prompt_text: str = ""
    clip_speaks: bool = True


@dataclass(frozen=True, slots=True)
class HeardAgain:
    """What the judge heard in the resynthesis, and in each take; `outcome` is kept, lost or open."""

    outcome: str
    heard: Bar | None
    note: Sentence
    scores: tuple[Bar, ...]
    takes: tuple[TakeLine, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """One segment of the page."""

    number: int
    start_s: float
    end_s: float
    clock: str
    text: str
    speaker: str
    language: str
    original_text: str | None
    verdict: Bar
    by_hand: bool
    heard_before_correction: Sentence | None
    reason: Sentence
    scores: tuple[Bar, ...]
    reference: Reference | None
    again: HeardAgain | None
    again_start_s: float | None
    again_end_s: float | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """How many segments of one emotion kept it."""

    bar: Bar
    survived: int
    compared: int


@dataclass(frozen=True, slots=True)
class Summary:
    """The result in one line, by emotion, and what it is worth."""

    survived: int
    compared: int
    not_compared: int
    by_emotion: tuple[Verdict, ...]
    judge_note: Sentence


def facts_of(transcript: TaggedTranscript, report: RoundTripReport | None) -> tuple[Fact, ...]:
    """Return where the recording, the words, the emotions and the voice come from."""
    if transcript.transcriber == WRITTEN:
        return _facts_of_voice(report) if report else ()
    info = transcript.recording
    channels = Sentence(
        "mono" if info.original_channels == 1 else f"{info.original_channels} channels",
        "单声道" if info.original_channels == 1 else f"{info.original_channels} 声道",
    )
    rate = f"{info.original_sampling_rate_hz / 1000:g} kHz"
    gain = f"{info.gain_db:+.1f} dB"
    language = transcript.language or "?"
    facts = [
        Fact(
            tr("Recording"),
            _same(info.name),
            tr(
                "{clock}, {rate}, {channels}; level {level_dbfs:.1f} dBFS, brought up by {gain}",
                clock=_clock(info.duration_s),
                rate=rate,
                channels=channels,
                level_dbfs=info.level_dbfs,
                gain=gain,
            ),
        ),
        Fact(
            tr("Words by"),
            _same(transcript.transcriber),
            tr("language: {language}", language=language),
        ),
        Fact(
            tr("Emotions by"),
            tr(
                "{head_title} ({head_id})",
                head_title=transcript.head_title,
                head_id=transcript.head_id,
            ),
            transcript.normalisation_note,
        ),
    ]
    facts += [Fact(tr("Mind"), one) for one in transcript.notes]
    return (*facts, *_facts_of_voice(report)) if report else tuple(facts)


def _facts_of_voice(report: RoundTripReport) -> tuple[Fact, ...]:
    bank = tr("synthetic reference bank") if report.bank_synthetic else None
    return (
        Fact(tr("Voice"), _same(report.voice), bank),
        Fact(tr("Spoken by"), report.host_title, report.carry_note),
        Fact(tr("Judged by"), _same(report.judge_id), report.judged_against),
    )


def notices_of(
    transcript: TaggedTranscript, report: RoundTripReport | None
) -> tuple[Sentence, ...]:
    """Return what a reader must know before believing the page."""
    notices = list(transcript.recording.warnings)
    if transcript.wordless_note is not None:
        notices.append(transcript.wordless_note)
    if report is not None and report.host_id == "embedded":
        notices.append(
            tr(
                "The output is spoken by eSpeak NG, a small formant synthesiser, and not by GPT-SoVITS: "
                "it follows the reference's pitch, range, rate and loudness, and is no cloned voice."
            )
        )
    if report is not None and report.bank_synthetic:
        notices.append(tr("The reference clips are synthetic: no person recorded them."))
    return tuple(notices)


def files_of(files: Mapping[str, str]) -> tuple[tuple[Sentence, str], ...]:
    """Return the files that lie beside the page, each with what it is; the page itself left out."""
    return tuple(
        (Sentence(role, _FILE_ROLES.get(role, role)), name)
        for role, name in files.items()
        if role != "report page"
    )


def summary_of(report: RoundTripReport) -> Summary:
    """Return the result of a round trip."""
    tally: dict[str, list[int]] = {}
    for segment in report.segments:
        if segment.survived is not None:
            counts = tally.setdefault(segment.wanted, [0, 0])
            counts[0] += segment.survived
            counts[1] += 1
    if report.transcript.transcriber == WRITTEN:
        note = tr(
            "The emotions were asked for in writing; {judge_id} judged what was said.",
            judge_id=report.judge_id,
        )
    elif report.judge_is_tagger:
        note = tr(
            "The head that tagged the recording also judged the output: a match says that the round trip "
            "is consistent, not that a person would agree."
        )
    else:
        note = tr(
            "Judged by another head ({judge_id}) than the one that tagged the recording.",
            judge_id=report.judge_id,
        )
    return Summary(
        survived=report.survived,
        compared=report.compared,
        not_compared=len(report.segments) - report.compared,
        by_emotion=tuple(
            Verdict(_bar(label, None), kept, compared) for label, (kept, compared) in tally.items()
        ),
        judge_note=note,
    )


def rows_of(
    transcript: TaggedTranscript, report: RoundTripReport | None, synthesis: Synthesis | None
) -> tuple[Row, ...]:
    """Return one row per segment, in order of time."""
    results = {segment.index: segment for segment in report.segments} if report else {}
    spans = _spans(synthesis)
    return tuple(
        _row(index, tagged, transcript.language, results.get(index), spans.get(index))
        for index, tagged in enumerate(transcript.segments)
    )


def _row(
    index: int,
    tagged: TaggedSegment,
    language: str,
    result: RoundTripSegment | None,
    span: tuple[float, float] | None,
) -> Row:
    heard, scores = tagged.segment, tagged.scores
    by_hand = tagged.corrected_label is not None
    label = canonical_label(tagged.label) or UNSURE
    corrected_text = tagged.corrected_text not in (None, heard.text)
    by_nobody = tr("asked for") if by_hand else tr("not tagged")
    reason = tagged.problem or (scores.reason if scores else by_nobody)
    return Row(
        number=index + 1,
        start_s=heard.start_s,
        end_s=heard.end_s,
        clock=_clock(heard.start_s),
        text=tagged.text,
        speaker=tagged.segment.speaker,
        language=heard.language or language,
        original_text=heard.text if corrected_text else None,
        verdict=_verdict_bar(label, None if by_hand else scores),
        by_hand=by_hand,
        heard_before_correction=_best(scores) if by_hand and scores else None,
        reason=reason,
        scores=_bars(scores),
        reference=_reference(result.choice, result.carried) if result and result.choice else None,
        again=_again(result) if result else None,
        again_start_s=span[0] if span else None,
        again_end_s=span[1] if span else None,
    )


def _reference(choice: ReferenceChoice, carried: Carried | None) -> Reference:
    # The file's name alone: folders may name a person, and the page may be passed on.
    others = tuple(
        (candidate.clip.path.name, candidate.reason)
        for candidate in choice.candidates
        if candidate.clip.path != choice.pick.path
    )
    default = tr("default")
    return Reference(
        clip=choice.pick.path.name,
        emotion=of_label(choice.pick.emotion) if choice.pick.emotion else default,
        reason=choice.reason,
        substituted=choice.substituted,
        manual=choice.manual,
        others=others[:4],
        carried=carried.note if carried else None,
        prompt_text=carried.prompt_text if carried else "",
        clip_speaks=carried is None or carried.way != "recording",
    )


def _again(result: RoundTripSegment) -> HeardAgain:
    outcome = {True: "kept", False: "lost", None: "open"}[result.survived]
    heard = _verdict_bar(result.heard.label, result.heard) if result.heard else None
    return HeardAgain(outcome, heard, result.note, _bars(result.heard), take_lines(result.takes))


def _spans(synthesis: Synthesis | None) -> Mapping[int, tuple[float, float]]:
    return {
        segment.index: (segment.start_s, segment.start_s + segment.audio.duration_s)
        for segment in (synthesis.segments if synthesis else ())
        if segment.audio is not None
    }


def _bars(scores: EmotionScores | None) -> tuple[Bar, ...]:
    if scores is None:
        return ()
    ranked: Sequence[tuple[str, float]] = sorted(
        scores.probabilities.items(), key=lambda item: -item[1]
    )
    return tuple(_bar(label, probability) for label, probability in ranked)


def _bar(label: str, probability: float | None) -> Bar:
    return Bar(of_label(label), colour_of(label), probability, unsure=label == UNSURE)


def _verdict_bar(label: str, scores: EmotionScores | None) -> Bar:
    if scores is None or label != UNSURE:
        return _bar(label, scores.confidence if scores else None)
    unsure, guess = of_label(UNSURE), of_label(scores.best_label)
    name = Sentence(f"{unsure.en} · {guess.en}", f"{unsure.zh} · {guess.zh}")
    return Bar(name, colour_of(UNSURE), scores.confidence, unsure=True)


def _best(scores: EmotionScores) -> Sentence:
    name, share = of_label(scores.best_label), percent(scores.confidence)
    return Sentence(f"{name.en} {share}", f"{name.zh} {share}")


def _same(text: str) -> Sentence:
    return Sentence(text, text)


def _clock(time_s: float) -> str:
    tenths = round(time_s * 10)
    hours, tenths = divmod(tenths, 36_000)
    minutes, tenths = divmod(tenths, 600)
    seconds = f"{tenths // 10:02d}.{tenths % 10}"
    return f"{hours}:{minutes:02d}:{seconds}" if hours else f"{minutes}:{seconds}"
