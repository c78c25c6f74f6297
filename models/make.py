"""From fetched files to the files that run: one maker per family, each reproducible."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import onnx

from models import tfjs
from models.fetch import Progress
from models.manifest import ModelCard

FP32: Final = "fp32.onnx"
INT8: Final = "int8.onnx"
CHARACTERS: Final = "characters.txt"


def make(card: ModelCard, fetched: Mapping[str, Path], into: Path, say: Progress) -> None:
    """Fill `into` with the model's files."""
    into.mkdir(parents=True, exist_ok=True)
    _MAKERS[card.family](card, list(fetched.values()), into, say)


def save(model: onnx.ModelProto, path: Path) -> None:
    """Write a graph so that the same graph is always the same bytes."""
    path.write_bytes(model.SerializeToString(deterministic=True))


def _nanodet(card: ModelCard, files: list[Path], into: Path, say: Progress) -> None:
    topology, weights = files
    say("converting the TensorFlow.js graph to ONNX")
    graph = tfjs.read(topology.read_bytes(), weights.read_bytes())
    save(tfjs.convert(graph, list(card.classes.values())), into / FP32)


def _copy(card: ModelCard, files: list[Path], into: Path, _say: Progress) -> None:
    for file, name in zip(files, card.made, strict=True):
        shutil.copyfile(file, into / name)


_MAKERS: Final[Mapping[str, Callable[[ModelCard, list[Path], Path, Progress], None]]] = {
    "nanodet": _nanodet,
    "retina-plate": _copy,
    "ctc-plate": _copy,
}
