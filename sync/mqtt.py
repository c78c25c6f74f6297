"""One connection to a broker, for one thread: the only file that knows the MQTT client library.

paho's own loop, queue and session are not used, because they lose messages: an exception in a callback
ends its thread while it still says "connected", its queue lives in memory, and a refused publish counts
as published. Here the callbacks only note what happened; the owner calls `poll` and gets the notes as
values. Every connection is a new client object, so nothing of an old connection can reach a new one.
"""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from sync.answers import IDLE_S, Answers
from sync.backoff import Backoff
from sync.broker import Broker, tls_context
from sync.comeback import BACKOFF_S, Comeback
from sync.errors import SyncError
from sync.happenings import Arrived, Confirmed, Down, Happening, ProtocolName, Subscribed, Up, Will
from sync.mqtt_bulk import read_in_bulk
from sync.mqtt_client import (
    Complaints,
    Session,
    arriving_bytes,
    confirmed_bytes,
    connect,
    note_answers,
    publish_properties,
    shut,
)
from sync.trouble import Trouble, TroubleKind, is_alert, of_admission, of_ending, of_opening, told
from sync.waker import Waker

__all__ = [
    "BACKOFF_S", "IDLE_S", "Arrived", "Broker", "Confirmed", "Down", "Happening", "Link", "ProtocolName",
    "Subscribed", "Up", "Will",
]  # fmt: skip

CONNECT_S: Final = 5.0
"""For the TCP and TLS handshakes; the same again for the broker's answer."""
READS_PER_POLL: Final = 1000
LARGEST_PACKET: Final = 16_777_216
"""Bytes that we gather for one message where we named no limit of our own; MQTT allows 256 MiB."""
PACKET_HEAD: Final = 66_000
"""Of these a topic alone may take 65,535."""
MAX_UNCONFIRMED: Final = 20
"""Published and not yet confirmed, unless the broker names another number: mosquitto's default limit."""
MOST_UNCONFIRMED: Final = 100
"""Whatever it names: on a line of 50 ms both ways that is 1,000 messages a second."""
UNSPECIFIED: Final = 128
LIBRARY_SAYS: Final = {
    UNSPECIFIED: "it ended the connection without a word",
    130: "it sent what MQTT does not allow",
    141: "it answered no ping",
}
"""What the library means with the reason that it gives for the end of a connection."""


class Link:
    """A connection that its owner thread polls and that comes back by itself.

    MQTT 5 is tried first, MQTT 3.1.1 at once after a broker that refuses it or hangs up on it.
    Only `wake` may be called from another thread.
    """

    def __init__(
        self,
        broker: Broker,
        client_id: str,
        *,
        will: Callable[[], Will] | None = None,
        keep_session_s: int = 0,
        max_unread: int = 100,
        most_bytes: int | None = None,
        backoff: Backoff | None = None,
        many: bool = False,
    ) -> None:
        """`will` is asked anew for each connection; `keep_session_s` is how long the broker keeps our
        subscriptions and messages while we are away; `max_unread` how many messages may be unconfirmed;
        `most_bytes` the largest message that we want (a broker of MQTT 5 sends no larger one); `many`: read
        them in bulk."""
        self._broker, self._client_id, self._will = broker, client_id, will
        self._keep_session_s, self._max_unread = keep_session_s, max_unread
        self._most_bytes = most_bytes
        self._many = many
        self._comeback = Comeback(backoff)
        self._client: paho.Client | None = None
        self._generation = 0
        self._version = self._first_version
        self._refused_v5 = False
        self._up_at: float | None = None
        self._opened_at = 0.0
        self._retry_at = 0.0
        self._happened: list[Happening] = []
        self._lost: Trouble | None = None
        self._answers = Answers()
        self._complaints = Complaints()
        self._ended = False
        self._subscriptions: dict[int, Sequence[str]] = {}
        self._waker = Waker()

    @property
    def up(self) -> bool:
        """Whether the broker has accepted us and the connection has not been seen to fail since."""
        return self._up_at is not None

    # -- what the owner does ---------------------------------------------------------------------------

    def poll(self, timeout: float) -> list[Happening]:
        """Wait up to `timeout` seconds for something to happen and return it, oldest first.

        Connecting happens in here too and may take `CONNECT_S` more.
        """
        if self._happened:
            timeout = 0.0
        if self._client is None:
            pause = self._retry_at - time.monotonic()
            if pause > 0:
                self._waker.wait(min(timeout, pause))
            else:
                self._open()
        else:
            self._turn(self._client, timeout)
        happened = self._happened.copy()
        self._happened.clear()  # the callbacks hold this very list
        return happened

    def publish(
        self, topic: str, payload: str | bytes, *, retain: bool = False, expires_in: int | None = None
    ) -> int:
        """Send with QoS 1; the token comes back in `Confirmed`. Raises SyncError while not up."""
        if self._client is None or not self.up:
            raise SyncError("not connected to the broker")
        properties = publish_properties(expires_in) if self._v5 else None
        token = self._client.publish(topic, payload, qos=1, retain=retain, properties=properties).mid
        self._answers.ask(token, time.monotonic())
        return token

    def subscribe(self, topics: Sequence[str]) -> int:
        """Ask for topics with QoS 1; the token comes back in `Subscribed`. Raises SyncError while not up."""
        if self._client is None or not self.up:
            raise SyncError("not connected to the broker")
        code, token = self._client.subscribe([(topic, 1) for topic in topics])
        if token is None:
            raise SyncError(f"cannot subscribe: {paho.error_string(code)}")
        self._subscriptions[token] = tuple(topics)
        self._answers.ask(token, time.monotonic())
        return token

    def confirm(self, receipt: tuple[int, int]) -> None:
        """Let the broker forget a message. A receipt of an earlier connection is ignored."""
        generation, mid = receipt
        if self._client is not None and generation == self._generation and mid:
            self._client.ack(mid, 1)

    def drop(self, reason: str) -> None:
        """Give this connection up and try a new one."""
        self._lost = self._lost or Trouble("lost", reason)
        self._settle()

    def wake(self) -> None:
        """Make a `poll` under way return soon. For other threads and signal handlers."""
        self._waker.wake()

    def close(self, goodbye_s: float = 1.0) -> None:
        """Disconnect in order, so that the broker does not publish the will."""
        client, self._client, self._up_at = self._client, None, None
        if client is not None:
            client.disconnect()
            until = time.monotonic() + goodbye_s
            while client.want_write() and client.socket() is not None and time.monotonic() < until:
                client.loop_write()
            shut(client)
        self._waker.close()

    # -- a turn of the connection ----------------------------------------------------------------------

    @property
    def _first_version(self) -> MQTTProtocolVersion:
        return MQTTProtocolVersion.MQTTv311 if self._broker.only_3_1_1 else MQTTProtocolVersion.MQTTv5

    @property
    def _v5(self) -> bool:
        return self._version == MQTTProtocolVersion.MQTTv5

    def _turn(self, client: paho.Client, timeout: float) -> None:
        sock: Any = client.socket()
        if sock is None:
            self._lose("lost", "the connection was closed")
            self._settle()
            return
        timeout = 0.0 if hasattr(sock, "pending") and sock.pending() else timeout
        timeout = self._answers.patient(timeout, time.monotonic())
        events = select.POLLIN | (select.POLLOUT if client.want_write() else 0)
        ready = self._waker.wait(timeout, sock.fileno(), events)
        try:
            if ready & ~select.POLLOUT:
                self._answers.sign(time.monotonic())
                self._read(client)
            if ready & select.POLLOUT and client.socket() is not None:
                client.loop_write()
            client.loop_misc()
        except SyncError as error:
            self._lose("other", f"{self._broker} sends {error}")
        except Exception as error:  # noqa: BLE001 - whatever the library makes of bytes that are no MQTT
            self._lose("other", f"{self._broker} does not speak MQTT: {type(error).__name__}: {error}")
        self._look_for_life(client)
        if client.socket() is None:
            self._lose("lost", "the connection was closed")
        self._settle()

    def _read(self, client: paho.Client) -> None:
        """Take what is there: one call of the library reads about one packet."""
        for _ in range(READS_PER_POLL):
            before = len(self._happened)
            if client.loop_read() != paho.MQTT_ERR_SUCCESS or len(self._happened) == before:
                break
            if len(self._happened) >= READS_PER_POLL:
                break  # one call reads a packet for each that we are owed, and mosquitto 2.0 floods: see Hub
        size = arriving_bytes(client)
        if size > (self._most_bytes or LARGEST_PACKET) + PACKET_HEAD:
            self._lose("other", f"{self._broker} sends a message of {size} bytes, more than we take")

    def _look_for_life(self, client: paho.Client) -> None:
        """Give up a connection on which nothing comes or goes any more."""
        now = time.monotonic()
        if not self.up:
            if now - self._opened_at > CONNECT_S:
                self._lose("unreachable", f"no answer from {self._broker} within {CONNECT_S:.0f} s")
            return
        silence = self._answers.dead(now, confirmed_bytes(client.socket()))
        if silence is not None:
            self._lose("lost", f"no answer from {self._broker}, and no sign of life for {silence:.0f} s")

    def _lose(self, kind: TroubleKind, words: str) -> None:
        self._lost = self._lost or Trouble(kind, words)

    def _settle(self) -> None:
        """After a loss: tell, and plan the next attempt."""
        if self._lost is None or self._client is None:
            return
        trouble, self._lost = self._lost, None
        client, self._client = self._client, None
        shut(client)
        was_up = self._up_at
        self._up_at = None
        self._subscriptions.clear()
        now = time.monotonic()
        if was_up is None and self._v5 and self._refused_v5:
            self._version = MQTTProtocolVersion.MQTTv311  # at once, and without a word
            self._retry_at = now
            return
        self._version = self._first_version
        held_s = None if was_up is None else now - was_up
        trouble, pause_s = self._comeback.after(trouble, held_s, ended=self._ended)
        self._retry_at = now + pause_s
        self._happened.append(Down(trouble.words, trouble.kind))

    # -- opening ---------------------------------------------------------------------------------------

    def _open(self) -> None:
        self._generation += 1
        self._refused_v5 = self._ended = False
        self._complaints = Complaints()
        client = self._client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._client_id,
            protocol=self._version,
            clean_session=None if self._v5 else not self._keep_session_s,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        client.connect_timeout = CONNECT_S
        client.max_inflight_messages_set(MOST_UNCONFIRMED)
        if self._broker.username is not None:
            client.username_pw_set(self._broker.username, self._broker.password)
        self._listen(client, self._generation)
        try:
            if self._will is not None:
                will = self._will()
                client.will_set(will.topic, will.payload, qos=1, retain=True)
            if self._broker.tls:
                client.tls_set_context(tls_context(self._broker))
                client.enable_logger(self._complaints)  # type: ignore[arg-type]
            session = Session(self._keep_session_s, self._max_unread, self._most_bytes)
            connect(client, self._broker, session, v5=self._v5)
            sock: Any = client.socket()
            if sock is not None:
                # Without this a small message waits up to 40 ms for the answer to the one before it.
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                if self._many:
                    most = (self._most_bytes or LARGEST_PACKET) + PACKET_HEAD
                    read_in_bulk(
                        client, self._generation, self._happened.append, v5=self._v5, most_bytes=most
                    )
            self._opened_at = time.monotonic()
            self._refused_v5 = True  # until it answers: the TCP connection stands
        except SyncError as error:
            self._lost = Trouble("own_certificate", str(error))
        except (OSError, ValueError) as error:
            self._lost = of_opening(self._broker, error)
        self._settle()

    def _listen(self, client: paho.Client, generation: int) -> None:
        """Callbacks that only note. Those of an old connection have nowhere to write."""

        def on_connect(
            _client: paho.Client, _data: Any, _flags: Any, reason: ReasonCode, properties: Properties | None
        ) -> None:
            if reason.is_failure:
                self._refused_v5 = reason.getName() == "Unsupported protocol version"
                self._lost = of_admission(self._broker, reason.value, str(reason))
                return
            self._up_at = time.monotonic()
            self._answers.begin(self._up_at)
            self._happened.append(
                Up(
                    "5" if self._v5 else "3.1.1",
                    min(getattr(properties, "ReceiveMaximum", MAX_UNCONFIRMED), MOST_UNCONFIRMED),
                    getattr(properties, "MaximumPacketSize", None),
                )
            )

        def on_disconnect(
            _client: paho.Client, _data: Any, flags: Any, reason: ReasonCode, _properties: Properties | None
        ) -> None:
            if flags.is_disconnect_packet_from_server:
                self._lost = self._lost or of_ending(reason.value, str(reason))
                return
            complaint = self._complaints.newest
            if is_alert(complaint):
                self._refused_v5 = False  # it refused our certificate, not the protocol
                self._lost = self._lost or told("own_certificate", complaint)
            self._ended = reason.value == UNSPECIFIED
            said = complaint or LIBRARY_SAYS.get(reason.value, str(reason))
            self._lose("lost", f"lost {self._broker}: {said}")

        client.on_connect = on_connect
        client.on_disconnect = on_disconnect
        note_answers(client, generation, self._subscriptions, self._note)

    def _note(self, happening: Happening) -> None:
        if isinstance(happening, Confirmed | Subscribed):
            self._answers.answer(happening.token, time.monotonic())
        self._happened.append(happening)
