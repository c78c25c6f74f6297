"""Whoever answers in the broker's place, whatever bytes he sends: the line's thread goes on, nothing is
deleted that the centre was not given, memory stays flat."""

from __future__ import annotations

import contextlib
import json
import resource
import socket
import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, Self

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import sync.publisher
from sync import topics
from sync.backoff import Backoff
from sync.broker import Broker
from sync.down.judging import MOST_BYTES
from sync.mqtt import Arrived, Confirmed, Down, Happening, Link, Up
from sync.outbox import STREAMS
from sync.publisher import Publisher
from tests.line.test_hostile_box import TEMPLATES, topic
from tests.sync.fakes import FACTS, QUICK, MemoryOutbox
from tests.sync.test_any_network import BOX, Clock, FakeLink

CONNACK = bytes([0x20, 3, 0, 0, 0])
"""MQTT 5: success, without properties."""


class Impostor:
    """Accepts, waits for the first packet, says `script`, and hears what comes back until the end."""

    def __init__(self) -> None:
        self.script = b""
        self.pause_s = 0.0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with contextlib.suppress(OSError), client:
                client.recv(4096)
                for begin in range(0, len(self.script), 1 << 20):
                    client.sendall(self.script[begin : begin + (1 << 20)])
                client.settimeout(self.pause_s or 0.02)
                while client.recv(4096):
                    pass

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()


@pytest.fixture(scope="module")
def impostor() -> Iterator[Impostor]:
    with Impostor() as made:
        yield made


def meet(impostor: Impostor, script: bytes, seconds: float = 0.05, **given: Any) -> list[Happening]:
    """What a link makes of it."""
    impostor.script = script
    link = Link(Broker("127.0.0.1", impostor.port, False), "box", backoff=Backoff(5, 5), **given)
    seen: list[Happening] = []
    until = time.monotonic() + seconds
    while time.monotonic() < until and not any(isinstance(item, Down) for item in seen):
        new = link.poll(0.01)
        seen += new
        if any(isinstance(item, Up) for item in new) and link.up:
            link.subscribe(["a"])
            link.publish("a", "b")
        for item in new:
            if isinstance(item, Arrived):
                link.confirm(item.receipt)
    link.close(0)
    return seen


def length(count: int) -> bytes:
    """MQTT's variable byte integer."""
    made = bytearray()
    while True:
        count, low = divmod(count, 128)
        made.append(low | (128 if count else 0))
        if not count:
            return bytes(made)


packets = st.builds(
    lambda head, body: bytes([head]) + length(len(body)) + body, st.integers(0, 255), st.binary(max_size=40)
)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.booleans(),
    st.booleans(),
    st.one_of(st.binary(max_size=200), st.lists(packets, max_size=8).map(b"".join)),
)
def test_no_bytes_make_a_link_raise(impostor: Impostor, admitted: bool, many: bool, rest: bytes) -> None:
    """A box's link, and a hub's, which reads in bulk."""
    meet(impostor, (CONNACK if admitted else b"") + rest, many=many)


@pytest.mark.parametrize("many", [False, True], ids=["box", "hub"])
def test_a_packet_without_end_is_left_before_it_fills_the_memory(impostor: Impostor, many: bool) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    publish = b"\x30" + length(200_000_000) + b"\x00\x01a\x00" + b"x" * 8_000_000
    impostor.pause_s = 2.0
    seen = meet(impostor, CONNACK + publish, 5, most_bytes=MOST_BYTES, many=many)
    impostor.pause_s = 0.0
    [down] = [item for item in seen if isinstance(item, Down)]
    assert "sends a message of 20000000" in down.reason
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert grown < 64, f"{grown} MiB"  # the impostor's own copies among them


def test_a_flood_of_small_messages_comes_in_turns(impostor: Impostor) -> None:
    """One poll never takes more than it can hand on."""
    impostor.pause_s = 20.0
    impostor.script = CONNACK + b"\x30\x05\x00\x01a\x00b" * 50_000
    link = Link(Broker("127.0.0.1", impostor.port, False), "box")
    most = sum_ = 0
    until = time.monotonic() + 20
    while sum_ < 5_000 and time.monotonic() < until:
        arrived = sum(isinstance(item, Arrived) for item in link.poll(0.1))
        most, sum_ = max(most, arrived), sum_ + arrived
    link.close(0)
    impostor.pause_s = 0.0
    assert sum_ >= 5_000
    assert most <= 1100, most


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        (bytes([0x20, 3, 0, 135, 0]), "not_admitted"),
        (bytes([0x20, 3, 0, 134, 0]), "not_admitted"),
        (bytes([0x20, 3, 0, 137, 0]), "unreachable"),
        (CONNACK + bytes([0xE0, 2, 142, 0]), "twin"),
        (CONNACK + bytes([0xE0, 2, 149, 0]), "refused"),
        (CONNACK + bytes([0xE0, 2, 139, 0]), "lost"),
        (CONNACK + bytes([0x20, 3, 0, 135, 0]), "not_admitted"),
    ],
)
def test_each_reason_of_a_broker_has_its_kind(impostor: Impostor, script: bytes, kind: str) -> None:
    downs = [item for item in meet(impostor, script, 2) if isinstance(item, Down)]
    assert [item.kind for item in downs] == [kind], downs


@pytest.mark.parametrize("code", [128, 131, 135, 144, 149, 151, 153])
def test_a_publish_may_be_refused_with_any_reason(impostor: Impostor, code: int) -> None:
    impostor.pause_s = 1.0
    try:
        seen = meet(impostor, CONNACK + b"".join(bytes([0x40, 3, 0, mid, code]) for mid in (1, 2, 3)), 0.3)
    finally:
        impostor.pause_s = 0.0
    assert not [item for item in seen if isinstance(item, Down)], seen
    [confirmed] = [item for item in seen if isinstance(item, Confirmed)]
    assert confirmed.refusal


# -- what comes on good topics ---------------------------------------------------------------------------

numbers = st.one_of(
    st.integers(-5, 40), st.integers(), st.floats(allow_nan=True), st.none(), st.text(max_size=5)
)
payloads = st.one_of(
    st.binary(max_size=60),
    st.builds(
        lambda epoch, upto: json.dumps({"epoch": epoch, "upto": upto}).encode(),
        st.sampled_from(["e1", "e2", "", None]), numbers,
    ),
    st.sampled_from([b"[" * 100_000, b'{"a":' * 50_000, b'{"epoch":"e1","upto":' + b"9" * 5_000 + b"}",
                     b'{"epoch":"e1","upto":1e999}', b"\xff" * 300_000]),
)  # fmt: skip
down_topics = st.one_of(
    st.sampled_from(
        [topic(template, BOX, stream) for template in TEMPLATES.values() for stream in STREAMS] * 2
        + ["", "storeedge/1", BOX.ack("data") + "/x", f"{topics.ROOT}/other/sz-futian/box-01/down/ack/data"]
    ),
    st.text(max_size=30),
)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(sync.publisher, "Link", FakeLink)
    monkeypatch.setattr(sync.publisher, "time", SimpleNamespace(monotonic=made.monotonic, time=made.time))
    return made


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(down_topics, payloads), max_size=12))
def test_nothing_that_comes_down_stops_the_publisher_or_costs_a_row_that_was_not_sent(
    clock: Clock, messages: list[tuple[str, bytes]]
) -> None:
    outbox = MemoryOutbox()
    outbox.put_minutes(30)
    box = Publisher(outbox, BOX, Broker("x", 1, False), lambda: FACTS, pacing=QUICK)
    link = FakeLink.network.link
    assert link is not None
    link.connect()
    box._turn()
    box._turn()
    for where, what in messages:
        link.happened.append(Arrived(where, what, (1, 1)))
        box._turn()
    sent = {json.loads(p)["seq"] for t, p in FakeLink.network.up if t == BOX.up("data")}
    rows = {row.seq for row in outbox.pending("data", 0, 1000)}
    assert set(range(1, 31)) - rows <= sent
    outbox.put_minutes(1)
    box._turn()  # still at work
