"""Names of speakers in front of their words: ``MIKE: Stop!``, ``[SPEAKER_01] …``, ``小明：……``, ``>> …``.

"Note: this is hot" and "12:30" look alike. A name in capitals, or one that a program gave, is believed
anywhere; any other only where it stands before several lines and many lines have one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from gpt_sovits_emotion.core.messages import of_list, tr
from gpt_sovits_emotion.core.records import Sentence
from gpt_sovits_emotion.transcripts.lines import Line

__all__ = ["is_program_name", "speakers_in", "split_speaker", "with_speakers"]

_LEAD = r"\s*(?:>{2,3}\s*)?(?:[-–—]\s+)?"
_ASIDE = r"(?:\s*[(（\[][^()（）\[\]\n]{1,30}[)）\]])?"
_SOUNDS = r"(?P<sound>(?:[\[(（【][^\[\]()（）【】\n]{1,60}[\])）】]\s*){0,3})"
_NAMED = re.compile(
    rf"{_LEAD}{_SOUNDS}(?P<name>[^\W\d_][\w.'’&\- ·•]{{0,30}}?){_ASIDE}\s*(?::(?=\s)|：)\s*(?P<words>\S.*)",
    re.DOTALL,
)
_BRACKETED = re.compile(
    rf"{_LEAD}[\[【(（](?P<name>[^\[\]【】()（）\n:：]{{1,30}})[\]】)）]\s*[:：]\s*(?P<words>\S.*)",
    re.DOTALL,
)
_PROGRAM_NAME = (
    r"(?:SPEAKER[_ ]?\d+|speaker \d+|Sprecher(?:in)? \d+|Locuteur \d+|Hablante \d+"
    r"|(?:说话人|发言人|讲话人|說話者|發言人|話者|화자|참석자)\s?[0-9A-Z一二三四五六七八九十]*)"
)
_BY_PROGRAM = re.compile(
    rf"{_LEAD}[\[(（【]?(?P<name>{_PROGRAM_NAME})[\])）】]?"
    r"(?:\s*[:：]|(?<=[\])）】]))\s*(?P<words>\S.*)",
    re.DOTALL | re.IGNORECASE,
)
_CAPITALS = re.compile(
    r"[A-ZÀ-ÖØ-ÞА-ЯЁ][A-ZÀ-ÖØ-ÞА-ЯЁ.'’&\-]+(?: [A-ZÀ-ÖØ-ÞА-ЯЁ.'’&\-]+| #?\d{1,3}){0,2}"
)
_TITLE = re.compile(
    r"[A-ZÀ-ÖØ-ÞА-ЯЁ][\w.'’\-]*(?: (?:de|von|van|der|la|le|[A-ZÀ-ÖØ-ÞА-ЯЁ0-9][\w.'’\-]*)){0,2}"
)
_WIDE = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7a3·A-Z0-9]{1,7}")
_NOT_NAMES_LISTED = """
careful fixme caveat detail details info hacking install license appendix recommendation gui dos manual
note notes nb ps p.s pps warning caution danger attention important tip tips hint update breaking
todo fyi faq q a question answer example examples e.g i.e result results reason reasons summary
conclusion fact facts problem solution step rule rules remember reminder time date place address
phone tel email subject re fwd to from cc bcc http https www chapter part section title figure
table source sources edit spoiler disclaimer tl;dr tldr breakfast lunch dinner today tomorrow
yesterday monday tuesday wednesday thursday friday saturday sunday first second third finally also
however therefore meaning translation pros cons ingredients score price total cost usa uk eu nasa
ok okay yes no well listen look wait achtung hinweis anmerkung frage antwort beispiel wichtig
warnung fazit problem lösung merke attention remarque exemple réponse nota ejemplo pregunta
respuesta
"""
_NOT_NAMES = frozenset(_NOT_NAMES_LISTED.split())
_NOT_NAMES_WIDE = re.compile(
    r".*[说說道问問答是想喊叫曰称稱云为為下如即的了着着过有在]$|(?:注意?|备注|附注|提示|提醒|说明|警告|例如|比如|问题|答案"
    r"|回答|结论|总结|结果|原因|标题|时间|地点|日期|地址|电话|邮箱|来源|第.*|其[一二三四五]|首先|其次|最后|另外|总之|所以|因此"
    r"|但是|今天|明天|昨天|注|答|问|例|注記|例えば|質問|答え|注意点|結論|時間|場所|참고|주의|질문|답변|예|결론)$"
)
_FEWEST = 2
_SHARE = 0.3
"""So many lines must begin with a name before one that is not in capitals is believed."""


def is_program_name(text: str) -> bool:
    """Say whether a text is nothing but the name that a program gives a speaker.

    Examples:
        >>> is_program_name("Speaker 1"), is_program_name("发言人2"), is_program_name("Speaker one")
        (True, True, False)
    """
    return re.fullmatch(_PROGRAM_NAME, text, re.IGNORECASE) is not None


def speakers_in(texts: Iterable[str]) -> frozenset[str]:
    """Return the names that stand as speakers before some of the texts.

    Examples:
        >>> sorted(speakers_in(["MIKE: Stop!", "Note: it is hot.", "12:30 is late."]))
        ['MIKE']
        >>> sorted(speakers_in(["Anna: Hi.", "Ben: Hello.", "Anna: How are you?", "Ben: Fine."]))
        ['Anna', 'Ben']
    """
    held = [text for text in texts if text.strip()]
    found: Counter[str] = Counter()
    believed: set[str] = set()
    n_labelled = 0
    for text in held:
        by_program = _BY_PROGRAM.match(text)
        named = by_program or _BRACKETED.match(text) or _NAMED.match(text)
        if named is None:
            continue
        name = named["name"].strip()
        if by_program is not None:
            believed.add(name)
            n_labelled += 1
        elif _may_be_name(name):
            found[name] += 1
            n_labelled += 1
            # Where everything is in capitals, capitals say nothing.
            if _CAPITALS.fullmatch(name) and any(char.islower() for char in named["words"]):
                believed.add(name)
    if n_labelled >= _SHARE * len(held):
        believed |= {name for name, n in found.items() if n >= _FEWEST}
    return frozenset(believed)


def split_speaker(text: str, names: Iterable[str]) -> tuple[str, str]:
    """Split a text into who says it and the words; "" and the text as it is where nobody of `names` does.

    Examples:
        >>> split_speaker("MIKE (on phone): Stop!", ["MIKE"]), split_speaker("Note: hot", ["MIKE"])
        (('MIKE', 'Stop!'), ('', 'Note: hot'))
    """
    for pattern in (_BY_PROGRAM, _BRACKETED, _NAMED):
        found = pattern.match(text)
        if found is not None and found["name"].strip() in names:
            sound = found["sound"] if pattern is _NAMED else ""
            return found["name"].strip(), sound + found["words"]
    return "", text


def with_speakers(lines: Sequence[Line]) -> tuple[tuple[Line, ...], tuple[Sentence, ...]]:
    """Return lines whose speakers are no longer in their texts, and a note that names them."""
    names = speakers_in(line.text for line in lines)
    if not names:
        return tuple(lines), ()
    found: dict[str, None] = {}
    parted = []
    for line in lines:
        speaker, words = split_speaker(line.text, names)
        if speaker:
            found[speaker] = None
            line = replace(line, text=words, speaker=line.speaker or speaker)
        parted.append(line)
    note = tr(
        "names before the words are taken for speakers and not for words: {shown}",
        shown=of_list(found),
    )
    return tuple(parted), (note,)


def _may_be_name(name: str) -> bool:
    if name.casefold().rstrip(".0123456789 ") in _NOT_NAMES:
        return False
    if _WIDE.fullmatch(name) and not name.isascii():
        return _NOT_NAMES_WIDE.match(name) is None
    return _CAPITALS.fullmatch(name) is not None or _TITLE.fullmatch(name) is not None
