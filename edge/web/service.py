"""From a look to the API's answers about queues, counters and areas. Pure, as `figures`."""

from __future__ import annotations

from typing import Any

from edge.config import SiteConfig
from edge.store.queries import Key
from edge.store.queries_service import QueueSum
from edge.web import models, models_service, worth
from edge.web.bars import Steps
from edge.web.figures import length
from edge.web.look import Look
from edge.web.status import looking
from pipelines.dwell import quantile
from pipelines.layout import Zone
from pipelines.records import Pulse
from pipelines.turn_in import turn_in


def pulse_now(look: Look, camera: str) -> Pulse | None:
    """What a camera sees now; None when it does not look."""
    return look.live.cameras[camera].pulse if looking(look, camera) else None


def drawn_zones(site: SiteConfig, role: str) -> dict[Key, Zone]:
    """The site's zones of a role, as the pipelines know them."""
    return {
        (camera.id, zone.id): zone
        for camera in site.cameras
        for zone in site.layout(camera.id).zones
        if zone.role == role
    }


def _share(part: float, whole: float) -> float | None:
    return round(part / whole, 4) if whole > 0 else None


def queues(look: Look, site: SiteConfig) -> models_service.Queues:
    """All queues of the day."""
    hours, answers = Steps(look.hours, look), []
    drawn = drawn_zones(site, "queue")
    for key in [*drawn, *sorted(look.queues.keys() - drawn.keys())]:
        camera, name = key
        zone, pulse = drawn.get(key), pulse_now(look, camera)
        now = pulse.queues.get(name) if pulse else None
        stored = look.queues.get(key, QueueSum())
        total = stored if stored.observed_seconds > 0 or stored.waits or now is not None else None
        answers.append(
            models_service.Queue(
                camera=camera, queue=name,
                now=now.now if now else None,
                estimate_seconds=None if now is None or now.estimate_s is None else round(now.estimate_s, 1),
                limit_seconds=zone.max_wait_s if zone else None,
                **_waits(total),
                quality=worth.told(worth.of_camera(look, camera)),
                hours=hours.queues([key]),
            )
        )  # fmt: skip
    return models_service.Queues(date=look.day.date, queues=answers)


def _waits(total: QueueSum | None) -> dict[str, Any]:
    """A queue's figures of the day; all missing when nobody looked."""
    if total is None:
        names = (
            "waits", "served", "abandoned", "balked", "over_limit", "over_share", "abandoned_share",
            "mean_wait_seconds", "median_wait", "p90_wait", "mean_length", "peak",
        )  # fmt: skip
        return dict.fromkeys(names) | {"observed_seconds": 0.0}
    mean = total.mean_length
    return {
        "waits": total.waits,
        "served": total.served,
        "abandoned": total.abandoned,
        "balked": total.balked,
        "over_limit": total.over_limit,
        "over_share": _share(total.over_limit, total.waits),
        "abandoned_share": _share(total.abandoned, total.abandoned + total.served),
        "mean_wait_seconds": round(total.wait_seconds / total.waits, 1) if total.waits else None,
        "median_wait": length(quantile(total.wait, total.wait_censored, 0.5)),
        "p90_wait": length(quantile(total.wait, total.wait_censored, 0.9)),
        "mean_length": None if mean is None else round(mean, 2),
        "peak": total.peak,
        "observed_seconds": total.observed_seconds,
    }


def counters(look: Look, site: SiteConfig) -> models_service.Counters:
    """All counters of the day."""
    answers = []
    drawn = drawn_zones(site, "counter")
    for key in [*drawn, *sorted(look.counters.keys() - drawn.keys())]:
        zone, total = drawn.get(key), look.counters.get(key)
        seen = total if total is not None and total.observed_seconds > 0 else None
        known = seen.attended_seconds + seen.unattended_seconds if seen else 0.0
        answers.append(
            models_service.Counter(
                camera=key[0], counter=key[1],
                staff_now=_staff_now(look, site, key, zone),
                attended_seconds=round(seen.attended_seconds, 1) if seen else None,
                unattended_seconds=round(seen.unattended_seconds, 1) if seen else None,
                waiting_seconds=round(seen.waiting_seconds, 1) if seen else None,
                attended_share=_share(seen.attended_seconds, known) if seen else None,
                observed_seconds=total.observed_seconds if total else 0.0,
                turn_in=_turn_in(look, site, key, zone),
                quality=worth.told(worth.of_camera(look, key[0])),
            )
        )  # fmt: skip
    return models_service.Counters(date=look.day.date, counters=answers)


def _staff_now(look: Look, site: SiteConfig, key: Key, zone: Zone | None) -> int | None:
    """Staff behind and before a counter now; None where it has no staff zone."""
    pulse = pulse_now(look, key[0])
    behind = [
        name for camera, name in drawn_zones(site, "staff")
        if camera == key[0] and zone is not None and zone.staff in {None, name}
    ]  # fmt: skip
    if pulse is None or not behind:
        return None
    before = pulse.zones.get(key[1])
    return sum(pulse.zones[name].now for name in behind if name in pulse.zones) + (
        before.staff if before else 0
    )


def _turn_in(look: Look, site: SiteConfig, key: Key, zone: Zone | None) -> models_service.TurnIn | None:
    """How many of the passers-by turned in; None where there is nothing drawn for them to pass."""
    if zone is None or (visits := look.zones.get(key)) is None:
        return None
    camera = key[0]
    names = (
        [zone.passby] if zone.passby else [name for its, name in drawn_zones(site, "passby") if its == camera]
    )
    gates = [look.gates[camera, name] for name in names if (camera, name) in look.gates]
    passages = [look.zones[camera, name] for name in names if (camera, name) in look.zones]
    if not gates and not passages:
        return None
    passers = sum(gate.entries + gate.exits for gate in gates)
    passers += sum(zone.visits + zone.passes for zone in passages)
    found = turn_in(visits.visits, visits.staff_visits, passers)
    return models_service.TurnIn(
        passers_by=found.passers_by,
        turned_in=found.visits,
        share=found.rate,
        share_95=None
        if found.low is None or found.high is None
        else models.Range(low=found.low, high=found.high),
    )


def areas(look: Look, site: SiteConfig) -> models_service.Occupancy:
    """All areas of the day. The number now goes on from the newest committed minute by what was counted
    since then."""
    answers = []
    for area in site.drawn_areas:
        total, newest = look.areas.get(area.id), look.newest_areas.get(area.id)
        seen = total is not None and total.observed_seconds > 0
        since = sum(
            {"in": 1, "out": -1}.get(one.what, 0) for one in look.fresh if (one.camera, one.id) in area.gates
        )
        watched = (
            look.is_today and newest is not None and all(looking(look, camera) for camera, _ in area.gates)
        )
        answers.append(
            models_service.Area(
                area=area.id,
                now=max(0, newest.now + since) if newest and watched else None,
                capacity=area.capacity,
                peak=total.peak if total and seen else None,
                mean=round(total.mean, 1) if total and total.mean is not None else None,
                drift=total.drift if total and seen else None,
                anchored=total.anchored if total and seen else None,
                observed_seconds=total.observed_seconds if total else 0.0,
                quality=worth.told(worth.of_area(look, area)),
            )
        )  # fmt: skip
    return models_service.Occupancy(date=look.day.date, areas=answers)
