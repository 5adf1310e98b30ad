"""Guess in which encoding a text that is not UTF-8 was saved.

The double-byte encodings of East Asia are told apart here, by how many of the letters are everyday ones:
charset-normalizer (3.5) took "你好，今天天气很好。" in GBK for Korean. Alphabets of one byte a letter are
told apart in `alphabets`; it is asked for what is left, Latin letters.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable
from types import MappingProxyType

from gpt_sovits_emotion.transcripts.alphabets import fitting_alphabets

__all__ = ["ENCODING_NAMES", "guess_encoding", "seven_bit_encoding"]

ENCODING_NAMES = MappingProxyType(
    {
        "gb18030": "GB 18030 (GBK)",
        "big5": "Big5",
        "shift-jis": "Shift-JIS",
        "euc-jp": "EUC-JP",
        "euc-kr": "EUC-KR",
        "utf-16-le": "UTF-16",
        "utf-16-be": "UTF-16, big endian",
        "utf-8": "UTF-8",
        "cp1250": "Windows-1250",
        "cp1251": "Windows-1251",
        "cp1252": "Windows-1252",
        "cp1253": "Windows-1253",
        "cp1254": "Windows-1254",
        "cp1255": "Windows-1255",
        "cp1256": "Windows-1256",
        "cp874": "Windows-874",
        "koi8-r": "KOI8-R",
        "iso-2022-jp": "ISO-2022-JP",
        "iso-2022-kr": "ISO-2022-KR",
        "hz": "HZ (GB 2312)",
    }
)
"""Name for ``--encoding`` -> the name that people know."""

# Windows' extensions of the standards: what Windows calls by their names.
CODECS = MappingProxyType({"big5": "cp950", "shift-jis": "cp932", "euc-kr": "cp949"})
"""Name for ``--encoding`` -> Python's codec, where that is another."""

_SEVEN_BIT = (
    ("iso-2022-jp", (b"\x1b$B", b"\x1b$@")),
    ("iso-2022-kr", (b"\x1b$)C",)),
    ("hz", (b"~{",)),
)
"""Encodings that write their letters with signs of ASCII, and what such letters begin with (RFC 1468, 1557,
1843)."""

_ONE_BYTE = ("cp1251", "koi8-r", "cp1250", "cp1253", "cp1254", "cp1255", "cp1256", "cp1252")

# Among the most frequent characters of each script; what stands twice in both scripts once.
_EVERYDAY_SIMPLIFIED = frozenset(
    "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自"
    "之年过发后作里用道行所然家种事成方多经么去法学如都同现当没动面起看定天分还进好小部其些"
    "主样理心她本前开但因只从想实日军者意无力它与长把机十民第公此已工使情明性知全三又关点正"
    "业外将两高间由问很最重并物手应战向头文体政美相见被利什二等产或新己制身果加西斯月话合回"
    "特代内信表化老给世位次度门任常先海通教儿原东声提立及比员解水名真论处走义各入几口认条平"
    "系气题活尔更别打女变四神总何电数安少报才结反受目太量再感建务做接必场件计管期市直德资命"
    "山金指克许统区保至队形社便空决治展马科司五基眼书非则听白却界达光放强即像难且权思王象完"
    "设式色路记南品住告类求据程北边死张该交规万取拉格望觉术领共确传师观清今切院让识候带导争"
    "运笑飞风步改收根干造言联持组每济车亲极林服快办议往元英士证近失转夫令准布始怎呢存未远叫"
    "台单影具罗字爱击流备连调深商算质团集百需价花城石级整离况亚请技际约示复病息究线似官火断"
    "精满支视消越器容照须九增研写称企八功吗包片史委乎查轻易早曾除农找装广显吧标谈吃图念六引"
    "历首医局突专费号尽另周较注语仅考落青随选列武红响虽推势参希古众构房半节土投某案黑维革划"
    "致律足态护七兴派孩验责营星够章音跟志底站严例防族供效续施留讲型料终答紧黄绝奇察母京段依"
    "批群项故按河米围织害双境客纪采举父密低朝友诉止细愿千值仍男钱破网热助倒育属坐您啊哭怒喜"
    "悲怕哥姐妈爸谢谁哪嗯哦"
)
_EVERYDAY_TRADITIONAL = frozenset(
    "這個們來爲國說時會對於過發後裏種經麼學現當沒動還進樣開從實軍無與長機關點業將兩間問並應"
    "戰頭體見產話內給門兒東聲員論處義幾認條氣題爾別變總電數報結務場計資許統區隊決馬書則聽卻"
    "達強難權設記類據邊張該規萬覺術領確傳師觀讓識帶導爭運飛風乾聯組濟車親極辦議證轉準遠臺單"
    "羅愛擊備連調質團價級離況亞請際約覆線斷滿視須寫稱嗎輕農裝廣顯標談喫圖歷醫專費號盡較語僅"
    "隨選紅響雖勢參衆構節維劃態護興驗責營夠嚴續講終緊黃絕羣項圍織雙紀採舉訴細願錢網熱屬媽謝"
    "誰為裡眾係妳啟"
)
_EVERYDAY_HANGUL = frozenset(
    "이다는에의을가고하를은지도로한사자기리아나스서그어시대인만라해일들정니보수여부전장과원"
    "주구제으게있것면상오유조년성안비동우공화등선계요국중미세연문물없때말거던모무발방소음마"
    "실신학경관생분진위내개적치호래려했었습합됩까네저좋감녕반갑죠군야또더잘못왜뭐응떻겠싶같"
    "많올바색열입력출"
)
# The letters beyond ASCII of each language; a text that needs those of two is of neither.
_LATIN = (
    *(
        ("cp1252", frozenset(letters))
        for letters in (
            "àâæçèéêëîïôœöùûüÿ", "äöüßéàè", "áéíóúñü", "ãõáâàçéêíóôúü", "àèéìíòóùú", "åäöæøéü", "éëïöüèê",
        )
    ),
    *(
        ("cp1250", frozenset(letters))
        for letters in ("ąćęłńóśźż", "áčďéěíňóřšťúůýžäľô", "áéíóöőúüű", "ăâîşţ", "čćđšž")
    ),
    ("cp1254", frozenset("çğıöşüâîi̇")),
)  # fmt: skip
_SIGNS = frozenset("€£©®°§·¿¡«»‘’‚“”„–—…•´\xa0")

_ENOUGH, _BEFORE = 60_000, 500  # bytes that are looked at, and before the first that is not ASCII
_EVERYDAY, _COMMON, _RARE = 1.0, 0.4, -1.0
_LEAST = 0.3
_FEW_LETTERS = 8  # a word can be one in several alphabets
_SURE = 0.15  # so much better than the next best


def guess_encoding(data: bytes) -> tuple[str, bool]:
    """Guess the encoding of bytes that are no UTF-8.

    Returns:
        One of `ENCODING_NAMES`, "" when the bytes are no text in any of them; and whether nothing else
        comes near.
    """
    data = _sample(data)
    ranked = sorted(_east_asian(data), reverse=True)
    alphabets = fitting_alphabets(data)
    if alphabets and (not ranked or alphabets[0][0] >= ranked[0][0]):
        near = bool(ranked) and alphabets[0][0] - ranked[0][0] < _SURE
        few = sum(byte > 0x7F for byte in data) < _FEW_LETTERS
        return alphabets[0][1], len(alphabets) == 1 and not near and not few
    if ranked and ranked[0][0] >= _LEAST:
        others = [score for score, _ in [*ranked[1:], *alphabets]]
        return ranked[0][1], not others or ranked[0][0] - max(others) >= _SURE
    latin = _latin(data)
    if len(latin) == 1 or (latin and _ends_words(data.decode("cp1252", "replace"))):
        return latin[0], False
    return _one_byte(data, latin or _ONE_BYTE) or (latin[0] if latin else ""), False


def seven_bit_encoding(data: bytes) -> str:
    r"""Return which encoding hides letters of East Asia in ASCII, "" where the bytes are what they look like.

    Examples:
        >>> seven_bit_encoding("こんにちは".encode("iso-2022-jp")), seven_bit_encoding(b"a ~{sigh}~ b")
        ('iso-2022-jp', '')
    """
    for name, signs in _SEVEN_BIT:
        if any(sign in data for sign in signs):
            try:
                text = data.decode(name)
            except UnicodeError:
                continue
            if any(char > "\u2e7f" for char in text):
                return name
    return ""


def _sample(data: bytes) -> bytes:
    """Return some of the bytes, with the first that is not ASCII among them."""
    first = next((index for index, byte in enumerate(data) if byte > 0x7F), 0)
    begin = max(first - _BEFORE, 0) // 2 * 2  # UTF-16 has two bytes a character
    return data[begin : begin + _ENOUGH]


def _decode(data: bytes, codec: str) -> str:
    """Decode a sample, which may end in the middle of a character."""
    return codecs.getincrementaldecoder(codec)().decode(data)


def _east_asian(data: bytes) -> Iterable[tuple[float, str]]:
    """Yield how everyday the characters are in each encoding that can decode the bytes."""
    for name in ("gb18030", "big5", "shift-jis", "euc-kr", "euc-jp", "utf-16-le", "utf-16-be"):
        try:
            text = _decode(data, CODECS.get(name, name))
        except UnicodeDecodeError:
            continue
        marks = [_mark(char, name) for char in text if char > "\x7f"]
        if name.startswith("utf-16") and "\x00" in text:
            continue
        if marks and not _is_scattered(text):
            yield sum(marks) / len(marks), name


def _is_scattered(text: str) -> bool:
    """Say whether most characters beyond ASCII stand alone among Latin letters, as accented ones do."""
    n_alone = len(re.findall(r"(?<=[A-Za-z])[^\x00-\x7f](?![^\x00-\x7f])", text))
    return n_alone > 0.5 * sum(char > "\x7f" for char in text)


def _mark(char: str, name: str) -> float:
    """Say how usual a character is in a text of one encoding."""
    if "\u3000" <= char <= "\u3011" or "\uff01" <= char <= "\uff5e" or char in "“”‘’…—·～":
        return _COMMON
    if name in ("shift-jis", "euc-jp") or name.startswith("utf-16"):
        if "\u3041" <= char <= "\u3093" or char == "ー":
            return _EVERYDAY
        if "\u30a1" <= char <= "\u30f6":
            return _COMMON
    if name == "euc-kr" or name.startswith("utf-16"):
        if char in _EVERYDAY_HANGUL:
            return _EVERYDAY
        if "\uac00" <= char <= "\ud7a3":
            # 2,350 syllables are of the standard; the others are Windows' and hardly written.
            return 0.0 if _is_of_standard(char) else _RARE
    if not "\u4e00" <= char <= "\u9fff" or name == "euc-kr":
        return _RARE
    return _mark_of_ideograph(char, name)


def _mark_of_ideograph(char: str, name: str) -> float:
    if name == "gb18030":
        everyday = char in _EVERYDAY_SIMPLIFIED
    elif name == "big5":
        everyday = char in _EVERYDAY_TRADITIONAL or char in _EVERYDAY_SIMPLIFIED
    else:
        everyday = char in _EVERYDAY_SIMPLIFIED or char in _EVERYDAY_TRADITIONAL
    return _EVERYDAY if everyday else _seldom(char, name)


def _seldom(char: str, name: str) -> float:
    """Mark a character that is not among the most frequent: by which level of its standard it is in."""
    code = char.encode(CODECS.get(name, name), "ignore")
    first = code[0] if len(code) == 2 else 0xFF
    level_one = {
        "gb18030": 0xB0 <= first <= 0xD7 and code[-1] >= 0xA1,
        "big5": 0xA4 <= first <= 0xC6,
        "shift-jis": 0x88 <= first <= 0x98,
        "euc-jp": 0xB0 <= first <= 0xCF,
    }
    return 0.0 if level_one.get(name, True) else _RARE


def _is_of_standard(syllable: str) -> bool:
    try:
        syllable.encode("euc-kr")
    except UnicodeEncodeError:
        return False
    return True


def _latin(data: bytes) -> list[str]:
    """Return the encodings in which the bytes are one language with a few accented letters."""
    fitting = []
    for name in ("cp1252", "cp1250", "cp1254"):
        try:
            text = _decode(data, name)
        except UnicodeDecodeError:
            continue
        letters = [char for char in text.lower() if char.isalpha()]
        accented = {char for char in letters if char > "\x7f"}
        signs = {char for char in text if char > "\x7f" and not char.isalpha()}
        if not signs <= _SIGNS or re.search(r"[^\W\d_][¿¡]", text):
            continue
        most = 0.5 if name == "cp1254" else 0.3
        if sum(char > "\x7f" for char in letters) > most * len(letters):
            continue
        if any(name == codec and accented <= alphabet for codec, alphabet in _LATIN):
            fitting.append(name)
    return fitting


def _ends_words(text: str) -> bool:
    """Say whether all accents are Italian ones, which stand on a word's last letter: "è", "perché", "più"."""
    return re.search(r"(?:[^\x00-\x7fàèéìòùÀÈÉ]|[àèéìòùÀÈÉ](?=\w))", text) is None


def _one_byte(data: bytes, candidates: Iterable[str]) -> str:
    from charset_normalizer import from_bytes

    best = from_bytes(data, cp_isolation=list(candidates)).best()
    if best is None:
        return ""
    name = best.encoding.replace("_", "-")
    return name if name in ENCODING_NAMES else ""
