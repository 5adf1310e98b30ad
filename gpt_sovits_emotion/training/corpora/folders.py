"""A folder per emotion, of one speaker or of several: the layout that anybody makes by hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gpt_sovits_emotion.core.errors import CorpusError
from gpt_sovits_emotion.core.labels import EMOTIONS, is_default_slot
from gpt_sovits_emotion.core.records import Sentence
from gpt_sovits_emotion.training.corpora.audio_files import passed_over
from gpt_sovits_emotion.training.corpora.corpus import Clip, label_from
from gpt_sovits_emotion.training.corpora.texts import CorpusTexts

__all__ = ["names_emotions", "read_folders"]

_TEXT_SUFFIXES = (".lab", ".txt")
_NO_EMOTION = Sentence("in no folder of an emotion", "它们不在任何情感的文件夹中")
_DEFAULT_SLOT = Sentence(
    "the folder is a bank's fallback slot and no emotion", "其文件夹是音库的默认项，不是情感"
)


def names_emotions(files: Sequence[Path]) -> bool:
    """Say whether one of the first two levels of folders names at least one known emotion."""
    return _emotion_level(files) is not None


def read_folders(root: Path, files: Sequence[Path]) -> tuple[tuple[Clip, ...], list[Sentence]]:
    """Read ``emotion/clip.wav``, ``speaker/emotion/clip.wav`` or ``emotion/speaker/clip.wav``.

    The level whose folders name known emotions is that of the emotions; its other folders are labels
    of their own. The other level is the speaker, and without one the corpus's own name is. A text
    beside a clip (``clip.lab`` or ``clip.txt``) is what is said in it.

    Args:
        root: The corpus's folder.
        files: Its audio files, relative to it.

    Returns:
        The clips, and warnings.

    Raises:
        CorpusError: No folder names an emotion, or a text beside a clip cannot be read.
    """
    level = _emotion_level(files)
    if level is None:
        names = sorted({part for path in files for part in path.parts[:-1][:2]})
        shown = ", ".join(names[:8]) if names else "no folders"
        raise CorpusError(
            f"no folder in {root} is named after an emotion (found {shown}); expected one per emotion, "
            "such as angry, happy, sad, neutral",
            zh=f"{root} 中没有以情感命名的文件夹（现有：{shown}）；"
            "应为每种情感一个文件夹，如 愤怒、开心、难过、中立",
        )
    clips, homeless, slots = [], [], []
    texts = CorpusTexts()
    for path in files:
        folders = path.parts[:-1]
        if len(folders) <= level:
            homeless.append(path)
        elif is_default_slot(folders[level]):
            slots.append(path)
        else:
            clips.append(_clip(root, path, level, texts))
    passed = [*passed_over(homeless, _NO_EMOTION), *passed_over(slots, _DEFAULT_SLOT)]
    return tuple(clips), [*passed, *texts.notes]


def _clip(root: Path, path: Path, level: int, texts: CorpusTexts) -> Clip:
    folders = path.parts[:-1]
    others = [*folders[:level], *folders[level + 1 : 2]]
    return Clip(
        path=path,
        speaker="/".join(others) or root.resolve().name,
        emotion=label_from(folders[level]),
        text=_text_beside(root / path, texts),
        label=folders[level],
    )


def _emotion_level(files: Sequence[Path]) -> int | None:
    shares = []
    for level in (0, 1):
        names = {path.parts[level] for path in files if len(path.parts) > level + 1}
        known = sum(label_from(name) in EMOTIONS for name in names)
        shares.append(known / len(names) if names else 0.0)
    best = max((0, 1), key=lambda level: shares[level])
    return best if shares[best] > 0 else None


def _text_beside(path: Path, texts: CorpusTexts) -> str:
    for suffix in _TEXT_SUFFIXES:
        beside = path.with_suffix(suffix)
        if beside.is_file():
            return texts.read(beside).strip()
    return ""
