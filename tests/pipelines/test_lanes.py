"""Vehicles that drive through a lane's picture: once each, with direction and time."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from models.types import CLASSES, Detections
from pipelines.camera import CameraPipeline
from pipelines.layout import Heading, Lane, Point
from pipelines.records import VehiclePassage
from tests.build import ASPECT, Row, boxes, layout, only

CAR = CLASSES.index("car")
Step = tuple[float, Detections, Detections]


def car(middle: Point, long: float = 0.35, wide: float = 0.2, score: float = 0.8) -> Row:
    """A car's box, in fractions of the frame."""
    x, y = middle
    return x - wide / 2, y - long / 2, x + wide / 2, y + long / 2, score, CAR


def drive(
    begin: Point, end: Point, *, at: float = 0.0, takes: float = 4.0
) -> Callable[[float], Point | None]:
    """Through the picture at a steady pace."""

    def where(t: float) -> Point | None:
        share = (t - at) / takes
        if not 0 <= share <= 1:
            return None
        return begin[0] + share * (end[0] - begin[0]), begin[1] + share * (end[1] - begin[1])

    return where


def scene(
    *drives: Callable[[float], Point | None], fps: float = 10, until: float = 12.0, by: str = "detector"
) -> Iterable[Step]:
    for i in range(int(until * fps)):
        t = i / fps
        rows = [car(middle) for where in drives if (middle := where(t)) is not None]
        seen, none = boxes(*rows), Detections.none()
        yield t, seen if by != "motion" else none, seen if by != "detector" else none


def passages(steps: Iterable[Step], heading: Heading | None = None) -> list[VehiclePassage]:
    pipeline = CameraPipeline(layout(lanes=[Lane("exit-1", "exit", heading)], camera="cam-9"), ASPECT)
    facts = [fact for t, seen, regions in steps for fact in pipeline.step(t, seen, regions)]
    return only(VehiclePassage, facts + pipeline.close(100.0))


DOWN, UP = drive((0.5, -0.1), (0.5, 1.1)), drive((0.5, 1.1), (0.5, -0.1))
LEFT, RIGHT = drive((1.1, 0.5), (-0.1, 0.5)), drive((-0.1, 0.5), (1.1, 0.5))


@pytest.mark.parametrize("by", ["detector", "motion", "both"])
@pytest.mark.parametrize(
    ("way", "direction"),
    [(DOWN, "down"), (UP, "up"), (LEFT, "left"), (RIGHT, "right")],
    ids=["down", "up", "left", "right"],
)
def test_a_car_that_drives_through_is_one_passage_whoever_saw_it(
    way: Callable[[float], Point | None], direction: str, by: str
) -> None:
    (passage,) = passages(scene(way, by=by))
    assert (passage.lane, passage.camera, passage.direction) == ("exit-1", "cam-9", direction)
    assert passage.t == pytest.approx(2.0, abs=0.2)


@pytest.mark.parametrize(("heading", "wrong"), [("down", False), ("up", True), (None, False)])
def test_against_the_lane_s_heading_is_the_wrong_way(heading: Heading | None, wrong: bool) -> None:
    (passage,) = passages(scene(DOWN), heading)
    assert passage.wrong_way is wrong


@pytest.mark.parametrize("fps", [5, 10, 25])
def test_cars_one_after_another_are_told_apart(fps: float) -> None:
    cars = [drive((0.5, -0.1), (0.5, 1.1), at=5.0 * i) for i in range(3)]
    found = passages(scene(*cars, fps=fps, until=18))
    assert [p.direction for p in found] == ["down"] * 3
    assert [p.t for p in found] == pytest.approx([2, 7, 12], abs=0.3)


def test_two_cars_that_meet_are_one_each_way() -> None:
    meeting = drive((0.3, -0.1), (0.3, 1.1)), drive((0.7, 1.1), (0.7, -0.1))
    assert sorted(p.direction for p in passages(scene(*meeting))) == ["down", "up"]


def test_a_parked_car_is_none() -> None:
    assert passages(scene(lambda _: (0.5, 0.5))) == []


def test_a_car_that_comes_half_way_and_backs_out_is_none() -> None:
    def half_way(t: float) -> Point | None:
        return (0.5, 0.05 + 0.05 * min(t, 8 - t)) if t <= 8 else None

    assert passages(scene(half_way)) == []


def test_a_car_that_waits_at_the_barrier_is_one() -> None:
    def waits(t: float) -> Point | None:
        y = 0.3 * t if t < 2 else 0.6 if t < 8 else 0.6 + 0.3 * (t - 8)
        return (0.5, y) if y < 1.1 else None

    assert [p.direction for p in passages(scene(waits))] == ["down"]


def test_a_network_that_half_believes_in_a_car_does_not_hide_the_region_that_shows_it() -> None:
    def half_seen() -> Iterable[Step]:
        for t, seen, regions in scene(DOWN, by="both"):
            yield t, Detections(seen.boxes, seen.scores * 0.22, seen.classes), regions

    assert [p.direction for p in passages(half_seen())] == ["down"]
