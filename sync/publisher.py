"""The box's end of sync: sends the outbox's rows and deletes them when the centre has acknowledged.

One thread owns the connection and everything under way. A row leaves the outbox only by the centre's own
acknowledgement; what the broker says (PUBACK) only paces the sending and names a refusal.
"""

from __future__ import annotations

import json
import logging
import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from pydantic import ValidationError

from sync.backoff import Backoff
from sync.bodies import utc
from sync.cursor import Cursor, Pacing
from sync.mqtt import (
    BACKOFF_S,
    MAX_UNCONFIRMED,
    Arrived,
    Broker,
    Confirmed,
    Down,
    Happening,
    Link,
    ProtocolName,
    Subscribed,
    Up,
    Will,
)
from sync.outbox import STREAMS, Backlog, Outbox, OutboxRow, Stream
from sync.payloads import STATE, Ack, State, StreamRange, rfc3339
from sync.topics import BoxIdentity, parse

log = logging.getLogger(__name__)

KEPT_FOR_TRIGGERS: Final = 4
"""Places among the unconfirmed that minutes and events may not take."""


@dataclass(frozen=True, slots=True)
class BirthFacts:
    """What the box tells the centre about itself whenever it connects."""

    version: str
    language: str
    cameras: tuple[str, ...]
    model: str
    clock: str
    """Such as `synced` or `unsynced`."""
    started_at: float
    """UTC seconds."""


@dataclass(frozen=True, slots=True)
class SyncStatus:
    """For the page, the metrics and `doctor`. Times are UTC seconds."""

    connected: bool = False
    protocol: ProtocolName | None = None
    last_ack_at: float | None = None
    last_error: str | None = None
    """What hinders the sending; None again as soon as the centre acknowledges."""
    acknowledged: int = 0
    """Rows that the centre acknowledged since the start."""
    backlog: Mapping[Stream, Backlog] = field(default_factory=dict)

    def oldest_age_s(self, stream: Stream, now: float) -> float | None:
        """For how long the oldest row of a stream has waited; None when none waits."""
        waiting = self.backlog.get(stream)
        return None if waiting is None or waiting.oldest_at is None else max(0.0, now - waiting.oldest_at)


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
    ) -> None:
        self._outbox, self._box, self._birth = outbox, identity, birth
        self._pacing = pacing or Pacing()
        self._link = Link(connection, identity.client_id, will=self._last_will, backoff=Backoff(*backoff_s))
        self._epoch = ""
        self._cursors: dict[Stream, Cursor] = {}
        self._ready = False
        self._up_at = 0.0
        self._connected_at = utc(time.time())
        self._max_unconfirmed = MAX_UNCONFIRMED
        self._max_packet: int | None = None
        self._unconfirmed: dict[int, Stream | None] = {}
        self._status = SyncStatus()
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
        return self._status

    # -- the owner thread ------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._turn()
            except Exception as error:
                log.exception("sync: a turn failed")  # the thread must outlive a full disk or a bad row
                self._fault(f"{type(error).__name__}: {error}")
                self._link.drop("a turn failed")
                self._stopping.wait(1.0)
        self._leave()

    def _turn(self) -> None:
        for happening in self._link.poll(self._patience()):
            self._meet(happening)
        if self._stopping.is_set():
            return
        now = time.monotonic()
        self._count(now)
        if not self._ready:
            if self._link.up and now - self._up_at > self._pacing.retry_s:
                self._link.drop("the broker has stopped answering")
            return
        if self._outbox.epoch != self._epoch:
            self._link.drop("the box's database was made anew")
            return
        if self._announce_wanted:
            self._tell_state()
        for stream in STREAMS:
            if not self._check(stream, now):
                return
            self._fill(stream, now)

    def _patience(self) -> float:
        """How long nothing needs to be done if nothing happens."""
        now = time.monotonic()
        waits = [wait for cursor in self._cursors.values() if (wait := cursor.wait(now)) is not None]
        return min([self._pacing.look_s, *waits])

    def _meet(self, happening: Happening) -> None:
        match happening:
            case Up():
                self._begin(happening)
            case Down(reason):
                self._ready = False
                self._unconfirmed.clear()
                self._fault(reason)
                self._status = replace(self._status, connected=False, protocol=None)
            case Subscribed(refused=refused):
                for topic, reason in refused:
                    self._fault(f"the broker does not let us read {topic}: {reason}")
                if not refused:
                    self._status = replace(self._status, last_error=None)
                self._ready = True
            case Confirmed():
                self._confirmed(happening)
            case Arrived():
                self._link.confirm(happening.receipt)
                self._acknowledged(happening)

    def _begin(self, up: Up) -> None:
        """Connected: first the way for acknowledgements, then the birth document, then rows."""
        self._max_unconfirmed, self._max_packet = up.max_unconfirmed, up.max_packet
        self._up_at = time.monotonic()
        self._unconfirmed.clear()
        if self._outbox.epoch != self._epoch:
            self._epoch = self._outbox.epoch
            self._cursors = {stream: Cursor(self._pacing, random.Random()) for stream in STREAMS}
        for cursor in self._cursors.values():
            cursor.connect()
        self._link.subscribe([self._box.ack(stream) for stream in STREAMS])
        self._tell_state()
        self._status = replace(self._status, connected=True, protocol=up.protocol)

    def _confirmed(self, confirmed: Confirmed) -> None:
        if confirmed.token not in self._unconfirmed:
            return
        stream = self._unconfirmed.pop(confirmed.token)
        if confirmed.refusal is None:
            if confirmed.unheard and stream is not None:
                self._fault("the broker takes our messages, but no centre listens")
            return
        topic = self._box.state if stream is None else self._box.up(stream)
        self._fault(f"the broker refuses {topic}: {confirmed.refusal}")
        if stream is not None:
            self._cursors[stream].refuse()

    def _acknowledged(self, message: Arrived) -> None:
        topic = parse(message.topic)
        if topic is None or topic.kind != "ack" or topic.box != self._box or topic.stream is None:
            return
        try:
            ack = Ack.model_validate_json(message.payload)
        except ValidationError:
            self._fault(f"an acknowledgement on {message.topic} cannot be read")
            return
        if ack.epoch != self._epoch:
            return  # meant for the box that we were before it was rebuilt
        upto = self._cursors[topic.stream].acknowledge(ack.upto, time.monotonic())
        if upto is None:
            return
        deleted = self._outbox.acknowledge(topic.stream, ack.epoch, upto)
        self._status = replace(
            self._status,
            last_ack_at=time.time(),
            last_error=None,
            acknowledged=self._status.acknowledged + deleted,
        )
        self._counted_at = float("-inf")

    # -- sending ---------------------------------------------------------------------------------------

    def _check(self, stream: Stream, now: float) -> bool:
        """No acknowledgement for too long: begin again from the oldest row, with a new birth document.
        False when the connection had to be given up."""
        cursor = self._cursors[stream]
        if not cursor.overdue(now):
            return True
        if stream in self._unconfirmed.values():
            self._link.drop("the broker has stopped answering")
            return False
        if self._status.last_error is None:
            self._fault(f"no acknowledgement from the centre for the stream {stream}; sending again")
        cursor.rewind()
        return True

    def _fill(self, stream: Stream, now: float) -> None:
        """Send what there is room for, oldest first and without a gap that the centre could not explain."""
        cursor = self._cursors[stream]
        free = self._max_unconfirmed - len(self._unconfirmed)
        if stream != "trigger":
            free -= min(KEPT_FOR_TRIGGERS, self._max_unconfirmed // 2)
        room = min(cursor.room, free)
        if room <= 0:
            return
        for row in self._outbox.pending(stream, cursor.sent, room):
            if not cursor.follows(row.seq):
                if not cursor.idle:
                    return  # rows before it were given up by the box: first let all earlier ones arrive
                self._tell_state()
                if not cursor.follows(row.seq):
                    return
            message = envelope(self._box, row, utc(time.time()))
            if self._max_packet is not None and len(message) + 512 > self._max_packet:
                self._fault(
                    f"a message of {len(message)} bytes is more than the broker takes; raise its limit"
                )
                return
            token = self._link.publish(self._box.up(stream), message, expires_in=_lifetime(row))
            self._unconfirmed[token] = stream
            cursor.send(row.seq, now)

    def _tell_state(self) -> None:
        self._announce_wanted = False
        backlog = {stream: self._outbox.backlog(stream) for stream in STREAMS}
        facts = self._birth()
        state = State(
            schema=STATE,
            box=self._box.box,
            epoch=self._epoch,
            online=True,
            connected_at=self._connected_at,
            version=facts.version,
            language=facts.language,
            cameras=facts.cameras,
            model=facts.model,
            clock=facts.clock,
            started_at=utc(facts.started_at),
            streams={s: StreamRange(first=b.first_seq, last=b.last_seq) for s, b in backlog.items()},
        )
        token = self._link.publish(self._box.state, state.text(), retain=True)
        self._unconfirmed[token] = None
        for stream, cursor in self._cursors.items():
            if cursor.idle:
                cursor.announce(backlog[stream].first_seq)

    def _offline(self) -> str:
        return State(
            schema=STATE,
            box=self._box.box,
            epoch=self._outbox.epoch,
            online=False,
            connected_at=self._connected_at,
        ).text()

    def _last_will(self) -> Will:
        """Asked for each connection: its time tells a late will from that of the present connection."""
        self._connected_at = utc(time.time())
        return Will(self._box.state, self._offline())

    def _leave(self) -> None:
        """Publish the goodbye, wait until the broker has it, and close."""
        try:
            if self._link.up:
                token = self._link.publish(self._box.state, self._offline(), retain=True)
                until = time.monotonic() + self._pacing.goodbye_s
                while self._link.up and (left := until - time.monotonic()) > 0:
                    happened = self._link.poll(left)
                    if any(isinstance(h, Confirmed) and h.token == token for h in happened):
                        break
        except Exception:
            log.exception("sync: no goodbye")
        finally:
            self._link.close()
            self._status = replace(self._status, connected=False, protocol=None)

    # -- status ----------------------------------------------------------------------------------------

    def _fault(self, text: str) -> None:
        if text != self._status.last_error:
            log.warning("sync: %s", text)
            self._status = replace(self._status, last_error=text)

    def _count(self, now: float) -> None:
        if now - self._counted_at >= self._pacing.look_s:
            self._counted_at = now
            backlog = {stream: self._outbox.backlog(stream) for stream in STREAMS}
            self._status = replace(self._status, backlog=backlog)


def envelope(box: BoxIdentity, row: OutboxRow, sent_at: datetime) -> bytes:
    """A row's message. A body that is no JSON object goes as null: the centre sets it aside and
    acknowledges, so that one damaged row does not hold up all that follow."""
    try:
        whole = isinstance(json.loads(row.body), dict)
    except (ValueError, RecursionError):
        whole = False
    head = json.dumps(
        {
            "schema": row.schema,
            "box": box.box,
            "epoch": row.epoch,
            "stream": row.stream,
            "seq": row.seq,
            "sent_at": rfc3339(sent_at),
        },
        separators=(",", ":"),
    )
    return f'{head[:-1]},"body":{row.body if whole else "null"}}}'.encode()


def _lifetime(row: OutboxRow) -> int | None:
    """Seconds after which a broker may forget a trigger; it is sent anew until the centre has it, for the
    books, but nobody else shall get it late."""
    return None if row.expires_at is None else max(1, int(row.expires_at - time.time()))
