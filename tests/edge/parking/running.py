"""A box's main process without cameras: real store, web server and line to the centre."""

from __future__ import annotations

import http.client
import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from edge.centre import Centre
from edge.clock import SteadyClock
from edge.config.site import SiteConfig
from edge.demo.lot import Lot
from edge.lane_screen.board import Board
from edge.live import Live
from edge.parking.car_park import CarPark, Surroundings
from edge.serve import WebServer
from edge.store import Store
from edge.web.app import create_app

SECRET = "0123456789abcdef0123"
OFFER = {
    "kind": "minutes",
    "value": 120,
    "headline": {"en": "Two hours free"},
    "qr": "https://store.example/c",
}


def site(lot: Lot, broker: str | None, rules: list[dict[str, Any]]) -> SiteConfig:
    feeds: list[dict[str, Any]] = [
        {"id": "lot", "secret": SECRET, "lanes": {"1": "entry-1", "2": "exit-1"}},
        {"id": "cam", "secret": SECRET, "shape": "hikvision", "lane": "exit-1"},
    ]
    if broker is not None:
        feeds.append(
            {"id": "bus", "topic": "lot/events", "shape": "bolink", "lanes": {"1": "entry-1", "2": "exit-1"}}
        )
    return SiteConfig.model_validate(
        {
            "site": {"tenant": "rainbow", "store": "sz-futian", "box": "box-01", "language": "en"},
            "lanes": [{"id": "entry-1", "direction": "entry"}, {"id": "exit-1", "direction": "exit"}],
            "parking": {"feeds": feeds, "webhook": {"url": lot.url, "timeout": 1}},
            "coupons": rules,
            "sync": None if broker is None else {"url": broker},
        }
    )


RULES = [{"id": "two-hours", "when": {"direction": "exit", "minutes_parked": {"min": 60}}, "offer": OFFER}]


class Running:
    """A box's main process without cameras."""

    def __init__(self, config: SiteConfig, data: Path, parts: ExitStack) -> None:
        self.clock, self.data = SteadyClock.start(), data
        self.store = parts.enter_context(
            Store.open(
                data / "box.sqlite3", tenant="rainbow", store="sz-futian", box="box-01", clock=self.clock.now
            )
        )
        self.board = Board(config.lane_directions, self.clock.now)
        self.centre = Centre(config, self.store, data, self.clock)
        around = Surroundings(
            self.store, data, self.board, self.centre.line, self.clock, committed=self.centre.nudge
        )
        self.park = CarPark(config, around)
        live = Live([], self.clock.now())
        app = create_app(
            config,
            self.store.path,
            live,
            clock=self.clock.now,
            board=self.board,
            car_park=self.park,
            pages=False,
        )
        self.web = parts.enter_context(WebServer(app, "127.0.0.1", 0))
        self.centre.car_park = self.park
        self.centre.start()
        parts.callback(self.centre.stop)
        self.park.start()
        parts.callback(self.park.stop)
        stop = threading.Event()
        ticking = threading.Thread(target=self._tick, args=(stop,))
        ticking.start()
        parts.callback(ticking.join)
        parts.callback(stop.set)

    def _tick(self, stop: threading.Event) -> None:
        while not stop.wait(0.05):
            self.park.tick()

    @property
    def feed(self) -> str:
        return f"http://127.0.0.1:{self.web.port}/api/v1/parking/lot"

    def post(self, body: bytes, path: str = "/api/v1/parking/lot", **headers: str) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.web.port, timeout=10)
        given = {"authorization": f"Bearer {SECRET}"} | {k.replace("_", "-"): v for k, v in headers.items()}
        connection.request("POST", path, body, {k: v for k, v in given.items() if v})
        response = connection.getresponse()
        found = response.status, json.loads(response.read())
        connection.close()
        return found

    def get(self, path: str) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.web.port, timeout=10)
        connection.request("GET", path)
        response = connection.getresponse()
        found = response.status, json.loads(response.read())
        connection.close()
        return found

    def told(self) -> list[tuple[str, str]]:
        with sqlite3.connect(f"file:{self.store.path}?mode=ro", uri=True) as connection:
            return connection.execute("SELECT rule, told FROM coupon_trigger ORDER BY t").fetchall()


@contextmanager
def running(
    data: Path, lot: Lot, broker: str | None = None, rules: list[dict[str, Any]] | None = None
) -> Iterator[Running]:
    with ExitStack() as parts:
        box = Running(site(lot, broker, RULES if rules is None else rules), data, parts)
        lot.connect(box.feed, SECRET)
        yield box


def until(true: Callable[[], Any], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)
