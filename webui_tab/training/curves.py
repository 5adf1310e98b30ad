"""Small pictures of a training under way, as SVG in the colours of the page."""

from __future__ import annotations

from collections.abc import Sequence

from webui_tab.training.history import History
from webui_tab.training.words import both

__all__ = ["curves_html"]

_WIDTH, _HEIGHT = 420.0, 170.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 46.0, 12.0, 12.0, 26.0

_Point = tuple[float, float]


def curves_html(history: History) -> str:
    """Return the figures so far as two pictures side by side; nothing before the first figure."""
    pictures = []
    if history.recalls:
        points = [(number, recall) for number, recall in enumerate(history.recalls, start=1)]
        pictures.append(
            _figure(
                both("train_held_out"),
                _chart([points], top=1.0, name=_percent, colour="--emo-good"),
                _percent(history.recalls[-1]),
            )
        )
    if history.losses:
        top = max(loss for line in history.losses for _, loss in line)
        latest = history.losses[-1][-1][1]
        chart = _chart(history.losses, top=top or 1.0, name=_number, colour="--emo-accent")
        pictures.append(_figure(both("train_loss"), chart, _number(latest)))
    return f'<div class="emo-curves">{"".join(pictures)}</div>' if pictures else ""


def _figure(title: str, chart: str, latest: str) -> str:
    return f"<figure><figcaption>{title}: <b>{latest}</b></figcaption>{chart}</figure>"


def _chart(lines: Sequence[Sequence[_Point]], *, top: float, name: object, colour: str) -> str:
    """Draw lines over a common axis that begins at 0; all but the last are faint."""
    assert callable(name)
    last = max(x for line in lines for x, _ in line)
    first = min(x for line in lines for x, _ in line)
    right, floor = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM

    def place(point: _Point) -> tuple[float, float]:
        x, y = point
        along = (x - first) / (last - first) if last > first else 0.5
        return _LEFT + along * (right - _LEFT), floor - min(y / top, 1.0) * (floor - _TOP)

    parts = []
    for share in (0.0, 0.5, 1.0):
        y = floor - share * (floor - _TOP)
        parts.append(
            f'<line x1="{_LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}" class="grid"/>'
            f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{name(share * top)}</text>'
        )
    for x in sorted({first, last}):
        at, _ = place((x, 0.0))
        parts.append(f'<text x="{at:.1f}" y="{_HEIGHT - 6}" text-anchor="middle">{x:.0f}</text>')
    for line in lines:
        places = [place(point) for point in line]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        faint = "" if line is lines[-1] else ' class="faint"'
        if len(places) > 1:
            parts.append(f'<polyline points="{path}"{faint} style="stroke:var({colour})"/>')
    x, y = place(lines[-1][-1])
    parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" style="fill:var({colour})"/>')
    return (
        f'<svg viewBox="0 0 {_WIDTH:.0f} {_HEIGHT:.0f}" aria-hidden="true">{"".join(parts)}</svg>'
    )


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _number(value: float) -> str:
    return f"{value:.2f}"
