"""Any sequence of boots, cuts, clock steps and time servers: what is counted adds up, at the box and at the
centre, and after a time server's word everything of that boot is where it belongs."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.clock_keeper import ClockKeeper
from edge.clock_trust import Reading, is_dark
from edge.recorder import Recorder
from edge.store import restamp
from edge.store.store import Store
from pipelines.layout import CameraLayout, Gate
from pipelines.records import Crossing, Pulse

NOON = 1_790_000_040.0
LAYOUT = CameraLayout("cam-1", gates=(Gate("door", (0.5, 0.0), (0.5, 1.0), "right"),))
TICK_S = 10.0
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
"""What is asked here is no question of the disk's."""
YEAR_S = 365 * 86_400.0
WRONG = {
    "right": 0.0, "drifted": 17.3, "slow": -140.0, "ten hours behind": -36_000.0, "a year ahead": YEAR_S,
    "a year behind": -YEAR_S, "a month ahead": 30 * 86_400.0, "never set": None,
}  # fmt: skip
"""How far a clock is off; None: it stands at 1970."""


@dataclass(frozen=True)
class Boot:
    """A boot of the box as it will go."""

    clock: str
    synced_at: int | None
    """Tick at which a time server sets and confirms the clock."""
    set_at: tuple[int, str] | None
    """Tick at which somebody sets it, and how wrongly."""
    ticks: int
    kills: tuple[int, ...]
    """Ticks after which the main process is killed and starts again."""
    cut: bool
    """Ends with a power cut instead of in order."""
    off_s: float
    """How long it is off afterwards."""


boots = st.builds(
    Boot,
    clock=st.sampled_from(sorted(WRONG)),
    synced_at=st.none() | st.integers(0, 30),
    set_at=st.none() | st.tuples(st.integers(1, 30), st.sampled_from(sorted(WRONG))),
    ticks=st.integers(1, 45),
    kills=st.lists(st.integers(0, 40), max_size=2).map(tuple),
    cut=st.booleans(),
    off_s=st.sampled_from([3.0, 45.0, 1_500.0, 100_000.0]),
)


@dataclass
class World:
    """The true time, and who crossed when."""

    path: Path
    true: float = NOON
    crossed: dict[int, float] = field(default_factory=dict)
    """True times by track number."""
    confirmed: list[int] = field(default_factory=list)
    """Tracks of boots that a time server reached."""
    boots: int = 0
    stray: list[str] = field(default_factory=list)

    def boot(self, boot: Boot) -> None:
        """One boot from power on to power off."""
        self.boots += 1
        Running(self, boot, f"boot-{self.boots}").run()
        self.true += boot.off_s


class Running:
    """One boot."""

    def __init__(self, world: World, boot: Boot, name: str) -> None:
        self._world, self._boot, self._name = world, boot, name
        self._on = world.true - 15.0  # the counter has run for a while when we start
        self._error = self._wrong(boot.clock)
        self._synced = False
        self._tracks: list[int] = []

    def _wrong(self, clock: str) -> float:
        off = WRONG[clock]
        return 1_000.0 - self._on if off is None else off

    def read(self) -> Reading:
        true = self._world.true
        return Reading(true + self._error, true - self._on, self._synced)

    def run(self) -> None:
        self._start()
        for tick in range(self._boot.ticks):
            if tick == self._boot.synced_at:
                self._synced, self._error = True, 0.0
            if self._boot.set_at is not None and tick == self._boot.set_at[0] and not self._synced:
                self._error = self._wrong(self._boot.set_at[1])
            self._tick(tick)
            if tick in self._boot.kills:
                self._store.close()
                self._start()
        if self._keeper.trust == "synced":  # a later boot counts what the cut left out, by its own clock
            left_out = {record.track for record in self._store.uncounted()} if self._boot.cut else set()
            self._world.confirmed += [track for track in self._tracks if track not in left_out]
        if not self._boot.cut:
            self._books.close()
            self._keeper.settle()
        self._store.close()

    def _start(self) -> None:
        store = Store.open(self._world.path, tenant="t", store="s", box="b", clock=lambda: self._world.true)
        self._store = store
        self._keeper = ClockKeeper(store, read=self.read, boot=self._name)
        store.keep_time_by(self._now)
        self._books = Recorder(
            store, [LAYOUT], self._now(), lambda: None, first_minute=self._keeper.first_minute
        )

    def _now(self) -> float:
        return self.read().steady + self._keeper.clock.offset

    def _tick(self, tick: int) -> None:
        world = self._world
        world.true += TICK_S
        now = self._now()
        facts: list[Any] = [Pulse("cam-1", now, TICK_S, 100, 1, 1, TICK_S, {})]
        if tick % 2 == 0:
            track = len(world.crossed) + 1
            world.crossed[track] = world.true - 1.0
            self._tracks.append(track)
            facts.append(Crossing("cam-1", "door", "in", now - 1.0, track))
        self._books.take(facts)
        self._books.seal(now, clock_trusted=self._keeper.agrees)
        self._books.take(self._keeper.look(now))
        if self._keeper.change is not None:
            self._books.close()
            self._keeper.settle()
            self._store.close()
            self._start()


@pytest.fixture(scope="module")
def blank() -> Any:
    """An empty database, so that not every example migrates one."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "blank.sqlite3"
        Store.open(path, tenant="t", store="s", box="b", clock=lambda: NOON).close()
        yield path


def held_by_the_centre(store: Store) -> dict[tuple[int, str], int]:
    """Entries by minute, as messages in their order leave them."""
    held: dict[tuple[int, str], int | None] = {}
    for row in store.pending("data", 0, 1_000_000):
        if row.schema == "storeedge/minute/1":
            body = json.loads(row.body)
            for window in body["windows"]:
                if window["scope"] == "gate":
                    held[body["start"], window["id"]] = window["in"]
    return {key: entries for key, entries in held.items() if entries}


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(boots, min_size=1, max_size=5))
def test_any_life_of_a_box_adds_up(blank: Path, life: list[Boot]) -> None:
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        world = World(Path(folder) / "box.sqlite3")
        shutil.copy(blank, world.path)
        for boot in life:
            world.boot(boot)
        world.boot(Boot("right", 0, None, 14, (), False, 0.0))  # the line is up at last
        check(world)


def check(world: World) -> None:
    crossed = len(world.crossed)
    with Store.open(world.path, tenant="t", store="s", box="b", clock=lambda: world.true) as store:

        def ask(sql: str) -> list[Any]:
            return store.read(lambda c: c.execute(sql).fetchall())

        (kept,) = ask("SELECT count(*) FROM crossing")[0]
        (windows,) = ask("SELECT sum(entries) FROM gate_window")[0]
        (quarters,) = ask("SELECT sum(entries) FROM gate_quarter")[0]
        centre = held_by_the_centre(store)
        assert (kept, windows, quarters, sum(centre.values())) == (crossed,) * 4
        assert store.read(restamp.untimed) == 0
        assert not list(store.uncounted())
        for (starts,) in ask("SELECT start FROM gate_window"):
            assert not is_dark(starts)
        mine = {track: (t, counted) for track, t, counted in ask("SELECT track, t, counted FROM crossing")}
        for track in world.confirmed:
            t, counted = mine[track]
            true = world.crossed[track]
            assert abs(t - true) <= 2.0 + 0.1, f"track {track} is {t - true:+.1f} s off"
            # Half a minute from rounding; what falls into a minute of the boot before is in the next one.
            assert counted - 90 - 2.1 <= true < counted + 90 + 2.1, f"minute {counted - true:+.1f} s off"


def test_the_year_forward_and_back_of_the_design(blank: Path, tmp_path: Path) -> None:
    """Set a year on while running, then back: it keeps counting, and nothing that was committed is lost."""
    world = World(tmp_path / "box.sqlite3")
    shutil.copy(blank, world.path)
    world.boot(Boot("right", 0, None, 90, (), False, 60.0))
    world.boot(Boot("right", None, (20, "a year ahead"), 120, (30,), True, 60.0))
    world.boot(Boot("a year ahead", None, None, 30, (), True, 600.0))
    world.boot(Boot("a year behind", 20, None, 40, (10,), True, 600.0))
    world.boot(Boot("right", 0, None, 14, (), False, 0.0))
    check(world)
