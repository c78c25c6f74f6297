"""A shop pulls the plug: whatever the moment, the store comes back by itself with all that it promised."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.edge.store.build import NOON
from tests.faults.power import Disk, after_cut
from tests.faults.power_cuts import Life, cut_at, lived, many_cuts
from tests.faults.recording_vfs import Op, library, recorded
from tests.faults.store_life import Living, WatchedStore, open_box


@pytest.fixture(autouse=True)
def watched() -> None:
    """What SQLite asks of the disk can be seen here."""
    if library() is None:
        pytest.skip("this Python has SQLite built in: run the tests with Debian's python3")


def test_no_power_cut_loses_doubles_or_halves_what_was_promised(tmp_path: Path) -> None:
    outcome = many_cuts(tmp_path, 150, minutes=50, seed=11)
    assert outcome.faults == [], f"{len(outcome.faults)} of {outcome.cuts} cuts"
    assert (outcome.lost, outcome.doubled, outcome.unopened) == (0, 0, 0)
    assert outcome.kept_exactly + outcome.kept_more == outcome.cuts == 150
    assert outcome.kept_more > 0, "no cut met a write that had just reached the disk"
    assert outcome.again > 0, "no cut met a store that recovered from one"
    assert min(outcome.writes[fate] for fate in ("kept", "lost", "torn")) > 50, outcome.writes
    assert {"log append", "log sync", "checkpoint", "vacuum", "journal of creation"} <= set(outcome.by_phase)
    assert {"car's exit", "add_piece", "prune", "acknowledge", "set_clock", "coarsen"} <= set(outcome.by_call)


def test_the_cuts_would_find_a_store_that_does_not_wait_for_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def careless(folder: Path, clock: Callable[[], float]) -> WatchedStore:
        store = open_box(folder, clock)
        store._connection.execute("PRAGMA synchronous = NORMAL")
        return store

    monkeypatch.setattr("tests.faults.store_life.open_box", careless)
    life = lived(tmp_path / "life", 20, 5)
    monkeypatch.undo()
    late = random.Random(5).sample(range(len(life.ops) // 2, len(life.ops)), 40)
    outcome = cut_at(life, tmp_path, sorted(late), 5)
    assert outcome.faults, "40 cuts of a store with synchronous=NORMAL, and nothing was missed"
    assert outcome.lost > 0, "other rows, and none of them was said to be lost"
    assert outcome.doubled > 0, "numbers were given twice, and nobody said so"


def test_the_cuts_would_find_a_message_that_is_not_of_its_records_transaction(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Records and their message in two transactions: some cut must fall in between."""

    def halves(self: WatchedStore, start: int, made: list[object]) -> bool:
        done = real(self, start, made)  # type: ignore[arg-type]
        rows = self.pending("data", 0, 10_000)
        if not rows:  # in the dark nothing is told
            return done
        self.write(lambda c: c.execute("DELETE FROM outbox WHERE seq = ?", (rows[-1].seq,)))
        row = rows[-1]
        put = "INSERT INTO outbox VALUES ('data', ?, ?, ?, ?, NULL)"
        self.write(lambda c: c.execute(put, (row.seq, row.schema, row.body, row.created_at)))
        return done

    real = WatchedStore.commit_minute
    monkeypatch.setattr(WatchedStore, "commit_minute", halves)
    life = lived(tmp_path / "life", 6, 5)
    monkeypatch.undo()
    outcome = cut_at(life, tmp_path, _between(life, "commit_minute"), 5)
    assert any("message of minute" in fault for fault in outcome.faults), outcome.faults


def _between(life: Life, call: str) -> list[int]:
    found = [at for at, op in enumerate(life.ops) if op.during == call]
    return found[:: max(1, len(found) // 40)]


def test_a_database_cut_while_it_was_first_made_is_made_again(tmp_path: Path) -> None:
    life = lived(tmp_path / "life", 2, 3)
    opened = life.moments[0].ops
    outcome = cut_at(life, tmp_path, range(1, opened, max(1, opened // 40)), 3)
    assert outcome.faults == []


def test_everything_that_reaches_the_disk_is_written_down(tmp_path: Path) -> None:
    with recorded() as recording:
        box = Living(tmp_path, 1, recording)
        list(box.live(3))
        box.store.close()
    last = after_cut(recording.ops, recording.now, random.Random(0))
    for name, contents in last.items():
        real = tmp_path / name
        assert not contents or contents == real.read_bytes(), f"{name} differs from what was recorded"
    assert (tmp_path / "box.sqlite3").read_bytes() == last["box.sqlite3"]
    assert {op.during for op in recording.ops} >= {"create", "add_records", "commit_minute"}


def test_what_was_synced_survives_and_of_the_rest_any_part_may(tmp_path: Path) -> None:
    ops = [Op("write", "a", 0, b"x" * 1024), Op("sync", "a"), Op("write", "a", 0, b"y" * 1024)]
    found = {after_cut(ops, 3, random.Random(seed))["a"] for seed in range(60)}
    assert b"x" * 1024 in found
    assert b"y" * 1024 in found
    assert b"y" * 512 + b"x" * 512 in found, "no write was torn"
    assert all(len(one) == 1024 for one in found)


def test_a_second_cut_begins_with_what_the_first_one_left() -> None:
    ops = [Op("write", "a", 0, b"y" * 512)]
    for seed in range(20):
        found = Disk(ops, {"a": b"x" * 512, "b": b"z"}).run(0).cut(random.Random(seed)).files
        assert found == {"a": b"x" * 512, "b": b"z"}


def test_a_life_goes_through_the_whole_store(tmp_path: Path) -> None:
    """What the cuts prove they prove of tables that had something in them."""
    box = Living(tmp_path, 1)
    list(box.live(45))
    filled = box.store.read(
        lambda c: {
            name
            for (name,) in c.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
            if c.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]
        }
    )
    box.store.close()
    assert filled >= {
        "crossing", "visit", "wait", "vehicle_passage", "event", "minute", "gate_window", "zone_window",
        "outbox", "parking_session", "coupon_trigger", "coupon_count", "document", "document_piece", "audit",
    }  # fmt: skip
    assert box.now > NOON + 44 * 60
