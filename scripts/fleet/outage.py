"""The run: all boxes work, the centre is cut off, minutes pile up, and everything comes back at once."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Final

from scripts.benches.machine import UnmeasurableError
from scripts.fleet.centre import SPARE_FILES, Centre, open_files
from scripts.fleet.crowd import Company, Standing, Told, Word, live
from scripts.fleet.figures import Figures
from scripts.fleet.report import figures_of
from scripts.fleet.truth import compare
from sync.outbox import Stream
from sync.topics import BoxIdentity

PER_PROCESS: Final = 10_000
"""Boxes of one process of the simulator."""
LONGEST_S: Final = 900.0
"""Of any one step; then the run fails instead of waiting for ever."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is played."""

    boxes: int = 1_000
    hubs: int = 2
    trigger_hubs: int = 1
    """For each broker, beside `hubs`; 0: those take the triggers too."""
    brokers: int = 1
    minutes_each: int = 1
    """Of normal work before the outage, and after all has drained."""
    outage_minutes: int = 60
    """That pile up on each box."""
    away_s: float = 60.0
    """For how long the centre is really away: the boxes' back-off is the real one."""
    minute_s: float = 60.0
    """A minute's real length; shorter only in tests."""
    triggers_per_s: float = 5.0
    """Of the whole fleet, from the moment that everything is back."""
    seed: int = 1


def play(plan: Plan, tell: Callable[[str], None]) -> dict[str, Any]:
    """All figures. Raises UnmeasurableError where the machine does not allow it, EdgeError when a part
    fails. Whatever happens, nothing is left running."""
    _check_files(plan, open_files())
    with ExitStack() as stack:
        centre = Centre(plan.brokers, plan.hubs, plan.trigger_hubs)
        stack.callback(centre.stop)
        centre.start()
        fleet = _Fleet(plan, centre, tell)
        stack.callback(fleet.end)
        return fleet.play()


def _check_files(plan: Plan, files: int) -> None:
    """A broker has a file open for each of its boxes."""
    most = files - SPARE_FILES
    if -(-plan.boxes // plan.brokers) > most:
        raise UnmeasurableError(
            f"a process may open {files} files here, so a broker takes {most} boxes: "
            f"share them out with --brokers {-(-plan.boxes // most)}, or raise the limit (ulimit -Hn)"
        )


class _Fleet:
    def __init__(self, plan: Plan, centre: Centre, tell: Callable[[str], None]) -> None:
        self._plan, self._centre, self._tell = plan, centre, tell
        self._lines: list[Connection] = []
        self._processes: list[BaseProcess] = []
        self._standing: dict[int, Standing] = {}
        spawning = multiprocessing.get_context("spawn")
        for company in _companies(plan, centre.ports):
            ours, theirs = spawning.Pipe()
            process = spawning.Process(target=live, args=(company, theirs), daemon=True)
            process.start()
            theirs.close()
            self._lines.append(ours)
            self._processes.append(process)

    def play(self) -> dict[str, Any]:
        plan, began = self._plan, time.monotonic()
        self._until("connecting", lambda now: now.subscribed == plan.boxes)
        self._say(Word("work", time.monotonic()))
        self._sleep(f"{plan.minutes_each} min of normal work", plan.minutes_each * plan.minute_s)
        away_from = time.monotonic()
        self._say(Word("away", away_from, plan.outage_minutes))
        self._centre.kill()
        self._sleep("the centre is away", max(0.0, plan.away_s - (time.monotonic() - away_from)))
        self._centre.postgres.start()
        back_at = time.monotonic()
        self._say(Word("back", back_at))
        self._centre.begin()
        before = self._cpu_s()
        self._until("draining", lambda now: now.draining == 0 and now.away == 0)
        drained_in = time.monotonic() - back_at
        spent = {name: cpu - before[name] for name, cpu in self._cpu_s().items()}
        memory = self._centre.memory_mib() | {"simulator": sum(_hwm_mib(p.pid) for p in self._processes)}
        self._sleep(f"{plan.minutes_each} min of normal work", plan.minutes_each * plan.minute_s)
        self._say(Word("rest"))
        self._until("the last ones", lambda now: now.waiting == 0)
        figures, made = self._told()
        held = compare(self._centre.where, made)
        return figures_of(
            figures, held, back_at=back_at, drained_in=drained_in, cpu_s=spent, memory_mib=memory
        ) | {"run_s": round(time.monotonic() - began)}

    def end(self) -> None:
        for line in self._lines:
            line.close()
        for process in self._processes:
            process.join(5)
            process.kill()
            process.join()

    # -- leading the crowds ----------------------------------------------------------------------------

    def _say(self, word: Word) -> None:
        for line in self._lines:
            line.send(word)
        self._standing.clear()

    def _hear(self, seconds: float) -> list[Told]:
        """What the crowds say within so long; standings are noted."""
        told: list[Told] = []
        for line in wait(self._lines, seconds):
            assert isinstance(line, Connection)
            try:
                word = line.recv()
            except EOFError as error:
                raise UnmeasurableError("a process of the simulator has ended; see above") from error
            if isinstance(word, Standing):
                self._standing[id(line)] = word
            else:
                told.append(word)
        return told

    def _until(self, what: str, done: Callable[[Standing], bool]) -> None:
        began = told_at = time.monotonic()
        self._standing.clear()
        while True:
            self._hear(1.0)
            if len(self._standing) == len(self._lines):
                now = _together(list(self._standing.values()))
                if done(now):
                    return
                if time.monotonic() - told_at >= 5:
                    told_at = time.monotonic()
                    self._tell(f"{what}: {now.subscribed} boxes connected, {now.waiting} messages wait")
            self._centre.check()
            if time.monotonic() - began > LONGEST_S:
                raise UnmeasurableError(f"{what}: not done within {LONGEST_S:.0f} s: {self._standing}")

    def _sleep(self, what: str, seconds: float) -> None:
        self._tell(f"{what}: {seconds:.0f} s")
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self._hear(left)

    def _told(self) -> tuple[Figures, dict[BoxIdentity, dict[Stream, int]]]:
        self._say(Word("tell"))
        figures, heard = Figures(), 0
        made: dict[BoxIdentity, dict[Stream, int]] = {}
        while heard < len(self._lines):
            for told in self._hear(LONGEST_S):
                figures.add(told.figures)
                made |= told.made
                heard += 1
        return figures, made

    def _cpu_s(self) -> dict[str, float]:
        ours = 0.0
        for process in self._processes:
            with open(f"/proc/{process.pid}/stat", encoding="ascii") as stat:
                words = stat.read().rpartition(")")[2].split()
            ours += (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")
        return self._centre.cpu_s() | {"simulator": ours}


def _companies(plan: Plan, ports: Sequence[int]) -> list[Company]:
    """So many processes that each has boxes of one broker only, and no more than it can."""
    found: list[Company] = []
    first = 0
    for number, port in enumerate(ports):
        mine = plan.boxes // len(ports) + (number < plan.boxes % len(ports))
        parts = -(-mine // PER_PROCESS)
        for part in range(parts):
            boxes = mine // parts + (part < mine % parts)
            share = boxes / plan.boxes
            found.append(
                Company(
                    first, boxes, port, plan.seed + len(found), plan.minute_s, 500 * share,
                    plan.triggers_per_s * share,
                )
            )  # fmt: skip
            first += boxes
    return found


def _together(standing: Sequence[Standing]) -> Standing:
    return Standing(
        subscribed=sum(one.subscribed for one in standing),
        waiting=sum(one.waiting for one in standing),
        draining=sum(one.draining for one in standing),
        away=sum(one.away for one in standing),
    )


def _hwm_mib(pid: int | None) -> float:
    """The most that a process ever held."""
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return sum(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM:"))
