"""Banks that are folders: the labels stand in the names of folders, or of the clips themselves.

angry/1.wav  angry/1.lab                            a folder per emotion, the words beside
reference_audios/中文/emotions/【开心】text.wav      the packs that go round, with …/randoms/text.wav
参考音频/<voice>/开心_happy/【开心_happy】text.wav    the same, sorted by a tagger
angry_text.wav  alice-sad.wav  开心2.wav             a flat folder, with labels in its names
0001.wav  0001.lab                                  clips without a label
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from gpt_sovits_emotion.banks.library.layouts.files import read_words
from gpt_sovits_emotion.banks.library.layouts.label_words import folder_label
from gpt_sovits_emotion.banks.library.layouts.listing import (
    ClipEntry,
    Listing,
    emotion_of,
    language_code,
    language_of_name,
    language_of_text,
)
from gpt_sovits_emotion.banks.library.layouts.names import (
    NamedClip,
    are_labelled,
    split_brackets,
    split_underscore,
    spot_label,
    words_of_name,
)
from gpt_sovits_emotion.banks.library.layouts.voice_file import VOICE_FILE, read_voice_file
from gpt_sovits_emotion.banks.library.layouts.walking import MOST_DEEP, Content, Walk
from gpt_sovits_emotion.core.errors import ReferenceBankError
from gpt_sovits_emotion.core.labels import EMOTIONS, display_name
from gpt_sovits_emotion.core.messages import in_both, tr
from gpt_sovits_emotion.core.records import Sentence

__all__ = ["read_folders"]

_PACKS = frozenset({"reference_audios", "reference_audio", "参考音频", "emotions", "多语种混合"})
_RANDOMS = "randoms"  # clips of a pack that nobody labelled, named by their words
_TRAINING_CLIPS = "5-wav32k"  # where GPT-SoVITS keeps the clips of a training, in logs/<exp>
_NAMES_SHOWN = 4


@dataclass(slots=True)
class _Found:
    """What a walk has gathered so far, by how its labels were known."""

    walk: Walk = field(default_factory=Walk)
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


def read_folders(root: Path) -> Listing:
    """Read a bank that is a folder.

    Raises:
        ReferenceBankError: Its ``voice.yaml`` is broken, or it holds several voices, or a training of
            GPT-SoVITS.
        OSError: It cannot be read.
    """
    if (root / _TRAINING_CLIPS).is_dir():
        raise ReferenceBankError(
            tr(
                "{root} is a training folder of GPT-SoVITS: its clips have no emotions yet; run  refs "
                "build  on it first",
                root=root,
            )
        )
    next(root.iterdir(), None)  # a root that cannot be read is no bank, other than a folder in it
    settings = read_voice_file(root / VOICE_FILE)
    voice = str(settings.pop("voice", "") or "")
    language = language_code(str(settings.pop("language", "") or ""))
    synthetic = settings.pop("synthetic", False) is True
    found = _Found()
    _walk(root, found, language, 0)
    if not (found.brackets or found.folders or found.loose) and found.voices:
        inner = _only_voice(root, found)
        _walk(inner, found, language, 1)
        voice = voice or inner.name
    else:
        for (
            folder
        ) in found.voices:  # further folders of the same voice, whose clips' names are labelled
            if any(
                isinstance(spot_label(path.stem), NamedClip)
                for path in found.walk.content(folder).audio
            ):
                _walk(folder, found, language, 1)
    by_name = settings.get("layout") == "names"
    if by_name:
        del settings["layout"]
    layout, entries = _sorted_out(found, by_name=by_name)
    notes = (*found.walk.notes(), *_about(entries))
    return Listing(layout, root, entries, voice, synthetic, settings, notes)


def _about(entries: tuple[ClipEntry, ...]) -> list[Sentence]:
    """Say once what is unclear of any clip's name."""
    unclear = [entry for entry in entries if entry.doubts]
    if not unclear:
        return []
    first, n_more = unclear[0], len(unclear) - 1
    more, more_zh = (
        (f" (and {n_more} more like it)", f"（另有 {n_more} 个类似）") if n_more else ("", "")
    )
    return [
        tr(
            "{path}: {said}{more}",
            path=first.path.name,
            said=first.doubts[0],
            more=in_both(more, more_zh),
        )
    ]


def _sorted_out(found: _Found, *, by_name: bool) -> tuple[str, tuple[ClipEntry, ...]]:
    """Decide what loose clips are; `by_name`: the bank says that their names are ``label_text``."""
    labelled = found.brackets + found.folders
    loose = [_spotted(each) for each in found.loose]
    if labelled:
        # Beside folders of clips, a lone file is the whole recording, or a take that was thrown out.
        kept = [
            entry
            for entry, each in zip(loose, found.loose, strict=True)
            if each.random or entry.filed_by == "person" or entry.doubts
        ]
        layout = "brackets" if found.brackets else "folders"
        return layout, tuple(sorted(labelled + kept, key=lambda entry: entry.path))
    layout, clips = _loose_clips(found, loose, by_name=by_name)
    return layout, tuple(sorted(clips, key=lambda entry: entry.path))


def _loose_clips(
    found: _Found, loose: list[ClipEntry], *, by_name: bool
) -> tuple[str, list[ClipEntry]]:
    """Decide what the clips of a folder are in which nothing is labelled but, perhaps, by their names."""
    one_label = [each for entry, each in zip(loose, found.loose, strict=True) if not entry.doubts]
    free = by_name or are_labelled([each.path.stem for each in one_label if not each.random])
    if free:
        loose = [
            _named(each) if not each.random and (by_name or _is_open(entry)) else entry
            for entry, each in zip(loose, found.loose, strict=True)
        ]
    named = free or any(entry.filed_by == "person" for entry in loose)
    return "names" if named else "clips", loose


def _is_open(entry: ClipEntry) -> bool:
    """Say whether a name holds no known label: what stands before its ``_`` may be a free one."""
    return entry.filed_by != "person" and not entry.doubts


def _walk(folder: Path, found: _Found, language: str, depth: int, *, random: bool = False) -> None:
    """Gather the clips of a folder that is no emotion's, and of the folders in it."""
    content = found.walk.content(folder)
    for path in content.audio:
        text = _text_beside(path, content)
        named = None if random else split_brackets(path.stem)
        if named is None:
            found.loose.append(_Loose(path, text, language, random))
        else:
            found.brackets.append(_entry(path, named.emotion, text or named.text, language))
    if depth == MOST_DEEP:
        return
    for inner in content.folders:
        name, spoken = inner.name.casefold(), language_of_name(inner.name)
        label = _emotion_of_folder(inner.name)
        if name in _PACKS or name == _RANDOMS or spoken:
            _walk(inner, found, spoken or language, depth + 1, random=name == _RANDOMS)
        elif label is not None:
            _gather(inner, label, found, language, depth + 1)
        elif _has_unlabelled(found.walk.content(inner)):
            _gather(inner, emotion_of(inner.name), found, language, depth + 1)
        else:
            found.voices.append(inner)


def _emotion_of_folder(name: str) -> str | None:
    """Return the known emotion that a folder is named after, "" for the default slot; None for others."""
    label = emotion_of(name)
    return label if label in ("", *EMOTIONS) else folder_label(name)


def _has_unlabelled(content: Content) -> bool:
    """Say whether a folder of an unknown name holds clips that have no label but the folder's."""
    return any(
        split_brackets(path.stem) is not None or spot_label(path.stem) is None
        for path in content.audio
    )


def _gather(folder: Path, emotion: str, found: _Found, language: str, depth: int) -> None:
    """Gather the clips of an emotion's folder, and of whatever folders it was divided into."""
    content = found.walk.content(folder)
    for path in content.audio:
        text = _text_beside(path, content)
        named = split_brackets(path.stem)
        if named is None:
            found.folders.append(_filed(path, emotion, text, language))
        else:
            found.brackets.append(_entry(path, named.emotion, text or named.text, language))
    if depth < MOST_DEEP:
        for inner in content.folders:
            spoken, label = language_of_name(inner.name), emotion_of(inner.name)
            nearest = label if label in EMOTIONS else emotion
            _gather(inner, nearest, found, spoken or language, depth + 1)


def _filed(path: Path, emotion: str, text: str, language: str) -> ClipEntry:
    """Return a clip of an emotion's folder. The folder counts; a name that says something else is told of."""
    entry = _entry(path, emotion, text, language)
    spotted = spot_label(path.stem)
    if not isinstance(spotted, NamedClip) or spotted.emotion in ("", emotion):
        return entry
    if emotion not in ("", *EMOTIONS):  # a folder of whatever name: the clip's own label says more
        return _entry(path, spotted.emotion, text or spotted.text, language)
    name, other = display_name(emotion) or "default", display_name(spotted.emotion)
    name_zh, other_zh = display_name(emotion, "zh") or "默认", display_name(spotted.emotion, "zh")
    doubt = tr(
        "it lies in the folder of {name}, and its name says {other}: the folder counts; move it if that "
        "is wrong",
        name=in_both(name, name_zh),
        other=in_both(other, other_zh),
    )
    return replace(entry, doubts=(doubt,))


def _only_voice(root: Path, found: _Found) -> Path:
    voices = [folder for folder in found.voices if found.walk.has_audio(folder)]
    if not voices:
        return found.voices[0]
    if len(voices) > 1:
        names = ", ".join(folder.name for folder in voices[:_NAMES_SHOWN])
        more = ", …" if len(voices) > _NAMES_SHOWN else ""
        raise ReferenceBankError(
            tr(
                "{root} holds several voices ({names}{more}); name the folder of one of them",
                root=root,
                names=names,
                more=more,
            )
        )
    return voices[0]


def _text_beside(path: Path, content: Content) -> str:
    beside = content.texts.get(path.stem + ".lab") or content.texts.get(path.stem + ".txt")
    return read_words(beside) if beside is not None else ""


def _entry(path: Path, emotion: str, text: str, language: str) -> ClipEntry:
    return ClipEntry(path, emotion, text, language or language_of_text(text))


def _named(loose: _Loose) -> ClipEntry:
    named = split_underscore(loose.path.stem)
    return _entry(loose.path, named.emotion, loose.text_beside or named.text, loose.language)


def _spotted(loose: _Loose) -> ClipEntry:
    """Return a clip under the label that its name holds, or without one."""
    spotted = None if loose.random else spot_label(loose.path.stem)
    if isinstance(spotted, NamedClip):
        text = loose.text_beside or spotted.text
        return _entry(loose.path, spotted.emotion, text, loose.language)
    text = loose.text_beside or (words_of_name(loose.path.stem) if loose.random else "")
    language = loose.language or language_of_text(text)
    doubts = () if spotted is None else (spotted,)
    return ClipEntry(loose.path, "", text, language, filed_by="head", doubts=doubts)
