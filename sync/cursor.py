"""How far one stream has been sent and acknowledged: pure, without clock, store or network.

Three numbers rule it: what the centre has acknowledged, what was sent since, and how much may be under
way at once. As in TCP, the window doubles while all goes well; after a time without any acknowledgement it
falls to one row, sent again and again with growing pauses, until the centre answers. A box whose centre is
away therefore leaves a few copies of one message at the broker and not a flood.

The window also shrinks while rows queue on their way; see `window.py`.
"""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass
from typing import Final

from sync.window import Window

SMALL_WINDOW: Final = 64
"""Smaller ones cost a busy centre more for each row than they spare a trigger."""
SMALLEST_WINDOW: Final = 4
"""Of a centre that is really slow."""


@dataclass(frozen=True, slots=True)
class Pacing:
    """How fast to send and how patient to be."""

    first_window: int = 8
    """Rows under way without acknowledgement, at first."""
    largest_window: int = 256
    queue_s: float = 0.15
    """Rows may wait for so long on their way; with longer queues fewer are sent at once."""
    spread_s: float = 2.0
    """Minutes and events begin at random within this time of a connection, so that a chain's boxes do not
    all send at once when their broker is back. Triggers go at once."""
    retry_s: float = 10.0
    """Without an acknowledgement for so long, send again from the oldest row."""
    retry_max_s: float = 300.0
    look_s: float = 1.0
    """Look for new rows at least so often; `nudge` makes it at once."""
    goodbye_s: float = 2.0
    """How long `stop` waits for the broker to take the goodbye."""


class Cursor:
    """The sending state of one stream. Times are monotonic seconds."""

    def __init__(self, pacing: Pacing, rng: random.Random | None = None) -> None:
        self._pacing = pacing
        self._rng = rng or random.Random()
        self._highest = -1
        self._next: int | None = None
        self._under_way: deque[tuple[int, float]] = deque()
        self.connect()

    def connect(self) -> None:
        """A new connection: nothing is under way, and the outbox alone knows what still waits."""
        self._acked = -1
        self._window = Window(
            size=self._pacing.first_window,
            largest=self._pacing.largest_window,
            small=SMALL_WINDOW,
            smallest=SMALLEST_WINDOW,
            queue_s=self._pacing.queue_s,
        )
        self._retry_s = self._pacing.retry_s
        self._restart()

    def _restart(self) -> None:
        self._under_way.clear()
        self._sent = self._acked
        self._paced = self._acked
        self._next = None
        self._deadline: float | None = None
        self._refused = False

    @property
    def sent(self) -> int:
        """The highest seq sent since the last rewind; ask the outbox for rows after it."""
        return self._sent

    @property
    def idle(self) -> bool:
        """Whether nothing is under way."""
        return not self._under_way

    @property
    def refused(self) -> bool:
        """Whether the broker refuses this stream."""
        return self._refused

    @property
    def room(self) -> int:
        """How many more rows may be sent now."""
        return 0 if self._refused else max(0, self._window.size - len(self._under_way))

    def follows(self, seq: int) -> bool:
        """Whether the centre can tell that nothing is missing before this row."""
        return self._next == seq

    def announce(self, first: int | None) -> None:
        """The birth document says that `first` is the oldest row that still waits."""
        self._next = first

    def send(self, seq: int, now: float) -> None:
        """A row was handed to the broker."""
        self._under_way.append((seq, now))
        self._sent, self._next = seq, seq + 1
        self._highest = max(self._highest, seq)
        if self._deadline is None:
            self._deadline = now + self._patience()

    def acknowledge(self, upto: int, now: float) -> int | None:
        """The centre holds all rows up to `upto`; the seq up to which rows may be deleted, if any.

        Never beyond what this process has sent: a centre cannot hold what it was not given, and a wrong
        acknowledgement must not cost a row.
        """
        upto = min(upto, self._highest)
        if upto <= self._acked:
            return None
        self._acked = upto
        self._sent = max(self._sent, upto)
        measured: float | None = None  # the one of a batch that waited longest
        while self._under_way and self._under_way[0][0] <= upto:
            seq, sent_at = self._under_way.popleft()
            if seq > self._paced and measured is None:
                measured = now - sent_at
        if measured is not None:
            self._paced = self._sent
            self._window.fit(measured)
        self._retry_s = self._pacing.retry_s
        self._deadline = now + self._patience() if self._under_way else None
        if not self._under_way:
            self._refused = False  # the refused row arrived after all, in an earlier attempt
        return upto

    def refuse(self) -> None:
        """The broker refused a row: send nothing more until it is time to try again."""
        self._refused = True

    def overdue(self, now: float) -> bool:
        """Whether the centre has been silent for too long."""
        return self._deadline is not None and now >= self._deadline

    def wait(self, now: float) -> float | None:
        """Seconds until `overdue`, None while nothing is under way."""
        return None if self._deadline is None else max(0.0, self._deadline - now)

    def rewind(self) -> None:
        """Start again from the oldest row that is not acknowledged, carefully."""
        self._window.size = 1
        self._retry_s = min(self._retry_s * 2, self._pacing.retry_max_s)
        self._restart()

    def _patience(self) -> float:
        return self._retry_s * self._rng.uniform(0.8, 1.2)
