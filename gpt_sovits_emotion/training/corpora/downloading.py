"""Archives from the network: a download that was stopped goes on where it was, and nothing is trusted."""

from __future__ import annotations

import http.client
import json
import shutil
import stat
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path, PurePosixPath
from typing import Any

from gpt_sovits_emotion import __version__
from gpt_sovits_emotion.core.errors import CorpusError, OutputError
from gpt_sovits_emotion.core.files import DAMAGED_ARCHIVE, write_text
from gpt_sovits_emotion.core.messages import in_both, tr
from gpt_sovits_emotion.core.progress import Progress

__all__ = [
    "MAX_FILES",
    "MAX_UNPACKED_BYTES",
    "Opener",
    "download",
    "unpack",
]

Opener = Callable[..., Any]
"""As `urllib.request.urlopen`: called with a `Request` and ``timeout=``, returns a response."""

TIMEOUT_S = 30.0
ATTEMPTS = 3
"""How often a connection that breaks on the way is taken up again before a person is asked to."""

_BLOCK_BYTES = 1 << 18
_RANGE_NOT_SATISFIABLE = 416
_PARTIAL = 206


def download(url: str, part: Path, *, progress: Progress, opener: Opener | None = None) -> None:
    """Fetch `url` into `part`, going on after what is there already.

    Beside it, ``<part>.json`` keeps what the server said of the file's version (its ETag or date), so
    that two versions are never joined to one file. Both stay when the download breaks.

    Args:
        url: Where the file is.
        part: Where it goes.
        progress: Told how much is there; may raise to stop.
        opener: Opens connections.

    Raises:
        CorpusError: The server cannot be reached, refuses, or breaks off again and again.
        OutputError: The disk is full, or the folder cannot be written.
    """
    opener = opener or urllib.request.urlopen
    for attempt in range(1, ATTEMPTS + 1):
        try:
            if _go_on(url, part, progress=progress, opener=opener):
                return
            reason = "the connection ended early"
        except urllib.error.HTTPError as error:
            error.close()
            raise _refused(url, error) from error
        except (http.client.HTTPException, OSError) as error:
            if isinstance(error, OutputError):
                raise
            reason = _reason(error)
            if not _length(part):
                raise _unreachable(url, reason) from error
        if attempt == ATTEMPTS:
            break
    raise CorpusError(
        tr(
            "the download of {url} broke off after {length:.1f} MB ({reason}); run the same command "
            "again, it goes on from there",
            url=url,
            length=_length(part) / 1e6,
            reason=reason,
        )
    )


def _go_on(url: str, part: Path, *, progress: Progress, opener: Opener) -> bool:
    """Fetch what is missing over one connection; say whether the file is whole now."""
    version = _read_version(part, url)
    n_have = _length(part) if version else 0
    headers = {"User-Agent": f"gpt-sovits-emotion/{__version__}"}
    if n_have:
        headers |= {"Range": f"bytes={n_have}-", "If-Range": version}
    try:
        answer = opener(urllib.request.Request(url, headers=headers), timeout=TIMEOUT_S)
    except urllib.error.HTTPError as error:
        if error.code != _RANGE_NOT_SATISFIABLE or not n_have:
            raise
        with closing(error):
            whole = (error.headers.get("Content-Range") or "").rpartition("/")[2] == str(n_have)
        if not whole:
            part.unlink()  # longer than the file is: begin anew
        return whole
    with closing(answer):
        if answer.status == _PARTIAL and _starts_at(answer) != n_have:
            part.unlink(missing_ok=True)  # another part than was asked for: begin anew
            return False
        n_have = n_have if answer.status == _PARTIAL else 0
        length = answer.headers.get("Content-Length")
        n_bytes = n_have + int(length) if length and length.isdigit() else None
        _write_version(part, url, answer.headers)
        _receive(answer, part, n_have=n_have, n_bytes=n_bytes, progress=progress)
    return n_bytes is None or _length(part) == n_bytes


def _receive(
    answer: Any, part: Path, *, n_have: int, n_bytes: int | None, progress: Progress
) -> None:
    with _opened(part, "ab" if n_have else "wb") as stream:
        while block := answer.read(_BLOCK_BYTES):
            try:
                stream.write(block)
                stream.flush()
            except OSError as error:
                raise _unwritten(part, error) from error
            n_have += len(block)
            of = f" of {n_bytes / 1e6:.1f}" if n_bytes else ""
            progress(n_have / n_bytes if n_bytes else 0.5, f"{n_have / 1e6:.1f}{of} MB")


def _opened(part: Path, mode: str) -> Any:
    try:
        return part.open(mode)
    except OSError as error:
        raise _unwritten(part, error) from error


def _starts_at(answer: Any) -> int | None:
    # Content-Range: bytes 1000-4999/5000
    first = (answer.headers.get("Content-Range") or "").removeprefix("bytes ").partition("-")[0]
    return int(first) if first.isdigit() else None


def _length(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _version_file(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _read_version(part: Path, url: str) -> str:
    """Return the version of what is there, "" when it cannot be told and so must be fetched anew."""
    try:
        kept = json.loads(_version_file(part).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""  # nothing was fetched yet, or by another program
    if not isinstance(kept, dict) or kept.get("url") != url:
        return ""
    return str(kept.get("version") or "")


def _write_version(part: Path, url: str, headers: Any) -> None:
    tag = headers.get("ETag") or ""
    # A weak ETag may not be used with If-Range (RFC 9110, 13.1.5).
    version = tag if tag and not tag.startswith("W/") else headers.get("Last-Modified") or ""
    write_text(_version_file(part), json.dumps({"url": url, "version": version}))


def _reason(error: Exception) -> str:
    inner = getattr(error, "reason", error)
    return str(getattr(inner, "strerror", None) or inner or type(error).__name__)


def _refused(url: str, error: urllib.error.HTTPError) -> CorpusError:
    return CorpusError(
        tr(
            "the server answered {code} ({reason}) for {url}; fetch it with a browser, unpack it, and "
            "name the folder",
            code=error.code,
            reason=error.reason,
            url=url,
        )
    )


def _unreachable(url: str, reason: str) -> CorpusError:
    return CorpusError(
        tr(
            "{url} cannot be reached ({reason}): is there a network? Else fetch it on another machine, "
            "unpack it, and name the folder",
            url=url,
            reason=reason,
        )
    )


def _unwritten(part: Path, error: OSError) -> OutputError:
    reason = error.strerror or str(error)
    return OutputError(
        tr(
            "{part} was not written ({reason}); make room and run the same command again, it goes on "
            "from there",
            part=part,
            reason=reason,
        )
    )


MAX_UNPACKED_BYTES = 4 << 30
MAX_FILES = 50_000

_UNPACKED_BLOCK_BYTES = 1 << 20


def unpack(archive: Path, folder: Path, *, progress: Progress) -> None:
    """Unpack a zip into an empty folder.

    Nothing is written outside the folder, no link is made, and no more than `MAX_UNPACKED_BYTES` in
    `MAX_FILES` files: all of that is checked before the first file is written. Each file's checksum is
    checked on the way.

    Raises:
        CorpusError: It is no zip, is damaged, or holds what a corpus does not.
        OutputError: There is no room, or the folder cannot be written.
    """
    try:
        with zipfile.ZipFile(archive) as held:
            members = [each for each in held.infolist() if not each.is_dir()]
            _check_members(members, archive, folder)
            for index, member in enumerate(members):
                progress(index / len(members), "unpacking")
                target = folder.joinpath(*PurePosixPath(member.filename).parts)
                _write_member(held, member, target)
    except DAMAGED_ARCHIVE as error:
        if isinstance(error, (CorpusError, OutputError)):
            raise
        raise _damaged_archive(archive, " ".join(str(error).split())[:120]) from error


def _check_members(members: list[zipfile.ZipInfo], archive: Path, folder: Path) -> None:
    n_bytes = sum(member.file_size for member in members)
    if n_bytes > MAX_UNPACKED_BYTES or len(members) > MAX_FILES:
        raise _refused_archive(
            archive,
            f"{len(members)} files of {n_bytes / 1e9:.1f} GB in all",
            f"{len(members)} 个文件、共 {n_bytes / 1e9:.1f} GB",
        )
    for member in members:
        if not _is_harmless(member):
            raise _refused_archive(
                archive, f"the entry {member.filename!r}", f"条目 {member.filename!r}"
            )
    if not members:
        raise _damaged_archive(archive, "it holds no files")
    free = shutil.disk_usage(folder).free
    if n_bytes > free:
        raise OutputError(
            tr(
                "{archive} needs {n_bytes:.0f} MB to be unpacked in {parent}, and {free:.0f} MB are "
                "free; make room or choose another folder",
                archive=archive.name,
                n_bytes=n_bytes / 1e6,
                parent=folder.parent,
                free=free / 1e6,
            )
        )


def _is_harmless(member: zipfile.ZipInfo) -> bool:
    name = PurePosixPath(member.filename)
    kind = stat.S_IFMT(member.external_attr >> 16)
    return (
        not name.is_absolute()
        and bool(name.parts)
        and ".." not in name.parts
        and not any(char in member.filename for char in "\\:\0")
        and kind in (0, stat.S_IFREG)
        and not member.flag_bits & 0x1  # encrypted
    )


def _write_member(held: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as stream:
            # Not shutil.copyfileobj: a name that stands there twice and a full disk are told apart.
            for block in _blocks(held, member):
                stream.write(block)
    except FileExistsError as error:
        raise zipfile.BadZipFile(f"{member.filename} stands in it twice") from error
    except OSError as error:
        raise OutputError(
            tr(
                "{target} was not written ({strerror}); make room or choose another folder",
                target=target,
                strerror=error.strerror or error,
            )
        ) from error


def _blocks(held: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[bytes]:
    """Yield what a member holds. Raises `zipfile.BadZipFile` where it is damaged, however that shows."""
    try:
        with held.open(member) as source:
            while block := source.read(_UNPACKED_BLOCK_BYTES):
                yield block
    except DAMAGED_ARCHIVE as error:
        raise zipfile.BadZipFile(" ".join(str(error).split())[:120]) from error


def _damaged_archive(archive: Path, why: str) -> CorpusError:
    return CorpusError(
        tr(
            "{archive} is no sound zip archive ({why}); fetch it again",
            archive=archive.name,
            why=why,
        )
    )


def _refused_archive(archive: Path, what: str, what_zh: str) -> CorpusError:
    return CorpusError(
        tr(
            "{archive} was not unpacked: {what} is not what a corpus holds; tell its makers",
            archive=archive.name,
            what=in_both(what, what_zh),
        )
    )
