"""Taps keep the time at which they were made, and are compared with the box's own crossings."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.audit.tapping import LONGEST_S, MOST, SETTLED_S, PhoneClock, Tapping, Tappings
from edge.errors import AuditError
from edge.store.audits import Audit
from edge.store.database import reading
from pipelines.records import Direction
from tests.edge.store.build import NOON, crossing, gate, open_store

BEGUN = float(NOON)


def tapping(**given: object) -> Tapping:
    return Tapping("x", "cam-1", "door", "drawn", "Li", BEGUN, **given)  # type: ignore[arg-type]


def tap(into: Tapping, after: float, direction: Direction = "in", clock: PhoneClock | None = None) -> None:
    into.tap(direction, after, clock or PhoneClock(BEGUN), BEGUN + after)


@given(st.lists(st.tuples(st.floats(0, 600), st.floats(0, 5)), min_size=1, max_size=30), st.floats(0, 0.2))
def test_a_late_message_keeps_the_time_of_its_tap(taps: list[tuple[float, float]], quickest: float) -> None:
    """Within the delay of the quickest one."""
    clock = PhoneClock()
    delays = [delay + quickest for _, delay in taps]
    for (stamp, _), delay in zip(taps, delays, strict=True):
        clock.heard(stamp, 1000.0 + stamp + delay)
    for stamp, _ in taps:
        assert clock.at(stamp) - (1000.0 + stamp) == pytest.approx(min(delays), abs=1e-6)


def test_a_clock_that_was_never_heard_tells_no_time() -> None:
    with pytest.raises(ValueError, match="nothing was heard"):
        PhoneClock().at(1.0)


def test_the_last_tap_can_be_taken_back_and_none_is_counted_after_the_end() -> None:
    mine = tapping()
    mine.undo()
    tap(mine, 1, "in")
    tap(mine, 2, "out")
    mine.undo()
    assert mine.count() == {"in": 1}
    mine.finish(BEGUN + 10)
    tap(mine, 11)
    mine.undo()
    mine.finish(BEGUN + 60)
    assert (mine.count(), mine.ended) == ({"in": 1}, BEGUN + 10)


def test_a_forgotten_count_ends_by_itself() -> None:
    mine = tapping()
    tap(mine, LONGEST_S + 1)
    mine.finish(BEGUN + 2 * LONGEST_S)
    assert (mine.count(), mine.ended) == ({}, BEGUN + LONGEST_S)


def test_the_box_is_given_time_to_know_its_own_crossings() -> None:
    mine = tapping()
    assert not mine.settled(BEGUN + 3600)
    mine.finish(BEGUN + 100)
    assert not mine.settled(BEGUN + 100 + SETTLED_S - 0.1)
    assert mine.settled(BEGUN + 100 + SETTLED_S)


def compared(mine: Tapping, folder: Path, observed: float = 60.0) -> list[Audit]:
    """The box counted two in and one out, and one in outside of the time."""
    with open_store(folder) as store:
        for i in range(2):
            store.commit_minute(NOON + 60 * i, [gate(NOON + 60 * i, 0, observed=observed)])
        store.add_records(
            [crossing(BEGUN + 10, track=1), crossing(BEGUN + 20, track=2), crossing(BEGUN + 30, "out"),
             crossing(BEGUN + 150, track=3), crossing(BEGUN + 10, gate="side")]
        )  # fmt: skip
        mine.finish(BEGUN + 120)
        with reading(store.path) as connection:
            return mine.compare(connection, BEGUN + 140)


def test_taps_are_compared_with_the_crossings_of_the_same_time(tmp_path: Path) -> None:
    mine = tapping()
    for after, way in ((10.8, "in"), (50.0, "in"), (30.5, "out")):
        tap(mine, after, way)  # type: ignore[arg-type]
    into, out = compared(mine, tmp_path)
    assert (into.direction, into.begun, into.ended, into.who) == ("in", BEGUN, BEGUN + 120, "Li")
    assert (into.tally.true, into.tally.matched, into.tally.false) == (2, 1, 1)
    assert (out.direction, out.tally.true, out.tally.matched) == ("out", 1, 1)


def test_a_direction_that_nobody_walked_is_no_audit(tmp_path: Path) -> None:
    mine = Tapping("x", "cam-1", "back", "drawn", "", BEGUN)
    assert compared(mine, tmp_path) == []


def test_a_time_without_picture_cannot_be_compared(tmp_path: Path) -> None:
    with pytest.raises(AuditError, match="no picture for part of that time"):
        compared(tapping(), tmp_path / "a", observed=50.0)
    with pytest.raises(AuditError, match="no picture for part of that time"):
        compared(tapping(blind=True), tmp_path / "b")


def test_many_counts_do_not_fill_the_memory() -> None:
    all_ = Tappings()
    first = all_.begin("cam-1", "door", "d", " " + "x" * 100, BEGUN)
    assert len(first.who) == 64
    made = [all_.begin("cam-1", "door", "d", "", BEGUN) for _ in range(MOST)]
    assert all_.get(first.id) is None
    assert all(all_.get(each.id) is each for each in made)
