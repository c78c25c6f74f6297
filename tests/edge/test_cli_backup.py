"""`storeedge backup` and `storeedge restore` as a person runs them."""

from __future__ import annotations

import json
from pathlib import Path

from edge.store.store import Store
from tests.edge.store.build import NOON, gate
from tests.edge.test_cli import refused, storeedge

SITE = "site: {tenant: rainbow, store: sz, box: %s}\ncameras: [{id: cam-1, source: 'usb:0'}]\n"


def _data(folder: Path) -> Path:
    with Store.open(folder / "data" / "box.sqlite3", tenant="rainbow", store="sz", box="box-01") as store:
        store.commit_minute(NOON, [gate(NOON, 3)])
    return folder / "data"


def test_a_backup_is_made_told_in_one_line_and_never_overwritten(tmp_path: Path) -> None:
    data, kept = _data(tmp_path), tmp_path / "kept.db"
    done = storeedge("backup", kept, "--data", data)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{kept}: rainbow/sz/box-01, 0 records and 1 minutes, 1 messages waiting, ")
    assert done.stdout.endswith("checked; without the box's key\n")
    assert "add --force to replace it" in refused(storeedge("backup", kept, "--data", data))
    again = json.loads(storeedge("backup", kept, "--data", data, "--force", "--json").stdout)
    assert (again["box"], again["waiting"], again["rows"]["minute"]) == ("rainbow/sz/box-01", 1, 1)


def test_a_backup_is_put_back_only_where_no_box_runs_and_only_the_right_one(tmp_path: Path) -> None:
    data, kept, site = _data(tmp_path), tmp_path / "kept.db", tmp_path / "site.yaml"
    assert storeedge("backup", kept, "--data", data).returncode == 0
    with Store.open(data / "box.sqlite3", tenant="rainbow", store="sz", box="box-01"):
        assert "already used by process" in refused(storeedge("restore", kept, "--data", data))
    site.write_text(SITE % "box-02")
    line = refused(storeedge("restore", kept, "--data", data, "--site", site))
    assert line == f"storeedge: {kept}: of box rainbow/sz/box-01, not rainbow/sz/box-02"
    site.write_text(SITE % "box-01")
    done = storeedge("restore", kept, "--data", data, "--site", site)
    assert (done.returncode, done.stderr) == (0, "")
    assert "with a new epoch: 1 messages wait and are sent as what they were; 0 records" in done.stdout
    assert "what was there lies at" in done.stdout
    told = json.loads(storeedge("restore", kept, "--data", tmp_path / "other", "--json").stdout)
    assert (told["waiting"], told["aside"], told["not_counted"]) == (1, None, 0)
    assert "no such file" in refused(storeedge("restore", tmp_path / "nothing.db", "--data", data))
