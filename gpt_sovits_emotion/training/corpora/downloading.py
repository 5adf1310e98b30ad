"""Fetch a file over HTTP so that a broken or stopped download goes on where it was."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from gpt_sovits_emotion import __version__
from gpt_sovits_emotion.core.errors import CorpusError, OutputError
from gpt_sovits_emotion.core.files import write_text
from gpt_sovits_emotion.core.progress import Progress

__all__ = ["Opener", "download"]

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
        f"the download of {url} broke off after {_length(part) / 1e6:.1f} MB ({reason}); run the same "
        "command again, it goes on from there",
        zh=f"{url} 下载到 {_length(part) / 1e6:.1f} MB 时中断（{reason}）；请重新运行同一命令，会从断点继续",
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
        f"the server answered {error.code} ({error.reason}) for {url}; fetch it with a browser, unpack it, "
        "and name the folder",
        zh=f"{url} 的服务器回答 {error.code}（{error.reason}）；请用浏览器下载并解压，再指定该文件夹",
    )


def _unreachable(url: str, reason: str) -> CorpusError:
    return CorpusError(
        f"{url} cannot be reached ({reason}): is there a network? Else fetch it on another machine, unpack "
        "it, and name the folder",
        zh=f"无法连接 {url}（{reason}）：是否有网络？也可在其他机器上下载并解压，再指定该文件夹",
    )


def _unwritten(part: Path, error: OSError) -> OutputError:
    reason = error.strerror or str(error)
    return OutputError(
        f"{part} was not written ({reason}); make room and run the same command again, it goes on from there",
        zh=f"没有写入 {part}（{reason}）；请腾出空间后重新运行同一命令，会从断点继续",
    )
