"""What happens when a car is read at a lane: its session, the decision, the books, the screen, the parking
system. Nothing waits for us: the barrier is the parking system's.

A coupon is given when it is durable: its session, decision, message and count are one transaction, and only
then is it shown and told. What the store refuses is not given.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Protocol

from edge.errors import StoreError
from edge.lane_screen.board import Board
from edge.log import fields
from edge.parking.screens import Screens
from edge.store.parking import ParkingBooks, Signed, Stay
from pipelines.coupon_rules import Offer, Rule
from pipelines.coupons import LEDGER_DAYS, Coupons, Decision, Reason
from pipelines.layout import LaneDirection
from pipelines.members import Member, MemberBook
from pipelines.parking import Sessions
from pipelines.parking_cars import AGAIN_S
from pipelines.parking_records import Moment, ParkingEvent, Seen, Session
from pipelines.plate_records import PlateRead
from pipelines.plate_tokens import PlateKeys
from sync.coupon_payloads import TriggerAnswer, TriggerBody

log = logging.getLogger("edge.parking")

FLUSH_S: Final = 5.0
"""Counts and sessions that the store refused wait for so long at least."""
WIPE_S: Final = 600.0
MOST_UNSAVED: Final = 10_000
_STAYS: Final = frozenset({"repeat", "provisional", "late", "unknown_stay"})
"""Reads that are about no new car at the lane: its screen stays as it is."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a car's read came to."""

    result: Reason | str
    """`issued`, why not, or `noted` where there was nothing to decide."""
    decision: Decision | None = None
    """Also one that was made earlier in this stay."""
    offer: Offer | None = None
    """Of an issued one."""


@dataclass(frozen=True, slots=True)
class Deduction:
    """What the site's own parking system is told: in memory only, for it names the car."""

    decision: Decision
    offer: Offer
    feed: str
    ref: str | None
    plate: str | None

    def __repr__(self) -> str:
        return f"Deduction({self.decision.key[:8]}, {self.offer.id})"


class Teller(Protocol):
    """Takes deductions without waiting: `edge.parking.webhook.Webhook`."""

    def wants(self, deduction: Deduction) -> bool:
        """Whether the parking system can be told of it at all."""
        ...

    def tell(self, deduction: Deduction) -> None:
        """Tell it, now or when it can be reached."""
        ...


class Gatehouse:
    """The car park's one desk. Every method may be called from any thread; one car at a time."""

    def __init__(
        self,
        *,
        lanes: Mapping[str, LaneDirection],
        sessions: Sessions,
        coupons: Coupons,
        books: ParkingBooks,
        clock: Callable[[], float],
        sign: Callable[[TriggerBody], str],
        committed: Callable[[], None] = lambda: None,
        members: Callable[[], MemberBook] = MemberBook,
        board: Board | None = None,
        teller: Teller | None = None,
        time_known: bool = True,
    ) -> None:
        """lanes: their directions. clock: steady UTC seconds. sign: a decision's body, signed, as JSON.
        committed: called after a new message is in the outbox. members: the newest book. teller: the way
        to the parking system. time_known: whether `clock` tells the time of day; while it does not, rules,
        caps and expiry cannot be judged, and no coupon is given."""
        self._lanes, self._sessions, self._coupons, self._books = lanes, sessions, coupons, books
        self._clock, self._sign, self._committed = clock, sign, committed
        self._screens, self._teller = Screens(board), teller
        self._members, self._time_known = members, time_known
        self._lock = threading.RLock()
        self._unsaved: dict[str, Stay] = {}
        self._counts: Counter[tuple[str, str]] = Counter()
        self._total: Counter[tuple[str, str]] = Counter()
        self._flushed_at = self._wiped_at = clock()
        self.fault: str | None = None
        """Why the store refuses what parking keeps; None while it takes it."""

    # -- what others tell -------------------------------------------------------------------------------

    def read(self, read: PlateRead) -> Outcome:
        """A lane's camera has read a plate, or could not."""
        direction = self._lanes.get(read.lane)
        if direction is None:
            return Outcome("noted")
        return self.take(ParkingEvent(direction, read.lane, read.t, read.text, "camera", read.camera))

    def take(self, event: ParkingEvent) -> Outcome:
        """A camera or a parking system tells of a car."""
        with self._lock:
            now = self._clock()
            return self._follow(self._sessions.see(event, now), now)

    def tick(self) -> None:
        """Let time pass; call it a few times a second."""
        with self._lock:
            now = self._clock()
            for seen in self._sessions.tick(now):
                self._follow(seen, now)
            if (self._counts or self._unsaved) and now - self._flushed_at >= FLUSH_S:
                self._keep((), now)
            if now - self._wiped_at >= WIPE_S:
                self._wiped_at = now
                self._clean(now)

    def close(self) -> None:
        """Keep what waits: the box stops."""
        with self._lock:
            if self._counts or self._unsaved:
                self._keep((), self._clock())

    def set_rules(self, rules: Sequence[Rule]) -> None:
        """The centre has sent other rules; what was decided stays."""
        with self._lock:
            self._coupons.rules = tuple(rules)

    def set_keys(self, keys: PlateKeys) -> None:
        """A key was added or has gone."""
        with self._lock:
            self._sessions.naming = keys

    def answered(self, answer: TriggerAnswer) -> bool:
        """The centre has issued or refused the coupon that a lane shows; whether the screen was changed."""
        with self._lock:
            return self._screens.answered(answer)

    # -- what may be asked ------------------------------------------------------------------------------

    @property
    def inside(self) -> int:
        """Cars that came in and were not seen to leave."""
        with self._lock:
            return self._sessions.inside

    @property
    def offers(self) -> Mapping[str, Offer]:
        """What the rules of this moment offer, by id."""
        with self._lock:
            return {rule.offer.id: rule.offer for rule in self._coupons.rules}

    @property
    def totals(self) -> Mapping[tuple[str, str], int]:
        """Reads by lane and outcome since the start."""
        with self._lock:
            return dict(self._total)

    # -- one car ----------------------------------------------------------------------------------------

    def _follow(self, seen: Seen, now: float) -> Outcome:
        if seen.moment is None:
            return self._without_moment(seen, now)
        moment = seen.moment
        member, known = self._member(moment, now)
        found = self._coupons.decide(moment, known) if self._time_known else "clock_unknown"
        if isinstance(found, Decision):
            return self._decided(found, moment, member, seen.changed, now)
        self._note(moment.lane, found)
        if seen.changed:
            self._keep(seen.changed, now, known={moment.session: known})
        if found == "decided" and (before := self._coupons.ledger.decided(moment.session, moment.on)):
            return self._again(moment.lane, before, now)
        self._screens.blank(moment.lane)
        return Outcome(found)

    def _without_moment(self, seen: Seen, now: float) -> Outcome:
        if seen.reason is not None:
            self._note(seen.lane, seen.reason)
            if seen.reason not in _STAYS:
                self._screens.blank(seen.lane)
        if seen.changed:
            self._keep(seen.changed, now)
        return Outcome(seen.reason or "noted")

    def _decided(
        self,
        decision: Decision,
        moment: Moment,
        member: Member | None,
        changed: Sequence[Session],
        now: float,
    ) -> Outcome:
        offer = self._offer(decision)
        told = None
        if decision.issued and offer is not None and self._teller is not None:
            deduction = Deduction(decision, offer, moment.feed, moment.ref, moment.plate)
            told = deduction if self._teller.wants(deduction) else None
        signed = Signed(decision, self._sign(_body(decision, member)), "waits" if told else "no")
        self._note(moment.lane, decision.reason or "issued")
        if not self._keep(changed, now, signed=signed, known={moment.session: decision.member}):
            result: Reason = "decided" if self.fault is None else "not_stored"
            self._note(moment.lane, decision.reason or "issued", -1)
            self._note(moment.lane, result)
            self._screens.blank(moment.lane)
            return Outcome(result)
        self._coupons.ledger.add(decision)
        if decision.issued and offer is not None:
            self._screens.show(moment.lane, decision, offer, now)
        else:
            self._screens.blank(moment.lane)
        self._committed()
        if told is not None and self._teller is not None:
            self._teller.tell(told)
        return Outcome(decision.reason or "issued", decision, offer if decision.issued else None)

    def _again(self, lane: str, decision: Decision, now: float) -> Outcome:
        """The same car, such as at the exit after its fee was asked for: the screen says the same again."""
        offer = self._offer(decision) if decision.issued and now < decision.expires_at else None
        if offer is None:
            self._screens.blank(lane)
        else:
            self._screens.show(lane, decision, offer, now)
        return Outcome("decided", decision, offer)

    def _member(self, moment: Moment, now: float) -> tuple[Member | None, bool | None]:
        """The member, and whether the car is one; None where nobody can say."""
        book = self._members()
        if moment.plate is None or not book.usable(now):
            return None, None
        member = book.find(moment.plate, now)
        return member, member is not None

    def _offer(self, decision: Decision) -> Offer | None:
        return next((rule.offer for rule in self._coupons.rules if rule.id == decision.rule), None)

    # -- the books ---------------------------------------------------------------------------------------

    def _note(self, lane: str, outcome: str, by: int = 1) -> None:
        for counter in (self._counts, self._total):
            counter[lane, outcome] += by
            if not counter[lane, outcome]:
                del counter[lane, outcome]

    def _keep(
        self,
        changed: Sequence[Session],
        now: float,
        *,
        signed: Signed | None = None,
        known: Mapping[str, bool | None] | None = None,
    ) -> bool:
        """Write what an event came to, with what waits. False: `signed` was not kept. known: whose cars are
        members', by session."""
        for session in changed:
            self._unsaved[session.id] = Stay(session, (known or {}).get(session.id))
        while len(self._unsaved) > MOST_UNSAVED:
            del self._unsaved[next(iter(self._unsaved))]
        try:
            fresh = self._books.keep([*self._unsaved.values()], now=now, signed=signed, counts=self._counts)
        except StoreError as error:
            if self.fault is None:
                log.error("%s", error, extra=fields(unsaved=len(self._unsaved)))
            self.fault = str(error)
            return False
        finally:
            self._flushed_at = now
        self.fault = None
        self._unsaved.clear()
        self._counts.clear()
        return fresh

    def _clean(self, now: float) -> None:
        self._coupons.ledger.forget(now - LEDGER_DAYS * 86_400)
        try:
            self._books.wipe(now - AGAIN_S)
        except StoreError as error:
            log.error("%s", error)


def _body(decision: Decision, member: Member | None) -> TriggerBody:
    """What the centre is told: of the car only the token that the centre itself made, and only a member's."""
    return TriggerBody(
        key=decision.key,
        lane=decision.lane or "-",
        direction="entry" if decision.on == "arrival" else "exit",
        decision="issued" if decision.issued else "suppressed",
        reason=decision.reason,
        offer=decision.offer,
        at=datetime.fromtimestamp(decision.t, UTC),
        expires_at=datetime.fromtimestamp(decision.expires_at, UTC),
        token=None if member is None else member.token,
        token_key=None if member is None else member.key,
        member=decision.member,
        minutes_parked=None if decision.parked_s is None else round(decision.parked_s / 60, 2),
        rule=decision.rule,
        session=decision.session,
    )
