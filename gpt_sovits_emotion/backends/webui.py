"""The backend inside GPT-SoVITS's own pages: its loaded models listen, its loaded voice speaks."""

from __future__ import annotations

import logging
import threading
import weakref
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gpt_sovits_emotion.backends.base import BackendLimits, SynthesisRequest
from gpt_sovits_emotion.backends.gpt_sovits.failures import backend_error
from gpt_sovits_emotion.backends.gpt_sovits.loaded import ModelProvider, version_of
from gpt_sovits_emotion.backends.gpt_sovits.pages import Page, find_page, page_of
from gpt_sovits_emotion.backends.gpt_sovits.speaking import (
    SWITCHED,
    SWITCHING,
    check_not_cancelled,
    finished_audio,
    limits_of,
    prepare,
)
from gpt_sovits_emotion.core.errors import BackendError
from gpt_sovits_emotion.core.loaded_models import LoadedModels
from gpt_sovits_emotion.core.messages import of_list, tr
from gpt_sovits_emotion.core.records import Audio, Sentence

__all__ = ["WebuiBackend", "find_page"]

_LOG = logging.getLogger(__name__)

_FAMILIES = frozenset({"prosody", "hubert", "sovits.style", "sovits.posterior"})


class WebuiBackend:
    """GPT-SoVITS as it runs in this process, whichever of its two pages it is.

    What is loaded can change at any moment, so every property says what is there now. Speaking queues with
    the page's own synthesis when its events share `concurrency_id`; within this class it goes one by one.

    On the default page a synthesis cannot be stopped in the middle: `SynthesisRequest.cancelled` is asked
    before and after. On the fast page it is asked between the parts of a text too.

    Args:
        namespace: The live ``__main__.__dict__`` of the page.

    Raises:
        BackendError: The namespace is that of neither page.
    """

    id = "webui"

    def __init__(self, namespace: Mapping[str, Any]) -> None:
        self._namespace = namespace
        self._page = page_of(namespace)
        self._lender = ModelProvider(self._page)
        self._speaking = threading.Lock()

    @property
    def title(self) -> Sentence:
        """GPT-SoVITS, with the version of the model that is loaded now."""
        version = version_of(self._page)
        if version is None:
            return tr("GPT-SoVITS (no SoVITS weights are loaded)")
        return tr("GPT-SoVITS, the {version} voice loaded in its page", version=version)

    @property
    def provides(self) -> frozenset[str]:
        """The families of encoders that it can provide now."""
        return self._lender.families

    @property
    def limits(self) -> BackendLimits | None:
        """What the loaded voice can do; None while no voice is loaded."""
        page = self._page
        if page.sovits is None or page.gpt is None:
            return None
        return limits_of(
            version_of(page),
            codes=page.codes,
            timbre_references=page.takes_timbre,
            averages_timbre=page.averages_timbre,
        )

    @property
    def voice_mark(self) -> object:
        """What tells the loaded weights from others.

        The fast page names its weights, and loads the same ones anew after a failure; the default page
        does neither, so there the modules themselves tell.
        """
        page = self._page
        if page.weights_path is not None or page.sovits is None or page.gpt is None:
            return (page.named_version, page.weights_path)
        return (weakref.ref(page.sovits), weakref.ref(page.gpt), _writes(page.sovits))

    @property
    def root(self) -> Path:
        """The checkout that the page runs from."""
        return self._page.root

    @property
    def on_cpu(self) -> bool:
        """Whether its models live on the CPU, where a sentence takes seconds to minutes."""
        return self._page.device == "cpu"

    @property
    def concurrency_id(self) -> str:
        """The queue of the page's own synthesis button, for our events to share."""
        function = self._page.event_function
        app = self._namespace.get("app")
        events = getattr(app, "fns", ())
        for event in events.values() if isinstance(events, Mapping) else events:
            if getattr(event, "fn", None) is function:
                return str(getattr(event, "concurrency_id", None) or id(function))
        return str(id(function))

    def provide(self, family: str) -> Iterator[LoadedModels]:
        """Yield the modules that are loaded, then those of the base models on the disk.

        Raises:
            BackendError: There is nothing to provide, or no such family.
        """
        if family not in _FAMILIES:
            raise BackendError(
                tr(
                    "there is no family of encoders {family!r}: {families} was expected",
                    family=family,
                    families=of_list(sorted(_FAMILIES)),
                )
            )
        if family == "prosody":
            return iter(())
        if family == "hubert":
            return self._lender.hubert()
        return self._lender.sovits(posterior=family == "sovits.posterior")

    def synthesise(self, request: SynthesisRequest) -> Audio:
        """Say `request.text` in the loaded voice, at the rate that this voice has.

        That is the rate of `limits`, but for a v3 voice with super-sampling, which returns 48 kHz where the
        model for it is installed.

        Raises:
            BackendError: The request cannot be met, the weights were switched meanwhile, or GPT-SoVITS
                failed; the message says which, and what to do.
        """
        with self._speaking:
            check_not_cancelled(request)
            before = _Loaded.in_page(self._page)
            utterance = prepare(
                request,
                version=version_of(self._page),
                codes=self._page.codes,
                timbre_references=self._page.takes_timbre,
            )
            try:
                audio = finished_audio(self._page.speak(utterance, request.cancelled))
            except BackendError:
                raise
            except Exception as error:
                if before.is_other_than(self._page, failed=True):
                    raise BackendError(SWITCHED.en, zh=SWITCHED.zh) from error
                # A person gets one sentence; whoever looks into the console gets all of it.
                _LOG.error("GPT-SoVITS could not say %r", request.text, exc_info=error)
                raise backend_error(error) from error
            if before.is_other_than(self._page):
                raise BackendError(SWITCHED.en, zh=SWITCHED.zh)
            check_not_cancelled(request)
            return audio


@dataclass(frozen=True, slots=True, eq=False)
class _Loaded:
    """Which weights a page had at one moment."""

    sovits: Any
    gpt: Any
    writes: int
    named_version: str
    weights_path: str | None

    @classmethod
    def in_page(cls, page: Page) -> _Loaded:
        """Look at a page before it is spoken with.

        Raises:
            BackendError: Weights are missing, or being switched right now.
        """
        if page.sovits is None:
            raise BackendError(
                tr(
                    "GPT-SoVITS has no SoVITS weights loaded, so it has no voice: choose some in its "
                    "list (its console says why those that it started with were not loaded)"
                )
            )
        if page.gpt is None:
            raise BackendError(
                tr(
                    "GPT-SoVITS has no GPT weights loaded, so it cannot speak: choose some in its list"
                )
            )
        version, named = version_of(page), page.named_version
        # The page says the new version first and loads the model later. Some say v2 of a v1 for good.
        if version != named and not {version, named} <= {"v1", "v2"}:
            raise BackendError(SWITCHING.en, zh=SWITCHING.zh)
        return cls(page.sovits, page.gpt, _writes(page.sovits), named, page.weights_path)

    def is_other_than(self, page: Page, *, failed: bool = False) -> bool:
        """Say whether other weights are there now.

        Args:
            page: The page.
            failed: Whether synthesis failed in between. The fast page then loads its models anew by
                itself, so that only their names tell.
        """
        named = page.named_version != self.named_version or page.weights_path != self.weights_path
        if failed and page.weights_path is not None:
            return named
        same = page.sovits is self.sovits and page.gpt is self.gpt
        return named or not same or _writes(page.sovits) != self.writes


def _writes(model: Any) -> int:
    """Return how often the model's first weights were written to, by torch's own count.

    The default page puts a model with random weights in place and loads it there.
    """
    parameter = next(model.parameters(), None) if hasattr(model, "parameters") else None
    if parameter is None or parameter.is_inference():
        return 0
    return int(parameter._version)
