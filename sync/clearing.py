"""Acknowledged rows on their way out of the outbox."""

from __future__ import annotations

import time
from typing import Final

from sync.outbox import Outbox, Stream

SHARE: Final = 5.0
"""Deleting may take a fifth of the time: each deletion waits for the disk, which may be slow (an eMMC 50 ms),
and meanwhile nothing is sent and the store takes nothing else."""
LONGEST_S: Final = 1.0
"""The longest pause between two deletions."""


class Clearing:
    """Deletes what the centre has acknowledged: at once when there is little, together when there is much.

    What is not deleted yet when the box dies is sent again and acknowledged again: nothing is lost by it.
    """

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._upto: dict[Stream, tuple[str, int]] = {}
        self._next_at = float("-inf")

    def note(self, stream: Stream, epoch: str, upto: int) -> None:
        """The centre holds these."""
        self._upto[stream] = epoch, upto

    def wait(self, now: float) -> float | None:
        """Monotonic seconds until something is to be deleted; None when nothing is."""
        return max(0.0, self._next_at - now) if self._upto else None

    def clear(self, *, at_once: bool = False) -> int | None:
        """Delete what is due, with `at_once` all; the number of rows, None when nothing was due. What the
        outbox does not delete because it fails is deleted next time."""
        began = time.monotonic()
        if not self._upto or (began < self._next_at and not at_once):
            return None
        gone = 0
        while self._upto:
            stream, (epoch, upto) = next(iter(self._upto.items()))
            gone += self._outbox.acknowledge(stream, epoch, upto)
            del self._upto[stream]
        ended = time.monotonic()
        self._next_at = ended + min(LONGEST_S, (SHARE - 1) * (ended - began))
        return gone
