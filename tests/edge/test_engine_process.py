"""One engine process serves all cameras: fairly, with the newest frames, and nobody suffers for another."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import pytest

from edge.capture.ring import CaptureState, FrameRing, RingReader, RingWriter
from edge.clock import SteadyClock
from edge.engine import Spent
from edge.engine_process import Batch, EngineLoop, ServedCamera, Watched
from pipelines.layout import CameraLayout
from pipelines.plate_records import PlateRead
from pipelines.records import Event, Fact

PLATE = 77
"""A frame of this shade settles a plate's read."""


@dataclass
class FakeEngine:
    """Tells each call as an event named after the frame's shade."""

    camera: str
    slow_s: float = 0.0
    spent: Spent = field(default_factory=Spent)

    def process(self, image: np.ndarray, t: float) -> list[Fact]:
        shade = int(image[0, 0, 0])
        if shade == 66:
            raise ValueError("an odd picture")
        time.sleep(self.slow_s)
        if shade == PLATE:
            return [PlateRead("exit-1", self.camera, t, None, 0.0, 0, 1)]
        return [Event(f"frame-{shade}", t, self.camera)]

    def gap(self, t: float) -> list[Fact]:
        return [Event("gap", t, self.camera)]

    def close(self, t: float) -> list[Fact]:
        return [Event("close", t, self.camera)]


class Bench:
    """Cameras painted by hand, an engine loop in a thread, and everything it told."""

    def __init__(self) -> None:
        self.clock = SteadyClock.start()
        self.wake_fd = os.eventfd(0)
        self.batches: list[tuple[float, Batch]] = []
        self._fds: list[int] = []
        self._writers: dict[str, RingWriter] = {}
        self._served: list[ServedCamera] = []
        self._loop: EngineLoop | None = None
        self._thread: threading.Thread | None = None

    def camera(self, name: str, fps: float = 10.0, slow_s: float = 0.0) -> None:
        fd = FrameRing.create(64 * 64 * 3)
        self._fds.append(fd)
        self._writers[name] = RingWriter(fd)
        watched = Watched(CameraLayout(name), fps, fd)
        self._served.append(ServedCamera(watched, RingReader(fd), lambda: FakeEngine(name, slow_s)))

    def start(self) -> None:
        self._loop = EngineLoop(
            self._served,
            self.clock,
            self.wake_fd,
            lambda batch: self.batches.append((time.monotonic(), batch)),
        )
        self._thread = threading.Thread(target=self._loop.run)
        self._thread.start()

    def paint(self, name: str, shade: int, t: float | None = None) -> None:
        writer = self._writers[name]
        writer.claim(48, 64)[:] = shade
        writer.publish(self.clock.now() if t is None else t)
        os.eventfd_write(self.wake_fd, 1)

    def writer(self, name: str) -> RingWriter:
        return self._writers[name]

    def names(self, camera: str) -> list[str]:
        return [
            f.name for _, b in self.batches for f in b.facts if isinstance(f, Event) and f.camera == camera
        ]

    def wait(self, condition: Callable[[], bool], seconds: float = 5.0) -> None:
        until = time.monotonic() + seconds
        while not condition() and time.monotonic() < until:
            time.sleep(0.005)
        assert condition(), [b for _, b in self.batches][-3:]

    def stop(self) -> None:
        if self._loop is not None and self._thread is not None:
            self._loop.stop()
            self._thread.join(5)
            self._loop = None

    def close(self) -> None:
        self.stop()
        for writer in self._writers.values():
            writer.close()
        for fd in [*self._fds, self.wake_fd]:
            os.close(fd)


@pytest.fixture
def bench() -> Iterator[Bench]:
    one = Bench()
    yield one
    one.close()


def test_a_frame_s_facts_reach_the_main_process_within_a_moment(bench):
    bench.camera("a")
    bench.start()
    waits = []
    for shade in range(5):
        time.sleep(0.15)
        began = time.monotonic()
        bench.paint("a", shade)
        bench.wait(lambda shade=shade: f"frame-{shade}" in bench.names("a"))
        waits.append(time.monotonic() - began)
    assert max(waits) < 0.3, waits


def test_a_plate_does_not_wait_for_the_next_message(bench):
    bench.camera("a")
    bench.start()
    waits = []

    def told() -> list[float]:
        return [at for at, batch in bench.batches if any(isinstance(fact, PlateRead) for fact in batch.facts)]

    for count in range(5):
        bench.paint("a", 1)
        bench.wait(lambda: bench.batches[-1][1].facts != ())  # a message has just gone
        begun = time.monotonic()
        bench.paint("a", PLATE)
        bench.wait(lambda count=count: len(told()) > count)
        waits.append(told()[count] - begun)
        time.sleep(0.15)
    assert min(waits) < 0.05, waits


def test_it_sends_at_most_ten_messages_a_second_and_at_least_one(bench):
    bench.camera("a")
    bench.start()
    until, shade = time.monotonic() + 1.0, 0
    while time.monotonic() < until:
        shade = (shade + 1) % 60
        bench.paint("a", shade)
        time.sleep(0.01)
    assert 5 <= len(bench.batches) <= 13, len(bench.batches)
    quiet = len(bench.batches)
    time.sleep(2.3)
    assert 2 <= len(bench.batches) - quiet <= 4


def test_a_busy_camera_starves_nobody_and_what_it_missed_is_counted(bench):
    bench.camera("busy", slow_s=0.02)
    bench.camera("calm", slow_s=0.0)
    bench.start()
    until, painted = time.monotonic() + 1.5, 0
    calm = 0
    while time.monotonic() < until:
        bench.paint("busy", painted % 60)
        painted += 1
        if painted % 50 == 0:
            bench.paint("calm", calm)
            calm += 1
        time.sleep(0.002)
    bench.wait(lambda: len(bench.names("calm")) == calm)
    time.sleep(0.1)
    bench.stop()
    work = bench.batches[-1][1].work
    assert work["calm"].missed == 0
    assert work["busy"].missed > 100
    assert work["busy"].missed + work["busy"].analysed == painted


def test_a_reconnected_camera_begins_with_new_tracks(bench):
    bench.camera("a")
    bench.start()
    bench.writer("a").begin_session()
    bench.paint("a", 1)
    bench.wait(lambda: bench.names("a") == ["frame-1"])
    bench.writer("a").begin_session()
    bench.paint("a", 2)
    bench.wait(lambda: len(bench.names("a")) == 3)
    assert bench.names("a") == ["frame-1", "gap", "frame-2"]


def test_a_camera_that_fell_silent_ends_its_tracks_once_at_its_last_frame(bench):
    bench.camera("a")
    bench.start()
    old = bench.clock.now() - 7.0
    bench.paint("a", 1, t=old)
    bench.wait(lambda: bench.names("a") == ["frame-1", "gap"])
    time.sleep(1.2)
    assert bench.names("a") == ["frame-1", "gap"]
    gap = [fact for _, batch in bench.batches for fact in batch.facts][-1]
    assert gap.t == old


def test_the_end_of_a_clip_is_told_after_its_last_facts(bench):
    bench.camera("a")
    bench.start()
    bench.paint("a", 1)
    bench.writer("a").beat(CaptureState.ENDED)
    bench.wait(lambda: bench.batches[-1][1].over == {"a"})
    assert bench.names("a") == ["frame-1", "close"]
    time.sleep(1.2)
    bench.stop()
    assert bench.names("a") == ["frame-1", "close"]


def test_an_odd_picture_stops_neither_the_camera_nor_the_others(bench, caplog):
    bench.camera("a")
    bench.camera("b")
    bench.start()
    for shade in (1, 66, 2):
        bench.paint("a", shade)
        bench.paint("b", 1 if shade == 66 else shade)
        time.sleep(0.05)
    bench.wait(lambda: bench.names("a")[-1:] == ["frame-2"])
    bench.stop()
    assert "cannot analyse a frame" in caplog.text
    assert bench.batches[-1][1].work["a"].failed == 1
    assert bench.names("b") == ["frame-1", "frame-1", "frame-2", "close"]


def test_stopping_ends_what_is_under_way_and_tells_it(bench):
    bench.camera("a")
    bench.start()
    bench.paint("a", 1)
    bench.wait(lambda: bench.names("a") == ["frame-1"])
    bench.stop()
    assert bench.names("a") == ["frame-1", "close"]


def test_an_idle_engine_sleeps(bench):
    for name in ("a", "b", "c", "d"):
        bench.camera(name)
    bench.start()
    time.sleep(0.2)
    spent = time.process_time()
    time.sleep(2.0)
    spent = time.process_time() - spent
    assert spent < 0.05, f"{spent * 50:.1f} % of a processor"
