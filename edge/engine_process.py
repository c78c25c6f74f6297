"""The engine process: the newest frame of every camera through its engine, the facts to the main process.

Each round takes at most one frame of each camera, so a busy camera cannot starve another; a frame that comes
while the engine is busy elsewhere is replaced by a newer one and counted as missed. The main process keeps
the minutes, so killing this process loses only the tracks that were under way.
"""

from __future__ import annotations

import logging
import os
import select
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from edge.capture.ring import Frame, RingReader
from edge.child import Parent
from edge.clock import SteadyClock
from edge.engine import CameraEngine
from edge.log import fields
from edge.opening_hours import StoreHours
from models.detector import load_detector
from models.errors import ModelsError
from models.plates.read import PlateReader
from pipelines.layout import CameraLayout
from pipelines.plate_records import PlateRead
from pipelines.records import Fact

log = logging.getLogger("edge.engine")

FLUSH_S: Final = 0.1
"""Facts are gathered this long before they are sent: at most ten messages a second. A plate does not wait."""
BEAT_S: Final = 1.0
"""A message is sent this often even without facts: the sign of life."""
SILENT_S: Final = 6.0
"""A camera silent for longer (or for three frames, if that is more) has ended its tracks: longer than the
tracker bridges, shorter than a minute waits to be sealed."""


@dataclass(frozen=True, slots=True)
class Watched:
    """A camera that the engine serves."""

    layout: CameraLayout
    fps: float
    ring_fd: int


@dataclass(frozen=True, slots=True)
class EngineTask:
    """What the engine process must do."""

    cameras: tuple[Watched, ...]
    model: str
    threads: int
    clock: SteadyClock
    wake_fd: int
    hours: StoreHours | None = None


@dataclass(frozen=True, slots=True)
class Work:
    """What was done for one camera since the process began."""

    analysed: int = 0
    inferred: int = 0
    """Frames that went through the network: where nothing moves, not every one does."""
    missed: int = 0
    """Frames that a newer one replaced before the engine came to them."""
    failed: int = 0
    """Frames that the engine could not analyse."""
    busy_s: float = 0.0
    """Seconds of work."""
    late_s: float = 0.0
    """From the newest frame's capture until its facts were there."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What the engine process tells the main process, one to ten times a second."""

    facts: tuple[Fact, ...]
    work: Mapping[str, Work]
    over: frozenset[str]
    """Cameras whose clip is over and whose last facts were sent."""


class ServedCamera:
    """One camera's ring, engine and bookkeeping."""

    def __init__(self, watched: Watched, ring: RingReader, make_engine: Callable[[], CameraEngine]) -> None:
        self.name = watched.layout.camera
        self.work = Work()
        self.over = False
        self._ring = ring
        self._make_engine = make_engine
        self._engine = make_engine()
        self._silent_s = max(SILENT_S, 3 / watched.fps)
        self._seq = ring.health().written
        self._last: tuple[int, float] | None = None
        """Session and time of the last frame."""
        self._open = False
        """Whether there may be tracks to end."""

    def turn(self, clock: SteadyClock) -> tuple[bool, list[Fact]]:
        """Analyse the newest frame, if there is one: whether there was, and its facts."""
        with self._ring.newest() as frame:
            if frame is not None:
                return True, self._analyse(frame, clock)
        if not self.over and self._ring.ended:
            self.over = True
            return False, self.close()
        if self._last is not None and clock.now() - self._last[1] > self._silent_s:
            return False, self._end_tracks()
        return False, []

    def close(self) -> list[Fact]:
        """End what is under way, at the time of the last frame."""
        if not self._open or self._last is None:
            return []
        self._open = False
        return self._engine.close(self._last[1])

    def _analyse(self, frame: Frame, clock: SteadyClock) -> list[Fact]:
        facts: list[Fact] = []
        if self._last is not None and frame.session != self._last[0]:
            facts += self._end_tracks()
        missed = frame.seq - self._seq - 1
        self._seq, self._last = frame.seq, (frame.session, frame.t)
        self._open, self.over = True, False
        began, failed = time.perf_counter(), 0
        try:
            facts += self._engine.process(frame.image, frame.t)
        except Exception:  # noqa: BLE001 - one camera's odd picture must not stop the others; it is told
            failed = 1
            self._failed()
        work = self.work
        self.work = replace(
            work,
            analysed=work.analysed + 1,
            inferred=self._engine.spent.inferred,
            missed=work.missed + missed,
            failed=work.failed + failed,
            busy_s=work.busy_s + time.perf_counter() - began,
            late_s=clock.now() - frame.t,
        )
        return facts

    def _end_tracks(self) -> list[Fact]:
        if not self._open or self._last is None:
            return []
        self._open = False
        return self._engine.gap(self._last[1])

    def _failed(self) -> None:
        count = self.work.failed + 1
        if count & (count - 1) == 0:  # the 1st, 2nd, 4th, 8th …: a log that tells and does not flood
            log.exception("cannot analyse a frame", extra=fields(camera=self.name, failed=count))
        self._engine = self._make_engine()


class EngineLoop:
    """Serves all cameras until it is told to stop."""

    def __init__(
        self,
        cameras: Sequence[ServedCamera],
        clock: SteadyClock,
        wake_fd: int,
        tell: Callable[[Batch], None],
    ) -> None:
        self._cameras = cameras
        self._clock = clock
        self._wake_fd = wake_fd
        self._tell = tell
        self._facts: list[Fact] = []
        self._told_at = float("-inf")
        self._stopping = False

    def stop(self) -> None:
        """Finish: may be called from another thread."""
        self._stopping = True
        os.eventfd_write(self._wake_fd, 1)

    def run(self) -> None:
        """Serve; when told to stop, end all tracks and send what came of them."""
        waker = select.poll()
        waker.register(self._wake_fd, select.POLLIN)
        self._send()
        while not self._stopping:
            while self._round() and not self._stopping:
                pass
            # A frame published after the round leaves the eventfd set, so none is slept over.
            due = FLUSH_S if self._facts else BEAT_S
            left = max(0.0, self._told_at + due - time.monotonic())
            if waker.poll(left * 1000):
                os.eventfd_read(self._wake_fd)
            self._send_if_due()
        for camera in self._cameras:
            self._facts += camera.close()
        self._send()

    def _round(self) -> bool:
        """One frame of each camera that has one; whether any had."""
        any_had = False
        for camera in self._cameras:
            had, facts = camera.turn(self._clock)
            any_had |= had
            self._facts += facts
            if any(isinstance(fact, PlateRead) for fact in facts):
                self._send()  # a driver waits
            self._send_if_due()
        return any_had

    def _send_if_due(self) -> None:
        since = time.monotonic() - self._told_at
        if since >= BEAT_S or (self._facts and since >= FLUSH_S):
            self._send()

    def _send(self) -> None:
        work = {camera.name: camera.work for camera in self._cameras}
        over = frozenset(camera.name for camera in self._cameras if camera.over)
        self._tell(Batch(tuple(self._facts), work, over))
        self._facts.clear()
        self._told_at = time.monotonic()


def serve(task: EngineTask, tell: Callable[[Batch], None]) -> EngineLoop:
    """Load the model once for all cameras and make the loop. Raises ModelsError."""

    plates = _plate_reader(task)

    def engine_of(layout: CameraLayout) -> Callable[[], CameraEngine]:
        return lambda: CameraEngine(
            layout,
            load_detector(task.model, threads=task.threads),
            is_open=None if task.hours is None else task.hours.is_open,
            plates=plates if layout.lanes else None,
        )

    cameras = [
        ServedCamera(watched, RingReader(watched.ring_fd), engine_of(watched.layout))
        for watched in task.cameras
    ]
    return EngineLoop(cameras, task.clock, task.wake_fd, tell)


def _plate_reader(task: EngineTask) -> PlateReader | None:
    """One for all lanes; without its models their vehicles are counted all the same."""
    if not any(watched.layout.lanes for watched in task.cameras):
        return None
    try:
        return PlateReader(task.threads)
    except ModelsError as error:
        log.error("plates are not read: %s", error)
        return None


def main() -> None:
    """The child process."""
    loops: list[EngineLoop] = []

    def on_stop() -> None:
        if not loops:
            os._exit(0)  # still loading: nothing to put in order
        loops[0].stop()

    parent = Parent(on_stop)
    try:
        loops.append(serve(parent.task, parent.tell))
    except ModelsError as error:
        log.error("%s", error)
        raise SystemExit(1) from error
    log.info("serving", extra=fields(cameras=len(parent.task.cameras), model=parent.task.model))
    loops[0].run()
