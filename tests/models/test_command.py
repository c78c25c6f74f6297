"""`storeedge models` as its users type it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from models.manifest import ModelCard, cards


def storeedge(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    program = "from edge.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", program, "models", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )


def test_list_shows_every_model_with_its_licence() -> None:
    done = storeedge("list")
    assert done.returncode == 0, done.stderr
    for entry in cards().values():
        assert entry.name in done.stdout
        assert entry.licence in done.stdout
    rows = json.loads(storeedge("list", "--json").stdout)["models"]
    assert [row["name"] for row in rows if row["default"]] == ["nanodet-g"]


def test_verify_tells_a_good_model_from_none(nanodet: ModelCard, tmp_path: Path) -> None:
    good = storeedge("verify", "nanodet-g", "--json")
    assert good.returncode == 0, good.stderr
    assert json.loads(good.stdout)["models"][0]["int8_agreement"] > 0.99
    none = storeedge("verify", STOREEDGE_MODELS=str(tmp_path))
    assert none.returncode == 1
    assert "storeedge models pull" in none.stderr
    assert "Traceback" not in none.stderr


def test_a_box_without_network_gets_its_models_from_a_bundle(
    plate_recogniser: ModelCard, tmp_path: Path
) -> None:
    parcel, other = tmp_path / "models.tar", {"STOREEDGE_MODELS": str(tmp_path / "other")}
    made = storeedge("bundle", str(parcel), "plate-recogniser")
    assert made.returncode == 0, made.stderr
    assert "Apache-2.0" in made.stdout
    installed = storeedge("pull", "--from-bundle", str(parcel), **other)
    assert installed.returncode == 0, installed.stderr
    assert storeedge("verify", **other).returncode == 0


def test_a_wrong_name_is_one_line_and_exit_code_1() -> None:
    done = storeedge("pull", "yolo99")
    assert done.returncode == 1
    assert "no model 'yolo99'" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
