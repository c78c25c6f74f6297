"""Parking sessions: a car's stay from entry to exit, put together from what cameras and feeds say.

An exit belongs to the session that the feed's own number names, else to the one whose plate agrees best: in
all; in all but the province, which readers confuse most; in all but the province and one more character
(research: counting §9.3). Where several agree equally well, none is taken: better no coupon than somebody
else's. An entry or exit that nobody saw is lived with. Pure: steady seconds in, no clock and no plate kept.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final, Protocol

from pipelines.parking_cars import AGAIN_S, EARLY_S, REREAD_S, Cars
from pipelines.parking_records import End, Matched, Moment, On, ParkingEvent, Seen, Session
from pipelines.plate_tokens import Names

SETTLE_S: Final = 1.5
"""A read that may still be corrected is acted upon when its feed has been silent for this long: it may send
the last word only when the car has gone (research: retail §3)."""
SWEEP_S: Final = 5.0
"""How often those who stay for ever are looked for."""
MAX_STAY_S: Final = 72 * 3600.0
MOST_CARS: Final = 10_000
MOST_PROVISIONAL: Final = 1_000
MOST_TOLD: Final = 20_000
"""Passages remembered by their feed's number, to know a repetition."""

Passage = tuple[str, str, str]
"""Feed, its number, what."""


class Naming(Protocol):
    """Turns what must not be kept into what may be: `pipelines.plate_tokens.PlateKeys`."""

    def plate(self, plate: str) -> Sequence[Names]:
        """A plate's names, newest key first."""
        ...

    def wholes(self, plate: str) -> tuple[str, ...]:
        """Tokens of the whole plate, newest key first."""
        ...

    def ref(self, feed: str, ref: str) -> Sequence[str]:
        """Tokens of a feed's number, newest key first."""
        ...


class Sessions:
    """The cars inside, and those that left within the last `AGAIN_S`."""

    def __init__(
        self,
        naming: Naming,
        *,
        max_stay_s: float = MAX_STAY_S,
        most: int = MOST_CARS,
        restored: Iterable[Session] = (),
        now: float = 0.0,
    ) -> None:
        """restored: sessions of an earlier run that are open or ended less than `AGAIN_S` before `now`."""
        self.naming = naming
        """May be replaced when a key is added or has gone."""
        self._max_stay_s, self._most = max_stay_s, most
        self._cars = Cars()
        self._provisional: OrderedDict[Passage, tuple[float, ParkingEvent]] = OrderedDict()
        self._told: OrderedDict[Passage, tuple[str, float]] = OrderedDict()
        self._swept_at = float("-inf")
        for session in sorted(restored, key=lambda one: one.entered_at or 0.0):
            told_at = session.entered_at if session.left_at is None else session.left_at
            self._cars.keep(session, now if told_at is None else told_at)

    @property
    def inside(self) -> int:
        """Cars that have not left."""
        return sum(session.end is None for session in self._cars)

    def see(self, event: ParkingEvent, now: float) -> Seen:
        """Take one event at steady time `now`."""
        if event.ref is None:
            return self._settled(event)
        passage = (event.feed, event.ref, event.what)
        if not event.settled:
            return self._wait_for_the_last_word(passage, event, now)
        self._provisional.pop(passage, None)
        return self._settled(event)

    def tick(self, now: float) -> list[Seen]:
        """Let time pass; call it a few times a second."""
        seen = []
        while self._provisional:
            passage, (heard_at, event) = next(iter(self._provisional.items()))
            if now - heard_at < SETTLE_S:
                break
            del self._provisional[passage]
            seen.append(self._settled(replace(event, settled=True)))
        ended: tuple[Session, ...] = ()
        if not 0 <= now - self._swept_at < SWEEP_S:
            self._swept_at = now
            ended = tuple(self._expire(now))
        return [*seen, Seen(changed=ended)] if ended else seen

    def _wait_for_the_last_word(self, passage: Passage, event: ParkingEvent, now: float) -> Seen:
        if (told := self._told_before(event)) is not None:
            return self._corrected(told, event)
        begun = self._provisional.pop(passage, (now, event))[1]
        self._provisional[passage] = (now, replace(event, t=begun.t))
        if len(self._provisional) > MOST_PROVISIONAL:
            return self._settled(self._provisional.popitem(last=False)[1][1])
        return Seen(reason="provisional", lane=event.lane)

    def _settled(self, event: ParkingEvent) -> Seen:
        told = self._told_before(event)
        if told is not None and event.what != "price":  # who asks for a fee again is answered again
            return self._corrected(told, event)
        names = tuple(self.naming.plate(event.plate)) if event.plate is not None else ()
        match event.what:
            case "entry":
                return self._entry(event, names)
            case "exit" | "price":
                return self._exit(event, names)
            case "paid":
                return self._paid(event, names)

    def _told_before(self, event: ParkingEvent) -> str | None:
        """The session that the same passage was told of."""
        if event.ref is None or (told := self._told.get((event.feed, event.ref, event.what))) is None:
            return None
        session, t = told
        return session if event.lasting or abs(event.t - t) <= AGAIN_S else None

    # -- coming in ---------------------------------------------------------------------------------------

    def _entry(self, event: ParkingEvent, names: tuple[Names, ...]) -> Seen:
        if not names and _stay_of(event) is None:
            return _unread(event, "arrival")
        how, found = self._find(event, names)
        changed: list[Session] = []
        for session in found:
            if self._is_reread(session, event, how):
                self._heard(session, event, changed)
                return Seen(changed=tuple(changed), reason="repeat", lane=event.lane)
            if session.end is None and how != "near":
                changed.append(self._end(session, "missed_exit", event.t))
        fresh = Session(_id(event, names), event.lane, event.t, names[0] if names else None)
        self._heard(fresh, event, changed)
        changed += self._make_room()
        return self._at(event, "arrival", fresh.id, parked_s=None, how="new", changed=changed)

    def _is_reread(self, session: Session, event: ParkingEvent, how: Matched) -> bool:
        """Whether this entry was told before: a near miss only of the same lane, for cars of one fleet have
        plates that are nearly the same and drive one after the other."""
        if session.end is not None or session.entered_at is None:
            return False
        ago = abs(event.t - session.entered_at)
        if how == "near":
            return ago <= REREAD_S and session.entry_lane == event.lane
        return how == "ref" or ago <= AGAIN_S

    # -- going out ---------------------------------------------------------------------------------------

    def _exit(self, event: ParkingEvent, names: tuple[Names, ...]) -> Seen:
        how, found = self._find(event, names)
        if len(found) > 1:
            return Seen(reason="ambiguous", lane=event.lane)
        if found and found[0].end is not None:
            return Seen(reason="repeat", lane=event.lane)
        if not found and not names and _stay_of(event) is None:
            return _unread(event, "exit")
        if found:
            session = found[0]
        else:
            entered = None if event.parked_s is None else event.t - event.parked_s
            how, session = (
                "missed_entry",
                Session(_id(event, names), "", entered, names[0] if names else None),
            )
        parked = _parked(session, event)
        if event.what == "exit":
            session = replace(session, exit_lane=event.lane, left_at=event.t, parked_s=parked, end="left")
        changed: list[Session] = []
        self._heard(_with_fee(session, event), event, changed)
        changed += self._make_room()
        return self._at(event, "exit", session.id, parked_s=parked, how=how, changed=changed)

    def _paid(self, event: ParkingEvent, names: tuple[Names, ...]) -> Seen:
        _, found = self._find(event, names)
        if len(found) != 1:
            return Seen(reason="ambiguous" if found else "unknown_stay", lane=event.lane)
        changed: list[Session] = []
        self._heard(_with_fee(found[0], event), event, changed)
        return Seen(changed=tuple(changed), lane=event.lane)

    def _at(
        self,
        event: ParkingEvent,
        on: On,
        session: str,
        *,
        parked_s: float | None,
        how: Matched,
        changed: Iterable[Session],
    ) -> Seen:
        if event.late:
            return Seen(changed=tuple(changed), reason="late", lane=event.lane)
        visitor = self.naming.wholes(event.plate) if event.plate is not None else ()
        moment = Moment(
            session, on, event.lane, event.t, parked_s, visitor, how, event.plate, event.feed, _stay_of(event)
        )
        return Seen(moment, tuple(changed), lane=event.lane)

    def _find(self, event: ParkingEvent, names: tuple[Names, ...]) -> tuple[Matched, list[Session]]:
        """The sessions that this car may be, and how that is known."""
        ref = _stay_of(event)
        if ref is not None and (found := self._cars.of_ref(self.naming.ref(event.feed, ref))):
            return "ref", found
        return self._cars.nearest(names, event.t)

    # -- keeping -----------------------------------------------------------------------------------------

    def _heard(self, session: Session, event: ParkingEvent, changed: list[Session]) -> None:
        """Keep a session as an event leaves it; note it in `changed` unless the event told nothing new."""
        ref = _stay_of(event)
        if ref is not None and session.ref is None:
            session = replace(session, ref=self.naming.ref(event.feed, ref)[0])
        if event.ref is not None:
            self._told[(event.feed, event.ref, event.what)] = (session.id, event.t)
            if len(self._told) > MOST_TOLD:
                self._told.popitem(last=False)
        if self._cars.get(session.id) != session:
            changed.append(session)
        self._cars.keep(session, event.t)

    def _corrected(self, told: str, event: ParkingEvent) -> Seen:
        """The same passage again: nothing new, or another plate for a car that is still inside."""
        session = self._cars.get(told)
        if event.what != "entry" or event.plate is None or session is None or session.end is not None:
            return Seen(reason="repeat", lane=event.lane)
        names = self.naming.plate(event.plate)
        if session.names in names:
            return Seen(reason="repeat", lane=event.lane)
        mended = replace(session, names=names[0])
        self._cars.keep(mended, event.t)
        return Seen(changed=(mended,), reason="repeat", lane=event.lane)

    def _end(self, session: Session, end: End, t: float) -> Session:
        """End a session that nobody saw leave; it is kept no longer here."""
        self._cars.forget(session)
        return replace(session, end=end, left_at=t)

    def _make_room(self) -> list[Session]:
        dropped = []
        while len(self._cars) > self._most:
            oldest = next(iter(self._cars))
            if oldest.end is None:
                dropped.append(self._end(oldest, "dropped", self._cars.seen_at(oldest)))
            else:
                self._cars.forget(oldest)
        return dropped

    def _expire(self, now: float) -> Iterator[Session]:
        for session in self._cars:
            told_at = self._cars.seen_at(session)
            if session.end is not None:
                if now - told_at > AGAIN_S:
                    self._cars.forget(session)
            elif now - (told_at if session.entered_at is None else session.entered_at) > self._max_stay_s:
                yield self._end(session, "expired", now)


def _unread(event: ParkingEvent, on: On) -> Seen:
    """Nothing can be matched or counted by car: a moment of its own, and no session to keep."""
    if event.late:
        return Seen(reason="late", lane=event.lane)
    moment = Moment(_id(event, ()), on, event.lane, event.t, event.parked_s, (), "unread")
    return Seen(moment, reason="unread", lane=event.lane)


def _stay_of(event: ParkingEvent) -> str | None:
    """The feed's number where it is the stay's, from entry to exit."""
    return event.ref if event.lasting else None


def _parked(session: Session, event: ParkingEvent) -> float | None:
    """How long the car was here: by the parking system's clock, which its fee is by, else by ours. A clock
    that was set back between two runs tells nothing."""
    if event.parked_s is not None:
        return event.parked_s
    if session.entered_at is None or event.t < session.entered_at - EARLY_S:
        return None
    return max(0.0, event.t - session.entered_at)


def _with_fee(session: Session, event: ParkingEvent) -> Session:
    return session if event.amount is None else replace(session, amount=event.amount)


def _id(event: ParkingEvent, names: tuple[Names, ...]) -> str:
    """The same for the same event, and never the plate: made of keyed tokens, lane and time."""
    known = names[0].whole if names else ""
    text = f"{event.what}|{event.lane}|{event.t:.3f}|{known}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]
