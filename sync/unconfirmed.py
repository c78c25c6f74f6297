"""What the broker was given and has not confirmed yet."""

from __future__ import annotations

from typing import Final, Literal

from sync.mqtt import MAX_UNCONFIRMED
from sync.outbox import Stream
from sync.topics import BoxIdentity

KEPT_FOR_TRIGGERS: Final = 4
"""Places that minutes and events may not take."""

Said = Literal["state", "reply"]
"""What else the box says, beside its streams."""


class Unconfirmed:
    """Messages under way to the broker, by token, and how many more it takes."""

    def __init__(self, box: BoxIdentity) -> None:
        self._box = box
        self._under_way: dict[int, Stream | Said] = {}
        self._most = MAX_UNCONFIRMED

    def clear(self, most: int | None = None) -> None:
        """The connection is gone, or a new one allows `most`."""
        self._under_way.clear()
        self._most = most or self._most

    def add(self, token: int, what: Stream | Said) -> None:
        """It was handed to the broker."""
        self._under_way[token] = what

    def pop(self, token: int) -> Stream | Said | None:
        """It was confirmed: what it was; None when it is none of ours."""
        return self._under_way.pop(token, None)

    def has(self, stream: Stream) -> bool:
        """Whether the broker still owes a confirmation for one of its rows."""
        return stream in self._under_way.values()

    def room(self, stream: Stream) -> int:
        """How many rows of a stream may be added."""
        free = self._most - len(self._under_way)
        return free if stream == "trigger" else free - min(KEPT_FOR_TRIGGERS, self._most // 2)

    def topic(self, what: Stream | Said) -> str:
        """Where it went."""
        match what:
            case "state":
                return self._box.state
            case "reply":
                return self._box.reply("+")
            case stream:
                return self._box.up(stream)
