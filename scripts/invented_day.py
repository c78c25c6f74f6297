"""An invented Saturday in a department store, for pictures of the page: made second by second, counted by the
same windows and patrol as a real one."""

from __future__ import annotations

import math
import random
import tempfile
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Final

import uvicorn

from edge.config import SiteConfig
from edge.live import Live
from edge.store import Store
from edge.web.app import create_app
from pipelines.patrol import Patrol, PatrolRules
from pipelines.records import (
    Crossing,
    Event,
    Fact,
    Party,
    Pass,
    Pulse,
    QueuePulse,
    StaffCount,
    VehiclePassage,
    Visit,
    Wait,
    ZonePulse,
)
from pipelines.windows import Minutes

FLOOR: Final = {
    "image": [[0.08, 0.95], [0.92, 0.95], [0.72, 0.3], [0.28, 0.3]],
    "metres": [[0, 0], [9, 0], [9, 8], [0, 8]],
}
SITE: Final = SiteConfig.model_validate(
    {
        "site": {
            "tenant": "rainbow", "store": "sz-futian", "box": "box-01", "timezone": "Asia/Shanghai",
            "opening_hours": {"mon-sun": "10:00-22:00"}, "language": "zh-CN",
        },
        "cameras": [
            {
                "id": "entrance", "source": "usb:0",
                "gates": [
                    {"id": "main-door", "line": [[0.5, 0.0], [0.5, 1.0]], "inside": "right"},
                    {"id": "metro-door", "line": [[0.2, 0.0], [0.2, 1.0]], "inside": "right"},
                ],
            },
            {
                "id": "cosmetics", "source": "usb:1", "floor": FLOOR,
                "zones": [
                    {"id": "lancome", "role": "counter", "min_stay": 3, "staff": "behind", "queue": "line",
                     "passby": "aisle", "polygon": [[0.24, 0.62], [0.46, 0.62], [0.46, 0.78], [0.24, 0.78]]},
                    {"id": "behind", "role": "staff",
                     "polygon": [[0.29, 0.5], [0.46, 0.5], [0.46, 0.6], [0.26, 0.6]]},
                    {"id": "line", "role": "queue", "service": "till",
                     "polygon": [[0.56, 0.55], [0.64, 0.55], [0.68, 0.78], [0.58, 0.78]]},
                    {"id": "till", "role": "service",
                     "polygon": [[0.55, 0.44], [0.62, 0.44], [0.64, 0.53], [0.56, 0.53]]},
                    {"id": "aisle", "role": "passby",
                     "polygon": [[0.1, 0.82], [0.9, 0.82], [0.92, 0.94], [0.08, 0.94]]},
                ],
            },
            {"id": "car-park", "source": "usb:2"},
        ],
        "areas": [{"id": "ground-floor", "capacity": 500,
                   "gates": ["entrance/main-door", "entrance/metro-door"]}],
        "lanes": [{"id": "exit-1", "direction": "exit", "camera": "car-park", "heading": "down"}],
    }
)  # fmt: skip
NOW: Final = datetime(2026, 9, 19, 17, 42, 31, tzinfo=SITE.site.zone).timestamp()
OPENED: Final = datetime(2026, 9, 19, 10, tzinfo=SITE.site.zone).timestamp()
WEEK: Final = 7 * 86_400
BLIND: Final = (13.0, 13.4)
"""Local hours in which the entrance camera gave no picture."""
ALONE: Final = ((10.0, 10.4), (12.7, 12.85), (15.5, 15.57), (17.66, 18.0))
"""And those in which nobody stood behind the counter."""
HOT: Final = (
    (0.35, 3.0, 4.0, 0.9, 0.5), (0.22, 6.1, 3.4, 0.35, 0.9), (0.10, 5.8, 5.7, 0.35, 0.3),
    (0.08, 3.2, 5.4, 0.9, 0.25), (0.25, 4.5, 1.0, 2.6, 0.45),
)  # fmt: skip
"""Where people are: how many of them, the place in metres and its spread both ways."""
PATIENCE_S: Final = 260.0


def busyness(hour: float) -> float:
    """How full a Saturday is: a noon peak and a larger one in the afternoon."""
    return 0.25 + math.exp(-((hour - 12.3) ** 2) / 1.6) + 1.5 * math.exp(-((hour - 16.4) ** 2) / 5)


@dataclass(slots=True)
class Till:
    """A queue before one till: people come by chance, wait and are served, or lose patience."""

    pick: random.Random
    waiting: deque[float] = field(default_factory=deque)
    served_until: float = 0.0

    def second(self, t: float, hour: float) -> list[Fact]:
        """What happens in one second."""
        facts: list[Fact] = []
        if self.pick.random() < 0.0095 * busyness(hour):
            if len(self.waiting) >= 5 and self.pick.random() < 0.4:
                facts.append(Wait("cosmetics", "line", t, t, "balked", False, self.pick.randrange(10**6)))
            else:
                self.waiting.append(t)
        if self.waiting and t >= self.served_until:
            began = self.waiting.popleft()
            self.served_until = t + self.pick.expovariate(1 / 48) + 12
            if t - began >= 5:
                facts.append(Wait("cosmetics", "line", began, t, "served", False, self.pick.randrange(10**6)))
        while self.waiting and t - self.waiting[0] > PATIENCE_S:
            began = self.waiting.popleft()
            facts.append(Wait("cosmetics", "line", began, t, "abandoned", True, self.pick.randrange(10**6)))
        return facts

    def pulse(self) -> QueuePulse:
        """The queue in this second."""
        length = len(self.waiting)
        return QueuePulse(length, length, float(length), 62.0 * length)


@dataclass(slots=True)
class Day:
    """One invented day up to some hour."""

    pick: random.Random
    till: Till
    full: float
    indoors: int = 0

    def second(self, t: float, hour: float) -> list[Fact]:
        """What happens in one second."""
        return [
            *self._doors(t, hour),
            *self._counter(t, hour),
            *self.till.second(t, hour),
            *self._cars(t, hour),
        ]

    def _doors(self, t: float, hour: float) -> list[Fact]:
        facts: list[Fact] = []
        pick = self.pick
        for gate, share in (("main-door", 0.055), ("metro-door", 0.028)):
            if pick.random() < share * busyness(hour) * self.full:
                size = pick.choices((1, 2, 3, 4), (62, 28, 7, 3))[0] if pick.random() < 0.7 else 1
                facts += [Crossing("entrance", gate, "in", t, pick.randrange(10**6)) for _ in range(size)]
                facts.append(Party("entrance", gate, t, size))
                self.indoors += size
                if pick.random() < 0.012:
                    facts.append(Crossing("entrance", gate, "out", t, pick.randrange(10**6), u_turn=True))
                    self.indoors -= 1
                if pick.random() < 0.02:
                    facts.append(StaffCount("entrance", "gate", gate, t, entries=1))
        if pick.random() < self.indoors / 2600:
            gate = "main-door" if pick.random() < 0.66 else "metro-door"
            facts.append(Crossing("entrance", gate, "out", t, pick.randrange(10**6), pick.random() < 0.03))
            self.indoors -= 1
        return [] if BLIND[0] <= hour < BLIND[1] else facts

    def _counter(self, t: float, hour: float) -> list[Fact]:
        facts: list[Fact] = []
        pick = self.pick
        if pick.random() < 0.018 * busyness(hour) * self.full:
            stay = min(3500.0, pick.lognormvariate(math.log(55), 1.0))
            seen = pick.random() < 0.93
            facts.append(
                Visit("cosmetics", "lancome", t - stay, t, not seen, "left" if seen else "lost", "customer",
                      pick.randrange(10**6)) if stay >= 3 else Pass("cosmetics", "lancome", t, stay)
            )  # fmt: skip
        if pick.random() < 0.11 * busyness(hour) * self.full:
            facts.append(Pass("cosmetics", "aisle", t, 1.6))
        return facts

    def _cars(self, t: float, hour: float) -> list[Fact]:
        comes = self.pick.random() < 0.006 * busyness(hour) * self.full
        return [VehiclePassage("exit-1", "down", t, self.pick.randrange(10**6), "car-park")] if comes else []

    def pulses(self, t: float, hour: float) -> list[Pulse]:
        """What the cameras tell of this second."""
        people = max(1, round(3.2 * busyness(hour)))
        at_counter, alone = max(0, people - 2), any(begin <= hour < end for begin, end in ALONE)
        zones = {
            "lancome": ZonePulse(at_counter, at_counter, float(at_counter)),
            "behind": ZonePulse(0 if alone else 1, 1, 0.0 if alone else 1.0),
        }
        heat: dict[tuple[int, int], float] = {}
        for _ in range(people):
            _, x, y, across, along = self.pick.choices(HOT, [each[0] for each in HOT])[0]
            at_x, at_y = self.pick.gauss(x, across), self.pick.gauss(y, along)
            cell = (int(min(8.9, max(0.1, at_x)) // 0.5), int(min(7.9, max(0.1, at_y)) // 0.5))
            heat[cell] = heat.get(cell, 0.0) + 1.0
        queues = {"line": self.till.pulse()}
        looks = () if BLIND[0] <= hour < BLIND[1] else (_plain("entrance", t, people),)
        return [
            *looks,
            Pulse("cosmetics", t, 1.0, 10, people, people + 1, float(people), zones, queues, heat=heat),
            _plain("car-park", t, 0),
        ]


def _plain(camera: str, t: float, people: int) -> Pulse:
    return Pulse(camera, t, 1.0, 10, people, people, float(people), {})


def invent(store: Store, begin: float, end: float, full: float) -> list[Pulse]:
    """Fill the store with an invented stretch of a day; the last pulses."""
    layouts = [SITE.layout(camera.id) for camera in SITE.cameras]
    pick = random.Random(7)
    minutes = Minutes(layouts, sealed_before=begin, areas=SITE.drawn_areas)
    patrol = Patrol(layouts, SITE.site.store_hours.span, PatrolRules())
    day, pulses = Day(pick, Till(pick), full), list[Pulse]()
    for second in range(int(end - begin)):
        t, hour = begin + second + 0.5, 10 + second / 3600
        pulses = day.pulses(t, hour)
        facts: list[Fact] = [*day.second(t, hour), *pulses]
        facts += [told for pulse in pulses for told in patrol.see(pulse)]
        for fact in facts:
            minutes.add(fact)
        store.add_records(
            [f for f in facts if isinstance(f, Crossing | Visit | Wait | VehiclePassage | Event)]
        )
        for start, windows in minutes.seal(t) if second % 10 == 9 else ():
            store.commit_minute(start, windows)
    return pulses


@contextmanager
def invented_day() -> Iterator[str]:
    """The address of the page of a box on an invented Saturday."""
    with tempfile.TemporaryDirectory() as folder:
        path, site = Path(folder) / "edge.db", SITE.site
        with Store.open(path, tenant=site.tenant, store=site.store, box=site.box, clock=lambda: NOW) as store:
            store._connection.execute("PRAGMA synchronous = OFF")
            invent(store, OPENED - WEEK, NOW - WEEK, 0.9)
            store.add_records(
                [Event("camera_offline", OPENED + 3 * 3600, "entrance"),
                 Event("camera_back", OPENED + 3.4 * 3600, "entrance", detail={"silent_s": 1440.0})]
            )  # fmt: skip
            pulses = invent(store, OPENED, NOW, 1.0)
            store.acknowledge("data", store.epoch, store.stream_state("data").last_seq)
            live = Live([camera.id for camera in SITE.cameras], OPENED)
            live.engine(True, OPENED)
            live.sync(True, OPENED)
            for age in range(12, -1, -1):
                for pulse in pulses:
                    queues = {"line": QueuePulse(4, 4, 4.0, 190.0)} if pulse.queues else {}
                    live.pulse(replace(pulse, t=NOW - age, queues=queues, heat={}))
            app = create_app(SITE, path, live, clock=lambda: NOW)
            server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning"))
            thread = threading.Thread(target=server.run, daemon=True)
            thread.start()
            while not server.started:
                time.sleep(0.05)
            yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
            server.should_exit = True
            thread.join(10)
