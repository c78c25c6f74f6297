"""The clock in force: what it lets be deleted, what it does when the store refuses, and whose day it is."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from edge.clock_keeper import AGAIN_S, ClockKeeper
from edge.clock_trust import Reading
from edge.errors import StoreFull
from edge.opening_hours import parse_opening_hours
from edge.store import queries, restamp
from edge.store.day import day_of
from edge.store.store import Store
from tests.edge.store.build import NOON, crossing, gate, open_store

YEAR_S = 365 * 86_400.0
DAY_S = 86_400.0


@dataclass
class Clocks:
    """The system's clocks, as the test sets them."""

    wall: float = float(NOON)
    steady: float = 50.0
    synced: bool | None = False

    def __call__(self) -> Reading:
        return Reading(self.wall, self.steady, self.synced)

    def run(self, seconds: float) -> None:
        self.wall += seconds
        self.steady += seconds


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


@pytest.fixture
def store(tmp_path: Path, clocks: Clocks) -> Iterator[Store]:
    with open_store(tmp_path, lambda: clocks.wall) as one:
        yield one


def keeper(store: Store, clocks: Clocks, boot: str = "boot-1", **more: Any) -> ClockKeeper:
    return ClockKeeper(store, read=clocks, boot=boot, **more)


def years_of_data(store: Store) -> None:
    for back in range(0, 400, 5):
        start = NOON - 600 - back * 86_400
        store.commit_minute(start, [gate(start, 1)])
    store.add_records([crossing(NOON - 600.0 - day * DAY_S, track=day) for day in range(30)])


def kept(store: Store) -> tuple[int, int]:
    return store.read(
        lambda c: tuple(
            c.execute(f"SELECT count(*) FROM {t}").fetchone()[0] for t in ("gate_window", "crossing")
        )  # type: ignore[return-value]
    )


@pytest.mark.parametrize(
    ("wall", "trust"),
    [
        pytest.param(NOON + YEAR_S, "unknown", id="a year ahead"),
        pytest.param(NOON + 179 * DAY_S, "plausible", id="as far ahead as is believed"),
        pytest.param(NOON - YEAR_S, "unknown", id="a year behind"),
        pytest.param(1000.0, "unknown", id="never set"),
    ],
)
def test_a_wrong_clock_at_boot_deletes_nothing(store, clocks, wall, trust):
    years_of_data(store)
    before = kept(store)
    clocks.wall = wall
    one = keeper(store, clocks)
    assert one.trust == trust
    for _ in range(20):
        clocks.run(3600.0)
        one.look(one.clock.offset + clocks.steady)
        until = one.retention_at(one.clock.offset + clocks.steady)
        if until is not None:
            assert until <= NOON + 21 * 3600
            store.prune(until)
    assert kept(store) == before


def test_a_year_forward_while_running_deletes_nothing(store, clocks):
    years_of_data(store)
    before = kept(store)
    clocks.synced = True
    one = keeper(store, clocks)
    clocks.wall, clocks.synced = clocks.wall + YEAR_S, False
    clocks.run(1.0)
    (step,) = one.look(NOON + 1.0)
    assert (step.name, step.detail) == ("clock_step", {"seconds": YEAR_S})
    assert one.retention_at(NOON + 1.0) is None
    assert kept(store) == before


def test_a_confirmed_clock_lets_old_rows_go(store, clocks):
    years_of_data(store)
    clocks.wall, clocks.synced = NOON + 40 * DAY_S, True
    one = keeper(store, clocks)
    assert one.retention_at(NOON + 40 * DAY_S) == NOON + 40 * DAY_S
    store.prune(NOON + 40 * DAY_S)
    assert kept(store)[1] == 0


def test_a_time_server_confirms_what_was_plausible_without_a_new_beginning(store, clocks):
    one = keeper(store, clocks)
    assert (one.trust, one.agrees) == ("plausible", True)
    clocks.synced = True
    for _ in range(6):
        clocks.run(1.0)
        assert one.look(clocks.wall) == []
    assert (one.trust, one.change) == ("synced", None)
    assert store.read(lambda c: restamp.stretch(c, "boot-1")).setting.trust == "synced"


def test_a_store_that_refuses_keeps_the_box_on_the_time_by_which_it_has_counted(store, clocks, monkeypatch):
    clocks.wall = 1000.0
    dark = keeper(store, clocks)
    store.commit_minute(0, [gate(0, 4)])
    clocks.wall, clocks.synced = float(NOON), True

    def full(_change: Callable[[sqlite3.Connection], Any]) -> Any:
        raise StoreFull("no room")

    monkeypatch.setattr(store, "write", full)
    again = keeper(store, clocks)
    assert (again.trust, again.clock.offset) == ("unknown", dark.clock.offset)
    for _ in range(10):
        clocks.run(1.0)
        again.look(again.clock.offset + clocks.steady)
    assert again.change is None, "it does not begin anew again and again"
    monkeypatch.undo()
    clocks.run(AGAIN_S)
    for _ in range(10):
        clocks.run(1.0)
        again.look(again.clock.offset + clocks.steady)
    assert again.change is not None
    again.settle()
    assert store.read(restamp.untimed) == 0


def test_a_run_over_clips_never_begins_anew(store, clocks):
    clocks.wall = 1000.0
    one = keeper(store, clocks, may_change=False)
    clocks.wall, clocks.synced = float(NOON), True
    for _ in range(10):
        clocks.run(1.0)
        one.look(one.clock.offset + clocks.steady)
    assert one.change is None


def test_a_kernel_that_tells_no_boot_has_one_boot_a_run(store, clocks):
    clocks.wall = 1000.0
    first = keeper(store, clocks, boot="")
    store.commit_minute(0, [gate(0, 4)])
    second = keeper(store, clocks, boot="")
    assert second.clock.offset > first.clock.offset, "its dark minutes are others"


def test_the_unknown_time_is_told_once(store, clocks):
    clocks.wall = 1000.0
    one = keeper(store, clocks)
    told = one.look(60.0)
    assert [event.name for event in told] == ["clock_unknown"]
    store.add_records(told)
    assert one.look(61.0) == []
    assert keeper(store, clocks).look(62.0) == [], "nor by the next run of the same boot"
    assert one.untimed() == 0


@pytest.mark.parametrize(
    ("day", "length_h"),
    [
        pytest.param(date(2026, 3, 29), 23, id="the clocks go forward"),
        pytest.param(date(2026, 10, 25), 25, id="and back"),
        pytest.param(date(2026, 6, 1), 24, id="a day like any other"),
    ],
)
def test_a_days_hours_add_up_to_the_day_whatever_the_clocks_do(store, day, length_h):
    """In every zone that the site may be set to, also after the setting was changed: storage is UTC."""
    hours = parse_opening_hours({"mon-sun": "00:00-24:00"})
    berlin, kathmandu = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Kathmandu")
    whole = day_of(day, berlin, hours)
    assert whole.end - whole.begin == length_h * 3600
    begin = whole.begin - 86_400
    for k in range(3 * 96):
        start = begin + k * 900
        store.commit_minute(start, [gate(start, 1)])
    for zone in (berlin, kathmandu):
        one = day_of(day, zone, hours)
        spans = one.hours()

        def entries(span: tuple[int, int]) -> int:
            found = store.read(lambda c: queries.gates(c, *span))
            return sum(total.entries for total in found.values())

        assert sum(map(entries, spans)) == entries((one.begin, one.end)) == (one.end - one.begin) // 900
        assert len(spans) == (one.end - one.begin) // 3600
    assert replace(whole, zone=kathmandu).begin == whole.begin
