"""What the main process keeps of this moment."""

from __future__ import annotations

import pytest

from edge.live import Live
from pipelines.records import Pulse


def pulse(t: float, frames: int = 10, persons: int = 2) -> Pulse:
    return Pulse("cam-1", t, 1.0, frames, persons, persons, float(persons), {})


def test_a_camera_is_starting_until_it_gives_a_frame() -> None:
    live = Live(["cam-1"], now=100.0)
    live.pulse(pulse(101.0, frames=0))
    assert live.snapshot().cameras["cam-1"].state == "starting"
    live.pulse(pulse(102.0))
    camera = live.snapshot().cameras["cam-1"]
    assert (camera.state, camera.since, camera.last_frame_at) == ("online", 102.0, 102.0)


def test_being_told_the_same_state_again_keeps_its_beginning() -> None:
    live = Live(["cam-1"], now=100.0)
    live.camera("cam-1", "offline", 110.0, "no answer")
    live.camera("cam-1", "offline", 120.0, "still no answer")
    camera = live.snapshot().cameras["cam-1"]
    assert (camera.since, camera.reason) == (110.0, "still no answer")


def test_the_frame_rate_is_that_of_the_last_seconds() -> None:
    live = Live(["cam-1"], now=0.0)
    for second in range(60):
        live.pulse(pulse(float(second), frames=10 if second < 30 else 5))
    assert live.snapshot().cameras["cam-1"].fps == pytest.approx(5.0)
    assert live.snapshot().cameras["cam-1"].frames == 450


def test_people_of_a_camera_that_fell_silent_are_not_told() -> None:
    live = Live(["cam-1"], now=0.0)
    live.pulse(pulse(10.0, persons=3))
    camera = live.snapshot().cameras["cam-1"]
    assert camera.persons_now(12.0, 5.0) == 3
    assert camera.persons_now(16.0, 5.0) is None
    live.camera("cam-1", "offline", 12.0)
    assert live.snapshot().cameras["cam-1"].persons_now(12.0, 5.0) is None


def test_a_snapshot_does_not_change_afterwards() -> None:
    live = Live(["cam-1"], now=0.0)
    before = live.snapshot()
    live.pulse(pulse(1.0))
    live.sync(True, 2.0)
    assert before.cameras["cam-1"].state == "starting"
    assert not before.sync.configured
