"""What a network's output means: one decoder per family, all with the same call.

A decoder is made for one input size and turns the raw output into candidates above a floor score: boxes in
input pixels, scores, classes. Only candidates are computed in full; the bulk of the cells costs one maximum
and one comparison.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Family = Literal["nanodet", "yolox", "ultralytics"]
STRIDES: Final = (8, 16, 32)
BINS: Final = 11
"""NanoDet gives each side's distance as a distribution over 0..10 strides (generalised focal loss)."""


class Candidates(NamedTuple):
    """Boxes (n, 4) float32 x1, y1, x2, y2 in input pixels; scores (n,) float32; classes (n,) int16."""

    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    classes: NDArray[np.int16]


class Decoder(Protocol):
    """Raw output of one family's network to candidates."""

    def __call__(self, output: NDArray[np.float32], floor: float) -> Candidates:
        """Everything that scores at least `floor`, in no order, before suppression."""
        ...


def _cells(canvas: tuple[int, int], offset: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Position (n, 2) in input pixels and stride (n,) of each cell, strides 8, 16, 32, rows first."""
    rows, columns = canvas
    places, strides = [], []
    for stride in STRIDES:
        y, x = np.mgrid[0 : -(-rows // stride), 0 : -(-columns // stride)]
        places.append((np.stack([x.ravel(), y.ravel()], 1) + offset) * stride)
        strides.append(np.full(x.size, stride))
    return np.concatenate(places).astype(np.float32), np.concatenate(strides).astype(np.float32)


def _around(centres: NDArray[np.float32], sizes: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.concatenate([centres - sizes / 2, centres + sizes / 2], 1)


class NanoDet:
    """Output (1, classes + 44, cells): class logits, then four sides' distance bins."""

    def __init__(self, canvas: tuple[int, int], classes: Sequence[int]) -> None:
        """`classes`: for each score row the index into `CLASSES`."""
        self._classes = np.array(classes, np.int16)
        self._centres, self._strides = _cells(canvas, 0.5)
        self._steps = np.arange(BINS, dtype=np.float32)[:, None]

    def __call__(self, output: NDArray[np.float32], floor: float) -> Candidates:
        rows = len(self._classes)
        logits = output[0, :rows]
        found = np.flatnonzero(logits.max(axis=0) >= np.log(floor / (1 - floor)))
        logits = logits[:, found]
        kind = logits.argmax(axis=0)
        scores = 1 / (1 + np.exp(-logits[kind, np.arange(len(found))]))
        bins = output[0, rows:, :][:, found].reshape(4, BINS, len(found))
        weights = np.exp(bins - bins.max(axis=1, keepdims=True))
        reach = (weights * self._steps).sum(axis=1) / weights.sum(axis=1)
        left_top_right_bottom = (reach * self._strides[found]).T
        centres = self._centres[found]
        boxes = np.concatenate(
            [centres - left_top_right_bottom[:, :2], centres + left_top_right_bottom[:, 2:]], 1
        )
        return Candidates(boxes, scores, self._classes[kind])


class Yolox:
    """Output (1, cells, 5 + classes): x, y, log w, log h in strides from the cell's corner, objectness."""

    def __init__(self, canvas: tuple[int, int], columns: Sequence[int], classes: Sequence[int]) -> None:
        """`columns`: the network's numbers of the wanted classes; `classes`: their index in `CLASSES`."""
        self._columns = np.array(columns, np.intp) + 5
        self._classes = np.array(classes, np.int16)
        self._corners, self._strides = _cells(canvas, 0.0)

    def __call__(self, output: NDArray[np.float32], floor: float) -> Candidates:
        likely = np.flatnonzero(output[0, :, 4] >= floor)  # the product below can only be smaller
        raw = output[0, likely]
        score = raw[:, self._columns]
        kind = score.argmax(axis=1)
        best = score[np.arange(len(kind)), kind]
        ours = best >= raw[:, 5:].max(axis=1)  # a dog is not a small person
        best = best * raw[:, 4]
        sure = ours & (best >= floor)
        raw, cells = raw[sure], likely[sure]
        stride = self._strides[cells, None]
        centres = raw[:, :2] * stride + self._corners[cells]
        return Candidates(
            _around(centres, np.exp(raw[:, 2:4]) * stride), best[sure], self._classes[kind[sure]]
        )


class Ultralytics:
    """Output (1, 4 + classes, n): cx, cy, w, h in input pixels, class scores; or, from an export that
    suppresses by itself, (1, n, 6): x1, y1, x2, y2, score, class."""

    def __init__(self, columns: Sequence[int], classes: Sequence[int], *, final: bool) -> None:
        self._columns = np.array(columns, np.intp)
        self._classes = np.array(classes, np.int16)
        self._final = final

    def __call__(self, output: NDArray[np.float32], floor: float) -> Candidates:
        return self._rows(output[0], floor) if self._final else self._grid(output[0], floor)

    def _grid(self, output: NDArray[np.float32], floor: float) -> Candidates:
        scores = output[self._columns + 4]
        found = np.flatnonzero(scores.max(axis=0) >= floor)
        scores = scores[:, found]
        ours = scores.max(axis=0) >= output[4:, found].max(axis=0)  # a dog is not a small person
        found, scores = found[ours], scores[:, ours]
        kind = scores.argmax(axis=0)
        place = output[:4, found].T
        return Candidates(
            _around(place[:, :2], place[:, 2:]),
            scores[kind, np.arange(len(found))],
            self._classes[kind],
        )

    def _rows(self, output: NDArray[np.float32], floor: float) -> Candidates:
        match = output[:, 5:6].astype(np.intp) == self._columns
        found = np.flatnonzero((output[:, 4] >= floor) & match.any(axis=1))
        return Candidates(output[found, :4], output[found, 4], self._classes[match[found].argmax(axis=1)])
