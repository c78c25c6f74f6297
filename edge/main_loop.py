"""The main process's loop: takes what the engine found, keeps the books, looks after the children."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from edge.camera_watch import CameraWatch
from edge.capture.child import Trouble
from edge.capture.ring import RingReader
from edge.clock_keeper import ClockKeeper
from edge.engine_process import Batch, Work
from edge.live import Live
from edge.log import fields
from edge.notify import notify
from edge.parking.car_park import CarPark
from edge.recorder import Recorder
from edge.supervisor import Supervisor
from pipelines.plate_records import PlateRead
from pipelines.records import Event, Fact, Pulse
from sync.publisher import Publisher

log = logging.getLogger("edge.main")

TURN_S: Final = 0.2
"""The longest a turn waits for facts."""
LOOK_S: Final = 1.0
WATCHDOG_S: Final = 5.0
PRUNE_S: Final = 3600.0
DRAIN_S: Final = 5.0
"""How long the engine may take to end its tracks when the box stops."""
STORE_S: Final = 60.0
"""How long a store that refuses may take before the box begins anew with what is still in memory lost."""
ENGINE: Final = "engine"


@dataclass(slots=True)
class Inbox:
    """The way of the children's messages to the loop. `put` is called in their links' threads and waits
    while the loop is behind."""

    messages: queue.Queue[Batch | Trouble] = field(default_factory=lambda: queue.Queue(maxsize=256))
    engine_heard_at: float | None = None
    """Monotonic seconds of the engine's last sign of life."""

    def put(self, message: Batch | Trouble) -> None:
        """One message of a child."""
        if isinstance(message, Batch):
            self.engine_heard_at = time.monotonic()
        self.messages.put(message)


class Watch(Protocol):
    """Looks after something that a person should be told of: the line, the disk, a counter's places."""

    def look(self, now: float) -> Iterable[Event]:
        """Called once a second; what has happened since. now: steady UTC seconds."""
        ...


class MainLoop:
    """Runs until it is told to stop, or until every clip is over."""

    def __init__(
        self,
        *,
        keeper: ClockKeeper,
        engine: Supervisor,
        captures: Supervisor,
        rings: Mapping[str, RingReader],
        inbox: Inbox,
        recorder: Recorder,
        live: Live,
        publisher: Publisher | None,
        car_park: CarPark | None = None,
        prune: Callable[[float], Any],
        watches: Sequence[Watch] = (),
        until_end: bool,
        stopping: threading.Event,
    ) -> None:
        """stopping: is set when the box is told to stop."""
        self._keeper, self._clock, self._engine, self._captures = keeper, keeper.clock, engine, captures
        self._rings, self._inbox, self._recorder = rings, inbox, recorder
        self._live, self._publisher, self._prune = live, publisher, prune
        self._car_park = car_park
        self._others = tuple(watches)
        self._until_end = until_end
        self._watches = {name: CameraWatch(name, self._clock.now()) for name in rings}
        self._reasons: dict[str, str] = {}
        self._work: dict[str, Work] = {}
        self._batch: Batch | None = None
        self._looked_at = self._barked_at = self._pruned_at = float("-inf")
        self._stopping = stopping

    def run(self) -> bool:
        """Until the end, then drain: what was seen is counted and committed before this returns. True: the
        box must begin anew, for it counts by another time from now on."""
        notify("READY=1")
        while not (self._stopping.is_set() or self._set_anew() or (self._until_end and self._all_over())):
            self._turn()
        anew = not self._stopping.is_set() and self._set_anew()
        if not anew:
            notify("STOPPING=1")
        self._finish(patience_s=STORE_S if anew else 0.0)
        return anew

    def _set_anew(self) -> bool:
        """The clock is to be set, and all that was counted so far is kept."""
        return self._keeper.change is not None and self._recorder.fault is None

    def _turn(self) -> None:
        self._take(TURN_S)
        if self._car_park is not None:
            self._car_park.tick()
        now = time.monotonic()
        self._engine.tick(now)
        if self._batch is not None:  # the first frames of a clip wait until the engine can take them
            self._captures.tick(now)
        if now - self._looked_at >= LOOK_S:
            self._looked_at = now
            self._look(self._clock.now())
        if now - self._barked_at >= WATCHDOG_S:
            self._barked_at = now
            notify("WATCHDOG=1")  # this loop came round: links read, store written, children looked after

    def _take(self, patience_s: float) -> None:
        """Wait for a message, then take all that are there."""
        try:
            message = self._inbox.messages.get(timeout=patience_s)
            while True:
                self._take_one(message)
                message = self._inbox.messages.get_nowait()
        except queue.Empty:
            return

    def _take_one(self, message: Batch | Trouble) -> None:
        if isinstance(message, Trouble):
            self._reasons[message.camera] = message.reason
            return
        self._batch = message
        self._record(message.facts)

    def _record(self, facts: tuple[Fact, ...]) -> None:
        if not facts:
            return
        if self._car_park is not None:  # first: a driver waits, the books do not
            for fact in facts:
                if isinstance(fact, PlateRead):
                    self._car_park.read(fact)
        self._recorder.take(facts)
        for fact in facts:
            if isinstance(fact, Pulse):
                self._live.pulse(fact)

    def _look(self, now: float) -> None:
        """Once a second: minutes, cameras, clock, retention, and what the page may know."""
        self._recorder.seal(now, clock_trusted=self._keeper.agrees)
        parked = self._car_park.happened() if self._car_park is not None else []
        told = [event for watch in self._others for event in watch.look(now)]
        self._record((*self._camera_events(now), *self._keeper.look(now), *parked, *told))
        self._forget(now)
        self._tell_live(now)

    def _forget(self, now: float) -> None:
        """Once an hour: delete what is older than its term, as far as the time is known."""
        until = self._keeper.retention_at(now)
        if until is not None and time.monotonic() - self._pruned_at >= PRUNE_S:
            self._pruned_at = time.monotonic()
            self._prune(until)

    def _camera_events(self, now: float) -> list[Event]:
        over = self._batch.over if self._batch is not None else frozenset()
        events = []
        for name, watch in self._watches.items():
            event = watch.look(now, self._rings[name].health().written, name in over)
            if event is not None:
                log.warning(event.name, extra=fields(camera=name))
                events.append(event)
            if name in over:
                self._live.camera(name, "ended", now)
            elif self._blind(name):
                self._live.camera(name, "offline", now, "its pictures cannot be analysed; see the log")
            elif watch.offline or (name in self._reasons and now - watch.seen_at > 2 * LOOK_S):
                self._live.camera(name, "offline", watch.seen_at, self._reasons.get(name, ""))
            else:
                self._reasons.pop(name, None)
        return events

    def _blind(self, camera: str) -> bool:
        """True when the engine failed at every frame of the camera since the last look."""
        work = self._batch.work.get(camera, Work()) if self._batch is not None else Work()
        before, self._work[camera] = self._work.get(camera, Work()), work
        failed, analysed = work.failed - before.failed, work.analysed - before.analysed
        return failed == analysed > 0

    def _tell_live(self, now: float) -> None:
        live = self._live
        live.engine(self._engine.child(ENGINE) is not None, now, self._engine.failures()[ENGINE])
        live.store(self._recorder.fault)
        live.clock(self._keeper.agrees, self._keeper.trust, self._keeper.untimed())
        if self._publisher is not None:
            live.line(self._publisher.status(), now)

    def _all_over(self) -> bool:
        return self._batch is not None and set(self._rings) <= self._batch.over

    def _finish(self, patience_s: float) -> None:
        """Children first, then the books, so that nothing that was seen is left out. patience_s: how long a
        store that refuses is asked again."""
        self._captures.stop()
        engine = self._engine.child(ENGINE)
        if engine is not None:
            engine.tell("stop")
            until = time.monotonic() + DRAIN_S
            while engine.exit_code() is None and time.monotonic() < until:
                self._take(0.05)
        self._engine.stop()
        self._take(0.0)
        self._recorder.close()
        until = time.monotonic() + patience_s
        while self._recorder.fault is not None and time.monotonic() < until:
            notify("WATCHDOG=1")
            time.sleep(LOOK_S)
            self._recorder.close()
