"""Heat maps in the store: any stretch is the sum of its minutes, whatever the tables that hold it."""

from __future__ import annotations

import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.store.database import reading
from edge.store.heat import DAY_S, HOUR_S, heat
from edge.store.merge import together
from pipelines.records import HeatWindow
from tests.edge.store.build import NOON, bodies, open_store

DAY = NOON // DAY_S * DAY_S
Cells = tuple[tuple[int, int, float], ...]

maps = st.dictionaries(
    st.tuples(st.integers(-2, 2), st.integers(0, 3)), st.integers(1, 30_000).map(lambda ms: ms / 1000),
    max_size=6,
).map(lambda cells: tuple(sorted((*cell, seconds) for cell, seconds in cells.items())))  # fmt: skip


def window(start: int, cells: Cells, observed: float = 60.0, unit: str = "m") -> HeatWindow:
    return HeatWindow("cam-1", "cam-1", start, observed, unit, cells)  # type: ignore[arg-type]


def added(windows: list[HeatWindow]) -> Counter[tuple[int, int]]:
    """The maps' cells, in milliseconds."""
    total: Counter[tuple[int, int]] = Counter()
    for each in windows:
        for column, row, seconds in each.cells:
            total[column, row] += round(seconds * 1000)
    return total


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3 * 1440 - 1), maps), max_size=12, unique_by=lambda made: made[0]),
    st.integers(0, 3 * 1440), st.integers(0, 3 * 1440),
)  # fmt: skip
def test_the_map_of_any_stretch_is_the_sum_of_its_minutes(
    made: list[tuple[int, Cells]], one: int, other: int
) -> None:
    windows = [window(DAY + 60 * minute, cells) for minute, cells in made]
    begin, end = DAY + 60 * min(one, other), DAY + 60 * max(one, other)
    meant = [each for each in windows if begin <= each.start < end]
    with tempfile.TemporaryDirectory() as folder, open_store(Path(folder)) as store:
        for each in windows:  # in any order
            store.commit_minute(each.start, [each])
        with reading(store.path) as connection:
            found = heat(connection, "cam-1", begin, end)
            assert heat(connection, "cam-2", begin, end) == {}
    assert set(found) == ({"m"} if meant else set())
    if meant:
        cells = {cell: round(seconds * 1000) for cell, seconds in found["m"].cells.items()}
        assert cells == added(meant)
        assert found["m"].observed_seconds == 60.0 * len(meant)


@settings(deadline=None)
@given(maps, maps)
def test_two_parts_of_a_minute_add_up_in_any_order(first: Cells, second: Cells) -> None:
    one, other = window(NOON, first, 20.0), window(NOON, second, 30.0)
    whole = together(one, other)
    assert isinstance(whole, HeatWindow)
    assert whole == together(other, one)
    assert added([whole]) == added([one, other])
    assert whole.observed_seconds == 50.0


def test_a_minute_of_two_runs_is_sent_whole_and_summed_once(tmp_path: Path) -> None:
    for observed, cells in ((20.0, ((0, 0, 1.5),)), (30.0, ((0, 0, 2.0), (1, 0, 0.5)))):
        with open_store(tmp_path) as store:
            store.commit_minute(NOON, [window(NOON, cells, observed)])
            (sent,) = bodies(store)[-1]["windows"]
    assert sent["cells"] == [[0, 0, 3.5], [1, 0, 0.5]]
    with open_store(tmp_path) as store, reading(store.path) as connection:
        hour = NOON - NOON % HOUR_S
        total = heat(connection, "cam-1", hour, hour + HOUR_S)["m"]
    assert (total.cells, total.observed_seconds) == ({(0, 0): 3.5, (1, 0): 0.5}, 50.0)


def test_a_floor_that_is_measured_during_the_day_begins_a_map_of_its_own(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        store.commit_minute(NOON, [window(NOON, ((20, 8, 5.0),), unit="frame")])
        store.commit_minute(NOON + 60, [window(NOON + 60, ((3, 4, 2.0),))])
        with reading(store.path) as connection:
            found = heat(connection, "cam-1", NOON - 3 * HOUR_S, NOON + 3 * HOUR_S)
    assert {unit: total.cells for unit, total in found.items()} == {
        "frame": {(20, 8): 5.0},
        "m": {(3, 4): 2.0},
    }
    assert [found["m"].side, found["frame"].side] == [0.5, pytest.approx(1 / 24)]
    assert together(window(NOON, ((20, 8, 5.0),), unit="frame"), window(NOON, ((3, 4, 2.0),))) == replace(
        window(NOON, ((3, 4, 2.0),)), observed_seconds=60.0
    )


def test_an_unseen_camera_is_told_apart_from_an_empty_floor(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        store.commit_minute(NOON, [window(NOON, (), 0.0)])
        store.commit_minute(NOON + 60, [window(NOON + 60, (), 60.0)])
        blind, empty = (body["windows"][0] for body in bodies(store))
        with reading(store.path) as connection:
            hour = NOON - NOON % HOUR_S
            total = heat(connection, "cam-1", hour, hour + HOUR_S)["m"]
    assert (blind["cells"], empty["cells"]) == (None, [])
    assert (total.cells, total.observed_seconds) == ({}, 60.0)


def test_minutes_go_first_then_hours_and_days_stay_for_a_year(tmp_path: Path) -> None:
    ages = (1, 10, 100, 399, 401)
    cells = ((0, 0, 1.0),)
    with open_store(tmp_path) as store:
        for age in reversed(ages):
            store.commit_minute(DAY - age * DAY_S, [window(DAY - age * DAY_S, cells)])
        store.prune(float(DAY))
        with reading(store.path) as connection:
            kept = {
                table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
                for table in ("heat_window", "heat_hour", "heat_day")
            }
            whole = heat(connection, "cam-1", DAY - 402 * DAY_S, DAY)["m"]
    assert kept == {"heat_window": 1, "heat_hour": 2, "heat_day": 4}
    assert (whole.observed_seconds, whole.cells) == (240.0, {(0, 0): 4.0})


def test_sixteen_cameras_full_of_people_do_not_make_a_minute_too_long_to_be_sent(tmp_path: Path) -> None:
    cells = tuple((column, row, 59.125) for row in range(40) for column in range(100))
    crowd = [replace(window(NOON, cells), camera=f"cam-{i}", id=f"cam-{i}") for i in range(16)]
    with open_store(tmp_path) as store:
        assert store.commit_minute(NOON, crowd)
        sent = bodies(store)
    assert len(sent) > 1
    assert {body["start"] for body in sent} == {sent[0]["start"]}
    assert [w["id"] for body in sent for w in body["windows"]] == [w.id for w in crowd]
