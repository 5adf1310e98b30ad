"""What GPT-SoVITS keeps of a training in ``logs/<exp>``: clips, their texts, and stored HuBERT features.

    2-name2text.txt        name <TAB> phones <TAB> word2ph <TAB> normalised text
    4-cnhubert/<name>.pt   what leaves HuBERT's last layer, (1, 768, n_frames) at 50 frames per second
    5-wav32k/<name>        the clip at 32 kHz, brought to a peak level of its own

``<name>`` is the file name of the wav with its ending, so that features lie in ``x.wav.pt``. Nothing is
written here, and a feature file is read as data alone: no code that it may hold is run.
"""

from __future__ import annotations

import pickle
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gpt_sovits_emotion.core.errors import EncoderError, ReferenceBankError
from gpt_sovits_emotion.core.files import DAMAGED_ARCHIVE, is_ordinary
from gpt_sovits_emotion.core.messages import tr
from gpt_sovits_emotion.core.unreadable import unreadable

if TYPE_CHECKING:
    import numpy as np

__all__ = [
    "Experiment",
    "ExperimentClip",
    "experiments_of",
    "is_experiment",
    "load_hubert",
    "read_experiment",
]

_CLIPS = "5-wav32k"
_FEATURES = "4-cnhubert"
_TEXTS = "2-name2text*.txt"  # parts end in -0, -1, … until the host has put them together
_LOGS = "logs"

_N_CHANNELS = 768
_MOST_BYTES = 192 * 1024 * 1024  # 20 minutes in float32; the host trains on clips of seconds

_DAMAGED: tuple[type[Exception], ...] = (
    *DAMAGED_ARCHIVE,
    *(pickle.UnpicklingError, TypeError, AttributeError, AssertionError, MemoryError),
)

_ENGLISH_PHONE = re.compile(r"[A-Z]{1,2}[0-2]?\Z")
_CANTONESE_PHONE = re.compile(r"Y[a-z]")
_HANGUL_PHONE = re.compile(r"[\u3131-\u318e\uac00-\ud7a3]")
_PUNCTUATION = frozenset("!?…,.-")


@dataclass(frozen=True, slots=True)
class ExperimentClip:
    """One clip of a training.

    Attributes:
        name: As the training calls it: a file name.
        audio: Where its audio should be.
        text: What is said in it, normalised by the host; "" when it is not in the table of texts.
        language: Its language code, read off its phones; "" when unknown.
        hubert: Its stored features; None where there are none.
    """

    name: str
    audio: Path
    text: str = ""
    language: str = ""
    hubert: Path | None = None


@dataclass(frozen=True, slots=True)
class Experiment:
    """A ``logs/<exp>`` folder.

    Attributes:
        root: The folder.
        clips: In the order of their names. One that is in the table of texts and has no audio is among
            them: it may have been deleted since.
        checkout: The checkout that the folder lies in, None when it was copied elsewhere.
    """

    root: Path
    clips: tuple[ExperimentClip, ...]
    checkout: Path | None = None


def is_experiment(folder: Path) -> bool:
    """Say whether a folder is what a training keeps."""
    return (folder / _CLIPS).is_dir()


def experiments_of(checkout: Path) -> tuple[Path, ...]:
    """Return the trainings that a checkout keeps, the latest first; none where it keeps none."""
    try:
        folders = [each for each in (checkout / _LOGS).iterdir() if is_experiment(each)]
        return tuple(sorted(folders, key=lambda each: each.stat().st_mtime, reverse=True))
    except OSError:
        return ()  # there is no such folder, or it is not ours to read


def read_experiment(folder: str | Path) -> Experiment:
    """List the clips of a training.

    Raises:
        ReferenceBankError: It is no such folder, or it cannot be read.
    """
    root = Path(folder)
    if not is_experiment(root):
        raise ReferenceBankError(
            tr(
                "{root} has no folder {clips}; logs/<name> of a GPT-SoVITS training was expected",
                root=root,
                clips=_CLIPS,
            )
        )
    try:
        texts = dict(_texts_in(root))
        names = {
            path.name
            for path in (root / _CLIPS).iterdir()
            if path.is_file() and not path.name.startswith(".")
        }
        features = {path.name for path in _files_in(root / _FEATURES) if path.is_file()}
    except OSError as error:
        told = unreadable(root, error)
        raise ReferenceBankError(told.en, zh=told.zh) from error
    clips = []
    for name in sorted(names | set(texts)):
        text, language = texts.get(name, ("", ""))
        stored = f"{name}.pt"
        hubert = root / _FEATURES / stored if stored in features else None
        clips.append(ExperimentClip(name, root / _CLIPS / name, text, language, hubert))
    return Experiment(root, tuple(clips), _checkout_of(root))


def load_hubert(path: Path) -> np.ndarray:
    """Return the stored features of a clip: ``(n_frames, 768)`` float32, all finite.

    They are what leaves HuBERT's last layer for the clip as the host levelled it, with no silence appended.

    Raises:
        EncoderError: The file is missing, damaged, far too large, or holds something else.
    """
    try:
        _check_size(path)
        import torch

        held = torch.load(path, map_location="cpu", weights_only=True)
    except _DAMAGED as error:
        why = (str(error) or type(error).__name__).splitlines()[0][:160]
        raise EncoderError(
            tr(
                "the stored features {path} cannot be read ({why}); let GPT-SoVITS extract them again",
                path=path.name,
                why=why,
            )
        ) from error
    if not isinstance(held, torch.Tensor) or not held.is_floating_point():
        raise _other(path, type(held).__name__)
    if held.ndim != 3 or held.shape[:2] != (1, _N_CHANNELS) or not held.shape[2]:
        raise _other(path, f"numbers of shape {tuple(held.shape)}")
    if 4 * held.numel() > _MOST_BYTES:
        raise _other(path, f"{held.shape[2]} frames")
    frames: np.ndarray = held.detach()[0].T.float().contiguous().numpy()
    if not bool(torch.isfinite(held).all()):
        raise _other(path, "values that are no numbers")
    return frames


# --- inside ----------------------------------------------------------------------------------------


def _files_in(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        yield from folder.iterdir()


def _texts_in(root: Path) -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield name, text and language of every row; a row of another shape says nothing."""
    for table in filter(Path.is_file, sorted(root.glob(_TEXTS))):
        for row in table.read_bytes().decode("utf-8-sig", errors="replace").splitlines():
            cells = row.split("\t")
            if len(cells) == 4 and _is_file_name(cells[0]):
                yield cells[0], (cells[3].strip(), _language(cells[1], cells[2]))


def _is_file_name(name: str) -> bool:
    """Say whether it is a plain name, so that no row can point out of the folder."""
    return bool(name) and name not in (".", "..") and not set(name) & {"/", "\\", "\0"}


def _language(phones: str, word2ph: str) -> str:
    """Tell the language by its phones (``text/cleaner.py``, ``text/symbols2.py``).

    Only Chinese and Cantonese have a ``word2ph``; Cantonese phones begin with Y, English ones are those of
    ARPAbet in capitals, Korean ones are Hangul, and Japanese is what remains.
    """
    sounds = [phone for phone in phones.split() if phone not in _PUNCTUATION and phone != "UNK"]
    if not sounds:
        return ""
    if word2ph.strip() not in ("None", ""):
        return "yue" if any(_CANTONESE_PHONE.match(phone) for phone in sounds) else "zh"
    if any(_HANGUL_PHONE.match(phone) for phone in sounds):
        return "ko"
    n_english = sum(_ENGLISH_PHONE.match(phone) is not None for phone in sounds)
    return "en" if 2 * n_english > len(sounds) else "ja"


def _checkout_of(root: Path) -> Path | None:
    parents = root.resolve().parents
    if len(parents) > 1 and parents[0].name == _LOGS and (parents[1] / "GPT_SoVITS").is_dir():
        return parents[1]
    return None


def _check_size(path: Path) -> None:
    """Refuse a file that would fill the memory: a small one may unpack into a large one.

    Raises:
        ValueError: It is too large.
    """
    if not is_ordinary(path):
        raise ValueError("it is no ordinary file")
    n_bytes = path.stat().st_size
    if n_bytes <= _MOST_BYTES and zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            n_bytes = max(n_bytes, sum(part.file_size for part in archive.infolist()))
    if n_bytes > _MOST_BYTES:
        raise ValueError(f"{n_bytes / 2**20:.0f} MB, features of one clip were expected")


def _other(path: Path, found: str) -> EncoderError:
    return EncoderError(
        tr(
            "the stored features {path} hold {found}; (1, {n_channels}, n_frames) from HuBERT was "
            "expected: let GPT-SoVITS extract them again",
            path=path.name,
            found=found,
            n_channels=_N_CHANNELS,
        )
    )
