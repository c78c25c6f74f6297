"""The JSON API under /api/v1, windows and events of any stretch of time, as they were made."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Query, Response
from pydantic import AwareDatetime

from edge.store import records, windows
from edge.store.database import reading
from edge.web import models
from edge.web.api import REFUSALS, Box
from edge.web.refusals import Refused
from edge.web.trust import at
from pipelines.records import MINUTE_S, Window
from sync.bodies import minute_body
from sync.payloads import rfc3339

WINDOWS_SPAN: Final = timedelta(days=31)
EVENTS_SPAN: Final = timedelta(days=400)

router = APIRouter(prefix="/api/v1", responses=REFUSALS)

From = Annotated[AwareDatetime, Query(alias="from", description="RFC 3339 with an offset; included.")]
To = Annotated[AwareDatetime, Query(alias="to", description="RFC 3339 with an offset; excluded.")]


@router.get("/windows", response_model=models.Windows)
def get_windows(
    box: Box,
    begin: From,
    end: To,
    scope: Literal["gate", "zone", "camera", "lane"] | None = None,
    limit: Annotated[int, Query(ge=1, le=5_000)] = 2_000,
) -> Response:
    """One-minute windows as they were made, in whole minutes, each as it is sent to the centre. At most 31
    days, and about `limit` windows an answer; `next` says where to go on."""
    first, last = _span(begin, end, WINDOWS_SPAN)
    scopes = [scope] if scope else list(windows.KINDS)
    with reading(box.path) as connection:
        found = [w for s in scopes for w in windows.select(connection, s, first, last, limit + 1)]
        following = None
        if len(found) > limit:
            found.sort(key=lambda window: window.start)
            following = max(found[limit].start, found[0].start + MINUTE_S)
            found = [w for s in scopes for w in windows.select(connection, s, first, following)]
    minutes: dict[int, list[Window]] = {}
    for window in sorted(found, key=lambda window: window.start):
        minutes.setdefault(window.start, []).append(window)
    bodies = ",".join(minute_body(start, made) for start, made in minutes.items())
    then = "null" if following is None else f'"{rfc3339(at(following))}"'
    return Response(f'{{"minutes":[{bodies}],"next":{then}}}', media_type="application/json")


@router.get("/events")
def get_events(
    box: Box, begin: From, end: To, limit: Annotated[int, Query(ge=1, le=1_000)] = 200
) -> models.Events:
    """Events that began in a stretch of at most 400 days, newest first."""
    first, last = _span(begin, end, EVENTS_SPAN)
    with reading(box.path) as connection:
        found = records.events(connection, first, last, limit)
    return models.Events(
        events=[
            models.EventOut(
                name=event.name,
                at=at(event.t),
                ended_at=None if event.t_end is None else at(event.t_end),
                camera=event.camera,
                scope=event.scope,
                detail=dict(event.detail),
            )
            for event in found
        ]
    )


@router.get("/{path:path}", include_in_schema=False)
def get_nothing(path: str) -> None:
    """Whatever else is asked under /api is refused like everything else."""
    raise Refused(404, f"there is no /api/v1/{path[:80]}; see /api/v1/openapi.json")


def _span(begin: datetime, end: datetime, longest: timedelta) -> tuple[int, int]:
    """From and to in whole UTC seconds."""
    try:
        first, last = begin.astimezone(UTC), end.astimezone(UTC)
    except OverflowError as error:
        raise Refused(400, "a time between the years 1 and 9999", "from") from error
    if last <= first:
        raise Refused(400, "`to` must lie after `from`", "to")
    if last - first > longest:
        raise Refused(400, f"at most {longest.days} days at once", "to")
    return int(first.timestamp()), int(last.timestamp())
