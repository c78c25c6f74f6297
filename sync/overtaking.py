"""Live triggers that wait behind expired ones, such as after a week without a line."""

from __future__ import annotations

from typing import Final

from sync.outbox import Outbox, OutboxRow

AT_ONCE: Final = 500
"""Waiting triggers that are looked at in one turn: some milliseconds."""


class Overtaking:
    """Finds each live trigger once in a connection. It is sent at once and again in its turn, which changes
    nothing at the centre: only in order can it say what it holds."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self.connect()

    def connect(self) -> None:
        """A new connection: what was sent in the last one may not have arrived."""
        self._looked = -1
        self._behind = False
        """Whether an expired one waits before those that were not looked at yet."""

    def find(self, sent: int, now: float, most: int) -> list[OutboxRow]:
        """At most so many live ones, oldest first. sent: the seq up to which all were sent in their turn;
        now: UTC seconds."""
        found: list[OutboxRow] = []
        if most <= 0:
            return found
        if self._looked <= sent:
            self._looked, self._behind = sent, False
        for row in self._outbox.pending("trigger", self._looked, AT_ONCE):
            self._looked = row.seq
            if expired(row, now):
                self._behind = True
            elif self._behind:  # else its turn comes soon anyway
                found.append(row)
                if len(found) == most:
                    break
        return found


def expired(row: OutboxRow, now: float) -> bool:
    """Whether nobody waits for this any more. Without an end it is live."""
    return row.expires_at is not None and row.expires_at <= now
