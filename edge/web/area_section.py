"""The part of the page about how many people are in an area, by its gates."""

from __future__ import annotations

from typing import Final

from edge.web import wording
from edge.web.models_service import Area
from edge.web.parts import DASH, Help, Mark, box, fact, text
from edge.web.texts import Texts
from edge.web.view import View

FACTS: Final = ("peak", "mean", "capacity", "drift")


class Areas:
    """All areas; nothing for a box without one."""

    def __init__(self, view: View, texts: Texts, help_: Help) -> None:
        self._cards = {area.area: AreaCard(area, texts, help_) for area in view.areas}

    def show(self, view: View) -> None:
        """Show all figures."""
        for area in view.areas:
            if card := self._cards.get(area.area):
                card.show(area, view)


class AreaCard:
    """One area: people in it now, and today."""

    def __init__(self, area: Area, texts: Texts, help_: Help) -> None:
        self._texts = texts
        name = area.area
        with box("section", "card zone area", testid=f"area-{name}"):
            with box("div", "card-head"):
                text("h2", name)
                text("span", texts("area.title"), "chip")
                help_.button("area")
            self._now = text("div", DASH, "zone-value", f"area-{name}-now")
            self._room = text("div", texts("area.now"), "zone-name", f"area-{name}-room")
            with box("div", "fill", aria_hidden="true") as self._fill_box:
                self._fill = box("i")
            self._mark = Mark(texts, f"area-{name}-mark")
            with box("dl", "facts"):
                self._facts = {key: fact(texts(f"area.{key}"), f"area-{name}-{key}") for key in FACTS}
            self._fill_box.set_visibility(area.capacity is not None)

    def show(self, area: Area, view: View) -> None:
        """Show the figures."""
        texts, now, most = self._texts, area.now, area.capacity
        self._now.text = wording.people(now, texts)
        full = now is not None and most is not None and now > most
        self._room.text = texts("area.full") if full else texts("area.now")
        if most is not None:
            self._fill.style(f"width: {100 * min(1.0, (now or 0) / most):.0f}%")
            self._fill.classes(add="is-full" if full else "", remove="" if full else "is-full")
        said = {
            "peak": None if area.peak is None else wording.people(area.peak, texts),
            "mean": None if area.mean is None else wording.people(round(area.mean), texts),
            "capacity": None if most is None else wording.people(most, texts),
            "drift": _drift(area.drift, texts),
        }
        for key, value in said.items():
            self._facts[key].text = value or DASH
        self._mark.show(area.quality, view.today.quality)


def _drift(people: int | None, texts: Texts) -> str | None:
    """`+3 人`, with its sign."""
    return None if people is None else texts("area.drift_value", count=f"{people:+d}" if people else "0")
