"""What could not be used: to be looked at, and taken in again by a hub that understands it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sync.hub.databases import open_ledger, reading
from sync.hub.intake import Message, judge_again

AT_ONCE: Final = 100_000
"""Messages that one run looks at."""


@dataclass(frozen=True, slots=True)
class Aside:
    """One reason on one topic."""

    topic: str
    reason: str
    payloads: int
    """Distinct ones."""
    times: int


@dataclass(frozen=True, slots=True)
class Retried:
    """What became of the messages that were kept and not understood."""

    taken: int
    left: int
    reason: str | None
    """Why the newest of those that are left still is."""


def listed(where: str | Path) -> Sequence[Aside]:
    """What was set aside, the most frequent first. Raises SyncError."""
    with reading(where) as ask:
        rows = ask(
            "SELECT topic, reason, count(*), CAST(sum(times) AS BIGINT) FROM set_aside "
            "GROUP BY topic, reason ORDER BY 4 DESC, 1, 2",
            (),
        )
    return [Aside(*row) for row in rows]


def retry(where: str | Path, now: float) -> Retried:
    """Judge them again; may be done while hubs run. `now`: UTC seconds. Raises SyncError."""
    ledger = open_ledger(where)
    try:
        taken, left, reason = 0, 0, None
        for whole in ledger.not_understood(AT_ONCE):
            again = judge_again(whole)
            if isinstance(again, Message):
                ledger.take_again(again, now)
                taken += 1
            else:
                left, reason = left + 1, reason or again
        ledger.roll_up()
    finally:
        ledger.close()
    return Retried(taken, left, reason)
