"""Draw a recording as a picture: waveform, pitch, and one lane per emotion heard.

Emotions stand in lanes that are named at the left, so that colour only repeats what position already
says: the picture reads the same in greyscale and to colour-blind eyes.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gpt_sovits_emotion.core.files import write_bytes
from gpt_sovits_emotion.core.labels import EMOTIONS, UNSURE, colour_of, display_name, percent
from gpt_sovits_emotion.core.messages import tr
from gpt_sovits_emotion.core.records import Sentence
from gpt_sovits_emotion.report.data import TimelineData, TimelineSegment
from gpt_sovits_emotion.report.fonts import can_draw, drawable, font_families

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["INKS", "Plan", "draw_figure", "draw_timeline", "drawing", "plan_of", "write_timeline"]

INKS = {
    "ink": "#1f2431",
    "muted": "#5b6271",
    "line": "#dcdfe5",
    "wave": "#7b8495",
    "pitch": "#2f5f8f",
}
"""Colours by role. The page puts its own, light or dark, in their places."""

Say = Callable[[Sentence], str]

_LEFT_IN, _RIGHT_IN = 0.95, 0.3
_WAVE_IN, _F0_IN, _LANE_IN, _GAP_IN = 0.8, 1.15, 0.27, 0.1
_TOP_IN, _BOTTOM_IN = 0.36, 0.46
_TEXT_PT = 8.5
_MAX_LANES = 9
_F0_TICKS_HZ = (50, 75, 100, 150, 200, 300, 400, 600, 800)
_TIME_STEPS_S = (0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200)
_DRAWING = threading.Lock()

_WAVE = tr("Waveform")
_PITCH = tr("Pitch (Hz)")
_TIME = tr("Time (min:s)")
_OTHERS = tr("further labels")
_NOTHING = tr("no speech found")
_KEY = tr("%: the head's confidence  ·  ✓: set by a person")


@dataclass(frozen=True, slots=True)
class Plan:
    """Where things stand in the picture, and its size.

    Attributes:
        width_in: Width in inches.
        height_in: Height in inches.
        left: Fraction of the width at which time begins.
        right: Fraction of the width at which the last second ends.
        lanes: Label of each lane, top to bottom; "" is the lane of all that have none of their own.
        names: Name of each lane for a person.
        middles: Fraction of the height, from the top, at which each lane has its middle.
    """

    width_in: float
    height_in: float
    left: float
    right: float
    lanes: tuple[str, ...]
    names: tuple[Sentence, ...]
    middles: tuple[float, ...]


def draw_timeline(
    data: TimelineData, *, language: str = "en", width_in: float = 11.0, dpi: int = 150
) -> bytes:
    """Draw a timeline as PNG.

    Args:
        data: What to draw.
        language: ``"en"`` or ``"zh"``; English where no Chinese font is installed.
        width_in: Width in inches.
        dpi: Pixels per inch.
    """
    if language == "zh" and not can_draw("时间音高波形"):
        language = "en"
    with drawing():
        figure = draw_figure(
            data, lambda sentence: drawable(sentence.say(language)), width_in=width_in
        )
        stream = io.BytesIO()
        figure.savefig(
            stream, format="png", dpi=dpi, facecolor="white", metadata={"Software": None}
        )
    return stream.getvalue()


def write_timeline(data: TimelineData, path: Path, *, language: str = "en") -> None:
    """Write a timeline as a PNG file in one step.

    Raises:
        OutputError: The file cannot be written.
    """
    write_bytes(Path(path), draw_timeline(data, language=language))


def plan_of(data: TimelineData, *, width_in: float) -> Plan:
    """Return the layout of the picture of `data`."""
    lanes = _lanes({segment.label for segment in data.segments} | set(data.lanes))
    height_in = _TOP_IN + _WAVE_IN + _GAP_IN + _F0_IN + _GAP_IN + _LANE_IN * len(lanes) + _BOTTOM_IN
    top_in = height_in - _BOTTOM_IN - _LANE_IN * len(lanes)
    others = _OTHERS if data.segments else _NOTHING
    return Plan(
        width_in=width_in,
        height_in=height_in,
        left=_LEFT_IN / width_in,
        right=1 - _RIGHT_IN / width_in,
        lanes=lanes,
        names=tuple(Sentence(*map(_shortened, _names(lane))) if lane else others for lane in lanes),
        middles=tuple((top_in + _LANE_IN * (row + 0.5)) / height_in for row in range(len(lanes))),
    )


def draw_figure(
    data: TimelineData, say: Say, *, width_in: float, name_lanes: bool = True
) -> Figure:
    """Draw into a figure of its own.

    Args:
        data: What to draw.
        say: Turns a sentence into the words that are drawn.
        width_in: Width in inches; the height follows from the number of lanes.
        name_lanes: Whether to name the lanes at the left; a page does so itself, where they stay in
            view while a long picture is scrolled.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    plan = plan_of(data, width_in=width_in)
    figure = Figure(figsize=(plan.width_in, plan.height_in))
    FigureCanvasAgg(figure)
    top_in = plan.height_in - _TOP_IN
    wave = _axes(figure, plan, top_in - _WAVE_IN, _WAVE_IN)
    pitch = _axes(figure, plan, top_in - _WAVE_IN - _GAP_IN - _F0_IN, _F0_IN)
    ribbon = _axes(figure, plan, _BOTTOM_IN, _LANE_IN * len(plan.lanes))
    for axes in (wave, pitch, ribbon):
        _mark_time(axes, data, width_in - _LEFT_IN - _RIGHT_IN, labelled=axes is ribbon)
        for label, spans in _by_label(data.segments).items():
            whole_height = {"transform": axes.get_xaxis_transform(), "zorder": 0.5}
            axes.broken_barh(spans, (0, 1), color=colour_of(label), alpha=0.1, lw=0, **whole_height)
    n_columns = round(width_in * 100)
    _draw_wave(wave, data, n_columns)
    _draw_pitch(pitch, data, n_columns)
    _draw_lanes(ribbon, data, plan, say)
    if name_lanes:
        # A label of signs that no font has is still told apart by its lane.
        ribbon.set_yticks([row + 0.5 for row in range(len(plan.lanes))])
        ribbon.set_yticklabels([say(name) for name in plan.names], parse_math=False)
        ribbon.tick_params(axis="y", labelcolor=INKS["ink"])
    wave.set_ylabel(say(_WAVE), **_words("muted"))
    pitch.set_ylabel(say(_PITCH), **_words("muted"))
    ribbon.set_xlabel(say(_TIME), **_words("muted"))
    line_y = 1 - 0.16 / plan.height_in
    title = _shortened(data.title, most=int(width_in * 7))
    figure.text(plan.left, line_y, say(Sentence(title, title)), va="center", fontsize=10,
                color=INKS["ink"], parse_math=False)  # fmt: skip
    figure.text(plan.right, line_y, say(_KEY), va="center", ha="right", **_words("muted"))
    return figure


@contextmanager
def drawing(**settings: str) -> Iterator[None]:
    """Hold matplotlib's settings, which it keeps per process, while one figure is drawn and saved."""
    from matplotlib import rc_context

    ours: dict[str, Any] = {
        "font.family": list(font_families()),
        "svg.fonttype": "none",
        "axes.unicode_minus": False,
        "hatch.linewidth": 0.7,
        **settings,
    }
    with _DRAWING, rc_context(ours):
        yield


def _words(ink: str) -> dict[str, Any]:
    return {"fontsize": _TEXT_PT, "color": INKS[ink], "parse_math": False}


def _axes(figure: Figure, plan: Plan, bottom_in: float, height_in: float) -> Axes:
    box = (
        plan.left,
        bottom_in / plan.height_in,
        plan.right - plan.left,
        height_in / plan.height_in,
    )
    axes = figure.add_axes(box)
    axes.set_facecolor("none")
    for spine in axes.spines.values():
        spine.set_color(INKS["line"])
        spine.set_linewidth(0.8)
    axes.tick_params(length=0, labelsize=_TEXT_PT, labelcolor=INKS["muted"], pad=4)
    return axes


def _mark_time(axes: Axes, data: TimelineData, width_in: float, *, labelled: bool) -> None:
    duration_s = max(data.duration_s, 1e-3)
    most = max(int(width_in / 0.75), 2)
    step_s = next((step for step in _TIME_STEPS_S if duration_s / step <= most), _TIME_STEPS_S[-1])
    ticks_s = np.arange(0.0, duration_s + 1e-9, step_s)
    axes.set_xlim(0.0, duration_s)
    axes.set_xticks(ticks_s)
    axes.set_xticklabels([_clock(tick_s, step_s) for tick_s in ticks_s] if labelled else [])
    axes.grid(axis="x", color=INKS["line"], linewidth=0.7)
    axes.set_axisbelow(True)


def _clock(time_s: float, step_s: float) -> str:
    minutes, seconds = divmod(time_s, 60)
    shown = f"{seconds:04.1f}" if step_s < 1 else f"{seconds:02.0f}"
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours}:{minutes:02d}:{shown}" if hours else f"{minutes}:{shown}"


def _draw_wave(axes: Axes, data: TimelineData, n_columns: int) -> None:
    envelope = data.envelope
    axes.set_yticks([])
    peak = float(np.abs(envelope).max()) if len(envelope) else 0.0
    axes.set_ylim(-1.08 * (peak or 1.0), 1.08 * (peak or 1.0))
    if not len(envelope):
        return
    step = -(-len(envelope) // n_columns)
    edges = np.arange(0, len(envelope), step)
    low = np.minimum.reduceat(envelope[:, 0], edges)
    high = np.maximum.reduceat(envelope[:, 1], edges)
    middle_s = (edges + step / 2) * data.envelope_hop_s
    axes.fill_between(middle_s, low, high, color=INKS["wave"], linewidth=0.4)


def _draw_pitch(axes: Axes, data: TimelineData, n_columns: int) -> None:
    step = max(-(-len(data.f0_hz) // n_columns), 1)
    f0_hz = _column_medians(data.f0_hz, step)
    times_s = (np.arange(len(f0_hz)) * step + (step - 1) / 2) * data.f0_hop_s
    voiced = np.isfinite(f0_hz)
    axes.set_yscale("log")
    low_hz, high_hz = (75.0, 400.0)
    if voiced.any():
        # Without the tails: one frame an octave off would press all the others flat.
        low_hz, high_hz = np.percentile(f0_hz[voiced], (2, 98))
    axes.set_ylim(low_hz / 1.2, high_hz * 1.2)
    axes.minorticks_off()
    ticks = [tick for tick in _F0_TICKS_HZ if low_hz / 1.2 <= tick <= high_hz * 1.2]
    axes.set_yticks(ticks)
    axes.set_yticklabels([str(tick) for tick in ticks])
    axes.grid(axis="y", color=INKS["line"], linewidth=0.7)
    axes.plot(times_s, f0_hz, color=INKS["pitch"], linewidth=1.6, solid_capstyle="round")
    # A line has no place for a voiced frame between two unvoiced ones.
    padded = np.concatenate([[False], voiced, [False]])
    alone = voiced & ~padded[:-2] & ~padded[2:]
    axes.plot(times_s[alone], f0_hz[alone], ".", color=INKS["pitch"], markersize=2)


def _column_medians(f0_hz: np.ndarray, step: int) -> np.ndarray:
    if step == 1:
        return f0_hz
    n_columns = -(-len(f0_hz) // step)
    padded = np.full(n_columns * step, np.nan, np.float32)
    padded[: len(f0_hz)] = f0_hz
    columns = padded.reshape(n_columns, step)
    voiced = np.isfinite(columns).any(axis=1)
    medians = np.full(n_columns, np.nan, np.float32)
    medians[voiced] = np.nanmedian(columns[voiced], axis=1)
    return medians


def _lanes(present: set[str]) -> tuple[str, ...]:
    """Return the labels that have a lane, top to bottom; "" stands for all that have none."""
    free = sorted(present - set(EMOTIONS) - {UNSURE})
    ordered = [label for label in EMOTIONS if label in present] + free
    unsure = [UNSURE] if UNSURE in present else []
    room = _MAX_LANES - len(unsure)
    if len(ordered) > room:
        ordered = [*ordered[: room - 1], ""]
    return tuple(ordered + unsure) or ("",)


def _draw_lanes(axes: Axes, data: TimelineData, plan: Plan, say: Say) -> None:
    lanes = plan.lanes
    axes.set_ylim(len(lanes), 0)
    axes.set_yticks([])
    for row in range(1, len(lanes)):
        axes.axhline(row, color=INKS["line"], linewidth=0.7)
    inches_per_s = plan.width_in * (plan.right - plan.left) / max(data.duration_s, 1e-3)
    for label, spans in _by_label(data.segments).items():
        row = lanes.index(label if label in lanes else "")
        unsure = label == UNSURE
        widest_in = max(width_s for _, width_s in spans) * inches_per_s
        axes.broken_barh(
            spans,
            (row + 0.13, 0.74),
            facecolor="none" if unsure else colour_of(label),
            edgecolor=INKS["muted"] if unsure else INKS["ink"],
            hatch="/////" if unsure else None,
            # An outline as wide as the box would hide its colour.
            linewidth=0.6 if widest_in > 0.04 else 0.0,
        )
    for segment in data.segments:
        row = lanes.index(segment.label if segment.label in lanes else "")
        _name_box(axes, segment, row, (segment.end_s - segment.start_s) * inches_per_s, say)


def _by_label(segments: tuple[TimelineSegment, ...]) -> dict[str, list[tuple[float, float]]]:
    """Return start and width of every box, by label: one shape per label draws thousands quickly."""
    spans: dict[str, list[tuple[float, float]]] = {}
    for segment in segments:
        span = (segment.start_s, segment.end_s - segment.start_s)
        spans.setdefault(segment.label, []).append(span)
    return spans


def _name_box(axes: Axes, segment: TimelineSegment, row: int, width_in: float, say: Say) -> None:
    """Write label and percentage into a box, or the percentage alone, or nothing: whatever fits."""
    if segment.label == UNSURE:
        return  # words on a hatch are hard to read, and the lane is named
    tail = "✓" if segment.by_hand else _share(segment.confidence)
    en, zh = _names(segment.label)
    for words in (Sentence(f"{en} {tail}", f"{zh} {tail}"), Sentence(tail, tail)):
        if tail and _width_in(words) + 0.08 <= width_in:
            axes.text(
                (segment.start_s + segment.end_s) / 2,
                row + 0.5,
                say(words),
                ha="center",
                va="center_baseline",
                fontsize=_TEXT_PT - 0.5,
                color=_on(colour_of(segment.label)),
                clip_on=True,
                parse_math=False,
            )
            return


def _names(label: str) -> tuple[str, str]:
    return display_name(label, "en"), display_name(label, "zh")


def _share(confidence: float | None) -> str:
    return "" if confidence is None else percent(confidence)


def _shortened(name: str, most: int = 12) -> str:
    return name if len(name) <= most else f"{name[: most - 1]}…"


def _width_in(words: Sentence) -> float:
    """Return about how wide the wider of the two languages is drawn."""
    ems = max(
        sum(1.0 if ord(char) > 0x2E7F else 0.6 for char in text) for text in (words.en, words.zh)
    )
    return ems * _TEXT_PT / 72


def _on(colour: str) -> str:
    """Return black or white, whichever is read better on a colour (WCAG 2 relative luminance)."""
    linear = [
        channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4
        for channel in (value / 255 for value in bytes.fromhex(colour.removeprefix("#")))
    ]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "#ffffff" if luminance < 0.179 else "#000000"
