"""How far the box believes its clock, and which time it counts by. Pure: every reading is an argument.

A box counts by one `Setting` from the start of its main process on: UTC seconds = the machine's own counter
(`CLOCK_BOOTTIME`, which never steps) + an offset. Its trust is one of three:

- `synced`: the kernel said that a time server keeps the clock, since this boot.
- `plausible`: nobody said so, but the date can be: a box on a cut line with a good clock of its own works
  like this for ever.
- `unknown`: the date cannot be. Then the box counts on the dark scale: seconds from 1970 on that belong to
  no day (see `is_dark`). Each untrusted boot goes on after the highest dark time ever used, so that dark
  minutes never meet real ones, nor each other. Nothing dark is sent or shown on any day.

What is done, by the trust so far (a new boot has none), the kernel's word and the date of the wall clock.
"Fits": the date can be, what this boot has counted would lie after all that the store knew before, and it is
not more than `AHEAD_S` ahead of that, or somebody set the clock while we looked.

| so far    | kernel | wall clock                             | then                                       |
|-----------|--------|----------------------------------------|--------------------------------------------|
| none      | synced | any date that can be                   | synced                                     |
| none      | synced | clearly before what is surely known    | unknown, until it insists (`INSIST_S`)     |
| none      | else   | fits                                   | plausible                                  |
| none      | else   | up to `BEHIND_S` before what is known: | plausible, going on right after what is    |
|           |        | a clock that was kept on disk          | known, as time does not go back            |
| none      | else   | anything else                          | unknown                                    |
| unknown   | synced | any date that can be                   | synced; this boot's times are shifted      |
| unknown   | else   | fits                                   | plausible; this boot's times are shifted   |
| plausible | synced | within `STEP_S` of ours                | synced, nothing moves                      |
| plausible | synced | elsewhere                              | synced; this boot's times are shifted      |
| plausible | else   | set, fits, and stays so for `FOLLOW_S` | plausible; this boot's times are shifted   |
| synced    | synced | elsewhere, and stays so for `FOLLOW_S` | synced, from now on; the past was          |
|           |        | (`INSIST_S` where it is clearly before)| confirmed too and stays                    |
| synced    | else   | elsewhere                              | our own count is right: we keep it         |

While the wall clock is elsewhere than our count, each minute says so (`clock_untrusted`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

from edge.clock import STEP_S, believable

Trust = Literal["synced", "plausible", "unknown"]

DARK_END: Final = 1_000_000_000.0
"""Dark times are below (September 2001): no real one is, and 31 years of counting have room."""
BEHIND_S: Final = 7200.0
"""A clock kept on disk is saved hourly, or when the time server last answered: it may be this far behind."""
AHEAD_S: Final = 180 * 86_400.0
"""A box may lie in a cupboard for so long and its clock is still believed without a time server."""
SETTLE_S: Final = 3.0
"""The kernel's word may come a moment before or after the step that belongs to it."""
LOOK_S: Final = 10.0
"""How long a date must stay before it is taken for plausible."""
FOLLOW_S: Final = 600.0
"""How long another time must stay, so that a slip of the hand or one wrong answer moves nothing."""
INSIST_S: Final = 3600.0
"""The same for a time before what was confirmed earlier: one of the two time servers was wrong."""
MINUTE_S: Final = 60


@dataclass(frozen=True, slots=True)
class Reading:
    """The clocks at one moment."""

    wall: float
    """UTC seconds as the system has them."""
    steady: float
    """Seconds of the machine's own counter."""
    synced: bool | None
    """Whether the kernel says that a time server keeps the wall clock; None: it cannot be asked."""

    @property
    def offset(self) -> float:
        """The wall clock's time when the counter stood at 0."""
        return self.wall - self.steady


@dataclass(frozen=True, slots=True)
class Setting:
    """What the box counts by."""

    offset: float
    """Box seconds at which the machine's counter stood at 0."""
    trust: Trust
    begun: float
    """The first box second that was counted so in this boot."""

    def moved(self, offset: float, trust: Trust) -> Setting:
        """The same stretch of counting by another offset."""
        return Setting(offset, trust, self.begun + offset - self.offset)


@dataclass(frozen=True, slots=True)
class Known:
    """What the store knows of time without this boot."""

    newest: float | None = None
    """The newest real time."""
    sure: float | None = None
    """The newest that no later reading may turn out to be wrong: a time server confirmed it."""
    dark_free: float = 0.0
    """The first dark second that was never used, on a full minute."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one look at the clocks found."""

    step_s: float | None
    """By how much the wall clock was set since the last look; positive is forward."""
    agrees: bool
    """Whether the wall clock shows the time that we count by."""
    change: Setting | None
    """What the box should count by from now on."""


def is_dark(t: float) -> bool:
    """Whether a time is on the dark scale, which belongs to no day."""
    return t < DARK_END


def begin(now: Reading, known: Known, mine: Setting | None) -> Setting:
    """What to count by from the start of a main process on. mine: what an earlier one of this boot had."""
    if mine is None:
        return _first(now, known)
    if mine.trust == "synced":
        return mine
    if now.synced and believable(now.wall) and not _clearly_before(now.wall, known.sure):
        return _confirmed(now, mine) or mine
    return _guessed(now, known, mine, was_set=False) or mine


class TrustWatch:
    """Looks at the clocks once a second and says when the box should count by another setting."""

    def __init__(self, setting: Setting, known: Known, first: Reading) -> None:
        self.setting = setting
        self._known = known
        self._offset = first.offset
        self._was_set = False
        self._wanted: Setting | None = None
        self._since = 0.0

    def look(self, now: Reading) -> Verdict:
        """One look."""
        step = now.offset - self._offset
        stepped = abs(step) > STEP_S
        if stepped:  # slow drift is followed silently only as far as the sum stays below a step
            self._offset, self._was_set = now.offset, True
        agrees = self.setting.trust != "unknown" and abs(now.offset - self.setting.offset) <= STEP_S
        return Verdict(step if stepped else None, agrees, self._held(now))

    def _held(self, now: Reading) -> Setting | None:
        """A better setting that has been so for long enough."""
        wanted = self._wish(now)
        if wanted is None:
            self._wanted = None
            return None
        before = self._wanted
        if before is None or before.trust != wanted.trust or abs(before.offset - wanted.offset) > STEP_S:
            self._wanted, self._since = wanted, now.steady
        return wanted if now.steady - self._since >= self._patience(now, wanted) else None

    def _wish(self, now: Reading) -> Setting | None:
        mine = self.setting
        if now.synced and believable(now.wall):
            return _confirmed(now, mine)
        return _guessed(now, self._known, mine, was_set=self._was_set)

    def _patience(self, now: Reading, wanted: Setting) -> float:
        mine = self.setting
        if wanted.trust == "synced":
            behind = now.steady + mine.offset if mine.trust == "synced" else self._known.sure
            if _clearly_before(now.wall, behind):
                return INSIST_S
            return FOLLOW_S if mine.trust == "synced" else SETTLE_S
        return FOLLOW_S if mine.trust == "plausible" else LOOK_S


def _first(now: Reading, known: Known) -> Setting:
    """The setting of a new boot."""
    if now.synced and believable(now.wall) and not _clearly_before(now.wall, known.sure):
        return Setting(now.offset, "synced", now.wall)
    newest = known.newest
    if believable(now.wall) and not now.synced:
        if newest is None or newest <= now.wall <= newest + AHEAD_S:
            return Setting(now.offset, "plausible", now.wall)
        if newest - BEHIND_S <= now.wall < newest:
            after = math.floor(newest / MINUTE_S) * MINUTE_S + float(MINUTE_S)
            return Setting(after - now.steady, "plausible", after)
    return Setting(known.dark_free - now.steady, "unknown", known.dark_free)


def _confirmed(now: Reading, mine: Setting) -> Setting | None:
    """The time server's time; None: we count by it already."""
    elsewhere = abs(now.offset - mine.offset) > STEP_S
    if mine.trust == "synced":  # the past was confirmed too: another stretch begins
        return Setting(now.offset, "synced", now.wall) if elsewhere else None
    return mine.moved(now.offset, "synced") if elsewhere else Setting(mine.offset, "synced", mine.begun)


def _guessed(now: Reading, known: Known, mine: Setting, *, was_set: bool) -> Setting | None:
    """The wall clock's time without a time server, where that is better than what this boot counts by."""
    if mine.trust == "synced" or not believable(now.wall):
        return None
    if mine.trust == "plausible" and (not was_set or abs(now.offset - mine.offset) <= STEP_S):
        return None
    wanted = mine.moved(now.offset, "plausible")
    return wanted if _fits(wanted, now.wall, known.newest, was_set=was_set) else None


def _fits(wanted: Setting, wall: float, newest: float | None, *, was_set: bool) -> bool:
    """Whether all that this boot has counted would lie after what was known before, and not absurdly far."""
    if newest is None:
        return believable(wanted.begun)
    return wanted.begun >= newest + MINUTE_S and (was_set or wall <= newest + AHEAD_S)


def _clearly_before(wall: float, known: float | None) -> bool:
    return known is not None and wall < known - BEHIND_S
