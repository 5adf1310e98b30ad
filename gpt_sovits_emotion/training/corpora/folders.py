"""Audio in folders: its files and texts, a folder per emotion, and the clips of one speaker."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from gpt_sovits_emotion.banks.library.layouts import INFER_CONFIG, read_layout
from gpt_sovits_emotion.banks.library.layouts.files import Places
from gpt_sovits_emotion.core.errors import CorpusError, TranscriptError
from gpt_sovits_emotion.core.labels import EMOTIONS, UNSURE, canonical_label, is_default_slot
from gpt_sovits_emotion.core.messages import of_count, tr
from gpt_sovits_emotion.core.records import Sentence
from gpt_sovits_emotion.training.corpora.corpus import Clip, label_from
from gpt_sovits_emotion.transcripts import read_lines
from gpt_sovits_emotion.transcripts.decoding import Decoded, read_decoded
from gpt_sovits_emotion.transcripts.encodings import ENCODING_NAMES

__all__ = [
    "AUDIO_SUFFIXES",
    "CorpusTexts",
    "SpeakerClip",
    "audio_files",
    "find_clips",
    "names_emotions",
    "passed_over",
    "read_folders",
    "without_copies",
]

AUDIO_SUFFIXES = (
    ".wav", ".flac", ".aif", ".aiff", ".mp3", ".ogg", ".oga", ".opus", ".m4a", ".aac", ".wma",
    ".webm", ".mka",
)  # fmt: skip
"""Endings of audio files, those without loss first."""

MAX_FILES = 500_000
"""The largest corpora of emotions have a fifth of it; a folder with more is a whole disk."""


def audio_files(root: Path) -> tuple[Path, ...]:
    """Return the audio files in a folder and its subfolders, sorted, as paths relative to it.

    Hidden files and folders (such as the ``._*`` that macOS leaves) are passed over, and links to
    folders are not followed.

    Raises:
        CorpusError: The folder is missing, cannot be read, or holds more than `MAX_FILES` files.
    """
    if not root.is_dir():
        raise CorpusError(tr("there is no folder {root}; name the folder of a corpus", root=root))
    found: list[Path] = []
    n_files = 0
    for folder, inner, names in os.walk(root, onerror=_unreadable):
        inner[:] = sorted(name for name in inner if not name.startswith("."))
        n_files += len(names)
        if n_files > MAX_FILES:
            raise CorpusError(
                tr(
                    "{root} holds more than {max_files} files; name the folder of one corpus",
                    root=root,
                    max_files=MAX_FILES,
                )
            )
        found += (
            Path(folder, name).relative_to(root)
            for name in names
            if not name.startswith(".") and Path(name).suffix.casefold() in AUDIO_SUFFIXES
        )
    return tuple(sorted(found))


def without_copies(clips: Iterable[Clip]) -> tuple[tuple[Clip, ...], list[Sentence]]:
    """Keep one of the clips that a corpus holds several times, as copies in other folders or formats.

    Clips are the same when speaker, emotion and file name (without its ending) are. The format without
    loss is kept, then the first.

    Returns:
        The clips that stay, in their order, and a warning if any went.
    """
    clips = tuple(clips)
    kept: dict[tuple[str, str, str], Clip] = {}
    for clip in clips:
        key = (clip.speaker, clip.emotion, clip.path.stem.casefold())
        other = kept.get(key)
        if other is None or _rank(clip) < _rank(other):
            kept[key] = clip
    stay = {clip.path for clip in kept.values()}
    gone = [clip.path for clip in clips if clip.path not in stay]
    warnings = []
    if gone:
        warnings.append(
            tr(
                "{gone_2} there twice under one name: taken once (such as {gone})",
                gone=gone[0],
                gone_2=of_count(len(gone), "file that lies", "files that lie"),
            )
        )
    return tuple(clip for clip in clips if clip.path in stay), warnings


def passed_over(paths: Sequence[Path], why: Sentence) -> Iterator[Sentence]:
    """Yield the warning that files were passed over, if there are such files."""
    if not paths:
        return
    example = f"{paths[0]}" if len(paths) == 1 else f"{paths[0]}, …"
    yield tr(
        "{paths} passed over, {why} ({example})",
        why=why,
        example=example,
        paths=of_count(len(paths), "audio file was", "audio files were"),
    )


def _rank(clip: Clip) -> int:
    return AUDIO_SUFFIXES.index(clip.path.suffix.casefold())


def _unreadable(error: OSError) -> None:
    raise CorpusError(
        tr(
            "the folder {filename} cannot be read ({strerror}); change its permissions",
            filename=error.filename,
            strerror=error.strerror,
        )
    ) from error


class CorpusTexts:
    """Reads the texts of one corpus, and remembers which of them were no UTF-8."""

    def __init__(self) -> None:
        self._guessed: list[tuple[Path, Decoded]] = []

    def read(self, path: Path) -> str:
        """Return the text of a file.

        Raises:
            CorpusError: It cannot be read, or is no text in an encoding that is known.
        """
        try:
            found = read_decoded(path)
        except TranscriptError as error:
            raise CorpusError(str(error), zh=error.zh) from error
        if found.note is not None:
            self._guessed.append((path, found))
        return found.joined

    @property
    def notes(self) -> tuple[Sentence, ...]:
        """What was guessed, in one sentence however many files it is true of."""
        if not self._guessed:
            return ()
        first, found = self._guessed[0]
        if len(self._guessed) == 1:
            assert found.note is not None
            return (found.note,)
        names = dict.fromkeys(ENCODING_NAMES[each.encoding] for _, each in self._guessed)
        shown = ", ".join(names)
        n_files = len(self._guessed)
        return (
            tr(
                "{n_files} text files are not UTF-8, such as {first}: read as {shown}; if letters are "
                "wrong, save them as UTF-8",
                n_files=n_files,
                first=first.name,
                shown=shown,
            ),
        )


_TEXT_SUFFIXES = (".lab", ".txt")
_NO_EMOTION = tr("in no folder of an emotion")
_DEFAULT_SLOT = tr("the folder is a bank's fallback slot and no emotion")


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
            tr(
                "no folder in {root} is named after an emotion (found {shown}); expected one per "
                "emotion, such as angry, happy, sad, neutral",
                root=root,
                shown=shown,
            )
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


_TRAINING_CLIPS = "5-wav32k"  # where GPT-SoVITS keeps the clips of a training, in logs/<exp>
_SPEAKERS_AUDIO = frozenset({*AUDIO_SUFFIXES, ".mp4", ".mkv", ".mov"})


@dataclass(frozen=True, slots=True)
class SpeakerClip:
    """One clip of the speaker.

    Attributes:
        path: Audio file.
        label: Canonical label, "" where nobody said what it is.
    """

    path: Path
    label: str = ""


def find_clips(path: Path) -> tuple[SpeakerClip, ...]:
    """Find the clips of one speaker in a file or folder.

    - an audio file: one clip without a label;
    - ``logs/<exp>`` of a GPT-SoVITS checkout: its training clips, without labels;
    - a ``.list`` of four columns: its clips, without labels; of six, with the emotion of the fifth;
    - a folder per emotion, or an ``infer_config.json``: clips with labels; the default slot has none;
    - any other folder: the audio files in it, without labels.

    Labels that were given by a program (our own ``.emotions.csv``, say) are not looked at: a head would be
    taught its own mistakes.

    Raises:
        CorpusError: There is nothing there, or no clip in it.
        TranscriptError: The list cannot be read.
        ReferenceBankError: The ``infer_config.json`` cannot be read.
    """
    path = Path(path)
    if not path.exists():
        raise CorpusError(
            tr(
                "{path} does not exist; clips of the speaker were expected: audio files, a folder of "
                "them, a folder per emotion, a .list, or logs/<exp> of a GPT-SoVITS",
                path=path,
            )
        )
    if not path.is_file() and not path.is_dir():
        raise CorpusError(
            tr(
                "{path} is no ordinary file but a pipe, a socket or a device; name a file on the disk",
                path=path,
            )
        )
    reader = _reader_for(path)
    clips = tuple(reader(path))
    if not clips:
        raise CorpusError(
            tr(
                "there is no audio in {path}; clips of the speaker were expected, in the folder itself "
                "or in a folder per emotion",
                path=path,
            )
        )
    return clips


def _reader_for(path: Path) -> Callable[[Path], Iterable[SpeakerClip]]:
    if path.is_file():
        if path.suffix.casefold() == ".list":
            return _in_list
        return _in_bank if path.name == INFER_CONFIG else lambda file: (SpeakerClip(file),)
    if (path / _TRAINING_CLIPS).is_dir():
        return lambda folder: _in_folder(folder / _TRAINING_CLIPS)
    if (path / INFER_CONFIG).is_file():
        return _in_bank
    return _in_folder if any(_in_folder(path)) else _in_bank


def _in_folder(folder: Path) -> Iterable[SpeakerClip]:
    """Yield the audio files in a folder; those of ``5-wav32k`` may have no ending but ``.wav``."""
    for path in sorted(folder.iterdir()):
        hidden = path.name.startswith(".")
        if path.is_file() and not hidden and path.suffix.casefold() in _SPEAKERS_AUDIO:
            yield SpeakerClip(path)


def _in_bank(path: Path) -> Iterable[SpeakerClip]:
    seen = set()
    # The default slot, without an emotion, often repeats a clip that has one: labelled ones go first.
    for entry in sorted(read_layout(path).entries, key=lambda entry: not entry.emotion):
        if entry.path not in seen:
            seen.add(entry.path)
            # What a program predicted is no label: a head would be taught its mistakes, or another's.
            yield SpeakerClip(entry.path, entry.emotion if entry.filed_by == "person" else "")


def _in_list(path: Path) -> Iterable[SpeakerClip]:
    for line in read_lines(path):
        audio = _audio_of(path, line.audio)
        label = canonical_label(line.label) if line.label and line.label != UNSURE else ""
        yield SpeakerClip(audio, label)


def _audio_of(path: Path, named: str) -> Path:
    found = Places(path.parent).find(named)
    if found is None:
        raise CorpusError(
            tr(
                "{path} names {named!r}, which is not there; copy the clips beside the list, or into "
                "slicer_opt beside its folder, or correct its paths",
                path=path,
                named=named,
            )
        )
    return found
