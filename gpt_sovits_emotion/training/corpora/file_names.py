"""Corpora whose file names say speaker and emotion, read as they are distributed.

Sources: the description that comes with each corpus (`KNOWN_CORPORA` has the addresses). A reader is a
function from a path within the corpus to a clip, or None for a file that is none of its clips.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from gpt_sovits_emotion.core.labels import EMODB_LETTERS
from gpt_sovits_emotion.training.corpora.corpus import Clip, label_from

__all__ = ["CLIP_READERS", "ClipReader", "iemocap_clip"]

ClipReader = Callable[[Path], "Clip | None"]

EMODB_SENTENCES: Mapping[str, str] = MappingProxyType(
    {
        "a01": "Der Lappen liegt auf dem Eisschrank.",
        "a02": "Das will sie am Mittwoch abgeben.",
        "a04": "Heute abend könnte ich es ihm sagen.",
        "a05": "Das schwarze Stück Papier befindet sich da oben neben dem Holzstück.",
        "a07": "In sieben Stunden wird es soweit sein.",
        "b01": "Was sind denn das für Tüten, die da unter dem Tisch stehen?",
        "b02": "Sie haben es gerade hochgetragen und jetzt gehen sie wieder runter.",
        "b03": "An den Wochenenden bin ich jetzt immer nach Hause gefahren und habe Agnes besucht.",
        "b09": "Ich will das eben wegbringen und dann mit Karl was trinken gehen.",
        "b10": "Die wird auf dem Platz sein, wo wir sie immer hinlegen.",
    }
)
_EMODB_NAME = re.compile(
    r"(?P<speaker>03|08|09|1[0-6])(?P<text>[ab]\d\d)(?P<emotion>[WLEAFTN])[a-z]?", re.IGNORECASE
)
_EMODB_MEN = frozenset({"03", "10", "11", "12", "15"})

_RAVDESS_NAME = re.compile(
    r"03-01-(?P<emotion>0[1-8])-(?P<intensity>0[12])-(?P<statement>0[12])-0[12]-(?P<actor>\d\d)"
)
_RAVDESS_EMOTIONS = (
    "neutral",
    "calm",
    "happy",
    "sad",
    "angry",
    "fearful",
    "disgusted",
    "surprised",
)
_RAVDESS_STATEMENTS = ("Kids are talking by the door", "Dogs are sitting by the door")

_CREMA_D_NAME = re.compile(
    r"(?P<speaker>1\d{3})_(?P<sentence>[A-Z]{3})_(?P<emotion>ANG|DIS|FEA|HAP|NEU|SAD)"
    r"_(?P<level>LO|MD|HI|XX?)"
)
_CREMA_D_EMOTIONS = {
    "ANG": "angry", "DIS": "disgusted", "FEA": "fearful", "HAP": "happy", "NEU": "neutral", "SAD": "sad",
}  # fmt: skip
_CREMA_D_LEVELS = {"LO": "low", "MD": "medium", "HI": "high"}
_CREMA_D_SENTENCES = {
    "IEO": "It's eleven o'clock",
    "TIE": "That is exactly what happened",
    "IOM": "I'm on my way to the meeting",
    "IWW": "I wonder what this is about",
    "TAI": "The airplane is almost full",
    "MTI": "Maybe tomorrow it will be cold",
    "IWL": "I would like a new alarm clock",
    "ITH": "I think I have a doctor's appointment",
    "DFA": "Don't forget a jacket",
    "ITS": "I think I've seen this before",
    "TSI": "The surface is slick",
    "WSI": "We'll stop in a couple of minutes",
}

# One file is called OA_bite_neutral.
_TESS_NAME = re.compile(
    r"(?P<speaker>OAF?|YAF)_(?P<word>[a-z]+)_"
    r"(?P<emotion>angry|disgust|fear|happy|neutral|sad|ps|pleasant_surprised?)",
    re.IGNORECASE,
)

_SAVEE_NAME = re.compile(
    r"(?:(?P<speaker>DC|JE|JK|KL)_)?(?P<emotion>sa|su|[adfhn])(?P<number>\d\d)", re.IGNORECASE
)
_SAVEE_SPEAKERS = frozenset({"DC", "JE", "JK", "KL"})
_SAVEE_EMOTIONS = {
    "a": "angry", "d": "disgusted", "f": "fearful", "h": "happy", "n": "neutral", "sa": "sad",
    "su": "surprised",
}  # fmt: skip
_SAVEE_COMMON = frozenset({"01", "02", "03"})  # said in every emotion

_EMOVO_NAME = re.compile(
    r"(?P<emotion>neu|dis|gio|pau|rab|sor|tri)-(?P<speaker>[fm]\d)-(?P<text>[a-z]\d)", re.IGNORECASE
)
_EMOVO_EMOTIONS = {
    "neu": "neutral", "dis": "disgusted", "gio": "happy", "pau": "fearful", "rab": "angry",
    "sor": "surprised", "tri": "sad",
}  # fmt: skip

_ESD_NAME = re.compile(r"(?P<speaker>00(?:0[1-9]|1\d|20))_(?P<number>\d{6})")
_ESD_EMOTIONS = frozenset({"neutral", "happy", "angry", "sad", "surprised"})
_ESD_LAST_CHINESE = 10

_NEMO_NAME = re.compile(
    r"(?P<speaker>[A-Z]{2}\d)_(?P<emotion>anger|fear|happiness|neutral|sadness|surprised)_(?P<number>\d+)"
)

_CASIA_SPEAKERS = {
    "liuchanhg": ("liuchanhg", "female"), "chang.liu": ("liuchanhg", "female"),
    "liuchang": ("liuchanhg", "female"),
    "wangzhe": ("wangzhe", "male"), "zhe.wang": ("wangzhe", "male"),
    "zhaoquanyin": ("zhaoquanyin", "female"), "quanyin.zhao": ("zhaoquanyin", "female"),
    "zhaozuoxiang": ("zhaozuoxiang", "male"), "zuoxiang.zhao": ("zhaozuoxiang", "male"),
}  # fmt: skip
_CASIA_EMOTIONS = frozenset({"angry", "fear", "happy", "neutral", "sad", "surprise"})
_CASIA_OWN_TEXTS = "不同文本"  # the part in which every emotion has texts of its own

_IEMOCAP_NAME = re.compile(
    r"(?P<session>Ses0[1-5])[FM]_(?:impro|script)\w*_(?P<who>[FM])[X\d]\d{2,3}"
)


def _emodb(path: Path) -> Clip | None:
    found = _EMODB_NAME.fullmatch(path.stem)
    if found is None:
        return None
    letter, text = found["emotion"].upper(), found["text"].lower()
    return Clip(
        path=path,
        speaker=found["speaker"],
        emotion=EMODB_LETTERS[letter],
        language="de",
        text=EMODB_SENTENCES.get(text, text),
        gender="male" if found["speaker"] in _EMODB_MEN else "female",
        label=letter,
    )


def _ravdess(path: Path) -> Clip | None:
    # songs have 02 in the second place; 03 in the first says audio only
    found = _RAVDESS_NAME.fullmatch(path.stem)
    if found is None or not 1 <= int(found["actor"]) <= 24:
        return None
    return Clip(
        path=path,
        speaker=f"actor{found['actor']}",
        emotion=_RAVDESS_EMOTIONS[int(found["emotion"]) - 1],
        language="en",
        text=_RAVDESS_STATEMENTS[int(found["statement"]) - 1],
        gender="male" if int(found["actor"]) % 2 else "female",
        intensity="normal" if found["intensity"] == "01" else "strong",
        label=found["emotion"],
    )


def _crema_d(path: Path) -> Clip | None:
    found = _CREMA_D_NAME.fullmatch(path.stem)
    if found is None:
        return None
    return Clip(
        path=path,
        speaker=found["speaker"],
        emotion=_CREMA_D_EMOTIONS[found["emotion"]],
        language="en",
        text=_CREMA_D_SENTENCES.get(found["sentence"], found["sentence"]),
        intensity=_CREMA_D_LEVELS.get(found["level"], ""),
        label=found["emotion"],
    )


def _tess(path: Path) -> Clip | None:
    found = _TESS_NAME.fullmatch(path.stem)
    if found is None:
        return None
    emotion = found["emotion"].lower()
    return Clip(
        path=path,
        speaker="YAF" if found["speaker"].upper() == "YAF" else "OAF",
        emotion="surprised" if emotion.startswith("p") else label_from(emotion),
        language="en",
        text=f"Say the word {found['word'].lower()}",
        gender="female",
        label=found["emotion"],
    )


def _savee(path: Path) -> Clip | None:
    found = _SAVEE_NAME.fullmatch(path.stem)
    if found is None:
        return None
    folder = path.parent.name.upper()
    speaker = found["speaker"].upper() if found["speaker"] else folder
    if speaker not in _SAVEE_SPEAKERS:
        return None
    letters, number = found["emotion"].lower(), found["number"]
    return Clip(
        path=path,
        speaker=speaker,
        emotion=_SAVEE_EMOTIONS[letters],
        language="en",
        text=f"common {number}" if number in _SAVEE_COMMON else f"{letters}{number}",
        gender="male",
        label=letters,
    )


def _emovo(path: Path) -> Clip | None:
    found = _EMOVO_NAME.fullmatch(path.stem)
    if found is None:
        return None
    speaker = found["speaker"].lower()
    return Clip(
        path=path,
        speaker=speaker,
        emotion=_EMOVO_EMOTIONS[found["emotion"].lower()],
        language="it",
        text=found["text"].lower(),
        gender="female" if speaker.startswith("f") else "male",
        label=found["emotion"],
    )


def _esd(path: Path) -> Clip | None:
    found = _ESD_NAME.fullmatch(path.stem)
    # 0001/Angry/0001_000351.wav, or with train, test or evaluation in between
    folder = next((part for part in path.parts[:-1] if label_from(part) in _ESD_EMOTIONS), None)
    if found is None or folder is None:
        return None
    number = int(found["number"])
    chinese = int(found["speaker"]) <= _ESD_LAST_CHINESE
    return Clip(
        path=path,
        speaker=found["speaker"],
        emotion=label_from(folder),
        language="zh" if chinese else "en",
        # 350 sentences a language, in the same order for every emotion
        text=f"{'zh' if chinese else 'en'} {(number - 1) % 350 + 1:03d}",
        label=folder,
    )


def _nemo(path: Path) -> Clip | None:
    found = _NEMO_NAME.fullmatch(path.stem)
    if found is None:
        return None
    return Clip(
        path=path,
        speaker=found["speaker"],
        emotion=label_from(found["emotion"]),
        language="pl",
        text=f"sentence {found['number']}",
        label=found["emotion"],
    )


def _casia(path: Path) -> Clip | None:
    parts = [part.casefold() for part in path.parts[:-1]]
    who = next((_CASIA_SPEAKERS[part] for part in parts if part in _CASIA_SPEAKERS), None)
    emotion = next((part for part in parts if part in _CASIA_EMOTIONS), None)
    if who is None or emotion is None:
        return None
    own_texts = any(_CASIA_OWN_TEXTS in part for part in parts)
    return Clip(
        path=path,
        speaker=who[0],
        emotion=label_from(emotion),
        language="zh",
        text=f"{emotion} {path.stem}" if own_texts else path.stem,
        gender=who[1],
        label=emotion,
    )


def iemocap_clip(path: Path) -> Clip | None:
    """Read an utterance of IEMOCAP; its emotion stands elsewhere and is left empty here."""
    found = _IEMOCAP_NAME.fullmatch(path.stem)
    if found is None:
        return None
    return Clip(
        path=path,
        speaker=f"{found['session']}{found['who']}",
        emotion="",
        language="en",
        gender="female" if found["who"] == "F" else "male",
    )


CLIP_READERS: Mapping[str, ClipReader] = MappingProxyType(
    {
        "emodb": _emodb,
        "ravdess": _ravdess,
        "crema-d": _crema_d,
        "tess": _tess,
        "savee": _savee,
        "emovo": _emovo,
        "esd": _esd,
        "nemo": _nemo,
        "casia": _casia,
        "iemocap": iemocap_clip,
    }
)
"""Id of a known corpus -> what reads a path in it."""
