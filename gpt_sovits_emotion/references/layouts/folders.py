"""Banks that are folders: the labels stand in the names of folders, or of the clips themselves.

angry/1.wav  angry/1.lab                            a folder per emotion, the words beside
reference_audios/中文/emotions/【开心】text.wav      the packs that go round, with …/randoms/text.wav
参考音频/<voice>/开心_happy/【开心_happy】text.wav    the same, sorted by a tagger
angry_text.wav                                      a flat folder
0001.wav  0001.lab                                  clips without a label
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any

from gpt_sovits_emotion.errors import ReferenceBankError
from gpt_sovits_emotion.labels import EMOTIONS
from gpt_sovits_emotion.references.layouts.listing import (
    AUDIO_SUFFIXES,
    ClipEntry,
    Listing,
    emotion_of,
    language_code,
    language_of_name,
    language_of_text,
    read_words,
)
from gpt_sovits_emotion.references.layouts.names import (
    are_labelled,
    split_brackets,
    split_underscore,
    words_of_name,
)

__all__ = ["VOICE_FILE", "read_folders"]

VOICE_FILE = "voice.yaml"
_PACKS = frozenset({"reference_audios", "reference_audio", "参考音频", "emotions", "多语种混合"})
_RANDOMS = "randoms"  # clips of a pack that nobody labelled, named by their words
_TRAINING_CLIPS = "5-wav32k"  # where GPT-SoVITS keeps the clips of a training, in logs/<exp>
_MOST_DEEP = 6
_NAMES_SHOWN = 4


@dataclass(slots=True)
class _Found:
    """What a walk has gathered so far, by how its labels were known."""

    brackets: list[ClipEntry] = field(default_factory=list)
    folders: list[ClipEntry] = field(default_factory=list)
    loose: list[_Loose] = field(default_factory=list)
    voices: list[Path] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Loose:
    """A clip in no folder that labels it."""

    path: Path
    text_beside: str
    language: str
    random: bool


@dataclass(frozen=True, slots=True)
class _Content:
    audio: tuple[Path, ...]
    folders: tuple[Path, ...]
    texts: dict[str, Path]


def read_folders(root: Path) -> Listing:
    """Read a bank that is a folder.

    Raises:
        ReferenceBankError: Its ``voice.yaml`` is broken, or it holds several voices, or a training of
            GPT-SoVITS.
        OSError: It cannot be read.
    """
    if (root / _TRAINING_CLIPS).is_dir():
        raise ReferenceBankError(
            f"{root} is a training folder of GPT-SoVITS: its clips have no emotions yet; run  refs build  on "
            "it first",
            zh=f"{root} 是 GPT-SoVITS 的训练文件夹，其中的片段还没有情感标签；请先运行  refs build",
        )
    settings = _read_voice_file(root / VOICE_FILE)
    voice = str(settings.pop("voice", "") or "")
    language = language_code(str(settings.pop("language", "") or ""))
    synthetic = settings.pop("synthetic", False) is True
    found = _Found()
    _walk(root, found, language, 0)
    if not (found.brackets or found.folders or found.loose) and found.voices:
        inner = _only_voice(root, found.voices)
        _walk(inner, found, language, 1)
        voice = voice or inner.name
    by_name = settings.get("layout") == "names"
    if by_name:
        del settings["layout"]
    layout, entries = _sorted_out(found, by_name=by_name)
    return Listing(layout, root, entries, voice, synthetic, settings)


def _sorted_out(found: _Found, *, by_name: bool) -> tuple[str, tuple[ClipEntry, ...]]:
    """Decide what loose clips are; `by_name`: the bank says that their names hold labels."""
    labelled = found.brackets + found.folders
    named = [loose.path.stem for loose in found.loose if not loose.random]
    by_name = not labelled and (by_name or are_labelled(named))
    if labelled:
        # Beside folders of clips, a lone file is the whole recording, or a take that was thrown out.
        loose = [_unlabelled(each) for each in found.loose if each.random]
    else:
        loose = [
            _named(each) if by_name and not each.random else _unlabelled(each)
            for each in found.loose
        ]
    layout = "names" if by_name else "clips"
    if labelled:
        layout = "brackets" if found.brackets else "folders"
    return layout, tuple(sorted(labelled + loose, key=lambda entry: entry.path))


def _walk(folder: Path, found: _Found, language: str, depth: int, *, random: bool = False) -> None:
    """Gather the clips of a folder that is no emotion's, and of the folders in it."""
    content = _content(folder)
    for path in content.audio:
        text = _text_beside(path, content)
        named = None if random else split_brackets(path.stem)
        if named is None:
            found.loose.append(_Loose(path, text, language, random))
        else:
            found.brackets.append(_entry(path, named.emotion, text or named.text, language))
    if depth == _MOST_DEEP:
        return
    for inner in content.folders:
        name, spoken = inner.name.casefold(), language_of_name(inner.name)
        if name in _PACKS or name == _RANDOMS or spoken:
            _walk(inner, found, spoken or language, depth + 1, random=name == _RANDOMS)
        elif emotion_of(inner.name) in ("", *EMOTIONS) or _content(inner).audio:
            _gather(inner, emotion_of(inner.name), found, language, depth + 1)
        else:
            found.voices.append(inner)


def _gather(folder: Path, emotion: str, found: _Found, language: str, depth: int) -> None:
    """Gather the clips of an emotion's folder, and of whatever folders it was divided into."""
    content = _content(folder)
    for path in content.audio:
        text = _text_beside(path, content)
        named = split_brackets(path.stem)
        if named is None:
            found.folders.append(_entry(path, emotion, text, language))
        else:
            found.brackets.append(_entry(path, named.emotion, text or named.text, language))
    if depth < _MOST_DEEP:
        for inner in content.folders:
            spoken = language_of_name(inner.name)
            _gather(inner, emotion, found, spoken or language, depth + 1)


def _only_voice(root: Path, folders: list[Path]) -> Path:
    voices = [folder for folder in folders if _has_audio(folder)]
    if not voices:
        return folders[0]
    if len(voices) > 1:
        names = ", ".join(folder.name for folder in voices[:_NAMES_SHOWN])
        more = ", …" if len(voices) > _NAMES_SHOWN else ""
        raise ReferenceBankError(
            f"{root} holds several voices ({names}{more}); name the folder of one of them",
            zh=f"{root} 中有多个音色（{names}{more}）；请指定其中一个的文件夹",
        )
    return voices[0]


def _has_audio(folder: Path) -> bool:
    return any(content.audio for content in _below(folder, 0))


def _below(folder: Path, depth: int) -> Iterator[_Content]:
    content = _content(folder)
    yield content
    if depth < _MOST_DEEP:
        for inner in content.folders:
            yield from _below(inner, depth + 1)


def _content(folder: Path) -> _Content:
    """List a folder once: its clips, its folders, and the texts that may lie beside clips."""
    with os.scandir(folder) as listed:
        entries = sorted(
            (entry for entry in listed if not entry.name.startswith(".")),
            key=lambda entry: entry.name,
        )
    audio, folders, texts = [], [], {}
    for entry in entries:
        suffix = PurePath(entry.name).suffix.casefold()
        if entry.is_dir():
            folders.append(folder / entry.name)
        elif suffix in AUDIO_SUFFIXES:
            audio.append(folder / entry.name)
        elif suffix in (".lab", ".txt"):
            texts[entry.name[: -len(suffix)] + suffix] = folder / entry.name
    return _Content(tuple(audio), tuple(folders), texts)


def _text_beside(path: Path, content: _Content) -> str:
    beside = content.texts.get(path.stem + ".lab") or content.texts.get(path.stem + ".txt")
    return read_words(beside) if beside is not None else ""


def _entry(path: Path, emotion: str, text: str, language: str) -> ClipEntry:
    return ClipEntry(path, emotion, text, language or language_of_text(text))


def _named(loose: _Loose) -> ClipEntry:
    named = split_underscore(loose.path.stem)
    return _entry(loose.path, named.emotion, loose.text_beside or named.text, loose.language)


def _unlabelled(loose: _Loose) -> ClipEntry:
    text = loose.text_beside or (words_of_name(loose.path.stem) if loose.random else "")
    language = loose.language or language_of_text(text)
    return ClipEntry(loose.path, "", text, language, filed_by="head")


def _read_voice_file(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    import yaml

    try:
        held = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        first_line = str(error).splitlines()[0]
        raise ReferenceBankError(
            f"{path} is not readable YAML ({first_line}); correct it or remove it",
            zh=f"{path} 不是可读的 YAML（{first_line}）；请改正或删除",
        ) from error
    if held is None:
        return {}
    if not isinstance(held, dict):
        raise ReferenceBankError(
            f"{path} holds a {type(held).__name__}; names with values (voice: …, language: …) were expected",
            zh=f"{path} 的内容是 {type(held).__name__}；应为名称和值（voice: …, language: …）",
        )
    return {str(key): value for key, value in held.items()}
