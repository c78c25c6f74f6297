"""The systemd unit: valid, hardened, and starting a command that there is."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from edge.config import fill_secrets
from tests.conftest import ROOT

FOLDER = ROOT / "firmware_config" / "systemd"
UNIT = FOLDER / "storeedge.service"
HUB = FOLDER / "storeedge-hub@.service"
MOST_EXPOSED = 2.0


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze: apt-get install systemd")
    return subprocess.run(
        ["systemd-analyze", *arguments], capture_output=True, text=True, timeout=60, check=False
    )


def settings(path: Path) -> configparser.ConfigParser:
    class Settings(configparser.ConfigParser):
        def optionxform(self, optionstr: str) -> str:
            return optionstr

    parsed = Settings(strict=False, interpolation=None)
    parsed.read(path)
    return parsed


@pytest.mark.parametrize(
    "drop_ins", [[], ["usb-camera.conf"], ["centre.conf"]], ids=["unit", "usb", "centre"]
)
def test_systemd_finds_nothing_wrong(tmp_path, drop_ins):
    unit = tmp_path / "storeedge.service"
    unit.write_text(UNIT.read_text().replace("/opt/storeedge/venv/bin/storeedge", sys.executable))
    (tmp_path / "storeedge.service.d").mkdir()
    for name in drop_ins:
        shutil.copy(FOLDER / "storeedge.service.d" / name, tmp_path / "storeedge.service.d")
    checked = analyze("verify", str(unit))
    ours = [line for line in checked.stderr.splitlines() if "storeedge" in line]
    assert (checked.returncode, ours) == (0, []), checked.stderr


def hub(folder: Path) -> Path:
    """The hub's unit, as systemd makes it of its template, with a program that there is."""
    unit = folder / "storeedge-hub@hub-2.service"
    unit.write_text(HUB.read_text().replace("/opt/storeedge/venv/bin/storeedge", sys.executable))
    return unit


def test_systemd_finds_nothing_wrong_with_the_hubs(tmp_path):
    checked = analyze("verify", str(hub(tmp_path)))
    ours = [line for line in checked.stderr.splitlines() if "storeedge" in line]
    assert (checked.returncode, ours) == (0, []), checked.stderr


@pytest.mark.parametrize("which", ["box", "hub"])
def test_it_is_exposed_no_more_than_we_say(which, tmp_path):
    unit = UNIT if which == "box" else hub(tmp_path)
    checked = analyze("security", "--offline=true", f"--threshold={MOST_EXPOSED * 10:.0f}", str(unit))
    level = re.search(r"exposure level for \S+: ([\d.]+)", checked.stdout)
    assert level is not None, checked.stdout + checked.stderr
    assert float(level[1]) <= MOST_EXPOSED


@pytest.mark.parametrize("unit", ["storeedge.service", "storeedge-hub@.service"])
def test_it_starts_a_command_that_there_is(unit):
    command = settings(FOLDER / unit)["Service"]["ExecStart"].replace("\\\n", " ").split()
    words = command[1 : next(i for i, word in enumerate(command) if word.startswith("--"))]
    assert command[0].endswith("/bin/storeedge")
    shown = subprocess.run(
        [str(Path(sys.executable).with_name("storeedge")), *words, "--help"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"COLUMNS": "200", "PATH": "/usr/bin:/bin", "NO_COLOR": "1", "TERM": "dumb"},
    )
    assert shown.returncode == 0, shown.stderr
    for option in (word for word in command if word.startswith("--")):
        assert option in shown.stdout


def test_it_is_watched_and_started_again_for_ever():
    parsed = settings(UNIT)
    assert parsed["Unit"]["StartLimitIntervalSec"] == "0"
    service = parsed["Service"]
    assert (service["Type"], service["WatchdogSec"], service["Restart"]) == ("notify", "30", "always")
    assert service["LimitCORE"] == "0", "a core dump would hold frames"


def test_a_secret_of_its_credential_folder_is_found_by_the_site_file(tmp_path):
    """systemd names the files of a folder `<credential>_<file>`."""
    credential, _, folder = settings(UNIT)["Service"]["LoadCredential"].partition(":")
    assert folder == "/etc/storeedge/secrets"
    (tmp_path / f"{credential}_CAM1_PASSWORD").write_text("hunter2\n")
    filled = fill_secrets("rtsp://u:${CAM1_PASSWORD}@cam", "camera", {"CREDENTIALS_DIRECTORY": str(tmp_path)})
    assert filled == "rtsp://u:hunter2@cam"


def test_it_may_ask_whether_a_time_server_keeps_the_clock_and_may_not_set_it():
    lines = UNIT.read_text(encoding="utf-8").splitlines()
    filters = [line.partition("=")[2] for line in lines if line.startswith("SystemCallFilter=")]
    assert filters[-1].split() == ["adjtimex", "clock_adjtime"], "after ~@privileged, which takes them away"
    assert "ProtectClock=yes" not in lines, "it forbids the question"
    assert settings(UNIT)["Service"]["CapabilityBoundingSet"] == "", "CAP_SYS_TIME would set the clock"
    assert not [line for line in lines if line.startswith(("After=", "Wants=")) and "time-sync" in line]
