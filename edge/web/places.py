"""The lower parts of the page: zones with their dwell, car-park lanes, cameras."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement

from edge.web import models, wording
from edge.web.models_service import Counter
from edge.web.parts import DASH, Help, Mark, box, fact, heading, text
from edge.web.service_sections import Attendance
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


SHOWN_ROLES: Final = frozenset({"counter", "area"})
"""Zones whose visits say something to a manager; the others serve queues, counters and rates."""


class ZoneCard:
    """One zone: visits, how long, how many are there now; a counter's staff and turn-in rate too."""

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
            self._mark = Mark(texts, f"zone-{name}-mark")
            self._histogram = Histogram(texts)
            with box("dl", "facts"):
                self._facts = {
                    key: fact(texts(f"zone.{key}"), f"zone-{name}-{key}")
                    for key in ("p75", "p90", "mean", "little", "peak", "passes")
                }
            self._n = text("p", css="small", testid=f"zone-{name}-n")
            self._attendance = Attendance(zone.zone, texts, help_) if zone.role == "counter" else None

    def show(self, zone: models.Zone, counter: Counter | None) -> None:
        """Show the figures."""
        texts, dwell = self._texts, zone.dwell
        self._now.text = (
            texts("zone.now_missing") if zone.now is None else texts("zone.now", count=texts.number(zone.now))
        )
        staff = zone.staff_visits or 0
        self._visits.text = DASH if zone.visits is None else texts.number(max(0, zone.visits - staff))
        self._mark.show(zone.quality)
        if self._attendance is not None:
            self._attendance.show(counter)
        if dwell is None:
            self._n.text = texts("hero.missing")
            return
        self._median.text = wording.length(dwell.median, texts)
        said = {
            "p75": wording.length(dwell.p75, texts),
            "p90": wording.length(dwell.p90, texts),
            "mean": DASH if dwell.mean_seconds is None else texts.length(dwell.mean_seconds),
            "little": texts.length(dwell.little_seconds)
            if dwell.low_confidence and dwell.little_seconds is not None
            else "",
            "peak": wording.people(zone.peak, texts),
            "passes": DASH if zone.passes is None else texts("zone.times", count=texts.number(zone.passes)),
        }
        for key, value in said.items():
            self._facts[key].text = value
        self._histogram.show(dwell)
        self._n.text = wording.stays(dwell, staff, texts)


class Zones:
    """The counters and areas."""

    def __init__(self, view: View, texts: Texts, help_: Help) -> None:
        self._cards: dict[tuple[str, str], ZoneCard] = {}
        for zone in view.zones:
            if zone.role in SHOWN_ROLES:
                self._cards[zone.camera, zone.zone] = ZoneCard(zone, texts, help_)

    def show(self, view: View) -> None:
        """Show all figures."""
        counters = {(counter.camera, counter.counter): counter for counter in view.counters}
        for zone in view.zones:
            key = (zone.camera, zone.zone)
            if card := self._cards.get(key):
                card.show(zone, counters.get(key))


class Lanes:
    """Car-park lanes."""

    def __init__(self, view: View, texts: Texts, help_: Help) -> None:
        self._texts = texts
        self._rows: dict[str, tuple[TextElement, TextElement]] = {}
        watched = [lane for lane in view.lanes if lane.camera is not None]
        if not watched:
            return
        with box("section", "card lanes", testid="lanes"):
            heading(texts("lane.title"), help_, "lane")
            with box("ul", "rows"):
                for lane in watched:
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
            value.text = DASH if lane.vehicles is None else texts.number(lane.vehicles)
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
