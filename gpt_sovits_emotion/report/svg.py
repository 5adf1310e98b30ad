"""A timeline as SVG that stands inside a page: its colours and its words are the page's own."""

from __future__ import annotations

import html
import io
import re
from dataclasses import dataclass

from gpt_sovits_emotion.core.labels import colour_of
from gpt_sovits_emotion.core.records import Sentence
from gpt_sovits_emotion.report.data import TimelineData
from gpt_sovits_emotion.report.timeline import INKS, draw_figure, drawing, plan_of

__all__ = ["PageTimeline", "draw_svg"]

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
