"""An area as it is now: right at once, corrected by each minute, too full without flapping."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.opening_hours import StoreHours, parse_opening_hours
from pipelines.area_watch import EMPTY_S, FULL_S, AreaWatch, closed_between
from pipelines.layout import Area
from pipelines.occupancy import Anchor, Move, Occupancy
from pipelines.records import Crossing, Event, Pulse

STORE = Area("store", (("cam-1", "door"),), capacity=10)
DAY = datetime(2026, 9, 21, tzinfo=UTC).timestamp()
HOURS = StoreHours(parse_opening_hours({"mon-sun": "10:00-22:00"}), ZoneInfo("UTC")).span
CLOSING = DAY + 22 * 3600.0


def crossed(t: float, way: str = "in") -> Crossing:
    return Crossing("cam-1", "door", way, t, 1)


def pulse(t: float, persons: int = 0, observed_s: float = 1.0, camera: str = "cam-1") -> Pulse:
    return Pulse(camera, t, observed_s, 10, persons, persons, float(persons), {})


def fill(area: AreaWatch, people: int, t: float) -> None:
    for _ in range(abs(people)):
        area.see(crossed(t, "in" if people > 0 else "out"))


def seconds(area: AreaWatch, begin: float, end: float) -> list[Event]:
    return [event for k in range(round(begin), round(end)) for event in area.see(pulse(float(k)))]


def test_a_crossing_counts_at_once():
    area = AreaWatch(STORE)
    fill(area, 3, 10.0)
    fill(area, -1, 12.0)
    area.see(Crossing("cam-1", "other", "in", 13.0, 1))
    assert area.now == 2


moves = st.lists(st.tuples(st.floats(0, 299), st.sampled_from([-1, 1])), max_size=40)


@given(moves, st.none() | st.floats(0, 299))
def test_it_agrees_with_the_windows_at_every_minutes_end(story, empty_at):
    area, windows = AreaWatch(STORE), Occupancy(STORE)
    told: list[Move] = []
    for t, by in sorted(story):
        told.append(Move(t, by))
        area.see(crossed(t, "in" if by > 0 else "out"))
    for start in range(0, 300, 60):
        mine = [move for move in told if start <= move.t < start + 60]
        here = empty_at is not None and start <= empty_at < start + 60
        area.correct(windows.step(start, mine, 60, anchor=Anchor(empty_at, 0) if here else None))
    assert area.now == windows.now


def test_too_many_people_are_one_event_with_its_beginning_and_its_end():
    area = AreaWatch(STORE)
    fill(area, 10, 0.0)
    assert seconds(area, 1, 60) == []
    fill(area, 1, 60.0)
    (begun,) = seconds(area, 60, 90)
    assert (begun.name, begun.camera, begun.scope, begun.t, begun.t_end) == (
        "over_capacity", None, "store", 60.0, None,
    )  # fmt: skip
    assert begun.detail == {"people": 11, "capacity": 10}
    fill(area, -2, 90.0)
    (ended,) = seconds(area, 90, 90 + round(FULL_S[1]) + 5)
    assert ended.t == begun.t
    assert ended.t_end == pytest.approx(90 + FULL_S[1], abs=2)


def test_coming_and_going_at_the_limit_does_not_flap():
    area = AreaWatch(STORE)
    fill(area, 11, 0.0)
    told = seconds(area, 1, 20)
    for k in range(20, 300, 20):
        fill(area, -1 if k % 40 == 20 else 1, float(k))
        told += seconds(area, k, k + 20)
    assert len(told) == 1, told


def test_a_moment_of_too_many_is_none():
    area = AreaWatch(STORE)
    fill(area, 11, 0.0)
    told = seconds(area, 1, 6)
    fill(area, -1, 6.0)
    assert told + seconds(area, 6, 60) == []


def test_while_nobody_watches_nothing_begins_and_nothing_ends():
    area = AreaWatch(STORE)
    fill(area, 11, 0.0)
    assert area.see(pulse(1.0)) == []
    assert area.see(pulse(600.0)) == [], "ten minutes blind are not ten seconds too full"
    assert area.see(pulse(900.0, observed_s=0.0)) == []


# ---- surely empty ---------------------------------------------------------------------------------------


def after_closing(
    area: AreaWatch, watched_s: float, *, step: float = 1.0, people_at: float = -1.0
) -> float | None:
    """The newest moment of truth after so many seconds of pulses since closing."""
    truth, t = None, CLOSING
    while t < CLOSING + watched_s:
        t += step
        area.see(pulse(t, persons=int(abs(t - CLOSING - people_at) < step)))
        truth = area.take_empty() or truth
    return truth


def test_a_closed_store_in_which_nobody_moved_for_a_quarter_of_an_hour_is_empty():
    area = AreaWatch(STORE, HOURS)
    fill(area, 4, CLOSING - 60)
    assert after_closing(area, EMPTY_S - 2) is None
    assert area.now == 4
    assert after_closing(area, EMPTY_S + 2) == pytest.approx(CLOSING + EMPTY_S - 3, abs=2)
    assert area.now == 0


def test_somebody_who_still_moves_about_puts_it_off():
    area = AreaWatch(STORE, HOURS)
    fill(area, 1, CLOSING - 60)
    assert after_closing(area, EMPTY_S + 2, people_at=600.0) is None
    assert area.now == 1


def test_what_no_camera_saw_is_not_known_to_be_empty():
    two = Area("store", (("cam-1", "door"), ("cam-2", "back")))
    area = AreaWatch(two, HOURS)
    fill(area, 2, CLOSING - 60)
    assert after_closing(area, 2 * EMPTY_S) is None, "cam-2 was blind"


def test_an_open_store_is_never_taken_to_be_empty_nor_is_one_without_hours():
    for hours in (HOURS, None):
        area = AreaWatch(STORE, hours)
        fill(area, 2, DAY + 12 * 3600)
        for k in range(round(2 * EMPTY_S)):
            area.see(pulse(DAY + 12 * 3600 + k))
        assert (area.take_empty(), area.now) == (None, 2)


def test_the_first_one_in_after_an_empty_night_is_one():
    area = AreaWatch(STORE, HOURS)
    fill(area, 4, CLOSING - 60)
    after_closing(area, EMPTY_S + 60)
    area.see(crossed(CLOSING + EMPTY_S + 61))
    assert area.now == 1


@pytest.mark.parametrize(
    ("since", "until", "closed"),
    [
        (CLOSING - 3600, CLOSING + 3600, True),
        (CLOSING - 3600, CLOSING - 60, False),
        (CLOSING - 3600, CLOSING + 300, False),
        (CLOSING - 3600, CLOSING + 30 * 86_400, True),
        (DAY + 3600, DAY + 7200, True),
    ],
)
def test_a_store_that_was_closed_while_the_box_was_off_is_empty(since, until, closed):
    assert closed_between(HOURS, since, until) is closed
    assert closed_between(None, since, until) is False
