"""What happened in a day, as a person would tell it: newest first, what still goes on before all. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from edge.store.queries import Key
from edge.web.models import EventOut
from edge.web.texts import Texts
from edge.web.trust import at
from pipelines.records import Event

ENDS: Final = {"camera_back": "camera_offline"}
"""Events that are told as the end of another one of the same camera."""
COUNTS: Final = (
    "people", "waiting", "capacity", "minutes", "guessed", "seconds", "silent_s", "days", "free_mib", "rows",
    "messages_lost",
)  # fmt: skip
"""Details that are told in words, in this order: `event.fact_NAME`."""
LENGTHS: Final = frozenset({"seconds", "silent_s"})
"""Those of them that are lengths of time."""


@dataclass(frozen=True, slots=True)
class Happening:
    """An event with its end, wherever that was told."""

    event: Event
    under_way: bool

    @property
    def seconds(self) -> float | None:
        """How long it took; None while it goes on, and for what has no length."""
        return None if self.event.t_end is None else max(0.0, self.event.t_end - self.event.t)

    @property
    def key(self) -> tuple[float, str, str | None, str | None]:
        """What it is known by: the same event keeps it from its beginning to its end."""
        return (self.event.t, self.event.name, self.event.camera, self.event.scope)


def happenings(found: Iterable[Event], lasting: frozenset[str], offline: frozenset[str]) -> list[Happening]:
    """Under way first, then the newest first.

    found: events, in any order. lasting: names of those that begin and end. offline: cameras that give no
    picture now.
    """
    told: list[Happening] = []
    open_: dict[tuple[str, str | None], int] = {}
    for event in sorted(found, key=lambda event: event.t):
        ended = ENDS.get(event.name)
        if ended is not None and (i := open_.pop((ended, event.camera), None)) is not None:
            begun = told[i].event
            told[i] = Happening(
                Event(begun.name, begun.t, begun.camera, begun.scope, event.t, begun.detail), under_way=False
            )
            continue
        if event.name in ENDS.values():
            open_[event.name, event.camera] = len(told)
        told.append(Happening(event, under_way=event.name in lasting and event.t_end is None))
    for (_, camera), i in open_.items():
        told[i] = Happening(told[i].event, under_way=camera in offline)
    return sorted(told, key=lambda one: (not one.under_way, -one.event.t))


def open_places(told: Iterable[Happening], name: str) -> dict[Key, Happening]:
    """What of a name goes on now, by camera and scope."""
    return {(one.event.camera or "", one.event.scope or ""): one for one in told
            if one.under_way and one.event.name == name}  # fmt: skip


def title(event: Event, texts: Texts) -> str:
    """What happened and where, in one short sentence."""
    place = event.scope or event.camera or ""
    if not texts.has(f"event.{event.name}"):
        return texts("event.other", name=event.name, place=place).strip()
    return texts(f"event.{event.name}", place=place, camera=event.camera or "")


def facts(event: Event, texts: Texts) -> list[str]:
    """Its numbers in words, and how it ended."""
    said = []
    for name in COUNTS:
        value = event.detail.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool):
            count = texts.length(abs(value)) if name in LENGTHS else texts.number(value)
            said.append(texts(f"event.fact_{name}", count=count))
    for name, prefix in (("kept", "kept"), ("trouble", "trouble"), ("reason", "end")):
        value = event.detail.get(name)
        if isinstance(value, str) and texts.has(f"event.{prefix}_{value}"):
            said.append(texts(f"event.{prefix}_{value}"))
    return said


def sentence(event: Event, texts: Texts) -> str:
    """All of it in one line, without the times."""
    return texts.joined([title(event, texts), *facts(event, texts)])


def told(event: Event, lasting: frozenset[str], texts: Texts | None = None) -> EventOut:
    """An event as the API tells it, with its sentence where a language was asked for."""
    return EventOut(
        name=event.name,
        at=at(event.t),
        ended_at=None if event.t_end is None else at(event.t_end),
        seconds=None if event.t_end is None else round(max(0.0, event.t_end - event.t), 3),
        under_way=event.name in lasting and event.t_end is None,
        camera=event.camera,
        scope=event.scope,
        detail=dict(event.detail),
        text=None if texts is None else sentence(event, texts),
    )
