"""From fetched files to the files that run: one maker per family, each reproducible."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import onnx

from models import tfjs
from models.errors import ModelsError
from models.fetch import Progress
from models.frames_in import open_sides, take_frames
from models.manifest import CHARACTERS, FP32, INT8, RANGES, ModelCard
from models.quantise import quantise, read_ranges


def make(card: ModelCard, fetched: Mapping[str, Path], into: Path, say: Progress) -> None:
    """Fill `into` with the model's files."""
    into.mkdir(parents=True, exist_ok=True)
    _MAKERS[card.family](card, [fetched[name] for name in card.fetched], into, say)


def save(model: onnx.ModelProto, path: Path) -> None:
    """Write a graph so that the same graph is always the same bytes."""
    path.write_bytes(model.SerializeToString(deterministic=True))


def _nanodet(card: ModelCard, files: list[Path], into: Path, say: Progress) -> None:
    topology, weights = files
    say("converting the TensorFlow.js graph to ONNX")
    graph = tfjs.read(topology.read_bytes(), weights.read_bytes())
    model = tfjs.convert(graph, list(card.classes.values()))
    save(model, into / FP32)
    if card.ranges:
        say("building the INT8 graph")
        save(quantise(model, read_ranges(RANGES / card.ranges)), into / INT8)


def _yolox(_card: ModelCard, files: list[Path], into: Path, say: Progress) -> None:
    say("letting the network take frames of any size")
    try:
        model = onnx.load(files[0])
        onnx.checker.check_model(model)
    except Exception as error:  # protobuf and onnx share no error class
        raise ModelsError(f"{files[0].name} is not an ONNX file: fetch it again") from error
    del model.metadata_props[:]
    take_frames(model, scale=1.0, rgb=False)
    rows = sum(8 * 12 // step**2 for step in (1, 2, 4))  # cells of 64 x 96 at strides 8, 16, 32
    if not open_sides(model, rows):
        raise ModelsError(
            f"{files[0].name} is not YOLOX as its authors export it: fetch the file of the manifest"
        )
    save(model, into / FP32)


def _copy(card: ModelCard, files: list[Path], into: Path, _say: Progress) -> None:
    for file, name in zip(files, card.made, strict=True):
        shutil.copyfile(file, into / name)


def _ctc_text(_card: ModelCard, files: list[Path], into: Path, _say: Progress) -> None:
    """The network as it is; its alphabet, which is among its properties, as a file of lines."""
    properties = onnx.load(files[0]).metadata_props
    alphabet = next((entry.value for entry in properties if entry.key == "character"), None)
    if alphabet is None:
        raise ModelsError(f"{files[0].name} does not say its alphabet: fetch the file of the manifest")
    shutil.copyfile(files[0], into / FP32)
    (into / CHARACTERS).write_bytes(alphabet.encode())


_MAKERS: Final[Mapping[str, Callable[[ModelCard, list[Path], Path, Progress], None]]] = {
    "nanodet": _nanodet,
    "yolox": _yolox,
    "retina-plate": _copy,
    "ctc-plate": _copy,
    "ctc-text": _ctc_text,
}
