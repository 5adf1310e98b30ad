"""Write a graph of operations down as ONNX, for onnxruntime to run.

A model is a protocol buffer (https://github.com/onnx/onnx, ``onnx.proto``), of which the few messages below
are needed: their fields are numbered here as there.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

__all__ = ["FLOAT32", "Graph"]

_IR_VERSION, _OPSET = 8, 17  # of ONNX 1.12, which onnxruntime knows since its 1.12
FLOAT32 = 1
"""ONNX's number of the type."""
_TYPES = {"float32": FLOAT32, "uint8": 2, "int8": 3, "int32": 6, "int64": 7}
_ATTRIBUTE_FLOAT, _ATTRIBUTE_INT, _ATTRIBUTE_INTS = 1, 2, 7


class Graph:
    """A graph that grows operation by operation. Values are called by the names that its methods return."""

    def __init__(self) -> None:
        self._nodes: list[bytes] = []
        self._constants: list[bytes] = []
        self._inputs: list[bytes] = []
        self._outputs: list[bytes] = []
        self._n_names = 0

    def input(self, name: str, shape: Sequence[int | str], *, dtype: str = "float32") -> str:
        """Add an input; sizes that are known only when it runs have names."""
        self._inputs.append(_message(11, _value(name, _TYPES[dtype], shape)))
        return name

    def output(self, value: str, shape: Sequence[int | str], *, dtype: str = "float32") -> None:
        """Make a value an output; they are returned in the order in which they are added."""
        self._outputs.append(_message(12, _value(value, _TYPES[dtype], shape)))

    def constant(self, values: np.ndarray) -> str:
        """Add a constant."""
        name = self._name("constant")
        sizes = b"".join(_number(1, size) for size in values.shape)
        self._constants.append(
            _message(
                5,
                sizes
                + _number(2, _TYPES[values.dtype.name])
                + _message(8, name.encode())
                + _message(9, values.tobytes()),
            )
        )
        return name

    def add(self, kind: str, *inputs: str, **attributes: float | Sequence[int]) -> str:
        """Add an operation with one output; attributes are whole numbers, lists of them, or floats."""
        return self.add_split(kind, 1, *inputs, **attributes)[0]

    def add_split(
        self, kind: str, n_outputs: int, *inputs: str, **attributes: float | Sequence[int]
    ) -> list[str]:
        """Add an operation with several outputs."""
        outputs = [self._name(kind) for _ in range(n_outputs)]
        self._nodes.append(
            _message(
                1,
                b"".join(_message(1, name.encode()) for name in inputs)
                + b"".join(_message(2, name.encode()) for name in outputs)
                + _message(4, kind.encode())
                + b"".join(_message(5, _attribute(*pair)) for pair in attributes.items()),
            )
        )
        return outputs

    def model(self) -> bytes:
        """Return the whole as the content of an ``.onnx`` file."""
        name = _message(2, b"graph")
        graph = b"".join([*self._nodes, name, *self._constants, *self._inputs, *self._outputs])
        opset = _message(1, b"") + _number(2, _OPSET)
        return _number(1, _IR_VERSION) + _message(7, graph) + _message(8, opset)

    def _name(self, kind: str) -> str:
        self._n_names += 1
        return f"{kind}_{self._n_names}"


def _value(name: str, dtype: int, shape: Sequence[int | str]) -> bytes:
    sizes = b"".join(
        _message(1, _number(1, size) if isinstance(size, int) else _message(2, size.encode()))
        for size in shape
    )
    tensor = _number(1, dtype) + _message(2, sizes)
    return _message(1, name.encode()) + _message(2, _message(1, tensor))


def _attribute(name: str, value: float | Sequence[int]) -> bytes:
    spelled = _message(1, name.encode())
    if isinstance(value, int):
        return spelled + _number(3, value) + _number(20, _ATTRIBUTE_INT)
    if isinstance(value, float):
        bits = _varint(2 << 3 | 5) + struct.pack("<f", value)
        return spelled + bits + _number(20, _ATTRIBUTE_FLOAT)
    return spelled + b"".join(_number(8, each) for each in value) + _number(20, _ATTRIBUTE_INTS)


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _message(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    """Return seven bits per byte, the lowest first; a negative number as its complement in 64 bits."""
    value &= (1 << 64) - 1
    content = bytearray()
    while value > 127:
        content.append(value & 127 | 128)
        value >>= 7
    content.append(value)
    return bytes(content)
