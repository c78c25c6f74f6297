"""How long the API takes on a store of 400 days: real requests over loopback, nothing kept between them."""

from __future__ import annotations

import http.client
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import quantiles
from typing import Any, Final
from urllib.parse import urlencode

import uvicorn

from edge.live import Live
from edge.store import Store
from edge.web.app import create_app
from scripts.benches.machine import UnmeasurableError
from scripts.invented_day import NOW, OPENED, SITE, invent

DAYS: Final = 400
REQUESTS: Final = 40
DAY_S: Final = 86_400
CLONED: Final = ("window", "quarter")
RECENT: Final = ("heat_window",)
"""Kept for two days only, as retention would have it."""


def measure() -> dict[str, Any]:
    """Milliseconds by question, the median and the 95th percentile."""
    with tempfile.TemporaryDirectory(prefix="storeedge-bench-") as folder:
        path = Path(folder) / "edge.db"
        site = SITE.site
        with Store.open(
            path, tenant=site.tenant, store=site.store, box=site.box, clock=lambda: NOW, budget_mib=4096
        ) as store:
            store._connection.execute("PRAGMA synchronous = OFF")
            pulses = invent(store, OPENED, NOW, 1.0)
            _repeat(store._connection)
            live = Live([camera.id for camera in SITE.cameras], OPENED)
            for pulse in pulses:
                live.pulse(pulse)
            figures = _ask(path, live)
        size = path.stat().st_size
    worst = max(each["p95_ms"] for each in figures.values())
    return {"days": DAYS, "database_mib": round(size / 2**20), "worst_p95_ms": worst, "questions": figures}


def _repeat(connection: sqlite3.Connection) -> None:
    """The same day again for every day before."""
    names = [row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    for table in (name for name in names if name.endswith(CLONED) or name == "minute"):
        columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
        others = ", ".join(f'"{name}"' for name in columns if name != "start")
        days = 2 if table in RECENT else DAYS
        connection.execute(
            f"WITH RECURSIVE day(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM day WHERE n < {days - 1}) "
            f"INSERT OR IGNORE INTO {table} (start, {others}) "
            f"SELECT start - n * {DAY_S}, {others} FROM day, {table}"
        )
    for table, column in (("heat_hour", "start"), ("heat_day", "start"), ("event", "t")):
        columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
        others = ", ".join(f'"{name}"' for name in columns if name != column)
        connection.execute(
            f"WITH RECURSIVE day(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM day WHERE n < {DAYS - 1}) "
            f"INSERT OR IGNORE INTO {table} ({column}, {others}) "
            f"SELECT {column} - n * {DAY_S}, {others} FROM day, {table}"
        )


def _questions() -> dict[str, str]:
    """What is asked, by name; times as the page and a program at head office would ask."""
    now = datetime.fromtimestamp(NOW, UTC)

    def span(days: float, **more: str) -> str:
        return urlencode({"from": (now - timedelta(days=days)).isoformat(), "to": now.isoformat(), **more})

    day = datetime.fromtimestamp(NOW, SITE.site.zone).date()
    plain = (
        "today",
        "gates",
        "zones",
        "queues",
        "counters",
        "occupancy",
        "lanes",
        "cameras",
        "sync",
        "audits",
    )
    return {name: name for name in plain} | {
        "today a year ago": f"today?date={day - timedelta(days=365)}",
        "queues a year ago": f"queues?date={day - timedelta(days=365)}",
        "windows of an hour": f"windows?{span(1 / 24)}",
        "events of 400 days": f"events?{span(DAYS - 1, language='zh-CN')}",
        "heat of a day": f"heat?{span(1, camera='cosmetics')}",
        "heat of a month": f"heat?{span(31, camera='cosmetics')}",
    }


def _ask(path: Path, live: Live) -> dict[str, dict[str, float]]:
    ticks = iter(range(10**9))

    def clock() -> float:
        """A second later at every look, so that no look serves two requests."""
        return NOW + next(ticks)

    figures = {}
    with _served(path, live, clock) as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        for name, question in _questions().items():
            taken = [_once(connection, question) for _ in range(REQUESTS + 3)][3:]
            wall, cpu = quantiles([w for w, _ in taken], n=20), quantiles([c for _, c in taken], n=20)
            figures[name] = {
                "p50_ms": round(wall[9], 1), "p95_ms": round(wall[18], 1), "p50_cpu_ms": round(cpu[9], 1)
            }  # fmt: skip
        connection.close()
    return figures


def _once(connection: http.client.HTTPConnection, question: str) -> tuple[float, float]:
    """Milliseconds on the clock, and of the processor, of which a busy machine may not give all at once."""
    began, worked = time.perf_counter(), time.process_time()
    connection.request("GET", f"/api/v1/{question}")
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != 200:
        raise UnmeasurableError(f"/api/v1/{question} answers {answer.status}: {body[:200]!r}")
    return 1000 * (time.perf_counter() - began), 1000 * (time.process_time() - worked)


@contextmanager
def _served(path: Path, live: Live, clock: Callable[[], float]) -> Iterator[int]:
    app = create_app(SITE, path, live, clock=clock, pages=False)
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join(10)
