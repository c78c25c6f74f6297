"""A main process that is killed at any moment loses nothing and counts nothing twice."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

from edge.store.database import reading
from edge.store.windows import select
from pipelines.records import GateWindow
from tests.conftest import ROOT
from tests.edge.store.build import open_store
from tests.edge.store.writer_child import BEGIN

KILLS = 8


def _start(path: Path, *last: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.edge.store.writer_child", str(path), *last],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )


def _killed_after(path: Path, lines: int) -> int:
    """The number of the last crossing that the child called durable before it was killed."""
    child = _start(path)
    assert child.stdout is not None
    seen = [child.stdout.readline() for _ in range(lines)]
    child.kill()
    rest = child.stdout.read().split("\n")
    child.wait()
    whole = [line.strip() for line in seen] + [line for line in rest[:-1] if line]
    return int(whole[-1])


def test_kill_9_again_and_again_loses_nothing_and_counts_nothing_twice(tmp_path: Path) -> None:
    path, pick = tmp_path / "edge.db", random.Random(7)
    for _ in range(KILLS):
        durable = _killed_after(path, pick.randint(30, 260))
        with reading(path) as connection:
            kept = connection.execute("SELECT count(*), max(track) FROM crossing").fetchone()
        assert kept[1] >= durable, f"crossing {durable} was durable, the newest kept is {kept[1]}"
        assert kept[0] == kept[1] + 1, "a crossing is missing in between"
    total = durable + 100
    child = _start(path, str(total))
    child.communicate(timeout=60)
    assert child.returncode == 0
    with open_store(tmp_path) as store:
        assert store.uncounted() == []
        rows = store.pending("data", 0, 10_000)
        with reading(path) as connection:
            windows = select(connection, "gate", BEGIN, BEGIN + 86_400)
            summed = connection.execute("SELECT sum(entries) FROM gate_quarter").fetchone()[0]
    at_centre = {
        json.loads(row.body)["start"]: json.loads(row.body)["windows"] for row in rows
    }  # upsert by minute, the later seq wins
    received = sum(w["in"] or 0 for body in at_centre.values() for w in body if w["scope"] == "gate")
    assert [row.seq for row in rows] == list(range(1, len(rows) + 1))
    assert sum(w.entries for w in windows if isinstance(w, GateWindow)) == total + 1
    assert (summed, received) == (total + 1, total + 1)
