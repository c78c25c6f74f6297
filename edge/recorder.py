"""The main process's books: facts into records and minutes, both into the store."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Final, Protocol

from edge.errors import StoreError
from edge.log import fields
from pipelines.area_watch import OVER_CAPACITY, AreaWatch, closed_between
from pipelines.layout import Area, CameraLayout
from pipelines.patrol import NAMES, Hours, Patrol, PatrolRules
from pipelines.records import (
    MINUTE_S,
    Crossing,
    Event,
    Fact,
    OccupancyWindow,
    Record,
    VehiclePassage,
    Visit,
    Wait,
    Window,
)
from pipelines.windows import Minutes

log = logging.getLogger("edge.recorder")

MOST_UNSAVED: Final = 50_000
"""Records kept in memory while the store refuses them: about a day of a busy store, some 20 MB."""


class Books(Protocol):
    """What the recorder needs of the store."""

    def add_records(self, new: Sequence[Record]) -> int:
        """Keep records, in one transaction."""
        ...

    def commit_minute(self, start: int, made: Sequence[Window]) -> bool:
        """Keep a minute with its outbox row, in one transaction."""
        ...

    def uncounted(self) -> Sequence[Crossing | Visit | Wait | VehiclePassage]:
        """Records that no committed minute holds."""
        ...

    def last_sealed_minute(self) -> int | None:
        """Start of the newest committed minute."""
        ...

    def events_under_way(self, names: Sequence[str]) -> Sequence[Event]:
        """Events of these names that have begun and not ended."""
        ...

    def last_occupancy(self) -> Sequence[OccupancyWindow]:
        """The newest window of each area."""
        ...


class Recorder:
    """Takes facts as they come and seals minutes as they end; survives a store that refuses for a while."""

    def __init__(
        self,
        store: Books,
        layouts: Sequence[CameraLayout],
        now: float,
        committed: Callable[[], None],
        *,
        hours: Hours | None = None,
        rules: PatrolRules | None = None,
        areas: Sequence[Area] = (),
        first_minute: int = 0,
    ) -> None:
        """Go on where the last run stopped. now: steady UTC. committed: called after new outbox rows. hours:
        the store's opening hours, for the patrol's rules and for when an area is surely empty. first_minute:
        no minute before it is this boot's."""
        self._store = store
        self._committed = committed
        self._unsaved: list[Record] = []
        self._unsealed: list[tuple[int, list[Window]]] = []
        self.fault: str | None = None
        """Why the store refuses to take what was counted; None while it takes it."""
        self.lost = 0
        """Records dropped because the store refused them for too long."""
        last, this = store.last_sealed_minute(), math.floor(now / MINUTE_S) * MINUTE_S
        # A clock that was set back must not hold all minutes until the old future has come.
        self._minutes = Minutes(
            layouts,
            sealed_before=max(first_minute, this if last is None else min(last, this)),
            areas=areas,
            occupied=store.last_occupancy() if areas else (),
        )
        self._patrol = Patrol(layouts, hours, rules, store.events_under_way(NAMES))
        self._areas = {area.id: AreaWatch(area, hours) for area in areas}
        self._resume_areas(hours, now)
        for record in store.uncounted():
            self._minutes.add(record)
            for area in self._areas.values():
                area.see(record)

    def take(self, facts: Iterable[Fact]) -> None:
        """Count facts, and keep those that are kept one by one."""
        new: list[Record] = []
        for fact in (each for one in facts for each in (one, *self._rules(one))):
            self._minutes.add(fact)
            if isinstance(fact, Crossing | Visit | Wait | VehiclePassage | Event):
                new.append(fact)
        if new:
            self._unsaved += new
            self._save()

    def seal(self, now: float, *, clock_trusted: bool = True) -> None:
        """Commit every minute that can no longer change. clock_trusted: whether its times may be believed."""
        self._minutes.clock_trusted = clock_trusted
        self._keep(self._minutes.seal(now))

    def close(self) -> None:
        """Commit everything, the open minutes too: the box stops."""
        self._keep(self._minutes.close())

    @property
    def occupancy(self) -> dict[str, int]:
        """How many are in each area now."""
        return {name: area.now for name, area in self._areas.items()}

    def _rules(self, fact: Fact) -> Iterable[Fact]:
        """What a fact gives rise to."""
        yield from self._patrol.see(fact)
        for name, area in self._areas.items():
            yield from area.see(fact)
            if (empty_at := area.take_empty()) is not None:
                self._minutes.anchor(name, 0, empty_at)

    def _resume_areas(self, hours: Hours | None, now: float) -> None:
        """Go on from the areas' last numbers; nobody is in a store that was closed while the box was off."""
        under_way = {event.scope: event for event in self._store.events_under_way([OVER_CAPACITY])}
        for window in self._store.last_occupancy() if self._areas else ():
            if (area := self._areas.get(window.id)) is None:
                continue
            area.correct(window)
            area.alarm.event = under_way.get(window.id)
            if closed_between(hours, area.sealed_until, now):
                self._minutes.anchor(window.id, 0, now)
                area.base = 0

    def _keep(self, sealed: Sequence[tuple[int, list[Window]]]) -> None:
        for _, windows in sealed:
            for window in windows:
                if isinstance(window, OccupancyWindow):
                    self._areas[window.id].correct(window)
        self._unsealed += sealed
        self._save()

    def _save(self) -> None:
        """Write what waits, records first: a minute marks them as counted."""
        if not self._unsaved and not self._unsealed:
            return
        try:
            fresh = any(isinstance(record, Event) for record in self._unsaved)
            if self._unsaved:
                self._store.add_records(self._unsaved)
                self._unsaved = []
            while self._unsealed:
                start, windows = self._unsealed[0]
                fresh |= self._store.commit_minute(start, windows)
                del self._unsealed[0]
        except StoreError as error:
            self._keep_for_later(error)
        else:
            self.fault = None
            if fresh:
                self._committed()

    def _keep_for_later(self, error: StoreError) -> None:
        if self.fault is None:
            log.error("%s", error, extra=fields(unsaved=len(self._unsaved)))
        self.fault = str(error)
        if (over := len(self._unsaved) - MOST_UNSAVED) > 0:
            self.lost += over
            del self._unsaved[:over]
