"""One feed of a parking system or camera, however its messages come: understood, counted, handed on."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import tzinfo
from typing import Final

from edge.log import fields
from edge.parking.fault import log_fault
from edge.parking.feeds import SHAPES, FeedError, Hearing
from edge.parking.gatehouse import Gatehouse, Outcome
from pipelines.layout import LaneDirection
from pipelines.parking_records import Source

log = logging.getLogger("edge.parking.feed")

A_SECOND: Final = 20.0
BURST: Final = 60.0
"""Messages: parking systems send fewer than ten a second (research: retail §3), and more after an outage."""


class CarFault(Exception):  # noqa: N818 - it is ours, not the feed's
    """Something went wrong on the box; the feed may say it again."""


@dataclass(frozen=True, slots=True)
class FeedState:
    """How a feed is doing."""

    heard: int = 0
    """Messages that were understood since the start."""
    refused: int = 0
    last_at: float | None = None
    """Steady UTC seconds of the last one that was understood."""
    fault: str | None = None
    """Why the last one was refused; None: it was not."""


class Feed:
    """Safe from any thread."""

    def __init__(
        self,
        name: str,
        shape: str,
        source: Source,
        desk: Gatehouse,
        *,
        lanes: Mapping[str, str],
        directions: Mapping[str, LaneDirection],
        clock: Callable[[], float],
        zone: tzinfo,
        only_lane: str | None = None,
    ) -> None:
        """lanes: its names of the lanes, and ours; empty: the same. clock: steady UTC seconds."""
        self.name, self.shape = name, shape
        self._events, self._desk, self._clock = SHAPES[shape], desk, clock
        self._hearing = Hearing(
            name, source, lanes or {lane: lane for lane in directions}, directions, 0.0, 0.0, zone, only_lane
        )
        self._lock = threading.Lock()
        self._state = FeedState()
        self._credit, self._credit_at = BURST, time.monotonic()

    @property
    def state(self) -> FeedState:
        """How it is doing."""
        return self._state

    def may_speak(self) -> bool:
        """Whether one more message is within the rate that we take."""
        with self._lock:
            now = time.monotonic()
            self._credit = min(BURST, self._credit + (now - self._credit_at) * A_SECOND)
            self._credit_at = now
            if self._credit < 1:
                return False
            self._credit -= 1
            return True

    def hear(self, body: bytes, content_type: str = "") -> Sequence[Outcome]:
        """One message: what each of its events came to. Raises FeedError for one that is not understood, and
        CarFault for a fault of ours."""
        now = self._clock()
        hearing = replace(self._hearing, now=now, wall=time.time())
        try:
            events = self._events(body, content_type, hearing)
        except FeedError as error:
            self.refuse(str(error))
            raise
        with self._lock:
            self._state = replace(self._state, heard=self._state.heard + 1, last_at=now, fault=None)
        try:
            return [self._desk.take(event) for event in events]
        except Exception as error:  # noqa: BLE001 - its words may hold the plate
            log_fault(error)
            raise CarFault("the box cannot deal with this car; its log says where") from None

    def refuse(self, reason: str) -> None:
        """Count a message that is not taken; told in the log when the reason is a new one."""
        with self._lock:
            fresh = reason != self._state.fault
            self._state = replace(self._state, refused=self._state.refused + 1, fault=reason)
        if fresh:
            log.warning("a parking feed's message is refused: %s", reason, extra=fields(feed=self.name))
