"""Build the listening parts of a SoVITS model from a checkpoint, with GPT-SoVITS's own classes.

Only the style encoder ``ref_enc``, the posterior encoder ``enc_q`` and, in Pro models, what adds the
speaker embedding to the style are built: 3 to 90 MB where the whole model takes 300 to 1,600.
(``GPT_SoVITS/module/models.py``, ``SynthesizerTrn``.)
"""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from gpt_sovits_emotion.backends.gpt_sovits.checkpoints import Checkpoint
from gpt_sovits_emotion.core.errors import BackendError
from gpt_sovits_emotion.core.loaded_models import LoadedSovits, SpeakerEmbedding
from gpt_sovits_emotion.core.messages import in_both, tr
from gpt_sovits_emotion.core.records import Sentence

__all__ = [
    "POSTERIOR_PARTS",
    "SPEAKER_DIM",
    "STYLE_PARTS",
    "SovitsClasses",
    "SpeakerProjection",
    "classes_in",
    "classes_of",
    "loaded_from_checkpoint",
    "unfilled",
]

STYLE_PARTS = ("ref_enc.",)
"""What `read_checkpoint` has to read for a style encoder."""

POSTERIOR_PARTS = ("ref_enc.", "enc_q.", "sv_emb.", "prelu.")
"""What `read_checkpoint` has to read for a posterior encoder and the style that conditions it."""

SPEAKER_DIM = 20_480

_FILLERS = ("normal_", "uniform_")
_IN_LAYER = re.compile(r"enc\.in_layers\.(\d+)\.weight_v$")


@dataclass(frozen=True, slots=True)
class SovitsClasses:
    """GPT-SoVITS's own classes.

    Attributes:
        style: ``MelStyleEncoder`` of ``module/modules.py``.
        posterior: ``PosteriorEncoder`` of ``module/models.py``.
    """

    style: type
    posterior: type


@dataclass(frozen=True, slots=True, eq=False)
class SpeakerProjection:
    """Adds a speaker embedding to a style vector, as the Pro models do before anything reads it.

    Attributes:
        project: ``sv_emb``, from 20,480 to the style's dimension.
        activation: ``prelu``.
    """

    project: Any
    activation: Any

    def __call__(self, style: Any, speaker: Any) -> Any:
        """Return ``(1, style_dim, 1)`` from a style of that shape and an embedding ``(1, 20480)``."""
        weight = self.project.weight
        speaker = self.project(speaker.to(weight.device, weight.dtype))
        return self.activation(style.to(weight.device, weight.dtype) + speaker.unsqueeze(-1))


def classes_of(model: Any) -> SovitsClasses:
    """Return the classes beside that of a loaded SoVITS model.

    Looked up by attribute, never by import: GPT-SoVITS has its modules loaded under two names at once.

    Raises:
        BackendError: The model's module has no such classes.
    """
    module = sys.modules.get(type(model).__module__)
    return classes_in(module, f"the module of {type(model).__name__}")


def classes_in(module: Any, where: str) -> SovitsClasses:
    """Return the classes that a loaded ``module/models.py`` holds.

    Raises:
        BackendError: It holds none; `where` says in whose words.
    """
    style = getattr(getattr(module, "modules", None), "MelStyleEncoder", None)
    posterior = getattr(module, "PosteriorEncoder", None)
    if style is None or posterior is None:
        missing = "MelStyleEncoder" if style is None else "PosteriorEncoder"
        raise BackendError(
            tr(
                "{where} has no {missing}, which every version of GPT-SoVITS up to 2026 has; choose a "
                "head that reads prosody or hubert",
                where=where,
                missing=missing,
            )
        )
    return SovitsClasses(style, posterior)


def loaded_from_checkpoint(
    checkpoint: Checkpoint,
    classes: SovitsClasses,
    *,
    source: Sentence,
    device: Any = "cpu",
    dtype: Any = None,
    speaker_embedding: SpeakerEmbedding | None = None,
) -> LoadedSovits:
    """Build and load the parts whose tensors were read.

    Args:
        checkpoint: Read with `STYLE_PARTS` or `POSTERIOR_PARTS`.
        classes: GPT-SoVITS's own.
        source: Where the weights come from, for people.
        device: Where the parts shall live.
        dtype: Their precision; float32 where none is given.
        speaker_embedding: Handed on as it is.

    Raises:
        BackendError: The checkpoint holds no style encoder (LoRA files hold none), or one of another shape
            than any version has, or values that are not finite.
    """
    import torch

    dtype = torch.float32 if dtype is None else dtype
    shape = _StyleShape.of(checkpoint)
    builder = _Builder(checkpoint, device, dtype)
    style = builder.build(
        "ref_enc.", lambda: classes.style(shape.n_bins, style_vector_dim=shape.dim)
    )
    posterior = None
    if any(key.startswith("enc_q.") for key in checkpoint.weights):
        posterior = builder.build(
            "enc_q.", lambda: _empty_posterior(checkpoint, classes, shape.dim)
        )
    project = None
    if "sv_emb.weight" in checkpoint.weights:
        project = SpeakerProjection(
            builder.build("sv_emb.", lambda: torch.nn.Linear(SPEAKER_DIM, shape.dim)),
            builder.build("prelu.", lambda: torch.nn.PReLU(shape.dim)),
        )
    return LoadedSovits(
        version=checkpoint.version,
        style=style,
        n_style_bins=shape.n_bins,
        style_dim=shape.dim,
        posterior=posterior,
        source=source,
        project_speaker=project,
        speaker_embedding=speaker_embedding,
    )


@dataclass(frozen=True, slots=True)
class _StyleShape:
    n_bins: int
    dim: int

    @classmethod
    def of(cls, checkpoint: Checkpoint) -> _StyleShape:
        """Read the style encoder's shape off its first and last layer.

        The tensors say it more surely than the configuration, which older files lack parts of.
        """
        first = checkpoint.weights.get("ref_enc.spectral.0.fc.weight")
        last = checkpoint.weights.get("ref_enc.fc.fc.weight")
        if first is None or last is None:
            why = (
                f"it is a LoRA: name its base, the {checkpoint.version} base model, instead"
                if checkpoint.is_lora
                else "export the weights again with GPT-SoVITS"
            )
            why_zh = (
                f"这是 LoRA：请改为指定它的底模，即 {checkpoint.version} 底模"
                if checkpoint.is_lora
                else "请用 GPT-SoVITS 重新导出权重"
            )
            raise BackendError(
                tr(
                    "{path} holds no style encoder (ref_enc): {why}",
                    path=checkpoint.path,
                    why=in_both(why, why_zh),
                )
            )
        return cls(int(first.shape[1]), int(last.shape[0]))


@dataclass(frozen=True, slots=True)
class _Builder:
    checkpoint: Checkpoint
    device: Any
    dtype: Any

    def build(self, prefix: str, make: Any) -> Any:
        """Make one part without filling it, give it its tensors, and switch training off."""
        import torch

        name = prefix.rstrip(".")
        tensors = _under(prefix, self.checkpoint.weights)
        infinite = [key for key, tensor in tensors.items() if not torch.isfinite(tensor).all()]
        if infinite:
            raise BackendError(
                tr(
                    "{path} is damaged: {prefix}{infinite} holds values that are not finite; download it "
                    "again, or export the weights again",
                    path=self.checkpoint.path,
                    prefix=prefix,
                    infinite=infinite[0],
                )
            )
        with unfilled(), warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # weight_norm, which the host still uses
            module = make()
        try:
            module.load_state_dict(tensors, strict=True, assign=True)
        except RuntimeError as error:
            raise BackendError(
                tr(
                    "{name} of {path} ({version}) does not fit this GPT-SoVITS: {first_difference}; use "
                    "the weights with the GPT-SoVITS that they were made with",
                    name=name,
                    path=self.checkpoint.path,
                    version=self.checkpoint.version,
                    first_difference=_first_difference(error),
                )
            ) from error
        module.eval().requires_grad_(False)
        return module.to(device=self.device, dtype=self.dtype)


def unfilled() -> AbstractContextManager[Any]:
    """Make the modules that are made in this thread leave their weights as the memory was.

    Weights are loaded into them right after. Filling them with random numbers first would take a second,
    and would move torch's random state, which the seed of a user's own synthesis relies on. (The device
    ``meta`` would do as well, but weight normalisation on it loads 100 MB of torch's compiler.)
    """
    from torch.overrides import TorchFunctionMode

    class Unfilled(TorchFunctionMode):
        def __torch_function__(
            self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
        ) -> Any:
            # Tensor.uniform_ and its like, and what torch.nn.init makes of them: kaiming_uniform_, …
            if func.__name__.endswith(_FILLERS):
                return args[0] if args else (kwargs or {})["tensor"]
            return func(*args, **(kwargs or {}))

    return Unfilled()


def _empty_posterior(checkpoint: Checkpoint, classes: SovitsClasses, style_dim: int) -> Any:
    tensors = _under("enc_q.", checkpoint.weights)
    try:
        n_bins = tensors["pre.weight"].shape[1]
        n_hidden = tensors["pre.weight"].shape[0]
        n_out = tensors["proj.weight"].shape[0] // 2
        kernel = tensors["enc.in_layers.0.weight_v"].shape[2]
    except (KeyError, IndexError) as error:
        raise BackendError(
            tr(
                "{path} is damaged: of its posterior encoder, {error} is missing; download it again",
                path=checkpoint.path,
                error=error,
            )
        ) from error
    n_layers = sum(_IN_LAYER.match(key) is not None for key in tensors)
    return classes.posterior(n_bins, n_out, n_hidden, kernel, 1, n_layers, gin_channels=style_dim)


def _under(prefix: str, weights: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key.removeprefix(prefix): tensor
        for key, tensor in weights.items()
        if key.startswith(prefix)
    }


def _first_difference(error: RuntimeError) -> str:
    lines = [line.strip() for line in str(error).splitlines()[1:]] or [str(error)]
    return lines[0].rstrip(".: ")
