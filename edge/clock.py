"""Steady UTC: seconds that never step, and what the system says of its own clocks."""

from __future__ import annotations

import ctypes
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

STEP_S: Final = 2.0
"""A difference beyond this is a step: slewing and reading two clocks stay far below (research:
sync_reliability §4.4)."""
FIRST_BELIEVABLE_UTC: Final = 1_735_689_600.0
"""2025-01-01: no box ran before, so an earlier clock was never set."""

_TIME_ERROR: Final = 5
"""`adjtimex`: the clock is not synchronised."""

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
        return steady_seconds() + self.offset


def steady_seconds() -> float:
    """Seconds of the machine's own counter: since its boot, never stepped, the same in every process."""
    return time.clock_gettime(_STEADY)


def boot_id() -> str:
    """The kernel's number of this boot; empty where it does not tell."""
    with suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    return ""


def clock_synchronised() -> bool | None:
    """Whether the kernel's clock is disciplined by a time service; None where it cannot be asked."""
    try:
        adjtimex = ctypes.CDLL(None).adjtimex
    except (OSError, AttributeError):
        return None
    answer = adjtimex(ctypes.create_string_buffer(512))  # struct timex, all zero: only ask
    return None if answer < 0 else answer != _TIME_ERROR


def believable(utc: float) -> bool:
    """False for the date of a clock that was never set."""
    return utc >= FIRST_BELIEVABLE_UTC
