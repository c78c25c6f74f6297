"""The capture child: one camera's frames into its ring, for as long as the box runs.

A camera that does not answer is tried again here, with a growing, jittered wait; a decoder that crashes or
hangs takes only this process with it, and the supervisor starts another.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from edge.capture.ring import CaptureState, RingWriter
from edge.capture.source import Source, parse_source
from edge.capture.stream import Stream, open_stream
from edge.capture.stream_time import StreamTime
from edge.child import Parent, stop_at_once
from edge.clock import SteadyClock
from edge.errors import CaptureError
from edge.log import fields
from edge.sampling import Pace
from sync.backoff import Backoff

log = logging.getLogger("edge.capture")

NAP_S: Final = 0.5
"""The longest sleep without a sign of life."""
BEHIND_S: Final = 1.0
"""A clip that cannot be decoded in real time goes on from now, with a gap, instead of falling behind."""
SETTLED_S: Final = 30.0
"""A stream that held this long was well; the next failure is waited out from the shortest wait again."""


@dataclass(frozen=True, slots=True)
class CaptureTask:
    """What a capture child must do."""

    camera: str
    source: str
    """With its password; see `source.parse_source`."""
    fps: float
    clock: SteadyClock
    ring_fd: int
    wake_fd: int
    """An eventfd that tells the engine of a new frame."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Told to the main process: why a camera gives no frames."""

    camera: str
    reason: str


class Capture:
    """One camera's frames into one ring."""

    def __init__(
        self, task: CaptureTask, ring: RingWriter, backoff: Backoff, tell: Callable[[Trouble], None]
    ) -> None:
        self._task = task
        self._tell = tell
        self._source: Source = parse_source(task.source)
        self._ring = ring
        self._backoff = backoff

    def run(self) -> None:
        """Deliver frames until a clip ends; with a camera, for ever."""
        while True:
            self._ring.beat(CaptureState.CONNECTING)
            began = time.monotonic()
            try:
                self._one_session()
            except CaptureError as error:
                if time.monotonic() - began > SETTLED_S:
                    self._backoff.reset()
                wait = self._backoff.next()
                self._ring.count_failure()
                self._tell(Trouble(self._task.camera, str(error)))
                log.warning("%s", error, extra=fields(camera=self._task.camera, again_in_s=round(wait, 1)))
                self._sleep(wait, CaptureState.CONNECTING)
            else:
                if not getattr(self._source, "loop", False):
                    break
        self._ring.beat(CaptureState.ENDED)
        self._wake()
        log.info("clip is over", extra=fields(camera=self._task.camera))

    def _one_session(self) -> None:
        """From opening to the end of the clip. Raises CaptureError when a camera falls silent."""
        stream = open_stream(self._source, self._task.fps)
        try:
            self._ring.begin_session()
            if self._source.live:
                self._pump(stream, self._live_times(stream))
                raise CaptureError(f"{self._source} fell silent")
            self._pump(stream, self._clip_times(stream))
        finally:
            stream.close()

    def _pump(self, stream: Stream, time_of: Callable[[], float]) -> None:
        """Every grabbed frame is stamped; only those that the pace wants are converted and written."""
        ring, pace = self._ring, Pace(self._task.fps)
        frames = 0
        while stream.grab():
            ring.count_seen()
            t = time_of()
            ring.beat(CaptureState.STREAMING)
            if not pace.due(t):
                continue
            if frames == 0:
                log.info(
                    "connected", extra=fields(camera=self._task.camera, size="{}x{}".format(*stream.size))
                )
            frames += 1
            self._write(stream, t)

    def _write(self, stream: Stream, t: float) -> None:
        width, height = stream.size
        image = self._ring.claim(height, width)
        try:
            stream.retrieve(image)
        except CaptureError:
            self._ring.abandon()
            raise
        self._sleep(t - self._task.clock.now(), CaptureState.STREAMING)  # a clip's frame is not shown early
        self._ring.publish(t)
        self._wake()

    def _live_times(self, stream: Stream) -> Callable[[], float]:
        stream_time = StreamTime()

        def time_of() -> float:
            t, jumped = stream_time.place(stream.stamp, self._task.clock.now())
            if jumped:
                self._ring.begin_session()
            return t

        return time_of

    def _clip_times(self, stream: Stream) -> Callable[[], float]:
        start: float | None = None

        def time_of() -> float:
            nonlocal start
            now, stamp = self._task.clock.now(), stream.stamp or 0.0
            if start is None:
                start = now - stamp
            elif start + stamp < now - BEHIND_S:
                start = now - stamp
                self._ring.begin_session()
            return start + stamp

        return time_of

    def _sleep(self, seconds: float, state: CaptureState) -> None:
        """Sleep with signs of life. A clip whose frames are more than a nap ahead shows them too."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            time.sleep(min(left, NAP_S))
            self._ring.beat(state)

    def _wake(self) -> None:
        os.eventfd_write(self._task.wake_fd, 1)


def main() -> None:
    """The child process."""
    parent = Parent(on_stop=stop_at_once)
    task: CaptureTask = parent.task
    Capture(task, RingWriter(task.ring_fd), Backoff(), parent.tell).run()
