"""A virtual box's connection, as `sync/mqtt.py` leads the real one's: with the product's own `Comeback` and
`Answers`, but never waiting, so that thousands share a thread."""

from __future__ import annotations

import errno
import select
import socket
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from random import Random
from typing import Final

from scripts.fleet import packets
from scripts.fleet.figures import Figures
from scripts.fleet.messages import EPOCH
from sync.answers import Answers
from sync.backoff import Backoff
from sync.birth import goodbye
from sync.bodies import utc
from sync.comeback import BACKOFF_S, Comeback
from sync.cursor import Pacing
from sync.down.judging import MOST_BYTES
from sync.mqtt import IDLE_S
from sync.mqtt_client import KEEPALIVE_S, confirmed_bytes
from sync.publisher import MAX_UNREAD
from sync.topics import BoxIdentity
from sync.trouble import Trouble

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


class Line(ABC):
    """One connection after the other. Times are those of `time.monotonic`."""

    __slots__ = (
        "_again", "_answers", "_comeback", "_confirmed_bytes", "_connected_at", "_heard_at", "_number",
        "_opened_at", "_out", "_pinged_at", "_scene", "_second", "_sent_at", "_socket", "_source", "_stood",
        "_unread", "_up_at", "_writing", "identity",
    )  # fmt: skip

    def __init__(self, identity: BoxIdentity, source: str, scene: Scene, first_at: float) -> None:
        """`source` is the loopback address that it connects from, `first_at` when it first does."""
        self.identity, self._source, self._scene = identity, source, scene
        self._comeback = Comeback(Backoff(*BACKOFF_S, chance=scene.rng))
        self._answers = Answers()
        self._socket: socket.socket | None = None
        self._up_at: float | None = None
        self._pinged_at: float | None = None
        self._opened_at = self._sent_at = self._heard_at = 0.0
        self._confirmed_bytes = self._number = 0
        self._stood = self._second = self._writing = False
        self._out = self._unread = b""
        self._connected_at = utc(time.time())
        self._again = first_at

    # -- what it is for --------------------------------------------------------------------------------

    @abstractmethod
    def _meet(self, packet: packets.Packet, now: float) -> None:
        """The broker has said something."""

    @abstractmethod
    def _lost(self) -> None:
        """The connection is gone."""

    def fileno(self) -> int | None:
        """Of its socket."""
        return None if self._socket is None else self._socket.fileno()

    # -- signs of life ---------------------------------------------------------------------------------

    def _hears(self, now: float) -> bool:
        """Whether something was there to be read: it is we who are late, with so many boxes in a thread."""
        if self._socket is None or not self._stood:
            return False
        heard_at = self._heard_at
        self._read(now)
        return self._socket is None or self._heard_at > heard_at

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
        will = goodbye(self.identity, EPOCH, self._connected_at).text().encode()
        self._put(
            packets.connect(
                self.identity.client_id,
                (self.identity.state, will),
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
        self._out = self._unread = b""
        self._lost()
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

    def _serve(self, events: int, now: float) -> None:
        """The socket can be read or written, or has ended."""
        if not self._stood and self._socket is not None:
            self._greet(events, now)
        if self._socket is not None and events & select.EPOLLIN:
            self._read(now)
        if self._socket is not None and events & (select.EPOLLHUP | select.EPOLLERR):
            self._lose("lost", now)
        if self._socket is not None and self._writing and events & select.EPOLLOUT:
            self._flush(now)

    def _next_number(self, now: float) -> int:
        """Of something that the broker must answer."""
        self._number = self._number % 65_535 + 1
        self._answers.ask(self._number, now)
        return self._number
