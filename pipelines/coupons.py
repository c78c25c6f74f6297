"""Which coupon a car gets: the first rule by priority that is meant for it, within that rule's caps.

Pure. `decide` only judges; a decision counts from `Ledger.add` on, which is called when it is committed, so
that nothing is counted that a power cut takes back. One stay has one decision in each direction: its key is
made of box, session, direction and rule, so a repetition has the same key and changes nothing. All caps are
judged over what was issued on both sides of a moment in time, so they hold in whatever order cars are told.
"""

from __future__ import annotations

import hashlib
from collections import Counter, OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, TypeVar

from pipelines.coupon_rules import WEEK_DAYS, LocalTime, Rule
from pipelines.parking_records import Moment, On, ReadReason

K = TypeVar("K")

CapReason = Literal[
    "cap_session", "cooling_off", "cap_token_day", "cap_token_week", "cap_offer_day", "budget_units",
    "budget_money",
]  # fmt: skip
Reason = (
    ReadReason | Literal["no_rule", "minutes_unknown", "decided", "not_stored", "clock_unknown"] | CapReason
)
"""Why a car gets no coupon. `no_rule`: none is meant for it. `minutes_unknown`: one might be, if anybody had
seen it come. `decided`: it was decided before, in this stay and direction. `not_stored`: the decision could
not be kept, and what is not kept is not given."""
REASONS: Final[tuple[Reason, ...]] = (
    "unread", "repeat", "provisional", "ambiguous", "late", "unknown_stay", "no_rule", "minutes_unknown",
    "decided", "not_stored", "clock_unknown", "cap_session", "cooling_off", "cap_token_day",
    "cap_token_week", "cap_offer_day", "budget_units", "budget_money",
)  # fmt: skip
"""The whole list, in the order in which they are told."""

LEDGER_DAYS: Final = 9
"""How long a decision matters: a week's cap, and a session that began days before."""


@dataclass(frozen=True, slots=True)
class Decision:
    """A rule was meant for a car: its coupon is issued, or held back by a cap."""

    key: str
    """64 hexadecimal digits."""
    session: str
    on: On
    lane: str
    t: float
    day: int
    """Of the store's calendar."""
    rule: str
    offer: str
    reason: CapReason | None
    """Why it was held back; None: it is issued."""
    expires_at: float
    visitor: str | None = field(repr=False)
    """Token of the car, under a key of this box; None: unread."""
    member: bool | None
    """None: nobody knows, the member list is missing or too old."""
    parked_s: float | None
    worth: int
    """In hundredths of the store's currency; 0 when it is held back."""

    @property
    def issued(self) -> bool:
        """Whether the car gets its coupon."""
        return self.reason is None


class Ledger:
    """What has been decided within the last days: everything that caps ask. Rebuilt from what is stored."""

    def __init__(self, decisions: Iterable[Decision] = ()) -> None:
        self._decisions: OrderedDict[str, Decision] = OrderedDict()
        self._decided: dict[tuple[str, On], Decision] = {}
        self._sessions: Counter[str] = Counter()
        self._visitors: dict[str, list[Decision]] = {}
        self._offers: Counter[tuple[str, int]] = Counter()
        self._units: Counter[tuple[str, int]] = Counter()
        self._money: Counter[tuple[str, int]] = Counter()
        for decision in decisions:
            self.add(decision)

    def __len__(self) -> int:
        return len(self._decisions)

    def add(self, decision: Decision) -> bool:
        """Count a decision; False, and nothing changed, when its stay was decided before."""
        if decision.key in self._decisions or (decision.session, decision.on) in self._decided:
            return False
        self._decisions[decision.key] = decision
        self._decided[decision.session, decision.on] = decision
        if decision.issued:
            self._count(decision, 1)
            if decision.visitor is not None:
                self._visitors.setdefault(decision.visitor, []).append(decision)
        return True

    def decided(self, session: str, on: On) -> Decision | None:
        """What was decided in this stay and direction."""
        return self._decided.get((session, on))

    def forget(self, before: float) -> None:
        """Leave out what was decided before this time."""
        for decision in [one for one in self._decisions.values() if one.t < before]:
            del self._decisions[decision.key], self._decided[decision.session, decision.on]
            if decision.issued:
                self._count(decision, -1)
                if decision.visitor is not None:
                    rest = [one for one in self._visitors.pop(decision.visitor) if one is not decision]
                    self._visitors |= {decision.visitor: rest} if rest else {}

    def _count(self, decision: Decision, by: int) -> None:
        _shift(self._sessions, decision.session, by)
        _shift(self._offers, (decision.offer, decision.day), by)
        _shift(self._units, (decision.rule, decision.day), by)
        _shift(self._money, (decision.rule, decision.day), by * decision.worth)

    def held_back(self, rule: Rule, moment: Moment, day: int) -> CapReason | None:
        """The first cap that does not leave room for one more coupon of this rule; None: all do."""
        return self._by_person(rule, moment, day) or self._by_budget(rule, day)

    def _by_person(self, rule: Rule, moment: Moment, day: int) -> CapReason | None:
        caps = rule.caps
        if _reached(self._sessions[moment.session], caps.per_session):
            return "cap_session"
        given = [one for token in moment.visitor for one in self._visitors.get(token, ())]
        if any(abs(moment.t - one.t) < caps.cooling_off_s for one in given):
            return "cooling_off"
        if _reached(sum(one.day == day for one in given), caps.per_token_day):
            return "cap_token_day"
        if _reached(sum(abs(one.day - day) < WEEK_DAYS for one in given), caps.per_token_week):
            return "cap_token_week"
        return None

    def _by_budget(self, rule: Rule, day: int) -> CapReason | None:
        caps = rule.caps
        if _reached(self._offers[rule.offer.id, day], caps.per_offer_day):
            return "cap_offer_day"
        if _reached(self._units[rule.id, day], caps.budget_units):
            return "budget_units"
        spent = self._money[rule.id, day] + rule.offer.worth
        return "budget_money" if caps.budget_money is not None and spent > caps.budget_money else None


def _shift(counter: Counter[K], key: K, by: int) -> None:
    counter[key] += by
    if not counter[key]:
        del counter[key]


def _reached(count: int, cap: int | None) -> bool:
    return cap is not None and count >= cap


class Coupons:
    """The rules of a box with their books."""

    def __init__(
        self, box: str, rules: Sequence[Rule], local: LocalTime, ledger: Ledger | None = None
    ) -> None:
        """box: its full name, part of every key. local: the store's own clock."""
        self._box, self._local = box, local
        self.ledger = Ledger() if ledger is None else ledger
        self._rules: tuple[Rule, ...] = ()
        self.rules = tuple(rules)

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules, the most important first. May be replaced at any time; the books stay."""
        return self._rules

    @rules.setter
    def rules(self, rules: Sequence[Rule]) -> None:
        self._rules = tuple(sorted(rules, key=lambda rule: -rule.priority))

    def decide(self, moment: Moment, member: bool | None) -> Decision | Reason:
        """What this car gets, or why no rule decides. Changes nothing: `ledger.add` does."""
        if self.ledger.decided(moment.session, moment.on) is not None:
            return "decided"
        local = self._local(moment.t)
        unknown = False
        for rule in self._rules:
            if not rule.when.holds(moment, member, local):
                continue
            if rule.when.parked(moment.parked_s):
                return self._by(rule, moment, member, local.day)
            unknown |= moment.parked_s is None
        return "unread" if not moment.visitor else "minutes_unknown" if unknown else "no_rule"

    def _by(self, rule: Rule, moment: Moment, member: bool | None, day: int) -> Decision:
        reason = self.ledger.held_back(rule, moment, day)
        return Decision(
            key=decision_key(self._box, moment.session, moment.on, rule.id),
            session=moment.session,
            on=moment.on,
            lane=moment.lane,
            t=moment.t,
            day=day,
            rule=rule.id,
            offer=rule.offer.id,
            reason=reason,
            expires_at=moment.t + rule.expires_s,
            visitor=moment.visitor[0] if moment.visitor else None,
            member=member,
            parked_s=moment.parked_s,
            worth=rule.offer.worth if reason is None else 0,
        )


def decision_key(box: str, session: str, on: On, rule: str) -> str:
    """The idempotency key: whoever decides the same again finds the same."""
    return hashlib.sha256("\x1f".join((box, session, on, rule)).encode()).hexdigest()
