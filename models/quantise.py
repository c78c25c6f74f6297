"""An INT8 graph from an FP32 one and the ranges of its activations: static, per-channel, U8S8.

Bytes for the activations (uint8, with a zero point), bytes for the weights (int8, a scale for each output
channel), in the QuantizeLinear/DequantizeLinear form that onnxruntime turns into integer kernels. Signed
activations would be as slow as FP32. No pictures are needed: the ranges were measured once by
`scripts/calibrate_int8` and lie in `ranges/` as text.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
from numpy.typing import ArrayLike, NDArray
from onnx import helper, numpy_helper

from models.errors import ModelsError

KEEPS_RANGE: Final = frozenset({"MaxPool", "Resize"})
"""Operations whose output lies within the range of their input and shares its scale."""
QUANTISED: Final = frozenset({"Conv", "LeakyRelu", "Concat", "Add", *KEEPS_RANGE})

Ranges = Mapping[str, tuple[float, float]]
"""Lowest and highest value of each activation by its name in the FP32 graph."""


def read_ranges(path: Path) -> dict[str, tuple[float, float]]:
    """Lines of `name low high`; `#` begins a comment."""
    try:
        lines = [line.split("#")[0].split() for line in path.read_text(encoding="ascii").splitlines()]
        return {name: (float(low), float(high)) for name, low, high in filter(None, lines)}
    except (OSError, ValueError) as error:
        raise ModelsError(f"{path} cannot be read ({error}): reinstall storeedge") from error


def activations(model: onnx.ModelProto) -> list[str]:
    """The tensors whose range is needed: outputs of the quantised operations, less those that share one."""
    kinds = QUANTISED - KEEPS_RANGE
    return [node.output[0] for node in model.graph.node if node.op_type in kinds and not _is_head(node)]


def _is_head(node: onnx.NodeProto) -> bool:
    """The heads stay float: they are small, nothing integer follows, and scores and boxes come from them."""
    return str(node.output[0]).startswith(("head_", "predictions"))


class _Quantiser:
    """Rewrites one graph; every quantised tensor gets one pair of scale and zero point."""

    def __init__(self, model: onnx.ModelProto, ranges: Ranges) -> None:
        self.source = model.graph
        self.ranges = ranges
        self.weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, NDArray[Any]] = {}
        self.scale: dict[str, tuple[str, str]] = {}
        """Tensor -> names of its scale and zero point."""
        self.renamed: dict[str, str] = {}
        """Tensor -> the name under which later nodes read it."""

    def constant(self, name: str, value: ArrayLike) -> str:
        self.constants[name] = np.asarray(value, order="C")
        return name

    def add(self, op: str, inputs: list[str], output: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(op, inputs, [output], name=output, **attributes))
        return output

    def run(self) -> None:
        for node in self.source.node:
            match node.op_type:
                case "DequantizeLinear":  # the picture: already bytes
                    self.scale[node.output[0]] = (node.input[1], node.input[2])
                    self.copy(node)
                case "Conv" if not _is_head(node):
                    self.convolution(node)
                    self.quantise_output(node)
                case op if op in QUANTISED and not _is_head(node):
                    self.copy(node)
                    self.quantise_output(node)
                case _:
                    self.copy(node)

    def copy(self, node: onnx.NodeProto) -> None:
        twin = onnx.NodeProto()
        twin.CopyFrom(node)
        for index, name in enumerate(node.input):
            if name in self.weights:
                self.constant(name, self.weights[name])
            twin.input[index] = self.renamed.get(name, name)
        self.nodes.append(twin)

    def convolution(self, node: onnx.NodeProto) -> None:
        source, kernel, bias = node.input
        weights = self.weights[kernel]
        largest = np.abs(weights).reshape(len(weights), -1).max(axis=1)
        scale = (np.maximum(largest, np.float32(1e-8)) / np.float32(127)).astype(np.float32)
        bytes_ = np.rint(weights / scale[:, None, None, None]).astype(np.int8)
        both = (self.constants[self.scale[source][0]] * scale).astype(np.float32)
        whole = np.rint(self.weights[bias].astype(np.float64) / both).clip(-(2**31), 2**31 - 1)
        inputs = [
            self.renamed.get(source, source),
            self.dequantised(kernel, bytes_, scale, axis=0),
            self.dequantised(bias, whole.astype(np.int32), both, axis=0),
        ]
        self.add("Conv", inputs, node.output[0])
        self.nodes[-1].attribute.extend(node.attribute)

    def dequantised(self, name: str, values: NDArray[Any], scale: NDArray[np.float32], axis: int) -> str:
        inputs = [
            self.constant(f"{name}_bytes", values),
            self.constant(f"{name}_scale", scale),
            self.constant(f"{name}_zero", np.zeros(len(scale), values.dtype)),
        ]
        return self.add("DequantizeLinear", inputs, f"{name}_float", axis=axis)

    def quantise_output(self, node: onnx.NodeProto) -> None:
        name = node.output[0]
        pair = self.scale[node.input[0]] if node.op_type in KEEPS_RANGE else self.new_scale(name)
        self.scale[name] = pair
        stored = self.add("QuantizeLinear", [name, *pair], f"{name}_bytes")
        self.renamed[name] = self.add("DequantizeLinear", [stored, *pair], f"{name}_float")

    def new_scale(self, name: str) -> tuple[str, str]:
        if name not in self.ranges:
            raise ModelsError(f"there is no range for {name}: run scripts/calibrate_int8 again")
        low, high = min(0.0, self.ranges[name][0]), max(0.0, self.ranges[name][1])
        scale = np.float32(max(high - low, 1e-6) / 255)
        zero = np.clip(np.rint(-low / float(scale)), 0, 255).astype(np.uint8)
        return self.constant(f"{name}_scale", scale), self.constant(f"{name}_zero", zero)


def quantise(model: onnx.ModelProto, ranges: Ranges) -> onnx.ModelProto:
    """The same network in bytes; inputs and outputs as before."""
    work = _Quantiser(model, ranges)
    work.run()
    graph = helper.make_graph(
        work.nodes,
        f"{model.graph.name}-int8",
        list(model.graph.input),
        list(model.graph.output),
        [numpy_helper.from_array(value, name) for name, value in work.constants.items()],
    )
    quantised = helper.make_model(
        graph,
        opset_imports=list(model.opset_import),
        ir_version=model.ir_version,
        producer_name=model.producer_name,
    )
    onnx.checker.check_model(quantised)
    return quantised
