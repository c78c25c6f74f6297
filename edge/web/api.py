"""The JSON API under /api/v1, figures of a day and of now: what the page shows, for programs."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request

from edge.web import figures, models, models_service, service, status
from edge.web.look import Look, Observer
from edge.web.refusals import Refused

OLDEST_DAYS: Final = 1_830
"""The oldest day that may be asked for: no table is kept longer."""

REFUSALS: Final[dict[int | str, dict[str, Any]]] = {
    code: {"model": models.Refusal} for code in (400, 404, 421, 500, 503)
}

router = APIRouter(prefix="/api/v1", responses=REFUSALS)


def the_observer(request: Request) -> Observer:
    """The observer of the box whose application this is."""
    observer: Observer = request.app.state.observer
    return observer


Box = Annotated[Observer, Depends(the_observer)]


def the_look(
    box: Box,
    day: Annotated[
        date | None, Query(alias="date", description="A business day; today when left out.")
    ] = None,
) -> Look:
    """A look at the day that was asked for."""
    today = box.today().date
    if day is not None and not today - timedelta(days=OLDEST_DAYS) <= day <= today:
        raise Refused(400, f"a day between {OLDEST_DAYS} days ago and today, {today}", "date")
    return box.look(day)


Day = Annotated[Look, Depends(the_look)]


@router.get("/site")
def get_site(box: Box, request: Request) -> models.Site:
    """What this box is and looks at."""
    site = box.site
    return models.Site(
        tenant=site.site.tenant,
        store=site.site.store,
        box=site.site.box,
        timezone=site.site.timezone,
        language=site.site.language,
        version=request.app.version,
        cameras=[camera.id for camera in site.cameras],
        gates=[gate for _, gate in figures.gate_keys(site)],
        zones=[zone for _, zone in figures.zone_roles(site)],
        areas=[area.id for area in site.areas],
        lanes=[lane.id for lane in site.lanes],
    )


@router.get("/today")
def get_today(box: Box, look: Day) -> models.Today:
    """A business day in one answer: what the page shows first."""
    return figures.today(look, box.site)


@router.get("/gates")
def get_gates(box: Box, look: Day) -> models.Gates:
    """Gates by hour, and by minute for the last hour."""
    return figures.gates(look, box.site)


@router.get("/zones")
def get_zones(box: Box, look: Day) -> models.Zones:
    """Visits and how long they lasted, by zone."""
    return figures.zones(look, box.site)


@router.get("/queues")
def get_queues(box: Box, look: Day) -> models_service.Queues:
    """Who waits, how long, how it ended, by queue and by hour."""
    return service.queues(look, box.site)


@router.get("/counters")
def get_counters(box: Box, look: Day) -> models_service.Counters:
    """Attended and unattended time of counters, and how many of the passers-by turned in."""
    return service.counters(look, box.site)


@router.get("/occupancy")
def get_occupancy(box: Box, look: Day) -> models_service.Occupancy:
    """How many people are in each area, by its gates."""
    return service.areas(look, box.site)


@router.get("/lanes")
def get_lanes(box: Box, look: Day) -> models.Lanes:
    """Vehicles by car-park lane."""
    return figures.lanes(look, box.site)


@router.get("/cameras")
def get_cameras(box: Box) -> models.Cameras:
    """Each camera now, and how much of today it observed."""
    return status.cameras(box.look(), box.site)


@router.get("/sync")
def get_sync(box: Box) -> models.Sync:
    """The line to the centre and what waits for it."""
    return status.sync(box.look())
