"""Whisper's encoder on the CPU, in onnxruntime, which the transcriber brings along.

A graph for the stem and one for each layer, so that a layer is read when the first head asks for it, and
held once. Clips go through one by one, each on a thread of its own: nothing is padded, a clip's frames depend
on no other, and no more memory is held than the clips at work need. Formulas: Radford et al. 2022, "Robust
Speech Recognition via Large-Scale Weak Supervision" (arXiv 2212.04356), and ``whisper/model.py`` of
https://github.com/openai/whisper.

In int8 the factors of matrix products are whole numbers: weights with a scale for each output (fixed), what
they are multiplied with a scale for each frame (found as it comes). Where a norm goes before, its gain takes
over part of the weights' spread, and so do the values' weights before the attention's last product (Xiao et
al. 2023, "SmoothQuant", arXiv 2211.10438; Nagel et al. 2019, arXiv 1906.04721). Sums, norms, softmax, the
attention's own products and the convolutions stay in float32.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from gpt_sovits_emotion.core.telemetry import forbid_telemetry
from gpt_sovits_emotion.encoders.whisper.onnx_graph import FLOAT32, Graph
from gpt_sovits_emotion.encoders.whisper.spectrogram import log_mel, n_own_frames
from gpt_sovits_emotion.encoders.whisper.weights import WhisperLayers

if TYPE_CHECKING:
    import numpy as np

__all__ = ["OnnxLayers", "product_bits"]

_MOST_THREADS = 8
_BATCH_S = 32.0  # what a few threads share
_EPSILON = 1e-5
_ZERO = 128  # of values of both signs in 8 bits
_ZERO_AFTER_GELU, _LOWEST_OF_GELU = 16, -0.17
_SMALLEST = 1e-12
_LEAST_SHARE = 1e-3  # of the largest: channels that hardly act are not blown up


class OnnxLayers(WhisperLayers):
    """See `WhisperLayers`; in float32 or int8."""

    batch_s = _BATCH_S

    def frames(self, pieces: Sequence[np.ndarray], layers: Sequence[int]) -> list[list[np.ndarray]]:
        """See `WhisperLayers.frames`."""
        mels = [log_mel(piece, self.source.shape.n_mels)[None] for piece in pieces]
        sessions = [self.stem(), *(self.layer(number) for number in range(layers[-1]))]

        def hear(piece: np.ndarray, mel: np.ndarray) -> list[np.ndarray]:
            n_own, kept = n_own_frames(len(piece)), []
            hidden = mel
            for number, session in enumerate(sessions):
                (hidden,) = session.run(None, {"input": hidden})
                if number in layers:
                    kept.append(hidden[:n_own])
            return kept

        n_threads = min(len(pieces), _n_threads())
        if n_threads == 1:
            return [hear(piece, mel) for piece, mel in zip(pieces, mels, strict=True)]
        with ThreadPoolExecutor(n_threads) as pool:
            return list(pool.map(hear, pieces, mels))

    def _open_stem(self, tensors: Sequence[np.ndarray]) -> Any:
        import numpy as np

        w1, b1, w2, b2, positions = tensors
        graph = Graph()
        hidden = graph.input("input", (1, w1.shape[1], "n_spectra"))
        for weight, bias, stride in ((w1, b1, 1), (w2, b2, 2)):
            hidden = graph.add(
                "Conv",
                hidden,
                graph.constant(weight),
                graph.constant(bias),
                kernel_shape=[weight.shape[2]],
                pads=[1, 1],
                strides=[stride],
            )
            hidden = _gelu(graph, hidden)
        first = graph.constant(np.array([0], np.int64))
        hidden = graph.add("Squeeze", graph.add("Transpose", hidden, perm=[0, 2, 1]), first)
        n_frames = graph.add(
            "Slice", graph.add("Shape", hidden), first, graph.constant(np.array([1], np.int64))
        )
        own = graph.add("Slice", graph.constant(positions), first, n_frames)
        graph.output(graph.add("Add", hidden, own), ("n_frames", w1.shape[0]))
        return _session(graph)

    def _open_layer(self, tensors: Sequence[np.ndarray]) -> Any:
        linear = _in_float32 if self.precision == "float32" else _in_int8
        if self.precision != "float32":
            tensors = _balanced(tensors)
        gamma1, beta1, w_qkv, b_qkv, w_out, b_out, gamma2, beta2, w1, b1, w2, b2 = tensors
        width = w_out.shape[0]
        graph = Graph()
        hidden = graph.input("input", ("n_frames", width))
        normed = _norm(graph, hidden, gamma1, beta1)
        heard = _attention(graph, linear(graph, normed, w_qkv, b_qkv), self.source.n_heads, width)
        hidden = graph.add("Add", hidden, linear(graph, heard, w_out, b_out))
        inner = _gelu(graph, linear(graph, _norm(graph, hidden, gamma2, beta2), w1, b1))
        output = linear(graph, inner, w2, b2, after_gelu=True)
        graph.output(graph.add("Add", hidden, output), ("n_frames", width))
        return _session(graph)


@functools.cache
def product_bits() -> int:
    """Return how many bits weights may have so that onnxruntime's products of whole numbers are exact here.

    Processors that multiply them in pairs (x86 without VNNI) let sums of two large products overflow 16 bits;
    with 7 bits for the weights they cannot.

    Returns:
        8 or 7.
    """
    import numpy as np

    n = 64
    graph = Graph()
    factor = graph.input("input", (1, n), dtype="uint8")
    weights = graph.constant(np.full((n, n), 127, np.int8))
    graph.output(graph.add("MatMulInteger", factor, weights), (1, n), dtype="int32")
    (found,) = _session(graph).run(None, {"input": np.full((1, n), 255, np.uint8)})
    return 8 if (found == n * 255 * 127).all() else 7


def _session(graph: Graph) -> Any:
    forbid_telemetry()
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    # Both keep the most that was ever needed: memory would grow with the longest clip, layer by layer.
    options.enable_cpu_mem_arena = options.enable_mem_pattern = False
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(graph.model(), options, providers=["CPUExecutionProvider"])


def _n_threads() -> int:
    """Return how many clips to hear at once: one per processor, or as many as OpenMP may have threads."""
    n_processors = os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):  # not on Windows and macOS
        n_processors = len(os.sched_getaffinity(0))
    asked = os.environ.get("OMP_NUM_THREADS", "")
    if asked.isascii() and asked.isdigit() and int(asked) > 0:
        n_processors = min(n_processors, int(asked))
    return min(n_processors, _MOST_THREADS)


# --- parts of the graphs ---------------------------------------------------------------------------


def _scalar(graph: Graph, value: float) -> str:
    import numpy as np

    return graph.constant(np.array(value, np.float32))


def _gelu(graph: Graph, value: str) -> str:
    """Add ``x / 2 * (1 + erf(x / sqrt 2))``, as onnxruntime recognises it and does it in one."""
    erf = graph.add("Erf", graph.add("Div", value, _scalar(graph, 2**0.5)))
    above = graph.add("Mul", value, graph.add("Add", erf, _scalar(graph, 1.0)))
    return graph.add("Mul", above, _scalar(graph, 0.5))


def _norm(graph: Graph, value: str, gamma: np.ndarray, beta: np.ndarray) -> str:
    return graph.add(
        "LayerNormalization",
        value,
        graph.constant(gamma),
        graph.constant(beta),
        axis=-1,
        epsilon=_EPSILON,
    )


def _attention(graph: Graph, qkv: str, n_heads: int, width: int) -> str:
    """Add the heads' attention, head after head: one square of frames is in memory at a time, not all."""
    import numpy as np

    sizes = graph.constant(np.full(3 * n_heads, width // n_heads, np.int64))
    parts = graph.add_split("Split", 3 * n_heads, qkv, sizes, axis=1)
    scale = _scalar(graph, (width // n_heads) ** -0.5)
    heard = []
    for queries, keys, values in zip(
        parts[:n_heads], parts[n_heads : 2 * n_heads], parts[2 * n_heads :], strict=True
    ):
        near = graph.add(
            "MatMul", graph.add("Mul", queries, scale), graph.add("Transpose", keys, perm=[1, 0])
        )
        heard.append(graph.add("MatMul", graph.add("Softmax", near, axis=-1), values))
    return graph.add("Concat", *heard, axis=1)


def _in_float32(
    graph: Graph, value: str, weight: np.ndarray, bias: np.ndarray, *, after_gelu: bool = False
) -> str:
    product = graph.add("MatMul", value, graph.constant(weight.T))
    return graph.add("Add", product, graph.constant(bias))


def _in_int8(
    graph: Graph, value: str, weight: np.ndarray, bias: np.ndarray, *, after_gelu: bool = False
) -> str:
    """Add a product of whole numbers; what comes out of GELU is hardly negative, and uses the bits for it."""
    import numpy as np

    highest = (1 << product_bits() - 1) - 1
    scale_of_weights = np.maximum(np.abs(weight).max(axis=1) / highest, _SMALLEST)
    whole = np.rint(weight / scale_of_weights[:, None]).astype(np.int8)
    zero = _ZERO_AFTER_GELU if after_gelu else _ZERO
    largest = value if after_gelu else graph.add("Abs", value)
    largest = graph.add("ReduceMax", largest, axes=[-1], keepdims=1)
    scale = graph.add("Mul", largest, _scalar(graph, 1 / (255 - zero)))
    least = -_LOWEST_OF_GELU / zero if after_gelu else _SMALLEST
    scale = graph.add("Max", scale, _scalar(graph, least))
    zero_point = graph.constant(np.array(zero, np.uint8))
    rounded = graph.add(
        "QuantizeLinear", graph.add("Div", value, scale), _scalar(graph, 1.0), zero_point
    )
    product = graph.add("MatMulInteger", rounded, graph.constant(whole.T), zero_point)
    product = graph.add("Mul", graph.add("Cast", product, to=FLOAT32), scale)
    product = graph.add("Mul", product, graph.constant(scale_of_weights.astype(np.float32)))
    return graph.add("Add", product, graph.constant(bias))


def _balanced(tensors: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return a layer's tensors that compute the same and lose less when they are rounded."""
    import numpy as np

    balanced = list(tensors)
    for gamma, beta, weight in ((0, 1, 2), (6, 7, 8)):
        gain = _gain(np.hypot(balanced[gamma], balanced[beta]), balanced[weight])
        balanced[gamma], balanced[beta] = balanced[gamma] / gain, balanced[beta] / gain
        balanced[weight] = balanced[weight] * gain
    w_qkv, b_qkv, w_out = balanced[2], balanced[3], balanced[4]
    values = slice(2 * len(w_out), None)
    usual = np.linalg.norm(w_qkv[values], axis=1) + np.abs(b_qkv[values])
    gain = _gain(usual, w_out)
    w_qkv, b_qkv = w_qkv.copy(), b_qkv.copy()
    w_qkv[values] /= gain[:, None]
    b_qkv[values] /= gain
    balanced[2], balanced[3], balanced[4] = w_qkv, b_qkv, w_out * gain
    return balanced


def _gain(usual: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return by what to divide each channel, and multiply the weights on it, to share its size out evenly."""
    import numpy as np

    def positive(sizes: np.ndarray) -> np.ndarray:
        return np.maximum(sizes, max(_LEAST_SHARE * float(sizes.max()), _SMALLEST))

    gain: np.ndarray = np.sqrt(positive(usual) / positive(np.abs(weight).max(axis=0)))
    return gain.astype(np.float32)
