"""The books: what was seen is kept, whatever the store and the process go through."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.errors import StoreError
from edge.recorder import Recorder
from edge.store.store import Store
from pipelines.layout import CameraLayout, Gate
from pipelines.records import CameraWindow, Crossing, Event, GateWindow, Pulse, Window

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
