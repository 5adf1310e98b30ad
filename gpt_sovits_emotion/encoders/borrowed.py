"""Running modules that belong to somebody else, without leaving a trace on them.

The backend may be using the same modules in another thread at this moment. So nothing of them is ever set,
not even for the length of a call: ``torch.func.functional_call``, for one, exchanges the parameters inside
the module while it runs. Where a module has to behave otherwise than it is (in float32 though it is in
half precision), a shallow twin of it runs instead.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from gpt_sovits_emotion.core.errors import EncoderError
from gpt_sovits_emotion.core.messages import tr

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from gpt_sovits_emotion.core.records import Audio

__all__ = ["Use", "check_audio", "finite", "home_of", "parts_of", "twin"]

Use: TypeAlias = "Callable[[nn.Module], nn.Module]"
"""Gives the module to call in place of a submodule of the backend's: itself, or a twin."""

_Result = TypeVar("_Result", bound="Sequence[Tensor]")


def home_of(module: nn.Module) -> tuple[torch.device, torch.dtype]:
    """Return the device and the floating-point type that a module's parameters have."""
    parameter = next(
        parameter for parameter in module.parameters() if parameter.is_floating_point()
    )
    return parameter.device, parameter.dtype


def parts_of(function: object) -> list[nn.Module]:
    """Return the modules that a callable of the backend's holds, in the order of their names.

    Args:
        function: A module (which is its only part), or an object with modules as attributes.

    Raises:
        EncoderError: There are none, so that nobody could tell whether it is the right one.
    """
    from torch import nn

    if isinstance(function, nn.Module):
        return [function]
    names = sorted({*getattr(function, "__dict__", ()), *getattr(function, "__slots__", ())})
    found = [getattr(function, name, None) for name in names]
    parts = [part for part in found if isinstance(part, nn.Module)]
    if not parts:
        raise EncoderError(
            tr(
                "{name} shows no modules, so its weights cannot be identified; expected an object that "
                "holds them as attributes",
                name=type(function).__name__,
            )
        )
    return parts


def twin(module: nn.Module, dtype: torch.dtype | None = None) -> nn.Module:
    """Return a shallow copy of a module, in evaluation mode.

    It is of the same classes and calls the same hooks, but has its own dictionaries all the way down, so
    that whatever a forward pass sets on it (old-style weight normalisation sets its weight) stays there.

    Args:
        module: Any module; it is not touched.
        dtype: Floating-point tensors are cast to it; None shares them.
    """
    # copy.copy would do, if parametrised modules did not refuse to be copied.
    copied = module.__class__.__new__(module.__class__)
    copied.__dict__.update(module.__dict__)
    copied.__dict__.update(
        training=False,
        _parameters={name: _cast(tensor, dtype) for name, tensor in module._parameters.items()},
        _buffers={name: _cast(tensor, dtype) for name, tensor in module._buffers.items()},
        _modules={
            name: None if child is None else twin(child, dtype)
            for name, child in module._modules.items()
        },
    )
    return copied


def finite(
    run: Callable[[Use, torch.dtype], _Result], modules: Sequence[nn.Module], *, what: str
) -> _Result:
    """Run modules in their own precision and, if values overflow in it, once more in float32.

    Args:
        run: Does the work with ``use(submodule)`` in place of every submodule, one after another, on
            input of the dtype it is given. Each float32 twin is gone before the next one is made.
        modules: What is run, to know its precision and its mode.
        what: The encoder and its input, for the error.

    Returns:
        What `run` returned; every tensor of it finite.

    Raises:
        EncoderError: There are values that are no numbers in float32, too.
    """
    import torch

    _, dtype = home_of(modules[0])
    # In training mode dropout would act. The twin shares its tensors, and costs microseconds.
    training = any(part.training for module in modules for part in module.modules())
    with torch.no_grad():
        result = run(twin if training else _itself, dtype)
        if _all_finite(result):
            return result
        if dtype != torch.float32:
            result = run(_in_float32, torch.float32)
            if _all_finite(result):
                return result
    raise EncoderError(
        tr(
            "{what} gives values that are no numbers, even in float32; its weights are damaged, or do "
            "not belong to this model: restore the file they come from",
            what=what,
        )
    )


def check_audio(audio: Audio, *, encoder_id: str, sampling_rate_hz: int, n_least: int) -> None:
    """Check that an audio has the encoder's rate and is long enough for one frame.

    Raises:
        EncoderError: It has not, or is not.
    """
    if audio.sampling_rate_hz != sampling_rate_hz:
        raise EncoderError(
            tr(
                "the encoder {encoder_id!r} was given audio at {sampling_rate_hz} Hz and works at "
                "{sampling_rate_hz_2} Hz: resample it first",
                encoder_id=encoder_id,
                sampling_rate_hz=audio.sampling_rate_hz,
                sampling_rate_hz_2=sampling_rate_hz,
            )
        )
    if len(audio.samples) < n_least:
        raise EncoderError(
            tr(
                "a segment of {duration_s:.0f} ms is too short for the encoder {encoder_id!r}, which "
                "needs at least {n_least:.0f} ms",
                duration_s=1000 * audio.duration_s,
                encoder_id=encoder_id,
                n_least=1000 * n_least / sampling_rate_hz,
            )
        )


def _itself(module: nn.Module) -> nn.Module:
    return module


def _in_float32(module: nn.Module) -> nn.Module:
    import torch

    return twin(module, torch.float32)


def _cast(tensor: Tensor | None, dtype: torch.dtype | None) -> Tensor | None:
    if tensor is None or dtype is None or not tensor.is_floating_point():
        return tensor
    return tensor.detach().to(dtype)


def _all_finite(tensors: Sequence[Tensor]) -> bool:
    import torch

    return all(bool(torch.isfinite(tensor).all()) for tensor in tensors)
