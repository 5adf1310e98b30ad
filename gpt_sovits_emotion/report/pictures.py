"""Pictures as SVG that stands inside a page, of an evaluation and of timelines, in its colours and words."""

from __future__ import annotations

import html
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass

from gpt_sovits_emotion.core.labels import colour_of, display_name
from gpt_sovits_emotion.core.messages import tr
from gpt_sovits_emotion.core.records import Sentence
from gpt_sovits_emotion.report.data import TimelineData
from gpt_sovits_emotion.report.timeline import INKS, draw_figure, drawing, plan_of
from gpt_sovits_emotion.training.metrics import Coverage, ReliabilityBin

__all__ = [
    "PageTimeline",
    "confusion_picture",
    "coverage_picture",
    "draw_svg",
    "interval_picture",
    "reliability_picture",
]

_INK = "var(--ink, #1f2431)"
_MUTED = "var(--muted, #5b6271)"
_LINE = "var(--line, #dcdfe5)"
_CARD = "var(--card, #ffffff)"
_ACCENT = "var(--accent, #1d5fa8)"

_CELL_PX, _ROW_PX, _NAMES_PX, _HEADER_PX = 52, 30, 84, 42
_LONGEST_NAME = 10
_PLOT_PX, _LEFT_PX, _TOP_PX, _BOTTOM_PX = 240, 44, 8, 40


def confusion_picture(labels: Sequence[str], confusion: Sequence[Sequence[int]]) -> str:
    """Draw a confusion matrix: rows what it was, columns what was heard, shaded by the row's share."""
    n_labels = len(labels)
    width = _NAMES_PX + n_labels * _CELL_PX + 4
    height = _HEADER_PX + n_labels * _ROW_PX + 4
    parts = [
        _text(_NAMES_PX + n_labels * _CELL_PX / 2, 12, tr("heard"), ink=_MUTED),
        _text(_NAMES_PX - 8, _HEADER_PX - 8, tr("was"), ink=_MUTED, anchor="end"),
    ]
    for column, label in enumerate(labels):
        middle = _NAMES_PX + (column + 0.5) * _CELL_PX
        parts.append(_text(middle, _HEADER_PX - 8, _name(label), size=10))
    for row, (label, counts) in enumerate(zip(labels, confusion, strict=True)):
        top, total = _HEADER_PX + row * _ROW_PX, max(sum(counts), 1)
        baseline = top + _ROW_PX / 2 + 4
        parts.append(_text(_NAMES_PX - 8, baseline, _name(label), anchor="end"))
        for column, count in enumerate(counts):
            left, share = _NAMES_PX + column * _CELL_PX, count / total
            parts.append(
                f'<rect x="{left + 1}" y="{top + 1}" width="{_CELL_PX - 2}" height="{_ROW_PX - 2}" rx="3" '
                f'style="fill:{_ACCENT};fill-opacity:{0.04 + 0.96 * share:.3f}"/>'
            )
            if count:
                ink = _CARD if share > 0.5 else _INK
                weight = ' font-weight="700"' if row == column else ""
                middle = left + _CELL_PX / 2
                parts.append(
                    f'<text x="{middle:g}" y="{baseline:g}" text-anchor="middle" font-size="11"{weight} '
                    f'style="fill:{ink}">{count}</text>'
                )
    return _svg(
        width,
        height,
        parts,
        tr("Confusion matrix: rows what it was, columns what was heard"),
    )


def reliability_picture(bins: Sequence[ReliabilityBin]) -> str:
    """Draw how often verdicts of each confidence were right; on the diagonal they are calibrated."""
    parts = _axes(tr("confidence"), tr("share right"))
    most = max((one.n_segments for one in bins), default=1)
    for one in bins:
        left, right, top, bottom = _x(one.low), _x(one.high), _y(one.accuracy), _y(0.0)
        opacity = 0.25 + 0.75 * one.n_segments / most
        parts.append(
            f'<rect x="{left + 1:.1f}" y="{top:.1f}" width="{right - left - 2:.1f}" '
            f'height="{max(bottom - top, 0.5):.1f}" style="fill:{_ACCENT};fill-opacity:{opacity:.2f}">'
            f"<title>{one.low:.1f}–{one.high:.1f}: {one.n_segments}, {one.accuracy:.0%}</title></rect>"
        )
    parts.append(
        f'<line x1="{_x(0)}" y1="{_y(0)}" x2="{_x(1)}" y2="{_y(1)}" '
        f'style="stroke:{_INK};stroke-width:1.2;stroke-dasharray:4 4"/>'
    )
    return _svg(
        _LEFT_PX + _PLOT_PX + 12,
        _TOP_PX + _PLOT_PX + _BOTTOM_PX,
        parts,
        tr("Reliability: bars on the dashed line would be perfectly calibrated"),
    )


def coverage_picture(curve: Sequence[Coverage]) -> str:
    """Draw the share of wrong verdicts against the share of segments that get one."""
    parts = _axes(tr("share judged"), tr("share wrong"))
    points = [(one.coverage, 1.0 - one.accuracy) for one in curve if one.accuracy is not None]
    if points:
        path = " ".join(f"{_x(x):.1f},{_y(y):.1f}" for x, y in points)
        floor = f"{_x(points[-1][0]):.1f},{_y(0):.1f} {_x(points[0][0]):.1f},{_y(0):.1f}"
        parts.append(f'<polygon points="{path} {floor}" style="fill:{_ACCENT};fill-opacity:.15"/>')
        parts.append(
            f'<polyline points="{path}" style="fill:none;stroke:{_ACCENT};stroke-width:2.2"/>'
        )
    return _svg(
        _LEFT_PX + _PLOT_PX + 12,
        _TOP_PX + _PLOT_PX + _BOTTOM_PX,
        parts,
        tr("Risk against coverage: how many verdicts are wrong when only the surest are given"),
    )


def interval_picture(value: float, interval: tuple[float, float], *, chance: float) -> str:
    """Draw a rate with its interval on a scale from 0 to 1, and a tick where guessing would be."""
    width, height, edge = 180, 18, 6

    def x(rate: float) -> float:
        return edge + rate * (width - 2 * edge)

    middle = height / 2
    parts = [
        f'<line x1="{x(0)}" y1="{middle}" x2="{x(1)}" y2="{middle}" style="stroke:{_LINE};stroke-width:2"/>',
        f'<line x1="{x(chance):.1f}" y1="3" x2="{x(chance):.1f}" y2="{height - 3}" '
        f'style="stroke:{_MUTED};stroke-width:1.2"/>',
        f'<line x1="{x(interval[0]):.1f}" y1="{middle}" x2="{x(interval[1]):.1f}" y2="{middle}" '
        f'style="stroke:{_ACCENT};stroke-width:4;stroke-linecap:round;stroke-opacity:.45"/>',
        f'<circle cx="{x(value):.1f}" cy="{middle}" r="4.5" style="fill:{_ACCENT}"/>',
    ]
    return _svg(width, height, parts, None)


def _axes(x_name: Sentence, y_name: Sentence) -> list[str]:
    """Return a square from 0 to 1 with its grid and names."""
    parts = []
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        x, y = _x(tick), _y(tick)
        parts += [
            f'<line x1="{x:.1f}" y1="{_y(0)}" x2="{x:.1f}" y2="{_y(1)}" style="stroke:{_LINE}"/>',
            f'<line x1="{_x(0)}" y1="{y:.1f}" x2="{_x(1)}" y2="{y:.1f}" style="stroke:{_LINE}"/>',
            _plain_text(x, _y(0) + 15, f"{100 * tick:.0f}"),
            _plain_text(_x(0) - 6, y + 4, f"{100 * tick:.0f}", anchor="end"),
        ]
    parts.append(_text(_x(0.5), _y(0) + 33, _with_percent(x_name), ink=_MUTED))
    turned = f'transform="rotate(-90 11 {_y(0.5):.1f})"'
    parts.append(_text(11, _y(0.5), _with_percent(y_name), ink=_MUTED, extra=turned))
    return parts


def _x(rate: float) -> float:
    return _LEFT_PX + rate * _PLOT_PX


def _y(rate: float) -> float:
    return _TOP_PX + (1.0 - rate) * _PLOT_PX


def _with_percent(name: Sentence) -> Sentence:
    return tr("{name} (%)", name=name)


def _name(label: str) -> Sentence:
    en, zh = (display_name(label, language) for language in ("en", "zh"))
    return Sentence(_shortened(en), _shortened(zh))


def _shortened(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"


def _text(
    x: float,
    y: float,
    words: Sentence,
    *,
    ink: str = _INK,
    anchor: str = "middle",
    size: int = 11,
    extra: str = "",
) -> str:
    en, zh = html.escape(words.en), html.escape(words.zh)
    said = en
    if en != zh:
        said = (
            f'<tspan class="en" lang="en">{en}</tspan><tspan class="zh" lang="zh-CN">{zh}</tspan>'
        )
    return (
        f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" font-size="{size}" {extra} '
        f'style="fill:{ink}">{said}</text>'
    )


def _plain_text(x: float, y: float, words: str, *, anchor: str = "middle") -> str:
    return (
        f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" font-size="10" '
        f'style="fill:{_MUTED}">{html.escape(words)}</text>'
    )


def _svg(width: float, height: float, parts: Sequence[str], name: Sentence | None) -> str:
    named = 'aria-hidden="true"'
    if name is not None:
        en, zh = html.escape(name.en), html.escape(name.zh)
        named = f'role="img" aria-label="{en}" data-en="{en}" data-zh="{zh}"'
    return (
        f'<svg viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}" {named} '
        f'focusable="false" font-family="inherit">{"".join(parts)}</svg>'
    )


_SECONDS_IN_VIEW = 90.0
_WIDTH_IN = 10.0
_MAX_WIDTH_IN = 48.0


@dataclass(frozen=True, slots=True)
class PageTimeline:
    """An SVG element, and where in it time begins and ends.

    Attributes:
        svg: The element; text in both languages, colours as CSS variables.
        left, right: Fractions of its width at which time 0 and `duration_s` stand.
        duration_s: What its width spans.
        screens: How many screens wide it is; more than 1 for long recordings, which scroll.
        lanes: Name, colour and middle (fraction of the height, from the top) of every lane; the page
            names them beside the picture.
    """

    svg: str
    left: float
    right: float
    duration_s: float
    screens: float
    lanes: tuple[tuple[Sentence, str, float], ...]


def draw_svg(data: TimelineData, *, name: str) -> PageTimeline:
    """Draw a timeline for a page.

    Every text is drawn as ``<tspan class="en">`` beside ``<tspan class="zh">``, in the fonts of the
    reader's own machine, and every colour of `timeline.INKS` becomes ``var(--...)``.

    Args:
        data: What to draw.
        name: Makes the ids of this picture differ from those of another on the same page.
    """
    width_in = min(max(_WIDTH_IN * data.duration_s / _SECONDS_IN_VIEW, _WIDTH_IN), _MAX_WIDTH_IN)
    sentences: list[Sentence] = []

    def place(sentence: Sentence) -> str:
        sentences.append(sentence)
        return f"@{len(sentences) - 1}@"

    with drawing(**{"svg.hashsalt": name}):
        figure = draw_figure(data, place, width_in=width_in, name_lanes=False)
        stream = io.StringIO()
        figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None})
    plan = plan_of(data, width_in=width_in)
    return PageTimeline(
        svg=_for_page(stream.getvalue(), sentences, name=name),
        left=plan.left,
        right=plan.right,
        duration_s=data.duration_s,
        screens=width_in / _WIDTH_IN,
        lanes=tuple(
            (name, colour_of(lane), middle)
            for name, lane, middle in zip(plan.names, plan.lanes, plan.middles, strict=True)
        ),
    )


def _for_page(svg: str, sentences: list[Sentence], *, name: str) -> str:
    # What stands before the element is an XML prologue, which HTML has no use for.
    svg = svg[svg.index("<svg") :].strip()
    # The element's own style sheet would reach the whole page.
    svg = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(
        r'(<svg[^>]*?) height="[^"]*"', r'\1 aria-hidden="true" focusable="false"', svg, count=1
    )
    svg = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{name}-", svg)
    for role, colour in INKS.items():
        svg = svg.replace(colour, f"var(--{role})")
    svg = re.sub(r" font-family: [^;\"]*;", "", svg)  # the page has its own

    def words(token: re.Match[str]) -> str:
        sentence = sentences[int(token[1])]
        en, zh = (html.escape(_storable(text)) for text in (sentence.en, sentence.zh))
        return en if en == zh else f'<tspan class="en">{en}</tspan><tspan class="zh">{zh}</tspan>'

    return re.sub(r"@(\d+)@", words, svg)


def _storable(text: str) -> str:
    return "".join(char for char in text if char >= " ")
