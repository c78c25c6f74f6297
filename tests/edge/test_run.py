"""The whole box on real footage: what it counts, what it survives, and how it ends."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from models import cache
from models.manifest import card
from sync.hub.totals import totals
from tests.broker import Mosquitto, free_port, mosquitto  # noqa: F401 - a fixture
from tests.sync.contract import described
from tests.sync.fakes import Listener

pytestmark = pytest.mark.slow

STOREEDGE = str(Path(sys.executable).with_name("storeedge"))
GATES = [{"id": f"at-{x}", "line": [[x / 100, 0], [x / 100, 1]], "inside": "right"} for x in (30, 50, 70)]
HALL = {"id": "hall", "role": "counter", "polygon": [[0, 0], [1, 0], [1, 1], [0, 1]]}


@pytest.fixture(scope="session")
def model() -> str:
    """The default model, as `storeedge models pull` left it on this machine."""
    if cache.receipt(card("default")) is None:
        pytest.skip("no model: run `storeedge models pull`")
    return "default"


@pytest.fixture(scope="session")
def clip(vtest: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first 8 seconds of vtest.avi, not coded anew."""
    if shutil.which("ffmpeg") is None:
        pytest.skip("no ffmpeg: apt-get install ffmpeg")
    short = tmp_path_factory.mktemp("clips") / "short.avi"
    command = ["ffmpeg", "-v", "error", "-i", vtest, "-t", "8", "-c", "copy", short]
    subprocess.run(command, check=True, timeout=60)
    return short


class Box:
    """A running `storeedge run`."""

    def __init__(self, folder: Path, site: dict[str, Any], *more: str, notify: str | None = None) -> None:
        self.folder, self.port = folder, free_port()
        self.site = folder / "site.yaml"
        self.site.write_text(yaml.safe_dump(site))
        self.log = folder / "box.log"
        command = [STOREEDGE, "run", "--site", self.site, "--data", folder / "data", "--port", str(self.port)]
        environment = os.environ | ({"NOTIFY_SOCKET": notify} if notify else {})
        with self.log.open("ab") as log:
            self.process = subprocess.Popen([*command, *more], stdout=log, stderr=log, env=environment)

    def api(self, path: str) -> Any:
        address = f"http://127.0.0.1:{self.port}{path}"
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            return json.load(error)
        except OSError:
            return None

    def children(self) -> dict[str, int]:
        """Process ids of the children by module."""
        own = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        found = {}
        for pid in own.read_text().split():
            command = Path(f"/proc/{pid}/cmdline").read_bytes().decode().replace("\0", " ")
            if "import edge." in command:
                found[command.split("import ")[1].split(";")[0]] = int(pid)
        return found

    def wait(self, condition: Callable[[], object], seconds: float = 40.0) -> None:
        until = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < until, self.log.read_text()[-3000:]
            assert self.process.poll() is None, self.log.read_text()[-3000:]
            time.sleep(0.1)

    def end(self, seconds: float = 60.0) -> int:
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(self.log.read_text()[-3000:]) from None

    def camera(self) -> dict[str, Any]:
        answer = self.api("/api/v1/cameras")
        return answer["cameras"][0] if answer else {}

    def rows(self, question: str) -> list[tuple[Any, ...]]:
        with sqlite3.connect(f"file:{self.folder}/data/box.sqlite3?mode=ro", uri=True) as database:
            return database.execute(question).fetchall()

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)


@pytest.fixture
def box(tmp_path: Path, model: str) -> Iterator[Callable[..., Box]]:
    boxes: list[Box] = []

    def make(source: str, *more: str, sync: str | None = None, notify: str | None = None) -> Box:
        # A store that is open now, wherever and whenever this runs.
        hours = {"mon-sun": "00:00-24:00"}
        site: dict[str, Any] = {
            "site": {"tenant": "rainbow", "store": "sz-futian", "box": "box-01", "opening_hours": hours},
            "model": model,
            "cameras": [{"id": "cam-1", "source": source, "fps": 10, "gates": GATES, "zones": [HALL]}],
        }
        if sync is not None:
            site["sync"] = {"url": sync}
        boxes.append(Box(tmp_path, site, *more, notify=notify))
        return boxes[-1]

    yield make
    for one in boxes:
        one.close()


def replayed(clip: Path, site: Path, out: Path) -> dict[str, Any]:
    command = [STOREEDGE, "replay", str(clip), "--site", str(site), "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    summary: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return summary


def test_one_pass_counts_what_a_replay_counts_and_brings_it_to_the_centre(box, clip, tmp_path, mosquitto):  # noqa: F811
    """File, capture child, ring, engine, minutes, store, MQTT, hub: nothing is lost on the way."""
    hub_db = tmp_path / "hub.sqlite3"
    hub = subprocess.Popen(
        [STOREEDGE, "hub", "run", "--broker", mosquitto.url, "--db", str(hub_db)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert hub.stdout is not None
        assert "hub ready" in hub.stdout.readline()
        with Listener(mosquitto.url) as anybody:
            one = box(f"file:{clip}", "--until-end", sync=mosquitto.url)
            assert one.end(90) == 0, one.log.read_text()
        received = totals(hub_db)[0]
        said = {described(topic, payload) for topic, payload in anybody.heard()}
        assert {"storeedge/state/1", "storeedge/minute/1", "storeedge/ack/1"} <= said
    finally:
        hub.terminate()
        hub.wait(10)
        hub.stdout.close()
    counted = one.rows("SELECT id, sum(entries), sum(exits) FROM gate_window GROUP BY id ORDER BY id")
    assert one.rows("SELECT count(*) FROM outbox") == [(0,)]
    stored = one.rows(
        "SELECT (SELECT count(*) FROM gate_window) + (SELECT count(*) FROM zone_window)"
        " + (SELECT count(*) FROM camera_window) + (SELECT count(*) FROM heat_window)"
    )[0][0]
    assert received.windows == stored > 0
    assert [(gate.gate, gate.entries, gate.exits) for gate in received.gates] == counted
    expected = replayed(clip, one.site, tmp_path / "out")
    ((visits,),) = one.rows("SELECT sum(visits) FROM zone_window")
    ((frames, observed),) = one.rows("SELECT sum(frames), sum(observed_seconds) FROM camera_window")
    if frames < expected["analysed"] - 3:  # analysis in real time may drop frames on a busy machine
        assert frames > 0.5 * expected["analysed"], f"{frames} of {expected['analysed']} frames"
        assert one.rows("SELECT count(*) FROM crossing") == [(sum(i + o for _, i, o in counted),)]
        return
    assert {gate: {"in": entries, "out": exits} for gate, entries, exits in counted} == expected["gates"]
    assert sum(entries + exits for _, entries, exits in counted) > 2
    assert visits == expected["zones"]["hall"]["visits"] > 2
    assert observed == pytest.approx(8, abs=0.5)


def test_engine_and_capture_child_are_killed_and_come_back_and_the_gap_is_seen(box, clip):
    one = box(f"file:{clip}?loop=1")
    began = time.monotonic()
    one.wait(lambda: one.camera().get("state") == "online" and one.camera()["persons"] is not None)
    first = one.children()
    assert set(first) == {"edge.engine_process", "edge.capture.child"}

    os.kill(first["edge.engine_process"], signal.SIGKILL)
    one.wait(
        lambda: one.children().get("edge.engine_process", first["edge.engine_process"]) not in first.values()
    )
    assert one.children()["edge.capture.child"] == first["edge.capture.child"], "the other child noticed"
    crossings = one.rows("SELECT count(*) FROM crossing")
    one.wait(lambda: (one.camera()["last_frame_age"] or 99) < 2)

    second = one.children()
    os.kill(second["edge.capture.child"], signal.SIGKILL)
    one.wait(
        lambda: one.children().get("edge.capture.child", second["edge.capture.child"]) not in second.values()
    )
    assert one.children()["edge.engine_process"] == second["edge.engine_process"], "the other child noticed"
    one.wait(lambda: (one.camera()["last_frame_age"] or 99) < 2)
    one.wait(lambda: one.rows("SELECT count(*) FROM crossing") > crossings)
    assert one.api("/healthz")["healthy"] is True
    time.sleep(3)

    one.process.send_signal(signal.SIGTERM)
    stopping = time.monotonic()
    assert one.end(15) == 0
    assert time.monotonic() - stopping < 8
    ran = time.monotonic() - began
    ((observed,),) = one.rows("SELECT sum(observed_seconds) FROM camera_window")
    assert 3 < observed < ran - 1.0, f"{observed:.1f} s observed of {ran:.1f} s"
    crossings = one.rows("SELECT count(*) FROM crossing")
    assert one.rows("SELECT sum(entries + exits) FROM gate_window") == crossings, "books and records differ"


def test_a_killed_main_process_loses_no_crossing_and_counts_none_twice(box, clip):
    one = box(f"file:{clip}?loop=1")
    one.wait(lambda: one.process.poll() is None and one.camera().get("state") == "online")
    one.wait(lambda: one.rows("SELECT count(*) FROM crossing") > [(2,)], 60)
    children = one.children().values()
    one.process.kill()
    one.process.wait(5)
    until = time.monotonic() + 5
    while any(Path(f"/proc/{pid}").exists() for pid in children) and time.monotonic() < until:
        time.sleep(0.05)
    assert not any(Path(f"/proc/{pid}").exists() for pid in children), "children outlived the box"
    before = one.rows("SELECT t, gate, direction FROM crossing ORDER BY t")

    two = box(f"file:{clip}?loop=1")
    two.wait(lambda: two.rows("SELECT count(*) FROM crossing") > [(len(before),)], 60)
    two.process.send_signal(signal.SIGTERM)
    assert two.end(15) == 0
    after = two.rows("SELECT t, gate, direction FROM crossing ORDER BY t")
    assert after[: len(before)] == before
    assert two.rows("SELECT sum(entries + exits) FROM gate_window") == [(len(after),)]


def test_systemd_hears_ready_progress_and_stopping_also_without_a_centre(box, clip, tmp_path):
    """The figures wait for a broker that is away; that is no reason to start the box again."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(30)
        away = f"mqtt://127.0.0.1:{free_port()}"
        one = box(f"file:{clip}?loop=1", sync=away, notify=str(tmp_path / "notify"))
        heard = [systemd.recv(100).decode() for _ in range(3)]
        assert heard == ["READY=1", "WATCHDOG=1", "WATCHDOG=1"]
        assert one.api("/api/v1/sync")["connected"] is False
        one.process.send_signal(signal.SIGINT)
        while heard[-1] != "STOPPING=1":
            heard.append(systemd.recv(100).decode())
        assert one.end(15) == 0
    assert one.rows("SELECT count(*) FROM outbox")[0][0] >= 1


@pytest.mark.parametrize(
    ("source", "more", "words"),
    [
        ("file:/nowhere/clip.avi", [], "there is no clip"),
        ("rtsp://u:hunter2@127.0.0.1/x", ["--until-end"], "never ends"),
    ],
)
def test_what_cannot_run_is_one_line_and_exit_code_1(box, source, more, words):
    one = box(source, *more)
    assert one.end(30) == 1
    told = one.log.read_text().strip().splitlines()
    assert len(told) == 1, told
    assert told[0].startswith("storeedge: camera cam-1")
    assert words in told[0]
    assert "hunter2" not in told[0]


def test_a_port_in_use_is_told(box, clip):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        one = box(f"file:{clip}", "--port", str(other.getsockname()[1]))
        assert one.end(30) == 1
    assert "name another --port" in one.log.read_text()
