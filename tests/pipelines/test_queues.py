"""Who waits, for how long, and how it ends; on a plain floor in metres, without a tracker."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.floor import Place, Plane
from pipelines.layout import Point, Zone
from pipelines.queues import ABANDON_S, JOIN_S, QueueWatch
from pipelines.records import Wait
from pipelines.stays import HIDDEN_S, REST_S
from pipelines.throughput import RATE_OVER_S, RATE_SERVED, Throughput
from tests.build import ASPECT, FRAME_M, frames, layout, only, rectangle, walk, watch, zone

QUEUE = zone(*rectangle(4, 3, 6, 9), name="line", role="queue")
TILL = zone(*rectangle(4, 1.5, 6, 3), name="till", role="service")
DESK = zone(*rectangle(7, 3, 9, 9), name="desk", role="counter")
OUTSIDE, MOUTH, SECOND, FIRST, SERVED = (2.0, 8.5), (5.0, 8.5), (5.0, 4.5), (5.0, 3.6), (5.0, 2.2)
FPS = 5
METRE = 1 / FRAME_M

Path = list[tuple[float, Point]]


class Watcher:
    """One queue, told where tracks are in metres."""

    def __init__(self, service: Iterable[Zone] = (TILL,)) -> None:
        self.queue = QueueWatch("cam-1", QUEUE, Plane(ASPECT), tuple(service), (TILL, DESK))
        self.waits: list[Wait] = []

    def follows(self, *paths: Path, staff: bool = False, cold: bool = False) -> list[Wait]:
        """Everybody along their paths at once, the first being track 1, and time passing."""
        places: dict[float, list[tuple[int, Point]]] = {}
        for track, path in enumerate(paths, start=1):
            for t, place in path:
                places.setdefault(round(t * FPS) / FPS, []).append((track, place))
        before = min(places)
        for t in sorted(places):
            self.waits += self.queue.pass_time(t, t - before)
            for track, (x, y) in places[t]:
                at = Place((x * METRE, y * METRE), METRE)
                self.waits += self.queue.sight(t, track, at, cold=cold, staff=staff)
            before = t
        return self.waits

    def whole(self, *paths: Path, staff: bool = False, cold: bool = False) -> list[Wait]:
        """Until nothing more can come."""
        return self.follows(*paths, staff=staff, cold=cold) + self.queue.close()


def way(*legs: Point | float, start: float = 0.0, speed: float = 1.0) -> Path:
    """From place to place, a number being a rest in seconds."""
    whole = walk(*legs, start=start, speed=speed)
    steps = int((whole.end - start) * FPS) + 1
    return [(start + i / FPS, place) for i in range(steps) if (place := whole.at(start + i / FPS))]


def served(wait_s: float, start: float = 0.0) -> Path:
    return way(OUTSIDE, MOUTH, FIRST, wait_s, SERVED, 20.0, (9.5, 2.2), start=start)


def one(waits: list[Wait]) -> Wait:
    assert len(waits) == 1, waits
    return waits[0]


# ---- waits ----------------------------------------------------------------------------------------------


def test_a_wait_lasts_from_coming_into_the_queue_to_the_step_up_to_the_till() -> None:
    wait = one(Watcher().whole(served(30.0)))
    # In at x = 4 after 2 m; 1 m to the middle and 4.9 m up; 30 s; .6 m to the till's edge; all at 1 m/s.
    assert wait.t_in == pytest.approx(2.0, abs=0.3)
    assert wait.t_out == pytest.approx(2 + 1 + 4.9 + 30 + 0.6, abs=0.4)
    assert (wait.outcome, wait.censored, wait.camera, wait.zone) == ("served", False, "cam-1", "line")


def test_who_walks_through_the_queue_up_to_the_till_did_not_wait() -> None:
    assert Watcher().whole(way(OUTSIDE, MOUTH, SERVED, 20.0)) == []


def test_who_walks_across_the_queue_did_not_wait() -> None:
    assert Watcher().whole(way((2.0, 6.0), (9.0, 6.0))) == []


def test_who_gives_up_after_a_real_wait_abandoned() -> None:
    wait = one(Watcher().whole(way(OUTSIDE, MOUTH, 2 * ABANDON_S, OUTSIDE, 8.0)))
    assert (wait.outcome, wait.censored) == ("abandoned", True)
    assert wait.t_out - wait.t_in == pytest.approx(2 * ABANDON_S + 2, abs=0.5)  # 1 m in and 1 m out


def test_a_short_stop_in_the_queue_is_no_abandonment() -> None:
    wait = one(Watcher().whole(way(OUTSIDE, MOUTH, 6.5, OUTSIDE, 8.0)))
    assert (wait.outcome, wait.censored) == ("left", True)


def test_where_no_service_place_is_drawn_nobody_abandons_and_nobody_is_served() -> None:
    assert one(Watcher(()).follows(way(OUTSIDE, MOUTH, 60.0, OUTSIDE, 8.0))).outcome == "left"


def test_who_stood_there_when_the_camera_began_waited_longer_than_was_seen() -> None:
    assert one(Watcher().whole(way(FIRST, 20.0, SERVED, 10.0), cold=True)).censored


def test_staff_do_not_queue() -> None:
    watcher = Watcher()
    assert watcher.follows(served(30.0), staff=True) == []
    assert watcher.queue.length == 0


def test_the_camera_stops_while_somebody_waits() -> None:
    watcher = Watcher()
    watcher.follows(way(OUTSIDE, MOUTH, 20.0))
    assert one(watcher.queue.forget(1, closing=True) + watcher.queue.close()).outcome == "closed"


# ---- membership -----------------------------------------------------------------------------------------


def length_after(path: Path, *others: Path) -> int:
    watcher = Watcher()
    watcher.follows(path, *others)
    return watcher.queue.length


@pytest.mark.parametrize(("stands_s", "length"), [(JOIN_S - 1.5, 0), (JOIN_S + 1.0, 1)])
def test_standing_in_the_queue_for_a_moment_makes_a_member(stands_s: float, length: int) -> None:
    assert length_after(way(OUTSIDE, MOUTH, stands_s)) == length


def test_who_stands_behind_a_member_is_one_sooner() -> None:
    ahead = way(OUTSIDE, MOUTH, FIRST, 30.0)
    behind = way(OUTSIDE, MOUTH, SECOND, 2.6, start=20.0)
    assert length_after(ahead, behind) == 2
    alone = way(OUTSIDE, MOUTH, SECOND, 2.6)
    assert length_after(alone) == 0


def test_the_tail_that_outgrew_the_zone_waits_too() -> None:
    last = way(OUTSIDE, MOUTH, 30.0)
    beyond = way((2.0, 9.5), (5.0, 9.5), 15.0, start=10.0)
    assert length_after(last, beyond) == 2
    assert length_after(way((2.0, 9.5), (5.0, 9.5), 25.0)) == 0  # the same place, nobody ahead


def test_who_stands_at_the_counter_beside_the_queue_is_not_in_it() -> None:
    beside = way((9.5, 4.5), (7.1, 4.5), 15.0)
    assert length_after(way(OUTSIDE, MOUTH, (5.9, 4.5), 30.0), beside) == 1


def test_moving_up_does_not_end_a_wait() -> None:
    moves = way(OUTSIDE, MOUTH, 15.0, SECOND, 15.0, FIRST, 15.0, SERVED, 10.0)
    wait = one(Watcher().whole(moves))
    assert wait.outcome == "served"
    assert wait.t_out - wait.t_in == pytest.approx(1 + 4.0 + 0.9 + 45 + 0.6, abs=0.6)


# ---- numbers that change --------------------------------------------------------------------------------


def test_who_is_lost_and_found_again_at_the_same_place_waits_on() -> None:
    first = way(OUTSIDE, MOUTH, FIRST, 10.0)
    gone = first[-1][0]
    watcher = Watcher()
    watcher.follows(first)
    assert watcher.queue.forget(1) == []
    assert watcher.queue.length == 1  # hidden, not gone
    again = [(t + gone + 3.0, place) for t, place in way(FIRST, 20.0, SERVED, 10.0)]
    wait = one(watcher.follows([], again))
    assert (wait.outcome, wait.censored, wait.track) == ("served", False, 2)
    assert wait.t_in == pytest.approx(2.0, abs=0.3)


def test_who_is_not_found_again_waited_at_least_until_last_seen() -> None:
    watcher = Watcher()
    first = way(OUTSIDE, MOUTH, FIRST, 10.0)
    watcher.follows(first)
    watcher.queue.forget(1)
    assert watcher.queue.pass_time(first[-1][0] + HIDDEN_S, 1.0) == []
    wait = one(watcher.queue.pass_time(first[-1][0] + HIDDEN_S + REST_S + 0.5, 1.0))
    assert (wait.outcome, wait.censored) == ("lost", True)
    assert wait.t_out == pytest.approx(first[-1][0], abs=0.3)
    assert watcher.queue.length == 0


def test_a_member_whose_number_walks_off_with_a_passer_by_waits_on_under_the_other_number() -> None:
    meet = 20.0
    taken = way(OUTSIDE, MOUTH, FIRST, meet - 7.9, (8.5, 3.6), 30.0)
    left = [(t, place) for t, place in way((1.5, 3.6), FIRST, 30.0, SERVED, 10.0, start=meet - 2.5)]
    waits = Watcher().whole(taken, left)
    wait = one(waits)
    assert (wait.outcome, wait.track) == ("served", 2)
    assert wait.t_in == pytest.approx(2.0, abs=0.4)


# ---- balking --------------------------------------------------------------------------------------------

LONG = [
    way(OUTSIDE, (5.0, 8.0), place, 60.0, start=3.0 * i)
    for i, place in enumerate([FIRST, SECOND, (5.0, 5.4)])
]


def balks(*paths: Path) -> list[Wait]:
    return [wait for wait in Watcher().whole(*paths) if wait.outcome == "balked"]


def test_who_comes_up_to_a_long_queue_and_turns_away_balks() -> None:
    wait = one(balks(*LONG, way((5.0, 9.9), (5.0, 7.2), 1.0, (5.0, 9.9), start=30.0)))
    assert wait.t_in == wait.t_out
    assert not wait.censored


@pytest.mark.parametrize(
    ("queue", "path"),
    [
        pytest.param(LONG[:1], way((5.0, 9.9), (5.0, 6.0), (5.0, 9.9), start=30.0), id="short queue"),
        pytest.param(LONG, way((0.5, 7.0), (9.5, 7.0), start=30.0), id="walks past"),
        pytest.param(LONG, way((5.0, 9.9), (5.0, 8.5), (5.0, 9.9), start=30.0), id="never comes near"),
        pytest.param(LONG, way((5.0, 9.9), (5.0, 6.3), 60.0, start=30.0), id="joins"),
    ],
)
def test_it_is_no_balking(queue: list[Path], path: Path) -> None:
    assert balks(*queue, path) == []


# ---- length and estimate --------------------------------------------------------------------------------


def test_the_length_is_integrated_over_observed_time() -> None:
    watcher = Watcher()
    watcher.follows(way(OUTSIDE, MOUTH, 20.0))
    before = watcher.queue.take_pulse(23.0)
    assert 12.0 < before.length_seconds < 18.0
    watcher.queue.pass_time(33.0, 10.0)
    pulse = watcher.queue.take_pulse(33.0)
    assert (pulse.now, pulse.peak) == (1, 1)
    assert pulse.length_seconds == pytest.approx(10.0)


def test_the_estimate_is_the_length_over_the_throughput() -> None:
    pace = Throughput()
    for t in range(300):
        pace.observe(float(t), 1.0)
    assert pace.wait_of(0) == 0.0
    assert pace.wait_of(3) is None  # nobody was served: nobody can say
    for began in (30.0, 130.0, 230.0):
        pace.serve(began)
    assert pace.wait_of(2) == pytest.approx(2 * 300 / 3)


def test_what_was_served_long_ago_says_nothing_of_now() -> None:
    pace = Throughput()
    for i in range(RATE_SERVED):
        pace.serve(float(i))
    pace.observe(10.0, 10.0)
    assert pace.wait_of(1) is not None
    pace.observe(RATE_OVER_S + 30.0, 1.0)
    assert pace.wait_of(1) is None


# ---- through the whole camera ---------------------------------------------------------------------------


@settings(deadline=None, max_examples=20)
@given(fps=st.sampled_from([4, 5, 10, 15]), wait_s=st.floats(15, 60), shift=st.floats(0, 1))
def test_a_wait_does_not_depend_on_the_frame_rate(fps: int, wait_s: float, shift: float) -> None:
    plan = layout(zones=[QUEUE, TILL])
    path = walk(OUTSIDE, MOUTH, FIRST, wait_s, SERVED, 20.0, (9.5, 2.2), start=shift, speed=1.0)
    wait = one(only(Wait, watch(plan, frames(path, fps=fps))))
    assert wait.outcome == "served"
    assert wait.t_out - wait.t_in == pytest.approx(1 + 4.9 + wait_s + 0.6, abs=1.0)
