"""The two pages of GPT-SoVITS behind one face.

Models are replaced while a page runs, so nothing of it is kept here: every name is looked up anew, each
time, in the globals that the page's own functions use. (``inference_webui.py`` is the default page,
``inference_webui_fast.py`` the fast one; both run as ``__main__``.)
"""

# What the attributes of both pages mean is said once, in `Page`.
# ruff: noqa: D102

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Protocol

import numpy as np

from gpt_sovits_emotion.backends.base import Sampling, never
from gpt_sovits_emotion.backends.gpt_sovits.caches import own_prompt, own_tokens
from gpt_sovits_emotion.backends.gpt_sovits.languages import V1_CODES
from gpt_sovits_emotion.backends.gpt_sovits.seeding import undisturbed_seed
from gpt_sovits_emotion.backends.gpt_sovits.speaking import STOPPED, Utterance
from gpt_sovits_emotion.core.errors import BackendError
from gpt_sovits_emotion.core.messages import tr

__all__ = ["DefaultPage", "FastPage", "Page", "find_page", "page_of"]

_POLL_S = 0.1

# The keys are what the page's translation table is asked for, as the page itself does.
_CUT_NAMES = {
    "cut0": "不切",
    "cut1": "凑四句一切",
    "cut2": "凑50字一切",
    "cut3": "按中文句号。切",
    "cut4": "按英文句号.切",
    "cut5": "按标点符号切",
}
# Our option -> the parameter of get_tts_wav; parameters were appended from 2024-02-12 to 2025-02-27.
_PARAMETERS = {
    "top_k": "top_k",
    "top_p": "top_p",
    "temperature": "temperature",
    "speed": "speed",
    "pause_s": "pause_second",
    "sample_steps": "sample_steps",
    "super_sampling": "if_sr",
}


class Page(Protocol):
    """What a page provides and how it is spoken with; every attribute is what is there now.

    Attributes:
        hubert: The ``transformers.HubertModel``, None when there is none.
        sovits: The loaded SoVITS model, None when there is none.
        gpt: The loaded GPT model, None when there is none.
        named_version: The version that the page says is loaded, "" when it does not say.
        codes: Language codes on offer.
        takes_timbre: Whether timbre references can be handed on.
        averages_timbre: Whether the reference's own timbre counts beside theirs.
        weights_path: The file of the loaded SoVITS model where the page knows it; may be relative.
        device: Where the models live.
        speaker_model: The network for speaker embeddings of Pro models, made if need be.
        event_function: What the page's own synthesis button calls.
        root: The checkout.
    """

    @property
    def hubert(self) -> Any: ...
    @property
    def sovits(self) -> Any: ...
    @property
    def gpt(self) -> Any: ...
    @property
    def named_version(self) -> str: ...
    @property
    def codes(self) -> frozenset[str]: ...
    @property
    def takes_timbre(self) -> bool: ...
    @property
    def averages_timbre(self) -> bool: ...
    @property
    def weights_path(self) -> str | None: ...
    @property
    def device(self) -> str: ...
    @property
    def speaker_model(self) -> Any: ...
    @property
    def event_function(self) -> Callable[..., Any]: ...
    @property
    def root(self) -> Path: ...

    def speak(
        self, utterance: Utterance, cancelled: Callable[[], bool]
    ) -> Iterator[tuple[int, np.ndarray]]:
        """Yield ``(sampling_rate, samples)``; raises whatever the host raises."""
        ...


def find_page(namespace: Mapping[str, Any]) -> str | None:
    """Tell which of GPT-SoVITS's pages a ``__main__.__dict__`` belongs to.

    Returns:
        ``default``, ``fast``, or None when it is neither.
    """
    pipeline = namespace.get("tts_pipeline")
    if callable(getattr(pipeline, "run", None)) and callable(namespace.get("inference")):
        return "fast"
    if callable(namespace.get("get_tts_wav")) and "ssl_model" in namespace:
        return "default"
    return None


def page_of(namespace: Mapping[str, Any]) -> Page:
    """Return the page that a namespace belongs to.

    Raises:
        BackendError: It belongs to neither page.
    """
    kind = find_page(namespace)
    if kind == "fast":
        return FastPage(namespace)
    if kind == "default":
        return DefaultPage(namespace)
    raise BackendError(
        tr(
            "this is not a page of GPT-SoVITS: neither get_tts_wav nor tts_pipeline was found; start "
            "GPT_SoVITS/inference_webui.py or inference_webui_fast.py"
        )
    )


@dataclass(frozen=True, slots=True)
class DefaultPage:
    """``inference_webui.py``: models in globals, synthesis by ``get_tts_wav``.

    Its function synthesises a whole text in one go, so that it can be cancelled before and after, and not
    in the middle.
    """

    namespace: Mapping[str, Any]

    @property
    def _globals(self) -> MutableMapping[str, Any]:
        found: MutableMapping[str, Any] = self.namespace["get_tts_wav"].__globals__
        return found

    @property
    def hubert(self) -> Any:
        return getattr(self._globals.get("ssl_model"), "model", None)

    @property
    def sovits(self) -> Any:
        return self._globals.get("vq_model")

    @property
    def gpt(self) -> Any:
        return self._globals.get("t2s_model")

    @property
    def named_version(self) -> str:
        return str(self._globals.get("model_version", self._globals.get("version", "")))

    @property
    def codes(self) -> frozenset[str]:
        offered = frozenset(self._globals["dict_language"].values())
        # The table is stale after a v1 base model: its file is as large as a v2 one, by which it was chosen.
        return offered & V1_CODES if self._globals.get("version") == "v1" else offered

    @property
    def takes_timbre(self) -> bool:
        return "inp_refs" in self._parameters

    @property
    def averages_timbre(self) -> bool:
        return False  # get_tts_wav looks at the reference's timbre only where inp_refs are none

    @property
    def weights_path(self) -> str | None:
        return None  # sovits_path is what was loaded first, and is never updated

    @property
    def device(self) -> str:
        return str(self._globals.get("device", "cpu"))

    @property
    def speaker_model(self) -> Any:
        if self._globals.get("sv_cn_model") is None:
            self._globals["init_sv_cn"]()  # as the page does when it first needs it
        return self._globals["sv_cn_model"]

    @property
    def event_function(self) -> Callable[..., Any]:
        function: Callable[..., Any] = self.namespace["get_tts_wav"]
        return function

    @property
    def root(self) -> Path:
        return _root(self._globals)

    @property
    def _parameters(self) -> frozenset[str]:
        return frozenset(inspect.signature(self.event_function).parameters)

    def speak(
        self, utterance: Utterance, cancelled: Callable[[], bool] = never
    ) -> Iterator[tuple[int, np.ndarray]]:
        """Call ``get_tts_wav`` by keyword, with what this version of it takes."""
        parameters = self._parameters
        sampling = utterance.sampling
        _refuse_unknown(sampling, parameters)
        names = {code: name for name, code in self._globals["dict_language"].items()}
        asked = {
            "ref_wav_path": str(utterance.reference),
            "prompt_text": utterance.prompt_text,
            "prompt_language": names[utterance.prompt_code],
            "text": utterance.text,
            "text_language": names[utterance.code],
            "how_to_cut": self._globals["i18n"](_CUT_NAMES[sampling.cut]),
            "top_k": sampling.top_k,
            "top_p": sampling.top_p,
            "temperature": sampling.temperature,
            "ref_free": not utterance.prompt_text,
            "speed": sampling.speed,
            "if_freeze": False,
            # Given even when there are none: one version's default is the number 123.
            "inp_refs": [SimpleNamespace(name=str(path)) for path in utterance.timbre] or None,
            "sample_steps": utterance.sample_steps,
            "if_sr": sampling.super_sampling,
            "pause_second": sampling.pause_s,
            "use_cuda_graph": bool(self._globals.get("cuda_graph_supported", False)),
        }
        taken = {name: value for name, value in asked.items() if name in parameters}
        with undisturbed_seed(utterance.seed), own_tokens(self._globals):
            yield from self.event_function(**taken)


def _refuse_unknown(sampling: Sampling, parameters: frozenset[str]) -> None:
    """Say so when an option was asked for that an old page would silently leave out."""
    default = Sampling()
    for option, parameter in _PARAMETERS.items():
        asked = getattr(sampling, option)
        if parameter not in parameters and asked != getattr(default, option):
            raise BackendError(
                tr(
                    "this GPT-SoVITS is too old to be told {option} ({asked}): leave it as it is, or "
                    "update GPT-SoVITS",
                    option=option,
                    asked=asked,
                )
            )


@dataclass(frozen=True, slots=True)
class FastPage:
    """``inference_webui_fast.py``: models and synthesis in ``tts_pipeline``.

    Its pipeline looks between the parts of a text whether it shall stop.
    """

    namespace: Mapping[str, Any]

    @property
    def _pipeline(self) -> Any:
        return self.namespace["tts_pipeline"]

    @property
    def hubert(self) -> Any:
        return getattr(getattr(self._pipeline, "cnhuhbert_model", None), "model", None)

    @property
    def sovits(self) -> Any:
        return getattr(self._pipeline, "vits_model", None)

    @property
    def gpt(self) -> Any:
        return getattr(self._pipeline, "t2s_model", None)

    @property
    def named_version(self) -> str:
        return str(self._pipeline.configs.version)

    @property
    def codes(self) -> frozenset[str]:
        offered = frozenset(self._pipeline.configs.languages)
        return offered & V1_CODES if getattr(self.sovits, "version", "") == "v1" else offered

    @property
    def takes_timbre(self) -> bool:
        return True

    @property
    def averages_timbre(self) -> bool:
        return (
            True  # prompt_cache["refer_spec"] begins with the reference, and decode takes the mean
        )

    @property
    def weights_path(self) -> str | None:
        path = getattr(self._pipeline.configs, "vits_weights_path", None)
        return None if path is None else str(path)

    @property
    def device(self) -> str:
        return str(self._pipeline.configs.device)

    @property
    def speaker_model(self) -> Any:
        if getattr(self._pipeline, "sv_model", None) is None:
            self._pipeline.init_sv_model()
        return self._pipeline.sv_model

    @property
    def event_function(self) -> Callable[..., Any]:
        function: Callable[..., Any] = self.namespace["inference"]
        return function

    @property
    def root(self) -> Path:
        return _root(self.namespace)

    def speak(
        self, utterance: Utterance, cancelled: Callable[[], bool] = never
    ) -> Iterator[tuple[int, np.ndarray]]:
        """Run the pipeline; keys that an older one does not know are ignored by it."""
        pipeline = self._pipeline
        with (
            undisturbed_seed(utterance.seed),
            own_prompt(pipeline),
            _stopping(pipeline, cancelled) as stopped,
        ):
            yield from pipeline.run(utterance.pipeline_inputs())
        if stopped():
            raise BackendError(STOPPED.en, zh=STOPPED.zh)


@contextmanager
def _stopping(pipeline: Any, cancelled: Callable[[], bool]) -> Iterator[Callable[[], bool]]:
    """Watch, from a thread, whether somebody wants to stop, and tell the pipeline."""
    if cancelled is never:
        yield never
        return
    done, stopped = threading.Event(), threading.Event()

    def watch() -> None:
        while not done.wait(_POLL_S):
            if cancelled():
                stopped.set()
                pipeline.stop()  # again and again: the pipeline forgets it as it starts

    watcher = threading.Thread(target=watch, name="emotion-cancel", daemon=True)
    watcher.start()
    try:
        yield stopped.is_set
    finally:
        done.set()
        watcher.join()


def _root(page: Mapping[str, Any]) -> Path:
    """Return the checkout: the folder the page was started in, to which all of its paths are relative."""
    started_in = page.get("now_dir")
    return Path(started_in) if started_in else Path(page["__file__"]).absolute().parents[1]
