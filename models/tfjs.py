"""From the TensorFlow.js graph of NanoDet-g to a clean ONNX file: numpy and onnx, no TensorFlow.

The source is an ONNX graph that somebody turned into TensorFlow and then into TensorFlow.js: every
convolution stands between two transposes, its padding is a node of its own, its bias another. Walking the
graph back from its heads, layouts and paddings are only remembered, so what comes out is convolutions,
activations, concatenations, resizes and additions, and nothing else.

The result takes the letterboxed picture as it lies in memory (uint8, NHWC, BGR): the normalisation
(x - 127) / 128 is one DequantizeLinear, the channel order is folded into the first convolution. Height and
width stay open (any multiple of 32). Of the heads only the wanted classes are kept; they come out as one
tensor `predictions` (1, classes + 44, cells), logits and distance bins, strides 8, 16, 32 one after the
other, rows before columns.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import numpy as np
import onnx
from numpy.typing import ArrayLike, NDArray
from onnx import TensorProto, helper, numpy_helper

from models.errors import ModelsError

OPSET: Final = 17
IR_VERSION: Final = 8
MEAN: Final = 127
SCALE: Final = 1 / 128
"""Normalisation of the original: (x - 127) / 128."""
HEADS: Final = ("Identity", "Identity_1", "Identity_2")
"""Class scores at strides 8, 16 and 32; the bins come from the same convolutions."""
TO_NHWC: Final = [0, 2, 3, 1]
TO_NCHW: Final = [0, 3, 1, 2]

Layout = Literal["NCHW", "NHWC"]
Node = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class TfjsGraph:
    """A TensorFlow.js graph model: nodes by name and the values of its constants."""

    nodes: Mapping[str, Node]
    constants: Mapping[str, NDArray[Any]]


def read(model_json: bytes, weights: bytes) -> TfjsGraph:
    """Parse a graph model whose weights lie in one file; float16 weights become float32."""
    try:
        model = json.loads(model_json)
        nodes = {node["name"]: node for node in model["modelTopology"]["node"]}
        entries = [entry for group in model["weightsManifest"] for entry in group["weights"]]
        constants, offset = {}, 0
        for entry in entries:
            stored = "<f2" if "quantization" in entry else {"float32": "<f4", "int32": "<i4"}[entry["dtype"]]
            count = int(np.prod(entry["shape"], dtype=np.int64))
            flat = np.frombuffer(weights, stored, count, offset)
            offset += flat.nbytes
            constants[entry["name"]] = flat.astype(entry["dtype"]).reshape(entry["shape"])
    except (KeyError, TypeError, ValueError) as error:
        raise ModelsError(f"this is not the TensorFlow.js graph that was expected: {error!r}") from error
    if offset != len(weights):
        raise ModelsError(f"the weights file has {len(weights)} bytes, its manifest speaks of {offset}")
    return TfjsGraph(nodes, constants)


@dataclass(frozen=True, slots=True)
class _Value:
    """A tensor of the new graph (always NCHW there) and how the old graph sees it."""

    name: str
    layout: Layout
    size: int
    """Height at the original's nominal input."""
    pads: tuple[int, int, int, int] = (0, 0, 0, 0)
    """Padding not yet applied: top, left, bottom, right."""


@dataclass(slots=True)
class _Writer:
    """Collects the new graph while the old one is walked from its heads to its input."""

    graph: TfjsGraph
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    weights: list[onnx.TensorProto] = field(default_factory=list)
    done: dict[str, _Value] = field(default_factory=dict)

    def add(self, op: str, inputs: Sequence[str], label: str | None = None, **attributes: Any) -> str:
        name = label or f"{op.lower()}_{sum(node.op_type == op for node in self.nodes)}"
        self.nodes.append(helper.make_node(op, list(inputs), [name], name=name, **attributes))
        return name

    def constant(self, name: str, value: ArrayLike) -> str:
        self.weights.append(numpy_helper.from_array(np.asarray(value, order="C"), name))
        return name

    def value(self, name: str) -> _Value:
        if name not in self.done:
            node = self.graph.nodes[name.partition(":")[0]]
            write = _OPS.get(node["op"])
            if write is None:
                raise ModelsError(f"the converter does not know the operation {node['op']} ({name})")
            self.done[name] = write(self, node)
        return self.done[name]

    def convolution(
        self, source: _Value, kernel: NDArray[Any], bias: NDArray[Any], stride: int, label: str | None = None
    ) -> str:
        """A Conv node with weights OIHW taken from TensorFlow's HWIO."""
        if source.layout != "NHWC" or kernel.shape[2] * kernel.shape[3] == 0:
            raise ModelsError(f"a convolution of an unexpected form reads {source.name}")
        weights = kernel.transpose(3, 2, 0, 1)
        if source.name == "normalised":
            weights = weights[:, ::-1]  # the picture is BGR, the network was trained on RGB
        index = sum(node.op_type == "Conv" for node in self.nodes)
        inputs = [
            source.name,
            self.constant(f"conv_{index}_weights", weights),
            self.constant(f"conv_{index}_bias", bias.reshape(-1)),
        ]
        height, width = kernel.shape[:2]
        return self.add(
            "Conv", inputs, label, kernel_shape=[height, width], strides=[stride] * 2, pads=list(source.pads)
        )


def _attribute(node: Node, name: str) -> Any:
    return node["attr"][name]


def _stride(node: Node) -> int:
    strides = [int(number) for number in _attribute(node, "strides")["list"]["i"]]
    dilations = _attribute(node, "dilations")["list"]["i"] if "dilations" in node["attr"] else ["1"]
    padding = base64.b64decode(_attribute(node, "padding")["s"])
    form = base64.b64decode(_attribute(node, "data_format")["s"])
    plain = padding == b"VALID" and form == b"NHWC" and {int(number) for number in dilations} == {1}
    if not plain or strides[1] != strides[2]:
        raise ModelsError(f"{node['name']} strides, dilates or pads in a way the converter does not know")
    return strides[1]


def _placeholder(writer: _Writer, node: Node) -> _Value:
    nominal = int(_attribute(node, "shape")["shape"]["dim"][2]["size"])
    picture = writer.add("Transpose", ["image"], "channels_first", perm=TO_NCHW)
    scale = writer.constant("pixel_scale", np.float32(SCALE))
    zero = writer.constant("pixel_zero", np.uint8(MEAN))
    return _Value(writer.add("DequantizeLinear", [picture, scale, zero], "normalised"), "NCHW", nominal)


def _pad(writer: _Writer, node: Node) -> _Value:
    source = writer.value(node["input"][0])
    pads = writer.graph.constants[node["input"][1]]
    if source.layout != "NCHW" or pads[:2].any() or any(source.pads):
        raise ModelsError(f"{node['name']} pads in a way the converter does not know")
    (top, bottom), (left, right) = pads[2:].tolist()
    return _Value(source.name, source.layout, source.size, (top, left, bottom, right))


def _transpose(writer: _Writer, node: Node) -> _Value:
    source = writer.value(node["input"][0])
    order = writer.graph.constants[node["input"][1]].tolist()
    after: dict[Layout, tuple[list[int], Layout]] = {"NCHW": (TO_NHWC, "NHWC"), "NHWC": (TO_NCHW, "NCHW")}
    expected, layout = after[source.layout]
    if order != expected:
        raise ModelsError(f"{node['name']} transposes to {order}")
    return _Value(source.name, layout, source.size, source.pads)


def _conv_parts(writer: _Writer, node: Node) -> tuple[_Value, NDArray[Any], NDArray[Any], int]:
    """Source, kernel, bias and stride of an Add(Conv2D, bias)."""
    constants = writer.graph.constants
    conv = writer.graph.nodes[node["input"][0]]
    return (
        writer.value(conv["input"][0]),
        constants[conv["input"][1]],
        constants[node["input"][1]],
        _stride(conv),
    )


def _add(writer: _Writer, node: Node) -> _Value:
    first, second = node["input"]
    if writer.graph.nodes[first]["op"] == "Conv2D":
        source, kernel, bias, stride = _conv_parts(writer, node)
        return _Value(writer.convolution(source, kernel, bias, stride), "NHWC", source.size // stride)
    one, other = writer.value(first), writer.value(second)
    if (one.layout, one.size) != (other.layout, other.size):
        raise ModelsError(f"{node['name']} adds tensors of different form")
    return _Value(writer.add("Add", [one.name, other.name]), one.layout, one.size)


def _leaky_relu(writer: _Writer, node: Node) -> _Value:
    source = writer.value(node["input"][0])
    alpha = float(_attribute(node, "alpha")["f"])
    return _Value(writer.add("LeakyRelu", [source.name], alpha=alpha), source.layout, source.size)


def _max_pool(writer: _Writer, node: Node) -> _Value:
    source = writer.value(node["input"][0])
    kernel = [int(number) for number in _attribute(node, "ksize")["list"]["i"]][1:3]
    stride = _stride(node)
    name = writer.add(
        "MaxPool", [source.name], kernel_shape=kernel, strides=[stride] * 2, pads=list(source.pads)
    )
    return _Value(name, source.layout, source.size // stride)


def _concat(writer: _Writer, node: Node) -> _Value:
    *names, axis = node["input"]
    parts = [writer.value(name) for name in names]
    if int(writer.graph.constants[axis]) != 1 or {part.layout for part in parts} != {"NCHW"}:
        raise ModelsError(f"{node['name']} joins along another axis than the channels")
    return _Value(writer.add("Concat", [part.name for part in parts], axis=1), "NCHW", parts[0].size)


def _resize(writer: _Writer, node: Node) -> _Value:
    source = writer.value(node["input"][0])
    height, width = writer.graph.constants[node["input"][1]].tolist()
    half = _attribute(node, "half_pixel_centers").get("b") and not _attribute(node, "align_corners").get("b")
    if height != width or source.layout != "NHWC" or not half:
        raise ModelsError(f"{node['name']} resizes in a way the converter does not know")
    factor = height / source.size
    label = f"scales_x{factor:g}"
    if label not in {tensor.name for tensor in writer.weights}:
        writer.constant(label, np.array([1, 1, factor, factor], np.float32))
    name = writer.add(
        "Resize", [source.name, "", label], mode="linear", coordinate_transformation_mode="half_pixel"
    )
    return _Value(name, "NHWC", height)


_OPS: Final = {
    "Placeholder": _placeholder,
    "Pad": _pad,
    "PadV2": _pad,
    "Transpose": _transpose,
    "Add": _add,
    "LeakyRelu": _leaky_relu,
    "MaxPool": _max_pool,
    "ConcatV2": _concat,
    "ResizeBilinear": _resize,
}


def _head(graph: TfjsGraph, output: str) -> tuple[Node, int]:
    """The biased convolution behind a score output, and how many of its channels are scores."""
    node, channels = graph.nodes[output], 0
    while not (node["op"] == "Add" and graph.nodes[node["input"][0]]["op"] == "Conv2D"):
        if node["op"] == "SplitV":
            channels = int(graph.constants[node["input"][1]][0])
        node = graph.nodes[node["input"][0].partition(":")[0]]
    return node, channels


def convert(graph: TfjsGraph, classes: Sequence[int]) -> onnx.ModelProto:
    """The clean graph with these classes (the original's numbers, in the order wanted)."""
    writer = _Writer(graph)
    writer.constant("one_row_per_channel", np.array([0, 0, -1], np.int64))
    flat = []
    for stride, output in zip((8, 16, 32), HEADS, strict=True):
        try:
            node, scores = _head(graph, output)
            source, kernel, bias, step = _conv_parts(writer, node)
        except KeyError as error:
            raise ModelsError(f"the graph has no head behind {output}: {error!r}") from error
        channels = kernel.shape[3]
        keep = [*classes, *range(scores, channels)]
        bias = np.broadcast_to(bias.reshape(-1), (channels,))
        head = writer.convolution(source, kernel[..., keep], bias[keep], step, f"head_{stride}")
        flat.append(writer.add("Reshape", [head, "one_row_per_channel"], f"cells_{stride}"))
    writer.add("Concat", flat, "predictions", axis=2)
    rows = len(classes) + channels - scores
    return _model(writer, rows)


def _model(writer: _Writer, rows: int) -> onnx.ModelProto:
    body = helper.make_graph(
        writer.nodes,
        "nanodet-g",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, [1, "height", "width", 3])],
        [helper.make_tensor_value_info("predictions", TensorProto.FLOAT, [1, rows, "cells"])],
        writer.weights,
    )
    model = helper.make_model(
        body,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="storeedge",
    )
    onnx.checker.check_model(model)
    return model
