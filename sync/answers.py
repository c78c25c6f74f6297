"""How long the broker may owe us an answer before the connection counts as dead. Pure: times are arguments.

A cable that was pulled, or a router that forgot us, ends no TCP connection: what we write is accepted and
goes nowhere. The protocol's own check (keep alive) finds that after 30 to 60 s, and a coupon is lost by
then. So whoever is owed an answer and has seen no sign of life for two seconds tries a new connection.
A line that is only slow is not taken for dead: bytes that arrive, and bytes that the other side's kernel
confirms, are signs of life, and the patience follows how long answers really take.
"""

from __future__ import annotations

from typing import Final

SHORTEST_S: Final = 2.0
LONGEST_S: Final = 30.0
OFTEN: Final = 4
"""An answer may take so many times as long as the last one."""
LOOK_S: Final = 0.5
"""While an answer is owed, look for signs of life so often."""
IDLE_S: Final = 35.0
"""Without any sign of life, also when nothing is owed: five seconds more than the keep alive, within which
the broker must have been asked by a ping."""


class Answers:
    """What the broker owes us. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._patience_s = SHORTEST_S
        self._asked: dict[int, float] = {}
        self._sign_at = self._looked_at = float("-inf")
        self._confirmed = 0

    @property
    def patience_s(self) -> float:
        """How long no sign of life is borne at present."""
        return self._patience_s

    def begin(self, now: float) -> None:
        """A new connection: it owes nothing yet."""
        self._asked.clear()
        self._confirmed = 0
        self._sign_at = self._looked_at = now

    def ask(self, token: int, now: float) -> None:
        """Something went out that must be answered."""
        self._asked[token] = now

    def answer(self, token: int, now: float) -> None:
        """It was answered."""
        asked = self._asked.pop(token, None)
        if asked is not None:
            self._patience_s = min(LONGEST_S, max(SHORTEST_S, OFTEN * (now - asked)))

    def sign(self, now: float) -> None:
        """A sign of life."""
        self._sign_at = now

    def silent_s(self, now: float) -> float:
        """Since the last sign of life."""
        return now - self._sign_at

    def left(self, now: float) -> float | None:
        """Seconds until the connection counts as dead; None while nothing is owed."""
        if not self._asked:
            return None
        oldest = next(iter(self._asked.values()))  # in order of asking
        return max(oldest, self._sign_at) + self._patience_s - now

    def patient(self, timeout: float, now: float) -> float:
        """For how much of `timeout` nobody need look."""
        if now - self._looked_at > IDLE_S / 2:
            self._sign_at = now  # it was we who were away
        left = self.left(now)
        return timeout if left is None else min(timeout, LOOK_S, max(0.0, left))

    def dead(self, now: float, confirmed: int) -> float | None:
        """For how many seconds there was no sign of life, when that is too long. confirmed: bytes of ours
        that the other side's kernel has confirmed so far."""
        self._looked_at = now
        left = self.left(now)
        if confirmed > self._confirmed:
            self._confirmed, self._sign_at = confirmed, now
        elif left is None and self.silent_s(now) > IDLE_S:
            return self.silent_s(now)
        elif left is not None and left <= 0:
            waited_s = self._patience_s
            self.give_up()
            return waited_s
        return None

    def give_up(self) -> None:
        """It counted as dead. Should only the broker be slow, more patience next time lets it answer."""
        self._patience_s = min(LONGEST_S, 2 * self._patience_s)
        self._asked.clear()
