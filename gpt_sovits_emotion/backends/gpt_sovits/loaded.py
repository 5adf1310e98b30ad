"""What a running page has loaded, where it is; the base models beside it; the Pro models' speaker network."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from gpt_sovits_emotion.backends.gpt_sovits.checkpoints import (
    Checkpoint,
    read_checkpoint,
    read_state,
)
from gpt_sovits_emotion.backends.gpt_sovits.classes import speaker_modules_from_checkout
from gpt_sovits_emotion.backends.gpt_sovits.layout import Checkout
from gpt_sovits_emotion.backends.gpt_sovits.pages import Page
from gpt_sovits_emotion.backends.gpt_sovits.parts import (
    POSTERIOR_PARTS,
    STYLE_PARTS,
    SpeakerProjection,
    classes_of,
    loaded_from_checkpoint,
    unfilled,
)
from gpt_sovits_emotion.core.errors import BackendError
from gpt_sovits_emotion.core.loaded_models import LoadedHubert, LoadedSovits
from gpt_sovits_emotion.core.messages import in_both, tr

__all__ = [
    "ModelProvider",
    "SpeakerVerifier",
    "version_of",
]

_WITHOUT_POSTERIOR = ("v3", "v4")
_BASE_OF_LAST_RESORT = "v2"  # the base that v3 and v4 share a posterior with


def version_of(page: Page) -> str | None:
    """Return the version of the SoVITS model that a page has loaded, None when there is none.

    The model itself is asked first: the page's own name for it changes before the model does, and is not
    corrected for v1 on every page.
    """
    model = page.sovits
    if model is None:
        return None
    version = getattr(model, "version", None)
    if version is None and hasattr(model, "cfm"):
        version = "v3"  # the first release of v3 does not tell its models apart by anything else
    return str(version or page.named_version or "v1")


class ModelProvider:
    """Provides the models of one page.

    Args:
        page: The page; asked anew at every call.
    """

    def __init__(self, page: Page) -> None:
        self._page = page
        self._bases: dict[tuple[Path, tuple[str, ...]], tuple[int, LoadedSovits]] = {}
        self._trusted: WeakKeyDictionary[Any, bool] = WeakKeyDictionary()

    @property
    def families(self) -> frozenset[str]:
        """The families of encoders that something could be provided for now."""
        families = {"prosody"}
        if self._page.hubert is not None:
            families.add("hubert")
        model = self._page.sovits
        if model is not None:
            families.add("sovits.style")
            if self._base_paths(posterior=True) or self._has_trusted_posterior(model):
                families.add("sovits.posterior")
        return frozenset(families)

    def hubert(self) -> Iterator[LoadedHubert]:
        """Yield the page's HuBERT.

        Raises:
            BackendError: The page has none.
        """
        model = self._page.hubert
        if model is None:
            raise BackendError(
                tr(
                    "GPT-SoVITS has no HuBERT loaded, which it needs for speaking too: see its console, "
                    "and gpt-sovits-emotion doctor --checkout DIR"
                )
            )
        return iter((LoadedHubert(model, tr("GPT-SoVITS's HuBERT")),))

    def sovits(self, *, posterior: bool) -> Iterator[LoadedSovits]:
        """Yield the loaded model's parts, then those of its base, then those of the v2 base.

        Args:
            posterior: Whether a posterior encoder is wanted. The loaded one is provided only when it is
                known to
                hold the values of a file: pages keep one with random values for weights that have none
                (``TTS.init_vits_weights``).

        Raises:
            BackendError: No model is loaded, or none of all these has what is wanted.
        """
        model = self._page.sovits
        if model is None:
            raise BackendError(
                tr(
                    "GPT-SoVITS has no SoVITS weights loaded: choose some in its list (its console says "
                    "why those that it started with were not loaded)"
                )
            )
        lend_loaded = not posterior or self._has_trusted_posterior(model)
        if not lend_loaded and not self._base_paths(posterior=True):
            bases = [str(path) for _, path in self._base_candidates(posterior=True)]
            raise BackendError(
                tr(
                    "the weights that are loaded hold no posterior encoder, as exported weights do not, "
                    "and their base model is not on the disk: download it to {bases}, or choose a head "
                    "that reads hubert or sovits.style",
                    bases=in_both(
                        " or ".join(bases) or "its place", " 或 ".join(bases) or "相应位置"
                    ),
                )
            )
        return self._models(model, posterior=posterior, lend_loaded=lend_loaded)

    def _models(self, model: Any, *, posterior: bool, lend_loaded: bool) -> Iterator[LoadedSovits]:
        if lend_loaded:
            yield self._loaded(model, posterior=posterior)
        for version, path in self._base_paths(posterior=posterior):
            yield self._base(version, path, model, posterior=posterior)

    def _loaded(self, model: Any, *, posterior: bool) -> LoadedSovits:
        version = version_of(self._page) or ""
        is_pro = hasattr(model, "sv_emb")
        return LoadedSovits(
            version=version,
            style=model.ref_enc,
            n_style_bins=model.ref_enc.in_dim,
            style_dim=model.ref_enc.out_dim,
            posterior=model.enc_q if posterior else None,
            source=tr("the {version} SoVITS model that is loaded", version=version),
            project_speaker=SpeakerProjection(model.sv_emb, model.prelu) if is_pro else None,
            speaker_embedding=self._speaker_embedding if is_pro else None,
        )

    def _speaker_embedding(self, waveform: Any, /) -> Any:
        import torch

        with torch.no_grad():
            return self._page.speaker_model.compute_embedding3(waveform.to(self._page.device))

    # --- bases on the disk -------------------------------------------------------------------------

    def _base_candidates(self, *, posterior: bool) -> list[tuple[str, Path]]:
        try:
            bases = Checkout(self._page.root).sovits_bases
        except BackendError:
            return []  # a page without a checkout around it has no bases to look for
        wanted = dict.fromkeys((version_of(self._page) or "", _BASE_OF_LAST_RESORT))
        return [
            (version, bases[version])
            for version in wanted
            if version in bases and not (posterior and version in _WITHOUT_POSTERIOR)
        ]

    def _base_paths(self, *, posterior: bool) -> list[tuple[str, Path]]:
        candidates = self._base_candidates(posterior=posterior)
        return [(version, path) for version, path in candidates if path.is_file()]

    def _base(self, version: str, path: Path, model: Any, *, posterior: bool) -> LoadedSovits:
        parts = POSTERIOR_PARTS if posterior else STYLE_PARTS
        written = path.stat().st_mtime_ns
        known = self._bases.get((path, parts))
        if known is not None and known[0] == written:
            return known[1]
        loaded = loaded_from_checkpoint(
            read_checkpoint(path, only=parts, version=version),
            classes_of(model),
            source=tr("the {version} base model on the disk", version=version),
            device=self._page.device,
            speaker_embedding=self._speaker_embedding if "Pro" in version else None,
        )
        self._bases[path, parts] = written, loaded
        return loaded

    # --- trust -------------------------------------------------------------------------------------

    def _has_trusted_posterior(self, model: Any) -> bool:
        """Say whether the loaded posterior encoder holds, value by value, what a known file holds."""
        posterior = getattr(model, "enc_q", None)
        if posterior is None:
            return False
        if posterior not in self._trusted:
            self._trusted[posterior] = any(
                _is_of(model, read_checkpoint(path, only=POSTERIOR_PARTS))
                for path in self._known_files()
            )
        return self._trusted[posterior]

    def _known_files(self) -> Iterator[Path]:
        named = self._page.weights_path
        if named is not None and (self._page.root / named).is_file():
            yield self._page.root / named
        for _, path in self._base_paths(posterior=True):
            yield path


def _is_of(model: Any, checkpoint: Checkpoint) -> bool:
    import torch

    if not checkpoint.has_posterior:
        return False
    loaded = model.state_dict()
    return all(
        key in loaded
        and loaded[key].shape == tensor.shape
        and torch.equal(loaded[key].cpu(), tensor.to(loaded[key].dtype))
        for key, tensor in checkpoint.weights.items()
    )


# GPT_SoVITS/sv.py
_SHAPE = {"baseWidth": 24, "scale": 4, "expansion": 4}
_FBANK = {"num_mel_bins": 80, "sample_frequency": 16_000, "dither": 0}


class SpeakerVerifier:
    """Gives a speaker embedding as ``SV.compute_embedding3`` of ``GPT_SoVITS/sv.py`` does.

    Loaded when it is called for the first time, 70 MB, and kept.
    """

    def __init__(self, checkout: Checkout, *, device: Any = "cpu") -> None:
        self._checkout = checkout
        self._device = device
        self._loading = threading.Lock()
        self._network: Any = None

    def __call__(self, waveform: Any) -> Any:
        """Return ``(1, 20480)`` for a ``(1, n_samples)`` float32 tensor at 16 kHz.

        Raises:
            BackendError: The model or its classes are not there, or do not fit each other.
        """
        import torch

        _, fbank = speaker_modules_from_checkout(self._checkout.root)
        network = self._loaded()
        with torch.no_grad():
            bands = [fbank(row.unsqueeze(0), **_FBANK) for row in waveform.to(self._device)]
            return network.forward3(torch.stack(bands))

    def _loaded(self) -> Any:
        with self._loading:
            if self._network is None:
                self._network = self._load()
            return self._network

    def _load(self) -> Any:
        import torch

        path = self._checkout.speaker_model
        network_class, _ = speaker_modules_from_checkout(self._checkout.root)
        state = read_state(path)
        with unfilled():
            network = network_class(**_SHAPE)
        try:
            network.load_state_dict(state, strict=True, assign=True)
        except RuntimeError as error:
            raise BackendError(
                tr(
                    "{path} does not fit the speaker network of this checkout: download the file again",
                    path=path,
                )
            ) from error
        return network.eval().requires_grad_(False).to(self._device, torch.float32)
