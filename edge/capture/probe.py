"""Look at a source once: does a frame come, how large is it, how many a second. In a child that can be
abandoned, because a decoder may hang where no time-out reaches."""

from __future__ import annotations

import queue
import time
from dataclasses import dataclass
from typing import Final

import numpy as np

from edge.capture.source import parse_source
from edge.capture.stream import TIMEOUT_S, open_stream
from edge.child import Child, Parent, stop_at_once
from edge.errors import CaptureError

FIRST_FRAME_S: Final = 5.0
RATE_OVER_S: Final = 2.0
"""How long frames are counted to measure the rate."""


@dataclass(frozen=True, slots=True)
class ProbeTask:
    """What to look at; `fps` is only for a folder of pictures."""

    source: str
    fps: float


@dataclass(frozen=True, slots=True)
class Look:
    """What a source gave."""

    width: int
    height: int
    fps: float | None
    """Frames a second: measured with a camera, told by the file with a clip; None when it gave only one."""
    first_frame_s: float
    decode_ms: float
    """Processor milliseconds to decode and convert one frame."""


def look_at(sources: list[ProbeTask]) -> list[Look | CaptureError]:
    """Look at all sources at the same time; what each gave or why it gave nothing, in order."""
    answers: list[queue.SimpleQueue[Look | CaptureError]] = [queue.SimpleQueue() for _ in sources]
    children = [
        Child("edge.capture.probe", task, on_message=answer.put)
        for task, answer in zip(sources, answers, strict=True)
    ]
    until = time.monotonic() + 2 * TIMEOUT_S + RATE_OVER_S + 5.0
    found: list[Look | CaptureError] = []
    try:
        for answer in answers:
            try:
                found.append(answer.get(timeout=max(0.0, until - time.monotonic())))
            except queue.Empty:
                found.append(CaptureError("the decoder hangs on it; try the camera's other stream or H.264"))
    finally:
        for child in children:
            child.kill()
            child.close()
    return found


def probe(task: ProbeTask) -> Look:
    """Open the source and take frames for a moment. Raises CaptureError."""
    source = parse_source(task.source)
    began = time.monotonic()
    stream = open_stream(source, task.fps)
    try:
        if not stream.grab():
            raise CaptureError(
                f"{source} opens but gives no picture; look at it with a player such as ffplay"
            )
        width, height = stream.size
        image = np.empty((height, width, 3), np.uint8)
        stream.retrieve(image)
        first = time.monotonic()
        cpu, frames = time.process_time(), 0
        while time.monotonic() - first < RATE_OVER_S and stream.grab():
            stream.retrieve(image)
            frames += 1
            if not source.live and frames >= 10:
                break
        spent = time.monotonic() - first
        decode_ms = 1000 * (time.process_time() - cpu) / frames if frames else 0.0
        measured = frames / spent if frames else None
        fps = measured if source.live else stream.nominal_fps
    finally:
        stream.close()
    return Look(width, height, fps, first - began, decode_ms)


def main() -> None:
    """The child process."""
    parent = Parent(on_stop=stop_at_once)
    try:
        parent.tell(probe(parent.task))
    except CaptureError as error:
        parent.tell(error)
