"""The part of the page about the car park: cars, coupons, why there were none, and whoever tells of cars."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from edge.parking.status_api import FeedStatus, OfferIssued, ParkingStatus, WebhookStatus
from edge.parking.watch import SILENT_S
from edge.web.models import Today
from edge.web.parking_figures import held_back
from edge.web.parts import DASH, Help, box, fact, heading, text
from edge.web.texts import Texts
from edge.web.view import View

FACTS: Final = ("in", "out", "inside", "unread")


class Line(NamedTuple):
    """A line of a list: what it is about, and at its end the value."""

    name: str
    value: str
    small: str = ""
    state: str = ""
    """Empty, or a state of the style sheet such as `offline`."""


class Lines:
    """A list under a title, made anew only when it has changed."""

    def __init__(self, title: str, testid: str) -> None:
        self._shown: list[Line] | None = None
        with box("div", "parking-part"):
            text("h3", title, "sub-title")
            self._rows = box("ul", "rows", testid)

    def show(self, lines: Sequence[Line], none: str = "") -> None:
        """Show them; none: what is said where there are none."""
        if list(lines) == self._shown:
            return
        self._shown = list(lines)
        self._rows.clear()
        with self._rows:
            for line in lines:
                _row(line)
            if not lines:
                text("li", none, "small")


def _row(line: Line) -> None:
    with box("li", f"is-{line.state}" if line.state else ""):
        with box("div"):
            text("span" if not line.state else "strong", line.name)
            if line.small:
                text("span", line.small, "small")
        with box("div", "row-end"):
            text("strong", line.value, "state" if line.state else "")


class Parking:
    """Everything of the car park; nothing on a box without lanes."""

    def __init__(self, view: View, texts: Texts, help_: Help) -> None:
        self._texts = texts
        self._is_there = view.parking is not None
        if not self._is_there:
            return
        with box("section", "card parking", testid="parking", id="parking"):
            heading(texts("parking.title"), help_, "parking")
            self._fault = text("p", css="mark is-poor", testid="parking-fault", role="status")
            with box("dl", "parking-facts"):
                self._facts = {name: fact(texts(f"parking.{name}"), f"parking-{name}") for name in FACTS}
            with box("div", "parking-parts"):
                self._issued = Lines(texts("parking.issued"), "parking-issued")
                self._held = Lines(texts("parking.held_back"), "parking-held-back")
                self._sources = Lines(texts("parking.sources"), "parking-sources")
                self._screens(view)

    def _screens(self, view: View) -> None:
        with box("div", "parking-part"):
            text("h3", self._texts("parking.screens"), "sub-title")
            with box("ul", "rows"):
                for lane in view.lanes:
                    with box("li"):
                        with box("div"):
                            text("span", lane.lane)
                            text("span", self._texts(f"lane.{lane.direction}"), "small")
                        text("a", self._texts("parking.open"), "check-link", f"screen-{lane.lane}",
                             href=f"/lane/{lane.lane}", target="_blank")  # fmt: skip

    def show(self, view: View) -> None:
        """Show the figures."""
        found, texts = view.parking, self._texts
        if not self._is_there or found is None:
            return
        self._fault.text = "" if found.fault is None else texts("parking.fault")
        numbers = {"in": found.cars_in, "out": found.cars_out, "inside": found.inside}
        for name, number in numbers.items():
            self._facts[name].text = DASH if number is None else texts.number(number)
        share = found.unread_share
        self._facts["unread"].text = DASH if share is None else texts.percent(share)
        issued = [Line(self._offer(offer), texts.number(offer.issued)) for offer in found.offers]
        self._issued.show(issued, texts("parking.issued_none"))
        entries = [lane.lane for lane in view.lanes if lane.direction == "entry"]
        reasons = held_back(found, entries)
        held = [Line(reason_said(name, texts), texts.number(cars)) for name, cars in reasons.items()]
        self._held.show(held, texts("parking.held_back_none"))
        self._sources.show(sources(found, view.today, texts), DASH)

    def _offer(self, offer: OfferIssued) -> str:
        said = offer.headline
        return said.get(self._texts.language) or next(iter(said.values()), "") or offer.offer


def reason_said(reason: str, texts: Texts) -> str:
    """Why a car got no coupon, in plain words; one of a later version by its name."""
    return texts(f"parking.reason_{reason}") if texts.has(f"parking.reason_{reason}") else reason


def sources(found: ParkingStatus, today: Today, texts: Texts) -> list[Line]:
    """How those do who tell of cars, and the way back to them."""
    is_open = today.opens is not None and today.closes is not None
    is_open = is_open and today.opens <= today.updated_at < today.closes  # type: ignore[operator]
    lines = [_feed(feed, is_open, texts) for feed in found.feeds]
    return lines if found.webhook is None else [*lines, _webhook(found.webhook, texts)]


def _feed(feed: FeedStatus, is_open: bool, texts: Texts) -> Line:
    name = texts("parking.feed", feed=feed.feed)
    if feed.silent_s is None:
        state, said = ("offline", "refusing") if feed.fault else ("starting", "waiting")
        return Line(name, texts(f"parking.{said}"), texts("parking.never_heard"), state)
    # In whole minutes: a list that is made anew each second cannot be read.
    silent_s = feed.silent_s if feed.silent_s >= 60 else 0.0
    heard = texts("parking.heard", age=texts.age(silent_s))
    if feed.fault:
        return Line(name, texts("parking.refusing"), heard, "offline")
    if is_open and silent_s > SILENT_S:
        return Line(name, texts("parking.silent"), heard, "silent")
    return Line(name, texts("parking.ok"), heard, "online")


def _webhook(hook: WebhookStatus, texts: Texts) -> Line:
    counts = {"told": hook.told, "backlog": hook.waiting, "refused": hook.refused, "given_up": hook.given_up}
    small = texts.joined(
        texts(f"parking.{name}", count=texts.number(count))
        for name, count in counts.items()
        if count or name == "told"
    )
    name = texts("parking.webhook")
    if hook.failing_s is not None:
        return Line(name, texts("parking.unreached"), small, "offline")
    if hook.told + hook.refused == 0:
        return Line(name, texts("parking.waiting"), texts("parking.untried"), "starting")
    return Line(name, texts("parking.ok"), small, "online")
