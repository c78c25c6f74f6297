"""Draw what the engine sees onto a replayed clip: boxes, ids, gates, zones and running counts.

Only a replay that asks for it writes pictures; the box never does.
"""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Final, Self

import cv2
import numpy as np

from edge.engine import CameraEngine
from edge.errors import ConfigError
from edge.tally import Tally
from models.types import Image
from pipelines.camera import CameraPipeline
from pipelines.layout import CameraLayout, Gate, Point
from pipelines.track import Track

Colour = tuple[int, int, int]
GATE: Final[Colour] = (0, 200, 255)
ZONE: Final[Colour] = (230, 160, 40)
PERSON: Final[Colour] = (80, 220, 80)
VEHICLE: Final[Colour] = (220, 120, 220)
FAINT: Final[Colour] = (150, 150, 150)
_FONT: Final = cv2.FONT_HERSHEY_SIMPLEX


class Annotator:
    """Writes an annotated clip; does nothing when no file is named."""

    def __init__(self, path: Path | None, layout: CameraLayout, fps: float) -> None:
        self._path, self._layout, self._fps = path, layout, fps
        self._writer: cv2.VideoWriter | None = None
        self._canvas: Image | None = None

    @staticmethod
    def to(path: Path | None, layout: CameraLayout, fps: float) -> Annotator:
        """An annotator for that file, or one that draws nothing."""
        return Annotator(path, layout, fps)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._writer is not None:
            self._writer.release()

    def draw(self, image: Image, engine: CameraEngine, tally: Tally) -> None:
        """Add one frame."""
        if self._path is None:
            return
        if self._canvas is None or self._canvas.shape != image.shape:
            self._canvas = np.empty_like(image)
            self._open(image.shape[1], image.shape[0])
        np.copyto(self._canvas, image)
        pen = _Pen(self._canvas)
        if engine.pipeline is not None:
            self._draw_layout(pen, engine.pipeline, tally)
            self._draw_tracks(pen, engine.pipeline)
        for row, (name, ways) in enumerate(tally.lanes.items()):
            pen.text((0.01, 0.05 + 0.05 * row), f"{name}: {dict(ways)}", VEHICLE)
        if self._writer is not None:
            self._writer.write(self._canvas)

    def _draw_layout(self, pen: _Pen, pipeline: CameraPipeline, tally: Tally) -> None:
        for watch in pipeline.zones:
            zone = watch.zone
            pen.polygon(zone.polygon, ZONE)
            pen.text(zone.polygon[0], f"{zone.id}: {watch.now} now, {len(tally.zones[zone.id])} visits", ZONE)
        for gate in self._layout.gates:
            by = tally.gates[gate.id]
            pen.gate(gate)
            pen.text(gate.a, f"{gate.id}: in {by['in']} out {by['out']}", GATE)

    def _draw_tracks(self, pen: _Pen, pipeline: CameraPipeline) -> None:
        for track in pipeline.people.tracks:
            pen.track(track, PERSON if track.confirmed else FAINT)
        for track in pipeline.lanes.tracker.tracks if pipeline.lanes else ():
            pen.track(track, VEHICLE if track.confirmed else FAINT)

    def _open(self, width: int, height: int) -> None:
        four = cv2.VideoWriter.fourcc(*"mp4v")
        self._writer = cv2.VideoWriter(str(self._path), four, self._fps, (width, height))
        if not self._writer.isOpened():
            raise ConfigError(f"cannot write {self._path}; name an .mp4 file in a folder that exists")


class _Pen:
    """Draws in fractions of the frame."""

    def __init__(self, canvas: Image) -> None:
        self.canvas = canvas
        self.height, self.width = canvas.shape[:2]

    def at(self, point: Point) -> tuple[int, int]:
        return round(point[0] * self.width), round(point[1] * self.height)

    def polygon(self, corners: tuple[Point, ...], colour: Colour) -> None:
        points = np.array([self.at(corner) for corner in corners], np.int32)
        cv2.polylines(self.canvas, [points], True, colour, 2, cv2.LINE_AA)

    def gate(self, gate: Gate) -> None:
        """The line, and an arrow from its middle to the inside."""
        a, b = self.at(gate.a), self.at(gate.b)
        cv2.line(self.canvas, a, b, GATE, 2, cv2.LINE_AA)
        middle = ((a[0] + b[0]) // 2, (a[1] + b[1]) // 2)
        along = np.array([b[0] - a[0], b[1] - a[1]], float)
        right = np.array([-along[1], along[0]]) / max(float(np.hypot(*along)), 1e-9)
        tip = np.array(middle) + right * (25 if gate.inside == "right" else -25)
        cv2.arrowedLine(self.canvas, middle, (int(tip[0]), int(tip[1])), GATE, 2, cv2.LINE_AA, 0, 0.4)

    def text(self, point: Point, words: str, colour: Colour) -> None:
        x, y = self.at(point)
        x, y = min(max(4, x), self.width - 9 * len(words)), min(max(14, y - 4), self.height - 6)
        cv2.putText(self.canvas, words, (x, y), _FONT, 0.5, (0, 0, 0), 3, cv2.LINE_AA)
        cv2.putText(self.canvas, words, (x, y), _FONT, 0.5, colour, 1, cv2.LINE_AA)

    def track(self, track: Track, colour: Colour) -> None:
        if not track.updated:
            return
        x1, y1, x2, y2 = track.box
        cv2.rectangle(self.canvas, self.at((x1, y1)), self.at((x2, y2)), colour, 1 if colour == FAINT else 2)
        self.text((x1, y1), str(track.id), colour)
