"""The demo: real footage through box, broker and hub, and nothing left behind."""

from __future__ import annotations

import importlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import cv2
import pytest
import typer

from edge.config import check_site
from edge.demo import footage, part, show
from edge.demo.books import Books, ZoneSum
from edge.demo.part import STOREEDGE, Part, free_port
from edge.demo.site import local_zone, write_site
from edge.errors import EdgeError
from models import cache
from models.manifest import DEFAULT, card

command = importlib.import_module("edge.cli.demo")  # in `edge.cli` the function may hide the module
SAME = Books(15, 79.4, {"east": (18, 15)}, {"yard": ZoneSum(3, 2, 12.0)})


@pytest.fixture(scope="module")
def short_clip(vtest: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six seconds of the real clip, in which people walk about."""
    if cache.faults(card(DEFAULT)):
        pytest.skip("the default model is not here: storeedge models pull")
    clip = tmp_path_factory.mktemp("demo") / "short.avi"
    reader = cv2.VideoCapture(str(vtest))
    writer = cv2.VideoWriter(str(clip), cv2.VideoWriter.fourcc(*"MJPG"), 10, (768, 576))
    for _ in range(60):
        writer.write(reader.read()[1])
    writer.release()
    reader.release()
    return clip


def ignore(_text: str) -> None:
    """A listener that does not care."""


# -- footage -------------------------------------------------------------------------------------------


def test_a_clip_that_is_not_there_is_told():
    with pytest.raises(EdgeError, match=r"no clip nowhere\.mp4"):
        footage.find_clip(Path("nowhere.mp4"), ignore)


def test_a_clip_from_last_time_is_not_fetched_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(footage, "INSTALLED", tmp_path / "not-installed")
    monkeypatch.setenv("PATH", "")
    kept = tmp_path / "storeedge" / "footage" / "vtest.avi"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"film")
    assert footage.find_clip(None, ignore) == kept


def test_without_clip_and_debian_it_says_what_to_give(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(footage, "INSTALLED", tmp_path / "not-installed")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(EdgeError, match="give a video file of your own: storeedge demo CLIP"):
        footage.find_clip(None, ignore)


@pytest.mark.parametrize(("inside", "found"), [(footage.MEMBER, True), ("usr/share/other.avi", False)])
def test_the_clip_is_taken_out_of_a_debian_package(tmp_path: Path, inside: str, found: bool):
    tree = tmp_path / "tree"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN" / "control").write_text(
        "Package: opencv-doc\nVersion: 1\nArchitecture: all\nMaintainer: a <a@b.c>\nDescription: test\n"
    )
    (tree / inside).parent.mkdir(parents=True)
    (tree / inside).write_bytes(b"film" * 10_000)
    package = tmp_path / "opencv-doc_1_all.deb"
    try:
        subprocess.run(["dpkg-deb", "--build", tree, package], check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("no dpkg-deb: this is no Debian")
    if found:
        footage._unpack(package, tmp_path / "out.avi")
        assert (tmp_path / "out.avi").read_bytes() == b"film" * 10_000
    else:
        with pytest.raises(EdgeError, match="does not hold vtest"):
            footage._unpack(package, tmp_path / "out.avi")


# -- site file -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("clip", "gates", "zones"), [("vtest.avi", 2, 2), ("holiday.mp4", 2, 1)])
def test_the_site_file_is_good_for_the_known_clip_and_for_any_other(
    tmp_path: Path, clip: str, gates: int, zones: int
):
    path = write_site(tmp_path / "site.yaml", tmp_path / clip, "mqtt://127.0.0.1:1883", loop=True)
    site, faults = check_site(path)
    assert faults == []
    assert site is not None
    camera = site.cameras[0]
    assert (len(camera.gates), len(camera.zones)) == (gates, zones)
    assert camera.source == f"file:{tmp_path / clip}?loop=1"


def test_the_shop_keeps_this_machines_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("TZ", raising=False)
    (tmp_path / "localtime").symlink_to("/usr/share/zoneinfo/Europe/London")
    assert local_zone(tmp_path / "localtime") == "Europe/London"
    assert local_zone(tmp_path / "nothing") == "UTC"
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    assert local_zone(tmp_path / "localtime") == "Asia/Shanghai"


# -- parts ---------------------------------------------------------------------------------------------


def test_a_port_in_use_is_stepped_over():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        found = free_port(port)
        assert port < found < port + 50


def test_a_part_that_ends_by_itself_is_told_with_its_last_words(tmp_path: Path):
    broken = Part("hub", [sys.executable, "-c", "raise SystemExit('no disk')"], tmp_path / "log")
    with pytest.raises(EdgeError, match=r"the hub ended by itself \(exit code 1\):\n    no disk"):
        broken.wait_until(lambda: False, 20)


def test_a_part_that_is_never_ready_is_told(tmp_path: Path):
    idle = Part("box", ["sleep", "60"], tmp_path / "log")
    try:
        with pytest.raises(EdgeError, match="the box was not ready"):
            idle.wait_until(lambda: False, 0.2)
    finally:
        idle.stop()


def test_a_part_that_does_not_listen_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(part, "STOP_S", 0.3)
    program = (
        "import signal, time; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
    )
    deaf = Part("box", [sys.executable, "-c", program], tmp_path / "log")
    deaf.wait_until(lambda: "deaf" in deaf.words(), 20)
    deaf.stop()
    assert deaf.exit_code == -signal.SIGKILL


# -- the table -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hub", "unacknowledged"),
    [
        pytest.param(replace(SAME, windows=14), 0, id="a window is missing"),
        pytest.param(replace(SAME, gates={"east": (18, 14)}), 0, id="a count differs"),
        pytest.param(replace(SAME, zones={}), 0, id="a zone is missing"),
        pytest.param(SAME, 1, id="a message is not acknowledged"),
    ],
)
def test_two_sides_that_differ_are_a_failure(
    hub: Books, unacknowledged: int, capsys: pytest.CaptureFixture[str]
):
    with pytest.raises(typer.Exit) as ended:
        command._report(SAME, hub, unacknowledged, False)
    assert ended.value.exit_code == 1
    assert "does NOT have everything" in capsys.readouterr().out


def test_two_equal_sides_are_a_success(capsys: pytest.CaptureFixture[str]):
    command._report(SAME, SAME, 0, False)
    said = capsys.readouterr().out
    assert "18 / 15" in said
    assert "15 windows on the box, 15 at the hub" in said


# -- the whole -----------------------------------------------------------------------------------------


@pytest.mark.slow
def test_one_pass_brings_every_window_to_the_hub(short_clip: Path):
    run = [*STOREEDGE, "demo", str(short_clip), "--once", "--json"]
    done = subprocess.run(run, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures["same"]
    assert figures["box"] == figures["hub"]
    assert figures["box"]["observed_s"] > 5, figures
    assert figures["box"]["windows"] % 4 == 0, "camera, two gates and a zone in each minute"


@pytest.mark.slow
def test_without_mosquitto_the_broker_in_python_serves(
    short_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(show, "mosquitto_program", lambda: None)
    said: list[str] = []
    with show.Demo.start(short_clip, tmp_path, said.append) as running:
        box, hub, unacknowledged = running.play_once()
    assert any("broker in Python" in text for text in said)
    assert (box, unacknowledged) == (hub, 0)


@contextmanager
def shown(clip: Path, port: int) -> Iterator[subprocess.Popen[str]]:
    """A running demo with its page."""
    run = [*STOREEDGE, "demo", str(clip), "--port", str(port)]
    process = subprocess.Popen(run, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=1)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(60)


def family(pid: int) -> set[int]:
    """All processes below this one."""
    found: set[int] = set()
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, task.read_text().split()):
            found |= {child} | family(child)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_the_page_counts_live_and_everything_ends_with_the_demo(short_clip: Path, how: signal.Signals):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with shown(short_clip, port) as demo:
            assert demo.stdout is not None
            said = ""
            for line in demo.stdout:
                said += line
                if "http://" in line:
                    break
            assert f"port {port} is in use" in said
            address = said.split("is counting: ")[1].split()[0]
            seen, until = None, time.monotonic() + 40
            while not seen and time.monotonic() < until:
                time.sleep(0.5)
                with urllib.request.urlopen(f"{address}/api/v1/today", timeout=10) as answer:
                    seen = json.load(answer)["people_now"]
            assert seen, "nobody in the picture within 40 s"
            children = family(demo.pid)
            assert len(children) >= 4, "broker, hub, box and its children"
            demo.send_signal(how)
            assert demo.wait(30) == (-how if how == signal.SIGKILL else 0)
    until = time.monotonic() + 5
    while (left := {pid for pid in children if is_running(pid)}) and time.monotonic() < until:
        time.sleep(0.1)
    assert left == set()


def is_running(pid: int) -> bool:
    """Whether a process is there and not only waiting to be forgotten."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False
