"""Audits are kept whole: what comes out adds up to another audit."""

from __future__ import annotations

from pathlib import Path

from edge.store import audits
from edge.store.audits import Audit
from edge.store.database import reading
from pipelines.audit import HandCount, Tally, compare
from pipelines.records import Direction
from tests.edge.store.build import NOON, crossing, gate, open_store


def tally(missed: int = 1) -> Tally:
    true = [HandCount("door", "in", 20.0 * i) for i in range(60)]
    return compare([*true[missed:], HandCount("door", "in", 2000.0)], true)["door", "in"]


def audit(begun: float = NOON, direction: Direction = "in", **given: object) -> Audit:
    row = {"drawing": "abc", "who": "Li", "made_at": begun + 700} | given
    return Audit("cam-1", "door", direction, begun, begun + 600, tally=tally(), **row)  # type: ignore[arg-type]


def test_an_audit_comes_out_as_it_was_put_in_newest_first(tmp_path: Path) -> None:
    old, new = audit(), audit(NOON + 3600, "out", who="王")
    with open_store(tmp_path) as store:
        store.add_audits([old, new])
        with reading(store.path) as connection:
            assert audits.select(connection) == [new, old]
            assert audits.select(connection, limit=1) == [new]


def test_a_repeat_replaces(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        store.add_audits([audit()])
        store.add_audits([audit(who="Wang")])
        with reading(store.path) as connection:
            assert [one.who for one in audits.select(connection)] == ["Wang"]


def test_the_table_says_in_plain_columns_what_was_found(tmp_path: Path) -> None:
    with open_store(tmp_path) as store, reading(store.path) as _:
        store.add_audits([audit()])
        with reading(store.path) as connection:
            row = connection.execute(
                "SELECT by_hand, counted, matched, accuracy, verdict, bias_low < 0, bias_high > 0 FROM audit"
            ).fetchone()
    assert tuple(row) == (60, 60, 59, 1.0, "undecided", 1, 1)


def test_an_audit_is_compared_with_the_crossings_of_its_gate_and_time(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        store.add_records(
            [crossing(NOON + t, "in", track=t) for t in (0, 5, 10)] + [crossing(NOON + 5.0, gate="side")]
        )
        with reading(store.path) as connection:
            found = audits.crossings(connection, "cam-1", "door", NOON + 1, NOON + 10)
    assert sorted(one.t - NOON for one in found) == [5.0, 10.0]


def test_minutes_without_picture_are_told(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        for i, observed in enumerate((0.0, 60.0, 45.0, 0.0)):
            store.commit_minute(NOON + 60 * i, [gate(NOON + 60 * i, 0, observed=observed)])
        with reading(store.path) as connection:
            unseen = audits.unseen_seconds(connection, "cam-1", "door", NOON + 30, NOON + 200)
            nothing = audits.unseen_seconds(connection, "cam-1", "door", NOON + 70, NOON + 80)
    assert (unseen, nothing) == (15.0, 0.0)


def test_audits_outlive_the_crossings(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        store.add_audits([audit()])
        store.prune(NOON + 400 * 86_400.0)
        with reading(store.path) as connection:
            assert len(audits.select(connection)) == 1
        store.prune(NOON + 2_000 * 86_400.0)
        with reading(store.path) as connection:
            assert audits.select(connection) == []
