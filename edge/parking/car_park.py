"""The car park's part of the main process, put together: read it as a parts list."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge.broker import broker_of
from edge.clock import SteadyClock, boot_id
from edge.config.coupons import pushed_rules
from edge.config.parking import FeedConfig
from edge.config.secrets import fill_secrets
from edge.config.site import SiteConfig
from edge.config.sync import SyncConfig
from edge.coupon_line import CouponLine
from edge.errors import ConfigError, EdgeError, StoreError
from edge.lane_screen.board import Board
from edge.log import fields
from edge.parking.fault import log_fault
from edge.parking.feed import Feed, FeedState
from edge.parking.gatehouse import Gatehouse
from edge.parking.http_feed import Post
from edge.parking.keys import FILE, KeyFile
from edge.parking.local_time import local_time
from edge.parking.mqtt_feed import MqttFeed
from edge.parking.watch import FEED_SILENT, NAMES, PARKING_UNREACHED, FeedWatch, HookWatch
from edge.parking.webhook import SHAPES, Webhook
from edge.store.parking import Boot, ParkingBooks, Told
from edge.store.store import Store
from pipelines.coupon_rules import Rule
from pipelines.coupons import LEDGER_DAYS, Coupons, Ledger
from pipelines.layout import LaneDirection
from pipelines.parking import Sessions
from pipelines.parking_cars import AGAIN_S
from pipelines.patrol import Alarm
from pipelines.plate_records import PlateRead
from pipelines.records import Event
from sync.broker import Broker
from sync.coupon_payloads import CouponsDocument
from sync.down.documents import Documents
from sync.errors import SyncError
from sync.topics import BoxIdentity

log = logging.getLogger("edge.parking")

TIDY_S: Final = 600.0
COUPONS: Final = "coupons"
"""Name of the centre's document of rules."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the car park needs of the rest of the box."""

    store: Store
    data: Path
    """Folder of the box's data."""
    board: Board
    line: CouponLine
    """The box's own keys, and what the centre has sent."""
    clock: SteadyClock
    committed: Callable[[], None] = lambda: None
    """Called when a new message is in the outbox."""
    time_known: bool = True
    """Whether the time of day is known; no coupon is given while it is not."""


class CarPark:
    """Everything about lanes, feeds and coupons. `start` and `stop` once each; the rest from any thread."""

    def __init__(self, config: SiteConfig, around: Surroundings) -> None:
        """Go on where the last run stopped. Raises ConfigError, StoreError or SyncError."""
        self._around = around
        self._clock = around.clock.now
        self._keyfile = KeyFile(around.data / FILE, self._clock())
        self._tidied_at = self._clock()
        books = ParkingBooks(around.store, Boot(boot_id(), around.clock.offset))
        books.give_up_telling()
        self._lanes = config.lanes
        self._site_rules = [rule.rule() for rule in config.coupons]
        self.webhook = _webhook(config, books, self._clock)
        self.desk = self._desk(config, books)
        feeds = [_feed(one, config, self.desk, self._clock) for one in config.parking.feeds]
        self.posts: Mapping[str, Post] = {
            one.id: Post(feed, one.opened_secret())
            for one, feed in zip(config.parking.feeds, feeds, strict=True)
            if one.topic is None
        }
        """The feeds that push by HTTP, for `http_feed.parking_feeds`."""
        self._listeners = [
            _listener(one, feed, config.sync, around.line.box)
            for one, feed in zip(config.parking.feeds, feeds, strict=True)
            if one.topic is not None
        ]
        self._feeds = feeds
        before = around.store.events_under_way(NAMES)
        hours, now = config.site.store_hours.span, self._clock()
        self._feed_watches = [(feed, FeedWatch(feed.name, now, hours, before)) for feed in feeds]
        self._hook_watch = HookWatch(before)
        watched: set[tuple[str, str | None]] = {(FEED_SILENT, feed.name) for feed in feeds}
        if self.webhook is not None:
            watched.add((PARKING_UNREACHED, None))
        self._gone = [Alarm(e.name, None, e.scope, e) for e in before if (e.name, e.scope) not in watched]
        self.document(COUPONS)

    def _desk(self, config: SiteConfig, books: ParkingBooks) -> Gatehouse:
        around, now = self._around, self._clock()
        sessions = Sessions(
            self._keyfile.keys,
            max_stay_s=3600 * config.parking.max_stay,
            restored=books.sessions(now - AGAIN_S, now),
            now=now,
        )
        ledger = Ledger(books.decisions(now - LEDGER_DAYS * 86_400))
        coupons = Coupons(str(around.line.box), self._site_rules, local_time(config.site.zone), ledger)

        return Gatehouse(
            lanes=config.lane_directions,
            sessions=sessions,
            coupons=coupons,
            books=books,
            clock=self._clock,
            sign=around.line.sign,
            committed=around.committed,
            members=around.line.members,
            board=around.board,
            teller=self.webhook,
            time_known=around.time_known,
        )

    @property
    def feeds(self) -> Mapping[str, FeedState]:
        """How each feed is doing."""
        return {feed.name: feed.state for feed in self._feeds}

    def lanes_of(self, direction: LaneDirection) -> list[str]:
        """The lanes in or out."""
        return [lane.id for lane in self._lanes if lane.direction == direction]

    def hears(self, direction: LaneDirection) -> bool:
        """Whether anybody tells of cars in this direction: a lane with a camera, or one that has none and a
        feed that has spoken since the start."""
        heard = any(feed.state.heard for feed in self._feeds)
        return any(lane.direction == direction and (lane.camera or heard) for lane in self._lanes)

    @property
    def database(self) -> Path:
        """Where the books are."""
        return self._around.store.path

    def now(self) -> float:
        """Steady UTC seconds."""
        return self._clock()

    def start(self) -> None:
        """Begin to listen and to tell."""
        if self.webhook is not None:
            self.webhook.start()
        for listener in self._listeners:
            listener.start()

    def read(self, read: PlateRead) -> None:
        """A lane's camera has read a plate, or could not. Never raises: counting goes on whatever happens."""
        try:
            self.desk.read(read)
        except Exception as error:  # noqa: BLE001
            log_fault(error)

    def tick(self) -> None:
        """Let time pass; call it a few times a second. Never raises."""
        try:
            self.desk.tick()
        except Exception as error:  # noqa: BLE001
            log_fault(error)
        now = self._clock()
        if now - self._tidied_at >= TIDY_S:
            self._tidied_at = now
            self.document(COUPONS)  # the centre's rules may have expired
            try:
                if self._keyfile.turn(now):
                    self.desk.set_keys(self._keyfile.keys)
            except StoreError as error:
                log.error("%s", error)

    def happened(self) -> list[Event]:
        """What has begun or ended with the parking system; call it about once a second."""
        now, hook = self._clock(), self.webhook
        events = [
            event for feed, watch in self._feed_watches for event in watch.look(now, feed.state.last_at)
        ]
        if hook is not None:
            events += self._hook_watch.look(hook.failing, hook.answered_at)
        while self._gone:  # of a feed that the site file names no more
            events += self._gone.pop().end(now, "gone")
        for event in events:
            log.warning("%s %s", event.name, "begins" if event.t_end is None else "is over",
                        extra=fields(feed=event.scope or ""))  # fmt: skip
        return events

    def stop(self) -> None:
        """Stop listening first, so that all that was heard is kept."""
        for listener in self._listeners:
            listener.stop()
        if self.webhook is not None:
            self.webhook.stop()
        self.desk.close()

    def document(self, name: str) -> None:
        """The centre's document of that name is in use from now on (a `Downlink`'s `on_document`)."""
        if name == COUPONS:
            self.desk.set_rules(self._rules(self._around.line.documents))

    def _rules(self, documents: Documents) -> list[Rule]:
        """The centre's rules while they are valid, else the site file's."""
        try:
            held = documents.held().get(COUPONS)
            if held is not None and held.expires_at > self._clock():
                bodies = [json.loads(text) for text in documents.bodies(COUPONS)]
                return pushed_rules([rule for body in bodies for rule in body["rules"]])
        except (EdgeError, SyncError, ValueError, KeyError) as error:
            log.error("the centre's coupon rules cannot be used: %s", error)
        return self._site_rules


def check_rules(document: CouponsDocument) -> None:
    """A `Downlink`'s check of the centre's rules. Raises ConfigError."""
    pushed_rules(document.rules)


def _feed(one: FeedConfig, config: SiteConfig, desk: Gatehouse, clock: Callable[[], float]) -> Feed:
    return Feed(
        one.id,
        one.shape,
        "http" if one.topic is None else "mqtt",
        desk,
        lanes=one.lanes,
        directions=config.lane_directions,
        clock=clock,
        zone=config.site.zone,
        only_lane=one.lane,
    )


def _listener(one: FeedConfig, feed: Feed, sync: SyncConfig | None, identity: BoxIdentity) -> MqttFeed:
    about = f"feed {one.id}"
    if one.broker is not None:
        broker = Broker.parse(fill_secrets(one.broker, about))
    elif sync is not None:
        broker = broker_of(sync)
    else:
        raise ConfigError(f"{about}: on which broker? Add broker: mqtt://127.0.0.1:1883")
    return MqttFeed(feed, broker, one.topic or "", f"{identity.client_id}:feed:{one.id}")


def _webhook(config: SiteConfig, books: ParkingBooks, clock: Callable[[], float]) -> Webhook | None:
    hook = config.parking.webhook
    if hook is None:
        return None

    def told(key: str, how: Told) -> None:
        books.tell(key, how)

    return Webhook(
        fill_secrets(hook.url, "webhook"),
        clock=clock,
        told=told,
        body=SHAPES[hook.shape],
        secret=None if hook.secret is None else fill_secrets(hook.secret, "webhook"),
        timeout_s=hook.timeout,
    )
