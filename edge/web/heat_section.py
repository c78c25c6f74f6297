"""The part of the page with the heat map: which camera, which day, which hours."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Final

from nicegui import events, run, ui

from edge.config import SiteConfig
from edge.errors import EdgeError
from edge.web import heat as heat_figures
from edge.web.heat_drawing import COLOURS, drawing, steps
from edge.web.look import Observer
from edge.web.models_service import Heat
from edge.web.parts import Help, box, heading, text
from edge.web.texts import Texts
from edge.web.view import View

log = logging.getLogger("edge.web")

OLDEST: Final = timedelta(days=400)
"""So long are the minutes kept that a map is made of."""
EVERY_S: Final = 60.0
"""A map of today is drawn anew this often: a minute is committed about once a minute."""


class HeatMap:
    """Where people were, and for how long."""

    def __init__(self, view: View, texts: Texts, help_: Help, observer: Observer) -> None:
        self._texts, self._observer = texts, observer
        self._site = observer.site
        self._camera = _most_drawn(self._site)
        self._day = view.today.date
        self._hours = heat_figures.open_hours(observer, self._day)
        self._drawn_at: float | None = None
        self._busy = False
        if not self._camera:
            return
        with box("section", "card heat", testid="heat", id="heat"):
            self._remark = heading(texts("heat.title"), help_, "heat")
            with box("div", "choices"):
                self._choices(view)
            self._said = text("p", css="small", testid="heat-said", role="status")
            self._map = ui.html("", sanitize=False).classes("heat-box")
            with box("div", "heat-legend", aria_hidden="true") as self._legend:
                self._low = text("span", css="small")
                with box("span", "heat-scale"):
                    for colour in COLOURS:
                        box("i").style(f"background: {colour}")
                self._high = text("span", css="small", testid="heat-most")
            ui.timer(0.1, self._draw, once=True)

    def _choices(self, view: View) -> None:
        texts, today = self._texts, view.today.date
        if len(self._site.cameras) > 1:
            self._select(
                texts("heat.camera"),
                "camera",
                [c.id for c in self._site.cameras],
                self._camera,
                self._to_camera,
            )
        with box("label"):
            text("span", texts("heat.day"))
            box(
                "input", testid="heat-day", type="date", value=self._day.isoformat(), max=today.isoformat(),
                min=(today - OLDEST).isoformat(),
            ).on("change", self._to_day, js_handler="(e) => emit(e.target.value)")  # fmt: skip
        clocks = [f"{hour:02}:00" for hour in range(24)]
        begin, end = self._hours
        self._select(texts("heat.from"), "from", clocks, f"{begin:02}:00", lambda e: self._to_hours(e, 0))
        self._select(
            texts("heat.to"), "to", [*clocks[1:], "24:00"], f"{end:02}:00", lambda e: self._to_hours(e, 1)
        )

    def _select(
        self, name: str, testid: str, options: list[str], chosen: str,
        then: Callable[[events.GenericEventArguments], object],
    ) -> None:  # fmt: skip
        with box("label"):
            text("span", name)
            with box("select", testid=f"heat-{testid}").on(
                "change", then, js_handler="(e) => emit(e.target.value)"
            ):
                for option in options:
                    more = {"selected": "selected"} if option == chosen else {}
                    text("option", option, value=option, **more)

    async def _to_camera(self, event: events.GenericEventArguments) -> None:
        if str(event.args) in {camera.id for camera in self._site.cameras}:
            self._camera = str(event.args)
            await self._draw()

    async def _to_day(self, event: events.GenericEventArguments) -> None:
        try:
            self._day = date.fromisoformat(str(event.args))
        except ValueError:
            return  # the field was emptied
        await self._draw()

    async def _to_hours(self, event: events.GenericEventArguments, which: int) -> None:
        clock = str(event.args)
        if len(clock) == 5 and clock[:2].isdigit():
            hour = min(24, int(clock[:2]))
            self._hours = (hour, self._hours[1]) if which == 0 else (self._hours[0], hour)
            await self._draw()

    async def tick(self) -> None:
        """Once a second: a map of today is drawn anew now and then."""
        now = self._observer.clock()
        if self._drawn_at is not None and not 0 <= now - self._drawn_at < EVERY_S:
            await self._draw()

    async def _draw(self) -> None:
        if self._busy:
            return
        self._busy = True
        asked = (self._camera, self._day, self._hours)
        try:
            found = await run.io_bound(heat_figures.of_hours, self._observer, *asked)
        except EdgeError as error:
            log.warning("the page cannot read the heat map: %s", error)
            self._said.text = str(error)
            return
        finally:
            self._busy = False
        self._drawn_at = self._observer.clock()
        if asked != (self._camera, self._day, self._hours):
            await self._draw()
        elif found is not None:  # None: the box is stopping
            self._show(found)

    def _show(self, heat: Heat) -> None:
        texts = self._texts
        total = sum(cell.seconds for cell in heat.cells)
        words = texts(
            "heat.words", camera=heat.camera, day=texts.day(self._day), begin=texts.clock(heat.begin),
            end=_end(heat.end, texts), time=texts.coarse(total),
        )  # fmt: skip
        empty = (
            "heat.missing" if heat.observed_seconds <= 0 else "heat.nobody" if not heat.cells else ""
        )  # fmt: skip
        self._said.text = texts(empty) if empty else words
        self._map.set_content(drawing(heat, self._site.layout(heat.camera), words))
        self._legend.set_visibility(bool(heat.cells))
        if heat.cells:
            edges = steps(max(cell.seconds for cell in heat.cells))
            self._low.text = texts("heat.low", time=texts.coarse(edges[0]))
            self._high.text = texts("heat.high", time=texts.coarse(edges[-1]))
        self._remark.text = texts(f"heat.cell_{heat.unit}")


def _most_drawn(site: SiteConfig) -> str:
    """The camera with the most zones: a map of a counter says more than one of a door. Empty: no camera."""
    return max(site.cameras, key=lambda camera: len(camera.zones)).id if site.cameras else ""


def _end(moment: datetime, texts: Texts) -> str:
    clock = texts.clock(moment)
    return "24:00" if clock == "00:00" else clock
