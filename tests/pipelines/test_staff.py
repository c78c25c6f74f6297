"""Who is staff, by where and when they are, and how net figures come out of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pipelines.camera import CameraPipeline
from pipelines.layout import CameraLayout
from pipelines.records import Crossing, Fact, GateWindow, Pulse, Staff, StaffCount, Visit, ZoneWindow
from pipelines.windows import Minutes
from tests.build import ASPECT, Walk, frames, gate, layout, only, rectangle, walk, zone

BEHIND = zone(*rectangle(4, 1, 9, 3), name="behind", role="staff")
COUNTER = zone(*rectangle(4, 4, 9, 7), name="counter", min_stay=3)
DOOR = gate((2.0, 0.5), (2.0, 9.5), "left", name="door")
"""Walking right is in."""
PLAN = layout(gates=[DOOR], zones=[BEHIND, COUNTER])
FRONT, BACK = (6.5, 5.5), (6.5, 2.0)


def facts_of(
    *walks: Walk, plan: CameraLayout = PLAN, is_open: Callable[[float], bool] | None = None, fps: float = 5
) -> list[Fact]:
    pipeline = CameraPipeline(plan, ASPECT, is_open)
    facts: list[Fact] = []
    t = 0.0
    for t, found in frames(*walks, fps=fps):
        facts += pipeline.step(t, found)
    return facts + pipeline.close(t)


def marks(facts: list[Fact], where: str = "counter") -> list[Staff]:
    return [visit.staff for visit in only(Visit, facts) if visit.zone == where]


def net_of(facts: list[Fact], plan: CameraLayout = PLAN) -> tuple[int, int, int, int]:
    """(in, of it staff, visits to the counter, of them staff) over the whole time."""
    minutes = Minutes([plan], sealed_before=0.0)
    for fact in facts:
        minutes.add(fact)
    windows = [w for _, made in minutes.close() for w in made]
    gates = only(GateWindow, windows)
    counters = [w for w in only(ZoneWindow, windows) if w.id == "counter"]
    return (
        sum(w.entries for w in gates), sum(w.staff_entries for w in gates),
        sum(w.visits for w in counters), sum(w.staff_visits for w in counters),
    )  # fmt: skip


CUSTOMER = walk((0.5, 5.5), FRONT, 20.0, (0.5, 5.5), start=1.5)
LATER = walk((0.5, 5.5), FRONT, 20.0, (0.5, 5.5), start=120.0)
SELLER = walk((0.5, 5.5), FRONT, 10.0, BACK, 60.0, FRONT, 10.0, (12.5, 5.5), start=1.5)


def test_whoever_is_at_home_behind_the_counter_is_staff_in_front_of_it_too() -> None:
    assert marks(facts_of(SELLER)) == ["customer", "staff"]


def test_what_a_seller_did_before_anybody_knew_is_counted_as_staff_once_it_is_known() -> None:
    facts = facts_of(SELLER, LATER)
    assert net_of(facts) == (2, 1, 3, 2)
    late = [fact for fact in only(StaffCount, facts) if fact.scope == "gate"]
    assert [(fact.entries, fact.exits) for fact in late] == [(1, 0)]
    crossing = min(only(Crossing, facts), key=lambda fact: fact.t)
    assert late[0].t > crossing.t  # told at once, known later


def test_a_customer_who_was_seen_to_come_and_kept_out_of_the_staff_zone_is_one() -> None:
    facts = facts_of(CUSTOMER)
    assert marks(facts) == ["customer"]
    assert net_of(facts) == (1, 0, 1, 0)


def test_without_a_staff_zone_nobody_can_say() -> None:
    assert marks(facts_of(CUSTOMER, plan=layout(gates=[DOOR], zones=[COUNTER]))) == ["unknown"]


def test_who_stood_there_when_the_camera_began_may_be_anybody() -> None:
    assert marks(facts_of(walk(FRONT, 20.0, (0.5, 5.5)))) == ["unknown"]


def test_who_comes_out_of_the_staff_zone_is_staff_from_the_first() -> None:
    facts = facts_of(walk(BACK, 2.0, FRONT, 10.0, (0.5, 5.5), start=1.5))
    assert marks(facts) == ["staff"]


def test_who_leans_over_the_counter_for_a_moment_is_a_customer() -> None:
    facts = facts_of(walk((0.5, 5.5), FRONT, 10.0, (6.5, 2.9), 2.0, FRONT, 20.0, (0.5, 5.5), start=1.5))
    assert set(marks(facts)) == {"customer"}


def test_who_vanishes_into_the_staff_zone_is_staff() -> None:
    facts = facts_of(walk((0.5, 5.5), FRONT, 10.0, BACK, 1.0, start=1.5), LATER)
    assert net_of(facts) == (2, 1, 2, 1)


@pytest.mark.parametrize(("after_s", "mark"), [(60.0, "staff"), (1800.0, "unknown")])
def test_who_is_there_for_longer_than_any_customer_is_staff(after_s: float, mark: Staff) -> None:
    plan = CameraLayout("cam-1", zones=(COUNTER,), staff_after_s=after_s)
    assert marks(facts_of(walk((0.5, 5.5), FRONT, 80.0, (0.5, 5.5), start=1.5), plan=plan)) == [mark]


@pytest.mark.parametrize(("opens", "net"), [(1000.0, (1, 1, 1, 1)), (0.0, (1, 0, 1, 0))])
def test_who_comes_in_while_the_store_is_closed_is_staff(
    opens: float, net: tuple[int, int, int, int]
) -> None:
    assert net_of(facts_of(CUSTOMER, is_open=lambda t: t >= opens)) == net


def test_a_pulse_tells_how_many_of_those_present_are_staff() -> None:
    pulses = [p for p in only(Pulse, facts_of(SELLER, LATER)) if p.t > 80]
    at_counter = [(p.zones["counter"].now, p.zones["counter"].staff) for p in pulses]
    assert (1, 1) in at_counter
    assert all(staff <= now for now, staff in at_counter), at_counter


def test_nothing_is_remembered_of_those_who_are_gone() -> None:
    pipeline = CameraPipeline(PLAN, ASPECT)
    for t, found in frames(SELLER, LATER, fps=5, until=200):
        pipeline.step(t, found)
    assert pipeline.staff._people == {}


def test_who_is_last_seen_behind_the_counter_is_staff_in_the_visit_that_is_told_later() -> None:
    facts = facts_of(walk((12.5, 2), (6.5, 2), 40.0, start=1.5), LATER)
    assert marks(facts, "behind") == ["staff"]
