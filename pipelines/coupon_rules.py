"""A coupon rule: when it is meant, what it offers and how often it may. Values only; times in seconds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from pipelines.parking_records import Moment, On

OfferKind = Literal["amount", "minutes", "percent", "free"]
"""Money off the fee, minutes of it, percent of it, or all of it: what parking systems have in common."""
DAY_S = 86_400.0
WEEK_DAYS = 7


@dataclass(frozen=True, slots=True)
class Local:
    """A moment by the store's own clock."""

    day: int
    """Number of the calendar day; the next day's is one more."""
    weekday: int
    """0 is Monday."""
    minute: int
    """Since midnight."""


LocalTime = Callable[[float], Local]
"""From steady UTC seconds to the store's clock."""


@dataclass(frozen=True, slots=True)
class When:
    """The cars that a rule is meant for. Everything that is given must hold."""

    on: On
    parked_min_s: float | None = None
    parked_max_s: float | None = None
    """Below this. A rule that asks for minutes is not for a car whose minutes nobody knows."""
    hours: tuple[tuple[int, int], ...] = ()
    """Minutes after midnight, [begin, end); an end not above its begin is on the next day. None: always."""
    days: frozenset[int] = frozenset(range(WEEK_DAYS))
    """Days on which the hours begin; 0 is Monday."""
    member: bool | None = None
    """True: members. False: everybody who is not known to be one. None: everybody."""
    lanes: frozenset[str] = frozenset()
    """Empty: all of them."""
    unread: bool = False
    """Also for a car whose plate was not read: it is counted for nobody, only for offer and budget."""

    @property
    def asks_minutes(self) -> bool:
        """Whether the rule cannot be judged without knowing how long the car was here."""
        return self.parked_min_s is not None or self.parked_max_s is not None

    def holds(self, moment: Moment, member: bool | None, local: Local) -> bool:
        """Whether the rule is meant for this car, its minutes parked aside."""
        return (
            moment.on == self.on
            and (not self.lanes or moment.lane in self.lanes)
            and (self.unread or bool(moment.visitor))
            and (self.member is None or self.member == bool(member))
            and self._at(local)
        )

    def parked(self, parked_s: float | None) -> bool:
        """Whether the minutes parked are what the rule asks for."""
        if not self.asks_minutes:
            return True
        if parked_s is None:
            return False
        long_enough = self.parked_min_s is None or parked_s >= self.parked_min_s
        return long_enough and (self.parked_max_s is None or parked_s < self.parked_max_s)

    def _at(self, local: Local) -> bool:
        today, yesterday = local.weekday in self.days, (local.weekday - 1) % WEEK_DAYS in self.days
        if not self.hours:
            return today
        return any(
            (today and begin <= local.minute < end)
            if begin < end
            else (today and local.minute >= begin) or (yesterday and local.minute < end)
            for begin, end in self.hours
        )


@dataclass(frozen=True, slots=True)
class Offer:
    """What a driver gets."""

    id: str
    kind: OfferKind
    value: float
    """Money, minutes or percent; 0 for `free`."""
    headline: Mapping[str, str] = field(default_factory=dict)
    """By language, for the lane's screen."""
    detail: Mapping[str, str] = field(default_factory=dict)
    qr: str | None = None
    """What the code on the screen says; the same for everybody."""
    worth: int = 0
    """What one costs the store, in hundredths of its currency, for a budget in money."""


@dataclass(frozen=True, slots=True)
class Caps:
    """How often at most. None: as often as it comes.

    The first four are about a person and count every coupon that the car got, by whichever rule; the offer's
    counts that offer by whichever rule; the budget is the rule's own.
    """

    per_session: int | None = None
    per_token_day: int | None = None
    """A car on one day of the store's calendar."""
    per_token_week: int | None = None
    """A car on any seven days on end."""
    cooling_off_s: float = 0.0
    """Between two coupons for the same car."""
    per_offer_day: int | None = None
    budget_units: int | None = None
    """Coupons of this rule a day."""
    budget_money: int | None = None
    """What they may be worth together, in hundredths."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the site file's `coupons`."""

    id: str
    when: When
    offer: Offer
    caps: Caps = field(default_factory=Caps)
    expires_s: float = 1800.0
    """From the decision on; later it is worth nothing."""
    priority: int = 0
    """The highest first; of the same, the one that stands first."""
