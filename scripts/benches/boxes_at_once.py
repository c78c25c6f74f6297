"""Many boxes in one thread on one connection, as cheap as can be, so that what is measured is the centre.

MQTT 3.1.1 by hand: packets are made beforehand, and only acknowledgements are looked at.
"""

from __future__ import annotations

import json
import selectors
import socket
import struct
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from statistics import median
from typing import Final, Self

from sync.envelope import envelope
from sync.outbox import OutboxRow
from sync.payloads import MINUTE
from sync.topics import BoxIdentity

UNDER_WAY: Final = 4000
"""Messages sent and not yet acknowledged by the centre: 20 of each of 200 boxes, as a box does it."""
PATIENCE_S: Final = 60.0


class Boxes:
    """Every box sends every body, in order, the boxes taking turns."""

    def __init__(
        self, port: int, boxes: Sequence[BoxIdentity], bodies: Sequence[str], sent_at: datetime
    ) -> None:
        self._boxes = {str(box): box for box in boxes}
        self._upto = dict.fromkeys(self._boxes, 0)
        self._bodies = len(bodies)
        self._total = len(boxes) * len(bodies)
        self._packets = [
            _publish(box.up("data"), envelope(box, OutboxRow("data", "e1", seq, MINUTE, body, 0.0), sent_at))
            for seq, body in enumerate(bodies, 1)
            for box in boxes
        ]
        self._socket = socket.create_connection(("127.0.0.1", port), 5)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._unread = b""
        self._sent_at: list[float] = []
        self._took: list[float] = []
        self._order = list(self._boxes)

    def __enter__(self) -> Self:
        name = b"bench"
        self._socket.sendall(_packet(0x10, b"\0\4MQTT\4\2\0\0" + struct.pack("!H", len(name)) + name))
        topic = b"storeedge/1/+/+/+/down/ack/data"
        self._socket.sendall(_packet(0x82, b"\0\1" + struct.pack("!H", len(topic)) + topic + b"\0"))
        for box in self._boxes.values():
            state = {
                "schema": "storeedge/state/1", "box": box.box, "epoch": "e1", "online": True,
                "connected_at": "2026-03-01T10:00:00Z",
                "streams": {"data": {"first": 1, "last": self._bodies}},
            }  # fmt: skip
            self._socket.sendall(_publish(box.state, json.dumps(state).encode()))
        time.sleep(2)  # the hub has them, and its plans are made
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def send_all(self) -> dict[str, float]:
        """Until the centre has acknowledged all; seconds from sending to acknowledgement."""
        self._socket.setblocking(False)
        selector = selectors.DefaultSelector()
        selector.register(self._socket, selectors.EVENT_READ | selectors.EVENT_WRITE)
        waiting, sent, heard = memoryview(b""), 0, time.monotonic()
        while len(self._took) < self._total:
            room = UNDER_WAY - (sent - len(self._took))
            if not waiting and room >= 50 and sent < self._total:
                some = self._packets[sent : sent + min(room, 200)]
                waiting = memoryview(b"".join(some))
                sent += len(some)
                self._sent_at += [time.monotonic()] * len(some)
            wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if waiting else 0)
            selector.modify(self._socket, wanted)
            for _, ready in selector.select(1.0):
                if ready & selectors.EVENT_WRITE:
                    waiting = waiting[self._socket.send(waiting) :]
                if ready & selectors.EVENT_READ:
                    self._hear(self._socket.recv(1 << 18))
                    heard = time.monotonic()
            if time.monotonic() - heard > PATIENCE_S:
                raise TimeoutError(f"{len(self._took)} of {sent} acknowledged, then silence")
        selector.close()
        self._took.sort()
        return {"median": median(self._took), "p99": self._took[len(self._took) * 99 // 100]}

    def _hear(self, data: bytes) -> None:
        self._unread += data
        now = time.monotonic()
        for topic, payload in self._publications():
            box = "/".join(topic.decode().split("/")[2:5])
            upto = json.loads(payload)["upto"]
            place = self._order.index(box)
            for seq in range(self._upto[box] + 1, upto + 1):
                self._took.append(now - self._sent_at[(seq - 1) * len(self._order) + place])
            self._upto[box] = max(upto, self._upto[box])

    def _publications(self) -> Iterator[tuple[bytes, bytes]]:
        """What the centre says; the broker's own acknowledgements are skipped."""
        at, data = 0, self._unread
        while len(data) - at >= 2:
            length, shift, body = 0, 0, at + 1
            while body < len(data) and shift < 28:
                length |= (data[body] & 0x7F) << shift
                shift, body = shift + 7, body + 1
                if data[body - 1] < 0x80:
                    break
            if body + length > len(data):
                break
            if data[at] >> 4 == 3:
                (named,) = struct.unpack_from("!H", data, body)
                yield data[body + 2 : body + 2 + named], data[body + 2 + named : body + length]
            at = body + length
        self._unread = data[at:]


def _publish(topic: str, payload: bytes) -> bytes:
    """With QoS 1 and always the same number: we do not look at the broker's acknowledgement."""
    name = topic.encode()
    return _packet(0x32, struct.pack("!H", len(name)) + name + b"\0\1" + payload)


def _packet(kind: int, body: bytes) -> bytes:
    length, rest = b"", len(body)
    while True:
        rest, low = divmod(rest, 128)
        length += bytes([low | 0x80 if rest else low])
        if not rest:
            return bytes([kind]) + length + body
