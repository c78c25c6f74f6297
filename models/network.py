"""A detection network ready to be opened: its graph, its input and the decoder of its family."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from models import cache
from models.agreement import ENOUGH
from models.decode import Decoder, NanoDet, Yolox
from models.errors import ModelsError
from models.manifest import FP32, INT8, ModelCard, card
from models.processor import has_vnni
from models.types import CLASSES

Precision = Literal["auto", "int8", "fp32"]
Canvas = tuple[int, int]
"""(height, width) of a network's input."""


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """Input: uint8 (1, height, width, 3), BGR, letterboxed with `fill`. Output: what `decoder` reads."""

    name: str
    precision: Literal["int8", "fp32"]
    model: Path | bytes
    long_side: int
    fill: int
    decoder: Callable[[Canvas], Decoder]
    fixed: Canvas | None = None
    """Set where the graph takes one size only."""
    final: bool = False
    """The network suppresses by itself: what it reports is not suppressed again."""


def from_card(name: str, precision: Precision = "auto") -> Network:
    """A network of the manifest that is installed on this machine."""
    chosen = card(name)
    if chosen.task != "detect":
        raise ModelsError(f"{chosen.name} is there to {chosen.task}, not to find people; try `default`")
    place = cache.installed(chosen)
    file = _file(chosen, place, precision)
    ours = [CLASSES.index(kind) for kind in chosen.classes]
    numbers = list(chosen.classes.values())

    def decoder(canvas: Canvas) -> Decoder:
        if chosen.family == "nanodet":
            return NanoDet(canvas, ours)
        return Yolox(canvas, numbers, ours)

    return Network(
        name=chosen.name,
        precision="int8" if file.name == INT8 else "fp32",
        model=file,
        long_side=chosen.long_side,
        fill=chosen.fill,
        decoder=decoder,
    )


def _file(chosen: ModelCard, place: Path, precision: Precision) -> Path:
    if precision == "fp32":
        return place / FP32
    has_int8 = (place / INT8).is_file()
    if precision == "int8":
        if not has_int8:
            raise ModelsError(f"{chosen.name} has no INT8 graph: use precision fp32")
        return place / INT8
    paper = cache.receipt(chosen)
    agrees = paper is not None and (paper.agreement or 0) >= ENOUGH
    return place / (INT8 if has_int8 and agrees and has_vnni() else FP32)
