"""Text files of any country: which encoding they are taken to be in, and that it is said."""

from __future__ import annotations

import pytest
from bilingual import check_says_the_same

from gpt_sovits_emotion.core.errors import TranscriptError
from gpt_sovits_emotion.transcripts.decoding import codec_of, decode, decoded, read_decoded
from gpt_sovits_emotion.transcripts.encodings import guess_encoding

CHINESE = "你好，今天天气很好。我们去公园吧！"
TRADITIONAL = "你好，今天天氣很好。我們去公園吧！"
JAPANESE = "こんにちは、お元気ですか。今日はいい天気ですね。"
KOREAN = "안녕하세요, 오늘은 날씨가 좋습니다."
RUSSIAN = "Привет, как дела? Сегодня хорошая погода."


@pytest.mark.parametrize(
    ("text", "encoding", "taken"),
    [
        (CHINESE, "gbk", "gb18030"),
        ("你好", "gbk", "gb18030"),
        ("早上好", "gb18030", "gb18030"),
        (TRADITIONAL, "big5", "big5"),
        (JAPANESE, "cp932", "shift-jis"),
        ("おはよう", "cp932", "shift-jis"),
        (JAPANESE, "euc-jp", "euc-jp"),
        (KOREAN, "cp949", "euc-kr"),
        (RUSSIAN, "cp1251", "cp1251"),
        (RUSSIAN, "koi8-r", "koi8-r"),
        ("Ça va très bien, merci à tous", "cp1252", "cp1252"),
        ("Schöne Grüße, mein Mädchen", "cp1252", "cp1252"),
        ("¿Dónde está el niño?", "cp1252", "cp1252"),
        ("Perché è così, e non più?", "cp1252", "cp1252"),
        ("Dzień dobry, jak się masz? Źle.", "cp1250", "cp1250"),
        ("Güneş ışığı çok güzel", "cp1254", "cp1254"),
        (CHINESE, "utf-16-le", "utf-16-le"),
        (CHINESE + "\n" + CHINESE, "utf-16-be", "utf-16-be"),
        (f"1\n00:00:01,000 --> 00:00:02,000\n{CHINESE}\n", "gbk", "gb18030"),
        (f"[happy] {KOREAN}", "cp949", "euc-kr"),
    ],
)
def test_encodings_of_every_country_are_told_apart(text, encoding, taken) -> None:
    found = decoded(text.encode(encoding), name="talk.srt", by_option=True)
    assert (found.text, found.encoding) == (text, taken)
    # What UTF-16 is, is certain; what a code page is, is said.
    assert (found.note is None) == taken.startswith("utf-16")
    if found.note is not None:
        assert "--encoding" in found.note.en
        assert "--encoding" in found.note.zh
        without = decoded(text.encode(encoding), name="talk.srt").note
        assert without is not None
        assert "save it as UTF-8" in without.en
        assert "--encoding" not in without.en + without.zh


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_what_is_certain_needs_no_note(encoding) -> None:
    found = decoded(CHINESE.encode(encoding), name="talk.srt")
    assert (found.text, found.note) == (CHINESE, None)


def test_an_encoding_can_be_named(tmp_path) -> None:
    path = tmp_path / "talk.txt"
    path.write_bytes("Dzień".encode("cp1250"))
    assert read_decoded(path, encoding="windows-1250").text == "Dzień"
    assert read_decoded(path, encoding="cp1250").note is None
    assert decoded("é".encode("cp850"), name="x", encoding="cp850").text == "é"
    assert (codec_of("sjis"), codec_of("Big5"), codec_of("UTF-8")) == ("cp932", "cp950", "utf-8")
    for wrong in ("klingon", "base64", "hex", "undefined"):
        with pytest.raises(TranscriptError, match="no encoding that is known") as caught:
            codec_of(wrong)
        check_says_the_same(caught.value)
    with pytest.raises(TranscriptError, match="is not text in big5") as caught:
        decoded(b"\xff\xff", name="talk.txt", encoding="big5", by_option=True)
    check_says_the_same(caught.value)


def test_a_byte_order_mark_goes_before_a_named_encoding() -> None:
    assert decoded(CHINESE.encode("utf-8-sig"), name="x", encoding="gbk").text == CHINESE


@pytest.mark.parametrize(
    "data", [b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", bytes(range(256)), b"\xff\x01\xfe"]
)
def test_what_is_no_text_is_refused(data) -> None:
    with pytest.raises(TranscriptError, match="save it as UTF-8") as caught:
        decode(data, name="talk.txt")
    check_says_the_same(caught.value)


# From everyday talk; short ones too, as a subtitle file may hold few lines.
_OF_ONE_ALPHABET = [
    ("cp1253", "Καλημέρα σας, τι κάνετε σήμερα;"),
    ("cp1253", "Δεν ξέρω τι να σου πω. Είμαι πολύ χαρούμενος που σε βλέπω."),
    ("cp1253", "ΤΙ ΚΑΝΕΙΣ ΕΚΕΙ;"),
    ("cp1255", "שלום לכם, מה שלומכם היום"),
    ("cp1255", "אני לא יודע מה להגיד לך. אני מאוד שמח לראות אותך, בוא תיכנס."),
    ("cp1256", "مرحبا بكم، كيف حالكم اليوم"),
    ("cp1256", "لا أعرف ماذا أقول لك. أنا سعيد جدا برؤيتك، تفضل بالدخول."),
    ("cp874", "สวัสดีครับ วันนี้อากาศดีมาก"),
    ("cp874", "ไม่รู้จะพูดอะไรกับคุณ ฉันดีใจมากที่ได้พบคุณ"),
    ("cp1251", "Здравствуйте, сегодня очень хорошая погода"),
    ("cp1251", "ЧТО ТЫ ТАМ ДЕЛАЕШЬ?"),
    ("cp1251", "Привіт, як справи сьогодні? Їжа смачна"),
    ("koi8-r", "Я не знаю, что тебе сказать. Очень рад тебя видеть."),
    ("koi8-r", "ЧТО ТЫ ТАМ ДЕЛАЕШЬ?"),
]


@pytest.mark.parametrize(("encoding", "words"), _OF_ONE_ALPHABET)
@pytest.mark.parametrize("frame", ["{}", "1\n00:00:01,000 --> 00:00:02,000\n<i>{}</i>\n"])
def test_alphabets_of_one_byte_a_letter_are_told_apart(encoding, words, frame) -> None:
    assert guess_encoding(frame.format(words).encode(encoding))[0] == encoding


def test_a_single_short_word_is_never_certain() -> None:
    assert guess_encoding("Да.".encode("cp1251")) == ("cp1251", False)
    assert not guess_encoding("כן.".encode("cp1255"))[1]
