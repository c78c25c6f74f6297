"""The books: what was seen is kept, whatever the store and the process go through."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from edge.errors import StoreError
from edge.opening_hours import StoreHours, parse_opening_hours
from edge.recorder import Recorder
from edge.store.store import Store
from pipelines.layout import Area, CameraLayout, Gate
from pipelines.records import CameraWindow, Crossing, Event, GateWindow, OccupancyWindow, Pulse, Window

MINUTE = 1_790_000_040
LAYOUT = CameraLayout("cam-1", gates=(Gate("door", (0.5, 0.0), (0.5, 1.0), "right"),))


def opened(path: Path) -> Store:
    return Store.open(path / "box.sqlite3", tenant="t", store="s", box="b", clock=lambda: MINUTE + 30.0)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with opened(tmp_path) as one:
        yield one


def crossing(t: float, track: int = 1) -> Crossing:
    return Crossing("cam-1", "door", "in", t, track)


def pulse(t: float) -> Pulse:
    return Pulse("cam-1", t, 1.0, 10, 1, 1, 1.0, {})


def recorder(store: Store, now: float = MINUTE, heard: list[int] | None = None) -> Recorder:
    heard = [] if heard is None else heard
    return Recorder(store, [LAYOUT], now, committed=lambda: heard.append(1))


def windows(store: Store, kind: type[Window]) -> list[Window]:
    from edge.store import windows as stored

    rows = stored.select(store._connection, kind.scope, 0, 2**40)
    return sorted(rows, key=lambda window: window.start)


def test_a_crossing_is_kept_at_once_and_in_its_minute_later(store):
    heard: list[int] = []
    books = recorder(store, heard=heard)
    books.take([crossing(MINUTE + 5.0), *(pulse(MINUTE + k) for k in range(1, 61))])
    assert store.records_since(0) == [crossing(MINUTE + 5.0)]
    assert heard == []
    books.seal(MINUTE + 75.0)
    assert [(w.start, w.entries, w.observed_seconds) for w in windows(store, GateWindow)] == [
        (MINUTE, 1, 60.0)
    ]
    assert heard == [1]
    assert store.backlog("data").rows == 1


def test_a_minute_without_a_picture_says_so(store):
    books = recorder(store)
    books.seal(MINUTE + 200.0)
    assert [(w.start, w.observed_seconds) for w in windows(store, CameraWindow)] == [
        (MINUTE, 0.0),
        (MINUTE + 60, 0.0),
        (MINUTE + 120, 0.0),
    ]


def test_what_a_killed_main_process_had_counted_is_in_the_minute(tmp_path):
    """Crossings of the open minute are rebuilt from the store; only its pulses are gone."""
    with opened(tmp_path) as store:
        recorder(store).take([crossing(MINUTE + 5.0), pulse(MINUTE + 6.0)])
    with opened(tmp_path) as store:
        books = recorder(store, MINUTE + 20.0)
        books.take([crossing(MINUTE + 30.0, track=2), pulse(MINUTE + 31.0)])
        books.seal(MINUTE + 75.0)
        assert [(w.entries, w.observed_seconds) for w in windows(store, GateWindow)] == [(2, 1.0)]


def test_stopping_and_starting_in_one_minute_adds_up(tmp_path):
    with opened(tmp_path) as store:
        books = recorder(store)
        books.take([crossing(MINUTE + 5.0), pulse(MINUTE + 6.0)])
        books.close()
    with opened(tmp_path) as store:
        books = recorder(store, MINUTE + 20.0)
        books.take([crossing(MINUTE + 30.0, track=2), pulse(MINUTE + 31.0)])
        books.seal(MINUTE + 75.0)
        assert [(w.start, w.entries, w.observed_seconds) for w in windows(store, GateWindow)] == [
            (MINUTE, 2, 2.0)
        ]


def test_a_clock_that_was_set_back_does_not_hold_the_minutes_back(tmp_path):
    with opened(tmp_path) as store:
        books = recorder(store, MINUTE + 86_400.0)
        books.take([pulse(MINUTE + 86_401.0)])
        books.close()
    with opened(tmp_path) as store:
        books = recorder(store)
        books.take([pulse(MINUTE + 5.0)])
        books.seal(MINUTE + 75.0)
        assert MINUTE in [w.start for w in windows(store, CameraWindow)]


class FailingStore:
    """A store whose disk is full for a while."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.full = True

    def add_records(self, new):
        self._check()
        return self._store.add_records(new)

    def commit_minute(self, start, made):
        self._check()
        return self._store.commit_minute(start, made)

    def uncounted(self):
        return self._store.uncounted()

    def last_sealed_minute(self):
        return self._store.last_sealed_minute()

    def events_under_way(self, names):
        return self._store.events_under_way(names)

    def last_occupancy(self):
        return self._store.last_occupancy()

    def _check(self) -> None:
        if self.full:
            raise StoreError("the disk is full; free some space")


def test_a_full_disk_loses_nothing_and_is_told(store):
    failing = FailingStore(store)
    books = recorder(failing)
    books.take([crossing(MINUTE + 5.0), pulse(MINUTE + 6.0)])
    books.seal(MINUTE + 75.0)
    assert books.fault == "the disk is full; free some space"
    assert store.records_since(0) == []
    failing.full = False
    books.take([crossing(MINUTE + 76.0, track=2)])
    books.seal(MINUTE + 140.0)
    assert books.fault is None
    assert [w.entries for w in windows(store, GateWindow)] == [1, 1]
    assert len(store.records_since(0)) == 2


def test_an_event_goes_to_the_outbox_at_once(store):
    heard: list[int] = []
    recorder(store, heard=heard).take([Event("camera_offline", MINUTE + 1.0, "cam-1")])
    assert (heard, store.backlog("data").rows) == ([1], 1)


# ---- areas ----------------------------------------------------------------------------------------------

STORE_AREA = Area("store", (("cam-1", "door"),), capacity=2)
NOON = 1_790_035_200 - 1_790_035_200 % 86_400 + 43_200
HOURS = StoreHours(parse_opening_hours({"mon-sun": "10:00-22:00"}), ZoneInfo("UTC")).span


def with_area(store: Store, now: float) -> Recorder:
    return Recorder(store, [LAYOUT], now, committed=lambda: None, hours=HOURS, areas=[STORE_AREA])


def occupied(store: Store) -> list[tuple[int, int, int]]:
    return [(w.start, w.now, w.drift) for w in windows(store, OccupancyWindow)]


def test_who_came_in_is_inside_until_they_go_and_after_a_restart_still(tmp_path):
    with opened(tmp_path) as store:
        books = with_area(store, NOON)
        books.take([crossing(NOON + 5.0), crossing(NOON + 9.0, 2), pulse(NOON + 10.0)])
        assert books.occupancy == {"store": 2}
        books.seal(NOON + 75.0)
        books.take([crossing(NOON + 80.0, 3), pulse(NOON + 81.0)])
    with opened(tmp_path) as store:  # killed: the open minute's crossing comes from the store
        books = with_area(store, NOON + 90.0)
        assert books.occupancy == {"store": 3}
        books.take([replace(crossing(NOON + 100.0, 4), direction="out"), pulse(NOON + 101.0)])
        assert books.occupancy == {"store": 2}
        books.seal(NOON + 140.0)
        assert occupied(store) == [(NOON, 2, 0), (NOON + 60, 2, 0)]


def test_a_box_that_was_off_overnight_begins_with_an_empty_store_and_tells_the_drift(tmp_path):
    with opened(tmp_path) as store:
        books = with_area(store, NOON)
        books.take([crossing(NOON + 5.0), pulse(NOON + 6.0)])
        books.seal(NOON + 75.0)
    morning = NOON + 22 * 3600
    with opened(tmp_path) as store:
        books = with_area(store, morning)
        assert books.occupancy == {"store": 0}
        books.take([crossing(morning + 5.0, 2), pulse(morning + 6.0)])
        assert books.occupancy == {"store": 1}
        books.seal(morning + 75.0)
        assert occupied(store)[-1] == (morning, 1, 1)


def test_more_people_than_the_area_holds_are_an_event_that_a_restart_does_not_repeat(tmp_path):
    def seconds(books: Recorder, begin: int, end: int) -> None:
        for k in range(begin, end):
            books.take([pulse(NOON + k)])

    with opened(tmp_path) as store:
        books = with_area(store, NOON)
        books.take([crossing(NOON + 1.0, k) for k in range(3)])
        seconds(books, 2, 30)
        books.seal(NOON + 75.0)
    with opened(tmp_path) as store:
        books = with_area(store, NOON + 75.0)
        seconds(books, 76, 120)
        books.take([replace(crossing(NOON + 120.0, 5), direction="out") for _ in range(2)])
        seconds(books, 121, 200)
        events = [record for record in store.records_since(0) if isinstance(record, Event)]
    (event,) = events
    assert (event.name, event.scope, event.detail["people"]) == ("over_capacity", "store", 3)
    assert event.t_end == pytest.approx(NOON + 150, abs=3)


def test_what_is_sealed_while_the_clock_is_not_trusted_says_so(store):
    books = recorder(store)
    books.take([pulse(MINUTE + k) for k in range(1, 61)])
    books.seal(MINUTE + 75.0, clock_trusted=False)
    (row,) = store.pending("data", 0, 9)
    judged = [window["quality"] for window in json.loads(row.body)["windows"] if "quality" in window]
    assert {tuple(quality["reasons"]) for quality in judged} == {("clock_untrusted",)}, judged
