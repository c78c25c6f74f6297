"""A disk that refuses: one plain error, nothing half written, and on it goes when the disk does."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

import pytest

from edge.store import Store, records
from pipelines.records import Record
from tests.faults.io_errors import Trouble, every_failure, fail_once
from tests.faults.recording_vfs import library


@pytest.fixture(autouse=True)
def watched() -> None:
    """The disk can be made to refuse here."""
    if library() is None:
        pytest.skip("this Python has SQLite built in: run the tests with Debian's python3")


def test_whatever_the_disk_refuses_the_store_says_so_and_goes_on_when_the_disk_does(tmp_path: Path) -> None:
    """Every 19th operation; `scripts/bench faults` takes each."""
    for name, outcome in every_failure(tmp_path, stride=19).items():
        assert outcome.faults == [], f"{name}: {len(outcome.faults)} faults in {outcome.failures} lives"
        assert outcome.failures > 5, f"{name}: met too little to prove anything"
        assert outcome.told.total() > outcome.failures / 2, (
            f"{name}: hardly an error was told: {outcome.told}"
        )
        assert set(outcome.told) == {"StoreFull" if "ENOSPC" in name else "StoreError"}


def test_a_store_that_keeps_half_of_what_was_refused_would_be_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def one_by_one(self: Store, new: Sequence[Record]) -> int:
        return sum(self.write(lambda c, one=one: records.insert(c, one)) for one in new)  # type: ignore[misc]

    monkeypatch.setattr(Store, "add_records", one_by_one)
    _, truth = fail_once(tmp_path / "well", Trouble(0, "EIO", lasting=False), None)
    found = []
    for at in (20, 40):
        trouble = Trouble(at, "EIO", lasting=True, during="add old records")
        outcome, _ = fail_once(tmp_path / str(at), trouble, truth)
        found += outcome.faults
    assert any("something was kept" in fault for fault in found), found


def test_a_store_that_lets_sqlites_own_words_through_would_be_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def plain(_path: Path, error: sqlite3.Error) -> sqlite3.Error:
        return error

    for room in ("store", "database"):
        monkeypatch.setattr(f"edge.store.{room}.explain", plain)
    outcome, _ = fail_once(tmp_path, Trouble(2, "EIO", lasting=False, during="add records"), None)
    assert "OperationalError" in " ".join(outcome.faults)
