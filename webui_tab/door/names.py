"""The names that a page is served under, and which requests come from somewhere else. No Gradio here.

Any site that a person visits can make the browser send requests to this machine. Two headers, which no site
can write itself, tell such requests from the page's own: `Origin` (or `Sec-Fetch-Site`) names the page that
asks, and `Backend` the name by which it asks. The second is what a site cannot hide when it lets its own name
point to this machine (DNS rebinding), where the browser takes both for one site.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import urlsplit

from gpt_sovits_emotion.core.errors import BackendError

__all__ = [
    "ALLOW_HOST_VARIABLE",
    "Served",
    "host_of",
    "is_name_pattern",
    "named_hosts",
    "origin_of",
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
            host: What `host_of` says of the request's `Backend`.
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
    """Return the name and the port in a `Backend` header; None for what is none.

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
                f"{word!r} is no host name: give the name alone, such as studio.example.org, "
                "*.example.org, or * for any",
                zh=f"{word!r} 不是主机名：请只填写名称，例如 studio.example.org、*.example.org，"
                "或用 * 表示任意名称",
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
