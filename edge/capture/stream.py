"""Open a source and take frames from it, one at a time, into memory that the caller owns."""

from __future__ import annotations

import os
from typing import Final, Protocol

# Read by OpenCV when it is imported: quiet (its messages hold the URL with the password), and RTSP over
# TCP (UDP loses slices on busy Wi-Fi).
os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
os.environ.setdefault("OPENCV_FFMPEG_CAPTURE_OPTIONS", "rtsp_transport;tcp")

import cv2
import numpy as np

from edge.capture.source import FileSource, FolderSource, RtspSource, Source, UsbSource, pictures_in
from edge.errors import CaptureError
from models.types import Image

TIMEOUT_S: Final = 5.0
"""For opening and for each read. OpenCV's own is 30 s, and only counts when given at opening (research:
edge_camera §8)."""
DECODER_THREADS: Final = 1
"""More threads cost a fifth more processor time for the same frames (H.264 720p: 4.0 ms against 4.7)."""


class Stream(Protocol):
    """An open source."""

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the frame that was grabbed."""
        ...

    @property
    def nominal_fps(self) -> float | None:
        """What the source says of itself; often wrong."""
        ...

    @property
    def stamp(self) -> float | None:
        """The grabbed frame's own time in seconds, on the source's scale; None where it has none."""
        ...

    def grab(self) -> bool:
        """Go to the next frame; False when there is none (clip over, camera silent)."""
        ...

    def retrieve(self, into: Image) -> None:
        """The grabbed frame as BGR into `into`, (height, width, 3). CaptureError when it does not fit."""
        ...

    def close(self) -> None:
        """Let the source go."""
        ...


def open_stream(source: Source, fps: float) -> Stream:
    """Open it; a folder is shown at `fps`. Raises CaptureError with what to look at."""
    match source:
        case RtspSource():
            return _VideoStream(source, source.url)
        case FileSource():
            return _VideoStream(source, str(source.path))
        case UsbSource():
            return _UsbStream(source)
        case FolderSource():
            return _FolderStream(source, fps)


class _CaptureStream:
    """What OpenCV's captures have in common."""

    def __init__(self, source: Source, capture: cv2.VideoCapture, remedy: str) -> None:
        self._source = source
        self._capture = capture
        if not capture.isOpened():
            capture.release()
            raise CaptureError(f"{source} does not open; {remedy}")

    @property
    def size(self) -> tuple[int, int]:
        return int(self._capture.get(cv2.CAP_PROP_FRAME_WIDTH)), int(
            self._capture.get(cv2.CAP_PROP_FRAME_HEIGHT)
        )

    @property
    def nominal_fps(self) -> float | None:
        fps = self._capture.get(cv2.CAP_PROP_FPS)
        return fps if 0 < fps <= 240 else None

    def grab(self) -> bool:
        return self._capture.grab()

    def retrieve(self, into: Image) -> None:
        there, image = self._capture.retrieve(into)
        if not there or image.shape != into.shape:
            raise CaptureError(f"{self._source} changed its picture or sent a broken one; opening it again")
        # OpenCV decodes straight into a buffer that fits, and returns another one only for a turned picture.
        if image is not into:
            np.copyto(into, image)

    def close(self) -> None:
        self._capture.release()


class _VideoStream(_CaptureStream):
    """A network camera or a clip, through FFmpeg."""

    def __init__(self, source: RtspSource | FileSource, url: str) -> None:
        remedy = (
            "check its address, user, password and network cable"
            if source.live
            else "name a clip that is there and that ffmpeg can read"
        )
        timeout = int(TIMEOUT_S * 1000)
        options = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, timeout, cv2.CAP_PROP_READ_TIMEOUT_MSEC, timeout]
        options += [cv2.CAP_PROP_N_THREADS, DECODER_THREADS]
        super().__init__(source, cv2.VideoCapture(url, cv2.CAP_FFMPEG, options), remedy)

    @property
    def stamp(self) -> float | None:
        return self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000


class _UsbStream(_CaptureStream):
    """A camera of the kernel's own drivers; it stamps nothing that we trust."""

    stamp = None

    def __init__(self, source: UsbSource) -> None:
        remedy = f"check that it is plugged in, that /dev/video{source.index} is there and may be read"
        options = [cv2.CAP_PROP_READ_TIMEOUT_MSEC, int(TIMEOUT_S * 1000)]
        super().__init__(source, cv2.VideoCapture(source.index, cv2.CAP_V4L2, options), remedy)


class _FolderStream:
    """Pictures in a folder as if a camera took them."""

    def __init__(self, source: FolderSource, fps: float) -> None:
        self._paths = pictures_in(source.path)
        if not self._paths:
            raise CaptureError(f"{source} has no pictures; name a folder with .jpg or .png files")
        self._fps = fps
        self._at = -1
        self._image = np.empty((0, 0, 3), np.uint8)

    @property
    def size(self) -> tuple[int, int]:
        return self._image.shape[1], self._image.shape[0]

    @property
    def nominal_fps(self) -> float | None:
        return self._fps

    @property
    def stamp(self) -> float | None:
        return self._at / self._fps

    def grab(self) -> bool:
        self._at += 1
        if self._at >= len(self._paths):
            return False
        image = cv2.imread(str(self._paths[self._at]), cv2.IMREAD_COLOR)
        if image is None:
            raise CaptureError(f"{self._paths[self._at]} cannot be read as a picture; replace or remove it")
        self._image = image.astype(np.uint8, copy=False)
        return True

    def retrieve(self, into: Image) -> None:
        np.copyto(into, self._image)

    def close(self) -> None:
        self._paths = []
