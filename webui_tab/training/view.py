"""What the training page shows: corpora, the training under way and its curves, the card of what came of it.

Everything is said in both languages; pictures are SVG in the colours of the page. No Gradio here.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import TYPE_CHECKING

from gpt_sovits_emotion.core.labels import colour_of
from gpt_sovits_emotion.core.messages import tr
from gpt_sovits_emotion.core.records import Sentence
from gpt_sovits_emotion.core.visible import visible
from gpt_sovits_emotion.heads.card import MODES, HeadCard, Result
from webui_tab.markup import bilingual, both, label_name, note_of, sentence
from webui_tab.training.job import History, Look

if TYPE_CHECKING:
    from gpt_sovits_emotion.training.corpora import Corpus, LabelRow
    from webui_tab.training.requests import Found
    from webui_tab.training.speakers import Lesson

__all__ = ["card_html", "corpora_html", "curves_html", "lesson_html", "live_html", "time_left"]

_COLUMNS = ("corpus", "written", "label", "clips", "speakers")


def corpora_html(found: Found) -> str:
    """Return what was found in corpora: how their labels are read, licences, and what to mind."""
    head = "".join(f"<th>{both(f'train_column_{name}')}</th>" for name in _COLUMNS)
    body = "".join(_label_row(row) for row in found.rows)
    table = f'<table class="emo-grid"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
    notes = [note_of("plain", _licence(corpus)) for corpus in found.corpora]
    notes += [note_of("warning", sentence(warning)) for warning in found.warnings]
    if found.problem is not None:
        notes.append(note_of("bad", sentence(found.problem)))
    return f'<div class="emo-both"><div class="emo-wide">{table}</div>{"".join(notes)}</div>'


def _label_row(row: LabelRow) -> str:
    kept = label_name(row.emotion) if row.kept else f"<s>{label_name(row.emotion)}</s>"
    return (
        f"<tr><td>{html.escape(visible(row.corpus))}</td><td>{html.escape(visible(row.written))}</td><td>{kept}</td>"
        f'<td class="n">{row.n_clips}</td><td class="n">{row.n_speakers}</td></tr>'
    )


def _licence(corpus: Corpus) -> str:
    said = both("train_licence", corpus=corpus.name, licence=corpus.info.licence)
    return f"{said} · {both('train_non_commercial')}" if corpus.info.non_commercial else said


def live_html(look: Look) -> str:
    """Return the training under way: bar, stage, time left, curves; why it failed where it did."""
    if look.order is None:
        return _live(note_of("aside", both("train_none")), running=False)
    if not look.running:
        said = note_of("bad", sentence(look.problem)) if look.problem else ""
        return _live(said, running=False)
    fraction = look.moment.fraction if look.moment else 0.0
    percent = f"{100 * fraction:.0f} %"
    title = f"<b>{both('train_under_way', head=look.order.head_id)}</b> · {percent}"
    bar = (
        f'<div class="emo-bar" role="progressbar" aria-valuenow="{100 * fraction:.0f}">'
        f'<div style="width:{100 * fraction:.1f}%"></div></div>'
    )
    return _live(
        f"<p>{title}{_time(look)}</p>{bar}{note_of('aside', _doing(look))}"
        f"{curves_html(look.history)}",
        running=True,
    )


def lesson_html(lesson: Lesson) -> str:
    """Return what is known of a speaker: how many clips, which corrections; nothing of a stranger."""
    notes = [note_of("aside", sentence(said)) for said in lesson.said]
    profile = lesson.profile
    if profile is not None:
        head = html.escape(profile.head_id)
        notes.append(note_of("plain", f"<code>{head}</code> · {sentence(profile.say())}"))
        rows = "".join(
            f"<tr><td>{label_name(each.label)}</td><td>{html.escape(visible(each.source))}</td></tr>"
            for each in reversed(profile.corrections)
        )
        if rows:
            notes.append(f'<div class="emo-wide"><table class="emo-grid">{rows}</table></div>')
    return f'<div class="emo-both">{"".join(notes)}</div>'


def time_left(seconds: float) -> Sentence:
    """Return a time for people, rounded as guesses should be.

    Examples:
        >>> time_left(8.2).en, time_left(171.0).en, time_left(4000.0).zh
        ('10 s', '3 min', '1 小时 7 分')
    """
    if seconds < 55:
        tens = max(10 * round(seconds / 10), 10)
        return tr("{tens} s", tens=tens)
    minutes = max(round(seconds / 60), 1)
    if minutes < 60:
        return tr("{minutes} min", minutes=minutes)
    hours, minutes = divmod(minutes, 60)
    return tr("{hours} h {minutes} min", hours=hours, minutes=minutes)


def _live(said: str, *, running: bool) -> str:
    return f'<div class="emo-both emo-live" data-running="{int(running)}">{said}</div>'


def _doing(look: Look) -> str:
    if look.stopping:
        return both("train_stopping")
    if look.waiting:
        return both("train_waiting")
    if look.moment is None:
        return both("train_beginning")
    return sentence(look.moment.doing)


def _time(look: Look) -> str:
    if look.moment is None or look.moment.seconds_left is None or look.stopping:
        return ""
    left = time_left(look.moment.seconds_left)
    en, zh = (html.escape(text) for text in (left.en, left.zh))
    return " · " + bilingual(f"about {en} left in this step", f"本步骤剩余约 {zh}")


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
                _chart([points], top=1.0, name=_whole_percent, colour="--emo-good"),
                _whole_percent(history.recalls[-1]),
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


def _whole_percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _number(value: float) -> str:
    return f"{value:.2f}"


def card_html(card: HeadCard, warnings: Sequence[Sentence] = ()) -> str:
    """Return a card as HTML: sources, figures with their intervals, confusion and recall of each emotion."""
    notes = "".join(note_of("warning", sentence(warning)) for warning in warnings)
    pictures = "".join(_picture(result) for result in card.results if result.confusion)
    return (
        f'<div class="emo-both emo-card"><h3>{sentence(card.title)} <code>{html.escape(card.id)}</code></h3>'
        f"{_sources(card)}{notes}{_figures(card.results)}"
        f'<div class="emo-pictures">{pictures}</div></div>'
    )


def _sources(card: HeadCard) -> str:
    corpora = "; ".join(
        f"{html.escape(corpus.name)} ("
        + both("train_clips_speakers", clips=corpus.n_utterances, speakers=corpus.n_speakers)
        + ")"
        for corpus in card.corpora
    )
    rows = {
        "trained_on": corpora,
        "encoder": html.escape(card.encoder.id),
        "licence": html.escape(card.licence),
    }
    if card.calibrated_on is not None:
        rows["calibrated_on"] = sentence(card.calibrated_on)
    if card.moving is not None:
        rows["recording"] = both("train_card_moving")
    if card.farthest is not None:
        rows["farthest"] = both("train_card_unlike", distance=f"{card.farthest:g}")
    lines = "".join(
        f"<dt>{both(f'train_card_{name}')}</dt><dd>{said}</dd>" for name, said in rows.items()
    )
    return f"<dl>{lines}</dl>"


def _figures(results: Sequence[Result]) -> str:
    if not results:
        return note_of("aside", both("train_card_none"))
    columns = ("measured", "uar", "wa", "ece")
    head = "".join(f"<th>{both(f'train_{name}')}</th>" for name in columns)
    body = "".join(
        f"<tr><td>{_protocol(result)}</td><td>{_rate(result.uar, result.uar_interval)}</td>"
        f"<td>{_rate(result.wa, result.wa_interval)}</td>"
        f"<td>{'–' if result.ece is None else _percent(result.ece)}</td></tr>"
        for result in results
    )
    return (
        f'<div class="emo-wide"><table class="emo-grid"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>" + note_of("aside", both("train_calibration_note"))
    )


def _protocol(result: Result) -> str:
    size = both("train_clips_speakers", clips=result.n_utterances, speakers=result.n_speakers)
    what = f"{html.escape(result.protocol)}, {html.escape(result.corpus)}, {_mode(result)} ({size})"
    return what + (f"<br><small>{html.escape(result.note)}</small>" if result.note else "")


def _mode(result: Result) -> str:
    if result.normalisation not in MODES:
        return html.escape(result.normalisation)
    return both(f"train_mode_{result.normalisation}")


def _picture(result: Result) -> str:
    """Draw who was taken for what, and the share of each emotion that was heard as it is."""
    assert result.confusion is not None
    names = [label_name(label) for label in result.labels]
    head = "".join(f'<th class="up"><span>{name}</span></th>' for name in names)
    body, bars = [], []
    for place, (label, name, counts) in enumerate(
        zip(result.labels, names, result.confusion, strict=True)
    ):
        total = sum(counts)
        cells = "".join(_cell(count, total) for count in counts)
        body.append(f"<tr><th>{name}</th>{cells}</tr>")
        recall = counts[place] / total if total else 0.0
        bars.append(
            f'<span>{name}</span><div><div style="width:{100 * recall:.1f}%;'
            f'background:{colour_of(label)}"></div></div><b>{100 * recall:.0f} %</b>'
        )
    return (
        f'<figure><figcaption>{_mode(result)}</figcaption><div class="emo-wide"><table class="emo-confusion">'
        f"<thead><tr><th></th>{head}</tr></thead><tbody>{''.join(body)}</tbody></table></div>"
        f"{note_of('aside', both('train_confusion'))}"
        f'<figcaption>{both("train_recall")}</figcaption><div class="emo-recalls">{"".join(bars)}</div>'
        "</figure>"
    )


def _cell(count: int, total: int) -> str:
    share = count / total if total else 0.0
    # Black on the light half of the scale, white on the dark one, whichever colours the page has.
    ink = "#fff" if share > 0.55 else "#111"
    lightness = 97 - 62 * share
    style = f"background:hsl(175 45% {lightness:.0f}%);color:{ink}"
    return f'<td style="{style}">{count or ""}</td>'


def _rate(value: float, interval: tuple[float, float]) -> str:
    low, high = interval
    return f"{100 * value:.1f} % <small>({100 * low:.1f}–{100 * high:.1f})</small>"


def _percent(value: float) -> str:
    return f"{100 * value:.1f} %"
