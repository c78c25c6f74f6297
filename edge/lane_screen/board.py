"""What each lane's screen says at this moment: in memory only, gone when it has expired."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

MOST_SCREENS: Final = 16
"""Displays and phones that may show one lane at the same time."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What a lane's screen says to the driver before it. Never a plate, nor a name."""

    headline: Mapping[str, str]
    """By language: a few words, such as `Park 2 hours free`."""
    detail: Mapping[str, str]
    """By language: one sentence."""
    qr: str | None
    """What the code to be scanned says; None: there is nothing to scan."""
    decided_at: float
    until: float
    """UTC seconds of the box's steady clock, from which on the screen is blank again."""


class TooManyScreens(Exception):  # noqa: N818 - it is an answer
    """So many screens show this lane already that one more is refused."""


@dataclass(slots=True)
class _Lane:
    notice: Notice | None = None
    version: int = 0
    listeners: set[_Listener] = field(default_factory=set)


@dataclass(frozen=True, slots=True, eq=False)
class _Listener:
    """One open screen, in the web server's loop."""

    loop: asyncio.AbstractEventLoop
    changed: asyncio.Event

    def wake(self) -> None:
        with suppress(RuntimeError):  # the server has ended and its loop is closed
            self.loop.call_soon_threadsafe(self.changed.set)


class Board:
    """The newest notice of each lane. `show` may be called from any thread and never waits for a screen."""

    def __init__(self, lanes: Iterable[str], clock: Callable[[], float]) -> None:
        """clock: the box's steady UTC seconds."""
        self._clock = clock
        self._lock = threading.Lock()
        self._lanes = {lane: _Lane() for lane in lanes}

    @property
    def lanes(self) -> tuple[str, ...]:
        """The ids of the lanes that have a screen."""
        return tuple(self._lanes)

    def show(self, lane: str, notice: Notice | None) -> None:
        """Say this on the lane's screens in place of what they said; None: nothing. Raises KeyError for a
        lane that the site does not have."""
        with self._lock:
            place = self._lanes[lane]
            place.notice, place.version = notice, place.version + 1
            listeners = tuple(place.listeners)
        for listener in listeners:
            listener.wake()

    def now(self, lane: str) -> Notice | None:
        """What the lane's screens say; None when that is nothing, or has expired."""
        notice = self._lanes[lane].notice
        return notice if notice is not None and self._clock() < notice.until else None

    def left_s(self, notice: Notice) -> float:
        """Seconds for which a notice is still to be shown."""
        return max(0.0, notice.until - self._clock())

    async def changes(self, lane: str, beat_s: float) -> AsyncGenerator[Notice | None, None]:
        """What the screen says now, then again after each change, at an expiry, and every `beat_s` seconds
        so that a screen knows that the box lives. Raises TooManyScreens."""
        listener = _Listener(asyncio.get_running_loop(), asyncio.Event())
        place = self._lanes[lane]
        with self._lock:
            if len(place.listeners) >= MOST_SCREENS:
                raise TooManyScreens(lane)
            place.listeners.add(listener)
        try:
            while True:
                listener.changed.clear()  # before the look: a change after it wakes the wait below
                notice = self.now(lane)
                yield notice
                wait_s = beat_s if notice is None else min(beat_s, self.left_s(notice) + 0.01)
                try:
                    await asyncio.wait_for(listener.changed.wait(), wait_s)
                except TimeoutError:
                    continue
        finally:
            with self._lock:
                place.listeners.discard(listener)
