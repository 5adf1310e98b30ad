"""Sample with a seed of our own without disturbing anybody else's.

GPT-SoVITS samples from the global random states of Python, numpy and torch, and its own ``set_seed``
changes an environment variable and two switches beside them (``TTS_infer_pack/TTS.py``, ``set_seed``). A
user's seed relies on all of these.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

__all__ = ["undisturbed_seed"]

_N_SEEDS = 2**32  # numpy takes no more
_HASH_SEED = "PYTHONHASHSEED"


@contextmanager
def undisturbed_seed(seed: int) -> Iterator[None]:
    """Seed everything that GPT-SoVITS samples from, and put every state back afterwards.

    Args:
        seed: Any integer; taken modulo 2**32, which is what numpy can take.
    """
    import torch

    switches = _Switches()
    python_state, numpy_state = random.getstate(), np.random.get_state()
    torch_state = torch.get_rng_state()
    # A CUDA that nobody has used yet has no state that anybody could rely on, and asking would start it.
    cuda_states = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else None
    hash_seed = os.environ.get(_HASH_SEED)
    try:
        random.seed(seed % _N_SEEDS)
        np.random.seed(seed % _N_SEEDS)
        torch.manual_seed(seed % _N_SEEDS)
        yield
    finally:
        random.setstate(python_state)
        np.random.set_state(numpy_state)
        torch.set_rng_state(torch_state)
        if cuda_states is not None:
            torch.cuda.set_rng_state_all(cuda_states)
        if hash_seed is None:
            os.environ.pop(_HASH_SEED, None)
        else:
            os.environ[_HASH_SEED] = hash_seed
        switches.restore()


class _Switches:
    """The switches of torch's backends that the host's ``set_seed`` changes, or once changed."""

    _NAMES = (
        ("cuda.matmul", "allow_tf32"),
        ("cudnn", "allow_tf32"),
        ("cudnn", "deterministic"),
        ("cudnn", "benchmark"),
    )

    def __init__(self) -> None:
        self._before = [getattr(_backend(where), name) for where, name in self._NAMES]

    def restore(self) -> None:
        for (where, name), before in zip(self._NAMES, self._before, strict=True):
            backend = _backend(where)
            if getattr(backend, name) != before:
                setattr(backend, name, before)


def _backend(dotted: str) -> Any:
    import torch

    backend: Any = torch.backends
    for part in dotted.split("."):
        backend = getattr(backend, part)
    return backend
