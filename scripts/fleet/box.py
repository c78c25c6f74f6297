"""One virtual box: its own connection, birth document, last will, sequence numbers, patience and back-off.

It does what `sync/publisher.py` does, with the product's own `Cursor` and `Unconfirmed`, but thousands of
boxes share a thread and nobody blocks: whoever owns it calls `ready` when its socket can be read or written,
and `tick` when `wake_at` has come.
"""

from __future__ import annotations

import time
from collections import deque
from datetime import datetime

from scripts.fleet import packets
from scripts.fleet.line import FOREVER, Line, Scene
from scripts.fleet.messages import EPOCH, minute_row, trigger_row
from sync.birth import birth
from sync.bodies import utc
from sync.cursor import Cursor
from sync.envelope import envelope, lifetime
from sync.mqtt import CONNECT_S, IDLE_S, MAX_UNCONFIRMED
from sync.mqtt_client import KEEPALIVE_S, NO_SUBSCRIBERS
from sync.outbox import STREAMS, Backlog, OutboxRow, Stream
from sync.payloads import Ack
from sync.status import BirthFacts
from sync.topics import BoxIdentity, parse
from sync.unconfirmed import Unconfirmed


class Box(Line):
    """Times are those of `time.monotonic`."""

    __slots__ = (
        "_cursors", "_data_from", "_first", "_highest", "_last", "_made", "_subscribed", "_triggers",
        "_unconfirmed", "has_backlog", "is_away", "minute_at", "wake_at",
    )  # fmt: skip

    def __init__(self, identity: BoxIdentity, source: str, scene: Scene, first_at: float) -> None:
        """See `Line`."""
        super().__init__(identity, source, scene, first_at)
        self._cursors = {stream: Cursor(scene.pacing, scene.rng) for stream in STREAMS}
        self._unconfirmed = Unconfirmed(identity)
        self._first: dict[Stream, int] = dict.fromkeys(STREAMS, 1)
        self._last: dict[Stream, int] = dict.fromkeys(STREAMS, 0)
        self._highest: dict[Stream, int] = dict.fromkeys(STREAMS, 0)
        self._made: dict[Stream, deque[float]] = {stream: deque() for stream in STREAMS}
        self._triggers: dict[int, tuple[OutboxRow, bool]] = {}
        self._subscribed = False
        self._data_from = 0.0
        self.minute_at = FOREVER
        self.wake_at = first_at
        self.has_backlog = self.is_away = False

    # -- what the crowd asks ---------------------------------------------------------------------------

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
        self._serve(events, now)
        self.tick(now)

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

    def _lost(self) -> None:
        self._subscribed = False
        self._unconfirmed.clear()

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
        topics = [self.identity.ack(stream) for stream in STREAMS]
        topics += [self.identity.doc("+"), self.identity.call("+")]
        self._put(packets.subscribe(self._next_number(now), topics), now)
        self._tell_state(now)

    def _tell_state(self, now: float) -> None:
        backlog = {stream: self._backlog(stream) for stream in STREAMS}
        facts = BirthFacts("0.1.0", "zh-CN", ("cam-1", "cam-2"), "default", "synced", 1.78e9)
        state = birth(self.identity, EPOCH, self._connected_at, facts, backlog=backlog, documents={})
        number = self._next_number(now)
        self._unconfirmed.add(number, "state")
        self._put(packets.publish(self.identity.state, state.text().encode(), number, retain=True), now)
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
        message = envelope(self.identity, row, sent_at)
        self._unconfirmed.add(number, stream)
        figures.sent += 1
        figures.sent_again += seq <= self._highest[stream]
        self._highest[stream] = max(self._highest[stream], seq)
        self._put(packets.publish(self.identity.up(stream), message, number, expires_in=lifetime(row)), now)
