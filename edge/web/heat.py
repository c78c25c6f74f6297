"""The heat map's figures: seconds of presence by cell, of one camera and any stretch of time."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from edge.store import heat as stored
from edge.store.database import reading
from edge.store.day import day_of
from edge.web.look import Observer
from edge.web.models_service import Heat, HeatCell
from edge.web.trust import at
from pipelines.heat import unit_of
from pipelines.records import MINUTE_S


def heat(observer: Observer, camera: str, begin: int, end: int) -> Heat:
    """The map of a camera in [begin, end), UTC seconds, in whole minutes: that of its floor as soon as it is
    measured, for cells of a picture and of a floor do not add up. Raises StoreError."""
    begin, end = begin // MINUTE_S * MINUTE_S, end // MINUTE_S * MINUTE_S
    with reading(observer.path) as connection:
        maps = stored.heat(connection, camera, begin, end)
    unit = unit_of(observer.site.layout(camera))
    found = maps.get(unit) or next(iter(maps.values()), stored.HeatSum(unit))
    return Heat.model_construct(
        camera=camera,
        begin=at(begin),
        end=at(end),
        unit=found.unit,
        cell=found.side,
        observed_seconds=found.observed_seconds,
        cells=[
            HeatCell.model_construct(column=column, row=row, seconds=round(seconds, 1))
            for (column, row), seconds in sorted(found.cells.items())
        ],
    )


def of_hours(observer: Observer, camera: str, day: date, hours: tuple[int, int]) -> Heat:
    """The map of some local hours of a day; the second of them is past midnight when it is not after the
    first. Raises StoreError."""
    zone, (first, last) = observer.site.site.zone, hours
    over = timedelta(days=int(last <= first))
    return heat(observer, camera, _at(day, first, zone), _at(day + over, last, zone))


def _at(day: date, hour: int, zone: ZoneInfo) -> int:
    on, hour = (day + timedelta(days=1), 0) if hour == 24 else (day, hour)
    return int(datetime.combine(on, time(hour), zone).timestamp())


def open_hours(observer: Observer, day: date) -> tuple[int, int]:
    """A day's opening hours in whole hours; the whole day when it is closed."""
    site = observer.site.site
    span = day_of(day, site.zone, site.hours)
    if span.opens is None or span.closes is None:
        return 0, 24
    opens, closes = (datetime.fromtimestamp(t, site.zone) for t in (span.opens, span.closes))
    return opens.hour, (closes.hour + (closes.minute > 0)) or 24
