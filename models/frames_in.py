"""Teach a foreign network to take frames as they lie in memory: uint8, NHWC, BGR.

Normalisation, colour order and the change of layout become the first nodes of its graph, where they cost a
fraction of what numpy would take for every frame.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from models.errors import ModelsError
from models.session import Session

SIDES = ("height", "width")


def take_frames(model: onnx.ModelProto, *, scale: float, rgb: bool) -> None:
    """Change a graph with one float NCHW input in place; pixels are multiplied by `scale`."""
    graph = model.graph
    known = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in known]
    if len(inputs) != 1 or inputs[0].type.tensor_type.elem_type != TensorProto.FLOAT:
        raise ModelsError("the network must have one float32 input; export it again without half precision")
    old = inputs[0]
    if sides_of(old) is None:
        raise ModelsError("the network's input must be an image, (1, 3, height, width)")
    sizes = [
        size.dim_value or name for size, name in zip(old.type.tensor_type.shape.dim[2:], SIDES, strict=True)
    ]
    nodes = [helper.make_node("Transpose", ["frame"], ["frame_planes"], perm=[0, 3, 1, 2])]
    last = "frame_planes"
    if rgb:
        graph.initializer.append(numpy_helper.from_array(np.array([2, 1, 0], np.int64), "frame_order"))
        nodes.append(helper.make_node("Gather", [last, "frame_order"], ["frame_rgb"], axis=1))
        last = "frame_rgb"
    graph.initializer.append(numpy_helper.from_array(np.array(scale, np.float32), "frame_scale"))
    graph.initializer.append(numpy_helper.from_array(np.array(0, np.uint8), "frame_zero"))
    nodes.append(helper.make_node("DequantizeLinear", [last, "frame_scale", "frame_zero"], [old.name]))
    body = list(graph.node)
    del graph.node[:]
    graph.node.extend(nodes + body)
    graph.input.remove(old)
    graph.input.insert(0, helper.make_tensor_value_info("frame", TensorProto.UINT8, [1, *sizes, 3]))


def sides_of(value: onnx.ValueInfoProto) -> tuple[int, int] | None:
    """(height, width) of an NCHW image input, 0 where open; None where it is no image."""
    sizes = value.type.tensor_type.shape.dim
    if len(sizes) != 4 or (sizes[1].dim_value or 3) != 3:
        return None
    return sizes[2].dim_value, sizes[3].dim_value


def open_sides(model: onnx.ModelProto, output_rows: int) -> bool:
    """Let a graph of fixed size take other sizes, where nothing in it depends on the size.

    Tried on a frame of 64 x 96: its output must have `output_rows` rows. False: the graph is as it was.
    """
    opened = onnx.ModelProto()
    opened.CopyFrom(model)
    del opened.graph.value_info[:]
    for index, name in enumerate(SIDES):
        opened.graph.input[0].type.tensor_type.shape.dim[index + 1].dim_param = name
    for value in opened.graph.output:
        for number, size in enumerate(value.type.tensor_type.shape.dim):
            if size.dim_value != 1:
                size.dim_param = f"{value.name}_{number}"
    try:
        session = Session(opened.SerializeToString(), dimensions={"height": 64, "width": 96})
        rows = session.run(np.zeros((1, 64, 96, 3), np.uint8))[0].shape[1]
    except ModelsError:
        return False
    if rows != output_rows:
        return False
    model.CopyFrom(opened)
    return True
