"""The whole box with real processes whose clock is wrong at boot, set right, and then set a year on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from sync.hub.totals import totals
from tests.broker import Mosquitto, free_port, mosquitto  # noqa: F401 - a fixture
from tests.edge.test_run import GATES, HALL, STOREEDGE, Box, clip, model  # noqa: F401 - fixtures

pytestmark = pytest.mark.slow

YEAR_S = 365 * 86_400.0
RUNNER = """
import json, sys, time
from pathlib import Path
from edge.clock import steady_seconds
from edge.clock_trust import Reading
from edge.config import load_site
from edge.log import start_logging
from edge.run import run_box

clocks = Path(sys.argv[4])

def read():
    said = json.loads(clocks.read_text())
    return Reading(time.time() + said["off"], steady_seconds(), said["synced"])

start_logging(journal=False)
run_box(load_site(Path(sys.argv[1])), Path(sys.argv[2]), host="127.0.0.1", port=int(sys.argv[3]),
        until_end=False, clocks=read)
"""


class WrongBox(Box):
    """A box whose system clock is what a file says."""

    def __init__(self, folder: Path, site: dict[str, Any]) -> None:
        self.folder, self.port, self.log = folder, free_port(), folder / "box.log"
        self.site, self._clocks = folder / "site.yaml", folder / "clocks.json"
        self.site.write_text(yaml.safe_dump(site))
        self.set_clock(1_000_000.0 - time.time(), synced=False)
        command = [sys.executable, "-c", RUNNER, self.site, folder / "data", str(self.port), self._clocks]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)

    def set_clock(self, off: float, *, synced: bool) -> None:
        draft = self._clocks.with_suffix(".new")
        draft.write_text(json.dumps({"off": off, "synced": synced}))
        draft.replace(self._clocks)

    def problems(self) -> set[str]:
        answer = self.api("/healthz") or {"problems": []}
        return {problem["code"] for problem in answer["problems"]}

    def metric(self, name: str) -> float | None:
        from urllib.request import urlopen

        with urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=5) as answer:
            lines = answer.read().decode().splitlines()
        return next((float(line.split()[-1]) for line in lines if line.startswith(name)), None)

    def count(self, question: str) -> Any:
        return self.rows(question)[0][0]


@pytest.fixture
def centre(tmp_path: Path, mosquitto: Mosquitto) -> Iterator[Path]:  # noqa: F811
    database = tmp_path / "hub.sqlite3"
    hub = subprocess.Popen(
        [STOREEDGE, "hub", "run", "--broker", mosquitto.url, "--db", str(database)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert hub.stdout is not None
    assert "hub ready" in hub.stdout.readline()
    yield database
    hub.terminate()
    hub.wait(10)
    hub.stdout.close()


@pytest.fixture
def box(tmp_path: Path, model: str, clip: Path, mosquitto: Mosquitto) -> Iterator[WrongBox]:  # noqa: F811
    site: dict[str, Any] = {
        "site": {
            "tenant": "rainbow",
            "store": "sz-futian",
            "box": "box-01",
            "opening_hours": {"mon-sun": "00:00-24:00"},
        },
        "model": model,
        "cameras": [
            {"id": "cam-1", "source": f"file:{clip}?loop=1", "fps": 10, "gates": GATES, "zones": [HALL]}
        ],
        "sync": {"url": mosquitto.url},
    }
    one = WrongBox(tmp_path, site)
    yield one
    one.close()


def test_a_box_without_the_time_counts_and_brings_it_all_to_the_centre_once_it_knows(box, centre):
    began = time.time()
    box.wait(lambda: box.camera().get("state") == "online")
    box.wait(lambda: box.count("SELECT count(*) FROM crossing") > 2, 60)
    assert "clock_unknown" in box.problems()
    assert "coverage_low" not in box.problems(), "that is said of a day"
    assert box.api("/healthz")["healthy"] is True, "counting works"
    assert box.metric('storeedge_clock{trust="unknown"}') == 1.0
    assert box.count("SELECT max(t) FROM crossing") < 1e9, "on the dark scale"
    assert box.count("SELECT count(*) FROM outbox") == 0, "nothing goes out without a time"
    gates = box.api("/api/v1/gates")["gates"]
    assert {(gate["in"], gate["out"]) for gate in gates} == {(None, None)}, "missing, and of no day"

    first = box.process.pid
    box.set_clock(0.0, synced=True)
    box.wait(lambda: box.count("SELECT min(t) FROM crossing") > 1e9, 60)
    dark = box.count("SELECT count(*) FROM crossing")
    box.wait(lambda: box.metric('storeedge_clock{trust="synced"}') == 1.0 if box.api("/healthz") else False)
    assert box.process.pid == first, "the same process goes on"
    box.wait(lambda: box.count("SELECT count(*) FROM crossing") > dark, 60)

    box.set_clock(YEAR_S, synced=False)
    box.wait(lambda: "clock_untrusted" in box.problems())
    stepped = box.count("SELECT count(*) FROM crossing")
    box.wait(lambda: box.count("SELECT count(*) FROM crossing") > stepped, 60)
    box.set_clock(0.0, synced=False)
    box.wait(lambda: "clock_untrusted" not in box.problems())

    box.process.send_signal(signal.SIGTERM)
    assert box.end(20) == 0, box.log.read_text()[-3000:]
    assert box.count("SELECT count(*) FROM gate_window WHERE start < 1000000000") == 0
    made = box.count("SELECT sum(entries + exits) FROM gate_window")
    assert (
        made
        == box.count("SELECT count(*) FROM crossing")
        == box.count("SELECT sum(entries + exits) FROM gate_quarter")
    )
    ((oldest, newest),) = box.rows("SELECT min(t), max(t) FROM crossing")
    assert began - 2 < oldest <= newest < time.time() + 2, "at their true times"
    names = [name for (name,) in box.rows("SELECT name FROM event WHERE name LIKE 'clock%' ORDER BY t")]
    assert names[:1] == ["clock_unknown"]
    assert set(names) == {"clock_unknown", "clock_stamped", "clock_step"}

    # What waited when it stopped goes with the next start; here the hub asks what has come so far.
    received = totals(centre)[0]
    told = sum((gate.entries or 0) + (gate.exits or 0) for gate in received.gates)
    waiting = box.count("SELECT count(*) FROM outbox")
    assert told == made or waiting > 0, f"{told} of {made} at the centre, {waiting} messages wait"
    assert 0 < told <= made
    assert os.path.exists(f"{box.folder}/data/box.sqlite3")
