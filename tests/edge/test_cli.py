"""The commands `config` and `replay` as a person runs them: exit codes, one plain line for an error, JSON."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml

STOREEDGE = Path(sys.executable).with_name("storeedge")
SITE = """\
site: {tenant: rainbow, store: sz, box: box-01}
cameras:
  - id: cam-1
    source: rtsp://u:hunter2@10.0.0.21/stream2
    gates: [{id: door, line: [[.5, .2], [.5, .8]], inside: right}]
    zones: [{id: till, role: queue, polygon: [[.1, .1], [.4, .1], [.4, .4]]}]
"""


def storeedge(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run the installed command."""
    return subprocess.run(
        [STOREEDGE, *arguments], capture_output=True, text=True, timeout=120, cwd=cwd, check=False
    )


def refused(done: subprocess.CompletedProcess[str]) -> str:
    """The one line of a command that could not do its work."""
    assert done.returncode == 1, done
    assert done.stdout == ""
    line, end, rest = done.stderr.partition("\n")
    assert (end, rest) == ("\n", ""), done.stderr
    assert line.startswith("storeedge: ")
    assert "hunter2" not in line
    return line


@pytest.fixture
def site(tmp_path: Path) -> Path:
    path = tmp_path / "site.yaml"
    path.write_text(SITE)
    return path


# ---- config ---------------------------------------------------------------------------------------------


def test_a_good_site_file_is_told_to_be_good_and_what_is_in_it(site: Path) -> None:
    done = storeedge("config", "check", site)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{site}: good: 1 cameras, 1 gates, 1 zones, 0 lanes\n"


def test_without_a_name_the_site_file_of_this_folder_is_checked(site: Path) -> None:
    assert storeedge("config", "check", cwd=site.parent).returncode == 0


def test_each_fault_of_a_site_file_is_a_line(site: Path) -> None:
    site.write_text(SITE.replace("right", "rite").replace("role: queue", "roll: queue"))
    done = storeedge("config", "check", site)
    assert (done.returncode, done.stdout) == (1, "")
    first, *others = done.stderr.splitlines()
    assert first == f"{site}: line 5: cameras[0].gates[0].inside: must be one of 'left' or 'right'"
    assert len(others) == 2


def test_faults_for_programs_are_json(site: Path) -> None:
    site.write_text(SITE.replace("box: box-01", "boks: box-01"))
    done = storeedge("config", "check", "--json", site)
    assert done.returncode == 1
    assert json.loads(done.stdout) == {
        "ok": False,
        "faults": [
            {
                "line": 1, "key": "site.box", "message": "missing",
                "remedy": "add it; `storeedge config example` shows every key",
            },
            {"line": 1, "key": "site.boks", "message": "unknown key", "remedy": "did you mean `box`?"},
        ],
        "notes": [],
        "dry_run": [],
    }  # fmt: skip


def test_a_good_file_for_programs_is_json_too(site: Path) -> None:
    done = storeedge("config", "check", "--json", site)
    assert done.returncode == 0
    assert json.loads(done.stdout) == {"ok": True, "faults": [], "notes": [], "dry_run": []}


def test_the_example_fits_the_schema_and_the_check(tmp_path: Path) -> None:
    example, schema = storeedge("config", "example"), storeedge("config", "schema")
    assert (example.returncode, schema.returncode) == (0, 0)
    jsonschema.Draft202012Validator(json.loads(schema.stdout)).validate(yaml.safe_load(example.stdout))
    path = tmp_path / "site.yaml"
    path.write_text(example.stdout)
    assert storeedge("config", "check", path).returncode == 0


# ---- replay: what cannot be done ------------------------------------------------------------------------


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """A second of grey."""
    path = tmp_path / "grey.mp4"
    source = "color=gray:d=1:r=10:s=128x96"
    subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", source, str(path)], check=True, timeout=60)
    return path


def test_a_missing_clip_is_one_line(tmp_path: Path, site: Path) -> None:
    line = refused(storeedge("replay", "none.mp4", "--site", site, "--out", tmp_path / "out"))
    assert line == "storeedge: no clip at none.mp4; name an existing video file"


def test_a_file_that_is_no_video_is_one_line(tmp_path: Path, site: Path) -> None:
    line = refused(storeedge("replay", site, "--site", site, "--out", tmp_path / "out"))
    assert "is no video that can be read" in line


def test_a_missing_site_file_is_one_line(tmp_path: Path, clip: Path) -> None:
    line = refused(storeedge("replay", clip, "--site", tmp_path / "no.yaml", "--out", tmp_path / "out"))
    assert "no site file at" in line
    assert "storeedge config example" in line


def test_a_wrong_site_file_is_one_line(tmp_path: Path, site: Path, clip: Path) -> None:
    site.write_text(SITE.replace("right", "rite").replace("role: queue", "roll: queue"))
    line = refused(storeedge("replay", clip, "--site", site, "--out", tmp_path / "out"))
    assert "line 5: cameras[0].gates[0].inside" in line
    assert f"and 2 more: storeedge config check {site}" in line


def test_a_camera_that_the_site_does_not_have_is_one_line(tmp_path: Path, site: Path, clip: Path) -> None:
    line = refused(storeedge("replay", clip, "--site", site, "--out", tmp_path / "o", "--camera", "cam-7"))
    assert line == "storeedge: the site file has no camera cam-7; it has: cam-1"


def test_an_unknown_model_is_one_line_with_the_known_ones(tmp_path: Path, site: Path, clip: Path) -> None:
    line = refused(storeedge("replay", clip, "--site", site, "--out", tmp_path / "o", "--model", "best"))
    assert "no model 'best'" in line
    assert "nanodet-g" in line


def test_a_model_file_that_is_none_is_one_line(tmp_path: Path, site: Path, clip: Path) -> None:
    wrong = tmp_path / "wrong.onnx"
    wrong.write_text("hello")
    line = refused(storeedge("replay", clip, "--site", site, "--out", tmp_path / "o", "--model", wrong))
    assert "wrong.onnx is not an ONNX file" in line


@pytest.mark.parametrize(
    ("option", "value"), [("--fps", "0"), ("--fps", "fast"), ("--threads", "0"), ("--speed", "2")]
)
def test_an_option_that_cannot_be_is_refused(
    tmp_path: Path, site: Path, clip: Path, *, option: str, value: str
) -> None:
    done = storeedge("replay", clip, "--site", site, "--out", tmp_path / "out", option, value)
    assert done.returncode == 2
    assert option in done.stderr
    assert not (tmp_path / "out").exists()


def test_help_names_every_option_of_the_contract() -> None:
    words = storeedge("replay", "--help").stdout
    for option in ("--site", "--out", "--camera", "--model", "--fps", "--annotate", "--realtime"):
        assert option in words


def test_whoever_watches_sees_progress_and_a_pipe_sees_none() -> None:
    code = "from edge.progress import Bar\nwith Bar('replaying x') as bar:\n    bar.to(0.5); bar.to(1.5)\n"
    ours, theirs = pty.openpty()
    subprocess.run([sys.executable, "-c", code], stderr=theirs, check=True, timeout=60)
    os.close(theirs)
    seen = os.read(ours, 4096).decode()
    os.close(ours)
    assert "replaying x" in seen
    assert "50%" in seen or "100%" in seen
    quiet = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, timeout=60)
    assert (quiet.stdout, quiet.stderr) == (b"", b"")


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(
            ["replay", "clip", "--site", "s", "--out", "o", "--fps", "0"], id="a value out of range"
        ),
        pytest.param(["dance"], id="no such command"),
        pytest.param(["replay"], id="a missing argument"),
        pytest.param(["models", "list", "--loud"], id="no such option"),
    ],
)
def test_a_wrong_command_line_is_told_in_one_line(words):
    done = storeedge(*words)
    assert done.returncode == 2, done
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith("storeedge: "), done.stderr
    assert "--help" in done.stderr, done.stderr


def test_a_gate_at_the_pictures_edge_is_right_but_noted(tmp_path):
    site = tmp_path / "site.yaml"
    site.write_text(
        "site: {tenant: t, store: s, box: b}\n"
        "cameras: [{id: cam-1, source: 'usb:0', gates: "
        "[{id: door, line: [[.02, .2], [.02, .8]], inside: right}, "
        "{id: aisle, line: [[.5, .2], [.5, .8]], inside: right}]}]\n"
    )
    done = storeedge("config", "check", str(site))
    assert done.returncode == 0, done
    assert done.stdout.count("note:") == 1, done.stdout
    assert "gate door" in done.stdout, done.stdout
    notes = json.loads(storeedge("config", "check", str(site), "--json").stdout)["notes"]
    assert len(notes) == 1, notes
