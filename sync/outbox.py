"""The narrow door through which sync sees the box's store: rows that wait, and their acknowledgement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

Stream = Literal["data", "trigger"]
STREAMS: tuple[Stream, ...] = ("trigger", "data")
"""First in line first: a coupon trigger is worth nothing when it is late."""


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """One message that waits for the centre. `(box, epoch, stream, seq)` is its identity for ever."""

    stream: Stream
    epoch: str
    seq: int
    schema: str
    """Such as `storeedge/minute/1`."""
    body: str
    """JSON text, exactly as it will be sent."""
    created_at: float
    """UTC seconds."""
    expires_at: float | None = None
    """UTC seconds after which a trigger is not worth sending."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """What still waits in one stream."""

    rows: int
    first_seq: int | None
    last_seq: int | None
    oldest_at: float | None
    """UTC seconds at which the oldest waiting row was made."""


class Outbox(Protocol):
    """All that sync may ask of the store. Every method may be called from sync's own thread."""

    @property
    def epoch(self) -> str:
        """Changes when the box's database is made anew."""
        ...

    def pending(self, stream: Stream, after_seq: int, limit: int) -> Sequence[OutboxRow]:
        """The oldest waiting rows with `seq` above `after_seq`, in order."""
        ...

    def backlog(self, stream: Stream) -> Backlog:
        """How much waits."""
        ...

    def acknowledge(self, stream: Stream, epoch: str, upto: int) -> int:
        """Delete rows up to and including `upto`, for good; the number deleted (0 for another epoch)."""
        ...
