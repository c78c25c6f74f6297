"""A line that dies without a word: how soon a box notices; and a slow line is not taken for a dead one."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from sync.mqtt import Broker, Down, Happening, Link, Subscribed, Up
from tests.broker import Mosquitto
from tests.line.dead_line import late, real_box
from tests.line.proxy import HALF_OPEN, Proxy, Way, Weather
from tests.sync.fakes import MemoryOutbox, wait_for
from tests.sync.test_delivery import running_hub


@pytest.mark.parametrize(
    "weather",
    [HALF_OPEN, Weather(up=Way(dead=True)), Weather(down=Way(dead=True))],
    ids=["both ways", "what goes up", "what comes down"],
)
def test_a_coupon_decided_on_a_dead_line_reaches_the_centre_within_seconds(
    mosquitto: Mosquitto, weather: Weather
) -> None:
    """Without the watch for signs of life the box's patience of 8 to 12 s would have to run out first."""
    took = late(mosquitto, weather)
    assert took.noticed_s < 5, took  # two seconds, and a look
    assert took.arrived_s < 7.5, took


def test_a_line_that_is_only_slow_is_not_given_up(mosquitto: Mosquitto, tmp_path: Path) -> None:
    """Six kilobytes a second, and half a second each way: a bad 2G modem."""
    outbox = MemoryOutbox()
    with (
        running_hub(mosquitto.url, tmp_path / "hub.db"),
        Proxy(mosquitto.port) as line,
        real_box(outbox, line.url) as box,
    ):
        line.weather = Weather(Way(delay_s=0.5, bytes_per_s=6_000), Way(delay_s=0.5, bytes_per_s=6_000))
        outbox.put_minutes(20)
        box.nudge()
        wait_for(outbox.empty, 20, why=box.status)
        assert line.accepted == 1


def test_an_idle_connection_is_given_up_when_no_ping_is_answered(
    mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sync.answers.IDLE_S", 1.0)  # 35 s, of which the test waits none
    with Proxy(mosquitto.port) as line:
        link = Link(Broker.parse(line.url), "idle")
        seen: list[Happening] = []
        until = time.monotonic() + 10
        while not any(isinstance(item, Down) for item in seen):
            assert time.monotonic() < until
            seen += link.poll(0.1)
            if any(isinstance(item, Up) for item in seen):
                line.weather = HALF_OPEN
        link.close()
    assert [type(item) for item in seen] == [Up, Down]
    assert "no sign of life" in seen[1].reason  # type: ignore[union-attr]


def test_a_broker_that_hangs_is_left_and_found_again(mosquitto: Mosquitto) -> None:
    """Stopped like a machine that swaps: its kernel still takes our bytes, and new connections too."""
    link = Link(Broker.parse(mosquitto.url), "patient")
    seen: list[object] = []

    def until(kind: type, seconds: float) -> float:
        began = time.monotonic()
        seen.clear()
        while not any(isinstance(item, kind) for item in seen):
            assert time.monotonic() - began < seconds, seen
            seen.extend(link.poll(0.2))
        return time.monotonic() - began

    until(Up, 5)
    os.kill(mosquitto.pid, signal.SIGSTOP)
    try:
        link.subscribe(["a"])
        assert until(Down, 5) < 3.5
        thawing = threading.Timer(2.0, os.kill, (mosquitto.pid, signal.SIGCONT))
        thawing.start()
    finally:
        thawing.join()
    until(Up, 10)
    link.subscribe(["a"])
    until(Subscribed, 5)
    link.close()
