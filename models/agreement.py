"""Does the INT8 graph say the same as the FP32 graph, on this processor?

The bytes of both are pinned, so what can differ is the arithmetic: integer kernels that saturate on an old
processor, or a new onnxruntime. Compared are the detections on frames; where there are none, the raw
outputs on drawn ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from models.errors import ModelsError
from models.session import Session
from models.types import Detections, Detector, Image

ENOUGH: Final = 0.99
"""Correlation of raw outputs below which INT8 is not used. Measured: .998; with ranges a third too
narrow .993, half too narrow .95."""
SURE: Final = 0.4
"""FP32 detections from this score on are the truth that INT8 must find again."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Detections of one detector found again by another."""

    frames: int
    expected: int
    found: int
    """Of the expected, with an overlap (IoU) of at least .5."""
    added: int
    """Sure detections of the other that the first does not have."""
    iou: float
    score_difference: float
    """Mean absolute."""


def drawn(canvas: tuple[int, int], count: int = 4) -> list[NDArray[np.uint8]]:
    """Network inputs (1, height, width, 3) with soft textures and upright shapes; always the same."""
    random = np.random.default_rng(20)
    height, width = canvas
    pictures = []
    for _ in range(count):
        coarse = random.integers(40, 216, (height // 32, width // 32, 3), dtype=np.uint8)
        picture = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
        for _ in range(12):
            x, y = int(random.integers(0, width)), int(random.integers(0, height))
            tall = int(random.integers(12, 60))
            colour, dark = random.integers(0, 256, 3).tolist(), random.integers(0, 90, 3).tolist()
            cv2.ellipse(picture, (x, y), (tall // 3, tall), 0, 0, 360, colour, cv2.FILLED)
            cv2.circle(picture, (x, y - tall), tall // 4, dark, cv2.FILLED)
        pictures.append(np.asarray(picture[None], np.uint8))
    return pictures


def correlation(exact: Path, quantised: Path, canvas: tuple[int, int] = (320, 416)) -> float:
    """Lowest correlation of the two graphs' raw outputs over the drawn pictures, 1 at best."""
    dimensions = {"height": canvas[0], "width": canvas[1]}
    one, other = (Session(path, dimensions=dimensions) for path in (exact, quantised))
    pairs = [(one.run(picture)[0], other.run(picture)[0]) for picture in drawn(canvas)]
    return min(float(np.corrcoef(first.ravel(), second.ravel())[0, 1]) for first, second in pairs)


def compare(one: Detector, other: Detector, frames: Iterable[Image]) -> Agreement:
    """What `other` makes of the frames, against `one`."""
    count = expected = added = 0
    overlaps: list[float] = []
    differences: list[float] = []
    for frame in frames:
        truth, answer = one.detect(frame), other.detect(frame)
        count += 1
        sure = truth.where(truth.scores >= SURE)
        expected += len(sure)
        iou = _iou(sure, answer)
        if iou.size:
            best = iou.argmax(axis=1)
            matched = iou[np.arange(len(sure)), best] >= 0.5
            overlaps += iou[matched, best[matched]].tolist()
            differences += np.abs(sure.scores - answer.scores[best])[matched].tolist()
        confident = answer.scores >= SURE
        near = _iou(answer.where(confident), truth)
        added += int(np.count_nonzero(near.max(axis=1, initial=0) < 0.5))
    return Agreement(
        frames=count,
        expected=expected,
        found=len(overlaps),
        added=added,
        iou=float(np.mean(overlaps)) if overlaps else float("nan"),
        score_difference=float(np.mean(differences)) if differences else float("nan"),
    )


def on_clip(name: str, clip: Path, count: int = 40) -> Agreement:
    """INT8 against FP32 of an installed model on about `count` frames of a video."""
    from models.detector import load_detector  # noqa: PLC0415  it imports this module's threshold

    exact, quantised = (load_detector(name, precision=kind) for kind in ("fp32", "int8"))
    return compare(exact, quantised, frames_of(clip, count))


def frames_of(clip: Path, count: int) -> Iterator[Image]:
    """About `count` frames of a video, evenly spread."""
    capture = cv2.VideoCapture(str(clip))
    total = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    if total <= 0:
        raise ModelsError(f"{clip} is no video that can be read: name a file such as clip.mp4")
    step = max(1, total // count)
    for index in range(total):
        if not capture.grab():
            return
        if index % step == 0:
            yield np.asarray(capture.retrieve()[1], np.uint8)


def _iou(one: Detections, other: Detections) -> NDArray[np.float32]:
    """(len(one), len(other)); boxes of different classes do not overlap."""
    a, b = one.boxes[:, None], other.boxes[None]
    sides = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    shared = np.maximum(sides, 0).prod(axis=2)
    areas = [(boxes[..., 2:] - boxes[..., :2]).prod(axis=2) for boxes in (a, b)]
    overlap = shared / np.maximum(areas[0] + areas[1] - shared, 1e-12)
    overlap[one.classes[:, None] != other.classes] = 0
    return np.asarray(overlap, np.float32)
