"""A week's outage: 10,080 minutes and 500 events drain to a real hub while the box goes on working."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any, Final, Self

from scripts.benches import seven_days
from scripts.benches.hub import TICKS, _hub
from scripts.benches.machine import ROOT, UnmeasurableError
from sync.backoff import Backoff
from sync.comeback import Comeback
from sync.hub.totals import totals
from sync.mqtt import BACKOFF_S, Arrived, Broker, Link, Subscribed, Up
from sync.trouble import Trouble
from tests.broker import Mosquitto
from tests.postgres import Postgres, programs, running

RUNS: Final = 3
BOXES: Final = 1000
AWAY_S: Final = (0.5, 5.0, 60.0, 3600.0)
"""Seconds for which a broker is away."""
SLOW_DISK_S: Final = 0.05
"""What a sync takes on a poor eMMC."""
HEARD: Final = ("up/trigger", "down/ack/trigger")
SAMPLE_S: Final = 0.05
CONF: Final = (
    "allow_anonymous true\nset_tcp_nodelay true\nmax_inflight_messages 100\nmax_queued_messages 1000000\n"
)
"""As `firmware_config/mosquitto` has it."""


def measure() -> dict[str, Any]:
    """To a hub on SQLite, and to one on PostgreSQL where there is one."""
    with tempfile.TemporaryDirectory(prefix="storeedge-bench-") as place, ExitStack() as stack:
        folder = Path(place)
        week = seven_days.make(folder)
        figures: dict[str, Any] = {
            "minutes": seven_days.MINUTES,
            "events": seven_days.EVENTS,
            "database_mib": round(week.stat().st_size / 2**20, 1),
            "hub_on_sqlite": _several(week, folder / "sqlite", None),
            "slow_disk": _slow_disk(week, folder / "slow"),
        }
        if programs() is not None:
            server = stack.enter_context(_server())
            figures["hub_on_postgresql"] = _several(week, folder / "postgresql", server)
    figures["reconnecting"] = reconnecting(BOXES)
    return figures


def _slow_disk(week: Path, folder: Path) -> dict[str, Any]:
    """The hub on SQLite again, for a box on a tired eMMC."""
    run = _run(week, folder, None, sync_s=SLOW_DISK_S)
    return {"sync_ms": round(1000 * SLOW_DISK_S)} | {
        name: run[name] for name in ("drain_s", "deletions", "minute_commit_ms", "live_triggers")
    }


def _several(week: Path, folder: Path, server: Postgres | None) -> dict[str, Any]:
    runs = [_run(week, folder.with_name(f"{folder.name}-{n}"), server) for n in range(RUNS)]
    best = sorted(runs, key=lambda run: float(run["drain_s"]))[RUNS // 2]
    return best | {"drains_s": [run["drain_s"] for run in runs]}


def _run(week: Path, folder: Path, server: Postgres | None, sync_s: float = 0.0) -> dict[str, Any]:
    """One drain."""
    with ExitStack() as stack:
        seven_days.copy(week, folder)
        broker = Mosquitto(folder, CONF)
        broker.start()
        stack.callback(broker.kill)
        where = server.database() if server is not None else str(folder / "hub.db")
        hub = stack.enter_context(_hub(broker.url, where, "hub"))
        ear = stack.enter_context(Ear(broker.url))
        command = [sys.executable, "-m", "scripts.benches.sync_box", str(folder), broker.url, str(sync_s)]
        spent = {"hub": _cpu(hub.pid), "mosquitto": _cpu(broker.pid)}
        if server is not None:
            spent["postgresql"] = sum(map(_cpu, server.pids()))
        load = os.getloadavg()[0]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as box:
            memory = stack.enter_context(Memory({"box": box.pid, "hub": hub.pid}))
            said, _ = box.communicate()
        if box.returncode:
            raise UnmeasurableError(f"the box did not drain: {said}")
        told = json.loads(said)
        now = {"hub": _cpu(hub.pid), "mosquitto": _cpu(broker.pid)}
        if server is not None:
            now["postgresql"] = sum(map(_cpu, server.pids()))
        held = totals(where)[0]
        if held.minutes != seven_days.MINUTES + told["minutes"] or held.events != seven_days.EVENTS:
            raise UnmeasurableError(f"the hub holds {held.minutes} minutes and {held.events} events")
        return _figures(told, ear, memory) | {
            "cpu_us_per_message": {
                name: round(1e6 * seconds / told["rows"])
                for name, seconds in ({"box": told["cpu_s"]} | {n: now[n] - spent[n] for n in now}).items()
            },
            "load_before": round(load, 1),
        }


def _figures(told: dict[str, Any], ear: Ear, memory: Memory) -> dict[str, Any]:
    marks, coupons = told["marks"], told["coupons"]
    drain = marks["end"] - marks["start"]
    return {
        "drain_s": round(drain, 2),
        "first_acknowledged_s": round(marks["first"] - marks["start"], 2),
        "messages_per_s": round(told["rows"] / drain),
        "opening_ms": round(1000 * told["opened_s"]),
        "deletions": told["deletions"],
        "wal_mib": round(told["wal"] / 2**20, 1),
        "minutes_counted_meanwhile": told["minutes"],
        "minute_commit_ms": _spread(told["minute_s"]),
        "live_triggers": {
            "sent": len(coupons),
            "commit_ms": _spread([c["committed"] - c["began"] for c in coupons]),
            "to_a_subscriber_ms": _spread([ear.heard[c["seq"]] - c["began"] for c in coupons]),
            "to_acknowledgement_ms": _spread(
                [ear.acknowledged(c["seq"]) - c["began"] for c in coupons]
            ),
        },
        "memory_mib": {
            name: {"at_a_tenth": memory.at(name, marks["tenth"]), "at_the_end": memory.at(name, marks["end"]),
                   "most": memory.most(name)}
            for name in ("box", "hub")
        },
    }  # fmt: skip


def _spread(seconds: Sequence[float]) -> dict[str, float]:
    """Milliseconds."""
    if not seconds:
        return {}
    ordered = sorted(1000 * one for one in seconds)
    p99 = ordered[min(len(ordered) - 1, round(0.99 * len(ordered)))]
    return {"p50": round(median(ordered), 1), "p99": round(p99, 1), "max": round(ordered[-1], 1)}


def reconnecting(boxes: int) -> dict[str, Any]:
    """Boxes that lost their broker in the same moment: the share of them that come in the busiest second
    after it is back. Played with the pauses of the product, without a network."""
    return {"boxes": boxes} | {
        f"broker_away_{away:g}_s": {"busiest_second": round(_busiest(returns) / boxes, 3),
                                   "all_back_s": round(max(returns) - away, 1)}
        for away in AWAY_S
        if (returns := [_returns(away) for _ in range(boxes)])
    }  # fmt: skip


def _returns(away: float) -> float:
    """When one box is connected again; a try while the broker is away fails at once."""
    comeback = Comeback(Backoff(*BACKOFF_S))
    lost = Trouble("lost", "")
    at = comeback.after(lost, 3600.0, ended=True)[1]
    while at < away:
        at += comeback.after(lost, None, ended=False)[1]
    return at


def _busiest(moments: Sequence[float]) -> int:
    ordered = sorted(moments)
    return max(bisect_left(ordered, moment + 1.0) - place for place, moment in enumerate(ordered))


class Ear:
    """A subscriber of the triggers and of the centre's acknowledgements of them."""

    def __init__(self, url: str) -> None:
        self.heard: dict[int, float] = {}
        """When each trigger came first, by seq."""
        self._acknowledged: list[tuple[int, float]] = []
        self._link = Link(Broker.parse(url), "ear")
        self._ready, self._done = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while not self._done.is_set():
            for happening in self._link.poll(0.5):
                match happening:
                    case Up():
                        self._link.subscribe([f"storeedge/1/+/+/+/{name}" for name in HEARD])
                    case Subscribed():
                        self._ready.set()
                    case Arrived(topic, payload, receipt):
                        self._hear(topic, json.loads(payload), time.monotonic())
                        self._link.confirm(receipt)
        self._link.close()

    def _hear(self, topic: str, said: dict[str, Any], now: float) -> None:
        if topic.endswith("/down/ack/trigger"):
            self._acknowledged.append((said["upto"], now))
        else:
            self.heard.setdefault(said["seq"], now)

    def acknowledged(self, seq: int) -> float:
        """When the centre said that it holds this."""
        return next(moment for upto, moment in self._acknowledged if upto >= seq)

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._ready.wait(10):
            raise UnmeasurableError("the broker does not answer")
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._link.wake()
        self._thread.join()


class Memory:
    """Resident memory of processes, looked at again and again."""

    def __init__(self, pids: dict[str, int]) -> None:
        self._pids = pids
        self._seen: dict[str, list[tuple[float, float]]] = {name: [] for name in pids}
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while not self._done.wait(SAMPLE_S):
            for name, pid in self._pids.items():
                try:
                    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
                except (OSError, IndexError):
                    continue
                self._seen[name].append((time.monotonic(), pages * os.sysconf("SC_PAGESIZE") / 2**20))

    def at(self, name: str, moment: float) -> float:
        """MiB."""
        return round(min(self._seen[name], key=lambda seen: abs(seen[0] - moment))[1], 1)

    def most(self, name: str) -> float:
        """MiB."""
        return round(max(mib for _, mib in self._seen[name]), 1)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()


@contextmanager
def _server() -> Iterator[Postgres]:
    yield from running({"shared_buffers": "256MB", "max_wal_size": "2GB"})


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS
