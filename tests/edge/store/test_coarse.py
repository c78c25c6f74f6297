"""Minutes become hours, and nothing but the minute is lost."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.store import Store
from edge.store.coarse import hour_of
from edge.store.coarse_outbox import SETTLED_S, coarsen_oldest, ranges_of
from pipelines.records import GateWindow, HeatWindow, OccupancyWindow, Window
from sync.bodies import hour_bodies, minute_body, utc
from sync.errors import SyncError
from sync.outbox import OutboxRow
from sync.payloads import HOUR, Hour, Minute
from sync.publisher import envelope
from sync.topics import BoxIdentity
from tests.edge.store.build import camera, event, gate, open_store, zone
from tests.sync.contract import closed, validator
from tests.sync.records import windows

TEN = 1_790_000_000 // 3600 * 3600
"""The beginning of a UTC hour in 2026."""
LATER = TEN + 3600 + SETTLED_S
PLACES = ("door", "aisle")
KEPT_APART = {"peak", "now", "anchored", "unit", "quality", "observed_seconds"}
"""What does not add up without a limit."""


def minute(start: int, made: Iterable[Window]) -> Minute:
    return Minute.model_validate_json(minute_body(start, list(made)))


def summed(told: Iterable[Minute]) -> list[Any]:
    return list(hour_of(told))


def minutes_of_an_hour() -> st.SearchStrategy[dict[int, list[Window]]]:
    """By minute: any windows of a few places, so that there is something to add up."""

    def placed(start: int) -> st.SearchStrategy[Window]:
        at = st.sampled_from(PLACES)
        return st.builds(lambda window, place: _metres(replace(window, camera="cam-1", id=place)),
                         windows(start), at)  # fmt: skip

    def made(at: int) -> st.SearchStrategy[tuple[int, list[Window]]]:
        start = TEN + 60 * at
        each = st.lists(placed(start), max_size=4, unique_by=lambda w: (w.scope, w.id))
        return each.map(lambda found: (start, found))

    starts = st.lists(st.integers(0, 59), min_size=1, max_size=5, unique=True)
    return starts.flatmap(lambda found: st.tuples(*map(made, found))).map(dict)


def _metres(window: Window) -> Window:
    """Maps of two units do not add up."""
    return replace(window, unit="m") if isinstance(window, HeatWindow) else window


def figures(windows: Iterable[Mapping[str, Any]]) -> Counter[tuple[str, ...]]:
    """Everything that adds up, by scope, place and figure, a histogram bin by bin, a map cell by cell, in
    thousandths."""
    total = Counter[tuple[str, ...]]()
    for window in windows:
        for name, value in window.items():
            key = (window["scope"], window["id"], name)
            if name in KEPT_APART or value is None or isinstance(value, str):
                continue
            if name == "cells":
                for column, row, seconds in value:
                    total[*key, str(column), str(row)] += round(seconds * 1000)
            elif isinstance(value, list):
                for i, count in enumerate(value):
                    total[*key, str(i)] += round(count * 1000)
            else:
                total[key] += round(value * 1000)
    return Counter({key: value for key, value in total.items() if value})


@given(minutes_of_an_hour())
def test_the_sums_over_all_scopes_are_the_same_before_and_after(made: dict[int, list[Window]]) -> None:
    told = [minute(start, each) for start, each in sorted(made.items())]
    before = [window for each in told for window in json.loads(each.text())["windows"]]
    after = [json.loads(window.model_dump_json(by_alias=True)) for window in hour_of(told)]
    assert figures(after) == figures(before)
    for window in after:
        parts = [p for p in before if (p["scope"], p["id"]) == (window["scope"], window["id"])]
        assert window["observed_seconds"] == pytest.approx(sum(p["observed_seconds"] for p in parts))
        for name, joined in (("peak", max), ("anchored", any)):
            if known := [p[name] for p in parts if p.get(name) is not None]:
                assert window[name] == joined(known)


@given(minutes_of_an_hour())
def test_an_hour_fits_its_schema_and_says_nothing_else(made: dict[int, list[Window]]) -> None:
    hour = hour_of(minute(start, each) for start, each in sorted(made.items()))
    [body] = hour_bodies(TEN, sorted((start - TEN) // 60 for start in made), hour, [(3, 9), (12, 12)])
    row = OutboxRow("data", "e1", 13, HOUR, body, 0.0)
    message = json.loads(envelope(BoxIdentity("rainbow", "sz-futian", "box-01"), row, utc(TEN)))
    exact = jsonschema.Draft202012Validator(closed(validator(HOUR).schema))
    assert [error.message for error in exact.iter_errors(message)] == []


def test_what_nobody_saw_stays_missing_and_is_no_zero() -> None:
    blind, seen = gate(TEN, 0, observed=0.0), gate(TEN + 60, 0)
    [nothing] = summed([minute(TEN, [blind]), minute(TEN + 60, [replace(blind, start=TEN + 60)])])
    [half] = summed([minute(TEN, [blind]), minute(TEN + 60, [seen])])
    assert (nothing.observed_seconds, nothing.entries) == (0.0, None)
    assert (half.observed_seconds, half.entries) == (60.0, 0)
    assert half.quality.coverage == 0.5
    assert "part_seen" in half.quality.reasons


def test_a_figure_that_an_older_version_did_not_count_is_missing() -> None:
    old = json.loads(minute_body(TEN, [gate(TEN, 4)]))
    del old["windows"][0]["u_turns"]
    [window] = summed([Minute.model_validate_json(json.dumps(old)), minute(TEN + 60, [gate(TEN + 60, 1)])])
    assert (window.entries, window.u_turns, window.parties) == (
        5,
        None,
        0,
    )


def test_an_areas_number_is_the_last_that_was_known() -> None:
    def area(start: int, now: int, observed: float = 60.0) -> Window:
        return OccupancyWindow("*", "floor", start, observed, 60.0 * now, now, now, 0, False)

    told = [minute(TEN, [area(TEN, 3)]), minute(TEN + 60, [area(TEN + 60, 8)])]
    told.append(minute(TEN + 120, [area(TEN + 120, 0, 0.0)]))
    [window] = summed(told)
    assert (window.now, window.peak, window.person_seconds) == (
        8,
        8,
        660.0,
    )


def test_of_a_minute_that_was_told_twice_the_later_telling_stands() -> None:
    first, whole = minute(TEN, [gate(TEN, 2, observed=25.0)]), minute(TEN, [gate(TEN, 3, observed=55.0)])
    [window] = summed([first, whole, minute(TEN + 60, [gate(TEN + 60, 1)])])
    assert (window.entries, window.observed_seconds) == (4, 115.0)


def test_a_time_that_could_not_be_believed_is_said_of_the_hour() -> None:
    quality = json.loads(minute_body(TEN, [gate(TEN, 1)]))
    quality["windows"][0]["quality"] = {
        "fps": 9.0, "coverage": 1.0, "inferred_share": 0.0, "identities_per_entry": None,
        "confidence": "poor", "reasons": ["clock_untrusted"],
    }  # fmt: skip
    doubted = Minute.model_validate_json(json.dumps(quality))
    [window] = summed([doubted, minute(TEN + 60, [gate(TEN + 60, 1)])])
    assert "clock_untrusted" in window.quality.reasons


# -- in the outbox -----------------------------------------------------------------------------------------


def coarsen(store: Store, newest: int = LATER) -> Any:
    return store.write(lambda connection: coarsen_oldest(connection, newest))


def waiting(store: Store) -> list[tuple[int, str]]:
    return [(row.seq, row.schema.split("/")[1]) for row in store.pending("data", 0, 10_000)]


def hours(store: Store) -> list[Any]:
    rows = store.pending("data", 0, 10_000)
    return [Hour.model_validate_json(row.body) for row in rows if row.schema == HOUR]


def test_an_hours_minutes_become_one_message_with_a_new_number(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        for i in range(5):
            store.commit_minute(TEN + 60 * i, [gate(TEN + 60 * i, i), zone(TEN + 60 * i, [4.0])])
        done = coarsen(store)
        assert waiting(store) == [(6, "hour")]
        [hour] = hours(store)
        assert (done.minutes, done.messages, done.first, done.last) == (5, 5, TEN, TEN + 300)
        assert (hour.minutes, hour.stands_for) == ((0, 1, 2, 3, 4), ((1, 5),))
        assert {w.scope: w.observed_seconds for w in hour.windows} == {"gate": 300.0, "zone": 300.0}
        store.add_records([event(LATER)])
        assert waiting(store)[-1] == (7, "event"), "a number was given twice"


def test_what_is_no_minute_keeps_its_number(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        for i in range(4):
            store.commit_minute(TEN + 60 * i, [gate(TEN + 60 * i, 1)])
            store.add_records([event(TEN + 60.0 * i)])
        coarsen(store)
        assert waiting(store) == [(2, "event"), (4, "event"), (6, "event"), (8, "event"), (9, "hour")]
        assert hours(store)[0].stands_for == ((1, 1), (3, 3), (5, 5), (7, 7))
        assert store.backlog("data").oldest_at == store.pending("data", 8, 1)[0].created_at


def test_only_an_hour_that_is_settled_is_touched(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        for i in range(5):
            store.commit_minute(TEN + 60 * i, [gate(TEN + 60 * i, 1)])
        assert coarsen(store, LATER - 1) is None
        assert coarsen(store, LATER).minutes == 5
        assert coarsen(store, LATER) is None


def test_a_minute_alone_stays_a_minute(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        store.commit_minute(TEN, [gate(TEN, 1)])
        for i in range(60, 63):
            store.commit_minute(TEN + 60 * i, [gate(TEN + 60 * i, 1)])
        assert coarsen(store, LATER + 3600).first == TEN + 3600
        assert waiting(store) == [(1, "minute"), (5, "hour")]


def test_a_minute_told_again_much_later_goes_into_the_same_hour(tmp_path: Path) -> None:
    """Else the hour, which comes last, would replace the later telling by the first."""
    with open_store(tmp_path) as store:
        for i in (0, 1, 60, 61, 120):
            store.commit_minute(TEN + 60 * i, [gate(TEN + 60 * i, 1, observed=30.0)])
    with open_store(tmp_path) as store:
        store.commit_minute(TEN, [gate(TEN, 4, observed=20.0)])
        coarsen(store, LATER)
        assert waiting(store) == [(3, "minute"), (4, "minute"), (5, "minute"), (7, "hour")]
        [hour] = hours(store)
    assert (hour.minutes, hour.stands_for) == ((0, 1), ((1, 2), (6, 6)))
    assert (hour.windows[0].entries, hour.windows[0].observed_seconds) == (6, 80.0)


def test_a_minute_with_windows_of_a_newer_version_is_left_as_it_is(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        for i in range(3):
            store.commit_minute(TEN + 60 * i, [gate(TEN + 60 * i, 1)])
        body = json.loads(store.pending("data", 1, 1)[0].body)
        body["windows"].append({"scope": "smell", "camera": "cam-1", "id": "x", "observed_seconds": 60.0})
        store.write(
            lambda c: c.execute(
                "UPDATE outbox SET body = ? WHERE seq = 2", (json.dumps(body, separators=(",", ":")),)
            )
        )
        coarsen(store)
        assert waiting(store) == [(2, "minute"), (4, "hour")]
        assert hours(store)[0].minutes == (0, 2)


def test_a_minute_of_which_a_part_is_acknowledged_is_not_replaced_by_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Heat maps made its message too long, so that it went in two; the centre has the first."""
    with open_store(tmp_path) as store:
        monkeypatch.setattr("sync.bodies.minute_bodies.__defaults__", (300,))
        store.commit_minute(TEN, [gate(TEN, 1), camera(TEN)])
        monkeypatch.setattr("sync.bodies.minute_bodies.__defaults__", (262_144,))
        for i in range(1, 4):
            store.commit_minute(TEN + 60 * i, [gate(TEN + 60 * i, 1), camera(TEN + 60 * i)])
        assert waiting(store) == [(seq, "minute") for seq in range(1, 6)]
        store.acknowledge("data", store.epoch, 1)
        coarsen(store)
        assert waiting(store) == [(2, "minute"), (6, "hour")]
        assert hours(store)[0].minutes == (1, 2, 3)


def test_an_hour_too_long_for_one_message_goes_in_several_that_name_the_same_minutes() -> None:
    made = hour_of(
        minute(TEN + 60 * i, [GateWindow("cam-1", f"g{n}", TEN + 60 * i, 60.0, 1, 0, 0) for n in range(9)])
        for i in range(3)
    )
    parts: list[Any] = [
        Hour.model_validate_json(b) for b in hour_bodies(TEN, [0, 1, 2], made, [(1, 3)], longest=800)
    ]
    assert len(parts) > 2
    assert {part.minutes for part in parts} == {(0, 1, 2)}
    assert [part.stands_for for part in parts] == [((1, 3),), *[()] * (len(parts) - 1)]
    assert [w.id for part in parts for w in part.windows] == [f"g{n}" for n in range(9)]
    with pytest.raises(SyncError, match="the gate window g0 has"):
        list(hour_bodies(TEN, [0], made, longest=100))


def test_a_box_with_more_than_can_be_read_at_once_makes_several_of_an_hour(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.store.coarse_outbox.MOST_BYTES", 1500)
    with open_store(tmp_path) as store:
        for i in range(12):
            store.commit_minute(TEN + 60 * i, [gate(TEN + 60 * i, 1)])
        while coarsen(store):
            pass
        named = sorted(at for hour in hours(store) for at in hour.minutes)
        entries = sum(w.entries for hour in hours(store) for w in hour.windows)
        alone = sum(schema == "minute" for _, schema in waiting(store))
    assert len(named) > 9
    assert len(set(named)) == len(named) == entries == 12 - alone


@settings(max_examples=50)
@given(st.sets(st.integers(0, 60)).map(sorted))
def test_ranges_are_the_numbers(seqs: list[int]) -> None:
    ranges = ranges_of(seqs)
    assert [seq for first, last in ranges for seq in range(first, last + 1)] == seqs
    assert all(after[0] > before[1] + 1 for before, after in pairwise(ranges))


@pytest.mark.parametrize(
    "spoilt",
    [
        pytest.param({"start": "2026-09-21T14:01:00Z"}, id="no beginning of an hour"),
        pytest.param({"minutes": [3, 1]}, id="minutes that fall"),
        pytest.param({"minutes": [60]}, id="a minute of the next hour"),
        pytest.param({"stands_for": [[5, 4]]}, id="a range that ends before it begins"),
        pytest.param({"stands_for": [[5, 6], [6, 7]]}, id="a number twice"),
    ],
)
def test_an_hour_that_cannot_be_is_refused(spoilt: dict[str, Any]) -> None:
    good = {"start": "2026-09-21T14:00:00Z", "minutes": [1, 3], "windows": [], "stands_for": [[1, 2], [5, 5]]}
    assert Hour.model_validate_json(json.dumps(good)).stands_for == ((1, 2), (5, 5))
    with pytest.raises(ValueError, match=r"beginning|rising|less than"):
        Hour.model_validate_json(json.dumps(good | spoilt))
