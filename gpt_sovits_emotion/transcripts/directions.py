"""What stands in a text and is not said: ``[door slams]``, ``(laughs)``, ``（叹气）``, ``*sighs*``, ``♪``.

Square and lenticular brackets hold nothing that is said. Round ones and asterisks may (an afterthought, an
emphasis): what is in them is left out only where a word says that it is a sound or a way of speaking.
"""

from __future__ import annotations

import re

__all__ = ["is_direction", "without_directions"]

_SQUARE = re.compile(r"\[[^\[\]\n]{1,80}\]|【[^【】\n]{1,80}】|［[^［］\n]{1,80}］")
_ROUND = re.compile(
    r"\((?P<half>[^()\n]{1,60})\)|（(?P<full>[^（）\n]{1,60})）|\*(?P<star>[^*\n]{1,40})\*"
)
_MUSIC = re.compile(r"[♩♪♫♬♭♮♯𝄞]+\ufe0f?")
_TURN = re.compile(r"(?:^|(?<=[\s.!?。！？…]))>{2,3}\s*")
_DASH = re.compile(r"(?:^|(?<=[.!?…。！？\"”」])\s+|(?<=[。！？…”」]))[-–—‐]\s+(?=\S)")
# Stems: "laugh" is in laughs, laughing and laughter.
_STEMS = (
    "laugh|chuckl|giggl|snicker|cackl|sigh|weep|gasp|groan|moan|grunt|cough|sneez|snor[ei]|snort|scoff|scream|shriek"
    "|shout|yell|whisper|mumbl|mutter|murmur|breath|exhal|inhal|gulp|hiccup|yawn|applau|whistl|knock|footstep|gunshot"
    "|explosion|thunder|chatter|inaudib|indistinct|unintelligib|crosstalk|creak|rustl|screech|seufz|schluchz|flüster"
    "|murmel|klatsch|räusper|soupir|applaudiss|suspira|aplaus|susurr"
)
_WHOLE = (
    "sob(?:s|bing)?|cr(?:y|ies|ying)|snif(?:fs|fing|fles|fling)|pant(?:s|ing)|cheer(?:s|ing)|clap(?:s|ping)?|throat"
    "|music|musical|song|sing(?:s|ing)|hum(?:s|ming)|doors?|phone|ring(?:s|ing)|bells?|beep(?:s|ing)?|buzz(?:es|ing|er)?"
    "|bark(?:s|ing)|sirens?|silence|pause|static|noises?|voice-?over|v\\.o\\.?|o\\.s\\.?|off-?screen|audience|crowd"
    "|speaking|speaks|narrator|narrating|smacks|clicks|thud|crash(?:es|ing)?|slam(?:s|ming)|splash(?:es|ing)?"
    "|engine|horn|honk(?:s|ing)?|alarm|foreign language|lach(?:t|en|end)|wein(?:t|en|end)|hust(?:et|en|end)"
    "|schrei(?:t|en|end)|musik|klopf(?:t|en)|klingel(?:t|n)|stöhn(?:t|en|end)|rires?|musique|toux|pleur(?:s|e)"
    "|murmures?|risas|música|tose|llora"
)
_WORDS = re.compile(rf"\b(?:(?:{_STEMS})\w*|(?:{_WHOLE})(?!\w))", re.IGNORECASE)
_WIDE_WORDS = re.compile(
    r"笑|哭|叹气|叹息|嘆|咳|喘|抽泣|哽咽|啜泣|掌声|鼓掌|拍手|欢呼|音乐|音樂|歌声|敲门|脚步|铃声|电话|沉默|停顿|耳语|低语|小声|尖叫"
    r"|呼吸|哈欠|喷嚏|画外音|旁白|背景音|听不清|吸气|呼气|打嗝|.声$|.状$|ため息|音楽|歓声|咳|沈黙|泣|拍手|囁|"
    r"웃음|웃으며|한숨|박수|음악|울음|흐느|기침|비명|속삭|침묵|노래"
)
_SOMEBODY = re.compile(r"\b(?:i|you|we|he|she|they|it|ich|du|wir|je|tu|nous|yo)\b", re.IGNORECASE)
_MOST_WORDS = 4
_MOST_WIDE = 8


def is_direction(held: str) -> bool:
    """Say whether what stands in brackets is a sound or a way of speaking, by its words.

    Examples:
        >>> [is_direction(held) for held in ("door slams", "叹气", "I laughed a lot", "也就是说", "1998")]
        [True, True, False, False, False]
    """
    held = held.strip()
    if any("\u3040" <= char <= "\ud7a3" for char in held):
        return len(held) <= _MOST_WIDE and _WIDE_WORDS.search(held) is not None
    if len(held.split()) > _MOST_WORDS or "/" in held or _SOMEBODY.search(held):
        return False
    is_shouted = re.fullmatch(r"[A-Z]{3,}(?: [A-Z]{3,}){1,2}", held) is not None
    return is_shouted or _WORDS.search(held) is not None


def without_directions(text: str) -> tuple[str, tuple[str, ...]]:
    """Split a text into the words to be said and what is left out of it, as it stands there.

    Examples:
        >>> without_directions("[door slams] Who (laughs) is there?"), without_directions("♪ La la ♪")
        (('Who is there?', ('[door slams]', '(laughs)')), ('La la', ('♪', '♪')))
        >>> without_directions("- Hi. - Hello (as always)."), without_directions("早上好（叹气）。")
        (('Hi. Hello (as always).', ('-', '-')), ('早上好。', ('（叹气）',)))
    """
    left_out: list[str] = []

    def drop(found: re.Match[str]) -> str:
        left_out.append(found.group().strip())
        return " "

    def drop_direction(found: re.Match[str]) -> str:
        held = found["half"] or found["full"] or found["star"]
        return drop(found) if is_direction(held) else found.group()

    rest = _SQUARE.sub(drop, text)
    rest = _ROUND.sub(drop_direction, rest)
    rest = _MUSIC.sub(drop, rest)
    line = rest.strip()
    if len(line) > len("# #") and line.startswith("# ") and line.endswith(" #"):
        left_out += ["#", "#"]
        rest = line[1:-1].strip()
    rest = _TURN.sub(drop, rest)
    if re.match(r"\s*[-–—‐]\s+\S", rest):
        rest = _DASH.sub(drop, rest.strip())
    if not left_out:
        return text, ()
    return _closed_up(rest), tuple(left_out)


def _closed_up(text: str) -> str:
    """Take out the gaps that were left: before punctuation, and between Chinese or Japanese characters."""
    text = re.sub(r"[ \t]{2,}", " ", text).strip()
    text = re.sub(r" (?=[,.!?;:，。！？；：、…])", "", text)
    wide = r"[\u3000-\u30ff\u4e00-\u9fff\uff01-\uff5e]"
    text = re.sub(rf"(?<={wide}) (?={wide})", "", text)
    return text if re.search(r"\w", text) else ""
