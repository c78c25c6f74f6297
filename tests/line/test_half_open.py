"""A line that dies without a word: how soon a box notices; and a slow line is not taken for a dead one."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sync.cursor import Pacing
from sync.mqtt import Broker, Down, Happening, Link, Subscribed, Up
from sync.payloads import TRIGGER
from sync.publisher import Publisher
from tests.broker import Mosquitto
from tests.line.proxy import FINE, HALF_OPEN, Proxy, Way, Weather
from tests.sync.fakes import FACTS, Listener, MemoryOutbox, trigger, wait_for
from tests.sync.test_delivery import BOX, running_hub


@contextmanager
def real_box(outbox: MemoryOutbox, url: str) -> Iterator[Publisher]:
    """With the product's own pacing and pauses."""
    box = Publisher(outbox, BOX, Broker.parse(url), lambda: FACTS, pacing=Pacing())
    box.start()
    try:
        wait_for(lambda: box.status().connected, why=box.status)
        yield box
    finally:
        box.stop()


def put_trigger(outbox: MemoryOutbox, key: str) -> None:
    outbox.put("trigger", TRIGGER, trigger(key).text(), expires_at=time.time() + 300)


@pytest.mark.parametrize(
    "weather",
    [HALF_OPEN, Weather(up=Way(dead=True)), Weather(down=Way(dead=True))],
    ids=["both ways", "what goes up", "what comes down"],
)
def test_a_coupon_decided_on_a_dead_line_reaches_the_centre_within_seconds(
    mosquitto: Mosquitto, tmp_path: Path, weather: Weather
) -> None:
    outbox = MemoryOutbox()
    with (
        Listener(mosquitto.url) as centre,
        running_hub(mosquitto.url, tmp_path / "hub.db"),
        Proxy(mosquitto.port) as line,
        real_box(outbox, line.url) as box,
    ):
        put_trigger(outbox, "t-1")
        box.nudge()
        wait_for(outbox.empty, why=box.status)
        line.weather = weather
        began = time.monotonic()
        put_trigger(outbox, "t-2")
        box.nudge()
        wait_for(lambda: not box.status().connected, 5, why=box.status)
        noticed = time.monotonic() - began
        line.weather = FINE  # a new connection takes another way; the old one stays dead: it is closed
        wait_for(lambda: sum(b"t-2" in said for _, said in centre.heard("/up/trigger")) > 0, why=box.status)
        arrived = time.monotonic() - began
        wait_for(outbox.empty, why=box.status)
    assert noticed < 4, noticed  # two seconds of patience and a look
    assert arrived < 7, arrived


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
