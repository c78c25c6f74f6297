"""The parking demo's parts: broker, hub, a line that can be cut, a parking system, displays, and the box."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import yaml

from edge.demo.books import reading
from edge.demo.cars import Cars
from edge.demo.head_office import listed_in, prepare_hub
from edge.demo.lane_display import LaneDisplay
from edge.demo.lane_footage import write_lane_clip
from edge.demo.line import Line
from edge.demo.lot import Lot
from edge.demo.part import STOREEDGE, Part, free_port, listens
from edge.demo.show import READY_S, Say, start_broker
from edge.demo.site import local_zone
from edge.errors import EdgeError
from edge.run import DATABASE
from models.errors import ModelsError
from models.manifest import DEFAULT, card
from models.pull import pull

LANES: Final = ("entry-1", "exit-1", "exit-2")
BARRIER_S: Final = 5.0
"""The demo's barrier waits longer for the box than a real one: a busy machine shall not spoil the books."""
FILMED: Final = 3
"""Cars in the clip of the lane with a camera: a guest, a member, a guest."""
EMPTY_S: Final = 9.0
"""Before its first car: by then the box has the centre's rules."""
DOCUMENTS: Final = frozenset({"coupons", "members-demo", "offers", "member-keys"})
"""What the box must have of the centre before a car comes."""


@dataclass(slots=True)
class CarPark:
    """Everything that runs, in one folder. Use it in a `with` block: leaving it ends every part."""

    folder: Path
    say: Say
    broker: str
    """The address of the broker itself, at the far end of the line."""
    page: str
    """The box's address."""
    lot: Lot
    line: Line
    hub: Part
    box: Part
    secret: str
    """Of the parking system's feed."""
    displays: dict[str, LaneDisplay]
    cars: Cars
    filmed: list[str] = field(default_factory=list)
    """Plates of the cars in the clip; empty where plates cannot be read here."""

    @classmethod
    @contextmanager
    def start(
        cls, folder: Path, say: Say, *, wanted_port: int = 0, loop: bool = False, films: int = FILMED
    ) -> Iterator[Self]:
        """Everything, until the box has what the centre has to tell. wanted_port: of the page; 0: any. loop:
        the camera's cars come again and again. films: how many they are. Raises EdgeError, ModelsError or
        SyncError."""
        pull(card(DEFAULT), lambda text: None if "already" in text else say(text))
        cars = Cars()
        filmed = _film(folder, cars, films, say)
        with ExitStack() as parts:
            broker = start_broker(folder, parts, say)
            say(f"head office imports {len(cars.members):,} members, sets offers and coupon rules")
            centre_key = prepare_hub(folder / "hub.sqlite3", cars.members)
            hub = _start_hub(folder, broker, parts)
            line = parts.enter_context(Line(urlsplit(broker).port or 0))
            lot = parts.enter_context(Lot(patience_s=BARRIER_S))
            port = free_port(wanted_port)
            near_end = broker.replace(f":{urlsplit(broker).port}", f":{line.port}")
            site = _site(lot, near_end, centre_key)
            secret = site["parking"]["feeds"][0]["secret"]
            if filmed:
                site["cameras"][0]["source"] = f"file:{folder / 'lane.avi'}?loop={int(loop)}"
            else:
                site["cameras"], site["lanes"] = [], site["lanes"][:2]
            (folder / "site.yaml").write_text(
                yaml.safe_dump(site, sort_keys=False, allow_unicode=True), "utf-8"
            )
            page = f"http://127.0.0.1:{port}"
            box = _start_box(folder, port, parts)
            lot.connect(f"{page}/api/v1/parking/lot", secret)
            lanes = [lane["id"] for lane in site["lanes"]]
            displays = {lane: _start_display(page, lane, parts) for lane in lanes}
            running = cls(folder, say, broker, page, lot, line, hub, box, secret, displays, cars, filmed)
            box.wait_until(lambda: running.documents() >= DOCUMENTS, READY_S)
            for display in displays.values():
                box.wait_until(display.live.is_set, READY_S)
            say("the box has them: keys sealed for it alone, a list of tokens, offers, rules")
            yield running

    def documents(self) -> set[str]:
        """What the box holds of the centre."""
        with reading(self.folder / DATABASE) as db:
            return {name for (name,) in db.execute("SELECT name FROM document")}

    def check(self) -> None:
        """Raise EdgeError when a part has ended by itself."""
        self.box.check()
        self.hub.check()


def _film(folder: Path, cars: Cars, films: int, say: Say) -> list[str]:
    """Cars for the lane with a camera, as a clip of our own drawing; none where that cannot be."""
    plates = [cars.member() if number % 3 == 1 else cars.guest() for number in range(films)]
    try:
        for name in ("plate-detector", "plate-recogniser", "text-recogniser"):
            pull(card(name), lambda text: None if "already" in text else say(text))
        write_lane_clip(folder / "lane.avi", plates, empty_s=EMPTY_S)
    except (EdgeError, ModelsError) as error:
        say(f"no lane with a camera, only the parking system's: {error}")
        return []
    return plates


def _start_hub(folder: Path, broker: str, parts: ExitStack) -> Part:
    database = ("--db", str(folder / "hub.sqlite3"), "--timezone", local_zone())
    hub = Part("hub", (*STOREEDGE, "hub", "run", "--broker", broker, *database), folder / "hub.log")
    parts.callback(hub.stop)
    hub.wait_until(lambda: "hub ready" in hub.words(), READY_S)
    return hub


def _start_box(folder: Path, port: int, parts: ExitStack) -> Part:
    where = ("--site", str(folder / "site.yaml"), "--data", str(folder), "--host", "127.0.0.1")
    box = Part("box", (*STOREEDGE, "run", *where, "--port", str(port)), folder / "box.log")
    parts.callback(box.stop)
    box.wait_until(lambda: listens(port), READY_S)
    return box


def _start_display(page: str, lane: str, parts: ExitStack) -> LaneDisplay:
    display = LaneDisplay(page, lane)
    display.start()
    parts.callback(display.stop)
    return display


def _site(lot: Lot, broker: str, centre_key: str) -> dict[str, Any]:
    """The site file, without its clip."""
    site: dict[str, Any] = listed_in("parking_site.yaml")
    zone = local_zone()
    site["site"] |= {
        "timezone": zone,
        "opening_hours": {"mon-sun": f"{datetime.now(ZoneInfo(zone)).hour:02}:00-24:00"},
        "language": "zh-CN" if os.environ.get("LANG", "").startswith("zh") else "en",
    }
    site["parking"]["feeds"][0]["secret"] = secrets.token_urlsafe(24)
    site["parking"]["webhook"]["url"] = lot.url
    site["sync"] = {"url": broker, "centre_keys": [centre_key]}
    return site
