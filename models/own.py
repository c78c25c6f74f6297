"""A site's own network: an .onnx file with what its export or a small file beside it says about it.

An ultralytics export carries its class names and size in its metadata. Any other network needs
`NAME.toml` beside `NAME.onnx`:

    family = "yolox"                 # or "ultralytics"
    classes = ["person", "car"]      # the network's classes in its own order; others than ours are ignored
    long_side = 416                  # optional: the input's longer side
    fill = 114                       # optional: grey of the letterbox's border
    scale = 1.0                      # optional: what pixels are multiplied by (ultralytics: 1/255)
    rgb = false                      # optional: whether it was trained on RGB (ultralytics: true)
"""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path
from typing import Any, Literal

import onnx
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from models.decode import Decoder, Ultralytics, Yolox
from models.errors import ModelsError
from models.frames_in import sides_of, take_frames
from models.network import Canvas, Network
from models.types import CLASSES

ALIASES = {
    "motorbike": "motorcycle",
    "people": "person",
    "pedestrian": "person",
    "bike": "bicycle",
    "lorry": "truck",
}
"""Other names of our classes that data sets use."""


class Sheet(BaseModel):
    """What must be known of a network to run it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    family: Literal["yolox", "ultralytics"]
    classes: tuple[str, ...] = Field(min_length=1)
    long_side: int = Field(default=640, ge=32, le=4096)
    fill: int = Field(default=114, ge=0, le=255)
    scale: float | None = Field(default=None, gt=0)
    rgb: bool | None = None
    final: bool = False
    """The network suppresses by itself: rows of x1, y1, x2, y2, score, class."""

    def wanted(self) -> tuple[list[int], list[int]]:
        """Numbers of the network's classes that we know, and their index in `CLASSES`."""
        names = [ALIASES.get(name.lower(), name.lower()) for name in self.classes]
        pairs = [(number, CLASSES.index(name)) for number, name in enumerate(names) if name in CLASSES]
        return [number for number, _ in pairs], [index for _, index in pairs]


def from_file(path: Path) -> Network:
    """A network from an .onnx file; ModelsError says what is missing or does not fit."""
    if not path.is_file():
        raise ModelsError(
            f"no model file at {path}; name one that exists, or a model of `storeedge models list`"
        )
    try:
        model = onnx.load(path)
        onnx.checker.check_model(model)
    except Exception as error:  # protobuf, onnx and the disk share no error class
        raise ModelsError(
            f"{path} is not an ONNX file that can be read: {str(error).splitlines()[0]}"
        ) from error
    sheet = _sheet(path, model)
    numbers, ours = sheet.wanted()
    if not numbers:
        raise ModelsError(
            f"{path} knows none of {', '.join(CLASSES)} (its classes: {', '.join(sheet.classes[:8])}): "
            "name its classes so in the data set or in the file beside it"
        )
    ultralytics = sheet.family == "ultralytics"
    sides = sides_of(model.graph.input[0])
    take_frames(
        model,
        scale=sheet.scale or (1 / 255 if ultralytics else 1.0),
        rgb=ultralytics if sheet.rgb is None else sheet.rgb,
    )

    def decoder(canvas: Canvas) -> Decoder:
        if ultralytics:
            return Ultralytics(numbers, ours, final=sheet.final)
        return Yolox(canvas, numbers, ours)

    return Network(
        name=path.stem,
        precision="fp32",
        model=model.SerializeToString(),
        long_side=max(sides) if sides and all(sides) else sheet.long_side,
        fill=sheet.fill,
        decoder=decoder,
        fixed=sides if sides and all(sides) else None,
        final=sheet.final,
    )


def _sheet(path: Path, model: onnx.ModelProto) -> Sheet:
    beside = path.with_suffix(".toml")
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    try:
        if beside.is_file():
            return Sheet(**tomllib.loads(beside.read_text(encoding="utf-8")))
        if "names" in metadata and "imgsz" in metadata:
            return _ultralytics_sheet(model, metadata)
    except (OSError, ValueError, SyntaxError, TypeError, ValidationError) as error:
        where = beside if beside.is_file() else f"the metadata of {path}"
        raise ModelsError(f"{where} does not describe a network: {_first_fault(error)}") from error
    raise ModelsError(
        f"{path} does not say what its classes are: write {beside.name} beside it (see models/own.py)"
    )


def _ultralytics_sheet(model: onnx.ModelProto, metadata: dict[str, str]) -> Sheet:
    if (task := metadata.get("task", "detect")) != "detect":
        raise ValueError(f"it was trained to {task}; a detection model is needed")
    names: dict[int, str] | list[str] = ast.literal_eval(metadata["names"])
    ordered = [names[number] for number in sorted(names)] if isinstance(names, dict) else names
    sizes: Any = ast.literal_eval(metadata["imgsz"])
    shape = [size.dim_value for size in model.graph.output[0].type.tensor_type.shape.dim]
    final = metadata.get("end2end", "").lower() == "true" or (shape[-1] == 6 and shape[1] != len(ordered) + 4)
    return Sheet(
        family="ultralytics",
        classes=tuple(ordered),
        long_side=max(sizes) if isinstance(sizes, list) else int(sizes),
        final=final,
    )


def _first_fault(error: Exception) -> str:
    if isinstance(error, ValidationError):
        fault = error.errors()[0]
        return f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}"
    return str(error).splitlines()[0]
