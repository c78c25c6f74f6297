"""The JSON API under /api/v1, windows and events of any stretch of time, as they were made."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Query, Response
from pydantic import AwareDatetime

from edge.store import history, records, windows
from edge.store.database import reading
from edge.web import models
from edge.web.api import REFUSALS, Box
from edge.web.happenings import told
from edge.web.heat import heat
from edge.web.look import LASTING
from edge.web.models_service import Heat
from edge.web.refusals import Refused
from edge.web.texts import Texts
from edge.web.trust import at
from sync.payloads import rfc3339

WINDOWS_SPAN: Final = timedelta(days=31)
EVENTS_SPAN: Final = timedelta(days=400)

Scope = Literal["gate", "zone", "queue", "counter", "camera", "lane", "heat", "occupancy"]

router = APIRouter(prefix="/api/v1", responses=REFUSALS)

From = Annotated[AwareDatetime, Query(alias="from", description="RFC 3339 with an offset; included.")]
To = Annotated[AwareDatetime, Query(alias="to", description="RFC 3339 with an offset; excluded.")]


@router.get("/windows", response_model=models.Windows)
def get_windows(
    box: Box,
    begin: From,
    end: To,
    scope: Scope | None = None,
    limit: Annotated[int, Query(ge=1, le=2_000)] = 1_000,
) -> Response:
    """One-minute windows as they were made, in whole minutes, each as it is sent to the centre. At most 31
    days, and about `limit` windows an answer; `next` says where to go on."""
    first, last = _span(begin, end, WINDOWS_SPAN)
    scopes = [scope] if scope else list(windows.KINDS)
    with reading(box.path) as connection:
        until = windows.cut(connection, scopes, first, last, limit)
        minutes = history.minutes(connection, scopes, first, until, box.site.drawn_areas)
    answer = {
        "minutes": [
            {"start": rfc3339(at(start)), "windows": made} for start, made in sorted(minutes.items())
        ],
        "next": None if until == last else rfc3339(at(until)),
    }
    return Response(json.dumps(answer, separators=(",", ":")), media_type="application/json")


@router.get("/events")
def get_events(  # noqa: PLR0917 - each is a parameter of the question
    box: Box,
    begin: From,
    end: To,
    name: Annotated[str | None, Query(max_length=64, description="Only events of this name.")] = None,
    camera: Annotated[str | None, Query(max_length=64, description="Only of this camera.")] = None,
    language: Annotated[
        Literal["zh-CN", "en"] | None, Query(description="Tell each in plain words too.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 200,
) -> models.Events:
    """Events that began in a stretch of at most 400 days, newest first."""
    first, last = _span(begin, end, EVENTS_SPAN)
    texts = None if language is None else Texts(language, box.site.site.zone)
    with reading(box.path) as connection:
        found = records.events(connection, first, last, limit, name=name, camera=camera)
    return models.Events(events=[told(event, LASTING, texts) for event in found])


@router.get("/heat")
def get_heat(
    box: Box,
    camera: Annotated[str, Query(max_length=64, description="Its id.")],
    begin: From,
    end: To,
) -> Heat:
    """Where people were in front of a camera and for how long, in a stretch of at most 31 days."""
    if camera not in (known := [each.id for each in box.site.cameras]):
        raise Refused(400, f"one of this box's cameras: {', '.join(known) or 'none'}", "camera")
    return heat(box, camera, *_span(begin, end, WINDOWS_SPAN))


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
