"""A box, a broker and a hub, real ones, through a random storm: cuts, dead and slow lines, kills and freezes
of broker and hub, a broker that forgets. Then fine weather, and the count: nothing lost or counted twice.

`python -m tests.line.storm --seconds 60 --seed 1` tells the outcome as JSON; exit code 1 when rows miss.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Final

from sync.hub.totals import totals
from sync.mqtt import Broker
from sync.payloads import TRIGGER
from sync.publisher import Publisher
from sync.topics import BoxIdentity
from tests.broker import Mosquitto
from tests.line.hub_process import start_hub
from tests.line.proxy import FINE, HALF_OPEN, Proxy, Way, Weather
from tests.sync.fakes import BACKOFF, FACTS, QUICK, MemoryOutbox, trigger

BOX: Final = BoxIdentity("rainbow", "sz-futian", "box-01")
FORGETFUL: Final = (
    "allow_anonymous true\nset_tcp_nodelay true\nmax_queued_messages 5\nmax_inflight_messages 5\n"
)
"""No persistence, and all above five messages that wait for the hub are dropped without a word."""
CLEARING_S: Final = 60.0
"""So long after the storm everything must have arrived."""
FAULTS: Final = (
    *("weather",) * 3, "cut", "reset", "reset in a packet", "broker killed", "hub killed", "broker frozen",
    "hub frozen",
)  # fmt: skip
WEATHERS: Final[tuple[Weather, ...]] = (
    HALF_OPEN,
    Weather(up=Way(dead=True)),
    Weather(down=Way(dead=True)),
    Weather(Way(delay_s=0.2), Way(delay_s=0.2)),
    Weather(Way(bytes_per_s=20_000), Way(bytes_per_s=20_000)),
    Weather(Way(piece=1), Way(piece=1)),
    Weather(Way(piece=7), Way(piece=3)),
    Weather(door="refuse"),
    Weather(door="hang"),
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a storm."""

    made: int
    """Minutes and triggers that the box wrote down."""
    arrived: int
    lost: int
    doubled: int
    """Crossings in the hub's sums above what was made."""
    left_on_the_box: int
    set_aside: int
    given_up: int
    faults: dict[str, int]
    seed: int = 0
    seconds: float = 0.0
    protocol: str = "5"
    cleared_s: float = 0.0
    """From the end of the storm until the last acknowledgement."""

    @property
    def whole(self) -> bool:
        """Everything exactly once."""
        faults = (self.lost, self.doubled, self.left_on_the_box, self.set_aside, self.given_up)
        return not any(faults) and self.arrived == self.made


@dataclass
class _Storm:
    """What is there to break."""

    rng: random.Random
    broker: Mosquitto
    box_line: Proxy
    hub_line: Proxy
    db: Path
    outbox: MemoryOutbox
    hub: subprocess.Popen[bytes]
    triggers: int = 0
    faults: Counter[str] = field(default_factory=Counter)

    def step(self) -> None:
        """Write something down, then break something."""
        self.write()
        name = self.rng.choice(FAULTS)
        self.faults[name] += 1
        line = self.rng.choice((self.box_line, self.hub_line))
        what: dict[str, Callable[[], object]] = {
            "weather": lambda: setattr(line, "weather", self.rng.choice(WEATHERS)),
            "cut": line.cut,
            "reset": line.reset,
            "reset in a packet": lambda: line.reset_after(
                self.rng.randrange(1, 2_000), self.rng.choice(("up", "down"))
            ),
            "broker killed": self._kill_broker,
            "hub killed": self._kill_hub,
            "broker frozen": lambda: self._freeze(self.broker.pid),
            "hub frozen": lambda: self._freeze(self.hub.pid),
        }
        what[name]()

    def write(self) -> None:
        """Some minutes, sometimes a coupon."""
        self.outbox.put_minutes(self.rng.randrange(1, 30))
        if self.rng.random() < 0.5:
            self.triggers += 1
            body = trigger(f"t-{self.triggers}").text()
            self.outbox.put("trigger", TRIGGER, body, expires_at=time.time() + 300)

    def clear(self) -> None:
        """Fine weather."""
        self.box_line.weather = self.hub_line.weather = FINE

    def _freeze(self, pid: int) -> None:
        """Swapping, or a disk that hangs: it answers nothing for a while."""
        os.kill(pid, signal.SIGSTOP)
        time.sleep(self.rng.uniform(0.2, 1.5))
        os.kill(pid, signal.SIGCONT)

    def _kill_broker(self) -> None:
        self.broker.kill()
        time.sleep(self.rng.uniform(0, 0.2))
        self.broker.start()

    def _kill_hub(self) -> None:
        self.hub.kill()
        self.hub.wait()
        self.hub = start_hub(self.hub_line.url, self.db)


def storm(folder: Path, *, seed: int, seconds: float, protocol: str = "5") -> Outcome:
    """One storm of so many seconds in a folder of its own. protocol: `5` or `3.1.1`, the box's."""
    rng = random.Random(seed)
    broker = Mosquitto(folder, FORGETFUL)
    broker.start()
    outbox, db = MemoryOutbox(), folder / "hub.db"
    try:
        with Proxy(broker.port) as box_line, Proxy(broker.port) as hub_line:
            hub = start_hub(hub_line.url, db)
            box = Publisher(
                outbox, BOX, Broker.parse(f"{box_line.url}?protocol={protocol}"), lambda: FACTS,
                pacing=QUICK, backoff_s=BACKOFF,
            )  # fmt: skip
            box.start()
            world = _Storm(rng, broker, box_line, hub_line, db, outbox, hub)
            try:
                _rage(world, box, seconds)
                cleared_s = _wait_until_clear(world, outbox)
            finally:
                box.stop()
                world.hub.terminate()
                world.hub.kill()
                world.hub.wait()
    finally:
        broker.kill()
    return replace(
        _count(world), seed=seed, seconds=seconds, protocol=protocol, cleared_s=round(cleared_s, 2)
    )


def _rage(world: _Storm, box: Publisher, seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        world.step()
        box.nudge()
        time.sleep(world.rng.uniform(0.05, 0.6))
        if world.rng.random() < 0.4:
            world.clear()  # a moment of work between
            time.sleep(world.rng.uniform(0.1, 0.8))


def _wait_until_clear(world: _Storm, outbox: MemoryOutbox) -> float:
    world.clear()
    began = time.monotonic()
    while not outbox.empty() and time.monotonic() - began < CLEARING_S:
        if world.hub.poll() is not None:
            raise RuntimeError(f"the hub ended by itself, with exit code {world.hub.returncode}")
        time.sleep(0.02)
    return time.monotonic() - began


def _count(world: _Storm) -> Outcome:
    outbox = world.outbox
    minutes = outbox.made("data")
    left = outbox.backlog("data").rows + outbox.backlog("trigger").rows
    held = totals(world.db)
    found = held[0] if held else None
    with sqlite3.connect(world.db) as db:
        (arrived,) = db.execute("SELECT count(*) FROM message").fetchone()
    entries = 0 if found is None else sum(gate.entries or 0 for gate in found.gates)
    made = minutes + world.triggers
    return Outcome(
        made=made,
        arrived=arrived,
        lost=max(0, made - arrived - left),
        doubled=max(0, entries - minutes),
        left_on_the_box=left,
        set_aside=0 if found is None else found.set_aside,
        given_up=0 if found is None else found.given_up,
        faults=dict(world.faults),
    )


def main() -> int:
    """The command line."""
    asked = argparse.ArgumentParser(description="a storm between box and hub")
    asked.add_argument("--seconds", type=float, default=60)
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--protocol", choices=("5", "3.1.1"), default="5")
    wanted = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        outcome = storm(
            Path(folder), seed=wanted.seed, seconds=wanted.seconds, protocol=wanted.protocol
        )  # fmt: skip
    sys.stdout.write(json.dumps(asdict(outcome)) + "\n")
    return 0 if outcome.whole else 1


if __name__ == "__main__":
    sys.exit(main())
