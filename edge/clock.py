"""Steady UTC: seconds that never step, and the telling when the wall clock did."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

STEP_S: Final = 2.0
"""A difference beyond this is a step: slewing and reading two clocks stay far below (research:
sync_reliability §4.4)."""
FIRST_BELIEVABLE_UTC: Final = 1_735_689_600.0
"""2025-01-01: no box ran before, so an earlier clock was never set."""

# Counts through a suspend, unlike CLOCK_MONOTONIC, so that a laptop that slept does not look like a step.
_STEADY: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


@dataclass(frozen=True, slots=True)
class SteadyClock:
    """UTC when the box started plus the seconds since. The same in every process that gets the `offset`."""

    offset: float
    """UTC seconds at which the machine's steady counter stood at 0."""

    @staticmethod
    def start() -> SteadyClock:
        """A clock that agrees with the wall clock now."""
        return SteadyClock(time.time() - time.clock_gettime(_STEADY))

    def now(self) -> float:
        """Steady UTC seconds."""
        return time.clock_gettime(_STEADY) + self.offset


@dataclass(frozen=True, slots=True)
class ClockStep:
    """The wall clock was set."""

    seconds: float
    """By how much; positive is forward."""
    off: float
    """How far the wall clock is now ahead of the steady one."""


class StepWatch:
    """Notices when the wall clock steps away from the steady one. Pure: both times are arguments."""

    def __init__(self) -> None:
        self._off = 0.0

    @property
    def trusted(self) -> bool:
        """True while the wall clock agrees with the steady scale that records are stamped with."""
        return abs(self._off) <= STEP_S

    def look(self, wall: float, steady: float) -> ClockStep | None:
        """Compare; the step since the last look, told once, or None. Slow drift is followed silently only
        as far as the sum stays below a step."""
        off = wall - steady
        if abs(off - self._off) <= STEP_S:
            return None
        step = ClockStep(off - self._off, off)
        self._off = off
        return step


def believable(utc: float) -> bool:
    """False for the date of a clock that was never set."""
    return utc >= FIRST_BELIEVABLE_UTC
