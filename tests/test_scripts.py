"""The scripts people start, and the versions that they install."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tomllib
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.conftest import ROOT

SHELL = [
    path for path in [*sorted((ROOT / "scripts").iterdir()), ROOT / ".ci" / "run"]
    if path.is_file() and path.read_text(encoding="utf-8").startswith("#!/usr/bin/env bash")
]  # fmt: skip


def pins() -> dict[str, str]:
    """Version by name, from constraints.txt."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pairs = (line.split("==") for line in lines if line and not line.startswith("#"))
    return {canonicalize_name(name): number for name, number in pairs}


def requirements() -> list[Requirement]:
    """Everything that `.[test]` and the build name in pyproject.toml, our own extras resolved."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    extras = project["project"]["optional-dependencies"]
    wanted = [*project["project"]["dependencies"], *project["build-system"]["requires"]]
    for extra in ("test", "demo", "npm"):
        wanted += [text for text in extras[extra] if not text.startswith("storeedge[")]
    return [Requirement(text) for text in wanted]


@pytest.mark.parametrize("script", SHELL, ids=lambda path: path.name)
def test_a_script_can_be_started_and_has_no_slip_of_the_pen(script: Path):
    assert os.access(script, os.X_OK), f"{script} is not executable"
    subprocess.run(["bash", "-n", script], check=True)
    if shutil.which("shellcheck"):
        done = subprocess.run(["shellcheck", script], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


def test_ci_runs_what_people_run_and_nothing_else():
    lines = [
        line for line in (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#")
    ]  # fmt: skip
    assert len(lines) == 1
    assert "scripts/test" in lines[0]


def test_setup_refuses_a_purpose_that_it_does_not_know():
    done = subprocess.run([ROOT / "scripts" / "setup", "dinner"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "demo|test" in done.stderr


@pytest.mark.parametrize("requirement", requirements(), ids=str)
def test_everything_the_project_asks_for_is_pinned_to_a_version_it_accepts(requirement: Requirement):
    pinned = pins().get(canonicalize_name(requirement.name))
    assert pinned is not None, f"{requirement.name} is missing in constraints.txt"
    assert pinned in requirement.specifier, f"constraints.txt pins {pinned}"


def test_what_the_requirements_themselves_require_is_pinned_too():
    reached: set[str] = set()
    waiting = requirements()
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        if name in reached:
            continue
        reached.add(name)
        try:
            further = [Requirement(text) for text in requires(name) or ()]
        except PackageNotFoundError:  # an extra that this environment was made without
            continue
        here = [{"extra": extra} for extra in (*requirement.extras, "")]
        waiting += [r for r in further if r.marker is None or any(map(r.marker.evaluate, here))]
    assert len(reached) > 60
    assert reached - pins().keys() == {"pip"}  # sqlite-utils names it; it is the environment's own


def test_pins_name_no_host_and_no_path():
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        assert line.startswith("#") or re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.!+]+", line), line


def test_the_bench_says_what_it_can_measure():
    bench = ROOT / "scripts" / "bench"
    if not (ROOT / ".venv" / "bin" / "python").exists():
        pytest.skip("no .venv here: scripts/setup test")
    done = subprocess.run([bench, "dinner"], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "speed, memory, accuracy" in done.stderr
