"""Occupancy: how many people are in an area, by the crossings of its gates.

The running difference of entries and exits drifts with every miscount: with 2 % wrong and 1,000 entries by
20 to 40 people (research: counting §4.13). So it is corrected whenever the truth shows itself: nobody goes
out of an empty area, a camera inside sees at least so many, and a closed store in which nobody moves is
empty. What each correction took away is told as drift, so that over any stretch

    now at the end = now at the beginning + entries - exits - drift

holds exactly.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pipelines.layout import Area
from pipelines.records import MINUTE_S, Crossing, OccupancyWindow


class Move(NamedTuple):
    """Somebody came into the area (+1) or went out of it (-1)."""

    t: float
    by: int

    @staticmethod
    def of(crossing: Crossing) -> Move:
        """A crossing of one of the area's gates."""
        return Move(crossing.t, 1 if crossing.direction == "in" else -1)


class Anchor(NamedTuple):
    """So many people were truly in the area at `t`."""

    t: float
    people: int


class _Run(NamedTuple):
    """What a stretch of moves comes to."""

    now: int
    peak: int
    person_seconds: float
    drift: int


@dataclass(slots=True)
class Occupancy:
    """One area, minute after minute."""

    area: Area
    now: int = 0
    """How many are in it, never below zero."""

    def resume(self, now: int) -> None:
        """Go on from a number that was kept before a restart."""
        self.now = max(0, now)

    def step(
        self,
        start: int,
        moves: Iterable[Move],
        observed_seconds: float,
        *,
        anchor: Anchor | None = None,
        seen_at_least: int = 0,
    ) -> OccupancyWindow:
        """One minute that is over.

        moves: the crossings of the area's gates that are counted in this minute, in any order.
        observed_seconds: the fewest of its gates' cameras; in a blind minute the number stays as it is.
        anchor: the truth at some moment of the minute, where it is known. seen_at_least: the most people
        that were surely in it at once (the highest peak of the area's zones); the truth needs no such help.
        """
        end = start + MINUTE_S
        # A late fact is counted in a later minute than its own: at that minute's beginning.
        clamped = (Move(min(max(move.t, start), end), move.by) for move in moves)
        ordered = sorted(clamped, key=lambda move: (move.t, -move.by))
        if anchor is None:
            run = _lifted(self.now, ordered, start, end, seen_at_least)
        else:
            run = _anchored(self.now, ordered, start, end, anchor)
        self.now = run.now
        observed = min(max(observed_seconds, 0.0), float(MINUTE_S))
        return OccupancyWindow(
            "*", self.area.id, start, round(observed, 3),
            round(run.person_seconds * observed / MINUTE_S, 3), run.peak, self.now, run.drift,
            anchored=anchor is not None,
        )  # fmt: skip


def _run(now: int, ordered: Iterable[Move], start: float, end: float) -> _Run:
    peak, seconds, drift, t = now, 0.0, 0, float(start)
    for move in ordered:
        seconds += now * (move.t - t)
        t, now = move.t, now + move.by
        if now < 0:  # somebody came in uncounted before
            now, drift = 0, drift - 1
        peak = max(peak, now)
    return _Run(now, peak, seconds + now * (end - t), drift)


def _lifted(now: int, ordered: Sequence[Move], start: float, end: float, seen_at_least: int) -> _Run:
    """As many more from the beginning as it takes for so many to have been seen at once."""
    lift, run = 0, _run(now, ordered, start, end)
    while run.peak < seen_at_least:
        lift += seen_at_least - run.peak
        run = _run(now + lift, ordered, start, end)
    return run._replace(drift=run.drift - lift)


def _anchored(now: int, ordered: Sequence[Move], start: float, end: float, anchor: Anchor) -> _Run:
    """To the moment of truth, and from there on."""
    known_at, true = min(max(anchor.t, start), end), max(0, anchor.people)
    before = _run(now, [move for move in ordered if move.t <= known_at], start, known_at)
    after = _run(true, [move for move in ordered if move.t > known_at], known_at, end)
    return _Run(
        after.now,
        max(before.peak, after.peak),
        before.person_seconds + after.person_seconds,
        before.drift + before.now - true + after.drift,
    )
