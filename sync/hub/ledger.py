"""The narrow door to the hub's storage. SQLite serves a demo or a small chain; others may follow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from sync.errors import SyncError
from sync.hub.intake import Intake, Message
from sync.outbox import Stream
from sync.topics import BoxIdentity


class LedgerError(SyncError):
    """The storage did not take a batch. Nothing of it was kept; the hub tries again."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """The hub holds every message of the stream up to `upto`, from the first that the box still had."""

    box: BoxIdentity
    epoch: str
    stream: Stream
    upto: int


class Ledger(Protocol):
    """Where the hub keeps what it received. Used by one thread."""

    def commit(self, batch: Sequence[Intake], received_at: float) -> list[Receipt]:
        """Keep a batch in one transaction, durably, and say what may now be acknowledged.

        A repeated message changes nothing and is acknowledged again. A stream whose birth document was
        not seen yet is kept but not acknowledged. Raises LedgerError when nothing was kept.
        """
        ...

    def trigger_streams(self) -> list[Receipt]:
        """How far the stream `trigger` of each box is complete."""
        ...

    def triggers(self, box: BoxIdentity, epoch: str, after: int, limit: int) -> list[Message]:
        """The messages of a box's stream `trigger` above a seq, in order; without those set aside."""
        ...

    def not_understood(self, limit: int) -> list[Message]:
        """Messages that are kept and were not understood, the newest first."""
        ...

    def take_again(self, message: Message, received_at: float) -> None:
        """Keep one of them anew, now that it is understood; durably. Raises LedgerError."""
        ...

    def roll_up(self) -> int:
        """Add up the hours that changed since, where the storage keeps such sums; how many that were. May be
        called by a second thread. Raises LedgerError; nothing is forgotten by that."""
        ...

    def close(self) -> None:
        """End."""
        ...
