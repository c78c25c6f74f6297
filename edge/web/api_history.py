"""The JSON API under /api/v1, windows and events of any stretch of time, as they were made."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query, Response
from pydantic import AwareDatetime

from edge.store import records, windows
from edge.store.database import reading
from edge.web import models
from edge.web.api import REFUSALS, Box
from edge.web.refusals import Refused
from edge.web.trust import at
from pipelines.as_json import window_as_json
from pipelines.records import Window
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
    limit: Annotated[int, Query(ge=1, le=2_000)] = 1_000,
) -> Response:
    """One-minute windows as they were made, in whole minutes, each as it is sent to the centre. At most 31
    days, and about `limit` windows an answer; `next` says where to go on."""
    first, last = _span(begin, end, WINDOWS_SPAN)
    scopes = [scope] if scope else list(windows.KINDS)
    minutes: dict[int, list[dict[str, Any]]] = {}
    with reading(box.path) as connection:
        until = windows.cut(connection, scopes, first, last, limit)
        for each in scopes:
            for window in windows.select(connection, each, first, until):
                minutes.setdefault(window.start, []).append(_as_sent(window))
    answer = {
        "minutes": [
            {"start": rfc3339(at(start)), "windows": made} for start, made in sorted(minutes.items())
        ],
        "next": None if until == last else rfc3339(at(until)),
    }
    return Response(json.dumps(answer, separators=(",", ":")), media_type="application/json")


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


def _as_sent(window: Window) -> dict[str, Any]:
    """A window as `sync` sends it; written directly, as checking thousands again would take a second."""
    return {name: value for name, value in window_as_json(window).items() if name not in {"kind", "start"}}
