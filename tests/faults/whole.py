"""All real parts of a box and its centre at once, and what kills them and starts them again."""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from edge.demo.cars import Cars
from edge.run import DATABASE
from pipelines.windows import CLOSE_LAG_S
from sync.hub.coupon_service import CouponFiles
from tests.faults.parts import CAPTURE, ENGINE, BoxMain, Broker, Database, Hub, Program, dead
from tests.faults.soak_site import prepared, site_file
from tests.faults.witness import Witness

WEIGHTS: Final = {"main": 5, "engine": 5, "capture": 3, "hub": 5, "broker": 3, "database": 3}
"""How often each part is killed, against each other."""
RESTART_S: Final = (0.1, 1.0)
"""Who is killed is started again after a time in between, as by systemd's RestartSec."""
SETTLE_S: Final = 240.0
"""How long everything may take to come back, and the outbox to drain."""
Say = Callable[[str], None]


@dataclass(slots=True)
class Recovery:
    """How one part came back."""

    kills: int = 0
    seconds: list[float] = field(default_factory=list)
    """From the kill to working again."""
    again: int = 0
    """Killed again before it worked."""


class Whole:
    """All parts, and what kills them."""

    def __init__(
        self,
        folder: Path,
        server: Database,
        cameras: list[dict[str, Any]],
        *,
        chance: random.Random,
        say: Say,
    ) -> None:
        """server: runs, and is not ours to stop."""
        self.server, self.chance, self.say = server, chance, say
        self.cars = Cars()
        self.data, hub_db = folder / "data", folder / "hub.sqlite3"
        self.url = server.database()
        centre_key = prepared(CouponFiles.of(self.url, hub_db), self.cars.members)
        self.broker = Broker(folder)
        more = ("--coupons", hub_db, "--timezone", "Asia/Shanghai")
        self.hub = Hub(folder, self.broker.url, self.url, *more)
        self.main = BoxMain(folder, site_file(folder, self.broker.url, centre_key, cameras), self.data)
        self.quiet = BoxMain(folder, site_file(folder, self.broker.url, centre_key, []), self.data)
        self.recovery = {name: Recovery() for name in WEIGHTS}
        self.gave_up: dict[str, int] = {}
        """How often a part ended by itself, such as a hub that is started while its database is away."""
        self.witness = Witness(self.data / DATABASE)
        self._coming: dict[str, tuple[float, Callable[[], bool]]] = {}
        self._starts: dict[str, float] = {}
        self._programs: dict[str, Program] = {"main": self.main, "hub": self.hub, "broker": self.broker}

    def close(self) -> None:
        """End everything, however far it has come."""
        for part in (*self._programs.values(), self.quiet):
            part.close()

    def begin(self) -> None:
        """Start all, killing them while they first make what they need, until the box has what the centre has
        to tell and every camera is looked at."""
        for name in ("broker", "hub", "main"):
            self._programs[name].start()
            time.sleep(self.chance.uniform(0.2, 1.2))
            self.kill(name)
        for part in self._programs.values():
            self.wait(part.ready, f"the {part.name} to start")
        self.wait(lambda: self._documents() >= 4, "the centre's documents")
        self.wait(self.main.looking, "the cameras")

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """The box's database, as another process sees it."""
        with closing(sqlite3.connect(f"file:{self.data / DATABASE}?mode=ro", uri=True)) as box:
            yield box

    def _documents(self) -> int:
        with self.reading() as box:
            return int(box.execute("SELECT count(*) FROM document").fetchone()[0])

    def waiting(self) -> int:
        """Messages that the centre has not acknowledged."""
        with self.reading() as box:
            return int(box.execute("SELECT count(*) FROM outbox").fetchone()[0])

    def replace_main(self, main: BoxMain) -> None:
        """From now on this is the box."""
        self._programs["main"] = self.main = main

    @property
    def kills(self) -> int:
        """All together."""
        return sum(part.kills for part in self.recovery.values())

    def wait(self, true: Callable[[], bool], what: str, seconds: float = SETTLE_S) -> float:
        """Go on looking after the parts until it is true; the seconds that it took."""
        began = time.monotonic()
        while not true():
            if time.monotonic() - began > seconds:
                words = "\n".join(part.words()[-1500:] for part in self._programs.values())
                raise AssertionError(f"waited {seconds:.0f} s in vain for {what}\n{words}")
            self.tick()
            time.sleep(0.1)
        return time.monotonic() - began

    # -- killing ---------------------------------------------------------------------------------------

    def kill(self, name: str) -> bool:
        """One part, now. False: it is not there to be killed."""
        if not self._strike(name):
            return False
        now, recovery = time.monotonic(), self.recovery[name]
        recovery.kills += 1
        recovery.again += name in self._coming
        self._coming[name] = (now, self._back(name))
        if name in self._programs or name == "database":
            self._starts[name] = now + self.chance.uniform(*RESTART_S)
        if name == "main":  # its children end with it, and nobody killed them
            self._coming.pop("engine", None)
            self._coming.pop("capture", None)
        return True

    def _strike(self, name: str) -> bool:
        if name in {"engine", "capture"}:
            pids = self.main.children(ENGINE if name == "engine" else CAPTURE)
            return bool(pids) and dead(self.chance.choice(pids))
        if name == "database":
            if name in self._starts:
                return False
            self.server.kill()
            return True
        if self._programs[name].pid is None:
            return False
        self._programs[name].kill()
        return True

    def _back(self, name: str) -> Callable[[], bool]:
        """Whether a part that is killed now works again."""
        if name == "database":
            return lambda: "database" not in self._starts
        if name in self._programs:
            return self._programs[name].ready
        kind = ENGINE if name == "engine" else CAPTURE
        before, killed_at = set(self.main.children(kind)), time.monotonic()

        def back() -> bool:
            fresh = bool(set(self.main.children(kind)) - before)
            return fresh and self.main.looking(within_s=time.monotonic() - killed_at)

        return back

    def tick(self) -> None:
        """Start what is due, note what works again, look at what is committed."""
        now = time.monotonic()
        for name in [name for name, at in self._starts.items() if at <= now]:
            del self._starts[name]
            if name == "database":
                self.server.start()
            else:
                self._programs[name].start()
        for name, part in self._programs.items():
            if part.ended_with is not None and name not in self._starts and part.ended_with != -9:
                self.say(f"{name} ended by itself with {part.ended_with}: {part.words().strip()[-300:]}")
                self.gave_up[name] = self.gave_up.get(name, 0) + 1
                self._starts[name] = now + 0.5  # Restart=always
        for name, (killed_at, back) in list(self._coming.items()):
            if name not in self._starts and back():
                self.recovery[name].seconds.append(time.monotonic() - killed_at)
                del self._coming[name]
        self.witness.look()

    @property
    def well(self) -> bool:
        """Everything that was killed works again."""
        return not self._starts and not self._coming

    def storm(self, kills: int) -> None:
        """Kill so often, at random moments: also during start-up, also several parts at once."""
        done, told, deck = 0, 0, list(WEIGHTS)
        self.chance.shuffle(deck)
        while done < kills:
            self._pause()
            for _ in range(self.chance.choices((1, 2, 3), (70, 24, 6))[0]):
                if not deck:  # every part gets its share, in any order
                    deck = [name for name, weight in WEIGHTS.items() for _ in range(weight)]
                    self.chance.shuffle(deck)
                name = deck.pop()
                if (name != "main" or not self._sparing) and self.kill(name):
                    done += 1
                else:  # it is not there now: later
                    deck.insert(0, name)
            if done - told >= 10:
                told = done
                self.say(f"{done} of {kills} kills; {self._told()}")

    def crossed(self, more: int) -> None:
        """Wait until so many more people were seen to walk through the gates."""
        wanted = len(self.witness.seen["crossing"]) + more
        self.wait(lambda: len(self.witness.seen["crossing"]) >= wanted, f"{more} people to walk by")

    @property
    def _sparing(self) -> bool:
        """Three minutes of four the main process is let live around the time at which a minute is sealed:
        otherwise hardly one would be, and the fourth shows what a kill does just then."""
        minute, second = divmod(time.time(), 60)
        return minute % 4 != 0 and (second > 48 or second < CLOSE_LAG_S + 3)

    def _pause(self) -> None:
        kind = self.chance.random()
        if kind < 0.05:  # a quiet time, in which much is counted and sent
            self.wait(lambda: self.well and self.main.looking(), "everything to come back")
            seconds = self.chance.uniform(2, 5)
        else:
            seconds = self.chance.uniform(0.05, 0.5) if kind < 0.4 else self.chance.uniform(0.7, 2.8)
        until = time.monotonic() + seconds
        self.wait(lambda: time.monotonic() >= until, "the time to pass")

    def _told(self) -> str:
        rows = {table: len(found) for table, found in self.witness.seen.items()}
        return f"{rows['crossing']} crossings, {rows['visit']} visits, {rows['coupon_trigger']} coupons seen"
