"""The web application of one box: API, health, metrics and page."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from fastapi import FastAPI

from edge.config import SiteConfig
from edge.lane_screen.board import Board
from edge.lane_screen.page import lane_screens
from edge.live import Live
from edge.parking.car_park import CarPark
from edge.parking.http_feed import parking_feeds
from edge.parking.status_api import parking_now, parking_status
from edge.store.audits import Audit
from edge.web import api, api_audit, api_history
from edge.web.guard import Guard, own_names
from edge.web.health import health
from edge.web.look import Observer
from edge.web.refusals import add_refusals

VERSION = "0.1.0"


def create_app(
    site: SiteConfig,
    store_path: Path,
    live: Live,
    *,
    clock: Callable[[], float] = time.time,
    hosts: Sequence[str] = (),
    board: Board | None = None,
    car_park: CarPark | None = None,
    keep_audits: Callable[[Sequence[Audit]], None] | None = None,
    version: str = VERSION,
    pages: bool = True,
) -> FastAPI:
    """The application; who may reach it is decided by the address that the caller binds it to.

    store_path: the database of an open `Store`. clock: steady UTC seconds. hosts: more names that the box
    answers to. board: what the lanes' screens say; None: the box has no lanes. car_park: feeds that
    push, and how it does. keep_audits: stores hand counts; None: no page to count on. pages: False for the
    API alone. NiceGUI has one set of pages for each process, so only the application made last serves them.
    """
    observer = Observer(site, store_path, live, clock)
    observer.parking = None if car_park is None else partial(parking_now, car_park)
    app = FastAPI(
        title="StoreEdge",
        version=version,
        docs_url=None,  # its page loads scripts from outside
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
    )
    add_refusals(app)
    app.state.observer = observer
    app.include_router(health(observer))
    if board is not None:
        app.include_router(lane_screens(board, site.site.language))
    if car_park is not None:
        app.include_router(parking_feeds(car_park.posts))
        app.include_router(parking_status(car_park, lambda: _today(observer)))
    app.include_router(api.router)
    app.include_router(api_audit.router)
    app.include_router(api_history.router)  # last: it refuses every other address under /api
    if pages:
        from edge.web.page import add_pages  # noqa: PLC0415 - NiceGUI takes 0.6 s to import

        if keep_audits is not None:
            from edge.web.audit_page import add_audit_pages  # noqa: PLC0415

            add_audit_pages(app, observer, keep_audits)
        add_pages(app, observer, audits=keep_audits is not None)  # last: whatever else is asked is NiceGUI's
    app.add_middleware(Guard, names=own_names(hosts))
    return app


def _today(observer: Observer) -> tuple[float, float]:
    day = observer.today()
    return day.begin, day.end
