"""Messages read in bulk: the same as the library reads, however the bytes fall into pieces."""

from __future__ import annotations

import struct
import time
from collections.abc import Sequence
from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from sync.errors import SyncError
from sync.happenings import Arrived, Confirmed, Happening, Subscribed, Up
from sync.mqtt import Broker, Link
from sync.mqtt_bulk import BulkSocket
from tests.broker import Mosquitto

Message = tuple[bytes, bytes, int]
MOST = 100_000


class Pieces:
    """A socket on which these pieces come, one at a time, and then the end."""

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self._pieces = list(pieces)

    def recv(self, size: int) -> bytes:
        piece = self._pieces.pop(0) if self._pieces else b""
        if len(piece) > size:
            self._pieces.insert(0, piece[size:])
        return piece[:size]


def packet(kind: int, body: bytes) -> bytes:
    length, rest = b"", len(body)
    while True:
        rest, low = divmod(rest, 128)
        length += bytes([low | 0x80 if rest else low])
        if not rest:
            return bytes([kind]) + length + body


def publish(message: Message, *, v5: bool, properties: bytes = b"\0", flags: int = 0) -> bytes:
    topic, payload, number = message
    mid = struct.pack("!H", number) if number else b""
    head = struct.pack("!H", len(topic)) + topic + mid + (properties if v5 else b"")
    return packet(0x30 | (2 if number else 0) | flags, head + payload)


def read(pieces: Sequence[bytes], *, v5: bool) -> tuple[list[Message], bytes]:
    """The messages, and what was left to the library."""
    found: list[Message] = []
    bulk = BulkSocket(Pieces(pieces), lambda *message: found.append(message), v5=v5, most_bytes=MOST)
    others = b""
    while True:
        try:
            some = bulk.recv(3)
        except BlockingIOError:
            continue
        if not some:
            return found, others
        others += some


def cut(data: bytes, places: Sequence[int]) -> list[bytes]:
    edges = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[a:b] for a, b in pairwise(edges)]


messages = st.tuples(st.binary(min_size=1, max_size=40), st.binary(max_size=300), st.integers(0, 65_535))
others = st.sampled_from(
    [b"\xd0\x00", b"\x40\x02\x00\x07", b"\x40\x04\x00\x07\x10\x00", b"\x90\x03\x00\x01\x01",
     packet(0x34, b"\0\1t\0\5\0QoS 2"), packet(0x32, b"\0\0\0\1\0no topic")]
)  # fmt: skip


@given(
    come=st.lists(messages | others, max_size=12),
    places=st.lists(st.integers(0, 5000), max_size=12),
    v5=st.booleans(),
    flags=st.sampled_from([0, 1, 8, 9]),
)
def test_messages_are_taken_out_and_all_else_is_left_in_order(
    come: list[Message | bytes], places: list[int], v5: bool, flags: int
) -> None:
    data = b"".join(one if isinstance(one, bytes) else publish(one, v5=v5, flags=flags) for one in come)
    assert read(cut(data, places), v5=v5) == (
        [one for one in come if isinstance(one, tuple)],
        b"".join(one for one in come if isinstance(one, bytes)),
    )


def test_properties_are_no_part_of_a_payload() -> None:
    told = Properties(PacketTypes.PUBLISH)
    told.ContentType = "application/json"
    told.MessageExpiryInterval = 7
    told.UserProperty = [("a", "b" * 200)]
    message = (b"storeedge/1/t/s/b/up/data", b"{}", 9)
    assert read([publish(message, v5=True, properties=told.pack())], v5=True) == ([message], b"")


@given(st.lists(st.binary(min_size=1, max_size=60), max_size=6), st.booleans())
def test_whatever_comes_it_ends_in_messages_in_bytes_for_the_library_or_in_a_clear_word(
    pieces: list[bytes], v5: bool
) -> None:
    with suppress(SyncError):
        found, left = read(pieces, v5=v5)
        assert sum(len(topic) + len(payload) for topic, payload, _ in found) + len(left) <= len(
            b"".join(pieces)
        )


def test_a_packet_that_is_too_large_is_refused_at_its_head() -> None:
    with pytest.raises(SyncError, match=r"a message of \d+ bytes, more than we take"):
        read([publish((b"t", b"x" * MOST, 1), v5=False)[:100]], v5=False)


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_a_thousand_messages_through_a_real_broker_are_confirmed_and_do_not_come_again(
    mosquitto: Mosquitto, protocol: str
) -> None:
    broker = Broker.parse(mosquitto.url + ("?protocol=3.1.1" if protocol == "3.1.1" else ""))

    def reader() -> Link:
        return Link(broker, "bulk", keep_session_s=60, max_unread=1000, many=True)

    link, writer = reader(), Link(broker, "writer")
    _until(link, Up)
    link.subscribe(["t/#"])
    _until(link, Subscribed)
    assert [h.protocol for h in _until(writer, Up) if isinstance(h, Up)] == [protocol]
    sent = [f"{n}:{'x' * (n % 700)}".encode() for n in range(1000)]
    heard: list[bytes] = []
    for begin in range(0, 1000, 20):
        for payload in sent[begin : begin + 20]:
            writer.publish("t/ü", payload)
        confirmed = 0
        while confirmed < 20:
            confirmed += sum(isinstance(h, Confirmed) for h in writer.poll(5.0))
        heard += _hear(link)
    while len(heard) < 1000:
        heard += _hear(link)
    assert heard == sent
    link.close()
    again = reader()
    _until(again, Up)
    assert [h for h in again.poll(0.3) if isinstance(h, Arrived)] == []
    again.close()
    writer.close()


def _hear(link: Link) -> list[bytes]:
    arrived = [h for h in link.poll(1.0) if isinstance(h, Arrived)]
    for message in arrived:
        assert message.topic == "t/ü"
        link.confirm(message.receipt)
    return [message.payload for message in arrived]


def _until(link: Link, kind: type[Happening]) -> list[Happening]:
    until = time.monotonic() + 10
    happened: list[Happening] = []
    while not any(isinstance(h, kind) for h in happened):
        assert time.monotonic() < until, happened
        happened += link.poll(0.5)
    return happened
