"""The page `/audit`: count a gate by thumb on a phone, and see how the box's own count compares."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse
from nicegui import events, run, ui

from edge.audit.standing import drawings_of
from edge.audit.tapping import SETTLED_S, PhoneClock, Tapping, Tappings
from edge.errors import AuditError, EdgeError
from edge.store.audits import Audit
from edge.store.database import reading
from edge.web import wording
from edge.web.figures import checked
from edge.web.look import Look, Observer
from edge.web.page import COOKIE, QUASAR, style
from edge.web.parts import box, text
from edge.web.texts import LANGUAGES, Texts, chosen
from edge.web.trust import STALE_S, at
from pipelines.audit import DIRECTIONS, Tally
from pipelines.records import Direction

log = logging.getLogger("edge.web")

TICK_S: Final = 1.0
Keep = Callable[[Sequence[Audit]], None]
"""Stores audits; the one door of the pages to the store's writer."""


def add_audit_pages(app: FastAPI, observer: Observer, keep: Keep) -> None:
    """Add `/audit`, which leads to the page in the reader's language."""
    desk, tappings = observer.site.site, Tappings()

    @app.get("/audit", include_in_schema=False)
    def start(request: Request) -> RedirectResponse:
        return RedirectResponse(f"/{chosen(request.cookies.get(COOKIE), desk.language)}/audit")

    for language in LANGUAGES:
        _add_language(language, observer, tappings, keep)


def _add_language(language: str, observer: Observer, tappings: Tappings, keep: Keep) -> None:
    async def choose() -> None:
        texts = _begin(language, observer, "audit")
        try:
            look = await run.io_bound(observer.look)
        except EdgeError as error:
            text("p", str(error), "trust-problem")
            return
        if look is not None:  # None: the box is stopping
            ChoosePage(texts, observer, tappings, look)

    async def count(name: str) -> None:
        texts = _begin(language, observer, f"audit/{name}")
        tapping = tappings.get(name)
        if tapping is None:
            with box("div", "page audit"):
                text("p", texts("audit.gone"), "audit-said", "audit-said")
                text("a", texts("audit.again"), "audit-link", href=f"/{language}/audit")
            return
        shown = CountPage(texts, observer, tapping, keep)
        ui.timer(TICK_S, shown.tick)

    options: Any = {"language": QUASAR[language]}
    ui.page(f"/{language}/audit", **options)(choose)
    ui.page(f"/{language}/audit/{{name}}", **options)(count)


def _begin(language: str, observer: Observer, path: str) -> Texts:
    """What every audit page begins with."""
    texts = Texts(language, observer.site.site.zone)
    ui.add_head_html(style())
    ui.page_title(f"{texts('audit.title')} · {observer.site.site.store}")
    other = next(each for each in LANGUAGES if each != language)
    with box("div", "page audit-top"):
        text("a", texts("audit.today"), "language", href=f"/{language}")
        text(
            "a", texts("page.other_language"), "language", "language-switch",
            href=f"/{other}/{path}", lang=other, hreflang=other,
        )  # fmt: skip
    return texts


class ChoosePage:
    """Which gate to count, and how each stands."""

    def __init__(self, texts: Texts, observer: Observer, tappings: Tappings, look: Look) -> None:
        self._texts, self._observer, self._tappings = texts, observer, tappings
        self._drawn = drawings_of(observer.site)
        with box("div", "page audit"):
            text("h1", texts("audit.title"), "store")
            text("p", texts("audit.how"), "audit-how")
            self._who = ui.input(texts("audit.who")).props("outlined maxlength=64 data-testid=audit-who")
            self._said = text("p", css="audit-said", testid="audit-said", role="status")
            for camera, gate in self._drawn:
                with box("section", "card"):
                    with box("button", "audit-start", f"audit-start-{gate}", type="button").on(
                        "click", lambda _, key=(camera, gate): self._start(key)
                    ):
                        text("span", texts("audit.start", gate=gate))
                    text(
                        "p",
                        wording.checked(checked(look, self._drawn, (camera, gate)), at(look.now), texts),
                        "small",
                        f"audit-standing-{gate}",
                    )
            if not self._drawn:
                text("p", texts("audit.no_gate"), "audit-said")

    def _start(self, key: tuple[str, str]) -> None:
        observer = self._observer
        if not _sees(observer, key[0]):
            self._said.text = self._texts("audit.blind", camera=key[0])
            return
        made = self._tappings.begin(*key, self._drawn[key], str(self._who.value or ""), observer.clock())
        ui.navigate.to(f"/{self._texts.language}/audit/{made.id}")


def _sees(observer: Observer, camera: str) -> bool:
    """Whether the camera gives frames now."""
    live = observer.live.snapshot().cameras.get(camera)
    return live is not None and live.persons_now(observer.clock(), STALE_S) is not None


class CountPage:
    """Two big buttons, undo and a timer; then what came out."""

    def __init__(self, texts: Texts, observer: Observer, tapping: Tapping, keep: Keep) -> None:
        self._texts, self._observer, self._tapping, self._keep = texts, observer, tapping, keep
        self._clock = PhoneClock()
        self._busy = False
        self._done = False
        with box("div", "page audit"):
            with box("div", "audit-head"):
                text("h1", tapping.gate, "store")
                self._timer = text("strong", css="audit-timer", testid="audit-timer", role="timer")
            self._said = text("p", css="audit-said", testid="audit-said", role="status")
            self._taps: dict[Direction, Any] = {}
            with box("div", "audit-taps") as self._buttons:
                for way in DIRECTIONS:
                    self._tap_button(way)
            with box("div", "audit-row") as self._row:
                with box("button", "audit-undo", "audit-undo", type="button").on("click", self._undo):
                    text("span", texts("audit.undo"))
                with box("button", "audit-finish", "audit-finish", type="button").on("click", self._ask):
                    text("span", texts("audit.finish"))
            with box("div", "audit-row") as self._sure:
                with box("button", "audit-undo", "audit-back", type="button").on("click", self._back):
                    text("span", texts("audit.back"))
                with box("button", "audit-finish", "audit-sure", type="button").on("click", self._finish):
                    text("span", texts("audit.sure"))
            self._sure.set_visibility(False)
            self._result = box("div", "audit-result")
        self._show()

    def _tap_button(self, way: Direction) -> None:
        def tapped(event: events.GenericEventArguments) -> None:
            now = self._observer.clock()
            stamp = event.args.get("timeStamp") if isinstance(event.args, dict) else None
            # A browser without a stamp counts when the tap arrives.
            stamp_s = stamp / 1000 if isinstance(stamp, int | float) else now
            self._tapping.tap(way, stamp_s, self._clock if stamp is not None else PhoneClock(), now)
            self._show()

        with box("button", f"audit-tap is-{way}", f"audit-{way}", type="button").on(
            "click", tapped, ["timeStamp"]
        ):
            text("span", self._texts(f"gate.{way}"), "audit-way")
            self._taps[way] = text("span", "0", "audit-count", f"audit-{way}-count")

    def _show(self) -> None:
        tapping, count = self._tapping, self._tapping.count()
        for way, shown in self._taps.items():
            shown.text = self._texts.number(count[way])
        until = self._observer.clock() if tapping.ended is None else tapping.ended
        minutes, seconds = divmod(max(0, int(until - tapping.begun)), 60)
        self._timer.text = f"{minutes:02}:{seconds:02}"

    def _undo(self) -> None:
        self._tapping.undo()
        self._show()

    def _ask(self) -> None:
        self._row.set_visibility(False)
        self._sure.set_visibility(True)

    def _back(self) -> None:
        self._sure.set_visibility(False)
        self._row.set_visibility(True)

    def _finish(self) -> None:
        self._tapping.finish(self._observer.clock())
        self._show()

    async def tick(self) -> None:
        """Once a second: the timer, the camera, and after the end the comparison."""
        tapping, now = self._tapping, self._observer.clock()
        if tapping.ended is None:
            if not _sees(self._observer, tapping.camera):
                tapping.blind = True
                self._said.text = self._texts("audit.blind", camera=tapping.camera)
            self._show()
            return
        for part in (self._buttons, self._row, self._sure):
            part.set_visibility(False)
        if self._done or self._busy:
            return
        if not tapping.settled(now):
            left = max(1, round(SETTLED_S - (now - tapping.ended)))
            self._said.text = self._texts("audit.comparing", seconds=left)
            return
        self._busy = True
        try:
            found = await run.io_bound(self._compare)
        finally:
            self._busy = False
        if found is not None:  # None: the box is stopping
            self._said.text, self._done = found
        if self._done:
            self._tell()

    def _compare(self) -> tuple[str, bool]:
        """Compare and keep: what to say, and whether that is all (a store that refuses is tried again)."""
        tapping, now = self._tapping, self._observer.clock()
        if tapping.result is not None:  # the same count, on another page
            return self._texts("audit.kept"), True
        try:
            with reading(self._observer.path) as connection:
                found = tapping.compare(connection, now)
            if not found:
                return self._texts("audit.nobody"), True
            self._keep(found)
        except AuditError:
            return self._texts("audit.unseen", camera=tapping.camera), True
        except EdgeError as error:
            log.warning("an audit is not kept yet: %s", error)
            tapping.result = None
            return str(error), False
        return self._texts("audit.kept"), True

    def _tell(self) -> None:
        texts, result = self._texts, self._tapping.result
        with self._result:
            if result is not None:
                for way, tally in result.items():
                    self._card(way, tally)
            text("a", texts("audit.again"), "audit-link", "audit-again", href=f"/{texts.language}/audit")

    def _card(self, way: Direction, tally: Tally) -> None:
        texts = self._texts
        with box("section", "card", testid=f"audit-result-{way}"):
            text("h2", texts(f"gate.{way}"))
            with box("dl", "facts"):
                for key, value in (
                    ("by_hand", tally.true), ("counted", tally.counted), ("missed", tally.missed),
                    ("false", tally.false),
                ):  # fmt: skip
                    with box("div"):
                        text("dt", texts(f"audit.{key}"))
                        text("dd", texts.number(value), testid=f"audit-{way}-{key}")
            text("p", wording.verdict(tally, texts), "audit-verdict", f"audit-{way}-verdict")
