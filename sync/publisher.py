"""The box's end of sync: sends the outbox's rows and deletes them when the centre has acknowledged.

One thread owns the connection and everything under way. A row leaves the outbox only by the centre's own
acknowledgement; what the broker says (PUBACK) only paces the sending and names a refusal.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable
from typing import Final

from pydantic import ValidationError

from sync.backoff import Backoff
from sync.birth import birth, goodbye, say_goodbye
from sync.bodies import utc
from sync.broker import Broker
from sync.clearing import Clearing
from sync.cursor import Cursor, Pacing
from sync.down.downlink import Downlink
from sync.down.judging import MOST_BYTES
from sync.down.queue import DownQueue
from sync.envelope import envelope, lifetime
from sync.errors import SyncError
from sync.happenings import Arrived, Confirmed, Down, Happening, Subscribed, Up, Will
from sync.mqtt import BACKOFF_S, Link
from sync.outbox import STREAMS, Outbox, OutboxRow, Stream
from sync.overtaking import Overtaking, expired
from sync.payloads import Ack
from sync.status import BirthFacts, Report, SyncStatus
from sync.topics import BoxIdentity, parse
from sync.unconfirmed import Unconfirmed

__all__ = ["BirthFacts", "Publisher", "SyncStatus", "envelope"]

log = logging.getLogger(__name__)

MAX_UNREAD: Final = 32
"""Messages that the broker may send ahead of our reading: 8 MiB of the largest documents."""


class Publisher:
    """Brings the outbox to the centre, from `start` to `stop`."""

    def __init__(
        self,
        outbox: Outbox,
        identity: BoxIdentity,
        connection: Broker,
        birth: Callable[[], BirthFacts],
        *,
        pacing: Pacing | None = None,
        backoff_s: tuple[float, float] = BACKOFF_S,
        downlink: Downlink | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`downlink` takes the centre's documents and calls; without one the box does not ask for any.
        clock: UTC seconds by which rows expire, steadier than the wall clock where there is such."""
        self._clock = clock
        self._outbox, self._box, self._birth = outbox, identity, birth
        self._down = DownQueue(downlink, clock)
        self._pacing = pacing or Pacing()
        self._link = Link(
            connection,
            identity.client_id,
            will=self._last_will,
            max_unread=MAX_UNREAD,
            most_bytes=MOST_BYTES + 1024,
            backoff=Backoff(*backoff_s),
        )
        self._epoch = ""
        self._cursors: dict[Stream, Cursor] = {}
        self._clearing, self._overtaking = Clearing(outbox), Overtaking(outbox)
        self._chance = random.Random()
        self._ready = False
        self._from: dict[Stream, float] = {}
        self._up_at = 0.0
        self._connected_at = utc(self._clock())
        self._max_packet: int | None = None
        self._unconfirmed = Unconfirmed(identity)
        self._report = Report()
        self._counted_at = float("-inf")
        self._announce_wanted = False
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sync", daemon=True)

    # -- for other threads -----------------------------------------------------------------------------

    def start(self) -> None:
        """Begin, in a thread of its own. Never raises for a broker that is not there."""
        self._thread.start()

    def stop(self, timeout: float = 5.0) -> None:
        """Say goodbye and end; returns within `timeout` seconds even if the broker hangs."""
        self._stopping.set()
        self._link.wake()
        if self._thread.ident is not None:
            self._thread.join(timeout)

    def nudge(self) -> None:
        """New rows wait: look now."""
        self._link.wake()

    def announce(self) -> None:
        """Publish the birth document again: its facts have changed."""
        self._announce_wanted = True
        self._link.wake()

    def status(self) -> SyncStatus:
        """The newest state, at most `look_s` old."""
        return self._report.status

    # -- the owner thread ------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._turn()
            except Exception as error:
                log.exception("sync: a turn failed")  # the thread must outlive a full disk or a bad row
                self._report.fault(f"{type(error).__name__}: {error}")
                self._link.drop("a turn failed")
                self._stopping.wait(1.0)
        self._leave()

    def _turn(self) -> None:
        for happening in self._link.poll(self._patience()):
            self._meet(happening)
        if self._stopping.is_set():
            return
        self._clear()
        now = time.monotonic()
        self._count(now)
        if self._down:
            self._take_down()
        if self._ready:
            self._send(now)
        elif self._link.up and now - self._up_at > self._pacing.retry_s:
            self._link.drop("the broker has stopped answering")

    def _send(self, now: float) -> None:
        """What the broker and the centre have room for."""
        if self._outbox.epoch != self._epoch:
            self._link.drop("the box's database was made anew")
            return
        if self._announce_wanted:
            self._tell_state()
        for stream in STREAMS:
            if not self._check(stream, now):
                return
            if now >= self._from[stream] and not self._fill(stream, now) and stream == "trigger":
                self._overtake()

    def _take_down(self) -> None:
        try:
            token, completed = self._down.step(self._link)
        except SyncError:
            return  # not connected any more
        self._announce_wanted |= completed
        if token is not None:
            self._unconfirmed.add(token, "reply")

    def _patience(self) -> float:
        """How long nothing needs to be done if nothing happens."""
        if self._down:
            return 0.0
        now = time.monotonic()
        waits = [cursor.wait(now) for cursor in self._cursors.values()]
        waits += [at - now for at in self._from.values() if at > now]
        waits.append(self._clearing.wait(now))
        return min([self._pacing.look_s, *(wait for wait in waits if wait is not None)])

    def _meet(self, happening: Happening) -> None:
        match happening:
            case Up():
                self._begin(happening)
            case Down(reason, kind):
                self._ready = False
                self._unconfirmed.clear()
                self._down.clear()
                self._report.fault(reason, kind)
                self._report.down()
            case Subscribed(refused=refused):
                for topic, reason in refused:
                    self._report.fault(f"the broker does not let us read {topic}: {reason}", "refused")
                if not refused:
                    self._report.well()
                self._ready = True
            case Confirmed():
                self._confirmed(happening)
            case Arrived():
                self._arrived(happening)

    def _begin(self, up: Up) -> None:
        """Connected: first the way for acknowledgements, then the birth document, then rows."""
        self._clear(at_once=True)
        self._max_packet = up.max_packet
        self._up_at = time.monotonic()
        spread_s = self._chance.uniform(0.0, self._pacing.spread_s)
        self._from = {"trigger": self._up_at, "data": self._up_at + spread_s}
        self._unconfirmed.clear(up.max_unconfirmed)
        if self._outbox.epoch != self._epoch:
            self._epoch = self._outbox.epoch
            self._cursors = {stream: Cursor(self._pacing, self._chance) for stream in STREAMS}
        self._overtaking.connect()
        for cursor in self._cursors.values():
            cursor.connect()
        self._link.subscribe([self._box.ack(stream) for stream in STREAMS] + self._down.topics)
        self._tell_state()
        self._report.up(up.protocol)

    def _confirmed(self, confirmed: Confirmed) -> None:
        what = self._unconfirmed.pop(confirmed.token)
        if what is None:
            return
        cursor = None if what == "state" or what == "reply" else self._cursors[what]  # noqa: PLR1714
        if confirmed.refusal is not None:
            words = f"the broker refuses {self._unconfirmed.topic(what)}: {confirmed.refusal}"
            self._report.fault(words, "refused")
            if cursor is not None:
                cursor.refuse()
        elif confirmed.unheard and cursor is not None:
            self._report.fault("the broker takes our messages, but no centre listens", "unheard")

    def _arrived(self, message: Arrived) -> None:
        topic = parse(message.topic)
        if topic is not None and topic.box == self._box and topic.kind in {"doc", "call"}:
            self._down.put(topic, message)
            return
        self._link.confirm(message.receipt)
        if topic is not None and topic.box == self._box and topic.kind == "ack" and topic.stream is not None:
            self._acknowledged(topic.stream, message)

    def _acknowledged(self, stream: Stream, message: Arrived) -> None:
        try:
            ack = Ack.model_validate_json(message.payload)
        except ValidationError:
            self._report.fault(f"an acknowledgement on {message.topic} cannot be read")
            return
        if ack.epoch != self._epoch:
            return  # meant for the box that we were before it was rebuilt
        upto = self._cursors[stream].acknowledge(ack.upto, time.monotonic())
        if upto is not None:
            self._clearing.note(stream, ack.epoch, upto)

    def _clear(self, *, at_once: bool = False) -> None:
        """Let go of what the centre holds."""
        deleted = self._clearing.clear(at_once=at_once)
        if deleted is None:
            return
        self._report.acknowledged(deleted)
        if all(cursor.idle for cursor in self._cursors.values()):
            self._counted_at = float("-inf")  # little is left: cheap to count, and somebody may wait for it

    # -- sending ---------------------------------------------------------------------------------------

    def _check(self, stream: Stream, now: float) -> bool:
        """No acknowledgement for too long: begin again from the oldest row, with a new birth document.
        False when the connection had to be given up."""
        cursor = self._cursors[stream]
        if not cursor.overdue(now):
            return True
        if self._unconfirmed.has(stream):
            self._link.drop("the broker has stopped answering")
            return False
        if self._report.status.last_error is None:
            words = f"no acknowledgement from the centre for the stream {stream}; sending again"
            self._report.fault(words, "silent")
        cursor.rewind()
        return True

    def _fill(self, stream: Stream, now: float) -> bool:
        """Send what there is room for, oldest first and without a gap that the centre could not explain.
        False when more waits than could be sent."""
        cursor = self._cursors[stream]
        room = min(cursor.room, self._unconfirmed.room(stream))
        if room <= 0:
            return False
        sent_at = self._clock()
        rows = self._outbox.pending(stream, cursor.sent, room)
        for row in rows:
            if not cursor.follows(row.seq):
                if not cursor.idle:
                    return False  # rows before it were given up by the box: first let all earlier ones arrive
                self._tell_state()
                if not cursor.follows(row.seq):
                    return False
            if expired(row, sent_at) and self._unconfirmed.room("data") <= 0:
                return False  # the last places are for live triggers
            if not self._give(row, sent_at):
                return False
            cursor.send(row.seq, now)
        return len(rows) < room

    def _overtake(self) -> None:
        """Send live triggers that would have to wait for expired ones."""
        cursor, now = self._cursors["trigger"], self._clock()
        if not cursor.refused:
            for row in self._overtaking.find(cursor.sent, now, self._unconfirmed.room("trigger")):
                self._give(row, now)

    def _give(self, row: OutboxRow, sent_at: float) -> bool:
        """Hand a row to the broker; False when it is too long for it. sent_at: UTC seconds."""
        message = envelope(self._box, row, utc(sent_at))
        if self._max_packet is not None and len(message) + 512 > self._max_packet:
            words = f"a message of {len(message)} bytes is more than the broker takes; raise its limit"
            self._report.fault(words, "refused")
            return False
        token = self._link.publish(self._box.up(row.stream), message, expires_in=lifetime(row, sent_at))
        self._unconfirmed.add(token, row.stream)
        return True

    def _tell_state(self) -> None:
        self._announce_wanted = False
        self._clear(at_once=True)  # what it announces must still wait
        backlog = {stream: self._outbox.backlog(stream) for stream in STREAMS}
        state = birth(
            self._box,
            self._epoch,
            self._connected_at,
            self._birth(),
            backlog=backlog,
            documents=self._down.held(),
        )
        token = self._link.publish(self._box.state, state.text(), retain=True)
        self._unconfirmed.add(token, "state")
        for stream, cursor in self._cursors.items():
            if cursor.idle:
                cursor.announce(backlog[stream].first_seq)

    def _offline(self) -> str:
        return goodbye(self._box, self._outbox.epoch, self._connected_at).text()

    def _last_will(self) -> Will:
        """Asked for each connection: its time tells a late will from that of the present connection."""
        self._connected_at = utc(self._clock())
        return Will(self._box.state, self._offline())

    def _leave(self) -> None:
        try:
            self._clear(at_once=True)
            if self._link.up:
                say_goodbye(self._link, self._box.state, self._offline(), self._pacing.goodbye_s)
        except Exception:
            log.exception("sync: no goodbye")
        finally:
            self._link.close()
            self._report.down()

    def _count(self, now: float) -> None:
        if now - self._counted_at >= self._pacing.look_s:
            self._counted_at = now
            self._down.idle()
            backlog = {stream: self._outbox.backlog(stream) for stream in STREAMS}
            self._report.counted(backlog)
