"""The doctor: one line for each thing, what to do about it, and a verdict that a program can read."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from edge import doctor
from edge.capture.probe import Look, ProbeTask, look_at
from edge.config import CameraConfig
from edge.errors import CaptureError
from tests.broker import Mosquitto, mosquitto  # noqa: F401 - a fixture

STOREEDGE = str(Path(sys.executable).with_name("storeedge"))


def look(width: int = 640, height: int = 480, fps: float | None = 15.0, first: float = 0.5) -> Look:
    return Look(width, height, fps, first, 1.0)


@pytest.mark.parametrize(
    ("seen", "verdict", "words"),
    [
        pytest.param(look(), "ok", "", id="sub-stream"),
        pytest.param(look(1920, 1080), "warning", "sub-stream", id="larger than needed"),
        pytest.param(look(fps=5.0), "warning", "lower `fps`", id="too slow for what is asked"),
        pytest.param(look(first=7.0), "warning", "key frame", id="late first frame"),
        pytest.param(CaptureError("rtsp://cam does not open; check its cable"), "broken", "cable", id="dead"),
    ],
)
def test_a_camera_is_judged_and_a_remedy_named(seen, verdict, words):
    check = doctor.check_camera(CameraConfig(id="cam-1", source="rtsp://cam", fps=10), seen)
    assert (check.name, check.verdict) == ("camera cam-1", verdict)
    assert words in check.remedy


@pytest.mark.parametrize(
    ("utc", "synchronised", "verdict"),
    [(0.0, True, "broken"), (1.9e9, False, "warning"), (1.9e9, True, "ok"), (1.9e9, None, "ok")],
)
def test_the_clock(utc, synchronised, verdict):
    assert doctor.check_clock(utc, synchronised).verdict == verdict


@pytest.mark.parametrize(
    ("version", "verdict"), [((3, 40, 1), "warning"), ((3, 51, 3), "ok"), ((3, 52, 0), "ok")]
)
def test_an_old_sqlite_is_told(version, verdict):
    assert doctor.check_sqlite(version).verdict == verdict


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    check = doctor.check_disk(tmp_path / "file" / "data")
    assert (check.verdict, check.remedy) == ("broken", "name a folder that can be written with --data")
    assert doctor.check_disk(tmp_path / "new").verdict != "broken"
    assert os.listdir(tmp_path / "new") == []


def test_a_model_that_is_not_there_is_told(monkeypatch, tmp_path):
    monkeypatch.setenv("STOREEDGE_MODELS", str(tmp_path))
    check = doctor.check_model("default")
    assert check.verdict == "broken"
    assert "storeedge models pull" in check.remedy


def test_real_sources_are_looked_at_together(vtest, tmp_path, free_port):
    clip, none, closed = look_at(
        [
            ProbeTask(f"file:{vtest}", 10),
            ProbeTask(f"file:{tmp_path}/none.mp4", 10),
            ProbeTask(f"rtsp://u:hunter2@127.0.0.1:{free_port}/x", 10),
        ]
    )
    assert isinstance(clip, Look)
    assert (clip.width, clip.height, clip.fps) == (768, 576, 10.0)
    assert clip.first_frame_s < 5
    for dead in (none, closed):
        assert isinstance(dead, CaptureError)
        assert "does not open" in str(dead)
        assert "hunter2" not in str(dead)


@pytest.fixture
def site(tmp_path: Path, vtest: Path) -> Path:
    path = tmp_path / "site.yaml"
    path.write_text(
        yaml.safe_dump(
            {
                "site": {"tenant": "rainbow", "store": "sz-futian", "box": "box-01"},
                "cameras": [{"id": "cam-1", "source": f"file:{vtest}", "fps": 10}],
            }
        )
    )
    return path


def run_doctor(site: Path, data: Path, *more: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [STOREEDGE, "doctor", "--site", str(site), "--data", str(data), *more]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=90, check=False, env=os.environ | environment
    )


def test_the_command_ends_badly_only_when_something_is_broken(site, tmp_path):
    broken = run_doctor(site, tmp_path / "data", "--json", STOREEDGE_MODELS=str(tmp_path / "no-models"))
    answer = json.loads(broken.stdout)
    by_name = {check["name"]: check for check in answer["checks"]}
    assert (broken.returncode, answer["verdict"]) == (1, "broken")
    assert by_name["model"]["verdict"] == "broken"
    assert by_name["camera cam-1"]["verdict"] == "ok"
    assert {"python", "sqlite", "clock", "disk", "memory", "broker"} <= by_name.keys()
    assert all(check["remedy"] for check in answer["checks"] if check["verdict"] != "ok")
    shown = run_doctor(site, tmp_path / "data", STOREEDGE_MODELS=str(tmp_path / "no-models"))
    assert "BROKEN  model: " in shown.stdout
    assert "→ run `storeedge models pull" in shown.stdout


def test_a_broker_is_greeted_under_another_name_than_the_box_s(site, tmp_path, mosquitto: Mosquitto):  # noqa: F811
    """Else the doctor would throw the running box off its broker."""
    from edge.config import load_site

    config = yaml.safe_load(site.read_text()) | {"sync": {"url": mosquitto.url}}
    site.write_text(yaml.safe_dump(config))
    check = doctor.check_broker(load_site(site))
    assert check.verdict == "ok", check
    assert "MQTT 5" in check.says
    assert "-doctor" in mosquitto.log.read_text()


def test_a_broker_that_is_not_there_or_says_nothing_is_told(site, free_port):
    from edge.config import load_site

    config = yaml.safe_load(site.read_text())
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(1)
        for port in (free_port, silent.getsockname()[1]):
            site.write_text(yaml.safe_dump(config | {"sync": {"url": f"mqtt://127.0.0.1:{port}"}}))
            check = doctor.check_broker(load_site(site))
            assert (check.name, check.verdict) == ("broker", "broken")
            assert check.remedy
