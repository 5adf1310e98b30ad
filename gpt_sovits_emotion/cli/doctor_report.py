"""The doctor's report on one screen of a terminal, 80 columns wide."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator

from gpt_sovits_emotion.cli.console import shown_width
from gpt_sovits_emotion.core.messages import tr
from gpt_sovits_emotion.core.records import Sentence
from gpt_sovits_emotion.doctor.findings import AREAS, Finding, Report, State

__all__ = ["report_lines"]

_WIDTH = 80
_STATES: dict[State, Sentence] = {
    "ok": tr("ok"),
    "warning": tr("warning"),
    "broken": tr("broken"),
}
_STATE_WIDTH = 9
_INDENT = 2


def report_lines(
    report: Report, language: str, *, paint: Callable[[str, State], str] | None = None
) -> Iterator[str]:
    """Yield the lines of a report.

    Args:
        report: What was found.
        language: ``en`` or ``zh``.
        paint: Colours the word of a state.
    """
    paint = paint or _unpainted
    yield from _wrapped(f"{report.checkout}  {report.revision}", indent=0)
    for area, title in AREAS.items():
        found = [finding for finding in report.findings if finding.area == area]
        if found:
            yield ""
            yield title.say(language)
            for finding in found:
                yield from _finding_lines(finding, language, paint)
    yield ""
    yield from _wrapped(_summary(report).say(language), indent=0)


def _finding_lines(
    finding: Finding, language: str, paint: Callable[[str, State], str]
) -> Iterator[str]:
    word = _STATES[finding.state].say(language)
    text_at = _INDENT + _STATE_WIDTH
    first, *rest = _wrapped(finding.fact.say(language), indent=text_at)
    padding = " " * (_STATE_WIDTH - shown_width(word))
    yield f"{' ' * _INDENT}{paint(word, finding.state)}{padding}{first[text_at:]}"
    yield from rest
    if finding.remedy is not None:
        first, *rest = _wrapped(finding.remedy.say(language), indent=text_at + 3)
        yield f"{' ' * text_at}-> {first[text_at + 3 :]}"
        yield from rest


def _summary(report: Report) -> Sentence:
    n_broken, n_warnings = report.count("broken"), report.count("warning")
    if n_broken:
        return tr(
            "{n_broken} broken, {n_warnings} to know of. Mend what is broken, from the top.",
            n_broken=n_broken,
            n_warnings=n_warnings,
        )
    if n_warnings:
        return tr("Nothing is broken; {n_warnings} to know of.", n_warnings=n_warnings)
    return tr("All is well.")


def _wrapped(text: str, *, indent: int) -> Iterator[str]:
    """Break a text into lines, at spaces and between Chinese characters; long paths stay whole."""
    line, width = "", 0
    for piece in _pieces(text):
        if line and indent + width + shown_width(piece.rstrip()) > _WIDTH:
            yield " " * indent + line.rstrip()
            line, width = "", 0
            piece = piece.lstrip()
        line += piece
        width += shown_width(piece)
    yield " " * indent + line.rstrip()


def _pieces(text: str) -> Iterator[str]:
    """Cut a text where a line may break: after spaces, and around wide characters.

    A mark that closes (，。）) stays with what it follows.
    """
    piece = ""
    for char in text:
        closes = unicodedata.category(char) in ("Po", "Pe", "Pf") and _is_wide(char)
        if piece and not closes and (piece[-1] == " " or _is_wide(char) or _is_wide(piece[-1])):
            yield piece
            piece = ""
        piece += char
    if piece:
        yield piece


def _is_wide(char: str) -> bool:
    return unicodedata.east_asian_width(char) in "WF"


def _unpainted(word: str, state: State) -> str:
    return word
