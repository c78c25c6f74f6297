"""The part of the page that tells what happened today and what still goes on."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from nicegui import ui

from edge.web import happenings
from edge.web.happenings import Happening
from edge.web.parts import Help, box, heading, text
from edge.web.texts import Texts
from edge.web.trust import at
from edge.web.view import View

FIRST: Final = 5
"""So many are shown at once, and always those under way; the rest is one tap away."""


class Events:
    """What happened, in plain words."""

    def __init__(self, texts: Texts, help_: Help) -> None:
        self._texts = texts
        self._keys: list[object] = []
        self._rows: list[EventRow] = []
        with box("section", "card events", testid="events", id="events"):
            self._remark = heading(texts("event.title"), help_, "event")
            self._none = text("p", css="small", testid="events-none")
            self._first = box("ul", "rows")
            with box("details", "numbers") as self._more:
                self._summary = text("summary", testid="events-more")
                self._rest = box("ul", "rows")

    def show(self, view: View) -> None:
        """Show them; the rows are made anew only when there are others."""
        texts, told, now = self._texts, view.happenings, view.today.updated_at
        under_way = sum(one.under_way for one in told)
        self._remark.text = texts("event.under_way", count=texts.number(under_way)) if under_way else ""
        self._none.text = "" if told else texts("event.none")
        if [one.key for one in told] != self._keys:
            self._keys = [one.key for one in told]
            first = max(FIRST, under_way)
            self._make(told, first)
            self._summary.text = texts("event.more", count=texts.number(max(0, len(told) - first)))
            self._more.set_visibility(len(told) > first)
        for row, one in zip(self._rows, told, strict=True):
            row.show(one, now)

    def _make(self, told: list[Happening], first: int) -> None:
        self._first.clear()
        self._rest.clear()
        with self._first:
            self._rows = [EventRow(one, self._texts) for one in told[:first]]
        with self._rest:
            self._rows += [EventRow(one, self._texts) for one in told[first:]]


class EventRow:
    """One event."""

    def __init__(self, one: Happening, texts: Texts) -> None:
        self._texts = texts
        self._open: bool | None = None
        with box("li", "event", f"event-{one.event.name}") as self._box:
            with box("div"):
                text("strong", happenings.title(one.event, texts))
                self._facts = text("span", css="small")
            with box("div", "row-end"):
                self._state: ui.element = text("strong", texts("event.now"), "event-now")
                self._when = text("span", css="small")

    def show(self, one: Happening, now: datetime) -> None:
        """Show how it stands."""
        texts, event = self._texts, one.event
        if one.under_way != self._open:
            self._open = one.under_way
            self._box.classes(
                add="is-open" if one.under_way else "", remove="" if one.under_way else "is-open"
            )
            self._state.set_visibility(one.under_way)
        self._facts.text = texts.joined(happenings.facts(event, texts))
        begin = texts.since(at(event.t), now)
        if one.under_way:
            lasts = max(0.0, (now - at(event.t)).total_seconds())
            self._when.text = texts("event.lasting", begin=begin, length=texts.coarse(_begun(lasts)))
        elif event.t_end is None:
            self._when.text = begin
        else:
            self._when.text = texts(
                "event.lasted",
                begin=begin,
                end=texts.clock(at(event.t_end)),
                length=texts.coarse(one.seconds or 0.0),
            )


def _begun(seconds: float) -> float:
    """Minutes that are full: what goes on has not lasted longer than it has."""
    return seconds if seconds < 60 else seconds // 60 * 60
