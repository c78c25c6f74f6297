"""The manager's page: today's figures, live, in the language of the reader."""

from __future__ import annotations

import logging
from hashlib import sha256
from pathlib import Path
from typing import Final, Protocol

from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse
from nicegui import run, ui
from starlette.staticfiles import StaticFiles

from edge.errors import EdgeError
from edge.web import wording
from edge.web.area_section import Areas
from edge.web.event_section import Events
from edge.web.heat_section import HeatMap
from edge.web.look import Observer
from edge.web.parking_section import Parking
from edge.web.parts import Help, box, text
from edge.web.places import Cameras, Lanes, Zones
from edge.web.sections import Chart, Gates, Hero, Trust
from edge.web.service_sections import Queues
from edge.web.texts import LANGUAGES, Texts, chosen
from edge.web.view import View, Views

log = logging.getLogger("edge.web")

STATIC: Final = Path(__file__).parent / "static"
REFRESH_S: Final = 1.0
COOKIE: Final = "language"
QUASAR: Final = {"zh-CN": "zh-CN", "en": "en-US"}
"""Our languages as NiceGUI names them; it says `connection lost` in them."""


def style() -> str:
    """The link to the style sheet, whose address changes with its content."""
    version = sha256((STATIC / "page.css").read_bytes()).hexdigest()[:12]
    return f'<link rel="stylesheet" href="/static/page.css?v={version}">'


def add_pages(app: FastAPI, observer: Observer, *, audits: bool = False) -> None:
    """Add the pages to the application. The address `/` leads to the page in the reader's language.

    audits: the application has a page `/audit`, so lead there.
    """
    views, default = Views(observer), observer.site.site.language
    app.mount("/static", StaticFiles(directory=STATIC))

    @app.get("/", include_in_schema=False)
    def start(request: Request) -> RedirectResponse:
        return RedirectResponse(f"/{chosen(request.cookies.get(COOKIE), default)}")

    @app.get("/language/{language}", include_in_schema=False)
    def remember(language: str) -> RedirectResponse:
        wanted = chosen(language, default)
        answer = RedirectResponse(f"/{wanted}")
        answer.set_cookie(COOKIE, wanted, max_age=365 * 86_400, httponly=True, samesite="strict")
        return answer

    for language in LANGUAGES:
        _add_page(language, views, observer, app.version, audits=audits)
    ui.run_with(
        app,
        title="StoreEdge",
        favicon=(STATIC / "icon.svg").read_text(encoding="utf-8"),
        tailwind=False,
        binding_refresh_interval=None,
        show_welcome_message=False,
    )


def _add_page(language: str, views: Views, observer: Observer, version: str, *, audits: bool) -> None:
    async def page() -> None:
        texts = Texts(language, observer.site.site.zone)
        ui.add_head_html(style())
        ui.page_title(f"{texts('page.title')} · {observer.site.site.store}")
        try:
            view = await run.io_bound(views.newest)
        except EdgeError as error:
            text("h1", texts("trust.bad"))
            text("p", str(error), testid="problem-0")
            return
        if view is not None:  # None: the box is stopping
            shown = TodayPage(view, texts, observer, version, audits=audits)
            ui.timer(REFRESH_S, lambda: shown.refresh(views), immediate=False)

    ui.page(f"/{language}", language=QUASAR[language])(page)  # type: ignore[arg-type]


class Part(Protocol):
    """A part of the page: it builds itself once and then shows views."""

    def show(self, view: View) -> None:
        """Show a view's figures."""
        ...


class TodayPage:
    """One reader's page."""

    def __init__(self, view: View, texts: Texts, observer: Observer, version: str, *, audits: bool) -> None:
        site = observer.site.site
        self._texts, help_ = texts, Help(texts)
        text("a", texts("page.skip"), "skip", href="#figures")
        with box("div", "page"):
            with box("header", "top"):
                with box("div"):
                    text("h1", site.store, "store")
                    self._subtitle = text("p", css="subtitle")
                other = next(each for each in LANGUAGES if each != texts.language)
                text(
                    "a",
                    texts("page.other_language"),
                    "language",
                    "language-switch",
                    href=f"/language/{other}",
                    lang=other,
                    hreflang=other,
                )
            self._trust = Trust(texts, help_)
            with box("nav", "jump", aria_label=texts("page.jump")):
                for name in self._places(view):
                    text("a", texts(f"page.to_{name}"), href=f"#{name}")
            with box("main", id="figures"):
                heroes = [Hero(view, texts, help_)] if view.cameras else []
                events = Events(texts, help_)
                counts = self._counts(view, help_, audits=audits) if view.cameras else []
                parking = Parking(view, texts, help_)
                self._heat = HeatMap(view, texts, help_, observer)
            text("footer", texts("page.footer", box=site.box, version=version))
        self._parts: tuple[Part, ...] = (self._trust, *heroes, events, *counts, parking)
        self.show(view)

    @staticmethod
    def _places(view: View) -> list[str]:
        """What a finger can jump to. A box without cameras has its lanes only."""
        watched = ["hours", "places"] if view.cameras else []
        parked = ["parking"] if view.parking is not None else []
        return ["events", *watched, *parked, *(["heat"] if view.cameras else [])]

    def _counts(self, view: View, help_: Help, *, audits: bool) -> list[Part]:
        """What the cameras count."""
        texts = self._texts
        with box("div", "wide", id="hours"):
            hours = Chart(view, texts, help_, "hours")
            with box("div", "side"):
                minutes = Chart(view, texts, help_, "minutes")
                gates = Gates(view, texts, help_, audits=audits)
        with box("div", "places", id="places"):
            queues = Queues(view, texts, help_)
            zones = Zones(view, texts, help_)
            areas = Areas(view, texts, help_)
            with box("div", "stack"):
                cameras = Cameras(view, texts, help_)
                lanes = Lanes(view, texts, help_)
        return [hours, minutes, gates, queues, zones, areas, lanes, cameras]

    def show(self, view: View) -> None:
        """Put a view's figures on the page; only what changed is sent."""
        today = view.today
        self._subtitle.text = (
            self._texts("page.no_date")
            if view.no_date
            else self._texts(
                "page.subtitle", date=self._texts.day(today.date), hours=wording.hours(today, self._texts)
            )
        )
        for part in self._parts:
            part.show(view)

    async def refresh(self, views: Views) -> None:
        """Show the newest figures, or say why there are none."""
        try:
            view = await run.io_bound(views.newest)
        except EdgeError as error:
            log.warning("the page cannot read the store: %s", error)
            self._trust.fail(str(error))
            return
        if view is not None:
            self.show(view)
            await self._heat.tick()
