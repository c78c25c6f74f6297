"""The packets of MQTT 5 that a box sends and gets, by hand: a client library takes 30 times the memory.

Source: OASIS MQTT 5.0, sections 2 and 3.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

CONNACK: Final = 2
PUBLISH: Final = 3
PUBACK: Final = 4
SUBACK: Final = 9
DISCONNECT: Final = 14

PING: Final = b"\xc0\0"
_JSON: Final = b"\x03" + struct.pack("!H", 16) + b"application/json"
_SIZES: Final = dict.fromkeys((0x01, 0x17, 0x19, 0x24, 0x25, 0x28, 0x29, 0x2A), 1)
_SIZES.update(dict.fromkeys((0x13, 0x21, 0x22, 0x23), 2))
_SIZES.update(dict.fromkeys((0x02, 0x11, 0x18, 0x27), 4))
_RECEIVE_MAXIMUM: Final = 0x21
_PAIR: Final = 0x26


@dataclass(frozen=True, slots=True)
class Packet:
    """What the broker sent: `body` is all after the length."""

    kind: int
    flags: int
    body: bytes


def connect(
    client_id: str, will: tuple[str, bytes], *, keepalive_s: int, most_unread: int, most_bytes: int
) -> bytes:
    """A fresh session that ends with the connection; the will is retained, with QoS 1."""
    properties = b"\x11" + struct.pack("!I", 0) + b"\x21" + struct.pack("!H", most_unread)
    properties += b"\x27" + struct.pack("!I", most_bytes)
    flags = 0x02 | 0x04 | 0x08 | 0x20  # clean start, a will, of QoS 1, retained
    head = b"\0\4MQTT\5" + bytes([flags]) + struct.pack("!H", keepalive_s)
    topic, payload = will
    return _packet(
        0x10,
        head + _length(len(properties)) + properties + _text(client_id) + b"\0" + _text(topic)
        + struct.pack("!H", len(payload)) + payload,
    )  # fmt: skip


def subscribe(number: int, topics: list[str]) -> bytes:
    """All with QoS 1."""
    return _packet(0x82, struct.pack("!H", number) + b"\0" + b"".join(_text(t) + b"\1" for t in topics))


def publish(
    topic: str, payload: bytes, number: int, *, retain: bool = False, expires_in: int | None = None
) -> bytes:
    """With QoS 1."""
    properties = _JSON if expires_in is None else _JSON + b"\x02" + struct.pack("!I", expires_in)
    head = _text(topic) + struct.pack("!H", number) + _length(len(properties)) + properties
    return _packet(0x33 if retain else 0x32, head + payload)


def puback(number: int) -> bytes:
    """We have it."""
    return b"\x40\x02" + struct.pack("!H", number)


def take(data: bytes) -> tuple[list[Packet], bytes]:
    """The whole packets at the beginning of what was read, and the rest."""
    found: list[Packet] = []
    at = 0
    while len(data) - at >= 2:
        length, body = _read_length(data, at + 1)
        if body == 0 or body + length > len(data):
            break
        found.append(Packet(data[at] >> 4, data[at] & 15, data[body : body + length]))
        at = body + length
    return found, data[at:]


def accepted(body: bytes) -> tuple[int, int | None]:
    """Of a CONNACK: the reason (0: accepted), and how many messages may be unconfirmed, if it says."""
    length, at = _read_length(body, 2)
    end = at + length
    while at < end:
        kind, at = body[at], at + 1
        if kind == _RECEIVE_MAXIMUM:
            return body[1], int.from_bytes(body[at : at + 2], "big")
        at += _size(kind, body, at)
    return body[1], None


def numbered(body: bytes) -> tuple[int, int]:
    """Of a PUBACK: its number and the reason (0: taken)."""
    return int.from_bytes(body[:2], "big"), body[2] if len(body) > 2 else 0


def subscribed(body: bytes) -> bool:
    """Of a SUBACK: whether all was granted."""
    length, at = _read_length(body, 2)
    return all(reason < 0x80 for reason in body[at + length :])


def published(packet: Packet) -> tuple[str, int, bytes]:
    """Of a PUBLISH: topic, number (0: none is wanted back) and payload."""
    body = packet.body
    named = int.from_bytes(body[:2], "big")
    topic, at = body[2 : 2 + named].decode(), 2 + named
    number = 0
    if packet.flags & 0x06:
        number, at = int.from_bytes(body[at : at + 2], "big"), at + 2
    length, at = _read_length(body, at)
    return topic, number, body[at + length :]


def _size(kind: int, body: bytes, at: int) -> int:
    """Bytes of a property's value."""
    if kind in _SIZES:
        return _SIZES[kind]
    if kind == 0x0B:
        return _read_length(body, at)[1] - at
    first = 2 + int.from_bytes(body[at : at + 2], "big")
    if kind != _PAIR:
        return first
    return first + 2 + int.from_bytes(body[at + first : at + first + 2], "big")


def _text(text: str) -> bytes:
    written = text.encode()
    return struct.pack("!H", len(written)) + written


def _packet(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + _length(len(body)) + body


def _length(rest: int) -> bytes:
    written = b""
    while True:
        rest, low = divmod(rest, 128)
        written += bytes([low | 0x80 if rest else low])
        if not rest:
            return written


def _read_length(data: bytes, at: int) -> tuple[int, int]:
    """The length that is written at a place, and the place after it; 0 while it is not whole."""
    length = shift = 0
    while at < len(data) and shift < 28:
        length |= (data[at] & 0x7F) << shift
        shift, at = shift + 7, at + 1
        if data[at - 1] < 0x80:
            return length, at
    return 0, 0
