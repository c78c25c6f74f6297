"""Counting by thumb: a person taps whoever walks through a gate; kept in memory until compared."""

from __future__ import annotations

import secrets
import sqlite3
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from edge.errors import AuditError
from edge.store import audits
from edge.store.audits import Audit
from pipelines.audit import DIRECTIONS, HandCount, Tally, compare
from pipelines.records import Direction
from pipelines.windows import CLOSE_LAG_S

TOLERANCE_S: Final = 3.0
"""A thumb comes later than the foot, by up to a second."""
SETTLED_S: Final = CLOSE_LAG_S + 2.0
"""So long after the end the box knows and has stored every crossing of the time."""
LONGEST_S: Final = 4 * 3600.0
MOST: Final = 20
"""Counts at once; the one begun first makes room."""


@dataclass(slots=True)
class PhoneClock:
    """The phone's own monotonic time against the box's.

    A tap carries the phone's stamp, so one that a bad network delivers late still counts when it was made:
    the quickest delivery tells best how the two clocks lie.
    """

    offset_s: float | None = None

    def heard(self, stamp_s: float, now: float) -> None:
        """A message with this stamp arrived now."""
        late = now - stamp_s
        self.offset_s = late if self.offset_s is None else min(self.offset_s, late)

    def at(self, stamp_s: float) -> float:
        """The box's time at a stamp; only for stamps that were heard."""
        if self.offset_s is None:
            raise ValueError("nothing was heard of this clock")
        return stamp_s + self.offset_s


@dataclass(frozen=True, slots=True)
class Tap:
    """Somebody walked through."""

    direction: Direction
    stamp_s: float
    clock: PhoneClock


@dataclass(slots=True)
class Tapping:
    """One person counting one gate. Times are the box's UTC seconds."""

    id: str
    camera: str
    gate: str
    drawing: str
    who: str
    begun: float
    ended: float | None = None
    blind: bool = False
    """The camera gave no picture for some of the time: then there is nothing to compare with."""
    taps: list[Tap] = field(default_factory=list)
    result: dict[Direction, Tally] | None = None

    def tap(self, direction: Direction, stamp_s: float, clock: PhoneClock, now: float) -> None:
        """Count one. After the end, or hours later, nothing is counted any more."""
        clock.heard(stamp_s, now)
        if self.ended is None and now - self.begun <= LONGEST_S:
            self.taps.append(Tap(direction, stamp_s, clock))

    def undo(self) -> None:
        """Take the last one back."""
        if self.ended is None and self.taps:
            self.taps.pop()

    def count(self) -> Counter[Direction]:
        """How many, each way."""
        return Counter(tap.direction for tap in self.taps)

    def finish(self, now: float) -> None:
        """Stop counting; a second time changes nothing."""
        if self.ended is None:
            self.ended = min(now, self.begun + LONGEST_S)

    def settled(self, now: float) -> bool:
        """Whether the box surely knows all crossings of the time."""
        return self.ended is not None and now - self.ended >= SETTLED_S

    def compare(self, connection: sqlite3.Connection, now: float) -> list[Audit]:
        """The audits of both directions, for the store. Raises AuditError when the camera did not look."""
        if self.ended is None:
            raise ValueError("not finished")
        begin, end = self.begun, self.ended
        unseen = audits.unseen_seconds(connection, self.camera, self.gate, begin, end)
        if self.blind or unseen > 3.0:
            raise AuditError("the camera had no picture for part of that time; nothing was kept, count again")
        counted = audits.crossings(connection, self.camera, self.gate, begin - TOLERANCE_S, end + TOLERANCE_S)
        by_hand = [HandCount(self.gate, tap.direction, tap.clock.at(tap.stamp_s)) for tap in self.taps]
        found = compare(counted, by_hand, tolerance_s=TOLERANCE_S, span=(begin, end))
        self.result = {way: found.get((self.gate, way), Tally()) for way in DIRECTIONS}
        return [
            Audit(self.camera, self.gate, way, begin, end, self.drawing, self.who, now, tally)
            for way, tally in self.result.items()
            if tally.true or tally.counted
        ]


class Tappings:
    """Everybody who is counting now. Only ever used from the page's one event loop."""

    def __init__(self) -> None:
        self._all: dict[str, Tapping] = {}

    def begin(self, camera: str, gate: str, drawing: str, who: str, now: float) -> Tapping:
        """Somebody begins to count."""
        while len(self._all) >= MOST:
            del self._all[next(iter(self._all))]
        made = Tapping(secrets.token_urlsafe(9), camera, gate, drawing, who.strip()[:64], now)
        self._all[made.id] = made
        return made

    def get(self, name: str) -> Tapping | None:
        """The one of that name, while it is remembered."""
        return self._all.get(name)
