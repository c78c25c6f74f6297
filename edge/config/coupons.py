"""`coupons:` of the site file: rules as a person writes them. What the centre pushes has the same shape."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from edge.config.values import Closed, Id, Number
from edge.errors import ConfigError
from edge.opening_hours import DAYS, parse_opening_hours
from edge.site_file import Key, faults_of, misplaced
from pipelines.coupon_rules import Caps, Offer, OfferKind, Rule, When
from pipelines.layout import LaneDirection

AtMost = Annotated[int, Field(strict=True, ge=1, le=1_000_000)]
Texts = dict[Literal["zh-CN", "en"], str]

MOST_RULES: Final = 200
HEADLINE: Final = 60
DETAIL: Final = 200
"""Letters that fit on a lane's screen."""
_LANE_OF: Final[Mapping[str, LaneDirection]] = {"arrival": "entry", "exit": "exit"}


class MinutesConfig(Closed):
    """How long the car was here."""

    min: Number | None = Field(None, ge=0, le=43_200, description="At least so many minutes.")
    max: Number | None = Field(None, gt=0, le=43_200, description="Fewer than so many.")

    @model_validator(mode="after")
    def _room(self) -> Self:
        if self.min is not None and self.max is not None and self.min >= self.max:
            raise ValueError("min is not below max, so no car would do; swap them")
        return self


class WhenConfig(Closed):
    """The cars that a rule is meant for: everything that is given must hold."""

    direction: Literal["arrival", "exit"] = Field(description="When the car comes, or when it leaves.")
    minutes_parked: MinutesConfig | None = None
    hours: list[str] = Field(
        default_factory=list, description='Such as ["10:00-14:00", "22:00-02:00"]; left out: always.'
    )
    days: str | list[str] = Field("mon-sun", description="Such as mon-fri, or [sat, sun].")
    member: Literal[True, False, "any"] = Field(
        "any", description="true: members; false: everybody not known to be one."
    )
    lanes: list[Id] = Field(default_factory=list, description="Left out: every lane of that direction.")
    unread: bool = Field(
        False, description="Also for cars whose plate was not read; nobody can say how often they come."
    )

    @field_validator("hours")
    @classmethod
    def _readable(cls, hours: list[str]) -> list[str]:
        for span in hours:
            _minutes(span)
        return hours

    @field_validator("days")
    @classmethod
    def _known(cls, days: str | list[str]) -> str | list[str]:
        _weekdays(days)
        return days

    @model_validator(mode="after")
    def _minutes_need_a_stay(self) -> Self:
        if self.direction == "arrival" and self.minutes_parked is not None:
            raise misplaced(
                ("minutes_parked",), "who has just come has no minutes", "take it out, or ask at the exit"
            )
        return self

    def when(self) -> When:
        """For the rule."""
        stay = self.minutes_parked or MinutesConfig(min=None, max=None)
        return When(
            self.direction,
            parked_min_s=None if stay.min is None else 60 * stay.min,
            parked_max_s=None if stay.max is None else 60 * stay.max,
            hours=tuple(_minutes(span) for span in self.hours),
            days=_weekdays(self.days),
            member=None if self.member == "any" else self.member,
            lanes=frozenset(self.lanes),
            unread=self.unread,
        )


class OfferConfig(Closed):
    """What the driver gets, and what the screen says."""

    id: Id | None = Field(None, description="Left out: the rule's. Rules may share an offer and its cap.")
    kind: OfferKind = Field(description="amount of money, minutes, percent of the fee, or all of it: free.")
    value: Number | None = Field(None, gt=0, le=100_000, description="Money, minutes or percent.")
    headline: Texts = Field(description="A few words for the screen, by language.")
    detail: Texts = Field(default_factory=dict, description="One sentence more.")
    qr: str | None = Field(
        None, min_length=1, max_length=300, description="What the code on the screen says; the same for all."
    )
    worth: Number | None = Field(
        None, ge=0, le=100_000, description="What one costs the store; left out for an amount: its value."
    )

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        if (self.kind == "free") != (self.value is None):
            fault = (
                "a free exit has no value"
                if self.kind == "free"
                else f"what kind {self.kind} gives is missing"
            )
            remedy = "take it out" if self.kind == "free" else "add value: such as 5"
            raise misplaced(("value",), fault, remedy)
        if self.kind == "percent" and self.value is not None and self.value > 100:
            raise misplaced(("value",), "more than the whole fee", "at most 100 percent")
        if not self.headline:
            raise misplaced(("headline",), "says nothing", "such as {zh-CN: 停车两小时免费}")
        for name, texts, most in (("headline", self.headline, HEADLINE), ("detail", self.detail, DETAIL)):
            if any(not 0 < len(text) <= most for text in texts.values()):
                raise misplaced((name,), "does not fit on the screen", f"write 1 to {most} letters")
        return self

    @property
    def cents(self) -> int | None:
        """What one costs the store, in hundredths; None: nobody said."""
        worth = self.value if self.worth is None and self.kind == "amount" else self.worth
        return None if worth is None else round(100 * worth)


class BudgetConfig(Closed):
    """What a rule may give away in a day of the store's calendar."""

    units: AtMost | None = Field(None, description="Coupons.")
    money: Number | None = Field(None, gt=0, le=10_000_000, description="What they are worth together.")


class CapsConfig(Closed):
    """How often at most. The first four count every coupon of a car, by whichever rule."""

    per_session: AtMost | None = Field(None, description="In one stay.")
    per_token_day: AtMost | None = Field(None, description="For one car on one day.")
    per_token_week: AtMost | None = Field(None, description="For one car on any seven days.")
    cooling_off: Number = Field(
        0, ge=0, le=10_080, description="Minutes between two coupons for one car; a week at most."
    )
    per_offer_day: AtMost | None = Field(None, description="Of this offer a day, by whichever rule.")
    budget: BudgetConfig = Field(default_factory=lambda: BudgetConfig.model_validate({}))


class CouponRule(Closed):
    """One parking coupon rule. The first by priority that is meant for a car decides."""

    id: Id
    priority: int = Field(0, strict=True, ge=-1000, le=1000, description="The highest first.")
    when: WhenConfig
    offer: OfferConfig
    caps: CapsConfig = Field(default_factory=lambda: CapsConfig.model_validate({}))
    expires: Number = Field(
        30, gt=0, le=1_440, description="Minutes for which the coupon is worth something."
    )

    @model_validator(mode="after")
    def _money_is_known(self) -> Self:
        if self.caps.budget.money is not None and self.offer.cents is None:
            raise misplaced(
                ("offer",), f"nobody can say what one of kind {self.offer.kind} costs",
                "add worth: such as 5, or a budget in units",
            )  # fmt: skip
        return self

    def rule(self) -> Rule:
        """For the decision."""
        offer, caps = self.offer, self.caps
        money = caps.budget.money
        return Rule(
            self.id,
            self.when.when(),
            Offer(
                offer.id or self.id,
                offer.kind,
                offer.value or 0.0,
                {str(language): text for language, text in offer.headline.items()},
                {str(language): text for language, text in offer.detail.items()},
                offer.qr,
                offer.cents or 0,
            ),
            Caps(
                per_session=caps.per_session,
                per_token_day=caps.per_token_day,
                per_token_week=caps.per_token_week,
                cooling_off_s=60 * caps.cooling_off,
                per_offer_day=caps.per_offer_day,
                budget_units=caps.budget.units,
                budget_money=None if money is None else round(100 * money),
            ),
            expires_s=60 * self.expires,
            priority=self.priority,
        )


def check_coupons(rules: Sequence[CouponRule], lanes: Mapping[str, LaneDirection]) -> None:
    """For the whole file's validator: raise `misplaced` for what no single rule shows."""
    seen: set[str] = set()
    offers: dict[str, OfferConfig] = {}
    for i, rule in enumerate(rules):
        if rule.id in seen:
            raise misplaced(("coupons", i, "id"), f"the id {rule.id} is used twice", "give each its own")
        seen.add(rule.id)
        _check_lanes(i, rule.when, lanes)
        name = rule.offer.id or rule.id
        mine = rule.offer.model_copy(update={"id": name})
        if offers.setdefault(name, mine) != mine:
            raise misplaced(
                ("coupons", i, "offer"), f"the offer {name} is another elsewhere", "give it its own id"
            )


def _check_lanes(i: int, when: WhenConfig, lanes: Mapping[str, LaneDirection]) -> None:
    wanted = _LANE_OF[when.direction]
    known = ", ".join(lane for lane, direction in lanes.items() if direction == wanted) or "none"
    for n, lane in enumerate(when.lanes):
        path: tuple[Key, ...] = ("coupons", i, "when", "lanes", n)
        if lane not in lanes:
            raise misplaced(path, f"there is no lane {lane}", f"{wanted} lanes here: {known}")
        if lanes[lane] != wanted:
            raise misplaced(path, f"{lane} is no {wanted} lane", f"{wanted} lanes here: {known}")


class Pushed(Closed):
    """Rules that the centre sends in place of the site file's. A lane that this box does not have is no fault
    here, for one document is for many stores: its rule waits for a car that never comes."""

    coupons: list[CouponRule] = Field(max_length=MOST_RULES)

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        check_coupons(
            self.coupons, {lane: _LANE_OF[r.when.direction] for r in self.coupons for lane in r.when.lanes}
        )
        return self


def pushed_rules(rules: Sequence[Mapping[str, Any]]) -> list[Rule]:
    """The rules of a document that the centre pushed. Raises ConfigError: one line for its log."""
    try:
        pushed = Pushed.model_validate({"coupons": list(rules)})
    except ValidationError as error:
        raise ConfigError(f"the centre's coupon rules: {faults_of(error, Pushed, None)[0]}") from error
    return [rule.rule() for rule in pushed.coupons]


def _minutes(span: str) -> tuple[int, int]:
    """`22:00-02:00` as minutes after midnight; an end not above its begin is on the next day."""
    found = parse_opening_hours({"mon": span}).days[0]
    if found is None:
        raise ValueError('hours are written like "10:00-14:00"; to switch a rule off, take it out')
    begins, ends = found
    return begins, ends if ends <= 1440 else ends - 1440


def _weekdays(days: str | list[str]) -> frozenset[int]:
    names = [days] if isinstance(days, str) else days
    if not names:
        raise ValueError(f"no day at all; use {', '.join(DAYS)} or a range such as mon-fri")
    parsed = parse_opening_hours({re.sub(r"\s+", "", name): "00:00-24:00" for name in names})
    return frozenset(day for day, span in enumerate(parsed.days) if span is not None)
