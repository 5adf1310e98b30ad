"""Where the results of recordings go: no two to one place, and none over what lies there already.

In the user's cache stands, for each folder of results, a ledger: result -> SHA-256 of the recording that it
came from. By it ``--skip-done`` knows whose a result is, whatever the recording is called today and wherever
it lies. Subtitles have no place for such a thing, and the folder is to hold results alone.
"""

from __future__ import annotations

import hashlib
import json
import os
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from gpt_sovits_emotion.core.errors import OutputError
from gpt_sovits_emotion.core.files import cache_folder, is_ordinary, write_text
from gpt_sovits_emotion.core.locking import lock_beside, locked
from gpt_sovits_emotion.core.messages import in_both, tr

__all__ = [
    "Ledger",
    "Target",
    "check_free",
    "check_out",
    "check_writable",
    "digest_of",
    "targets_of",
]

PARTLY_DONE = 3
"""Exit code where a part was done: some recordings failed, or some segments were not said."""

_FORMAT = "gpt-sovits-emotion/results"


@dataclass(frozen=True, slots=True)
class Target:
    """Where the results of one recording go.

    Attributes:
        recording: The recording.
        files: Format -> file.
        earlier: The same under the other names that this recording's results may have had in an earlier
            run, when other recordings were named with it.
        same_as: The recording, named before, that is this very file under the same name; None for others.
    """

    recording: Path
    files: Mapping[str, Path]
    earlier: tuple[Mapping[str, Path], ...] = ()
    same_as: Path | None = None


def targets_of(
    recordings: Sequence[Path], folder: Path, endings: Mapping[str, str]
) -> tuple[Target, ...]:
    """Return where results go: ``talk.json``, and for recordings of one name something longer.

    ``a/talk.wav`` alone gives ``talk.json``. With ``a/talk.mp3`` it gives ``talk.wav.json``. With
    ``b/talk.wav`` it gives ``a/talk.json``: the folders are kept, from the one on in which all of that name
    lie. Names are compared as file systems do that take ``Talk`` and ``talk`` for one.

    Args:
        recordings: As they were named, in order.
        folder: Of the results.
        endings: Format -> ending.
    """
    namesakes: dict[str, list[int]] = {}
    for place, path in enumerate(recordings):
        namesakes.setdefault(_folded(path.stem), []).append(place)
    groups = [namesakes[_folded(path.stem)] for path in recordings]
    names = [_names_of(place, recordings, groups[place]) for place in range(len(recordings))]
    firsts = [_first_of(place, recordings, groups[place]) for place in range(len(recordings))]
    levels = _levels(
        [place for place, first in enumerate(firsts) if first == place], names, endings
    )
    return tuple(
        Target(
            path,
            _files(names[first][levels[first]], folder, endings),
            tuple(_files(name, folder, endings) for name in names[first]),
            None if first == place else recordings[first],
        )
        for place, (path, first) in enumerate(zip(recordings, firsts, strict=True))
    )


def _levels(
    chosen: Sequence[int], names: Sequence[Sequence[Path]], endings: Mapping[str, str]
) -> dict[int, int]:
    """Return which of its names each recording gets: the first one that no other has."""
    levels = dict.fromkeys(chosen, 0)
    while True:
        keys = {place: _keys(names[place][levels[place]], endings) for place in chosen}
        counts = Counter(key for found in keys.values() for key in found)
        clashing = [place for place in chosen if any(counts[key] > 1 for key in keys[place])]
        rising = [place for place in clashing if levels[place] + 1 < len(names[place])]
        if not rising:
            return levels
        for place in rising:
            levels[place] += 1


def digest_of(recording: Path) -> str | None:
    """Return the SHA-256 of a recording, hexadecimal; None where it cannot be read, or is no file."""
    try:
        if not is_ordinary(recording):
            return None
        digest = hashlib.sha256()
        with recording.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    except (OSError, ValueError):
        return None
    return digest.hexdigest()


class Ledger:
    """Which result in a folder came from which recording. A damaged or lost one is begun anew.

    Args:
        folder: Of the results; it need not be there.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        place = hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()
        self._path = cache_folder() / "results" / f"{place}.json"

    def owner(self, result: Path) -> str | None:
        """Return the digest of the recording that a result came from, None where it is not known."""
        return self._read().get(self._name(result))

    def has_all(self, files: Mapping[str, Path], digest: str | None) -> bool:
        """Say whether all of these files are there, and came from the recording of this digest."""
        known = self._read()
        return bool(digest) and all(
            file.exists() and known.get(self._name(file)) == digest for file in files.values()
        )

    @contextmanager
    def claim(
        self, files: Mapping[str, Path], digest: str | None, *, replace: bool
    ) -> Iterator[None]:
        """Let nobody else write these results meanwhile, and write down whose they are.

        Where the cache cannot be written nothing is known later, and ``--skip-done`` says so then.

        Args:
            files: Format -> file, which are written within.
            digest: Of the recording.
            replace: Whether they may take the place of another recording's.

        Raises:
            OutputError: Results of another recording lie there by now.
        """
        with ExitStack() as held:
            with suppress(OutputError):
                held.enter_context(locked(lock_beside(self._path)))
            known = self._read()
            for file in files.values():
                taken = os.path.lexists(file) and known.get(self._name(file)) != digest
                if taken and not replace:
                    raise OutputError(
                        tr(
                            "{file} is there already, from another or an unknown recording, and was not "
                            "touched; name another folder with --out, or allow --replace",
                            file=file,
                        )
                    )
            if digest:
                results = known | {self._name(file): digest for file in files.values()}
                document = {"format": _FORMAT, "version": 1, "results": results}
                with suppress(OutputError):
                    write_text(self._path, json.dumps(document, indent=1) + "\n")
            yield

    def _name(self, result: Path) -> str:
        return result.relative_to(self._folder).as_posix()

    def _read(self) -> dict[str, str]:
        try:
            held = json.loads(self._path.read_bytes())
            return {str(name): str(digest) for name, digest in held["results"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return {}


def check_free(files: Sequence[Path], *, replace: bool, or_skip: bool = False) -> None:
    """Refuse to write over what is there.

    Args:
        files: What is going to be written.
        replace: Whether it may take the place of what is there.
        or_skip: Whether the command can also leave out what is done (``--skip-done``).

    Raises:
        OutputError: One of them is there and may not be replaced.
    """
    there = [file for file in files if os.path.lexists(file)]
    if replace or not there:
        return
    more = f" (and {len(there) - 1} more)" if len(there) > 1 else ""
    more_zh = f"（另有 {len(there) - 1} 个）" if len(there) > 1 else ""
    skip = ", leave out what is done with --skip-done" if or_skip else ""
    skip_zh = "，用 --skip-done 跳过已完成的" if or_skip else ""
    raise OutputError(
        tr(
            "{there}{more} is there already and was not touched; name another place{skip}, or let it be "
            "replaced with --replace",
            there=there[0],
            more=in_both(more, more_zh),
            skip=in_both(skip, skip_zh),
        )
    )


def check_out(folder: Path, *, replace: bool) -> None:
    """Refuse a folder for a round trip's files, before any work: see `check_writable` and `check_free`."""
    from gpt_sovits_emotion.deliver import DELIVERED_FILES

    check_writable(folder)
    check_free([folder / name for name in DELIVERED_FILES], replace=replace)


def check_writable(folder: Path) -> None:
    """Refuse a folder in which nothing can be written, before hours of work.

    Raises:
        OutputError: It is no folder, cannot be made, or may not be written to.
    """
    above = folder.absolute()
    while not os.path.lexists(above) and above != above.parent:
        above = above.parent
    if above.is_dir() and os.access(above, os.W_OK | os.X_OK):
        return
    what = "may not be written to" if above.is_dir() else "is no folder"
    what_zh = "没有写入权限" if above.is_dir() else "不是文件夹"
    raise OutputError(
        tr(
            "nothing can be written to {folder}: {above} {what}; choose another with --out",
            folder=folder,
            above=above,
            what=in_both(what, what_zh),
        )
    )


# --- inside ----------------------------------------------------------------------------------------


def _first_of(place: int, recordings: Sequence[Path], namesakes: Sequence[int]) -> int:
    """Return where this very file stood first among the recordings, under the same name."""
    path = recordings[place]
    for before in namesakes:
        if before == place:
            break
        other = recordings[before]
        if other.name == path.name and _is_one_file(other, path):
            return before
    return place


def _is_one_file(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except (OSError, ValueError):
        return one == other


def _names_of(place: int, recordings: Sequence[Path], namesakes: Sequence[int]) -> list[Path]:
    """Return what the results of a recording may be called, without ending, the shortest first."""
    path = recordings[place]
    if len(namesakes) == 1:
        kept = Path()
    else:
        folders = [Path(os.path.abspath(recordings[one])).parent for one in namesakes]  # noqa: PTH100
        own = Path(os.path.abspath(path)).parent  # noqa: PTH100 (resolve() would follow links)
        try:
            kept = own.relative_to(os.path.commonpath(folders))
        except ValueError:  # two drives
            kept = Path(*own.parts[1:])
    numbered = f"{path.name}.{place + 1}"
    found: list[str | Path] = [path.stem, path.name, kept / path.stem, kept / path.name]
    found += [kept / numbered, numbered]
    return [Path(name) for name in found]


def _files(name: Path, folder: Path, endings: Mapping[str, str]) -> dict[str, Path]:
    return {
        format_: folder / name.parent / f"{name.name}{ending}"
        for format_, ending in endings.items()
    }


def _keys(name: Path, endings: Mapping[str, str]) -> list[str]:
    return [_folded(f"{name.as_posix()}{ending}") for ending in endings.values()]


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name.casefold())
