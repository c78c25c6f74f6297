"""The converter: the clean graph says what the original says."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import pytest

from models import cache, tfjs
from models.decode import NanoDet
from models.errors import ModelsError
from models.letterbox import Letterbox
from models.make import save
from models.manifest import FP32, ModelCard
from models.session import Session
from models.suppress import suppress
from models.types import CLASSES, Image

from . import tfjs_reference

SQUARE = (416, 416)


@pytest.fixture(scope="module")
def original(nanodet_source: tuple[bytes, bytes]) -> tfjs.TfjsGraph:
    return tfjs.read(*nanodet_source)


@pytest.fixture(scope="module")
def clean(original: tfjs.TfjsGraph, nanodet: ModelCard) -> onnx.ModelProto:
    return tfjs.convert(original, list(nanodet.classes.values()))


def test_the_clean_graph_has_the_outputs_of_the_original_on_real_frames(
    original: tfjs.TfjsGraph, clean: onnx.ModelProto, nanodet: ModelCard, street: list[Image]
) -> None:
    session = Session(clean.SerializeToString(), dimensions={"height": 416, "width": 416})
    letterbox = Letterbox((768, 576), SQUARE, 127)
    decode = NanoDet(SQUARE, range(len(CLASSES)))
    boxes = 0
    for frame in street[::4]:
        tensor = letterbox(frame)
        ours = session.run(tensor)[0]
        rgb = (tensor[..., ::-1].transpose(0, 3, 1, 2).astype(np.float32) - 127) / 128
        names = ["Identity", "Identity_1", "Identity_2", "Identity_3", "Identity_4", "Identity_5"]
        outputs = tfjs_reference.run(original, rgb, names)
        scores = np.concatenate([part[0] for part in outputs[:3]])[:, list(nanodet.classes.values())].T
        bins = np.concatenate([part[0] for part in outputs[3:]]).T
        apart = np.abs(1 / (1 + np.exp(-ours[0, :6])) - scores).max()
        assert apart < 2e-4, f"scores differ by {apart}"
        theirs = np.concatenate([np.log(scores / (1 - scores)), bins])[None].astype(np.float32)
        one, other = decode(ours, 0.15), decode(theirs, 0.15)
        kept, expected = suppress(*one), suppress(*other)
        np.testing.assert_allclose(one.boxes[kept], other.boxes[expected], atol=0.05)
        boxes += len(kept)
    assert boxes > 30, f"only {boxes} boxes to compare"


def test_the_clean_graph_has_no_useless_nodes(clean: onnx.ModelProto) -> None:
    kinds = Counter(node.op_type for node in clean.graph.node)
    assert kinds == {
        "Conv": 34, "LeakyRelu": 28, "Concat": 13, "Resize": 4, "Add": 4, "Reshape": 3,
        "MaxPool": 1, "Transpose": 1, "DequantizeLinear": 1,
    }  # fmt: skip


def test_converting_twice_gives_the_installed_bytes(
    clean: onnx.ModelProto, nanodet: ModelCard, tmp_path: Path
) -> None:
    save(clean, tmp_path / FP32)
    assert (tmp_path / FP32).read_bytes() == (cache.installed(nanodet) / FP32).read_bytes()


def test_the_graph_takes_any_aspect(clean: onnx.ModelProto) -> None:
    for height, width in ((320, 416), (416, 256), (32, 64)):
        session = Session(clean.SerializeToString(), dimensions={"height": height, "width": width})
        cells = sum(height * width // stride**2 for stride in (8, 16, 32))
        assert session.run(np.zeros((1, height, width, 3), np.uint8))[0].shape == (1, 50, cells)


def test_weights_cut_short_are_refused(nanodet_source: tuple[bytes, bytes]) -> None:
    topology, weights = nanodet_source
    with pytest.raises(ModelsError, match="not the TensorFlow"):
        tfjs.read(topology, weights[:-1000])
    with pytest.raises(ModelsError, match="weights file has"):
        tfjs.read(topology, weights + b"....")


def test_an_unknown_operation_is_named(original: tfjs.TfjsGraph) -> None:
    nodes = {
        name: {**node, "op": "Softsign"} if node["op"] == "MaxPool" else node
        for name, node in original.nodes.items()
    }
    with pytest.raises(ModelsError, match="Softsign"):
        tfjs.convert(tfjs.TfjsGraph(nodes, original.constants), [0])
