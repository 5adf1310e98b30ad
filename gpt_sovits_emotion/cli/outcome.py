"""What came of saying something, segment by segment, as a person reads it in a terminal."""

from __future__ import annotations

from pathlib import Path

from gpt_sovits_emotion.cli.console import echo, say, styled
from gpt_sovits_emotion.cli.language import in_language
from gpt_sovits_emotion.cli.results import PARTLY_DONE
from gpt_sovits_emotion.core.labels import display_name
from gpt_sovits_emotion.core.messages import in_both, of_count, tr
from gpt_sovits_emotion.core.records import RoundTripReport, RoundTripSegment
from gpt_sovits_emotion.pipeline import RoundTrip
from gpt_sovits_emotion.synthesis.takes import told

__all__ = ["echo_files", "echo_outcome", "outcome_code"]


def outcome_code(result: RoundTrip) -> int:
    """Return the exit code of a resynthesis, and say which segments were not said.

    Segments without words are nothing to be said.
    """
    segments = result.synthesis.segments
    texts = [tagged.text.strip() for tagged in result.tagging.transcript.segments]
    wanted = [said for said in segments if texts[said.index]]
    unsaid = [str(said.index + 1) for said in wanted if said.audio is None]
    if not unsaid:
        return 0
    numbers = ", ".join(unsaid)
    say(
        tr(
            "not said: {unsaid} of {wanted} ({numbers}); the reasons stand above and in the report",
            unsaid=len(unsaid),
            numbers=numbers,
            wanted=of_count(len(wanted), "segment"),
        )
    )
    return PARTLY_DONE if len(unsaid) < len(wanted) else 1


def echo_outcome(result: RoundTrip, language: str, *, with_texts: bool = False) -> None:
    """Print what each segment was said with and what was heard in it, on stdout.

    Args:
        result: Of a round trip, or of texts that were said.
        language: ``en`` or ``zh``.
        with_texts: Whether the texts are shown too.
    """
    report = result.verification.report
    echo()
    echo(styled(f"{report.voice} ({report.host_title.say(language)})", bold=True))
    if report.carry != "clip" and report.carry_note is not None:
        echo(f"  {report.carry_note.say(language)}")
    for segment in report.segments:
        wanted = display_name(segment.wanted, language)
        if with_texts:
            said = report.transcript.segments[segment.index]
            named = said.segment.speaker
            who = in_language(tr("{named}: ", named=named)) if named else ""
            echo(f"  {segment.index + 1:3d}  {who}{said.text}")
        number = "   " if with_texts else f"{segment.index + 1:3d}"
        echo(f"  {number}  {wanted}: {segment.note.say(language)}")
        _echo_reference(segment, language)
        _echo_takes(segment, language)
    _echo_survival(report)


def echo_files(report: RoundTripReport, out: Path) -> None:
    """Say what was written, on stderr."""
    for role, name in report.files.items():
        say(tr("{role}: {out}", out=out / name, role=in_both(role, _in_chinese(role))))


_ROLES = {
    "audio": "音频",
    "report page": "报告页面",
    "report": "报告",
    "timeline": "时间线",
    "timeline after": "合成后的时间线",
}


def _in_chinese(role: str) -> str:
    return _ROLES.get(role, role.replace("transcript", "文稿"))


def _echo_reference(segment: RoundTripSegment, language: str) -> None:
    carried, choice = segment.carried, segment.choice
    if carried is not None:
        echo(f"       {styled(carried.note.say(language), dim=True)}")
    if choice is not None and (carried is None or carried.way != "recording"):
        reason = styled(choice.reason.say(language), dim=True)
        echo(f"       {choice.pick.path.name}: {reason}")


def _echo_takes(segment: RoundTripSegment, language: str) -> None:
    for take in segment.takes:
        mark = "*" if take.kept else " "
        told_of = styled(told(take).say(language), dim=True)
        seed = in_language(tr("seed {seed}", seed=take.seed))
        echo(f"      {mark}{take.number} {take.clip.path.name}, {seed}: {told_of}")
        if take.text:
            echo(f"        {styled(take.text, dim=True)}")


def _echo_survival(report: RoundTripReport) -> None:
    echo(
        in_language(
            tr(
                "  emotion survived in {survived} of {compared}, judged by {judge_id}",
                survived=report.survived,
                judge_id=report.judge_id,
                compared=of_count(report.compared, "segment"),
            )
        )
    )
    if report.judge_is_tagger:
        echo(
            in_language(
                tr(
                    "  (the judge is the head that tagged: this shows that the path holds together, not "
                    "that a person would agree)"
                )
            )
        )
