"""A parking system that publishes on a topic of an MQTT broker: a thread that listens while the box runs."""

from __future__ import annotations

import logging
import threading
from typing import Final

from edge.log import fields
from edge.parking.feed import CarFault, Feed
from edge.parking.feeds import FeedError
from edge.parking.http_feed import MOST_OTHERS
from sync.broker import Broker
from sync.errors import SyncError
from sync.happenings import Arrived, Down, Subscribed, Up
from sync.mqtt import Link

log = logging.getLogger("edge.parking.mqtt")

KEPT_S: Final = 60
"""The broker keeps what is published while we are away for so long; later it is no news."""


class MqttFeed:
    """`start` and `stop` once each. Raises nothing for a broker that is not there: it tries again."""

    def __init__(self, feed: Feed, broker: Broker, topic: str, client_id: str) -> None:
        self._feed, self._topic = feed, topic
        self._link = Link(broker, client_id, keep_session_s=KEPT_S)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"feed {feed.name}", daemon=True)

    @property
    def feed(self) -> Feed:
        """What it listens for."""
        return self._feed

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def stop(self, timeout: float = 5.0) -> None:
        """End."""
        self._stopping.set()
        self._link.wake()
        if self._thread.ident is not None:
            self._thread.join(timeout)

    def _run(self) -> None:
        while not self._stopping.is_set():
            for happened in self._link.poll(1.0):
                match happened:
                    case Up():
                        self._subscribe()
                    case Arrived():
                        self._take(happened)
                        self._link.confirm(happened.receipt)
                    case Subscribed(refused=refused) if refused:
                        self._warn(f"the broker does not let us hear the topic: {refused[0][1]}")
                    case Down(reason=reason):
                        self._warn(reason)
        self._link.close()

    def _subscribe(self) -> None:
        try:
            self._link.subscribe([self._topic])
        except SyncError as error:
            self._link.drop(str(error))

    def _take(self, message: Arrived) -> None:
        if len(message.payload) > MOST_OTHERS:
            self._feed.refuse(f"a message of more than {MOST_OTHERS} bytes")
        elif not self._feed.may_speak():
            self._feed.refuse("too many messages; at most 20 a second")
        else:
            try:
                self._feed.hear(message.payload)
            except (FeedError, CarFault):
                return  # counted and told by the feed; the next car comes anyway

    def _warn(self, reason: str) -> None:
        log.warning("%s", reason, extra=fields(feed=self._feed.name))
