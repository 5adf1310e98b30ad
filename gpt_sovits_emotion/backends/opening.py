"""Open who speaks by its name: ours, or a backend that another package adds."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any

from gpt_sovits_emotion.backends.base import Backend
from gpt_sovits_emotion.core import registry
from gpt_sovits_emotion.core.errors import BackendError
from gpt_sovits_emotion.core.messages import of_list, tr
from gpt_sovits_emotion.core.records import Audio, Sentence

__all__ = ["API_V2", "checked_audio", "named_backend", "open_backend", "open_named"]

API_V2 = "api_v2"
"""The backend that a bare address means."""

_NAMED_ADDRESS = re.compile(r"(?P<name>[A-Za-z0-9][\w.-]*)\+(?P<address>[A-Za-z][\w.-]*://.*)")
_MEMBERS = ("id", "title", "provides", "provide", "synthesise")


def named_backend(written: str, *, or_address: str = "") -> tuple[str, str]:
    """Return the backend's name and its address, "" where none is written.

    Args:
        written: A name, ``NAME+http://…``, or an address.
        or_address: In place of it, ``NAME+http://…`` or an address, however short.

    Examples:
        >>> named_backend("mine"), named_backend("mine+http://127.0.0.1:9000")
        (('mine', ''), ('mine', 'http://127.0.0.1:9000'))
        >>> named_backend("http://127.0.0.1:9880"), named_backend("127.0.0.1:9880")
        (('api_v2', 'http://127.0.0.1:9880'), ('api_v2', '127.0.0.1:9880'))
        >>> named_backend("", or_address="server")
        ('api_v2', 'server')
    """
    named = _NAMED_ADDRESS.fullmatch(written or or_address)
    if named is not None:
        return named["name"], named["address"]
    if not written:
        return API_V2, or_address
    is_address = ":" in written or "/" in written or written == "localhost"
    return (API_V2, written) if is_address else (written, "")


def open_backend(written: str) -> Backend:
    """Open who speaks: a name, ``NAME+http://…``, or the address of a GPT-SoVITS server.

    Raises:
        BackendError: It cannot be opened.
        PluginError: There is no such backend, or it is another package's, which is broken or failed.
    """
    return open_named(*named_backend(written))


def open_named(name: str, address: str = "", options: Mapping[str, Any] | None = None) -> Backend:
    """Open who speaks, by its name.

    Args:
        name: As it is registered.
        address: Handed to it as ``address`` where there is one.
        options: What is handed to it as named arguments.

    Raises:
        BackendError: It has no such option, or cannot be opened.
        PluginError: There is no such backend, or it is another package's, which is broken or failed.
    """
    make: Callable[..., Backend] = registry.load("backends", name)
    given = {**({"address": address} if address else {}), **(options or {})}
    _check_options(name, make, given)
    with registry.blamed(doing=tr("being opened")):
        backend = make(**given)
    lacking = [member for member in _MEMBERS if not hasattr(backend, member)]
    if lacking:
        raise BackendError(
            tr(
                "the backend {name!r} has no {lacking}, which every backend has; that is a fault of the "
                "package that adds it: choose another backend",
                name=name,
                lacking=of_list(lacking),
            )
        )
    return backend


def checked_audio(said: object, backend: Sentence) -> Audio:
    """Return what a backend said.

    Raises:
        BackendError: It is no audio, as a backend of another package may give.
    """
    if isinstance(said, Audio):
        return said
    raise BackendError(
        tr(
            "{backend} gives {name} and no Audio; that is a fault of the package that adds it",
            backend=backend,
            name=type(said).__name__,
        )
    )


def _check_options(name: str, make: Callable[..., Backend], given: Mapping[str, Any]) -> None:
    """Refuse options that a backend does not take, or lacks, before it is called."""
    try:
        signature = inspect.signature(make)
    except (TypeError, ValueError):
        return  # a callable without a signature says by itself what it lacks
    try:
        signature.bind(**given)
    except TypeError as error:
        takes = [
            each.name
            for each in signature.parameters.values()
            if each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY)
        ]
        listed = ", ".join(takes) or "none"
        raise BackendError(
            tr(
                "the backend {name!r} cannot be opened so ({error}); its options are {listed}: give them "
                "with --backend-option KEY=VALUE, and an address as {name}+http://…",
                name=name,
                error=error,
                listed=listed,
            )
        ) from error
