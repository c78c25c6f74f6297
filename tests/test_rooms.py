"""The rooms hold: who may import whom, and what may not come in at all."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

ROOMS = ("models", "pipelines", "sync", "edge")
HEAVY = {"torch", "ultralytics", "tensorflow", "torchvision"}
PURE = {
    "__future__", "bisect", "collections", "contextlib", "dataclasses", "enum", "functools", "hashlib",
    "heapq", "hmac", "itertools", "math", "typing", "unicodedata", "numpy", "scipy", "models", "pipelines",
}  # fmt: skip
"""All that pipelines may know: arithmetic and its own words. No clock, file, thread, network or pixel."""


def imports(room: str) -> Iterator[tuple[Path, str]]:
    """(file, module) for every import in a room, wherever in the file it stands."""
    for path in sorted((ROOT / room).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from ((path.relative_to(ROOT), alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
                yield path.relative_to(ROOT), node.module


def users_of(room: str, *modules: str) -> set[str]:
    """The files of a room that import one of these, or something inside one."""
    return {
        str(path) for path, name in imports(room)
        if any(name == module or name.startswith(f"{module}.") for module in modules)
    }  # fmt: skip


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter over the packages in a folder."""
    program = (
        "import sys; sys.path.insert(0, '.'); from importlinter.cli import lint_imports_command as c; c()"
    )
    command = [sys.executable, "-c", program, "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)


def test_each_room_imports_only_from_the_rooms_before_it():
    done = lint_imports(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 kept, 0 broken" in done.stdout


@pytest.mark.parametrize(
    ("from_room", "to_room"), [("models", "pipelines"), ("pipelines", "sync"), ("sync", "edge")]
)
def test_an_import_against_the_order_is_found(tmp_path: Path, from_room: str, to_room: str):
    contract = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0]
    for room in ROOMS:
        (tmp_path / room).mkdir()
        (tmp_path / room / "__init__.py").touch()
    (tmp_path / from_room / "wrong.py").write_text(f"import {to_room}\n")
    (tmp_path / "pyproject.toml").write_text(
        f"[tool.importlinter]\nroot_packages = {json.dumps(ROOMS)}\n[[tool.importlinter.contracts]]\n"
        + "\n".join(f"{key} = {json.dumps(value)}" for key, value in contract.items())
    )
    done = lint_imports(tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"{from_room}.wrong -> {to_room}" in done.stdout


@pytest.mark.parametrize("room", ROOMS)
def test_no_room_imports_what_is_heavy_or_agpl(room: str):
    assert users_of(room, *HEAVY) == set()


def test_the_running_box_loads_neither_torch_nor_ultralytics():
    program = (
        "import sys, edge.run, edge.engine_process, edge.capture.child, edge.web.app, sync.hub.receiver\n"
        f"print(sorted({HEAVY!r} & sys.modules.keys()))"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


def test_pipelines_know_no_clock_file_thread_network_or_pixel():
    found = {(str(path), name) for path, name in imports("pipelines") if name.split(".")[0] not in PURE}
    assert found == set()


def test_one_file_of_models_runs_networks_and_no_other_room_does():
    assert users_of("models", "onnxruntime") == {"models/session.py"}
    assert [room for room in ROOMS[1:] if users_of(room, "onnxruntime", "onnx")] == []


def test_only_sync_speaks_mqtt():
    assert [room for room in ROOMS if users_of(room, "paho")] == ["sync"]
    assert users_of("sync", "paho") == {"sync/mqtt.py", "sync/mqtt_client.py"}
    assert users_of("edge", "amqtt") <= {"edge/demo_broker.py"}


def test_sync_sees_no_pixels_and_no_database_but_the_hubs():
    assert users_of("sync", "cv2", "numpy", "sqlite_utils") == set()
    assert all(path.startswith("sync/hub/") for path in users_of("sync", "sqlite3"))


def test_no_weights_lie_in_the_project():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    weights = {".onnx", ".pt", ".pth", ".bin", ".tflite", ".engine", ".safetensors"}
    assert [name for name in listed.stdout.splitlines() if Path(name).suffix in weights] == []
