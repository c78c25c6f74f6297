"""A plain numpy executor of the TensorFlow.js graph, written from the operations' definitions.

It shares nothing with the converter but the reading of the file, so that the two can be compared.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import numpy as np

from models.tfjs import TfjsGraph

Tensor = np.ndarray[Any, Any]


def run(graph: TfjsGraph, image: Tensor, outputs: list[str]) -> list[Tensor]:
    """Values of these nodes for an input (1, 3, height, width) float32."""
    values: dict[str, list[Tensor]] = {}

    def value(name: str) -> Tensor:
        node, _, port = name.partition(":")
        if node in graph.constants:
            return graph.constants[node]
        if node not in values:
            values[node] = _execute(graph.nodes[node], value, image)
        return values[node][int(port or 0)]

    return [value(name) for name in outputs]


def _execute(  # noqa: C901, PLR0911, PLR0912  one line for each operation reads best
    node: Any, value: Callable[[str], Tensor], image: Tensor
) -> list[Tensor]:
    op = node["op"]
    if op == "Placeholder":
        return [image]
    x, *rest = (value(name) for name in node.get("input", []))
    attributes = node.get("attr", {})
    match op:
        case "Identity":
            return [x]
        case "Add" | "AddV2":
            return [x + rest[0]]
        case "Transpose":
            return [x.transpose(rest[0])]
        case "Pad":
            return [np.pad(x, rest[0])]
        case "PadV2":
            return [np.pad(x, rest[0], constant_values=float(rest[1]))]
        case "LeakyRelu":
            return [np.where(x > 0, x, x * np.float32(attributes["alpha"]["f"]))]
        case "Sigmoid":
            return [1 / (1 + np.exp(-x))]
        case "ConcatV2":
            return [np.concatenate([x, *rest[:-1]], int(rest[-1]))]
        case "SplitV":
            return np.split(x, np.cumsum(rest[0])[:-1], int(rest[1]))
        case "Reshape":
            return [x.reshape(rest[0].astype(int))]
        case "SparseToDense":  # only used to build shapes: no indices, all default
            return [np.full(rest[0].astype(int), rest[2])]
        case "Conv2D":
            return [_convolve(x, rest[0], attributes)]
        case "MaxPool":
            size, step = _pair(attributes["ksize"]), _pair(attributes["strides"])
            windows = np.lib.stride_tricks.sliding_window_view(x, size, (1, 2))
            return [windows[:, :: step[0], :: step[1]].max(axis=(-2, -1))]
        case "ResizeBilinear":
            return [_resize(x, rest[0])]
    raise ValueError(f"the reference does not know the operation {op}")


def _pair(attribute: Any) -> tuple[int, int]:
    numbers = [int(number) for number in attribute["list"]["i"]]
    return numbers[1], numbers[2]


def _convolve(x: Tensor, kernel: Tensor, attributes: Any) -> Tensor:
    """Valid convolution, NHWC, as a sum over the kernel's places."""
    assert base64.b64decode(attributes["padding"]["s"]) == b"VALID"
    down, across = _pair(attributes["strides"])
    high, wide = kernel.shape[:2]
    rows, columns = (x.shape[1] - high) // down + 1, (x.shape[2] - wide) // across + 1
    total = np.zeros((1, rows, columns, kernel.shape[3]), np.float32)
    for i in range(high):
        for j in range(wide):
            part = x[:, i : i + down * rows : down, j : j + across * columns : across]
            total += part[:, :rows, :columns] @ kernel[i, j]
    return total


def _resize(x: Tensor, size: Tensor) -> Tensor:
    """Bilinear, NHWC, half-pixel centres, edges repeated."""
    for axis, wanted in zip((1, 2), size.tolist(), strict=True):
        have = x.shape[axis]
        place = np.clip((np.arange(wanted) + 0.5) * have / wanted - 0.5, 0, have - 1)
        low = np.floor(place).astype(int)
        high = np.minimum(low + 1, have - 1)
        shape = [1, 1, 1, 1]
        shape[axis] = wanted
        weight = (place - low).astype(np.float32).reshape(shape)
        x = np.take(x, low, axis) * (1 - weight) + np.take(x, high, axis) * weight
    return x
