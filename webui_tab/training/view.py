"""What the training page shows: the corpora, the training under way, and the card of what came of it."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from gpt_sovits_emotion.core.records import Sentence
from gpt_sovits_emotion.core.visible import visible
from webui_tab.training.curves import curves_html
from webui_tab.training.job import Look
from webui_tab.training.words import bilingual, both, label_name, note_of, sentence

if TYPE_CHECKING:
    from gpt_sovits_emotion.training.corpora import Corpus, LabelRow
    from webui_tab.training.asking import Found
    from webui_tab.training.speakers import Lesson

__all__ = ["corpora_html", "lesson_html", "live_html", "time_left"]

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
        return Sentence(f"{tens} s", f"{tens} 秒")
    minutes = max(round(seconds / 60), 1)
    if minutes < 60:
        return Sentence(f"{minutes} min", f"{minutes} 分钟")
    hours, minutes = divmod(minutes, 60)
    return Sentence(f"{hours} h {minutes} min", f"{hours} 小时 {minutes} 分")


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
