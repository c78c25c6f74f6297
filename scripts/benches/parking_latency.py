"""How soon a coupon is at the broker and on the lane's screen: a whole box in its own processes, with broker,
hub and parking system beside it on the same machine (the demo's car park).

By camera the time runs from the plate's last frame, which settled its read, as the box timed its capture. By
feed it runs from the moment before the parking system's request. `broker`: until a subscriber at the broker
has the trigger, which is after the broker took it. `display`: until a display of the lane has the words.
`browser`: until a frame of the real Chromium could be painted with them.
"""

from __future__ import annotations

import http.client
import json
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any, Final
from urllib.parse import urlsplit

import numpy as np
from playwright.sync_api import Page, sync_playwright

from edge.demo.books import reading
from edge.demo.car_park import CarPark
from edge.demo.cars import plates
from edge.demo.lane_footage import DRIVE_S, EVERY_S
from edge.run import DATABASE
from scripts.benches.machine import UnmeasurableError
from sync.mqtt import Arrived, Broker, Link, Subscribed, Up

TARGET_MS: Final = 300
"""From the plate's last frame to the words on the lane's screen, for 99 of 100 cars."""
FEED_CARS: Final = 100
FEED_EVERY_S: Final = 0.25
CAMERA_CARS: Final = 20
STAY_S: Final = 7200
OTHER_SEED: Final = 7
"""Cars that are not the demo's."""
_NOTE: Final = """
window.seen = [];
new MutationObserver(() => {
  const decided = document.body.dataset.decidedAt;
  if (decided === undefined) return;
  requestAnimationFrame(() => requestAnimationFrame(() => {
    window.seen.push([decided, (performance.timeOrigin + performance.now()) / 1000]);
  }));
}).observe(document.body, { attributes: true, attributeFilter: ["data-decided-at"] });
"""
"""Notes each decision with the time (UTC seconds) of the frame after the one that may hold it."""


def measure() -> dict[str, Any]:
    """Milliseconds by feed and by camera. Raises UnmeasurableError."""
    if shutil.which("chromium") is None:
        raise UnmeasurableError("no Chromium: apt-get install chromium")
    with (
        tempfile.TemporaryDirectory(prefix="storeedge-bench-") as folder,
        CarPark.start(Path(folder), _quiet, films=CAMERA_CARS) as park,
        Subscriber(park.broker) as subscriber,
        _browser() as open_page,
    ):
        pages = {lane: open_page(f"{park.page}/lane/{lane}") for lane in park.displays}
        by_camera = _by_camera(park, pages.get("exit-2"), subscriber)
        by_feed = _by_feed(park, pages["exit-1"], subscriber)
    return {"target_p99_ms": TARGET_MS, "by_camera": by_camera, "by_feed": by_feed}


# -- by the lane's camera ------------------------------------------------------------------------------


def _by_camera(park: CarPark, page: Page | None, subscriber: Subscriber) -> dict[str, Any] | None:
    """None where plates cannot be read here."""
    if page is None:
        return None
    load = os.getloadavg()[0]
    for plate in park.filmed:
        park.lot.drive_in(plate, "1", ago_s=STAY_S)
    until = time.monotonic() + EVERY_S * CAMERA_CARS + 2 * DRIVE_S + 30
    while len(rows := _decisions(park, "exit-2")) < CAMERA_CARS and time.monotonic() < until:
        park.check()
        page.wait_for_timeout(200)
    page.wait_for_timeout(1000)
    sayings = park.displays["exit-2"].sayings
    told = {one.decided_at: one.heard_at for one in reversed(sayings) if one.decided_at is not None}
    return {
        "cars": CAMERA_CARS, "read": len(rows),
        "decided": _figures([_next(told, t) - t for _, t in rows if _next(told, t)]),
        "broker": _figures([subscriber.at[key] - t for key, t in rows if key in subscriber.at]),
        "display": _figures([told[_next(told, t)] - t for _, t in rows if _next(told, t)]),
        "browser": _figures(_painted(page, [(_next(told, t), t) for _, t in rows])),
        "load": [round(load, 1), round(os.getloadavg()[0], 1)],
    }  # fmt: skip


def _decisions(park: CarPark, lane: str) -> list[tuple[str, float]]:
    """Key of each coupon, and the time of the frame that it came from."""
    with reading(park.folder / DATABASE) as db:
        query = 'SELECT "key", t FROM coupon_trigger WHERE lane = ? AND reason IS NULL ORDER BY t'
        return [(key, t) for key, t in db.execute(query, (lane,))]


def _next(decided: Mapping[float, float], t: float) -> float:
    """The first decision at or after `t`; 0: none within the time that a car takes."""
    return min((one for one in decided if t <= one + 0.001 < t + DRIVE_S), default=0.0)


# -- by the parking system's feed ----------------------------------------------------------------------


def _by_feed(park: CarPark, page: Page, subscriber: Subscriber) -> dict[str, Any]:
    load, seconds = os.getloadavg()[0], []
    asked: list[tuple[str, float, float]] = []
    cars = plates(OTHER_SEED)
    display = park.displays["exit-1"]
    box = urlsplit(park.page)
    connection = http.client.HTTPConnection(box.hostname or "", box.port, timeout=10)
    headers = {"authorization": f"Bearer {park.secret}", "content-type": "application/json"}
    for _ in range(FEED_CARS):
        event = {"event": "exit", "lane": "2", "plate": next(cars), "parked_seconds": STAY_S}
        began = time.time()
        connection.request("POST", "/api/v1/parking/lot", json.dumps(event), headers)
        answer = json.loads(connection.getresponse().read())["results"][0]
        seconds.append(time.time() - began)
        if answer["result"] != "issued":
            raise UnmeasurableError(f"the box answers {answer['result']} where it should issue a coupon")
        said = display.wait(lambda one: one.says is not None, began, 5)
        if said is None or said.decided_at is None:
            raise UnmeasurableError("the lane's screen does not say the coupon")
        asked.append((answer["coupon"]["request_no"], began, said.decided_at))
        page.wait_for_timeout(1000 * FEED_EVERY_S)
    connection.close()
    page.wait_for_timeout(1000)
    told = {one.decided_at: one.heard_at for one in reversed(display.sayings) if one.decided_at is not None}
    return {
        "cars": FEED_CARS,
        "answered": _figures(seconds),
        "broker": _figures([subscriber.at[key] - began for key, began, _ in asked if key in subscriber.at]),
        "display": _figures([told[decided] - began for _, began, decided in asked]),
        "browser": _figures(_painted(page, [(decided, began) for _, began, decided in asked])),
        "load": [round(load, 1), round(os.getloadavg()[0], 1)],
    }


# -- who looks -----------------------------------------------------------------------------------------


class Subscriber:
    """Hears the triggers at the broker and notes when."""

    def __init__(self, broker: str) -> None:
        self.at: dict[str, float] = {}
        """UTC seconds by the trigger's key."""
        self._link = Link(Broker.parse(broker), "bench")
        self._ready, self._done = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Subscriber:
        self._thread.start()
        if not self._ready.wait(20):
            raise UnmeasurableError("the broker does not answer")
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._link.wake()
        self._thread.join(10)

    def _run(self) -> None:
        while not self._done.is_set():
            for happening in self._link.poll(0.5):
                match happening:
                    case Up():
                        self._link.subscribe(["storeedge/1/+/+/+/up/trigger"])
                    case Subscribed():
                        self._ready.set()
                    case Arrived(_, payload, receipt):
                        self.at.setdefault(json.loads(payload)["body"]["key"], time.time())
                        self._link.confirm(receipt)
        self._link.close()


@contextmanager
def _browser() -> Iterator[Callable[[str], Page]]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])

        def open_page(address: str) -> Page:
            # A window of its own: a page behind another paints nothing.
            page = browser.new_context(viewport={"width": 1280, "height": 720}).new_page()
            page.goto(address)
            page.evaluate(_NOTE)
            return page

        yield open_page
        browser.close()


def _painted(page: Page, begun: Sequence[tuple[float, float]]) -> list[float]:
    """Seconds from each begin until the page could show its decision. begun: (decided_at, begin)."""
    seen: dict[float, float] = {}
    for decided, at in page.evaluate("window.seen"):
        seen.setdefault(float(decided), at)
    return [seen[decided] - began for decided, began in begun if decided in seen]


def _figures(seconds: Sequence[float]) -> dict[str, float] | None:
    """Milliseconds: median, 99th percentile, and the worst."""
    if not seconds:
        return None
    ms = [1000 * one for one in seconds]
    return {
        "n": len(ms), "p50_ms": round(median(ms), 1), "p99_ms": round(float(np.percentile(ms, 99)), 1),
        "max_ms": round(max(ms), 1),
    }  # fmt: skip


def _quiet(_text: str) -> None:
    return
