"""Read a clip frame by frame with its own time stamps."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import cv2
import numpy as np

from edge.errors import CaptureError
from edge.sampling import Pace
from models.types import Image

# What is wrong with a file is told by us, in one line.
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # read when the first file is opened


class Clip:
    """A video file. Frames that the pace does not want are skipped without being converted."""

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise CaptureError(f"no clip at {path}; name an existing video file")
        self._capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
        if not self._capture.isOpened():
            raise CaptureError(
                f"{path} is no video that can be read; try it in a player, or convert it with ffmpeg"
            )
        self.path = path
        self.rate = float(self._capture.get(cv2.CAP_PROP_FPS)) or 25.0
        self.size = (
            int(self._capture.get(cv2.CAP_PROP_FRAME_WIDTH)),
            int(self._capture.get(cv2.CAP_PROP_FRAME_HEIGHT)),
        )
        self.count = max(0, int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT)))
        """Frames as the file's header claims; 0 when it does not say."""
        self.read = 0
        """Frames decoded so far."""
        self.seconds = 0.0
        """Length of what was decoded so far."""

    @property
    def lacking(self) -> int:
        """Once all was read: how many frames the file's header promised beyond those that came."""
        return max(0, self.count - self.read)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._capture.release()

    def frames(self, fps: float | None = None) -> Iterator[tuple[float, Image]]:
        """(seconds from the start, frame) at no more than `fps`, or every one. The array is used again for
        the next frame. Raises CaptureError when the file holds not a single frame."""
        pace = None if fps is None else Pace(fps)
        picture: Image | None = None
        first: float | None = None
        while self._capture.grab():
            stamp = self._stamp(first)
            first = stamp if first is None else first
            t = max(stamp - first, self.seconds)
            self.read, self.seconds = self.read + 1, t
            if pace is not None and not pace.due(t):
                continue
            good, frame = self._capture.retrieve(picture)
            if good:
                picture = np.asarray(frame, np.uint8)
                yield t, picture
        if self.read == 0:
            raise CaptureError(f"{self.path} holds no frame that can be decoded; it may be cut off or empty")
        self.seconds += 1 / self.rate

    def _stamp(self, first: float | None) -> float:
        """The frame's presentation time; counted from the frame rate where the container tells none."""
        stamp = float(self._capture.get(cv2.CAP_PROP_POS_MSEC)) / 1000.0
        counted = self.read / self.rate + (first or 0.0)
        if self.read and stamp <= (first or 0.0):
            return counted
        return stamp if np.isfinite(stamp) else counted
