"""For whom a page is served: at which address, under which names, who may come in, how much they may bring.

Any site that a person visits can make the browser send requests to this machine. Two headers, which no site
can write itself, tell such requests from the page's own: `Origin` (or `Sec-Fetch-Site`) names the page that
asks, and `Host` the name by which it asks. The second is what a site cannot hide when it lets its own name
point to this machine (DNS rebinding), where the browser takes both for one site. No Gradio here.
"""

from __future__ import annotations

import os
import re
import socket
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from urllib.parse import urlsplit

from gpt_sovits_emotion.core.errors import BackendError
from gpt_sovits_emotion.core.messages import tr

__all__ = [
    "ALLOW_HOST_VARIABLE",
    "AUTH_VARIABLE",
    "Served",
    "Serving",
    "accounts_of",
    "address_of",
    "host_of",
    "is_name_pattern",
    "named_hosts",
    "origin_of",
    "size_of",
    "warnings_of",
]

ALLOW_HOST_VARIABLE = "GPT_SOVITS_EMOTION_ALLOW_HOST"
"""Holds further names, with commas, for pages that are started by something else than our command."""

_HOST = re.compile(
    r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<name>[^\s:@/\\\[\]?#,]+))(?::(?P<port>\d{1,5}))?"
)
_PATTERN = re.compile(r"\*|(?:\*\.)?[\w-]+(?:\.[\w-]+)*|[0-9a-f:.]*:[0-9a-f:.]*")
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Served:
    """The names under which a page is served.

    Attributes:
        address: What the server is bound to; "" when that is not known, and counts as every address.
        allowed: Names that a person has added: a name, ``*.example.org``, or ``*`` for any.
        share: Name of the public address, where the page is shared; "" where it is not.
    """

    address: str = ""
    allowed: tuple[str, ...] = ()
    share: str = ""

    @property
    def is_for_everybody(self) -> bool:
        """Whether other machines can reach it."""
        address = _address(self.address)
        if address is None:
            return self.address != "localhost"
        return not address.is_loopback

    def knows(self, name: str) -> bool:
        """Say whether a name is one that it is served under.

        Examples:
            >>> page = Served("127.0.0.1", allowed=("*.example.org",))
            >>> [page.knows(name) for name in ("localhost", "::1", "a.example.org", "192.168.1.2")]
            [True, True, True, False]
        """
        if name == "localhost" or (self.share and name == self.share) or self.allows(name):
            return True
        address, bound = _address(name), _address(self.address)
        if address is not None:
            # A site cannot make its name be an address, so any one of this machine's will do.
            any_of_ours = not self.address or (bound is not None and bound.is_unspecified)
            return address.is_loopback or any_of_ours or address == bound
        if name == self.address.lower():
            return True
        return self.is_for_everybody and name in _own_names()

    def allows(self, name: str) -> bool:
        """Say whether a person has added a name."""
        return any(
            pattern in ("*", name) or (pattern.startswith("*.") and name.endswith(pattern[1:]))
            for pattern in self.allowed
        )

    def is_own(self, origin: str, host: tuple[str, int | None]) -> bool:
        """Say whether a request's `Origin` is the page that it asks.

        Args:
            origin: The header.
            host: What `host_of` says of the request's `Host`.
        """
        asking = origin_of(origin)
        if asking is None:
            return False
        scheme, name, port = asking
        asked, asked_port = host
        if name == asked:
            # A proxy may hand the name on without the port; then only a person can know it.
            same = port == (asked_port or _DEFAULT_PORTS[scheme])
            return same or (asked_port is None and self.allows(name))
        return self.allows(name) or (bool(self.share) and name == self.share)


def host_of(header: str | None) -> tuple[str, int | None] | None:
    """Return the name and the port in a `Host` header; None for what is none.

    Examples:
        >>> host_of("LocalHost:9876"), host_of("[::1]"), host_of("me@127.0.0.1")
        (('localhost', 9876), ('::1', None), None)
    """
    found = _HOST.fullmatch((header or "").strip())
    if found is None:
        return None
    port = int(found["port"]) if found["port"] else None
    name = found["six"] or found["name"]
    return name.lower().removesuffix("."), port


def origin_of(header: str) -> tuple[str, str, int] | None:
    """Return scheme, name and port of an `Origin`; None for ``null`` and what is no page on a server."""
    try:
        parts = urlsplit(header.strip())
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or parts.username is not None:
        return None
    name = parts.hostname.lower().removesuffix(".")
    return parts.scheme, name, port or _DEFAULT_PORTS[parts.scheme]


def is_name_pattern(written: str) -> bool:
    """Say whether something can be a name in `Served.allowed`."""
    return _PATTERN.fullmatch(written.lower()) is not None


def named_hosts(written: Sequence[str]) -> tuple[str, ...]:
    """Return the names that a person wrote, several to a word where commas part them; a port is left out.

    Raises:
        BackendError: One of them cannot be a name.

    Examples:
        >>> named_hosts(["studio.example.org, *.lan", "[::1]:80"])
        ('studio.example.org', '*.lan', '::1')
    """
    names = []
    for word in (part.strip() for one in written for part in one.split(",")):
        if not word:
            continue
        found = host_of(word)
        name = found[0] if found else word.lower()
        if not is_name_pattern(name):
            raise BackendError(
                tr(
                    "{word!r} is no host name: give the name alone, such as studio.example.org, "
                    "*.example.org, or * for any",
                    word=word,
                )
            )
        names.append(name)
    return tuple(dict.fromkeys(names))


def _address(name: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(name)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _own_names() -> frozenset[str]:
    own = socket.gethostname().lower()
    return frozenset({own, f"{own.partition('.')[0]}.local"})


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
        allowed: Further names that the page is served under (`Served.allowed`).
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
            tr(
                "{written!r} is no address to serve at: give 127.0.0.1 for this machine alone, 0.0.0.0 "
                "for every network that it is in, or the address of one of them",
                written=written,
            )
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
                tr(
                    "{file} cannot be read ({error}); it should hold USER:PASSWORD, one a line",
                    file=file,
                    error=error,
                )
            ) from None
        lines += [line for line in told if line.strip() and not line.lstrip().startswith("#")]
        if not lines:
            raise BackendError(
                tr("{file} holds no account; write USER:PASSWORD into it, one a line", file=file)
            )
    return tuple(_account(line) for line in lines)


def _account(line: str) -> tuple[str, str]:
    user, colon, password = line.strip().partition(":")
    if not (user.strip() and colon and password):
        # The line itself is not shown: it may be a password.
        raise BackendError(tr("an account is USER:PASSWORD, and neither of them may be empty"))
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
            tr(
                "{written!r} is no size: give a number with MB or GB, such as 500MB or 2GB",
                written=written,
            )
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
                tr(
                    "the page is served at {address} without a password: whoever reaches that address "
                    "can use it; add --auth-file",
                    address=serving.address,
                )
            )
        )
    if file is not None and os.name != "nt" and stat.S_IMODE(file.stat().st_mode) & 0o077:
        told.append(
            BackendError(
                tr(
                    "other people on this machine can read the passwords in {file}; run  chmod 600 {file}",
                    file=file,
                )
            )
        )
    return tuple(told)
