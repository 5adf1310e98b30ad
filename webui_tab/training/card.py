"""The card of a trained head as a person reads it: what it was made from, and how good it is."""

from __future__ import annotations

import html
from collections.abc import Sequence

from gpt_sovits_emotion.core.labels import colour_of
from gpt_sovits_emotion.core.records import Sentence
from gpt_sovits_emotion.heads.card import MODES, HeadCard, Result
from webui_tab.training.words import both, label_name, note_of, sentence

__all__ = ["card_html"]


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
