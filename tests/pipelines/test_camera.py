"""One camera's facts: observed time to the last second, ends at jumps, and what is not a customer."""

from __future__ import annotations

import math
from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.types import CLASSES, Detections
from pipelines.camera import PULSE_S, UNSEEN_S, CameraPipeline
from pipelines.records import Crossing, Fact, Pulse, Visit
from tests.build import (
    ASPECT,
    Row,
    boxes,
    frac,
    frames,
    gate,
    layout,
    only,
    person,
    rectangle,
    walk,
    watch,
    zone,
)
from tests.pipelines.test_tracker import cells

COUNTER = zone(*rectangle(5, 3, 9, 7), min_stay=3)
DOOR = gate((6, 2), (6, 8))


def sum_of(pulses: list[Pulse]) -> tuple[float, int]:
    return math.fsum(p.observed_s for p in pulses), sum(p.frames for p in pulses)


# ---- observed time --------------------------------------------------------------------------------------

gaps = st.lists(
    st.sampled_from([0.04, 0.1, 0.2, 0.33, 0.5, 1.0, 1.9, UNSEEN_S, 2.1, 7.0, 70.0]), max_size=200
)


@given(gaps, st.floats(0, 130))
def test_pulses_account_for_every_observed_second_in_its_own_minute_and_for_no_hole(
    dts: list[float], start: float
) -> None:
    pipeline, t = CameraPipeline(layout(), ASPECT), start
    covered: dict[int, float] = defaultdict(float)
    facts = pipeline.step(t, Detections.none())
    for dt in dts:
        before, t = t, t + dt
        facts += pipeline.step(t, Detections.none())
        if t - before <= UNSEEN_S:
            border = math.floor(t / 60) * 60
            covered[math.floor(before / 60)] += min(t, max(before, border)) - before
            covered[math.floor(t / 60)] += t - max(before, border)
    facts += pipeline.close(t)
    pulses = only(Pulse, facts)
    seen: dict[int, float] = defaultdict(float)
    for pulse in pulses:
        seen[math.floor((pulse.t - 1e-6) / 60)] += pulse.observed_s
    for minute in covered.keys() | seen.keys():
        assert seen[minute] == pytest.approx(covered[minute], abs=1e-4), minute
        assert seen[minute] <= 60 + 1e-6
    assert sum(p.frames for p in pulses) == len(dts) + 1


def test_a_pulse_comes_about_every_second() -> None:
    pulses = only(Pulse, watch(layout(), frames(until=10)))
    assert len(pulses) == pytest.approx(10 / PULSE_S, abs=1)
    assert sum_of(pulses)[0] == pytest.approx(10.0)
    assert sum_of(pulses)[1] == 101


def test_person_seconds_are_the_persons_times_the_observed_time() -> None:
    standing = [walk((4, 5), 30.0), walk((8, 5), 30.0), walk((11, 6), 30.0)]
    pulses = only(Pulse, watch(layout(), frames(*standing)))
    assert sum(p.person_seconds for p in pulses) == pytest.approx(90, abs=1.5)
    assert pulses[-2].persons == 3
    assert max(p.persons_peak for p in pulses) == 3


def test_nobody_is_present_in_a_hole() -> None:
    scene = [(t, d) for t, d in frames(walk((4, 5), 30.0)) if not 10 < t < 20]
    pulses = only(Pulse, watch(layout(), scene))
    assert sum_of(pulses)[0] == pytest.approx(20, abs=0.15)
    assert sum(p.person_seconds for p in pulses) == pytest.approx(20, abs=1.0)


# ---- gap and close --------------------------------------------------------------------------------------


def fed(pipeline: CameraPipeline, *rows: Row, begin: float, end: float, fps: float = 10) -> list[Fact]:
    facts: list[Fact] = []
    for i in range(round((end - begin) * fps)):
        facts += pipeline.step(begin + i / fps, boxes(*rows))
    return facts


@pytest.mark.parametrize("ending", ["gap", "close"])
def test_a_stay_ends_closed_when_the_picture_jumps_or_the_camera_stops(ending: str) -> None:
    pipeline = CameraPipeline(layout(zones=[COUNTER]), ASPECT)
    fed(pipeline, begin=0, end=2)
    fed(pipeline, person((5.5, 5)), begin=2, end=10)
    (visit,) = only(Visit, getattr(pipeline, ending)(10.0))
    assert (visit.end_reason, visit.censored) == ("closed", True)
    assert (visit.t_in, visit.t_out) == pytest.approx((2.2, 9.9), abs=0.3)


def test_after_a_jump_nobody_goes_on_under_the_old_number_and_whoever_is_there_came_unseen() -> None:
    pipeline = CameraPipeline(layout(zones=[COUNTER]), ASPECT)
    before = fed(pipeline, person((5.5, 5)), begin=0, end=8) + pipeline.gap(8.0)
    after = fed(pipeline, person((5.5, 5)), begin=8.5, end=15) + pipeline.close(15.0)
    first, second = only(Visit, before + after)
    assert first.track != second.track
    assert second.censored


def test_the_time_between_a_jump_and_the_next_frame_is_not_observed() -> None:
    pipeline = CameraPipeline(layout(), ASPECT)
    facts = fed(pipeline, begin=0, end=8) + pipeline.gap(7.9)
    facts += fed(pipeline, begin=9.0, end=12) + pipeline.close(11.9)
    assert sum_of(only(Pulse, facts))[0] == pytest.approx(7.9 + 2.9)


def test_no_crossing_is_made_of_a_jump() -> None:
    pipeline = CameraPipeline(layout(gates=[DOOR]), ASPECT)
    facts = fed(pipeline, person((6.5, 5)), begin=0, end=2) + pipeline.gap(2.0)
    facts += fed(pipeline, person((5.5, 5)), begin=2.1, end=4) + pipeline.close(4.0)
    assert only(Crossing, facts) == []


def test_a_camera_that_never_gave_a_frame_tells_nothing() -> None:
    pipeline = CameraPipeline(layout(zones=[COUNTER], gates=[DOOR]), ASPECT)
    assert pipeline.gap(3.0) == []
    assert pipeline.close(5.0) == []
    assert pipeline.persons == []


def test_closing_twice_tells_nothing_more() -> None:
    pipeline = CameraPipeline(layout(zones=[COUNTER]), ASPECT)
    fed(pipeline, person((5.5, 5)), begin=0, end=8)
    assert pipeline.close(8.0) != []
    assert pipeline.close(8.0) == []


# ---- who is counted -------------------------------------------------------------------------------------


def test_vehicles_are_no_persons() -> None:
    x1, y1, x2, y2, score, _ = person((6.5, 5))
    car: Row = (x1, y1, x2, y2, score, CLASSES.index("car"))
    pipeline = CameraPipeline(layout(zones=[COUNTER]), ASPECT)
    facts = fed(pipeline, car, begin=0, end=10) + pipeline.close(10.0)
    assert only(Visit, facts) == []
    assert max(p.persons_peak for p in only(Pulse, facts)) == 0


def test_whoever_stands_in_a_masked_place_is_not_seen() -> None:
    mirror = [frac(corner) for corner in rectangle(9, 0, 13, 6)]
    reflection, customer = walk((11, 5), 15.0), walk((4, 5), 15.0)
    facts = watch(layout(mask=[mirror]), frames(reflection, customer))
    assert max(p.persons_peak for p in only(Pulse, facts)) == 1


def test_a_mask_does_not_hide_whoever_stands_in_front_of_it() -> None:
    """The head may be before the masked wall; the foot decides."""
    poster = [frac(corner) for corner in rectangle(3, 2, 9, 4.5)]
    facts = watch(layout(mask=[poster]), frames(walk((6, 5), 10.0)))
    assert max(p.persons_peak for p in only(Pulse, facts)) == 1


def test_a_person_cut_off_by_the_lower_edge_is_in_a_zone_that_ends_there() -> None:
    below = zone(*rectangle(4, 7, 9, 10), min_stay=2)
    facts = watch(layout(zones=[below]), frames(walk((6, 6), (6, 10.4), 10.0, (6, 6))))
    (visit,) = only(Visit, facts)
    assert visit.t_out - visit.t_in > 10


def test_without_zones_gates_and_lanes_only_presence_is_told() -> None:
    facts = watch(layout(), frames(walk((2, 5), (10, 5))))
    assert {type(fact) for fact in facts} == {Pulse}


def test_an_empty_frame_is_no_fault() -> None:
    pipeline = CameraPipeline(layout(mask=[[(0, 0), (1, 0), (1, 1)]]), ASPECT)
    assert pipeline.step(0.0, Detections.none()) == []


# ---- months ---------------------------------------------------------------------------------------------


def test_memory_does_not_grow_with_the_visitors_that_were() -> None:
    plan = layout(gates=[DOOR, gate((9, 2), (9, 8), name="other")], zones=[COUNTER])
    pipeline = CameraPipeline(plan, ASPECT)
    way, sizes = walk((3, 5), (10, 5), speed=2.0), []
    for visitor in range(120):
        begin = visitor * 10.0
        for i in range(20):
            place = way.at(i / 5)
            pipeline.step(begin + i / 5, boxes() if place is None else boxes(person(place)))
        sizes.append(cells(pipeline))
    assert max(sizes[30:]) <= max(sizes[:30]), (max(sizes[:30]), max(sizes[30:]))
