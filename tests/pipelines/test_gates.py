"""Who walked through, which way and when: laws of a gate on plain ways over the floor."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Sequence
from itertools import pairwise

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pipelines.floor import Place, Plane
from pipelines.gates import BAND_M, INFER_SPEED, U_TURN_S, GateCounter
from pipelines.layout import CameraLayout, Floor, Gate, Point, Side
from pipelines.records import Crossing
from tests.build import ASPECT, FRAME_M, Walk, frac, frames, gate, layout, only, walk, watch

M = 1 / FRAME_M
"""A metre in frame heights."""
DOOR = gate((6, 2), (6, 8))
"""Drawn from top to bottom of the picture: its right-hand side, the inside, is the picture's left."""


class Watcher:
    """One gate, told where tracks are in metres of the plain floor."""

    def __init__(self, at: Gate, scale: float = 1.0) -> None:
        self.scale = scale
        self.counter = GateCounter("cam-1", at, Plane(ASPECT))

    def sees(self, t: float, track: int, place: Point, confirmed: bool = True) -> list[Crossing]:
        x, y = place
        k = M * self.scale
        return self.counter.sight(t, track, Place((x * k, y * k), k), confirmed)

    def follows(self, track: int, steps: Iterable[tuple[float, Point]]) -> list[Crossing]:
        return [crossing for t, place in steps for crossing in self.sees(t, track, place)]


def steps(way: Walk, fps: float = 10) -> list[tuple[float, Point]]:
    """The sightings of somebody seen in every frame."""
    found = ((i / fps, way.at(i / fps)) for i in range(int(way.end * fps) + 1))
    return [(t, place) for t, place in found if place is not None]


def every(places: Sequence[Point], dt: float = 0.2) -> list[tuple[float, Point]]:
    return [(i * dt, place) for i, place in enumerate(places)]


def ways(crossings: Iterable[Crossing]) -> list[str]:
    return [crossing.direction for crossing in crossings]


# ---- direction ------------------------------------------------------------------------------------------

FROM_THE_LEFT, FROM_THE_RIGHT = walk((3, 5), (9, 5)), walk((9, 5), (3, 5))
FROM_ABOVE, FROM_BELOW = walk((6, 2), (6, 8)), walk((6, 8), (6, 2))


@pytest.mark.parametrize(
    ("line", "inside", "way", "expected"),
    [
        pytest.param(((6, 2), (6, 8)), "right", FROM_THE_RIGHT, "in", id="upright, right: leftwards is in"),
        pytest.param(((6, 2), (6, 8)), "right", FROM_THE_LEFT, "out", id="upright, right: rightwards is out"),
        pytest.param(((6, 2), (6, 8)), "left", FROM_THE_LEFT, "in", id="upright, left: rightwards is in"),
        pytest.param(((2, 5), (10, 5)), "right", FROM_ABOVE, "in", id="level, right: downwards is in"),
        pytest.param(((2, 5), (10, 5)), "right", FROM_BELOW, "out", id="level, right: upwards is out"),
        pytest.param(((2, 5), (10, 5)), "left", FROM_BELOW, "in", id="level, left: upwards is in"),
        pytest.param(((3, 2), (9, 8)), "right", FROM_THE_RIGHT, "in", id="oblique, right: leftwards is in"),
        pytest.param(((3, 2), (9, 8)), "right", FROM_BELOW, "out", id="oblique, right: upwards is out"),
        pytest.param(((3, 8), (9, 2)), "right", FROM_ABOVE, "in", id="other oblique, right: downwards is in"),
    ],
)  # fmt: skip
def test_in_is_towards_the_side_named_in_the_site_file(
    line: tuple[Point, Point], inside: Side, way: Walk, expected: str
) -> None:
    assert ways(Watcher(gate(*line, inside)).follows(1, steps(way))) == [expected]
    (crossing,) = only(Crossing, watch(layout(gates=[gate(*line, inside)]), frames(way)))
    assert crossing.direction == expected
    assert (crossing.camera, crossing.gate, crossing.inferred) == ("cam-1", "door", False)


places = st.tuples(st.floats(1, 12), st.floats(0.5, 9.5))
paths = st.lists(places, min_size=2, max_size=14)
seeds = st.integers(0, 2**32 - 1)


def strolls(seed: int, count: int = 60, stride: float = 0.35) -> list[Point]:
    """A wandering way in strides that a person can make in .2 s."""
    rng = random.Random(seed)
    x, y, heading = rng.uniform(4, 8), rng.uniform(3, 7), rng.uniform(0, math.tau)
    path = [(x, y)]
    for _ in range(count):
        heading += rng.gauss(0, 0.7)
        if math.dist((x, y), (6, 5)) > 4:
            heading = math.atan2(5 - y, 6 - x)
        x, y = x + stride * math.cos(heading), y + stride * math.sin(heading)
        path.append((x, y))
    return path


@given(seeds)
def test_it_does_not_matter_which_way_the_line_is_drawn(seed: int) -> None:
    path = every(strolls(seed))
    one = Watcher(gate((6, 3), (6, 7), "right")).follows(1, path)
    other = Watcher(gate((6, 7), (6, 3), "left")).follows(1, path)
    assert ways(one) == ways(other)
    assert [c.t for c in one] == pytest.approx([c.t for c in other])


@given(seeds, st.floats(0, math.tau))
def test_a_turned_scene_counts_the_same(seed: int, angle: float) -> None:
    def turned(p: Point) -> Point:
        c, s = math.cos(angle), math.sin(angle)
        x, y = p[0] - 6, p[1] - 5
        return 6 + c * x - s * y, 5 + s * x + c * y

    path = strolls(seed)
    as_drawn = Watcher(gate((6, 3), (6, 7))).follows(1, every(path))
    after = Watcher(gate(turned((6, 3)), turned((6, 7)))).follows(1, every([turned(p) for p in path]))
    assert ways(as_drawn) == ways(after)
    assert [c.t for c in as_drawn] == pytest.approx([c.t for c in after], abs=1e-6)


@given(seeds, st.floats(0.05, 1.0))
def test_the_picture_s_scale_does_not_matter(seed: int, scale: float) -> None:
    path = every(strolls(seed))
    (ax, ay), (bx, by) = frac((6, 3)), frac((6, 7))
    small = Gate("door", (ax * scale, ay * scale), (bx * scale, by * scale), "right")
    whole = Watcher(gate((6, 3), (6, 7))).follows(1, path)
    scaled = Watcher(small, scale).follows(1, path)
    assert ways(whole) == ways(scaled)
    assert [c.t for c in whole] == pytest.approx([c.t for c in scaled], abs=1e-6)


WALL = gate((6, -30), (6, 40), name="wall")
"""So long that nobody gets round its ends."""


@given(paths)
def test_retracing_every_step_undoes_every_crossing(path: list[Point]) -> None:
    assume(all(abs(x - 6) != BAND_M for x, _ in path))
    found = ways(Watcher(WALL).follows(1, every(path + path[::-1], 5.0)))
    assert found.count("in") == found.count("out"), found


@given(seeds)
def test_retracing_a_stroll_undoes_every_crossing(seed: int) -> None:
    path = strolls(seed, 120)
    found = ways(Watcher(WALL).follows(1, every(path + path[::-1])))
    assert found.count("in") == found.count("out"), found


@given(seeds)
def test_in_and_out_take_turns_and_tell_where_the_stroll_ends(seed: int) -> None:
    path = strolls(seed, 120)
    found = ways(Watcher(WALL).follows(1, every(path)))
    assert all(a != b for a, b in pairwise(found)), found
    clear = [x for x, _ in path if abs(x - 6) > BAND_M + 1e-9]
    began_inside, ends_inside = clear[0] < 6, clear[-1] < 6
    assert found.count("in") - found.count("out") == ends_inside - began_inside


# ---- the band -------------------------------------------------------------------------------------------


@given(st.lists(st.floats(-0.99 * BAND_M, 0.99 * BAND_M), min_size=2, max_size=50))
def test_trembling_on_the_line_counts_nothing(offsets: list[float]) -> None:
    assert Watcher(DOOR).follows(1, every([(6 + dx, 5) for dx in offsets])) == []


@given(st.lists(st.floats(-0.99 * BAND_M, 0.99 * BAND_M), min_size=2, max_size=50))
def test_whoever_comes_to_the_line_and_goes_back_counts_nothing(offsets: list[float]) -> None:
    path = [(7.0, 5.0), *((6 + dx, 5.0) for dx in offsets), (7.0, 5.0)]
    assert Watcher(DOOR).follows(1, every(path)) == []


@given(st.lists(st.floats(-0.99 * BAND_M, 0.99 * BAND_M), min_size=2, max_size=50))
def test_whoever_lingers_in_the_doorway_counts_once_when_last_stepping_over_the_line(
    offsets: list[float],
) -> None:
    path = every([(7.0, 5.0), *((6 + dx, 5.0) for dx in offsets), (5.0, 5.0)])
    (crossing,) = Watcher(DOOR).follows(1, path)
    assert crossing.direction == "in"
    last_outside = max(t for t, (x, _) in path if x >= 6)
    assert last_outside - 1e-6 <= crossing.t <= last_outside + 0.2 + 1e-6


@pytest.mark.parametrize("fps", [3, 5, 10, 15, 25])
def test_a_lingerer_seen_by_a_camera_counts_once(fps: float) -> None:
    way = walk((9, 5), (6.1, 5), 3.0, (5.9, 5.1), 3.0, (6.05, 5), 2.0, (3, 5))
    found = only(Crossing, watch(layout(gates=[DOOR]), frames(way, fps=fps)))
    assert ways(found) == ["in"]


def test_in_and_back_out_is_one_in_and_one_out() -> None:
    way = walk((9, 5), (4.5, 5), (9, 5))
    assert ways(only(Crossing, watch(layout(gates=[DOOR]), frames(way)))) == ["in", "out"]


# ---- the segment ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "way",
    [
        pytest.param(walk((9, 1), (3, 1)), id="beyond the first end"),
        pytest.param(walk((9, 9.3), (3, 9.3)), id="beyond the last end"),
        pytest.param(walk((7.5, 5), (7.5, 1), (4.5, 1), (4.5, 5)), id="round the end and back to the middle"),
    ],
)
def test_a_way_round_the_end_of_the_line_counts_nothing(way: Walk) -> None:
    assert Watcher(DOOR).follows(1, steps(way)) == []
    assert only(Crossing, watch(layout(gates=[DOOR]), frames(way))) == []


def test_having_gone_round_the_end_one_still_comes_back_through_the_door() -> None:
    way = walk((7.5, 5), (7.5, 1), (4.5, 1), (4.5, 5), (7.5, 5))
    assert ways(Watcher(DOOR).follows(1, steps(way))) == ["out"]


def test_a_line_with_two_ends_in_one_place_is_refused() -> None:
    with pytest.raises(ValueError, match="both ends are the same place"):
        Watcher(gate((6, 5), (6, 5)))


# ---- time -----------------------------------------------------------------------------------------------


@given(
    st.floats(0.3, 2.5),
    st.sampled_from([3, 5, 10, 15, 25]),
    st.floats(0, 1),
    st.tuples(st.floats(8, 10), st.floats(3, 7)),
    st.tuples(st.floats(2, 4), st.floats(3, 7)),
)
def test_the_time_of_a_steady_walk_is_exact_between_frames(
    speed: float, fps: float, phase: float, begin: Point, end: Point
) -> None:
    way = walk(begin, end, speed=speed, start=phase / fps)
    (crossing,) = Watcher(DOOR).follows(1, steps(way, fps))
    assert crossing.t == pytest.approx(way.when(0, 6), abs=1e-6)


@pytest.mark.parametrize("fps", [5, 10, 25])
@pytest.mark.parametrize("speed", [0.6, 1.2, 1.8])
def test_seen_by_a_camera_the_time_is_right_within_half_a_frame(speed: float, fps: float) -> None:
    way = walk((9.5, 5), (2.5, 5), speed=speed)
    (crossing,) = only(Crossing, watch(layout(gates=[DOOR]), frames(way, fps=fps)))
    assert crossing.t == pytest.approx(way.when(0, 6), abs=0.5 / fps)


# ---- gaps -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("gap_s", "inferred"),
    [(0.3, False), (0.9, False), (1.4, True), (2.4, True)],
)
def test_a_gap_at_the_line_is_bridged_and_a_long_one_is_told_as_inferred(
    gap_s: float, inferred: bool
) -> None:
    way = walk((9, 5), (3, 5))
    middle = way.when(0, 6)
    path = [(t, p) for t, p in steps(way) if abs(t - middle) > gap_s / 2]
    (crossing,) = Watcher(DOOR).follows(1, path)
    assert crossing.inferred is inferred
    assert crossing.t == pytest.approx(middle, abs=0.05)


def test_nobody_changes_sides_unseen_faster_than_people_run() -> None:
    watcher = Watcher(DOOR)
    far = INFER_SPEED * 1.5 + 0.5
    assert watcher.follows(1, [(0.0, (6 + far / 2, 5)), (1.5, (6 - far / 2, 5))]) == []


def test_within_a_second_even_a_leap_is_seen() -> None:
    """A camera at 3 fps that drops two frames sees a runner leap."""
    assert ways(Watcher(DOOR).follows(1, [(0.0, (7.2, 5)), (1.0, (4.8, 5))])) == ["in"]


# ---- confirmation ---------------------------------------------------------------------------------------


def test_what_a_track_did_before_it_was_believed_counts_when_it_is() -> None:
    watcher = Watcher(DOOR)
    assert watcher.sees(0.0, 1, (6.6, 5), confirmed=False) == []
    assert watcher.sees(0.5, 1, (5.4, 5), confirmed=False) == []
    (crossing,) = watcher.sees(1.0, 1, (4.4, 5), confirmed=True)
    assert crossing.direction == "in"
    assert crossing.t == pytest.approx(0.25)


def test_a_track_that_was_never_believed_counts_nothing() -> None:
    watcher = Watcher(DOOR)
    for t, x in ((0.0, 6.6), (0.5, 5.4)):
        assert watcher.sees(t, 1, (x, 5), confirmed=False) == []
    watcher.counter.forget(1)
    assert watcher.sees(1.0, 1, (5.4, 5), confirmed=True) == []


# ---- one person, two numbers; two persons ---------------------------------------------------------------


def test_one_person_whose_number_changed_at_the_line_counts_once() -> None:
    watcher = Watcher(DOOR)
    found = watcher.follows(1, [(0.0, (6.6, 5)), (0.2, (6.2, 5)), (0.4, (5.6, 5))])
    watcher.counter.forget(1)
    found += watcher.follows(2, [(0.6, (6.35, 5)), (0.8, (5.9, 5)), (1.0, (5.5, 5))])
    assert ways(found) == ["in"]
    assert watcher.counter.duplicates == 1


@settings(max_examples=50)
@given(st.floats(0.3, 1.0), st.floats(0, 0.9))
def test_a_pair_counts_twice_however_close(apart: float, behind_s: float) -> None:
    watcher = Watcher(DOOR)
    first, second = walk((9, 5), (3, 5)), walk((9, 5 + apart), (3, 5 + apart), start=behind_s)
    found = []
    for i in range(70):
        t = i / 10
        for track, way in ((1, first), (2, second)):
            place = way.at(t)
            if place is not None:
                found += watcher.sees(t, track, place)
    assert ways(found) == ["in", "in"]


@pytest.mark.parametrize("fps", [3, 5, 10, 25])
def test_a_file_of_people_seen_by_a_camera_counts_each(fps: float) -> None:
    file = [walk((10, 5), (2, 5), start=0.9 * i) for i in range(5)]
    found = only(Crossing, watch(layout(gates=[DOOR]), frames(*file, fps=fps)))
    assert ways(found) == ["in"] * 5
    assert len({c.track for c in found}) == 5


def test_two_who_pass_each_other_in_the_door_are_one_in_and_one_out() -> None:
    meeting = walk((9, 4.7), (3, 4.7)), walk((3, 5.4), (9, 5.4))
    found = only(Crossing, watch(layout(gates=[DOOR]), frames(*meeting)))
    assert sorted(ways(found)) == ["in", "out"]


# ---- several gates, several rates -----------------------------------------------------------------------


@pytest.mark.parametrize("fps", [3, 5, 10, 15, 25])
def test_the_frame_rate_does_not_change_what_is_counted(fps: float) -> None:
    plan = layout(gates=[gate((4, 1), (4, 9), name="west"), gate((9, 1), (9, 9), "left", name="east")])
    people = walk((1, 4), (12, 4)), walk((12, 6), (1, 6), start=1.0), walk((6.5, 2), (6.5, 8), 2.0, (12, 8))
    found = only(Crossing, watch(plan, frames(*people, fps=fps)))
    assert sorted((c.gate, c.direction) for c in found) == [
        ("east", "in"), ("east", "in"), ("east", "out"), ("west", "in"), ("west", "out"),
    ]  # fmt: skip


# ---- calibrated floors ----------------------------------------------------------------------------------

QUAD: tuple[Point, ...] = ((0.1, 0.9), (0.9, 0.9), (0.7, 0.3), (0.3, 0.3))


@pytest.mark.parametrize(
    "metres",
    [
        pytest.param(((0, 0), (4, 0), (4, 6), (0, 6)), id="as a map with y away from the camera"),
        pytest.param(((0, 6), (4, 6), (4, 0), (0, 0)), id="as a map with y towards the camera"),
        pytest.param(((4, 0), (0, 0), (0, 6), (4, 6)), id="mirrored"),
        pytest.param(((10, 10), (10, 14), (4, 14), (4, 10)), id="turned"),
    ],
)
@pytest.mark.parametrize(
    ("line", "way", "expected"),
    [
        (Gate("door", (0.5, 0.35), (0.5, 0.85), "right"), ((0.7, 0.6), (0.3, 0.6)), "in"),
        (Gate("door", (0.5, 0.35), (0.5, 0.85), "left"), ((0.7, 0.6), (0.3, 0.6)), "out"),
        (Gate("door", (0.25, 0.6), (0.75, 0.6), "right"), ((0.5, 0.4), (0.5, 0.85)), "in"),
    ],
)
def test_on_a_measured_floor_in_is_still_what_the_picture_says(
    metres: tuple[Point, ...], line: Gate, way: tuple[Point, Point], expected: str
) -> None:
    plane = Plane.of(CameraLayout("cam-1", floor=Floor(QUAD, metres)), ASPECT)
    counter = GateCounter("cam-1", line, plane)
    found: list[Crossing] = []
    for i in range(21):
        x, y = (a + i / 20 * (b - a) for a, b in zip(*way, strict=True))
        place = plane.place(x * ASPECT, y, 0.1)
        assert place is not None
        found += counter.sight(i / 5, 1, place, True)
    assert ways(found) == [expected]


def test_a_gate_above_the_measured_floor_s_horizon_is_refused() -> None:
    plane = Plane.of(CameraLayout("cam-1", floor=Floor(QUAD, ((0, 0), (4, 0), (4, 6), (0, 6)))), ASPECT)
    with pytest.raises(ValueError, match="above the horizon"):
        GateCounter("cam-1", Gate("door", (0.5, -0.5), (0.5, 0.5), "right"), plane)


# ---- U-turns --------------------------------------------------------------------------------------------


def turns(crossings: Iterable[Crossing]) -> list[tuple[str, bool]]:
    return [(crossing.direction, crossing.u_turn) for crossing in crossings]


@pytest.mark.parametrize(
    ("way", "expected"),
    [
        pytest.param(walk((9, 5), (5.4, 5), (9, 5)), [("in", False), ("out", True)], id="in and out at once"),
        pytest.param(walk((3, 5), (6.6, 5), (3, 5)), [("out", False), ("in", True)], id="out and in at once"),
        pytest.param(
            walk((9, 5), (4.5, 5), (9, 5)), [("in", False), ("out", False)], id="further in than a doorway"
        ),
        pytest.param(
            walk((9, 5), (5.4, 5), 3.0, (9, 5)), [("in", False), ("out", False)], id="stayed a while inside"
        ),
        pytest.param(
            walk((9, 5), (5.4, 5), (6.6, 5), (3, 5)),
            [("in", False), ("out", True), ("in", False)],
            id="in, out and in again is one entry",
        ),
        pytest.param(
            walk((9, 5), (5.4, 5), (6.6, 5), (5.4, 5), (9, 5)),
            [("in", False), ("out", True), ("in", False), ("out", True)],
            id="twice in and out",
        ),
    ],
)
@pytest.mark.parametrize("fps", [5, 10, 25])
def test_whoever_turns_round_in_the_doorway_takes_the_crossing_back(
    way: Walk, expected: list[tuple[str, bool]], fps: float
) -> None:
    assert turns(Watcher(DOOR).follows(1, steps(way, fps))) == expected


def test_another_one_who_goes_out_takes_nothing_back() -> None:
    watcher = Watcher(DOOR)
    found = watcher.follows(1, steps(walk((9, 5), (5.4, 5))))
    found += watcher.follows(2, [(t + 3.2, p) for t, p in steps(walk((5.4, 5), (9, 5)))])
    assert turns(found) == [("in", False), ("out", False)]


@given(seeds)
def test_u_turns_take_back_whole_pairs(seed: int) -> None:
    """Each follows at once on the crossing that it takes back, which takes none back itself."""
    found = Watcher(WALL).follows(1, every(strolls(seed, 120)))
    for before, after in pairwise(found):
        if after.u_turn:
            assert not before.u_turn
            assert before.direction != after.direction
            assert after.t - before.t <= U_TURN_S
    assert not any(crossing.u_turn for crossing in found[:1])


@given(seeds)
def test_u_turns_do_not_depend_on_which_way_the_line_is_drawn_nor_on_scale(seed: int) -> None:
    path = every(strolls(seed))
    one = Watcher(gate((6, 3), (6, 7), "right")).follows(1, path)
    other = Watcher(gate((6, 7), (6, 3), "left")).follows(1, path)
    (ax, ay), (bx, by) = frac((6, 3)), frac((6, 7))
    small = Gate("door", (ax / 3, ay / 3), (bx / 3, by / 3), "right")
    assert turns(one) == turns(other) == turns(Watcher(small, 1 / 3).follows(1, path))
