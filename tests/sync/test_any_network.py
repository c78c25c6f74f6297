"""The law of the whole path: whatever a network, a hub and a box do, no row is deleted that the hub does
not hold; and when everything works again, every row arrives.

The publisher's and the hub's real code run here in one thread, on a simulated network and clock.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import sync.publisher
from sync.hub.intake import judge
from sync.hub.sqlite import SqliteLedger
from sync.mqtt import Arrived, Broker, Confirmed, Down, Happening, Subscribed, Up
from sync.outbox import Stream
from sync.payloads import Ack
from sync.publisher import Publisher
from sync.topics import BoxIdentity
from tests.sync.fakes import FACTS, QUICK, MemoryOutbox, trigger

BOX = BoxIdentity("rainbow", "sz-futian", "box-01")


@dataclass
class Clock:
    now: float = 1000.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return 1_780_000_000 + self.now


@dataclass
class Network:
    """Messages on their way in both directions, which steps of the test deliver, lose or repeat."""

    up: list[tuple[str, bytes]] = field(default_factory=list)
    down: list[tuple[str, bytes]] = field(default_factory=list)
    link: FakeLink | None = None


class FakeLink:
    """What the publisher takes for its connection."""

    network = Network()

    def __init__(self, *_: Any, **__: Any) -> None:
        self.up = False
        self.happened: list[Happening] = []
        self.tokens = 0
        self.refusing = False
        self.network.link = self

    def poll(self, _timeout: float) -> list[Happening]:
        happened, self.happened = self.happened, []
        return happened

    def connect(self) -> None:
        if not self.up:
            self.up = True
            self.happened.append(Up("5", 20, None))

    def drop(self, reason: str) -> None:
        if self.up:
            self.up = False
            self.happened.append(Down(reason))

    def publish(self, topic: str, payload: str | bytes, **_: Any) -> int:
        self.tokens += 1
        data = payload.encode() if isinstance(payload, str) else payload
        if self.refusing:
            self.happened.append(Confirmed(self.tokens, "Quota exceeded", False))
        else:
            self.network.up.append((topic, data))
            self.happened.append(Confirmed(self.tokens, None, False))
        return self.tokens

    def subscribe(self, _topics: Any) -> int:
        self.tokens += 1
        self.happened.append(Subscribed(self.tokens, ()))
        return self.tokens

    def confirm(self, _receipt: Any) -> None:
        pass


class WatchedOutbox(MemoryOutbox):
    """Fails the test when a row is deleted that the hub does not hold."""

    held: Callable[[Stream], set[int]]

    def acknowledge(self, stream: Stream, epoch: str, upto: int) -> int:
        leaving = {row.seq for row in self.pending(stream, -1, 10**6) if row.seq <= upto}
        lost = leaving - self.held(stream)
        assert not lost, f"{stream} {sorted(lost)} deleted, but never held by the hub"
        return super().acknowledge(stream, epoch, upto)


class World:
    """A box, a hub and the network between them."""

    def __init__(self, folder: Path, rng: random.Random, clock: Clock) -> None:
        self.clock, self.rng = clock, rng
        self.network = FakeLink.network = Network()
        self.ledger = SqliteLedger(folder / "hub.db")
        self.ledger._db.execute("PRAGMA synchronous = OFF")
        self.outbox = WatchedOutbox()
        self.outbox.held = self.held
        self.made: dict[Stream, int] = {"data": 0, "trigger": 0}
        self.gave_up: dict[Stream, set[int]] = {"data": set(), "trigger": set()}
        self.start_box()

    def held(self, stream: Stream) -> set[int]:
        return {s for (s,) in self.ledger._db.execute("SELECT seq FROM message WHERE stream = ?", (stream,))}

    def start_box(self) -> None:
        self.box = Publisher(self.outbox, BOX, Broker("x", 1, False), lambda: FACTS, pacing=QUICK)
        assert self.network.link is not None
        self.link = self.network.link

    # -- what can happen -------------------------------------------------------------------------------

    def put(self, stream: Stream, count: int) -> None:
        self.made[stream] += count
        if stream == "data":
            self.outbox.put_minutes(count)
        else:
            for _ in range(count):
                self.outbox.put("trigger", "storeedge/trigger/1", trigger("k").text())

    def give_up(self, stream: Stream) -> None:
        waiting = self.outbox.pending(stream, -1, 10**6)
        if waiting:
            seq = self.rng.choice(waiting).seq
            self.outbox.give_up(stream, seq)
            self.gave_up[stream].add(seq)

    def turn(self, seconds: float = 0.0) -> None:
        self.clock.now += seconds
        self.box._turn()

    def deliver(self, order: str, part: float) -> None:
        """Some of what is on its way reaches the hub, in this order, and is committed and acknowledged."""
        if order == "shuffled":
            self.rng.shuffle(self.network.up)
        count = max(1, round(len(self.network.up) * part))
        batch = self.network.up[:count]
        if order != "twice":
            self.network.up = self.network.up[count:]
        receipts = self.ledger.commit([judge(*message) for message in batch], self.clock.time())
        self.network.down += [
            (r.box.ack(r.stream), Ack(epoch=r.epoch, upto=r.upto).text().encode()) for r in receipts
        ]

    def answer(self) -> None:
        if self.link.up:
            self.link.happened += [Arrived(topic, payload, (1, 1)) for topic, payload in self.network.down]
        self.network.down = []

    def lose(self, part: float) -> None:
        self.network.up = [message for message in self.network.up if self.rng.random() > part]
        self.network.down = [message for message in self.network.down if self.rng.random() > part]

    def work(self) -> None:
        """All is well for a moment."""
        self.link.connect()
        for _ in range(3):
            self.turn()
            self.deliver("in order", 1.0)
            self.answer()

    def stutter(self, stream: Stream, count: int, part: float) -> None:
        """A little is lost in the middle of good work."""
        self.put(stream, count)
        self.turn()
        self.lose(part)
        self.work()

    def restart_box(self) -> None:
        self.start_box()

    def heal(self) -> None:
        """Everything works: what remains must arrive soon."""
        self.link.refusing = False
        for _ in range(400):
            if self.outbox.empty():
                return
            self.link.connect()
            self.turn(0.3)
            self.deliver("in order", 1.0)
            self.answer()
        raise AssertionError(f"still waiting: {self.outbox.backlog('data')} {self.outbox.backlog('trigger')}")


streams = st.sampled_from(["data", "data", "trigger"])
steps = st.lists(
    st.one_of(
        st.tuples(st.just("put"), streams, st.integers(1, 30)),
        st.tuples(st.just("give_up"), streams),
        st.tuples(st.just("turn"), st.sampled_from([0.0, 0.1, 0.7, 3.0])),
        st.tuples(st.just("turn"), st.sampled_from([0.0, 0.1])),
        st.tuples(
            st.just("deliver"), st.sampled_from(["in order", "shuffled", "twice"]), st.floats(0.1, 1.0)
        ),
        st.sampled_from([("answer",), ("restart_box",), ("connect",), ("drop",), ("refuse",), ("allow",)]),
        st.tuples(st.just("lose"), st.sampled_from([0.3, 0.9, 1.0])),
        st.tuples(st.just("stutter"), streams, st.integers(1, 30), st.sampled_from([0.1, 0.5])),
        st.sampled_from([("connect",), ("work",)]),
    ),
    max_size=60,
)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(sync.publisher, "Link", FakeLink)
    monkeypatch.setattr(sync.publisher, "time", SimpleNamespace(monotonic=made.monotonic, time=made.time))
    return made


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps, st.integers(0, 2**32))
def test_no_row_is_lost_and_every_row_arrives(
    clock: Clock, happening: list[tuple[Any, ...]], seed: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = World(Path(folder), random.Random(seed), clock)
        for what, *details in happening:
            if what in {"connect", "drop"}:
                getattr(path.link, what)(*(["cut"] if what == "drop" else []))
            elif what in {"refuse", "allow"}:
                path.link.refusing = what == "refuse"
            else:
                getattr(path, what)(*details)
        path.heal()
        for stream, made in path.made.items():
            missing = set(range(1, made + 1)) - path.held(stream)
            assert missing <= path.gave_up[stream], f"{stream} {sorted(missing)} never arrived"
        path.ledger.close()
