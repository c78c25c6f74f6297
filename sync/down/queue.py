"""Messages that came down and wait for their turn."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from sync.down.downlink import Downlink
from sync.happenings import Arrived
from sync.mqtt import Link
from sync.topics import Topic


class DownQueue:
    """One message is done with at a time, so that a large document holds up no coupon; the broker forgets it
    only then. Calls go before documents."""

    def __init__(self, downlink: Downlink | None, clock: Callable[[], float] = time.time) -> None:
        """clock: UTC seconds by which documents expire."""
        self._downlink, self._clock = downlink, clock
        self._documents: deque[tuple[Topic, Arrived]] = deque()
        self._calls: deque[tuple[Topic, Arrived]] = deque()

    def __len__(self) -> int:
        return len(self._documents) + len(self._calls)

    @property
    def topics(self) -> list[str]:
        """What to subscribe to."""
        return [] if self._downlink is None else self._downlink.topics

    def held(self) -> dict[str, int]:
        """Version of each document in use."""
        return {} if self._downlink is None else self._downlink.held()

    def put(self, topic: Topic, message: Arrived) -> None:
        """It has arrived."""
        (self._calls if topic.kind == "call" else self._documents).append((topic, message))

    def clear(self) -> None:
        """The connection is gone: the broker will send all of them again."""
        self._documents.clear()
        self._calls.clear()

    def step(self, link: Link) -> tuple[int | None, bool]:
        """Do one: the token of its reply under way, and whether a document came into use.

        Raises SyncError when the connection is gone; the message is not confirmed then."""
        waiting = self._calls or self._documents
        if self._downlink is None or not waiting:
            return None, False
        topic, message = waiting.popleft()
        taken = self._downlink.take(topic, message.payload, self._clock())
        token = None
        if taken.reply is not None and topic.name is not None:
            token = link.publish(topic.box.reply(topic.name), taken.reply)
        link.confirm(message.receipt)
        return token, taken.completed is not None

    def idle(self) -> None:
        """About once a second: put the store in order, a little."""
        if self._downlink is not None and not self:
            self._downlink.idle(self._clock())
