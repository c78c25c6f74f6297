"""One virtual box: its own connection, birth document, last will, sequence numbers, patience and back-off.

It does what `sync/publisher.py` and `sync/mqtt.py` do, with the product's own `Cursor`, `Comeback`,
`Answers` and `Unconfirmed`, but thousands of boxes share a thread and nobody blocks: whoever owns it calls
`ready` when its socket can be read or written, and `tick` when `wake_at` has come.
"""

from __future__ import annotations

import errno
import select
import socket
import time
from collections import deque
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Final

from scripts.fleet import packets
from scripts.fleet.figures import Figures
from scripts.fleet.messages import EPOCH, minute_row, trigger_row
from sync.answers import Answers
from sync.backoff import Backoff
from sync.birth import birth, goodbye
from sync.bodies import utc
from sync.comeback import BACKOFF_S, Comeback
from sync.cursor import Cursor, Pacing
from sync.down.judging import MOST_BYTES
from sync.envelope import envelope, lifetime
from sync.mqtt import CONNECT_S, IDLE_S, MAX_UNCONFIRMED
from sync.mqtt_client import KEEPALIVE_S, NO_SUBSCRIBERS, confirmed_bytes
from sync.outbox import STREAMS, Backlog, OutboxRow, Stream
from sync.payloads import Ack
from sync.publisher import MAX_UNREAD
from sync.status import BirthFacts
from sync.topics import BoxIdentity, parse
from sync.trouble import Trouble
from sync.unconfirmed import Unconfirmed

FOREVER: Final = float("inf")
_NO_PORT_YET: Final = 24
"""IP_BIND_ADDRESS_NO_PORT: a port may serve several source addresses."""


@dataclass(slots=True)
class Scene:
    """What all boxes of a process share."""

    port: int
    epoll: select.epoll
    rng: Random
    pacing: Pacing
    minute_s: float
    figures: Figures
    making: bool = False
    away_from: float = FOREVER
    """When the outage began."""
    back_at: float = FOREVER
    """When all was there again."""


class Box:
    """Times are those of `time.monotonic`."""

    __slots__ = (
        "_again", "_answers", "_comeback", "_confirmed_bytes", "_connected_at", "_cursors",
        "_data_from", "_first",
        "_heard_at", "_highest", "_identity", "_last", "_made", "_number", "_opened_at", "_out",
        "_pinged_at", "_scene", "_second", "_sent_at", "_socket", "_source", "_stood", "_subscribed",
        "_triggers", "_unconfirmed", "_unread", "_up_at", "_writing",
        "has_backlog", "is_away", "minute_at", "wake_at",
    )  # fmt: skip

    def __init__(self, identity: BoxIdentity, source: str, scene: Scene, first_at: float) -> None:
        """`source` is the loopback address that it connects from, `first_at` when it first does."""
        self._identity, self._source, self._scene = identity, source, scene
        self._comeback = Comeback(Backoff(*BACKOFF_S, chance=scene.rng))
        self._answers = Answers()
        self._cursors = {stream: Cursor(scene.pacing, scene.rng) for stream in STREAMS}
        self._unconfirmed = Unconfirmed(identity)
        self._first: dict[Stream, int] = dict.fromkeys(STREAMS, 1)
        self._last: dict[Stream, int] = dict.fromkeys(STREAMS, 0)
        self._highest: dict[Stream, int] = dict.fromkeys(STREAMS, 0)
        self._made: dict[Stream, deque[float]] = {stream: deque() for stream in STREAMS}
        self._triggers: dict[int, tuple[OutboxRow, bool]] = {}
        self._socket: socket.socket | None = None
        self._up_at: float | None = None
        self._opened_at = self._sent_at = self._heard_at = self._data_from = 0.0
        self._confirmed_bytes = 0
        self._pinged_at: float | None = None
        self._stood = self._second = self._subscribed = self._writing = False
        self._out = self._unread = b""
        self._number = 0
        self._connected_at = utc(time.time())
        self._again = first_at
        self.minute_at = FOREVER
        self.wake_at = first_at
        self.has_backlog = self.is_away = False

    # -- what the crowd asks ---------------------------------------------------------------------------

    @property
    def identity(self) -> BoxIdentity:
        """Which box it is."""
        return self._identity

    @property
    def subscribed(self) -> bool:
        """Whether it is connected and may send."""
        return self._subscribed

    @property
    def waiting(self) -> int:
        """Messages that the centre has not acknowledged."""
        return sum(self._last[stream] - self._first[stream] + 1 for stream in STREAMS)

    @property
    def made(self) -> dict[Stream, int]:
        """How many messages it has made of each stream: the truth."""
        return dict(self._last)

    def fileno(self) -> int | None:
        """Of its socket."""
        return None if self._socket is None else self._socket.fileno()

    # -- what happens at the counter -------------------------------------------------------------------

    def pile_up(self, minutes: int, now: float) -> None:
        """So many minutes have passed, of which the centre knows nothing."""
        self._made["data"].extend([now] * minutes)
        self._last["data"] += minutes
        self.has_backlog = self.is_away = True

    def trigger(self, now: float) -> None:
        """A member has driven up."""
        seq = self._last["trigger"] = self._last["trigger"] + 1
        self._triggers[seq] = trigger_row(seq, time.time()), self._subscribed
        self._made["trigger"].append(now)
        self.tick(now)

    def _make(self, now: float) -> None:
        while self._scene.making and now >= self.minute_at:
            self._last["data"] += 1
            self._made["data"].append(self.minute_at)
            self.minute_at += self._scene.minute_s

    # -- a turn ----------------------------------------------------------------------------------------

    def tick(self, now: float) -> None:
        """Do what is due and set `wake_at`."""
        self._make(now)
        if self._socket is None:
            if now >= self._again:
                self._open(now)
        elif self._up_at is None:
            if now - self._opened_at > CONNECT_S and not self._hears(now):
                self._lose("no answer to the connection", now)
        else:
            self._look_for_life(now)
            self._send_rows(now)
        self._plan(now)

    def ready(self, events: int, now: float) -> None:
        """Its socket has something to say."""
        if not self._stood and self._socket is not None:
            self._greet(events, now)
        if self._socket is not None and events & select.EPOLLIN:
            self._read(now)
        if self._socket is not None and events & (select.EPOLLHUP | select.EPOLLERR):
            self._lose("lost", now)
        if self._socket is not None and self._writing and events & select.EPOLLOUT:
            self._flush(now)
        self.tick(now)

    def _hears(self, now: float) -> bool:
        """Whether something was there to be read: it is we who are late, with so many boxes in a thread."""
        if self._socket is None or not self._stood:
            return False
        heard_at = self._heard_at
        self._read(now)
        return self._socket is None or self._heard_at > heard_at

    def _plan(self, now: float) -> None:
        times = [self.minute_at if self._scene.making else FOREVER]
        if self._socket is None:
            times.append(self._again)
        elif self._up_at is None:
            times.append(self._opened_at + CONNECT_S + 0.01)
        else:
            asked_at, quiet_at = self._pinged_at, min(self._sent_at, self._heard_at)
            times.append(quiet_at + KEEPALIVE_S if asked_at is None else asked_at + IDLE_S - KEEPALIVE_S)
            left = self._answers.left(now)
            if left is not None:
                times.append(now + left)
            times += [now + wait for c in self._cursors.values() if (wait := c.wait(now)) is not None]
            if now < self._data_from:
                times.append(self._data_from)
            if not self._subscribed:
                times.append(self._up_at + self._scene.pacing.retry_s + 0.01)
        self.wake_at = min(times)

    def _look_for_life(self, now: float) -> None:
        """As `Link` does: an answer that is owed and does not come, or no sign at all. A box of which nobody
        took care for seconds asks first: with so many in a thread it may be we who are late."""
        if self._pinged_at is None and now - min(self._sent_at, self._heard_at) >= KEEPALIVE_S:
            self._pinged_at = now
            self._put(packets.PING, now)
        elif self._asked_in_vain(now) and not self._hears(now):
            self._lose("no sign of life", now)
        left = self._answers.left(now)
        if self._socket is None or left is None or left > 0 or self._hears(now):
            return
        confirmed = confirmed_bytes(self._socket)
        if confirmed > self._confirmed_bytes:
            self._confirmed_bytes = confirmed
            self._answers.sign(now)
        else:
            self._answers.give_up()
            self._lose("no answer and no sign of life", now)

    def _asked_in_vain(self, now: float) -> bool:
        return self._pinged_at is not None and now - self._pinged_at >= IDLE_S - KEEPALIVE_S

    # -- the connection --------------------------------------------------------------------------------

    def _open(self, now: float) -> None:
        self._socket = sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.IPPROTO_IP, _NO_PORT_YET, 1)
        sock.bind((self._source, 0))
        self._opened_at, self._stood, self._up_at = now, False, None
        self._out = self._unread = b""
        self._scene.epoll.register(sock, select.EPOLLIN | select.EPOLLOUT)
        self._writing = True
        outcome = sock.connect_ex(("127.0.0.1", self._scene.port))
        if outcome not in {0, errno.EINPROGRESS}:
            self._lose(f"cannot connect: {errno.errorcode.get(outcome, outcome)}", now)

    def _greet(self, events: int, now: float) -> None:
        """The TCP connection stands, or does not come about."""
        assert self._socket is not None
        outcome = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if outcome or events & (select.EPOLLHUP | select.EPOLLERR):
            self._lose(f"cannot connect: {errno.errorcode.get(outcome, outcome)}", now)
            return
        self._stood, self._opened_at = True, now
        self._connected_at = utc(time.time())
        will = goodbye(self._identity, EPOCH, self._connected_at).text().encode()
        self._put(
            packets.connect(
                self._identity.client_id,
                (self._identity.state, will),
                keepalive_s=KEEPALIVE_S,
                most_unread=MAX_UNREAD,
                most_bytes=MOST_BYTES + 1024,
            ),
            now,
        )

    def _lose(self, reason: str, now: float) -> None:
        """As `Link` does: after a TCP connection that came to nothing it tries 3.1.1 at once."""
        assert self._socket is not None
        self._socket.close()
        self._scene.figures.lost[reason] += 1
        was_up, stood = self._up_at, self._stood
        self._socket = self._up_at = self._pinged_at = None
        self._subscribed = False
        self._out = self._unread = b""
        self._unconfirmed.clear()
        if was_up is None and stood and not self._second:
            self._again, self._second = now, True
            return
        self._second = False
        held_s = None if was_up is None else now - was_up
        _, pause_s = self._comeback.after(Trouble("lost", reason), held_s, ended=False)
        self._again = now + pause_s

    def leave(self) -> None:
        """Close without a word: the run is over."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    # -- writing and reading ---------------------------------------------------------------------------

    def _put(self, data: bytes, now: float) -> None:
        if self._socket is None:
            return
        self._sent_at = now
        if self._out:
            self._out += data
            return
        try:
            taken = self._socket.send(data)
        except BlockingIOError:
            taken = 0
        except OSError:
            self._lose("lost", now)
            return
        self._out = data[taken:]
        self._watch(bool(self._out))

    def _flush(self, now: float) -> None:
        out, self._out = self._out, b""
        if out:
            self._put(out, now)
        else:
            self._watch(False)

    def _watch(self, writing: bool) -> None:
        if writing != self._writing and self._socket is not None:
            self._writing = writing
            self._scene.epoll.modify(self._socket, select.EPOLLIN | (select.EPOLLOUT if writing else 0))

    def _read(self, now: float) -> None:
        assert self._socket is not None
        try:
            data = self._socket.recv(1 << 16)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._lose("lost" if self._up_at is not None else "hung up on", now)
            return
        self._heard_at, self._pinged_at = now, None
        self._answers.sign(now)
        found, self._unread = packets.take(self._unread + data if self._unread else data)
        for packet in found:
            if self.fileno() is not None:  # the packet before it may have ended the connection
                self._meet(packet, now)

    def _meet(self, packet: packets.Packet, now: float) -> None:
        match packet.kind:
            case packets.CONNACK:
                self._accepted(packet, now)
            case packets.SUBACK:
                self._answers.answer(packets.numbered(packet.body)[0], now)
                self._subscribed = packets.subscribed(packet.body)
                self._scene.figures.refused += not self._subscribed
            case packets.PUBACK:
                self._answers.answer(packets.numbered(packet.body)[0], now)
                self._confirmed(*packets.numbered(packet.body))
            case packets.PUBLISH:
                self._arrived(packet, now)
            case packets.DISCONNECT:
                self._lose("ended by the broker", now)

    # -- the conversation, as the publisher leads it ---------------------------------------------------

    def _accepted(self, packet: packets.Packet, now: float) -> None:
        reason, most = packets.accepted(packet.body)
        if reason:
            self._lose(f"refused: {reason}", now)
            return
        scene = self._scene
        self._up_at = now
        self._data_from = now + scene.rng.uniform(0.0, scene.pacing.spread_s)
        self._answers.begin(now)
        self._confirmed_bytes = 0
        scene.figures.tick_connected()
        if self.is_away:
            self.is_away = False
            scene.figures.back_s.append(now - scene.back_at)
        self._unconfirmed.clear(min(most or MAX_UNCONFIRMED, MAX_UNCONFIRMED))
        for cursor in self._cursors.values():
            cursor.connect()
        topics = [self._identity.ack(stream) for stream in STREAMS]
        topics += [self._identity.doc("+"), self._identity.call("+")]
        self._put(packets.subscribe(self._next_number(now), topics), now)
        self._tell_state(now)

    def _next_number(self, now: float) -> int:
        """Of something that the broker must answer."""
        self._number = self._number % 65_535 + 1
        self._answers.ask(self._number, now)
        return self._number

    def _tell_state(self, now: float) -> None:
        backlog = {stream: self._backlog(stream) for stream in STREAMS}
        facts = BirthFacts("0.1.0", "zh-CN", ("cam-1", "cam-2"), "default", "synced", 1.78e9)
        state = birth(self._identity, EPOCH, self._connected_at, facts, backlog=backlog, documents={})
        number = self._next_number(now)
        self._unconfirmed.add(number, "state")
        self._put(packets.publish(self._identity.state, state.text().encode(), number, retain=True), now)
        for stream, cursor in self._cursors.items():
            if cursor.idle:
                cursor.announce(backlog[stream].first_seq)

    def _backlog(self, stream: Stream) -> Backlog:
        first, last = self._first[stream], self._last[stream]
        if first > last:
            return Backlog(0, None, None, None)
        return Backlog(last - first + 1, first, last, None)

    def _confirmed(self, number: int, reason: int) -> None:
        what = self._unconfirmed.pop(number)
        if what not in STREAMS:
            return
        if reason >= 0x80:
            self._scene.figures.refused += 1
            self._cursors[what].refuse()
        elif reason == NO_SUBSCRIBERS:
            self._scene.figures.unheard += 1

    def _arrived(self, packet: packets.Packet, now: float) -> None:
        name, number, payload = packets.published(packet)
        if number:
            self._put(packets.puback(number), now)
        topic = parse(name)
        if topic is None or topic.kind != "ack" or topic.stream is None:
            return
        ack = Ack.model_validate_json(payload)
        upto = self._cursors[topic.stream].acknowledge(ack.upto, now)
        if upto is not None:
            self._forget(topic.stream, upto, now)

    def _forget(self, stream: Stream, upto: int, now: float) -> None:
        figures = self._scene.figures
        for seq in range(self._first[stream], upto + 1):
            made_at = self._made[stream].popleft()
            connected = stream == "trigger" and self._triggers.pop(seq)[1]
            figures.acknowledged_in[int(now)] += 1
            self._note(stream, made_at, now, connected=connected)
        self._first[stream] = max(self._first[stream], upto + 1)
        oldest = self._made["data"][0] if self._made["data"] else FOREVER
        if self.has_backlog and oldest >= self._scene.back_at:
            self.has_backlog = False
            figures.drained_s.append(now - self._scene.back_at)

    def _note(self, stream: Stream, made_at: float, now: float, *, connected: bool) -> None:
        scene, figures, took = self._scene, self._scene.figures, now - made_at
        if made_at >= scene.back_at:
            if stream == "data":
                figures.live_s.append(took)
            else:
                (figures.trigger_s if connected else figures.trigger_away_s).append(took)
        elif now < scene.away_from and stream == "data":
            figures.steady_s.append(took)

    def _send_rows(self, now: float) -> None:
        if self._up_at is None or self._socket is None:
            return
        if not self._subscribed:
            if now - self._up_at > self._scene.pacing.retry_s:
                self._lose("the broker has stopped answering", now)
            return
        for stream in STREAMS:
            if not self._check(stream, now):
                return
            if stream == "trigger" or now >= self._data_from:
                self._fill(stream, now)

    def _check(self, stream: Stream, now: float) -> bool:
        cursor = self._cursors[stream]
        if not cursor.overdue(now):
            return True
        if self._unconfirmed.has(stream):
            self._lose("the broker has stopped answering", now)
            return False
        cursor.rewind()
        return True

    def _fill(self, stream: Stream, now: float) -> None:
        cursor = self._cursors[stream]
        room = min(cursor.room, self._unconfirmed.room(stream))
        seq = max(cursor.sent + 1, self._first[stream])
        if room <= 0 or seq > self._last[stream]:
            return
        sent_at = utc(time.time())
        for one in range(seq, min(seq + room, self._last[stream] + 1)):
            if not cursor.follows(one):
                if not cursor.idle:
                    return
                self._tell_state(now)
                if not cursor.follows(one):
                    return
            self._send(stream, one, sent_at, now)
            if self._socket is None:
                return
            cursor.send(one, now)

    def _send(self, stream: Stream, seq: int, sent_at: datetime, now: float) -> None:
        row = minute_row(seq) if stream == "data" else self._triggers[seq][0]
        number, figures = self._next_number(now), self._scene.figures
        message = envelope(self._identity, row, sent_at)
        self._unconfirmed.add(number, stream)
        figures.sent += 1
        figures.sent_again += seq <= self._highest[stream]
        self._highest[stream] = max(self._highest[stream], seq)
        self._put(packets.publish(self._identity.up(stream), message, number, expires_in=lifetime(row)), now)
