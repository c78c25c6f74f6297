"""Who stayed where, from when to when, and how it ended."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.floor import Place, Plane
from pipelines.layout import Point, Zone
from pipelines.records import Pass, Pulse, Visit, ZoneWindow
from pipelines.stays import BORN_S, HIDDEN_S
from pipelines.windows import Minutes
from pipelines.zones import ENTER_S, LEAVE_M, LEAVE_S, ZoneWatch
from tests.build import ASPECT, FRAME_M, WHOLE, frames, layout, only, rectangle, walk, watch, zone

COUNTER = zone(*rectangle(5, 3, 9, 7), min_stay=3)
"""Four metres by four, well inside a picture of 13.3 by 10."""
INSIDE, DEEP, OUTSIDE = (5.4, 5.0), (7.0, 5.0), (4.6, 5.0)


class Watcher:
    """One zone, told where tracks are in metres of the plain floor."""

    def __init__(self, at: Zone = COUNTER) -> None:
        self.zone = ZoneWatch("cam-1", at, Plane(ASPECT))

    def sees(
        self, t: float, place: Point, track: int = 1, at_edge: bool = False, cold: bool = False
    ) -> list[Visit | Pass]:
        metre = 1 / FRAME_M
        self.zone.sight(t, track, Place((place[0] * metre, place[1] * metre), metre), at_edge, cold)
        return self.zone.settle(t)

    def follows(self, path: Iterable[tuple[float, Point]], track: int = 1) -> list[Visit | Pass]:
        return [stay for t, place in path for stay in self.sees(t, place, track)]

    def whole(self, path: Iterable[tuple[float, Point]]) -> list[Visit | Pass]:
        """Until nothing more can come."""
        return self.follows(path) + self.zone.close()

    def loses(self, track: int = 1, closing: bool = False) -> list[Visit | Pass]:
        self.zone.forget(track, closing)
        return self.zone.close()


def at(place: Point, begin: float, end: float, fps: float = 5) -> list[tuple[float, Point]]:
    """Seen at one place from `begin` until before `end`."""
    return [(begin + i / fps, place) for i in range(round((end - begin) * fps))]


# ---- coming and going -----------------------------------------------------------------------------------


def test_whoever_comes_stays_and_leaves_is_one_whole_visit() -> None:
    (visit,) = Watcher().whole(at(OUTSIDE, 0, 2) + at(INSIDE, 2, 10) + at(OUTSIDE, 10, 14))
    assert isinstance(visit, Visit)
    assert (visit.t_in, visit.t_out) == pytest.approx((2.0, 9.8))
    assert (visit.camera, visit.zone, visit.track) == ("cam-1", "counter", 1)
    assert (visit.end_reason, visit.censored, visit.staff) == ("left", False, "unknown")


def test_the_visit_is_told_once_nobody_can_be_found_in_its_place_any_more() -> None:
    watcher = Watcher()
    assert watcher.follows(at(OUTSIDE, 0, 1) + at(INSIDE, 1, 8)) == []
    (told,) = [t for t, place in at(OUTSIDE, 8, 20) if watcher.sees(t, place)]
    assert told == pytest.approx(7.8 + BORN_S, abs=1.1)


def test_a_stay_shorter_than_min_stay_is_a_pass_and_no_visit() -> None:
    (found,) = Watcher().whole(at(OUTSIDE, 0, 2) + at(INSIDE, 2, 4.4) + at(OUTSIDE, 4.4, 8))
    assert isinstance(found, Pass)
    assert (found.camera, found.zone) == ("cam-1", "counter")
    assert found.t == pytest.approx(4.2)


@pytest.mark.parametrize(("stay_s", "kind"), [(2.8, Pass), (3.0, Visit), (3.2, Visit)])
def test_min_stay_is_the_border_between_pass_and_visit(stay_s: float, kind: type) -> None:
    (found,) = Watcher().whole(at(INSIDE, 2, 2 + stay_s + 0.2) + at(OUTSIDE, 2 + stay_s + 0.2, 9))
    assert isinstance(found, kind), found


def test_a_step_over_the_border_and_back_is_nothing() -> None:
    assert Watcher().whole(at(OUTSIDE, 0, 1) + at(INSIDE, 1, 1.4) + at(OUTSIDE, 1.4, 5)) == []


def test_at_a_slow_frame_rate_a_second_inside_is_enough_to_have_come() -> None:
    watcher = Watcher(zone(*rectangle(5, 3, 9, 7), min_stay=0))
    path = [(0.0, OUTSIDE), (1.0, INSIDE), (1.0 + ENTER_S, INSIDE), (3.0, OUTSIDE), (4.5, OUTSIDE)]
    assert [type(stay) for stay in watcher.whole(path)] == [Visit]


@pytest.mark.parametrize("away_s", [0.4, 1.0, LEAVE_S - 0.4])
def test_a_short_step_outside_does_not_end_the_visit(away_s: float) -> None:
    path = at(INSIDE, 0, 5) + at(OUTSIDE, 5, 5 + away_s) + at(INSIDE, 5 + away_s, 12) + at(OUTSIDE, 12, 16)
    (visit,) = Watcher().whole(path)
    assert isinstance(visit, Visit)
    assert (visit.t_in, visit.t_out) == pytest.approx((0.0, 11.8))


def test_whoever_comes_back_after_having_left_is_a_second_visit() -> None:
    path = at(INSIDE, 0, 5) + at(OUTSIDE, 5, 5 + LEAVE_S + 1) + at(INSIDE, 8, 13) + at(OUTSIDE, 13, 17)
    found = only(Visit, Watcher().whole(path))
    assert [(v.t_in, v.t_out) for v in found] == [pytest.approx((0, 4.8)), pytest.approx((8, 12.8))]


def test_missed_frames_do_not_end_the_visit() -> None:
    (visit,) = Watcher().whole(at(INSIDE, 0, 4) + at(INSIDE, 6.4, 12) + at(OUTSIDE, 12, 16))
    assert isinstance(visit, Visit)
    assert (visit.t_in, visit.t_out) == pytest.approx((0.0, 11.8))


def test_standing_on_the_border_is_neither_in_nor_out() -> None:
    border = (5 - LEAVE_M / 2, 5.0)
    path = at(INSIDE, 0, 5) + at(border, 5, 15) + at(INSIDE, 15, 20) + at(OUTSIDE, 20, 24)
    (visit,) = Watcher().whole(path)
    assert isinstance(visit, Visit)
    assert (visit.t_in, visit.t_out) == pytest.approx((0.0, 19.8))


# ---- how it ended, and what was not seen ----------------------------------------------------------------


def test_whoever_is_not_seen_again_in_the_middle_is_lost_and_censored() -> None:
    watcher = Watcher()
    watcher.follows(at(OUTSIDE, 0, 1) + at(DEEP, 1, 9))
    (visit,) = only(Visit, watcher.loses())
    assert (visit.end_reason, visit.censored) == ("lost", True)
    assert visit.t_out == pytest.approx(8.8)


def test_whoever_is_not_seen_again_near_the_border_has_left() -> None:
    watcher = Watcher()
    watcher.follows(at(OUTSIDE, 0, 1) + at(DEEP, 1, 6) + at(INSIDE, 6, 7))
    (visit,) = only(Visit, watcher.loses())
    assert (visit.end_reason, visit.censored) == ("left", False)


def test_whoever_is_lost_outside_has_left() -> None:
    watcher = Watcher()
    watcher.follows(at(OUTSIDE, 0, 1) + at(DEEP, 1, 6) + at(OUTSIDE, 6, 7))
    (visit,) = only(Visit, watcher.loses())
    assert (visit.end_reason, visit.censored) == ("left", False)
    assert visit.t_out == pytest.approx(5.8)


def test_whoever_is_inside_when_the_camera_stops_is_closed_and_censored() -> None:
    watcher = Watcher()
    watcher.follows(at(OUTSIDE, 0, 1) + at(INSIDE, 1, 9))
    (visit,) = only(Visit, watcher.loses(closing=True))
    assert (visit.end_reason, visit.censored) == ("closed", True)


def test_whoever_appears_in_the_middle_came_unseen_and_is_censored() -> None:
    (visit,) = Watcher().whole(at(DEEP, 2, 9) + at(OUTSIDE, 9, 13))
    assert isinstance(visit, Visit)
    assert (visit.end_reason, visit.censored) == ("left", True)


def test_whoever_appears_near_the_border_has_just_come() -> None:
    (visit,) = Watcher().whole(at(INSIDE, 2, 9) + at(OUTSIDE, 9, 13))
    assert isinstance(visit, Visit)
    assert not visit.censored


def test_whoever_was_there_when_the_camera_began_to_look_is_censored() -> None:
    watcher = Watcher()
    for t, place in at(INSIDE, 0, 6):
        watcher.sees(t, place, cold=True)
    (visit,) = only(Visit, watcher.whole(at(OUTSIDE, 6, 10)))
    assert visit.censored


def test_whoever_was_there_at_the_beginning_but_came_to_the_counter_in_sight_is_not_censored() -> None:
    watcher = Watcher()
    for t, place in at(OUTSIDE, 0, 1) + at(INSIDE, 1, 8):
        watcher.sees(t, place, cold=True)
    (visit,) = only(Visit, watcher.whole(at(OUTSIDE, 8, 12)))
    assert not visit.censored


# ---- laws -----------------------------------------------------------------------------------------------


@given(
    st.lists(st.tuples(st.sampled_from([INSIDE, DEEP, OUTSIDE, (4.9, 5.0)]), st.integers(1, 30)), max_size=15)
)
def test_visits_of_one_track_are_in_order_apart_long_enough_and_inside_what_was_seen(
    parts: list[tuple[Point, int]],
) -> None:
    watcher, path, t = Watcher(), [], 0.0
    for place, count in parts:
        path += [(t + i / 5, place) for i in range(count)]
        t += count / 5
    found = watcher.follows(path) + watcher.loses()
    visits = only(Visit, found)
    for visit in visits:
        assert visit.t_out - visit.t_in >= COUNTER.min_stay_s
        assert 0 <= visit.t_in <= visit.t_out <= t
        assert visit.censored or visit.end_reason == "left"
    for a, b in pairwise(visits):
        assert b.t_in - a.t_out >= LEAVE_S - 1e-9
    assert watcher.zone.now == 0


# ---- seen by a camera -----------------------------------------------------------------------------------


@pytest.mark.parametrize("fps", [3, 5, 10, 25])
def test_a_customer_at_a_counter_is_one_visit_at_any_frame_rate(fps: float) -> None:
    way = walk((1, 5), (7, 5), 20.0, (1, 5))
    (visit,) = only(Visit, watch(layout(zones=[COUNTER]), frames(way, fps=fps)))
    assert visit.t_in == pytest.approx(way.when(0, 5), abs=1.5 / fps + 0.1)
    leaves = way.times[2] + 2 / 1.2
    assert visit.t_out == pytest.approx(leaves, abs=1.5 / fps + 0.1)
    assert (visit.end_reason, visit.censored) == ("left", False)


def test_people_who_come_and_leave_over_the_picture_s_edge_are_whole_visits_of_a_whole_frame_zone() -> None:
    everywhere = Zone("room", "area", WHOLE, 2.0)
    first = walk((6, 12), (6, 7), 8.0, (15, 7), start=2.0)
    second = walk((-1, 6), (4, 6), 8.0, (4, 12), start=24.0)
    found = only(Visit, watch(layout(zones=[everywhere]), frames(first, second, until=45)))
    assert [(v.end_reason, v.censored) for v in found] == [("left", False), ("left", False)], found
    for visit, way in zip(found, (first, second), strict=True):
        assert visit.t_in == pytest.approx(way.times[0] + 1.0, abs=1.2)
        assert visit.t_out == pytest.approx(way.times[-1] - 1.0, abs=1.2)


def test_whoever_stands_in_two_zones_at_once_visits_both() -> None:
    inner = zone(*rectangle(6, 4, 8, 6), name="till", role="queue", min_stay=2)
    found = only(Visit, watch(layout(zones=[COUNTER, inner]), frames(walk((1, 5), (7, 5), 10.0, (1, 5)))))
    by_zone = {visit.zone: visit for visit in found}
    assert sorted(by_zone) == ["counter", "till"]
    assert by_zone["counter"].t_in < by_zone["till"].t_in < by_zone["till"].t_out < by_zone["counter"].t_out


def test_presence_is_the_sum_of_the_stays_and_the_peak_is_how_many_were_there_at_once() -> None:
    one, other = walk((1, 5), (6.5, 5), 20.0, (1, 5)), walk((13, 5), (7.6, 5), 12.0, (13, 5), start=3.0)
    facts = watch(layout(zones=[COUNTER]), frames(one, other))
    stays = [visit.t_out - visit.t_in for visit in only(Visit, facts)]
    pulses = [pulse.zones["counter"] for pulse in only(Pulse, facts)]
    assert len(stays) == 2
    presence = sum(pulse.person_seconds for pulse in pulses)
    # Late by the entry's debounce, long by the exit's, for each of the two.
    assert -2 * ENTER_S <= presence - sum(stays) <= 2 * (LEAVE_S + 0.3), (presence, stays)
    assert max(pulse.peak for pulse in pulses) == 2
    assert pulses[-1].now == 0


def test_a_person_hidden_for_a_moment_makes_one_visit() -> None:
    def hidden(frame: tuple[float, object]) -> bool:
        return 8.0 <= frame[0] < 10.0

    way = walk((1, 5), (7, 5), 12.0, (1, 5))
    empty = dict(frames(until=40))
    scene = ((t, empty[t] if hidden((t, d)) else d) for t, d in frames(way))
    found = only(Visit, watch(layout(zones=[COUNTER]), scene))
    assert [(v.end_reason, v.censored) for v in found] == [("left", False)]


# ---- in a crowd -----------------------------------------------------------------------------------------


def test_who_is_lost_at_the_counter_and_found_there_stays_on() -> None:
    watcher = Watcher()
    watcher.follows(at(OUTSIDE, 0, 1) + at(INSIDE, 1, 9))
    watcher.zone.forget(1)
    found = watcher.follows(at(INSIDE, 14, 20) + at(OUTSIDE, 20, 30), track=2)
    (visit,) = only(Visit, found)
    assert (visit.t_in, visit.t_out) == pytest.approx((1.0, 19.8))
    assert (visit.end_reason, visit.censored, visit.arrived) == ("left", False, True)


def test_who_is_found_much_later_is_somebody_else() -> None:
    watcher = Watcher()
    watcher.follows(at(OUTSIDE, 0, 1) + at(INSIDE, 1, 2) + at(DEEP, 2, 9))
    watcher.zone.forget(1)
    found = watcher.follows(at(DEEP, 9 + HIDDEN_S + 3, 40) + at(OUTSIDE, 40, 60), track=2)
    assert [(v.end_reason, v.arrived) for v in only(Visit, found)] == [("lost", True), ("left", False)]


def test_a_number_that_walks_off_with_a_passer_by_does_not_cut_the_visit() -> None:
    """Track 1 stands, track 2 passes; from 10 s on the numbers are exchanged."""
    watcher = Watcher()
    walker = [(8 + i / 5, (4.0 + i * 0.36, 5.6)) for i in range(40)]
    told = watcher.follows(at(OUTSIDE, 0, 1) + at(INSIDE, 1, 2) + at(DEEP, 2, 8))
    for t, place in walker:
        told += watcher.sees(t, DEEP, track=1 if t < 10 else 2)
        told += watcher.sees(t, place, track=2 if t < 10 else 1)
    told += watcher.follows(at(DEEP, 16, 20) + at((8.8, 5), 20, 20.4) + at((9.4, 5), 20.4, 30), track=2)
    (visit,) = only(Visit, told)
    assert visit.t_in == pytest.approx(1.0)
    assert visit.t_out == pytest.approx(20.2, abs=0.5)


def test_the_next_one_at_the_same_place_is_a_visit_of_their_own() -> None:
    one = walk((1, 5), (7, 5), 20.0, (7, 2), (1, 2))
    gone = one.times[2]
    other = walk((1, 5), (7, 5), 20.0, (1, 5), start=gone + 1.5 - 6 / 1.2)
    found = only(Visit, watch(layout(zones=[COUNTER]), frames(one, other)))
    assert len(found) == 2, found
    assert all(visit.t_out - visit.t_in < 26 for visit in found), found


@given(cut=st.floats(3, 60), shift=st.floats(0, 60))
def test_a_visit_does_not_depend_on_where_the_minutes_are_cut(cut: float, shift: float) -> None:
    path = at(OUTSIDE, 0, 2) + at(INSIDE, 2, 10 + cut) + at(OUTSIDE, 10 + cut, 18 + cut)
    (visit,) = only(Visit, Watcher().whole((t + shift, place) for t, place in path))
    assert visit.t_in - shift == pytest.approx(2.0)
    assert visit.t_out - visit.t_in == pytest.approx(7.8 + cut, abs=0.21)


@settings(deadline=None, max_examples=25)
@given(scale=st.floats(0.05, 20))
def test_visits_do_not_depend_on_the_scale_of_the_picture(scale: float) -> None:
    """The same people in a picture that shows them larger or smaller."""
    metre = scale / FRAME_M
    corners = tuple((x * metre / ASPECT, y * metre) for x, y in rectangle(5, 3, 9, 7))
    path = at(OUTSIDE, 0, 1) + at(INSIDE, 1, 9) + at(OUTSIDE, 9, 13)
    whole = Watcher().whole(path)
    again = ZoneWatch("cam-1", Zone("counter", "counter", corners, 3.0), Plane(ASPECT))
    told: list[Visit | Pass] = []
    for t, (x, y) in path:
        again.sight(t, 1, Place((x * metre, y * metre), metre), False, False)
        told += again.settle(t)
    assert told + again.close() == whole


@settings(deadline=None, max_examples=15)
@given(shift=st.floats(0, 60), rest=st.floats(1, 90))
def test_the_sum_of_the_minutes_is_what_the_visits_say(shift: float, rest: float) -> None:
    plan = layout(zones=[COUNTER])
    people = [
        walk((1, 5), (6, 5), rest, (1, 5), start=shift),
        walk((13, 5), (8, 5), rest / 2, (13, 5), start=shift),
    ]
    facts = watch(plan, frames(*people, fps=5, until=people[0].end + 20))
    minutes = Minutes([plan], sealed_before=0.0)
    for fact in facts:
        minutes.add(fact)
    windows = only(ZoneWindow, [w for _, made in minutes.close() for w in made])
    visits, passes = only(Visit, facts), only(Pass, facts)
    assert sum(w.visits for w in windows) == len(visits)
    assert sum(w.passes for w in windows) == len(passes)
    assert sum(w.arrivals for w in windows) == sum(v.arrived for v in visits) + sum(p.arrived for p in passes)
    assert sum(w.dwell_seconds for w in windows) == pytest.approx(
        sum(v.t_out - v.t_in for v in visits), abs=0.1
    )
