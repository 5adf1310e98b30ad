"""A picture of what a reference bank has and lacks: one bar of seconds per emotion.

The same plain shapes are written as SVG, for a page or a file, or drawn as PNG. Bars are named at the left
and numbered at the right, so that colour only repeats what is written.
"""

from __future__ import annotations

import html
import io
import itertools
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from unicodedata import east_asian_width

from gpt_sovits_emotion.banks.library.choose_words import label_names
from gpt_sovits_emotion.banks.library.coverage import Coverage, EmotionCoverage, missing_sentence
from gpt_sovits_emotion.core.errors import OutputError
from gpt_sovits_emotion.core.files import write_bytes, write_text
from gpt_sovits_emotion.core.labels import colour_of, percent
from gpt_sovits_emotion.core.messages import in_both, tr
from gpt_sovits_emotion.report.fonts import drawable, font_families
from gpt_sovits_emotion.report.timeline import INKS, drawing

__all__ = ["coverage_svg", "write_coverage_picture"]

_WIDTH_PX, _NAMES_PX, _BAR_PX, _ROW_PX = 720, 120, 290, 26
_TOP_PX, _BOTTOM_PX, _GAP_PX = 34, 14, 12
_LONGEST_NAME, _LONGEST_TITLE, _LONGEST_NOTE = 14, 60, 80
_MOST_ROWS = 24
_UNWRITABLE = frozenset({"Cc", "Cs", "Cn"})  # controls, halves of characters, and what XML forbids
_PX_PER_INCH = 96
_PNG_DOTS_PER_INCH = 192

_IN_A_PAGE = {role: f"var(--{role}, {colour})" for role, colour in INKS.items()}


@dataclass(frozen=True, slots=True)
class _Bar:
    """A rectangle; `colour` is a role of `INKS` or a colour; an empty one is outlined in dashes."""

    x: float
    y: float
    width: float
    colour: str
    filled: bool = True


@dataclass(frozen=True, slots=True)
class _Words:
    """A line of text; `x` is where it begins, or ends."""

    x: float
    y: float
    text: str
    ink: str = "ink"
    at_end: bool = False


@dataclass(frozen=True, slots=True)
class _Plan:
    """Shapes in pixels from the top left."""

    height: float
    title: str
    shapes: tuple[_Bar | _Words, ...]


def coverage_svg(found: Coverage, *, language: str = "en", inline: bool = True) -> str:
    """Return the picture as an SVG element that needs nothing else.

    Args:
        found: What `banks.library.coverage.coverage` returned.
        language: ``"zh"``, or anything else for English.
        inline: Take the colours of the page that it will stand in, as CSS variables with a fall-back; False
            for a file of its own, with a white ground.
    """
    plan = _plan(found, language)
    inks = _IN_A_PAGE if inline else INKS
    parts = [_shape(shape, inks) for shape in plan.shapes]
    if not inline:
        parts.insert(0, f'<rect width="{_WIDTH_PX}" height="{plan.height:g}" fill="#ffffff"/>')
    title = html.escape(plan.title)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH_PX} {plan.height:g}" '
        f'width="{_WIDTH_PX}" height="{plan.height:g}" role="img" font-size="12" '
        f'font-family="sans-serif" style="max-width:100%;height:auto"><title>{title}</title>'
        f"{''.join(parts)}</svg>"
    )


def write_coverage_picture(found: Coverage, path: str | Path, *, language: str = "en") -> None:
    """Write the picture as ``.svg`` or ``.png``, whichever the name ends in.

    Raises:
        OutputError: The name ends in something else, or the file cannot be written.
    """
    path = Path(path)
    suffix = path.suffix.casefold()
    if suffix == ".svg":
        write_text(path, coverage_svg(found, language=language, inline=False) + "\n")
    elif suffix == ".png":
        write_bytes(path, _png(_plan(found, language)))
    else:
        raise OutputError(
            tr(
                "the picture {path} ends in {suffix}; name it .svg or .png",
                path=path.name,
                suffix=in_both(suffix or "nothing", suffix or "空"),
            )
        )


# --- what is drawn ---------------------------------------------------------------------------------


def _plan(found: Coverage, language: str) -> _Plan:
    zh = language == "zh"
    seconds = f"{found.usable_s:.0f} 秒" if zh else f"{found.usable_s:.0f} s"
    voice = _short(found.voice, _LONGEST_TITLE)
    title = (
        f"{voice}：{found.n_clips} 个可用片段，{seconds}"
        if zh
        else f"{voice}: {found.n_clips} usable {'clip' if found.n_clips == 1 else 'clips'}, {seconds}"
    )
    shapes: list[_Bar | _Words] = [_Words(8, 20, title)]
    rows = sorted(found.emotions, key=lambda one: -one.usable_s)[:_MOST_ROWS]
    rows = [one for one in found.emotions if one in rows]
    most_s = max((one.usable_s for one in rows), default=0.0) or 1.0
    y = float(_TOP_PX)
    for one in rows:
        shapes += _row(one, y, _BAR_PX * one.usable_s / most_s, language)
        y += _ROW_PX
    if len(found.emotions) > len(rows):
        more = len(found.emotions) - len(rows)
        said = tr("and {more} further labels", more=more).say(language)
        shapes.append(_Words(_NAMES_PX, y + 17, said, "muted"))
        y += _ROW_PX
    if found.missing:
        y += _GAP_PX
        said = tr("Missing, and what stands in:").say(language)
        shapes.append(_Words(8, y + 14, said, "muted"))
        y += _ROW_PX
    for missing in found.missing:
        name = label_names(missing.label).say(language)
        note = missing_sentence(missing).say(language).removeprefix(name).lstrip(":： ")
        shapes.append(_Words(_NAMES_PX - 8, y + 17, name, "muted", at_end=True))
        shapes.append(_Bar(_NAMES_PX, y + 5, 46, colour_of(missing.label), filled=False))
        shapes.append(_Words(_NAMES_PX + 56, y + 17, _short(note, _LONGEST_NOTE), "muted"))
        y += _ROW_PX
    return _Plan(y + _BOTTOM_PX, title, tuple(shapes))


def _row(one: EmotionCoverage, y: float, width: float, language: str) -> list[_Bar | _Words]:
    zh = language == "zh"
    name = _short(label_names(one.label).say(language), _LONGEST_NAME)
    said = [f"{one.usable_s:.0f} 秒" if zh else f"{one.usable_s:.0f} s"]
    said.append(f"{one.n_clips} 个片段" if zh else f"{one.n_clips} clip{'s'[: one.n_clips != 1]}")
    if one.confidence is not None:
        sure = percent(one.confidence)
        said.append(f"置信度 {sure}" if zh else f"{sure} sure")
    if one.n_refused:
        said.append(f"{one.n_refused} 个不可用" if zh else f"{one.n_refused} refused")
    return [
        _Words(_NAMES_PX - 8, y + 17, name, at_end=True),
        _Bar(_NAMES_PX, y + 5, max(width, 1.0), colour_of(one.label) if one.label else "wave"),
        _Words(_NAMES_PX + max(width, 1.0) + 8, y + 17, " · ".join(said), "muted"),
    ]


def _short(name: str, most: int) -> str:
    """Cut a name to so many Latin letters' width; Chinese signs are twice as wide."""
    name = "".join(char for char in name if unicodedata.category(char) not in _UNWRITABLE)
    ends = list(itertools.accumulate(1 + (east_asian_width(char) in "WF") for char in name))
    if not ends or ends[-1] <= most:
        return name
    return name[: sum(end < most for end in ends)] + "…"


# --- how it is drawn -------------------------------------------------------------------------------

_BAR_HEIGHT_PX = 16


def _shape(shape: _Bar | _Words, inks: Mapping[str, str]) -> str:
    if isinstance(shape, _Bar):
        colour = inks.get(shape.colour, shape.colour)
        look = (
            f"fill:{colour}" if shape.filled else f"fill:none;stroke:{colour};stroke-dasharray:4 3"
        )
        return (
            f'<rect x="{shape.x:g}" y="{shape.y:g}" width="{shape.width:.1f}" '
            f'height="{_BAR_HEIGHT_PX}" rx="3" style="{look}"/>'
        )
    anchor = ' text-anchor="end"' if shape.at_end else ""
    return (
        f'<text x="{shape.x:.1f}" y="{shape.y:g}"{anchor} style="fill:{inks[shape.ink]}">'
        f"{html.escape(shape.text)}</text>"
    )


def _png(plan: _Plan) -> bytes:
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    size_in = (_WIDTH_PX / _PX_PER_INCH, plan.height / _PX_PER_INCH)
    stream = io.BytesIO()
    with drawing():
        figure = Figure(figsize=size_in)
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set_xlim(0, _WIDTH_PX)
        axes.set_ylim(plan.height, 0)
        axes.set_axis_off()
        for shape in plan.shapes:
            if isinstance(shape, _Bar):
                colour = INKS.get(shape.colour, shape.colour)
                bar = Rectangle((shape.x, shape.y), shape.width, _BAR_HEIGHT_PX)
                bar.set(
                    facecolor=colour if shape.filled else "none",
                    edgecolor="none" if shape.filled else colour,
                    linestyle="-" if shape.filled else "--",
                )
                axes.add_patch(bar)
            else:
                axes.text(
                    shape.x,
                    shape.y,
                    drawable(shape.text),
                    color=INKS[shape.ink],
                    fontsize=9,
                    fontfamily=list(font_families()),
                    ha="right" if shape.at_end else "left",
                    va="baseline",
                    parse_math=False,
                )
        figure.savefig(stream, format="png", dpi=_PNG_DOTS_PER_INCH, facecolor="white")
    return stream.getvalue()
