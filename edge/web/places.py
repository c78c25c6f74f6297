"""The lower parts of the page: zones with their dwell, car-park lanes, cameras."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement

from edge.web import models, wording
from edge.web.parts import Help, box, heading, text
from edge.web.sections import DASH
from edge.web.texts import Texts
from edge.web.trust import STALE_S
from edge.web.view import View
from pipelines.records import DWELL_EDGES_S

LABELLED: Final = (5, 20, 60, 300, 1200)
"""Edges of the histogram, in seconds, that get a label."""
FIRST_BIN: Final = 1
"""The bin below two seconds is left out of the picture: no visit is that short."""


class Histogram:
    """Visits by length, as plain bars that a screen reader hears as one sentence."""

    def __init__(self, texts: Texts) -> None:
        self._texts = texts
        self._shown: models.Dwell | None = None
        with box("div", "histogram", role="img") as self._box:
            with box("div", "bins", aria_hidden="true"):
                self._bars: list[tuple[ui.element, ui.element]] = []
                for _ in DWELL_EDGES_S[FIRST_BIN:]:
                    with box("div", "bin"):
                        self._bars.append((box("i", "bin-censored"), box("i", "bin-complete")))
            with box("div", "edges", aria_hidden="true"):
                for edge in DWELL_EDGES_S[FIRST_BIN:]:
                    text("span", texts.length(edge) if edge in LABELLED else "")

    def show(self, dwell: models.Dwell) -> None:
        """Draw, but only when something has changed."""
        if dwell == self._shown:
            return
        self._shown = dwell
        self._box.props["aria-label"] = wording.histogram(dwell, self._texts)
        bins = dwell.bins[FIRST_BIN:]
        most = max((each.complete + each.censored for each in bins), default=0) or 1
        for (censored, complete), each in zip(self._bars, bins, strict=True):
            censored.style(f"height: {100 * each.censored / most:.1f}%")
            complete.style(f"height: {100 * each.complete / most:.1f}%")


class ZoneCard:
    """One zone: visits, how long, and how many are there now."""

    def __init__(self, zone: models.Zone, texts: Texts, help_: Help) -> None:
        self._texts = texts
        name = zone.zone
        with box("section", "card zone", testid=f"zone-{name}"):
            with box("div", "card-head"):
                text("h2", name)
                text("span", texts(f"zone.role_{zone.role}"), "chip")
                help_.button("dwell")
                self._now = text("span", css="card-remark", testid=f"zone-{name}-now")
            with box("div", "zone-main"):
                with box("div"):
                    self._visits = text("div", DASH, "zone-value", f"zone-{name}-visits")
                    text("div", texts("zone.visits"), "zone-name")
                with box("div"):
                    self._median = text("div", DASH, "zone-value", f"zone-{name}-median")
                    text("div", texts("zone.median"), "zone-name")
            self._histogram = Histogram(texts)
            with box("dl", "facts"):
                self._facts = {
                    key: self._fact(texts(f"zone.{key}"), f"zone-{name}-{key}")
                    for key in ("p75", "mean", "peak", "passes")
                }
            self._n = text("p", css="small", testid=f"zone-{name}-n")

    def _fact(self, name: str, testid: str) -> TextElement:
        with box("div"):
            text("dt", name)
            return text("dd", DASH, testid=testid)

    def show(self, zone: models.Zone) -> None:
        """Show the figures."""
        texts, dwell = self._texts, zone.dwell
        self._now.text = (
            texts("zone.now_missing") if zone.now is None else texts("zone.now", count=texts.number(zone.now))
        )
        self._visits.text = texts("hero.missing") if zone.visits is None else texts.number(zone.visits)
        if dwell is None:
            self._n.text = texts("hero.missing")
            return
        self._median.text = wording.length(dwell.median, texts)
        self._facts["p75"].text = wording.length(dwell.p75, texts)
        self._facts["mean"].text = DASH if dwell.mean_seconds is None else texts.length(dwell.mean_seconds)
        self._facts["peak"].text = (
            DASH if zone.peak is None else texts("zone.peak_value", count=texts.number(zone.peak))
        )
        self._facts["passes"].text = (
            DASH if zone.passes is None else texts("zone.times", count=texts.number(zone.passes))
        )
        self._histogram.show(dwell)
        self._n.text = (
            texts("zone.n", count=texts.number(dwell.visits), censored=texts.number(dwell.censored))
            if dwell.visits
            else texts("zone.none")
        )


class Zones:
    """All zones."""

    def __init__(self, view: View, texts: Texts, help_: Help) -> None:
        self._cards: dict[tuple[str, str], ZoneCard] = {}
        for zone in view.zones:
            self._cards[zone.camera, zone.zone] = ZoneCard(zone, texts, help_)

    def show(self, view: View) -> None:
        """Show all figures."""
        for zone in view.zones:
            if card := self._cards.get((zone.camera, zone.zone)):
                card.show(zone)


class Lanes:
    """Car-park lanes."""

    def __init__(self, view: View, texts: Texts, help_: Help) -> None:
        self._texts = texts
        self._rows: dict[str, tuple[TextElement, TextElement]] = {}
        if not view.lanes:
            return
        with box("section", "card lanes", testid="lanes"):
            heading(texts("lane.title"), help_, "lane")
            with box("ul", "rows"):
                for lane in view.lanes:
                    with box("li"):
                        with box("div"):
                            text("strong", lane.lane)
                            text("span", texts(f"lane.{lane.direction}"), "small")
                        with box("div", "row-end"):
                            value = text("strong", DASH, testid=f"lane-{lane.lane}-vehicles")
                            self._rows[lane.lane] = (value, text("span", css="small"))

    def show(self, view: View) -> None:
        """Show the numbers."""
        texts = self._texts
        for lane in view.lanes:
            if lane.lane not in self._rows:
                continue
            value, remark = self._rows[lane.lane]
            value.text = texts("hero.missing") if lane.vehicles is None else texts.number(lane.vehicles)
            ways = {name: getattr(lane, name) for name in ("up", "down", "left", "right")}
            said = [f"{texts(f'lane.{name}')} {texts.number(count)}" for name, count in ways.items() if count]
            if lane.wrong_way:
                said.append(texts("lane.wrong_way", count=texts.number(lane.wrong_way)))
            remark.text = " · ".join(said) or texts("lane.vehicles")


class Cameras:
    """Each camera: does it look, since when not, and how much of today it saw."""

    def __init__(self, view: View, texts: Texts, help_: Help) -> None:
        self._texts = texts
        self._rows: dict[str, CameraRow] = {}
        with box("section", "card cameras", testid="cameras"):
            heading(texts("camera.title"), help_, "camera")
            with box("ul", "rows"):
                for camera in view.cameras:
                    self._rows[camera.camera] = CameraRow(camera.camera, texts)

    def show(self, view: View) -> None:
        """Show all states."""
        for camera in view.cameras:
            if row := self._rows.get(camera.camera):
                row.show(camera, view.today.updated_at)


class CameraRow:
    """One camera's line."""

    def __init__(self, name: str, texts: Texts) -> None:
        self._texts = texts
        self._is = ""
        with box("li", testid=f"camera-{name}") as self._box:
            with box("div"):
                text("strong", name)
                self._frame = text("span", css="small")
            with box("div", "row-end"):
                self._state = text("strong", css="state", testid=f"camera-{name}-state")
                self._facts = text("span", css="small", testid=f"camera-{name}-facts")

    def show(self, camera: models.Camera, now: datetime) -> None:
        """Show its state."""
        texts = self._texts
        silent = camera.state == "online" and (camera.last_frame_age or 0) > STALE_S
        state = "silent" if silent else camera.state
        if state != self._is:
            self._box.classes(remove=f"is-{self._is}", add=f"is-{state}")
            self._is = state
        said = texts(f"camera.{state}")
        if state == "offline":
            said += f" · {texts.since(camera.since, now)}"
        self._state.text = said
        self._frame.text = (
            texts("camera.no_frame")
            if camera.last_frame_age is None
            else texts("camera.last_frame", age=texts.age(camera.last_frame_age))
        )
        facts = [
            None if camera.persons is None else texts("camera.persons", count=texts.number(camera.persons)),
            None if camera.fps is None else texts("camera.fps", fps=f"{camera.fps:.0f}"),
            None if camera.coverage is None else texts("camera.coverage", share=texts.share(camera.coverage)),
        ]
        self._facts.text = " · ".join(fact for fact in facts if fact)
