"""Which rules would have given what: the stays of the last weeks under the rules of a site file.

Without plates, cars cannot be followed from one stay to the next, except where a rule decided then: caps for
a car over days are judged as far as that shows it. Everything else is judged as at the lane.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from edge.config.site import SiteConfig
from edge.parking.local_time import local_time
from edge.store.database import reading
from edge.store.parking import PastStay, decisions, past_stays
from pipelines.coupon_rules import LocalTime, Rule
from pipelines.coupons import Coupons, Decision, Reason
from pipelines.parking_records import Moment

DAYS: Final = 30


@dataclass(slots=True)
class Fired:
    """What one rule would have done."""

    issued: int = 0
    worth: int = 0
    """In hundredths of the store's currency."""
    held_back: Counter[Reason] = field(default_factory=Counter)
    days: set[int] = field(default_factory=set)
    """On which it would have fired."""


@dataclass(slots=True)
class DryRun:
    """What all rules would have done with the kept stays."""

    stays: int = 0
    rules: dict[str, Fired] = field(default_factory=dict)
    none: Counter[Reason] = field(default_factory=Counter)
    """Moments upon which no rule would have decided, by reason."""

    def lines(self) -> list[str]:
        """For a person."""
        if not self.stays:
            return [f"no car was seen in the last {DAYS} days, so there is nothing to try the rules on"]
        told = [f"the last {DAYS} days ({self.stays} stays) under these rules:"]
        for name, fired in self.rules.items():
            worth = f", worth {fired.worth / 100:.2f}" if fired.worth else ""
            days = f", days {len(fired.days)}" if fired.issued else ""
            held = _counted(fired.held_back)
            told.append(
                f"  {name}: issued {fired.issued}{worth}{days}{'; held back: ' + held if held else ''}"
            )
        told.append(f"  no rule for: {_counted(self.none) or 'nobody'}")
        return told


def _counted(counts: Mapping[Reason, int]) -> str:
    return ", ".join(f"{reason} {count}" for reason, count in sorted(counts.items(), key=lambda one: -one[1]))


def dry_run(
    rules: Sequence[Rule], stays: Sequence[PastStay], before: Iterable[Decision], local: LocalTime
) -> DryRun:
    """Judge every arrival and exit of these stays, in order of time. before: what was decided then, which
    tells which stays were the same car's."""
    visitors = {one.session: one.visitor for one in before if one.visitor is not None}
    coupons = Coupons("dry run", rules, local)
    found = DryRun(len(stays), {rule.id: Fired() for rule in coupons.rules})
    moments = sorted(
        ((moment, stay.member) for stay in stays for moment in _moments(stay, visitors)),
        key=lambda one: one[0].t,
    )
    for moment, member in moments:
        judged = coupons.decide(moment, member)
        if not isinstance(judged, Decision):
            found.none[judged] += 1
            continue
        coupons.ledger.add(judged)
        fired = found.rules[judged.rule]
        if judged.reason is not None:
            fired.held_back[judged.reason] += 1
        else:
            fired.issued += 1
            fired.worth += judged.worth
            fired.days.add(judged.day)
    return found


def _moments(stay: PastStay, visitors: Mapping[str, str]) -> Iterator[Moment]:
    visitor = (visitors.get(stay.session, stay.session),)
    if stay.entry_lane and stay.entered_at is not None:
        yield Moment(stay.session, "arrival", stay.entry_lane, stay.entered_at, None, visitor, "new")
    if stay.exit_lane and stay.left_at is not None:
        yield Moment(stay.session, "exit", stay.exit_lane, stay.left_at, stay.parked_s, visitor, "plate")


def dry_run_lines(config: SiteConfig, database: Path, now: float) -> list[str]:
    """The dry run of a site file on a box's database, for a person; nothing where either has no parking. now:
    UTC seconds. Raises StoreError."""
    if not config.coupons or not database.is_file():
        return []
    since = now - DAYS * 86_400
    with reading(database) as connection:
        tables = {row["name"] for row in connection.execute("SELECT name FROM sqlite_schema")}
        if "parking_session" not in tables:
            return []  # of a version before parking
        stays, before = past_stays(connection, since), decisions(connection, since)
    rules = [rule.rule() for rule in config.coupons]
    return dry_run(rules, stays, before, local_time(config.site.zone)).lines()
