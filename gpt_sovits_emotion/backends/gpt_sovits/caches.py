"""Keep what a page remembers of its user's last synthesis out of ours, and ours out of theirs."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

__all__ = ["own_prompt", "own_tokens"]


@contextmanager
def own_tokens(page: MutableMapping[str, Any]) -> Iterator[None]:
    """Give the default page an empty ``cache``, and its own one back afterwards.

    It holds the tokens of the user's last synthesis, which "adjust speed and timbre of the last result"
    speaks again, whosever they are. Pages from before July 2024 have none.
    """
    if "cache" not in page:
        yield
        return
    theirs = page["cache"]
    page["cache"] = {}
    try:
        yield
    finally:
        page["cache"] = theirs


@contextmanager
def own_prompt(pipeline: Any) -> Iterator[None]:
    """Give the pipeline an empty ``prompt_cache``, and its own one back afterwards.

    It holds what was made of the last reference clip, and the user's next synthesis without a clip speaks
    with that, so it must not find ours. Nor is ours kept from one sentence to the next: the pipeline takes
    it up by the clip's path alone, even after the weights, the language or the file have changed; and
    making it draws random numbers, so that one seed would give two sounds (``TTS.run``). It takes a
    second on a CPU, as in every synthesis of the default page.
    """
    theirs: dict[str, Any] = pipeline.prompt_cache
    pipeline.prompt_cache = {
        name: [] if isinstance(value, list) else None for name, value in theirs.items()
    }
    try:
        yield
    finally:
        pipeline.prompt_cache = theirs
