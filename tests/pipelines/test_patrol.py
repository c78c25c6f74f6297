"""What the patrol tells, second by second, and what it does not tell of time that nobody observed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.layout import CameraLayout, Zone
from pipelines.patrol import COVERAGE, Held, Hours, Patrol, PatrolRules, Span
from pipelines.records import Attendance, CounterWindow, Event, Pulse, QueuePulse, ZonePulse
from pipelines.windows import Minutes
from tests.build import WHOLE

LIMIT_S = 120.0
LAYOUT = CameraLayout(
    "cam-1",
    zones=(
        Zone("lancome", "counter", WHOLE, unattended_s=LIMIT_S),
        Zone("behind", "staff", WHOLE),
        Zone("line", "queue", WHOLE, long_from=5),
    ),
)
OPENS, CLOSES, DAY = 36_000.0, 79_200.0, 86_400.0
RULES = PatrolRules(opened_late_s=900, closed_early_s=900, after_hours_s=3600)


def ten_to_ten(t: float) -> Span | None:
    day = t // DAY * DAY
    return (day + OPENS, day + CLOSES) if day + OPENS <= t < day + CLOSES else None


def pulse(
    t: float, *, customers: int = 0, staff: int = 0, served_by: int = 0, queue: int = 0,
    persons: int | None = None,
) -> Pulse:  # fmt: skip
    """One second. `served_by`: staff who stand in front of the counter."""
    everybody = customers + staff + served_by + queue if persons is None else persons
    zones = {
        "lancome": ZonePulse(customers + served_by, customers + served_by, 0.0, served_by),
        "behind": ZonePulse(staff, staff, 0.0, staff),
    }
    return Pulse(
        "cam-1", t, 1.0, 10, everybody, everybody, 0.0, zones, {"line": QueuePulse(queue, queue, queue, None)}
    )


class Watched:
    """A patrol, second by second."""

    def __init__(self, hours: Hours | None = None, t: float = 0.0, begun: Iterable[Event] = ()) -> None:
        self.patrol = Patrol([LAYOUT], hours, RULES, begun)
        self.t = t
        self.events: list[Event] = []
        self.attendance: list[Attendance] = []

    def sees(self, seconds: float, **what: int) -> Watched:
        for _ in range(int(seconds)):
            self.t += 1.0
            for told in self.patrol.see(pulse(self.t, **what)):
                if isinstance(told, Event):
                    self.events.append(told)
                else:
                    self.attendance.append(told)
        return self

    def blind(self, seconds: float) -> Watched:
        self.t += seconds
        return self

    def told(self, name: str) -> list[Any]:
        """(start, end, reason) of every word about this event, in order."""
        return [
            (event.t, event.t_end, None if (why := event.detail.get("reason")) is None else str(why))
            for event in self.events
            if event.name == name
        ]


# ---- attended or not ------------------------------------------------------------------------------------


def test_customers_wait_and_nobody_comes_until_somebody_does() -> None:
    watched = Watched().sees(30).sees(200, customers=1).sees(60, customers=1, staff=1)
    begun, ended = watched.told("counter_unattended")
    assert begun == (pytest.approx(32, abs=2), None, None)
    assert ended[0] == begun[0]  # the same event, with its end
    assert ended[1] == pytest.approx(232, abs=2)
    assert ended[2] == "attended"


def test_it_is_told_once_the_limit_is_reached() -> None:
    assert Watched().sees(LIMIT_S - 5, customers=1).events == []
    assert len(Watched().sees(LIMIT_S + 5, customers=1).events) == 1


def test_customers_who_go_away_end_it_too() -> None:
    assert Watched().sees(150, customers=1).sees(30).told("counter_unattended")[1][2] == "left"


def test_who_waits_in_the_counter_s_queue_waits_for_it() -> None:
    assert len(Watched().sees(150, queue=1).told("counter_unattended")) == 1


@pytest.mark.parametrize(
    "what", [{"customers": 2, "staff": 1}, {"customers": 2, "served_by": 1}, {"staff": 0}, {"served_by": 1}]
)
def test_nobody_is_left_waiting(what: dict[str, int]) -> None:
    assert Watched().sees(600, **what).events == []


def test_a_false_box_behind_the_counter_does_not_end_it_nor_a_hidden_customer() -> None:
    watched = Watched().sees(150, customers=1)
    for _ in range(20):
        watched.sees(9, customers=1).sees(1, customers=1, staff=1).sees(5)
    assert len(watched.told("counter_unattended")) == 1


def test_staff_who_turn_away_for_a_moment_have_not_left() -> None:
    watched = Watched()
    for _ in range(40):
        watched.sees(20, customers=1, staff=1).sees(8, customers=1)
    assert watched.events == []


def test_a_blind_camera_neither_raises_nor_ends_it() -> None:
    watched = Watched().sees(100, customers=1).blind(600).sees(100, customers=1)
    assert watched.events == []  # twice 100 s seen: nobody knows what was between
    watched.sees(40, customers=1).blind(3600)
    assert len(watched.told("counter_unattended")) == 1
    watched.sees(5)
    assert len(watched.told("counter_unattended")) == 1
    assert watched.sees(30).told("counter_unattended")[1][2] == "left"


def test_it_goes_on_over_a_restart_of_the_box() -> None:
    first = Watched().sees(150, customers=1)
    again = Watched(t=first.t + 20, begun=first.events).sees(30, customers=1)
    assert again.events == []
    assert again.sees(30, staff=1).told("counter_unattended") == [
        (first.events[0].t, pytest.approx(first.t + 52, abs=2), "attended")
    ]


def test_no_one_is_missed_at_night() -> None:
    assert Watched(ten_to_ten, t=CLOSES + 60).sees(300, customers=1).told("counter_unattended") == []


def test_closing_time_ends_it() -> None:
    watched = Watched(ten_to_ten, t=CLOSES - 200).sees(400, customers=1)
    assert watched.told("counter_unattended")[1][1:] == (pytest.approx(CLOSES, abs=2), "closed")


def test_without_a_staff_zone_nobody_can_say() -> None:
    patrol = Patrol([CameraLayout("cam-1", zones=LAYOUT.zones[:1])])
    assert [told for t in range(300) for told in patrol.see(pulse(float(t), customers=1))] == []


def test_the_seconds_add_up_to_what_was_observed() -> None:
    watched = Watched().sees(60, staff=1).sees(60).blind(300).sees(60, customers=1)
    minutes = Minutes([LAYOUT], sealed_before=0.0)
    for each in watched.attendance:
        minutes.add(each)
    windows = [w for _, made in minutes.close() for w in made if isinstance(w, CounterWindow)]
    attended = sum(w.attended_seconds for w in windows)
    unattended = sum(w.unattended_seconds for w in windows)
    assert attended + unattended == 180
    assert attended == pytest.approx(60 + 10 - 2, abs=2)  # ten seconds' absence before it counts as one
    assert sum(w.waiting_seconds for w in windows) == pytest.approx(58, abs=2)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(1, 200), st.integers(0, 2), st.integers(0, 1)), max_size=30))
def test_every_end_has_its_beginning_and_no_two_overlap(parts: list[tuple[int, int, int]]) -> None:
    watched = Watched()
    for seconds, customers, staff in parts:
        watched.sees(seconds, customers=customers, staff=staff)
    told = watched.told("counter_unattended")
    assert all((end is None) == (i % 2 == 0) for i, (_, end, _) in enumerate(told)), told
    times = [t for begin, end, _ in told for t in ([begin] if end is None else [end])]
    assert times == sorted(times)
    for (begin, *_), (same, end, _) in zip(told[::2], told[1::2], strict=False):
        assert begin == same
        assert end is not None
        assert end - begin >= LIMIT_S - 1


# ---- opening hours --------------------------------------------------------------------------------------

LATE = "opened_late"
EARLY = "closed_early"


def test_nobody_at_the_counter_after_opening_until_somebody_comes() -> None:
    watched = Watched(ten_to_ten, t=OPENS - 600).sees(600).sees(1800).sees(60, staff=1)
    assert watched.told(LATE) == [
        (OPENS, None, None), (OPENS, pytest.approx(OPENS + 1802, abs=2), "attended")
    ]  # fmt: skip


def test_somebody_there_in_time_is_not_late() -> None:
    watched = Watched(ten_to_ten, t=OPENS - 600).sees(600).sees(600).sees(60, staff=1).sees(1800)
    assert watched.told(LATE) == []


def test_a_morning_that_was_not_watched_says_nothing() -> None:
    unwatched = 900 * (1 - COVERAGE) + 60
    watched = Watched(ten_to_ten, t=OPENS - 600).sees(600).blind(unwatched).sees(3600)
    assert watched.told(LATE) == []


def test_nobody_at_the_counter_before_closing() -> None:
    watched = Watched(ten_to_ten, t=CLOSES - 3600).sees(1800, staff=1).sees(1900)
    assert watched.told(EARLY) == [(pytest.approx(CLOSES - 1800, abs=3), CLOSES, "nobody")]


def test_a_break_before_closing_is_no_early_end() -> None:
    watched = Watched(ten_to_ten, t=CLOSES - 3600).sees(1800, staff=1).sees(1200).sees(30, staff=1).sees(700)
    assert watched.told(EARLY) == []


def test_an_evening_that_was_not_watched_says_nothing() -> None:
    watched = Watched(ten_to_ten, t=CLOSES - 3600).sees(1800, staff=1).sees(1000).blind(700).sees(400)
    assert watched.told(EARLY) == []


def test_a_store_that_never_closes_opens_never_late() -> None:
    watched = (
        Watched(lambda t: (t // DAY * DAY, t // DAY * DAY + DAY), t=DAY - 1800).sees(600, staff=1).sees(5000)
    )
    assert watched.told(LATE) == watched.told(EARLY) == []


# ---- movement at night ----------------------------------------------------------------------------------

NIGHT = "movement_after_hours"


def test_somebody_at_night_is_told_with_start_and_end() -> None:
    watched = Watched(ten_to_ten, t=CLOSES + 7200).sees(60).sees(120, persons=1).sees(90)
    begin = CLOSES + 7200 + 60
    assert watched.told(NIGHT) == [
        (pytest.approx(begin, abs=2), None, None),
        (pytest.approx(begin, abs=2), pytest.approx(begin + 120, abs=3), "quiet"),
    ]


@pytest.mark.parametrize("at", [OPENS - 1800, OPENS + 60, CLOSES + 1800])
def test_before_opening_and_after_closing_people_may_be_about(at: float) -> None:
    assert Watched(ten_to_ten, t=at).sees(600, persons=3).told(NIGHT) == []


def test_a_flicker_at_night_is_nobody_and_a_camera_that_sees_nothing_ends_nothing() -> None:
    watched = Watched(ten_to_ten, t=CLOSES + 7200)
    for _ in range(30):
        watched.sees(2, persons=1).sees(8)
    assert watched.told(NIGHT) == []
    assert len(watched.sees(30, persons=1).blind(1800).sees(30).told(NIGHT)) == 1


# ---- long queues ----------------------------------------------------------------------------------------

LONG = "queue_long"


def test_a_queue_is_long_from_so_many_people_on_until_it_is_shorter() -> None:
    watched = Watched().sees(60, queue=4, staff=1).sees(90, queue=6, staff=1).sees(60, queue=2, staff=1)
    assert watched.told(LONG) == [
        (pytest.approx(60, abs=2), None, None),
        (pytest.approx(60, abs=2), pytest.approx(150, abs=3), "shorter"),
    ]  # fmt: skip


def test_a_queue_around_the_limit_does_not_flap() -> None:
    watched = Watched().sees(60, queue=5)
    for _ in range(40):
        watched.sees(7, queue=4).sees(7, queue=5)
    assert len(watched.told(LONG)) == 1


def test_a_moment_of_many_is_no_long_queue() -> None:
    watched = Watched()
    for _ in range(20):
        watched.sees(20, queue=8).sees(20, queue=1)
    assert watched.told(LONG) == []


@settings(deadline=None)
@given(st.lists(st.booleans(), max_size=200))
def test_a_state_changes_only_after_it_has_held(seen: list[bool]) -> None:
    held, run = Held(3, 5), 0
    before = False
    for i, now in enumerate(seen):
        run = run + 1 if i and seen[i - 1] == now else 1
        state = held.see(now, 1.0)
        if state != before:
            assert state == now
            assert run >= (3 if now else 5)
        before = state


# ---- days with a detector that errs ---------------------------------------------------------------------

misses = st.lists(st.tuples(st.integers(1, 40), st.integers(1, 8)), min_size=1, max_size=25)
"""So many seconds seen, then so many missed."""


@settings(deadline=None)
@given(misses, st.integers(0, 300))
def test_however_the_detector_flickers_one_lack_of_staff_is_one_event(
    flicker: list[tuple[int, int]], quiet_s: int
) -> None:
    """Customers are missed for up to 8 s, and a false box behind the counter comes for a second."""
    watched = Watched().sees(quiet_s).sees(30, customers=1, staff=1).sees(LIMIT_S + 10, customers=1)
    for seen, missed in flicker:
        watched.sees(seen, customers=1).sees(1, customers=1, staff=1).sees(1, customers=1).sees(missed)
    watched.sees(20, customers=1).sees(30, customers=1, staff=1)
    begun, ended = watched.told("counter_unattended")
    assert begun[0] == pytest.approx(quiet_s + 30, abs=2)
    assert ended[1:] == (pytest.approx(watched.t - 30, abs=2), "attended")


@settings(deadline=None)
@given(misses)
def test_however_the_detector_flickers_one_burglar_is_one_event(flicker: list[tuple[int, int]]) -> None:
    watched = Watched(ten_to_ten, t=CLOSES + 7200).sees(60).sees(15, persons=1)
    for seen, missed in flicker:
        watched.sees(seen, persons=1).sees(missed)
    watched.sees(1, persons=1)
    gone = watched.t
    begun, ended = watched.sees(90).told(NIGHT)
    assert begun[0] == pytest.approx(CLOSES + 7260, abs=2)
    assert ended[1:] == (pytest.approx(gone, abs=2), "quiet")


@settings(deadline=None)
@given(misses, st.integers(0, 800), st.integers(0, 800))
def test_a_day_is_told_with_the_times_at_which_people_came_and_went(
    flicker: list[tuple[int, int]], late_s: int, early_s: int
) -> None:
    """Staff come after the limit and go before it, and are missed for up to 8 s in between."""
    watched = Watched(ten_to_ten, t=OPENS - 300).sees(300).sees(900 + late_s + 1)
    came = watched.t
    watched.sees(10, staff=1)
    for seen, missed in flicker:
        watched.sees(seen, staff=1).sees(missed)
    watched.t = CLOSES - 900 - early_s - 60
    watched.sees(60, staff=1)
    left = watched.t
    watched.sees(CLOSES - watched.t + 30)
    assert watched.told(LATE) == [(OPENS, None, None), (OPENS, pytest.approx(came, abs=2), "attended")]
    assert watched.told(EARLY) == [(pytest.approx(left, abs=2), CLOSES, "nobody")]
