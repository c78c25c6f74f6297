"""A shop pulls the plug: whatever the moment, the store comes back by itself with all that it promised."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from edge.store import Store
from tests.faults.power import after_cut
from tests.faults.power_cuts import Outcome, cut, lived, many_cuts
from tests.faults.recording_vfs import Op, library, recorded
from tests.faults.store_life import live, open_box


@pytest.fixture(autouse=True)
def watched() -> None:
    """What SQLite asks of the disk can be seen here."""
    if library() is None:
        pytest.skip("this Python has SQLite built in: run the tests with Debian's python3")


def test_no_power_cut_loses_doubles_or_halves_what_was_promised(tmp_path: Path) -> None:
    outcome = many_cuts(tmp_path, 150, seed=11)
    assert outcome.faults == [], f"{len(outcome.faults)} of {outcome.cuts} cuts"
    assert outcome.kept_exactly + outcome.kept_more == outcome.cuts
    assert outcome.kept_more > 0, "no cut met a write that had just reached the disk"


def test_the_cuts_would_find_a_store_that_does_not_wait_for_the_disk(tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:

        def careless(folder: Path) -> Store:
            store = open_box(folder)
            store._connection.execute("PRAGMA synchronous = NORMAL")
            return store

        patch.setattr("tests.faults.power_cuts.open_box", careless)
        life = lived(tmp_path / "life", 20, 5)
    outcome, chance = Outcome(), random.Random(5)
    for number in range(60):
        cut(life, chance.randrange(1, len(life.ops)), tmp_path / str(number), chance, outcome)
    assert outcome.faults, "60 cuts of a store with synchronous=NORMAL, and nothing was missed"


def test_a_database_cut_while_it_was_first_made_is_made_again(tmp_path: Path) -> None:
    life, outcome, chance = lived(tmp_path / "life", 2, 3), Outcome(), random.Random(3)
    opened = life.moments[0].ops
    for at in range(1, opened, max(1, opened // 40)):
        cut(life, at, tmp_path / str(at), chance, outcome)
    assert outcome.faults == []


def test_everything_that_reaches_the_disk_is_written_down(tmp_path: Path) -> None:
    with recorded() as recording, open_box(tmp_path) as store:
        list(live(store, 3, seed=1))
    last = after_cut(recording.ops, recording.now, random.Random(0))
    for name, contents in last.items():
        real = tmp_path / name
        assert not contents or contents == real.read_bytes(), f"{name} differs from what was recorded"
    assert (tmp_path / "box.sqlite3").read_bytes() == last["box.sqlite3"]


def test_what_was_synced_survives_and_of_the_rest_any_part_may(tmp_path: Path) -> None:
    ops = [Op("write", "a", 0, b"x" * 1024), Op("sync", "a"), Op("write", "a", 0, b"y" * 1024)]
    found = {after_cut(ops, 3, random.Random(seed))["a"] for seed in range(60)}
    assert b"x" * 1024 in found
    assert b"y" * 1024 in found
    assert b"y" * 512 + b"x" * 512 in found, "no write was torn"
    assert all(len(one) == 1024 for one in found)
