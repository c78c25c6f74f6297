"""The centre: minutes committed to PostgreSQL and acknowledged, end to end through a real mosquitto."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import psycopg

from pipelines.records import (
    DWELL_EDGES_S,
    CameraWindow,
    CounterWindow,
    GateWindow,
    HeatWindow,
    OccupancyWindow,
    Quality,
    QueueWindow,
    Window,
    ZoneWindow,
)
from scripts.benches.boxes_at_once import Boxes
from scripts.benches.machine import UnmeasurableError
from sync.bodies import minute_body, utc
from sync.hub.totals import totals
from sync.topics import BoxIdentity
from tests.broker import Mosquitto
from tests.postgres import Postgres, programs, running

BOXES: Final = 200
MINUTES: Final = 60
"""Of each box."""
HUBS: Final = (1, 2)
START: Final = 1_780_000_200 // 3600 * 3600
TICKS: Final = os.sysconf("SC_CLK_TCK")
NO_LIMITS: Final = (
    "allow_anonymous true\nset_tcp_nodelay true\nmax_queued_messages 0\nmax_inflight_messages 0\n"
)


def measure() -> dict[str, Any]:
    """With one hub, then with two that share the messages."""
    if programs() is None:
        raise UnmeasurableError("no PostgreSQL: apt-get install postgresql")
    body = minute_body(START, windows(START))
    return {
        "message": {
            "what": "a counter's minute: gate, zone, queue, staff, camera, heat map, area",
            "windows": len(windows(START)),
            "bytes": len(body),
            "boxes": BOXES,
            "minutes_of_each": MINUTES,
        },
        "hubs": {str(hubs): _measure(hubs) for hubs in HUBS},
    }


def windows(start: int) -> list[Window]:
    """A counter's minute: a gate, a zone, a queue, its staff, the camera, its heat map, an area."""
    good = Quality(9.9, 1.0, 0.05, 1.1, "good")
    bins = (1, 3, 2, *(0,) * (len(DWELL_EDGES_S) - 3))
    none = (0,) * len(DWELL_EDGES_S)
    cells = tuple((n % 6, n // 6, 2.5 + n / 8) for n in range(18))
    return [
        GateWindow("cam-1", "aisle", start, 60.0, 14, 12, 1, 2, 1, 1, 9, good),
        ZoneWindow(
            "cam-1", "counter", start, 60.0, 6, 2, 171.25, 5, bins, none, 152.5, 1, 30.5, 7, 3.25, good
        ),
        QueueWindow(
            "cam-1", "till", start, 60.0, 90.5, 3, (10, 30, 20, *none[3:]), 3, 2, 1, 0, 1, bins, none, 121.25,
            good,
        ),
        CounterWindow("cam-1", "counter", start, 60.0, 52.5, 7.5, 3.25, good),
        CameraWindow("cam-1", "cam-1", start, 60.0, 600, 244.0, 9, 16, 1, good),
        HeatWindow("cam-1", "cam-1", start, 60.0, "m", cells),
        OccupancyWindow("*", "store", start, 60.0, 410.5, 9, 8, 0, True, good),
    ]  # fmt: skip


def _measure(hubs: int) -> dict[str, Any]:
    boxes = [BoxIdentity("bench", f"store-{n // 4}", f"box-{n}") for n in range(BOXES)]
    bodies = [minute_body(START + 60 * n, windows(START + 60 * n)) for n in range(MINUTES)]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        broker = Mosquitto(folder, NO_LIMITS)
        broker.start()
        stack.callback(broker.kill)
        server = stack.enter_context(_server())
        where = server.database()
        processes = [stack.enter_context(_hub(broker.url, where, f"hub-{n}")) for n in range(hubs)]
        sender = stack.enter_context(Boxes(broker.port, boxes, bodies, utc(START)))
        before = _cpu(broker, server, processes)
        load, began = os.getloadavg()[0], time.perf_counter()
        slowest = sender.send_all()
        took = time.perf_counter() - began
        spent = {name: cpu - before[name] for name, cpu in _cpu(broker, server, processes).items()}
        count = len(boxes) * len(bodies)
        rolled_up = _rolled_up(where, began)
        rolling = _cpu(broker, server, processes)["postgresql"] - before["postgresql"] - spent["postgresql"]
        held = totals(where)
        disk = _bytes(where)
        _check(sum(box.minutes for box in held), sum(box.gates[0].entries or 0 for box in held), count)
    spent["hours afterwards"] = rolling
    everything = sum(spent.values())
    return {
        "messages": count,
        "per_s": round(count / took),
        "acknowledged_within_ms": {key: round(value * 1000) for key, value in slowest.items()},
        "cpu_us_per_message": {name: round(cpu / count * 1e6) for name, cpu in spent.items()},
        "cpu_us_in_all": round(everything / count * 1e6),
        "cores_we_got": round((everything - rolling) / took, 2),
        "hours_added_up_after_s": round(rolled_up, 1),
        "bytes_per_message": {name: round(size / count) for name, size in disk.items()},
        "load_before": round(load, 1),
    }


def _rolled_up(where: str, began: float) -> float:
    """Seconds from the beginning until no hour is due any more."""
    until = time.perf_counter() + 60
    with psycopg.connect(where, autocommit=True) as db:
        while db.execute("SELECT count(*) FROM due_hour").fetchone() != (0,):
            if time.perf_counter() > until:
                raise UnmeasurableError("the hours are not added up within a minute")
            time.sleep(0.1)
    return time.perf_counter() - began


def _bytes(where: str) -> dict[str, int]:
    """On the disk, with indexes."""
    with psycopg.connect(where) as db:
        rows = db.execute(
            r"SELECT CASE WHEN relname = 'message' THEN 'message' WHEN relname LIKE '%\_hour' THEN 'hours' "
            r"WHEN relname LIKE '%\_minute' THEN 'windows' ELSE 'rest' END, "
            "sum(pg_total_relation_size(oid))::bigint FROM pg_class "
            "WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace GROUP BY 1"
        ).fetchall()
    return dict(rows)


def _check(minutes: int, entries: int, sent: int) -> None:
    if (minutes, entries) != (sent, 14 * sent):
        raise UnmeasurableError(f"{sent} minutes were sent, {minutes} with {entries} entries are held")


@contextmanager
def _server() -> Iterator[Postgres]:
    yield from running({"shared_buffers": "256MB", "max_wal_size": "2GB"})


@contextmanager
def _hub(url: str, where: str, name: str) -> Iterator[subprocess.Popen[str]]:
    storeedge = str(Path(sys.executable).with_name("storeedge"))
    command = [storeedge, "hub", "run", "--broker", url, "--db", where, "--name", name]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            if "hub ready" not in line:
                raise UnmeasurableError(f"the hub did not start: {line}")
            yield process
        finally:
            process.terminate()


def _cpu(broker: Mosquitto, server: Postgres, hubs: Iterable[subprocess.Popen[str]]) -> dict[str, float]:
    """Seconds of processor time so far; the sender is this process."""
    sender = os.times()
    return {
        "hub": sum(_of(hub.pid) for hub in hubs),
        "postgresql": sum(_of(pid) for pid in server.pids()),
        "mosquitto": _of(broker.pid),
        "sender": sender.user + sender.system,
    }


def _of(pid: int) -> float:
    """Its own, and that of its children that have ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:  # a worker of the database that has just ended
        return 0.0
    return sum(map(int, fields[11:15])) / TICKS
