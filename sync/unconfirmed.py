"""What the broker was given and has not confirmed yet."""

from __future__ import annotations

import time
from typing import Final, Literal

from sync.mqtt import MAX_UNCONFIRMED
from sync.outbox import Stream
from sync.topics import BoxIdentity
from sync.window import Window

KEPT_FOR_TRIGGERS: Final = 4
"""Places that minutes and events may not take."""
AT_FIRST: Final = 16
FEWEST: Final = 6
"""On a line that takes a second for a message there is still something to wait for."""
QUEUE_S: Final = 0.1
"""Messages may wait in the line for so long: 6 minutes of 2 kB on a line of a megabit a second."""

Said = Literal["state", "reply"]
"""What else the box says, beside its streams."""


class Unconfirmed:
    """Messages under way to the broker, by token, and how many more it takes: no more than it allows, and
    no more than the line carries without a queue."""

    def __init__(self, box: BoxIdentity) -> None:
        self._box = box
        self._under_way: dict[int, tuple[Stream | Said, int, float]] = {}
        self._most = MAX_UNCONFIRMED
        self._given = self._paced = 0
        self._window = self._new_window()

    def _new_window(self) -> Window:
        first = min(AT_FIRST, self._most)
        return Window(first, self._most, small=FEWEST, smallest=FEWEST, queue_s=QUEUE_S)

    def clear(self, most: int | None = None) -> None:
        """The connection is gone, or a new one allows `most`."""
        self._under_way.clear()
        self._most = most or self._most
        self._paced = self._given
        self._window = self._new_window()

    def add(self, token: int, what: Stream | Said) -> None:
        """It was handed to the broker."""
        self._given += 1
        self._under_way[token] = what, self._given, time.monotonic()

    def pop(self, token: int) -> Stream | Said | None:
        """It was confirmed: what it was; None when it is none of ours."""
        found = self._under_way.pop(token, None)
        if found is None:
            return None
        what, number, given_at = found
        if number > self._paced:
            self._paced = self._given
            self._window.fit(time.monotonic() - given_at)
        return what

    def has(self, stream: Stream) -> bool:
        """Whether the broker still owes a confirmation for one of its rows."""
        return any(what == stream for what, _, _ in self._under_way.values())

    def room(self, stream: Stream) -> int:
        """How many rows of a stream may be added."""
        if stream == "trigger":
            return self._most - len(self._under_way)
        for_data = self._most - min(KEPT_FOR_TRIGGERS, self._most // 2)
        return min(for_data, self._window.size) - len(self._under_way)

    def topic(self, what: Stream | Said) -> str:
        """Where it went."""
        match what:
            case "state":
                return self._box.state
            case "reply":
                return self._box.reply("+")
            case stream:
                return self._box.up(stream)
