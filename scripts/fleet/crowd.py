"""A process full of virtual boxes, led by another process through a pipe; it ends when that one does."""

from __future__ import annotations

import heapq
import select
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from random import Random
from typing import Final, Literal

from scripts.fleet.box import Box
from scripts.fleet.figures import Figures
from scripts.fleet.line import FOREVER, Scene
from sync.cursor import Pacing
from sync.outbox import Stream
from sync.topics import BoxIdentity

PER_SOURCE: Final = 5_000
"""Boxes of one loopback address: it has 28,000 ports, some of them still shutting."""
BOXES_OF_A_STORE: Final = 4


@dataclass(frozen=True, slots=True)
class Company:
    """Which boxes live in this process, and how."""

    first: int
    """Number of its first box in the fleet."""
    boxes: int
    port: int
    """Of their broker."""
    seed: int
    minute_s: float
    connects_per_s: float
    """At the very beginning only: afterwards they come as they like."""
    triggers_per_s: float


@dataclass(frozen=True, slots=True)
class Word:
    """What the leading process says. Times are those of `time.monotonic`."""

    what: Literal["work", "away", "back", "rest", "tell", "end"]
    """Make minutes; the centre goes; it comes again; make no more; tell the figures; end."""
    at: float = 0.0
    minutes: int = 0
    """With `away`: how many pile up."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a crowd is, told about once a second."""

    subscribed: int
    waiting: int
    """Messages without acknowledgement."""
    draining: int
    """Boxes of which messages of the outage still wait."""
    away: int
    """Boxes that have not been connected since."""


@dataclass(frozen=True, slots=True)
class Told:
    """All that it saw."""

    figures: Figures
    made: dict[BoxIdentity, dict[Stream, int]]


def identity(number: int) -> BoxIdentity:
    """Of the fleet's box of this number."""
    return BoxIdentity("fleet", f"store-{number // BOXES_OF_A_STORE}", f"box-{number}")


def live(company: Company, line: Connection) -> None:
    """Until told to end, or until nobody leads any more."""
    crowd = _Crowd(company, line)
    try:
        crowd.run()
    except (EOFError, OSError, KeyboardInterrupt):
        pass  # the leading process is gone, or ends us
    finally:
        crowd.leave()


class _Crowd:
    def __init__(self, company: Company, line: Connection) -> None:
        self._company, self._line = company, line
        self._epoll = select.epoll()
        self._epoll.register(line.fileno(), select.EPOLLIN)
        rng = Random(company.seed)
        self._scene = Scene(company.port, self._epoll, rng, Pacing(), company.minute_s, Figures())
        now = time.monotonic()
        self._boxes = [
            Box(
                identity(company.first + n),
                f"127.0.1.{(company.first + n) // PER_SOURCE + 1}",
                self._scene,
                now + n / company.connects_per_s,
            )
            for n in range(company.boxes)
        ]
        self._rng = rng
        self._at: dict[int, Box] = {}
        self._planned = [FOREVER] * company.boxes
        self._number = {id(box): n for n, box in enumerate(self._boxes)}
        self._due: list[tuple[float, int]] = []
        self._trigger_at = FOREVER
        self._tell_at = now
        self._ending = False
        for box in self._boxes:
            self._plan(box)

    def run(self) -> None:
        while not self._ending:
            for number, events in self._epoll.poll(self._patience(), 2048):
                if number == self._line.fileno():
                    self._obey(self._line.recv())
                    continue
                box = self._at.get(number)
                if box is not None:
                    box.ready(events, time.monotonic())
                    self._plan(box)
            now = time.monotonic()
            for box in self._overdue(now):
                box.tick(now)
                self._plan(box)
            if now >= self._tell_at:
                self._tell_at = now + 1.0
                self._line.send(self._standing())

    def leave(self) -> None:
        for box in self._boxes:
            box.leave()

    def _patience(self) -> float:
        due = self._due[0][0] if self._due else FOREVER
        return max(0.0, min(due, self._tell_at, self._trigger_at) - time.monotonic())

    def _overdue(self, now: float) -> Iterator[Box]:
        while now >= self._trigger_at:
            self._trigger_at += self._rng.expovariate(self._company.triggers_per_s)
            box = self._rng.choice(self._boxes)
            box.trigger(now)
            self._plan(box)
        for _ in range(1_000):  # then look at the sockets again
            if not self._due or self._due[0][0] > now:
                return
            at, number = heapq.heappop(self._due)
            if at == self._planned[number]:
                self._planned[number] = FOREVER
                yield self._boxes[number]

    def _plan(self, box: Box) -> None:
        """A box that wants to be looked at later than planned is looked at once too often, for nothing."""
        number = self._number[id(box)]
        if box.wake_at < self._planned[number]:
            self._planned[number] = box.wake_at
            heapq.heappush(self._due, (box.wake_at, number))
        fileno = box.fileno()
        if fileno is not None:
            self._at[fileno] = box

    def _obey(self, word: Word) -> None:
        scene = self._scene
        match word.what:
            case "work":
                self._work(word.at)
            case "away":
                scene.away_from = word.at
                for box in self._boxes:
                    box.pile_up(word.minutes, word.at)
            case "back":
                scene.back_at = word.at
                if self._company.triggers_per_s:
                    self._trigger_at = word.at
            case "rest":
                scene.making = False
                self._trigger_at = FOREVER
            case "tell":
                self._line.send(Told(scene.figures, {box.identity: box.made for box in self._boxes}))
            case "end":
                self._ending = True

    def _work(self, at: float) -> None:
        """Every box has its own second of the minute."""
        self._scene.making = True
        for box in self._boxes:
            box.minute_at = at + self._rng.uniform(0, self._company.minute_s)
            box.tick(at)
            self._plan(box)

    def _standing(self) -> Standing:
        boxes: Sequence[Box] = self._boxes
        return Standing(
            subscribed=sum(box.subscribed for box in boxes),
            waiting=sum(box.waiting for box in boxes),
            draining=sum(box.has_backlog for box in boxes),
            away=sum(box.is_away for box in boxes),
        )
