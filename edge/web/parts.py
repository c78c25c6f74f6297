"""Small building blocks of the page: plain HTML elements with a class, a text and a name for tests."""

from __future__ import annotations

from typing import Final

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement

from edge.web import wording
from edge.web.models import Quality
from edge.web.texts import Texts

DASH: Final = wording.DASH


def _named(element: ui.element, testid: str | None, attributes: dict[str, str]) -> None:
    if testid:
        element.props["data-testid"] = testid
    for name, value in attributes.items():
        element.props[name.strip("_").replace("_", "-")] = value


def box(tag: str, css: str = "", testid: str | None = None, **attributes: str) -> ui.element:
    """An element for others to stand in."""
    element = ui.element(tag).classes(css)
    _named(element, testid, attributes)
    return element


def text(
    tag: str, content: str = "", css: str = "", testid: str | None = None, **attributes: str
) -> TextElement:
    """An element with a text that may change; only a change is sent to the browser."""
    element = TextElement(tag=tag, text=content).classes(css)
    _named(element, testid, attributes)
    return element


class Help:
    """The explanations, one tap away: a `?` beside what it explains opens one dialog."""

    def __init__(self, texts: Texts) -> None:
        self._texts = texts
        with ui.dialog() as self._dialog, box("div", "help", role="document"):
            self._title = text("h2", css="help-title")
            self._body = text("p", css="help-body", testid="help-body")
            with box("button", "help-close", type="button").on("click", self._dialog.close):
                text("span", texts("help.close"))

    def button(self, about: str) -> None:
        """A `?` that explains `help.{about}`."""
        title = self._texts(f"help.{about}_title")
        with box(
            "button",
            "help-button",
            testid=f"help-{about}",
            type="button",
            aria_label=f"{title}: {self._texts('help.open')}",
        ).on("click", lambda: self._open(about)):
            text("span", "?", aria_hidden="true")

    def _open(self, about: str) -> None:
        self._title.text = self._texts(f"help.{about}_title")
        self._body.text = self._texts(f"help.{about}")
        self._dialog.open()


def heading(title: str, help_: Help, about: str) -> TextElement:
    """A card's title with its explanation; returns the place for a remark beside it."""
    with box("div", "card-head"):
        text("h2", title)
        help_.button(about)
        return text("span", css="card-remark")


def fact(name: str, testid: str) -> TextElement:
    """A name and its value in a list of facts; returns the place for the value."""
    with box("div"):
        text("dt", name)
        return text("dd", DASH, testid=testid)


class Mark:
    """One short sentence beside figures that should not be trusted, saying why; nothing beside good ones."""

    def __init__(self, texts: Texts, testid: str) -> None:
        self._texts = texts
        self._is = ""
        self._said = text("p", css="mark", testid=testid)

    def show(self, found: Quality, said: Quality | None = None) -> None:
        """Show what they are worth, unless the same was `said` of the figures above them."""
        if found.confidence != self._is:
            self._said.classes(remove=f"is-{self._is}", add=f"is-{found.confidence}")
            self._is = found.confidence
        worth = wording.worth(found, self._texts)
        self._said.text = "" if said is not None and worth == wording.worth(said, self._texts) else worth
