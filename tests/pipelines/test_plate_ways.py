"""Vehicles that fill the picture pass by the way of their plates."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.layout import Lane
from pipelines.plate_records import PlateRead
from pipelines.plate_ways import LEAST_WAY, PlateWays
from pipelines.records import VehiclePassage

EXIT = Lane("exit-1", "exit", "down")


def ways() -> PlateWays:
    return PlateWays("cam-9", [EXIT])


def settled(track: int = 1, text: str | None = "粤B12345") -> PlateRead:
    return PlateRead("exit-1", "cam-9", 2.0, text, 0.9, 3, track)


@pytest.mark.parametrize(
    ("end", "direction", "wrong"),
    [((0.5, 0.6), "down", False), ((0.5, 0.2), "up", True), ((0.7, 0.4), "right", True)],
)
def test_a_vehicle_whose_plate_was_told_passed_the_way_its_plate_went(
    end: tuple[float, float], direction: str, wrong: bool
) -> None:
    watch = ways()
    watch.see(1, (0.5, 0.4))
    watch.see(1, end)
    watch.told([settled()])
    assert [
        (one.lane, one.camera, one.direction, one.t, one.track, one.wrong_way) for one in watch.end(4.0, 1)
    ] == [("exit-1", "cam-9", direction, 4.0, 1, wrong)]
    assert watch.end(5.0, 1) == [], "a vehicle ends once"


def test_one_that_the_lane_saw_drive_through_is_not_counted_again() -> None:
    watch = ways()
    watch.see(1, (0.5, 0.2))
    watch.see(1, (0.5, 0.5))
    watch.told([settled()])
    watch.passed([VehiclePassage("exit-1", "down", 2.5, 1, "cam-9")])
    assert watch.end(4.0, 1) == []


def test_another_part_of_a_vehicle_that_drove_through_is_not_counted_again() -> None:
    watch = ways()
    watch.see(1, (0.5, 0.2))
    watch.see(1, (0.5, 0.5))
    watch.told([settled()])
    watch.passed([VehiclePassage("exit-1", "down", 2.5, 2, "cam-9")])
    assert watch.end(4.0, 1) == []


def test_a_plate_that_was_not_read_proves_nothing() -> None:
    watch = ways()
    watch.see(1, (0.5, 0.2))
    watch.see(1, (0.5, 0.5))
    watch.told([settled(text=None)])
    assert watch.end(4.0, 1) == []


@given(st.floats(-0.99, 0.99), st.floats(-0.99, 0.99))
def test_a_plate_that_only_trembles_has_no_way_yet_and_is_watched_on(across: float, down: float) -> None:
    watch = ways()
    watch.see(1, (0.5, 0.5))
    watch.see(1, (0.5 + across * LEAST_WAY, 0.5 + down * LEAST_WAY))
    assert not watch.is_unsure(1), "it was not told yet"
    watch.told([settled()])
    assert watch.is_unsure(1)
    watch.see(1, (0.5, 0.5 + 2 * LEAST_WAY))
    assert not watch.is_unsure(1)
    assert [one.direction for one in watch.end(4.0, 1)] == ["down"]
