"""The checkout backend: encoders from the files of a GPT-SoVITS checkout, for the command line.

Nothing of GPT-SoVITS runs, and no page has to be open: HuBERT and the listening parts of SoVITS are read
from the disk, through the checkout's own classes. This backend has no voice; the WebUI and ``api_v2`` have.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from gpt_sovits_emotion.backends.base import SynthesisRequest
from gpt_sovits_emotion.backends.gpt_sovits.checkpoints import read_checkpoint
from gpt_sovits_emotion.backends.gpt_sovits.classes import classes_from_checkout
from gpt_sovits_emotion.backends.gpt_sovits.layout import Checkout
from gpt_sovits_emotion.backends.gpt_sovits.loaded import SpeakerVerifier
from gpt_sovits_emotion.backends.gpt_sovits.parts import (
    POSTERIOR_PARTS,
    STYLE_PARTS,
    loaded_from_checkpoint,
)
from gpt_sovits_emotion.backends.gpt_sovits.requirements import transformers_for
from gpt_sovits_emotion.core.errors import BackendError
from gpt_sovits_emotion.core.loaded_models import LoadedHubert, LoadedModels, LoadedSovits
from gpt_sovits_emotion.core.messages import in_both, of_list, tr
from gpt_sovits_emotion.core.records import Audio, Sentence

__all__ = ["CheckoutBackend"]

# Which base is provided first where no weights are named: v2's is the most widely kept, and needs no speaker
# embedding. v3 and v4 have no posterior encoder.
_ORDER = ("v2", "v2Pro", "v2ProPlus", "v1", "v4", "v3")
_WITH_POSTERIOR = ("v2", "v2Pro", "v2ProPlus", "v1")
_HUBERT_WEIGHTS = ("pytorch_model.bin", "model.safetensors")


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A file to provide from; `version` is None where the file itself says it."""

    path: Path
    version: str | None


class CheckoutBackend:
    """Provides what lies in a checkout, loaded when it is first asked for and kept from then on.

    Args:
        root: The checkout's root.
        sovits: Fine-tuned weights to provide before the base models; relative to where the command runs, or
            to the root.
        device: Where the modules shall live: ``cpu``, ``cuda``, or ``auto`` for whichever is there.

    Raises:
        BackendError: `root` is no checkout, or `sovits` is no file.
    """

    id = "checkout"
    limits = None
    voice_mark = None

    def __init__(
        self, root: Path | str, *, sovits: Path | None = None, device: str = "cpu"
    ) -> None:
        self.checkout = Checkout(root)
        self._sovits = None if sovits is None else _named(self.checkout, sovits)
        self._wanted_device = device
        self._loading = threading.RLock()
        self._loaded: dict[Any, Any] = {}

    @property
    def title(self) -> Sentence:
        """Its name: which checkout, and that it does not speak."""
        what = f"{self.checkout.root.name}, {self.checkout.title}"
        return tr("the GPT-SoVITS checkout {what} (encoders from its files, no voice)", what=what)

    @property
    def provides(self) -> frozenset[str]:
        """``prosody``, and whatever has its files in the checkout at this moment."""
        found = {"prosody"}
        if _is_hubert(self.checkout.hubert):
            found.add("hubert")
        for family in ("sovits.style", "sovits.posterior"):
            if self._candidates(family):
                found.add(family)
        return frozenset(found)

    def provide(self, family: str) -> Iterator[LoadedModels]:
        """Yield what is there: the fine-tuned weights that were named, then the base models.

        A file that cannot be used does not hide those after it; what is wrong with it is raised once
        nothing is left to yield.

        Raises:
            BackendError: The files are missing, damaged, or need a package that is not installed.
        """
        if family == "prosody":
            return iter(())
        if family == "hubert":
            return iter((self._kept("hubert", self._load_hubert),))
        if family in ("sovits.style", "sovits.posterior"):
            return self._lend_sovits(family)
        raise BackendError(
            tr(
                "{title} does not lend {family}; it lends {provides}",
                title=self.title,
                family=family,
                provides=of_list(sorted(self.provides)),
            )
        )

    def synthesise(self, request: SynthesisRequest) -> Audio:
        """Refuse.

        Raises:
            BackendError: Always; the message says who can speak.
        """
        raise BackendError(
            tr(
                "a checkout's files have no voice: start its api_v2.py and name its address, use the tab "
                "inside its WebUI, or let the embedded host speak"
            )
        )

    def _lend_sovits(self, family: str) -> Iterator[LoadedModels]:
        candidates = self._candidates(family)
        problems = [] if candidates and self._sovits is None else self._missing(family, candidates)
        for candidate in candidates:
            loaded = self._attempt(family, candidate)
            if isinstance(loaded, BackendError):
                problems.append(loaded)
            else:
                yield loaded
        if problems:
            raise problems[0]

    def _missing(self, family: str, candidates: list[_Candidate]) -> list[BackendError]:
        """Return the error that there is neither what was named nor the base that it was made from."""
        bases = self.checkout.sovits_bases
        version = "v2" if self._sovits is None else read_checkpoint(self._sovits, only=()).version
        if version not in bases or (
            family == "sovits.posterior" and version not in _WITH_POSTERIOR
        ):
            version = "v2" if "v2" in bases else "v1"
        found = {candidate.path for candidate in candidates}
        if bases[version] in found or self._sovits in found:
            return []
        return [
            BackendError(
                tr(
                    "{bases} is not there, and {family} would be lent from it: get it from the "
                    "pretrained models of GPT-SoVITS",
                    bases=bases[version],
                    family=family,
                )
            )
        ]

    def _attempt(self, family: str, candidate: _Candidate) -> LoadedModels | BackendError:
        try:
            return self._kept((family, candidate), lambda: self._load_sovits(family, candidate))
        except BackendError as error:
            return error

    def _candidates(self, family: str) -> list[_Candidate]:
        bases = self.checkout.sovits_bases
        order = _ORDER if family == "sovits.style" else _WITH_POSTERIOR
        found = [
            _Candidate(bases[version], version)
            for version in order
            if version in bases and bases[version].is_file()
        ]
        if self._sovits is None:
            return found
        named = read_checkpoint(self._sovits, only=())
        found.sort(key=lambda candidate: candidate.version != named.version)
        # Exported weights hold no posterior encoder, and LoRA files nothing but changes to the decoder:
        # there the base is the right one, not a way out.
        wanted = "ref_enc." if family == "sovits.style" else "enc_q."
        return [_Candidate(self._sovits, None), *found] if named.has(wanted) else found

    def _load_sovits(self, family: str, candidate: _Candidate) -> LoadedSovits:
        classes = classes_from_checkout(self.checkout.root)
        only = STYLE_PARTS if family == "sovits.style" else POSTERIOR_PARTS
        checkpoint = read_checkpoint(candidate.path, only=only, version=candidate.version)
        if family == "sovits.posterior" and not checkpoint.has_posterior:
            raise BackendError(
                tr(
                    "{path} holds no posterior encoder (enc_q), as base models do: it may be exported "
                    "fine-tuned weights under a base model's name; download the base again",
                    path=candidate.path,
                )
            )
        listens_to_speaker = checkpoint.has("sv_emb.") and family == "sovits.posterior"
        if listens_to_speaker and not self.checkout.speaker_model.is_file():
            raise BackendError(
                tr(
                    "{version} listens with the speaker model {speaker_model}, which is not there: get "
                    "it from the pretrained models of GPT-SoVITS",
                    version=checkpoint.version,
                    speaker_model=self.checkout.speaker_model,
                )
            )
        return loaded_from_checkpoint(
            checkpoint,
            classes,
            source=_source(candidate, checkpoint.version),
            device=self._device,
            speaker_embedding=self._listen_to_speaker if listens_to_speaker else None,
        )

    def _load_hubert(self) -> LoadedHubert:
        folder = self.checkout.hubert
        if not _is_hubert(folder):
            raise BackendError(
                tr(
                    "there is no HuBERT in {folder}: config.json and {hubert_weights} were expected; get "
                    "chinese-hubert-base from the pretrained models of GPT-SoVITS",
                    folder=folder,
                    hubert_weights=_HUBERT_WEIGHTS[0],
                )
            )
        try:
            from transformers import HubertModel
        except ImportError as error:
            wanted = transformers_for(self.checkout.root)
            raise BackendError(
                tr(
                    "HuBERT needs the package transformers, which this Python does not have: run  pip "
                    "install '{wanted}'  or use the Python that runs GPT-SoVITS",
                    wanted=wanted,
                )
            ) from error
        try:
            model = HubertModel.from_pretrained(str(folder), local_files_only=True)
        except Exception as error:
            # transformers raises whatever its readers do; the folder is at fault, or the pair of packages.
            first = str(error).strip().partition("\n")[0]
            raise BackendError(
                tr(
                    "the HuBERT in {folder} does not load ({first}); download chinese-hubert-base again",
                    folder=folder,
                    first=first,
                )
            ) from error
        model = model.eval().requires_grad_(False).float().to(self._device)
        source = tr("HuBERT of {root}", root=self.checkout.root)
        return LoadedHubert(model, source)

    @cached_property
    def _device(self) -> str:
        import torch

        if self._wanted_device == "auto":
            return "cuda" if torch.cuda.is_available() else "cpu"
        if self._wanted_device.startswith("cuda") and not torch.cuda.is_available():
            raise BackendError(
                tr(
                    "the device {wanted_device} was asked for, and torch {version} finds no graphics "
                    "card: choose --device cpu",
                    wanted_device=self._wanted_device,
                    version=torch.__version__,
                )
            )
        return self._wanted_device

    @cached_property
    def _listen_to_speaker(self) -> SpeakerVerifier:
        return SpeakerVerifier(self.checkout, device=self._device)

    def _kept(self, key: Any, load: Callable[[], LoadedModels]) -> LoadedModels:
        with self._loading:
            if key not in self._loaded:
                self._loaded[key] = load()
            kept: LoadedModels = self._loaded[key]
            return kept


def _is_hubert(folder: Path) -> bool:
    return (folder / "config.json").is_file() and any(
        (folder / name).is_file() for name in _HUBERT_WEIGHTS
    )


def _named(checkout: Checkout, sovits: Path) -> Path:
    for path in (sovits.expanduser(), checkout.root / sovits):
        if path.is_file():
            return path
    near = [path.relative_to(checkout.root).as_posix() for path in checkout.fine_tuned_sovits]
    names = ", ".join(near[:5])
    listed = f"; the checkout holds {names}" if near else ""
    listed_zh = f"；该目录中有 {names}" if near else ""
    raise BackendError(
        tr(
            "there is no file {sovits}, here or in {root}{listed}",
            sovits=sovits,
            root=checkout.root,
            listed=in_both(listed, listed_zh),
        )
    )


def _source(candidate: _Candidate, version: str) -> Sentence:
    if candidate.version is None:
        name = candidate.path.name
        return tr("fine-tuned {version} weights {name}", version=version, name=name)
    return tr("the {version} base model on disk", version=version)
