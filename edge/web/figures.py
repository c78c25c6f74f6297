"""From a look to the API's answers. Pure: the same look gives the same answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Final

from edge.audit.standing import drawings_of, standing
from edge.config import SiteConfig
from edge.store.queries import Fresh, GateSum, Key, LaneSum, ZoneSum
from edge.web import models, worth
from edge.web.bars import Steps
from edge.web.look import Look
from edge.web.status import counting, coverage, looking, people_now, trust
from edge.web.trust import at, level
from pipelines.dwell import Stay, quantile
from pipelines.layout import ZoneRole
from pipelines.quality import Evidence, littles_mean, percentiles_hold
from pipelines.records import DWELL_EDGES_S
from pipelines.windows import dwell_bin

FOOTFALL_ROLES: Final[tuple[ZoneRole, ...]] = ("counter", "area")
"""Zones whose visits are a store's footfall: the counters, or where there is none, the open areas."""


def gate_keys(site: SiteConfig, found: Iterable[Key] = ()) -> list[Key]:
    """The site's gates, then those that only the store still knows."""
    known = [(camera.id, gate.id) for camera in site.cameras for gate in camera.gates]
    return [*known, *sorted(set(found) - set(known))]


def zone_roles(site: SiteConfig, found: Iterable[Key] = ()) -> dict[Key, ZoneRole]:
    """The site's zones with their roles, then those that only the store still knows."""
    known: dict[Key, ZoneRole] = {(camera.id, z.id): z.role for camera in site.cameras for z in camera.zones}
    return known | dict.fromkeys(sorted(set(found) - set(known)), "area")


def footfall_zones(site: SiteConfig, found: Iterable[Key] = ()) -> list[Key]:
    """The zones whose visits make the footfall."""
    roles = zone_roles(site, found)
    for role in FOOTFALL_ROLES:
        if chosen := [key for key, its in roles.items() if its == role]:
            return chosen
    return []


def _fresh_counts(fresh: Iterable[Fresh]) -> Counter[tuple[str, str, str]]:
    return Counter((one.camera, one.id, one.what) for one in fresh)


def _known(observed_seconds: float, *counts: float) -> bool:
    """Whether anybody looked, or something was counted all the same."""
    return observed_seconds > 0 or any(counts)


def _hours(look: Look) -> Steps:
    return Steps(look.hours, look)


def _minutes(look: Look) -> Steps:
    return Steps(look.minutes, look)


def _gate_totals(look: Look, key: Key) -> GateSum | None:
    """A gate's figures up to this moment; None when nobody looked."""
    fresh = _fresh_counts(look.fresh)
    total = look.gates.get(key, GateSum())
    entries, exits = total.entries + fresh[(*key, "in")], total.exits + fresh[(*key, "out")]
    if not (_known(total.observed_seconds, entries, exits) or counting(look, key[0])):
        return None
    turned = sum(one.u_turn for one in look.fresh if (one.camera, one.id) == key)
    return replace(
        total, entries=entries, exits=exits, u_turns=None if total.u_turns is None else total.u_turns + turned
    )


class Through:
    """What went through gates: raw, and net of staff and of those who turned round in the doorway."""

    def __init__(self, totals: Iterable[GateSum]) -> None:
        self._totals = list(totals)

    def _sum(self, name: str) -> int | None:
        """None where nobody looked, or where it was not counted all the time."""
        found = [getattr(total, name) for total in self._totals]
        return sum(found) if found and None not in found else None

    def told(self) -> dict[str, int | None]:
        """As `models.Gate` and `models.Today` name it."""
        names = ("entries", "exits", "staff_entries", "staff_exits", "u_turns", "parties")
        return {name: self._sum(name) for name in names} | {
            "net_entries": net(self._sum("entries"), self._sum("staff_entries"), self._sum("u_turns")),
            "net_exits": net(self._sum("exits"), self._sum("staff_exits"), self._sum("u_turns")),
        }


def net(raw: int | None, staff: int | None, u_turns: int | None) -> int | None:
    """Footfall: raw crossings less staff's and U-turns (research: counting §8). None where one of them is
    not known, such as U-turns of a time before the box told them apart."""
    return None if raw is None or staff is None or u_turns is None else max(0, raw - staff - u_turns)


def checked(look: Look, drawn: Mapping[Key, str], key: Key) -> models.Checked:
    """What hand counts say of a gate. drawn: the digest of each gate as it is drawn now."""
    mine = [audit for audit in look.audits if (audit.camera, audit.gate) == key]
    found = standing(mine, drawn.get(key))
    return models.Checked(
        state=found.state,
        at=None if found.at is None else at(found.at),
        crossings=found.true,
        accuracy=models.Range.of(found.accuracy),
        verdict=found.verdict,
        more_needed=found.more_needed,
    )


def gates(look: Look, site: SiteConfig) -> models.Gates:
    """All gates of the day."""
    hours, minutes, drawn = _hours(look), _minutes(look), drawings_of(site)
    answers = []
    for camera, gate in gate_keys(site, look.gates):
        key = (camera, gate)
        total = _gate_totals(look, key)
        answers.append(
            models.Gate(
                camera=camera, gate=gate,
                **Through([total] if total else []).told(),
                inferred=total.inferred if total else None,
                observed_seconds=total.observed_seconds if total else 0.0,
                hours=hours.gates([key]),
                minutes=minutes.gates([key]),
                checked=checked(look, drawn, key),
                quality=worth.told(worth.of_gate(look, camera, total)),
            )
        )  # fmt: skip
    return models.Gates(date=look.day.date, gates=answers)


def _zone_totals(look: Look, key: Key) -> ZoneSum | None:
    """A zone's figures up to this moment; None when nobody looked."""
    stored = look.zones.get(key, ZoneSum())
    mine = [one for one in look.fresh if (one.camera, one.id, one.what) == (*key, "visit")]
    if not (
        _known(stored.observed_seconds, stored.visits, stored.passes, len(mine)) or counting(look, key[0])
    ):
        return None
    dwell, censored = list(stored.dwell), list(stored.censored)
    for one in mine:
        (censored if one.censored else dwell)[dwell_bin(one.seconds)] += 1
    return replace(
        stored,
        visits=stored.visits + len(mine),
        dwell_seconds=stored.dwell_seconds + sum(one.seconds for one in mine),
        dwell=dwell,
        censored=censored,
    )


def length(stay: Stay | None) -> models.Length | None:
    return None if stay is None else models.Length(seconds=round(stay.seconds, 1), at_least=stay.at_least)


def dwell(total: ZoneSum, seen: Evidence) -> models.Dwell:
    """How long visits lasted. The mean is that of customers, as staff's lengths are known apart."""
    visits, seconds = total.visits - total.staff_visits, total.dwell_seconds - total.staff_seconds
    little = littles_mean(seen.person_seconds, seen.arrivals)
    edges = [*pairwise(DWELL_EDGES_S), (DWELL_EDGES_S[-1], None)]
    return models.Dwell(
        visits=total.visits,
        censored=sum(total.censored),
        mean_seconds=round(max(0.0, seconds) / visits, 1) if visits > 0 else None,
        little_seconds=None if little is None else round(little, 1),
        low_confidence=not percentiles_hold(seen),
        median=length(quantile(total.dwell, total.censored, 0.5)),
        p75=length(quantile(total.dwell, total.censored, 0.75)),
        p90=length(quantile(total.dwell, total.censored, 0.9)),
        bins=[
            models.DwellBin(from_seconds=low, to_seconds=high, complete=complete, censored=censored)
            for (low, high), complete, censored in zip(edges, total.dwell, total.censored, strict=True)
        ],
    )


def _in_zone_now(look: Look, key: Key) -> int | None:
    if not looking(look, key[0]):
        return None
    pulse = look.live.cameras[key[0]].pulse
    zone = pulse.zones.get(key[1]) if pulse else None
    return None if zone is None else zone.now


def zones(look: Look, site: SiteConfig) -> models.Zones:
    """All zones of the day."""
    hours = _hours(look)
    answers = []
    for key, role in zone_roles(site, look.zones).items():
        total = _zone_totals(look, key)
        seen = worth.of_zone(look, key[0], look.zones.get(key))
        answers.append(
            models.Zone(
                camera=key[0], zone=key[1], role=role, now=_in_zone_now(look, key),
                visits=total.visits if total else None,
                staff_visits=total.staff_visits if total else None,
                passes=total.passes if total else None,
                person_seconds=round(total.person_seconds, 1) if total else None,
                peak=total.peak if total else None,
                observed_seconds=total.observed_seconds if total else 0.0,
                dwell=dwell(total, seen) if total else None,
                quality=worth.told(seen),
                hours=hours.zones([key]),
            )
        )  # fmt: skip
    return models.Zones(date=look.day.date, zones=answers)


def lanes(look: Look, site: SiteConfig) -> models.Lanes:
    """All lanes of the day."""
    fresh = _fresh_counts(look.fresh)
    answers = []
    for lane in site.lanes:
        key = (lane.camera or "", lane.id)
        total = look.lanes.get(key, LaneSum())
        ways = {way: count + fresh[(*key, way)] for way, count in total.ways.items()}
        known = _known(total.observed_seconds, *ways.values()) or counting(look, key[0])
        answers.append(
            models.Lane(
                lane=lane.id, camera=lane.camera, direction=lane.direction,
                vehicles=sum(ways.values()) if known else None,
                wrong_way=total.wrong_way if known else None,
                **{way: count if known else None for way, count in ways.items()},
            )
        )  # fmt: skip
    return models.Lanes(date=look.day.date, lanes=answers)


def _comparison(look: Look, site: SiteConfig) -> models.Comparison | None:
    past = look.past
    if past is None:
        return None
    seen = [past.gates[key] for key in gate_keys(site) if key in past.gates]
    stays = [past.zones[key] for key in footfall_zones(site) if key in past.zones]
    whole, through = past.open_seconds * len(site.cameras), Through(seen).told()
    return models.Comparison(
        date=past.day.date,
        entries=through["entries"],
        exits=through["exits"],
        net_entries=through["net_entries"],
        visits=sum(max(0, stay.net) for stay in stays) if stays else None,
        coverage=min(1.0, sum(past.observed.values()) / whole) if whole > 0 else None,
    )


def _quality(look: Look, doors: Sequence[Key], places: Sequence[Key]) -> models.Quality:
    """Of the gates' figures together; without gates, of the counters'."""
    seen = [worth.of_gate(look, key[0], look.gates.get(key)) for key in doors]
    return worth.told(
        Evidence.of(seen or [worth.of_zone(look, key[0], look.zones.get(key)) for key in places])
    )


def today(look: Look, site: SiteConfig) -> models.Today:
    """The day in one answer."""
    doors = gate_keys(site, look.gates)
    places = footfall_zones(site, look.zones)
    through = [total for key in doors if (total := _gate_totals(look, key))]
    stays = [stay for key in places if (stay := _zone_totals(look, key))]
    found = trust(look, site) if look.is_today else []
    return models.Today(
        date=look.day.date,
        timezone=site.site.timezone,
        updated_at=at(look.now),
        opens=None if look.day.opens is None else at(look.day.opens),
        closes=None if look.day.closes is None else at(look.day.closes),
        open_now=look.day.open_seconds(look.now, look.now + 1) > 0,
        level=level(found),
        problems=found,
        people_now=people_now(look),
        **Through(through).told(),
        visits=sum(max(0, stay.net) for stay in stays) if stays else None,
        quality=_quality(look, doors, places),
        coverage=coverage(look, site),
        counting_since=None if look.first_observed is None else at(look.first_observed),
        comparison=_comparison(look, site),
        hours=_together(_hours(look), doors, places),
        minutes=_together(_minutes(look), doors, places),
    )


def _together(steps: Steps, doors: list[Key], places: list[Key]) -> list[models.Bar]:
    """Gates and footfall zones in one series; the gates say what was observed where there are any."""
    visits = steps.zones(places)
    if not doors:
        return visits
    return [
        bar.model_copy(update={"visits": visit.visits})
        for bar, visit in zip(steps.gates(doors), visits, strict=True)
    ]
