"""The box's clock in force: what the main process counts by, and when it must begin anew by another.

A setting is never changed under a running box. When another one is better (`edge/clock_trust.py` decides),
the main loop ends in order, what was counted is given its times in one transaction (`edge/store/restamp.py`),
and all parts start again by the new setting, as after a restart. The gap of some seconds shows as missing
coverage.
"""

from __future__ import annotations

import logging
import secrets
import sqlite3
import time
from collections.abc import Callable, Sequence
from typing import Final, Protocol, TypeVar

from edge.clock import SteadyClock, boot_id, clock_synchronised, steady_seconds
from edge.clock_trust import Reading, Setting, Trust, TrustWatch, begin
from edge.errors import StoreError
from edge.log import fields
from edge.notify import notify
from edge.store import restamp
from edge.store.restamp import CLOCK_UNKNOWN
from pipelines.records import Event

log = logging.getLogger("edge.clock")

T = TypeVar("T")

AGAIN_S: Final = 600.0
"""What the store refused is tried again after so long."""
UNTIMED_S: Final = 20.0
"""How often the minutes that have no time of day are counted."""
SAME_S: Final = 1e-6


class Books(Protocol):
    """What the keeper needs of the store."""

    def write(self, change: Callable[[sqlite3.Connection], T]) -> T:
        """One transaction."""
        ...

    def read(self, question: Callable[[sqlite3.Connection], T]) -> T:
        """One question."""
        ...

    def events_under_way(self, names: Sequence[str]) -> Sequence[Event]:
        """Events of these names that have begun and not ended."""
        ...


def read_clocks() -> Reading:
    """The system's clocks now."""
    return Reading(time.time(), steady_seconds(), clock_synchronised())


class ClockKeeper:
    """Decides at its making by what this run counts, and looks from then on whether that is still right."""

    def __init__(
        self,
        store: Books,
        *,
        read: Callable[[], Reading] = read_clocks,
        boot: str | None = None,
        may_change: bool = True,
    ) -> None:
        """boot: the kernel's number of this boot. may_change: False for a run over clips, which would begin
        anew. Raises StoreError when nothing can be read."""
        self._store, self._read, self._may_change = store, read, may_change
        self._boot = (boot_id() if boot is None else boot) or f"run-{secrets.token_hex(8)}"
        first = read()
        known = store.read(lambda connection: restamp.known(connection, self._boot))
        mine = store.read(lambda connection: restamp.stretch(connection, self._boot))
        self._newest = known.newest
        self._refused_at: float | None = None
        self._untimed, self._untimed_at = 0, float("-inf")
        self._saved = mine is not None
        setting = begin(first, known, None if mine is None else mine.setting)
        if not self._keep(setting) and mine is not None:
            setting = mine.setting  # what is stored stays on the scale on which it is
        else:
            setting = self._in_force() or setting
        self.watch = TrustWatch(setting, known, first)
        self.clock = SteadyClock(setting.offset)
        """For all parts of the box, in every process."""
        self.agrees = setting.trust != "unknown"
        """Whether the wall clock shows the time that we count by."""
        self.change: Setting | None = None
        """Another setting that should be in force; the box must begin anew for it."""
        self._unknown_told = bool(store.events_under_way([CLOCK_UNKNOWN]))
        log.info("the clock is %s", setting.trust, extra=fields(box_time=round(self.clock.now())))

    @property
    def trust(self) -> Trust:
        """How far the time is trusted."""
        return self.watch.setting.trust

    @property
    def known(self) -> bool:
        """Whether the time of day is known."""
        return self.trust != "unknown"

    @property
    def first_minute(self) -> int:
        """The first minute that this boot may count into; 0 where it does not matter. One that it would share
        with an earlier boot could not be moved to its true time."""
        mine = self._store.read(lambda connection: restamp.stretch(connection, self._boot))
        if mine is None or self.trust == "synced" or mine.first_minute <= mine.setting.begun:
            return 0
        return mine.first_minute

    def untimed(self) -> int:
        """Minutes that were counted and whose time of day is not known, at most some seconds ago."""
        if self._read().steady - self._untimed_at > UNTIMED_S:
            self._untimed_at = self._read().steady
            self._untimed = self._store.read(restamp.untimed)
        return self._untimed

    def retention_at(self, now: float) -> float | None:
        """The time by which old rows may be deleted, never later than the true one; None: it is not known.

        Without a time server the time that passed while the box was off is only the clock's word: a clock
        that was set a year ahead must not delete the year's data.
        """
        if not self.agrees:
            return None
        if self.trust == "synced" or self._newest is None:
            return now
        return now - max(0.0, self.watch.setting.begun - self._newest)

    def look(self, now: float) -> list[Event]:
        """Once a second: what happened to the clock. now: steady UTC seconds."""
        verdict = self.watch.look(self._read())
        self.agrees = verdict.agrees
        events = self._told(now)
        if verdict.step_s is not None:
            seconds = round(verdict.step_s, 1)
            log.warning("the wall clock was set", extra=fields(by_s=seconds))
            events.append(Event("clock_step", now, detail={"seconds": seconds}))
        if self._refused_at is None or self._read().steady - self._refused_at > AGAIN_S:
            self._follow(verdict.change)
        return events

    def settle(self) -> None:
        """Put the change into force. Nothing of this run may be written any more."""
        if self.change is not None:
            self._keep(self.change)

    def _told(self, now: float) -> list[Event]:
        """The beginning of a time that is not known."""
        events: list[Event] = []
        if not self.known and not self._unknown_told:
            self._unknown_told = True
            events.append(Event(CLOCK_UNKNOWN, now))
        return events

    def _follow(self, change: Setting | None) -> None:
        """Take up a change: at once where nothing moves, else as a wish to begin anew."""
        if not self._saved:
            self._keep(self.watch.setting)
        if change is None or not self._may_change:
            self.change = None
        elif abs(change.offset - self.watch.setting.offset) > SAME_S:
            self.change = change
        elif self._keep(change):
            self.watch.setting = self._in_force() or change
            log.info("the clock is %s", change.trust)

    def _in_force(self) -> Setting | None:
        mine = self._store.read(lambda connection: restamp.stretch(connection, self._boot))
        return None if mine is None else mine.setting

    def _keep(self, setting: Setting) -> bool:
        """Put a setting into force, with all that follows for what was counted before."""
        now = max(setting.begun, self._read().steady + setting.offset)  # not before, by rounding
        try:
            stamped = self._store.write(
                lambda connection: restamp.set_clock(
                    connection, self._boot, setting, now, tick=lambda: notify("WATCHDOG=1")
                )
            )
        except StoreError as error:
            log.error("what was counted cannot be given its time yet: %s", error)
            self._refused_at = self._read().steady
            return False
        if stamped.minutes or stamped.guessed:
            log.warning(
                "minutes were given their time",
                extra=fields(
                    minutes=stamped.minutes, guessed=stamped.guessed, by_s=round(stamped.seconds, 1)
                ),
            )
        self._refused_at, self._saved = None, True
        return True
