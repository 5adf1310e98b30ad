"""Where clips of one speaker lie: what ``adapt`` may be pointed at."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from gpt_sovits_emotion.banks.library.layouts import INFER_CONFIG, read_layout
from gpt_sovits_emotion.banks.library.layouts.files import Places
from gpt_sovits_emotion.core.errors import CorpusError
from gpt_sovits_emotion.core.labels import UNSURE, canonical_label
from gpt_sovits_emotion.transcripts import read_lines

__all__ = ["SpeakerClip", "find_clips"]

_TRAINING_CLIPS = "5-wav32k"  # where GPT-SoVITS keeps the clips of a training, in logs/<exp>
_AUDIO_SUFFIXES = frozenset(
    {".wav", ".flac", ".mp3", ".ogg", ".oga", ".opus", ".m4a", ".aac", ".wma", ".aif", ".aiff"}
    | {".webm", ".mp4", ".mka", ".mkv", ".mov"}
)


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

    Labels that were heard by a program (our own ``.emotions.csv``, say) are not looked at: a head would be
    taught its own mistakes.

    Raises:
        CorpusError: There is nothing there, or no clip in it.
        TranscriptError: The list cannot be read.
        ReferenceBankError: The ``infer_config.json`` cannot be read.
    """
    path = Path(path)
    if not path.exists():
        raise CorpusError(
            f"{path} does not exist; clips of the speaker were expected: audio files, a folder of them, a "
            "folder per emotion, a .list, or logs/<exp> of a GPT-SoVITS",
            zh=f"{path} 不存在；应为该说话人的音频：音频文件、音频文件夹、每种情感一个子文件夹、.list，"
            "或 GPT-SoVITS 的 logs/<exp>",
        )
    if not path.is_file() and not path.is_dir():
        raise CorpusError(
            f"{path} is no ordinary file but a pipe, a socket or a device; name a file on the disk",
            zh=f"{path} 不是普通文件，而是管道、套接字或设备；请指定磁盘上的文件",
        )
    reader = _reader_for(path)
    clips = tuple(reader(path))
    if not clips:
        raise CorpusError(
            f"there is no audio in {path}; clips of the speaker were expected, in the folder itself or in a "
            "folder per emotion",
            zh=f"{path} 中没有音频；应有该说话人的片段，直接放在文件夹里，或按情感分子文件夹",
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
        if path.is_file() and not hidden and path.suffix.casefold() in _AUDIO_SUFFIXES:
            yield SpeakerClip(path)


def _in_bank(path: Path) -> Iterable[SpeakerClip]:
    seen = set()
    # The default slot, without an emotion, often repeats a clip that has one: labelled ones go first.
    for entry in sorted(read_layout(path).entries, key=lambda entry: not entry.emotion):
        if entry.path not in seen:
            seen.add(entry.path)
            # What a program heard is no label: a head would be taught its mistakes, or another's.
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
            f"{path} names {named!r}, which is not there; copy the clips beside the list, or into "
            "slicer_opt beside its folder, or correct its paths",
            zh=f"{path} 中的 {named!r} 不存在；请把音频复制到列表旁边，或其文件夹旁的 slicer_opt 中，"
            "或改正路径",
        )
    return found
