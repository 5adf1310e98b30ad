"""For whom a page is served: the address, the names, who may come in, and how much they may bring."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from gpt_sovits_emotion.core.errors import BackendError
from webui_tab.door.names import Served

__all__ = ["AUTH_VARIABLE", "Serving", "accounts_of", "address_of", "size_of", "warnings_of"]

AUTH_VARIABLE = "GPT_SOVITS_EMOTION_AUTH"
"""Holds USER:PASSWORD: unlike an option, nobody else on the machine can see it."""

_LOOPBACK = "127.0.0.1"
_MAX_UPLOAD_BYTES = 2 * 1024**3
_UNITS = {
    "": 1,
    "b": 1,
    "k": 1024,
    "kb": 1024,
    "m": 1024**2,
    "mb": 1024**2,
    "g": 1024**3,
    "gb": 1024**3,
}


@dataclass(frozen=True, slots=True)
class Serving:
    """For whom a page is served.

    Attributes:
        address: What the server is bound to; this machine alone by default.
        allowed: Further names that the page is served under (`door.names.Served.allowed`).
        accounts: User and password of everybody who may come in; empty for anybody who reaches the address.
        max_upload_bytes: The largest file that is taken.
    """

    address: str = _LOOPBACK
    allowed: tuple[str, ...] = ()
    accounts: tuple[tuple[str, str], ...] = ()
    max_upload_bytes: int = _MAX_UPLOAD_BYTES


def address_of(written: str) -> str:
    """Return an address to be bound to.

    Raises:
        BackendError: It is none: a name may mean several.
    """
    address = written.strip().strip("[]")
    if address == "localhost":
        return _LOOPBACK
    try:
        return str(ip_address(address))
    except ValueError:
        raise BackendError(
            f"{written!r} is no address to serve at: give 127.0.0.1 for this machine alone, 0.0.0.0 for "
            "every network that it is in, or the address of one of them",
            zh=f"{written!r} 不是可用的地址：127.0.0.1 表示仅本机，0.0.0.0 表示本机所在的所有网络，"
            "也可填写其中一个网络的地址",
        ) from None


def accounts_of(written: str | None, file: Path | None) -> tuple[tuple[str, str], ...]:
    """Return who may come in.

    Args:
        written: ``USER:PASSWORD``, or the value of `AUTH_VARIABLE` when None.
        file: One ``USER:PASSWORD`` a line; blank lines and those that begin with ``#`` are left out.

    Raises:
        BackendError: Something is no user with a password, or the file cannot be read or holds nobody.
    """
    given = os.environ.get(AUTH_VARIABLE) if written is None and file is None else written
    lines = [given] if given else []
    if file is not None:
        try:
            told = file.read_text(encoding="utf-8-sig").splitlines()
        except (OSError, ValueError) as error:
            raise BackendError(
                f"{file} cannot be read ({error}); it should hold USER:PASSWORD, one a line",
                zh=f"无法读取 {file}（{error}）；其中应每行一个 用户名:密码",
            ) from None
        lines += [line for line in told if line.strip() and not line.lstrip().startswith("#")]
        if not lines:
            raise BackendError(
                f"{file} holds no account; write USER:PASSWORD into it, one a line",
                zh=f"{file} 中没有账户；请每行填写一个 用户名:密码",
            )
    return tuple(_account(line) for line in lines)


def _account(line: str) -> tuple[str, str]:
    user, colon, password = line.strip().partition(":")
    if not (user.strip() and colon and password):
        # The line itself is not shown: it may be a password.
        raise BackendError(
            "an account is USER:PASSWORD, and neither of them may be empty",
            zh="账户的格式为 用户名:密码，两者都不能为空",
        )
    return user.strip(), password


def size_of(written: str) -> int:
    """Return a size in bytes: ``500MB``, ``2 GB``, ``1.5g``, or a number of bytes.

    Raises:
        BackendError: It is none, or not positive.

    Examples:
        >>> size_of("1.5 GB"), size_of("500mb")
        (1610612736, 524288000)
    """
    text = written.strip().lower()
    number = text.rstrip("bkmg").strip()
    unit = text[len(text.rstrip("bkmg")) :]
    try:
        size = round(float(number) * _UNITS[unit])
    except (ValueError, KeyError, OverflowError):
        size = 0
    if size < 1 or "_" in number:
        raise BackendError(
            f"{written!r} is no size: give a number with MB or GB, such as 500MB or 2GB",
            zh=f"{written!r} 不是大小：请填写数字和 MB 或 GB，例如 500MB 或 2GB",
        )
    return size


def warnings_of(serving: Serving, file: Path | None = None) -> tuple[BackendError, ...]:
    """Return what a person should know of how a page is served, as sentences in both languages.

    Args:
        serving: For whom it is served.
        file: Where the accounts stand.
    """
    told = []
    if Served(serving.address).is_for_everybody and not serving.accounts:
        told.append(
            BackendError(
                f"the page is served at {serving.address} without a password: whoever reaches that address "
                "can use it; add --auth-file",
                zh=f"页面在 {serving.address} 上提供服务且没有密码：能访问该地址的人都可以使用；"
                "请添加 --auth-file",
            )
        )
    if file is not None and os.name != "nt" and stat.S_IMODE(file.stat().st_mode) & 0o077:
        told.append(
            BackendError(
                f"other people on this machine can read the passwords in {file}; run  chmod 600 {file}",
                zh=f"本机的其他用户可以读取 {file} 中的密码；请运行  chmod 600 {file}",
            )
        )
    return tuple(told)
