"""People walk as planned, keep apart, and their truth follows from where they were."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.scoring.events import TrueCrossing
from tests.sim.crowd import TICK_S, Body, Leg, Paths, Plan, walk
from tests.sim.door import Door, traffic
from tests.sim.truth import CLEAR_M, FloorGate, FloorZone, crossings, visits, waits

DOOR = FloorGate("door", (-1.5, 0.0), (1.5, 0.0), inside=(0.0, 1.0))
Way = Sequence[tuple[float, float]]


def path(*ways: Way) -> Paths:
    """People who are at these points, one a tick."""
    first = np.cumsum([0, *(len(way) for way in ways)])
    t = np.concatenate([np.arange(len(way)) * TICK_S for way in ways])
    return Paths(first, t, np.concatenate([np.array(way, float) for way in ways]))


def straight(*corners: tuple[float, float], step: float = 0.1) -> list[tuple[float, float]]:
    points: list[tuple[float, float]] = []
    for a, b in itertools.pairwise(corners):
        n = max(1, round(float(np.hypot(b[0] - a[0], b[1] - a[1])) / step))
        points += [(a[0] + (b[0] - a[0]) * i / n, a[1] + (b[1] - a[1]) * i / n) for i in range(n)]
    return [*points, corners[-1]]


def someone(*legs: Leg, t: float = 0.0, start: tuple[float, float] = (0.0, -5.0), group: int = 0) -> Plan:
    return Plan(t, start, legs, Body(), "test", group)


def events_of(way: Way, gate: FloorGate = DOOR) -> list[TrueCrossing]:
    return crossings(path(way), [someone()], [gate])


@pytest.mark.parametrize(
    ("corners", "expected"),
    [
        pytest.param([(0, -2), (0, 2)], ["in"], id="walks in"),
        pytest.param([(0, 2), (0, -2)], ["out"], id="walks out"),
        pytest.param([(0, -2), (0, 2), (0, -2)], ["in", "out"], id="in and out"),
        pytest.param([(0, -2), (0, 0.2), (0, -2)], [], id="turns back on the line"),
        pytest.param([(-4, -0.3), (4, -0.3)], [], id="walks along the line"),
        pytest.param([(-4, -2), (-2, 2)], [], id="walks round the end"),
        pytest.param([(-2, -2), (-2, 2), (0, 2), (0, -2)], ["out"], id="round the end, out through the door"),
        pytest.param([(0, -2), (0, 0.1), (1, -0.1), (1, 0.1), (1, 2)], ["in"], id="trembles on the line"),
    ],
)
def test_what_counts_as_a_crossing(corners: list[tuple[float, float]], expected: list[str]) -> None:
    assert [event.direction for event in events_of(straight(*corners))] == expected


def test_the_time_of_a_crossing_is_exact() -> None:
    (event,) = events_of([(0.0, -1.0), (0.0, -0.6), (0.0, 0.2), (0.0, 0.8)])
    assert event.t == pytest.approx(0.1 + 0.1 * 0.6 / 0.8)
    assert event.t_from == pytest.approx(0.1 + 0.1 * 0.35 / 0.8)
    assert event.t_to == pytest.approx(0.2 + 0.1 * 0.05 / 0.6)


points = st.tuples(st.floats(-1.4, 1.4), st.floats(-3, 3))


@given(st.lists(points, min_size=2, max_size=8))
def test_ins_less_outs_is_where_one_ends_up(corners: list[tuple[float, float]]) -> None:
    way = straight((0.0, -3.0), *corners)
    final = [np.sign(y) for _, y in way if abs(y) >= CLEAR_M][-1]
    events = events_of(way)
    assert sum(1 if e.direction == "in" else -1 for e in events) == (final + 1) / 2
    assert all(a.direction != b.direction for a, b in itertools.pairwise(events))


@given(st.lists(points, min_size=2, max_size=8))
def test_it_does_not_matter_from_which_end_a_gate_is_drawn(corners: list[tuple[float, float]]) -> None:
    way = straight((0.0, -3.0), *corners)
    drawn_back = FloorGate("door", DOOR.b, DOOR.a, DOOR.inside)
    assert [e.direction for e in events_of(way)] == [e.direction for e in events_of(way, drawn_back)]


ZONE = FloorZone("counter", "counter", ((0.0, 0.0), (2.0, 0.0), (2.0, 2.0), (0.0, 2.0)))


def test_a_visit_lasts_from_the_first_to_the_last_moment_inside() -> None:
    stay = [(-1.0, 1.0)] * 5 + [(1.0, 1.0)] * 41 + [(-1.0, 1.0)] * 30
    (visit,) = visits(path(stay), [someone()], [ZONE])
    assert (visit.t_in, visit.t_out) == pytest.approx((0.5, 4.5))
    assert not visit.passing


@pytest.mark.parametrize(
    ("beside", "seconds", "stays"),
    [
        pytest.param(-1.0, 1.5, 1, id="out for a moment"),
        pytest.param(-1.0, 3.0, 2, id="out for long"),
        pytest.param(-0.1, 9.0, 1, id="half a step out"),
    ],
)
def test_stepping_out_for_a_moment_does_not_end_a_visit(beside: float, seconds: float, stays: int) -> None:
    way = [(1.0, 1.0)] * 40 + [(beside, 1.0)] * int(seconds / TICK_S) + [(1.0, 1.0)] * 40
    assert len(visits(path(way), [someone()], [ZONE])) == stays


def test_a_short_stay_is_a_pass() -> None:
    (visit,) = visits(path([(1.0, 1.0)] * 15 + [(5.0, 1.0)] * 40), [someone()], [ZONE])
    assert visit.passing


def test_a_wait_ends_with_service_or_with_leaving() -> None:
    queue = FloorZone("queue", "queue", ((0.0, 0.0), (1.0, 0.0), (1.0, 2.0), (0.0, 2.0)))
    service = FloorZone("till", "service", ((1.0, 0.0), (2.0, 0.0), (2.0, 2.0), (1.0, 2.0)))
    served = [(0.5, 1.0)] * 100 + [(1.5, 1.0)] * 50 + [(9.0, 1.0)] * 30
    gave_up = [(0.5, 1.0)] * 100 + [(-5.0, 1.0)] * 50
    passed = [(0.5, 2.0 - 0.05 * i) for i in range(1, 40)] + [(5.0, 0.0)] * 50
    paths = path(served, gave_up, passed)
    found = waits(paths, visits(paths, [someone()] * 3, [queue, service]))
    assert [w.t_served is not None for w in found] == [True, False], "and nobody who only walked through"
    assert found[0].wait_s == pytest.approx(10.0)
    assert found[1].wait_s == pytest.approx(9.9)


def test_people_reach_what_they_plan_and_stand_there() -> None:
    plan = someone(Leg(0, 0, 1.3, hold_s=5.0), Leg(0, 6, 1.3))
    paths = walk([plan], (), np.random.default_rng(1))
    t, xy = paths.of(0)
    standing = t[np.hypot(*xy.T) < 0.3]
    assert 5.0 <= standing[-1] - standing[0] <= 7.0
    pace = np.hypot(*np.diff(xy, axis=0).T) / TICK_S
    assert 0.9 <= np.median(pace[:30]) <= 1.6
    assert np.hypot(*(xy[-1] - (0, 6))) < 0.6


def test_people_who_meet_head_on_pass_without_touching() -> None:
    plans = [someone(Leg(0, 5)), someone(Leg(0, -5), start=(0.0, 5.0), group=1)]
    paths = walk(plans, (), np.random.default_rng(2))
    (_, one), (_, two) = paths.of(0), paths.of(1)
    n = min(len(one), len(two))
    nearest = np.hypot(*(one[:n] - two[:n]).T).min()
    assert nearest > 0.3, f"{nearest:.2f} m"


def test_nobody_walks_through_walls() -> None:
    door = Door()
    plans = traffic(door, 150, 40.0, np.random.default_rng(3))
    paths = walk(plans, door.walls, np.random.default_rng(4))
    for person in range(paths.persons):
        _, xy = paths.of(person)
        through = np.flatnonzero(np.diff(np.sign(xy[:, 1])))
        if len(through):
            assert np.abs(xy[through, 0]).max() < door.half, f"person {person}"


def test_a_thousand_persons_are_a_thousand_persons() -> None:
    plans = traffic(Door(), 1000, 18.0, np.random.default_rng(5))
    assert len(plans) == 1000
    assert [p.t for p in plans] == sorted(p.t for p in plans)
    assert len({p.behaviour for p in plans}) == 11
