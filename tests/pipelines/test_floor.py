"""The floor of a picture in metres, and where people stand on it seen from straight above."""

from __future__ import annotations

import pytest

from pipelines.feet import foot_of
from pipelines.floor import Plane
from pipelines.layout import CameraLayout, Floor
from pipelines.track import Track
from tests.build import ASPECT

FRAME_M = 5.0
"""Metres of floor from top to bottom of the picture."""
CORNERS = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
FLOOR = Floor(CORNERS, tuple((x * FRAME_M * ASPECT, y * FRAME_M) for x, y in CORNERS))
CALIBRATED = Plane.of(CameraLayout("cam-1", floor=FLOOR), ASPECT)


def from_above(x: float, y: float, nearer: float) -> Track:
    """Somebody whose shoulders appear at (x, y) in frame heights, `nearer` times as large as on the floor."""
    side = 0.62 * nearer / FRAME_M
    return Track(
        1, 0.0, 0.0, x, y + side / 2, 0.0, 0.0, side, side, nearer / FRAME_M, 5, 0.9, 0,
        (0.0, 0.0, 1.0, 1.0), (x, y),
    )  # fmt: skip


@pytest.mark.parametrize("at", [(0.2, 0.2), (0.6, 0.5), (1.2, 0.9)])
def test_a_metre_of_a_calibrated_floor_is_as_long_as_it_was_measured(at: tuple[float, float]) -> None:
    assert CALIBRATED.metre_at(*at) == pytest.approx(1 / FRAME_M, rel=1e-6)


def test_nobody_knows_how_long_a_metre_of_an_unmeasured_floor_is() -> None:
    assert Plane(ASPECT).metre_at(0.5, 0.5) is None


@pytest.mark.parametrize("nearer", [1.0, 1.3, 1.6])
def test_seen_from_above_shoulders_are_nearer_so_feet_are_closer_to_the_middle(nearer: float) -> None:
    foot = 0.8, 0.62
    shoulders = (ASPECT / 2 + nearer * (foot[0] - ASPECT / 2), 0.5 + nearer * (foot[1] - 0.5))
    found = foot_of(from_above(*shoulders, nearer), 1.0, ASPECT, CALIBRATED)
    assert found == pytest.approx(foot, abs=0.002)


def test_seen_from_the_side_the_foot_is_the_lower_edge() -> None:
    track = from_above(0.8, 0.62, 1.4)
    assert foot_of(track, 0.4, ASPECT, CALIBRATED) == (track.x, track.y)
