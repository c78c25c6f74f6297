"""Keeps room on the disk for what is counted, and says what that costs: detail that was given up, a disk that
others fill, a store that can take nothing at all. Times are arguments, steady UTC seconds."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, Protocol

from edge.errors import StoreError, StoreFull
from edge.live import DiskLive, Live
from edge.log import fields
from edge.store.budget import Room
from edge.store.budget_steps import Books, Kind, Thinned
from edge.store.store import Store
from pipelines.patrol import Alarm
from pipelines.records import Event
from sync.bodies import utc
from sync.fields import rfc3339

log = logging.getLogger("edge.disk_watch")

DISK_LOW: Final = "disk_low"
DISK_FULL: Final = "disk_full"
DETAIL_COARSENED: Final = "detail_coarsened"
NAMES: Final = (DISK_LOW, DISK_FULL)
"""Events that begin and end."""
KEPT: Final[Mapping[Kind, str]] = {
    "detail": "quarters",
    "quarters": "none",
    "waiting": "hours",
    "given_up": "nothing",
}
"""What is left of the minutes: the box's quarter-hours, nothing on the box's page, an hour for the centre,
nothing for anybody."""
TELL_S: Final[Mapping[Kind, float]] = {
    "detail": 86_400.0,  # a store that has grown to its budget gives up a day of its oldest every day
    "quarters": 86_400.0,
    "waiting": 3600.0,
    "given_up": 3600.0,
}
"""How often it is told. What came in between is told together."""
CALM_S: Final = 60.0
"""Without a refused write for so long: the store takes everything again."""
WORRY_S: Final = 3600.0
"""What waits for the centre had to be made coarser in the last so many seconds: the disk is too small."""


class Disk(Protocol):
    """What the watch needs of the store."""

    @property
    def refused(self) -> bool:
        """Whether the last write found no room."""
        ...

    def make_room(self) -> Room:
        """Keep some room ready."""
        ...

    def thinned(self) -> dict[Kind, Books]:
        """What that cost so far."""
        ...

    def tell_thinned(self, kinds: Sequence[Kind], event_of: Callable[[Thinned], Event]) -> list[Event]:
        """Keep events of what of it no event has told."""
        ...


class DiskWatch:
    """The store's room, looked after once a second."""

    def __init__(self, store: Disk, live: Live, under_way: Iterable[Event] = ()) -> None:
        """under_way: events of the last run that have not ended."""
        self._store, self._live = store, live
        begun = {event.name: event for event in under_way}
        self._low = Alarm(DISK_LOW, None, None, begun.get(DISK_LOW))
        self._full = Alarm(DISK_FULL, None, None, begun.get(DISK_FULL))
        self._refused_at = float("-inf")
        self._told_at: dict[Kind, float] = {}
        self._room: Room | None = None

    def look(self, now: float) -> list[Event]:
        """Make room where it is scarce; what begins, ends or was given up."""
        refused = self._store.refused
        try:
            self._room = self._store.make_room()
            books = self._store.thinned()
        except StoreError as error:
            refused |= isinstance(error, StoreFull)
            books = None
            if self._full.event is None:
                log.warning("no room can be made: %s", error)
        told = [*self._fullness(now, refused), *(self._lowness(now, books) if books is not None else ())]
        if not refused and books is not None:
            told += self._cost(now, books)
        if self._room is not None:
            low, full = self._low.event is not None, self._full.event is not None
            self._live.disk(DiskLive(self._room, low=low, full=full, thinned=books or self._known()))
        for event in told:
            log.warning(event.name, extra=fields(ended=event.t_end is not None, **event.detail))
        return told

    def _known(self) -> Mapping[Kind, Books]:
        disk = self._live.snapshot().disk
        return {} if disk is None else disk.thinned

    def _fullness(self, now: float, refused: bool) -> list[Event]:
        if refused:
            self._refused_at = now
            return self._full.begin(now)
        return self._full.end(now, "room") if now - self._refused_at >= CALM_S else []

    def _lowness(self, now: float, books: Mapping[Kind, Books]) -> list[Event]:
        room = self._room
        if room is None:
            return []
        scarce = room.disk_bound and room.left < 3 * room.headroom
        lately = (books[kind].at for kind in ("waiting", "given_up") if kind in books)
        costly = any(at > 0 and 0 <= now - at < WORRY_S for at in lately)  # 0: never, also when now is 1970
        if scarce or costly:
            return self._low.begin(now, free_mib=room.free >> 20)
        if room.disk_bound and room.left < 4 * room.headroom:
            return []  # neither too little nor clearly enough
        return self._low.end(now, "room")

    def _cost(self, now: float, books: Mapping[Kind, Books]) -> list[Event]:
        due: list[Kind] = []
        for kind, book in books.items():
            told_at = self._told_at.get(kind, float("-inf"))
            if book.at > 0 and not 0 <= now - told_at < TELL_S[kind]:
                due.append(kind)
        if not due:
            return []
        try:
            events = self._store.tell_thinned(due, lambda taken: _told(taken, now))
        except StoreError:
            return []  # told when there is room again
        self._told_at |= dict.fromkeys(due, now)
        return events


def _told(taken: Thinned, now: float) -> Event:
    detail: dict[str, str | int] = {"kept": KEPT[taken.kind], "minutes": taken.minutes}
    if taken.first is not None and taken.last is not None:
        detail |= {"from": rfc3339(utc(taken.first)), "to": rfc3339(utc(taken.last))}
    if taken.kind == "given_up":
        detail["messages"] = taken.rows
    return Event(DETAIL_COARSENED, now, scope=taken.kind, detail=detail)


def watch_disk(store: Store, live: Live) -> DiskWatch:
    """The watch of a box, that goes on with what had begun before."""
    return DiskWatch(store, live, store.events_under_way(NAMES))
