"""What a client of the MQTT library is given: the properties of MQTT 5, ears that only note, and its end."""

from __future__ import annotations

import contextlib
import logging
import socket
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import paho.mqtt.client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from sync.broker import Broker
from sync.happenings import Arrived, Confirmed, Happening, Subscribed

KEEPALIVE_S: Final = 30
NO_SUBSCRIBERS: Final = 16


FIRST_FAILURE: Final = 128
_ANSWERS: Final = (PacketTypes.CONNACK, PacketTypes.PUBACK, PacketTypes.SUBACK, PacketTypes.DISCONNECT)
# mosquitto refuses a publish with reasons that the standard allows elsewhere only, such as 149 for too large.
# The library would take that for garbage and end the connection, again and again, instead of telling.
ReasonCode.names = {
    code: {
        name: sorted({*kinds, *_ANSWERS}) if code >= FIRST_FAILURE else kinds for name, kinds in names.items()
    }
    for code, names in getattr(ReasonCode, "names", {}).items()  # paho 2.1 has a table in each object
}


@dataclass(frozen=True, slots=True)
class Session:
    """What we ask of the broker."""

    keep_s: int
    """For how long it keeps our subscriptions and messages while we are away."""
    max_unread: int
    """How many messages may be unconfirmed."""
    most_bytes: int | None
    """The largest message that we want."""


def connect(client: paho.Client, broker: Broker, session: Session, *, v5: bool) -> None:
    """Open the connection and ask; the answer comes to `on_connect`. Raises OSError or ValueError."""
    if not v5:
        client.connect(broker.host, broker.port, KEEPALIVE_S)
        return
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = session.keep_s
    properties.ReceiveMaximum = session.max_unread
    if session.most_bytes is not None:
        properties.MaximumPacketSize = session.most_bytes
    client.connect(
        broker.host, broker.port, KEEPALIVE_S, clean_start=not session.keep_s, properties=properties
    )


def publish_properties(expires_in: int | None) -> Properties:
    """JSON, and the seconds after which the broker may forget it."""
    if expires_in is None:
        return _JSON
    properties = _json_properties()
    properties.MessageExpiryInterval = expires_in
    return properties


def _json_properties() -> Properties:
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    properties.ContentType = "application/json"
    return properties


class _Packed(Properties):
    """Made and packed once: that takes as long as sending a message."""

    def pack(self) -> bytes:
        """As they go over the wire."""
        return _JSON_PACKED


_JSON: Final = _Packed(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
_JSON_PACKED: Final[bytes] = _json_properties().pack()  # type: ignore[no-untyped-call]


def note_answers(
    client: paho.Client,
    generation: int,
    subscriptions: dict[int, Sequence[str]],
    note: Callable[[Happening], None],
) -> None:
    """Note what the broker answers to `subscribe` and `publish`, and what it sends.

    `subscriptions`: the topics that were asked for, by token; taken out as they are answered."""

    def on_subscribe(
        _client: paho.Client, _data: Any, mid: int, reasons: list[ReasonCode], _properties: Any
    ) -> None:
        topics = subscriptions.pop(mid, ())
        refused = [(t, str(r)) for t, r in zip(topics, reasons, strict=False) if r.is_failure]
        note(Subscribed(mid, tuple(refused)))

    def on_publish(_client: paho.Client, _data: Any, mid: int, reason: ReasonCode, _properties: Any) -> None:
        refusal = str(reason) if reason.is_failure else None
        note(Confirmed(mid, refusal, reason.value == NO_SUBSCRIBERS))

    def on_message(_client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = ""
        receipt = (generation, message.mid if message.qos else 0)
        note(Arrived(topic, bytes(message.payload), receipt))

    client.on_subscribe = on_subscribe
    client.on_publish = on_publish
    client.on_message = on_message


class Complaints:
    """In the place of a logger: keeps the newest error that the library met. It tells its callbacks only
    that the connection is gone, not that the broker refused our certificate."""

    def __init__(self) -> None:
        self.newest = ""

    def log(self, level: int, text: str, *details: object) -> None:
        """What the library would have logged."""
        if level >= logging.ERROR:
            self.newest = text % details


def arriving_bytes(client: paho.Client) -> int:
    """Size of the packet that has begun to arrive, as its head announces it; 0 between packets."""
    return int(getattr(client, "_in_packet", {}).get("remaining_length", 0))


def confirmed_bytes(sock: Any) -> int:
    """How much the other side's kernel has confirmed on this connection; 0 where the system does not say."""
    try:
        info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _BYTES_ACKED + 8)
    except (AttributeError, OSError):
        return 0
    return int.from_bytes(info[_BYTES_ACKED : _BYTES_ACKED + 8], sys.byteorder)


_BYTES_ACKED: Final = 120
"""Offset of tcpi_bytes_acked in Linux's struct tcp_info, since 4.1."""


def shut(client: paho.Client) -> None:
    """Close the socket without a goodbye."""
    client.on_disconnect = None
    sock: Any = client.socket()
    if sock is not None:
        with contextlib.suppress(OSError):
            sock.close()
