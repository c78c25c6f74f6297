"""The store keeps what it was given, once, and says clearly when it cannot."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest

from edge.errors import StoreCorrupt, StoreError, StoreForeign, StoreLocked
from edge.store.database import reading, set_aside
from edge.store.windows import select
from sync.errors import SyncError
from tests.edge.store.build import (
    NOON,
    bodies,
    camera,
    crossing,
    event,
    gate,
    lane,
    open_store,
    visit,
    zone,
)

WHOLE = [gate(NOON, 2, 1), zone(NOON, [4.0, 70.0], peak=2, person_seconds=74.0), camera(NOON), lane(NOON, 3)]


def test_a_minute_comes_back_as_it_was_given(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        assert store.commit_minute(NOON, WHOLE)
        with reading(store.path) as connection:
            found = [
                w
                for scope in ("gate", "zone", "camera", "lane")
                for w in select(connection, scope, NOON, NOON + 60)
            ]
    assert found == WHOLE


def test_a_minute_is_one_message_with_all_its_windows(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        store.commit_minute(NOON, WHOLE)
        [row] = store.pending("data", 0, 10)
        [body] = bodies(store)
    assert (row.stream, row.seq, row.schema, row.epoch) == ("data", 1, "storeedge/minute/1", store.epoch)
    assert [w["scope"] for w in body["windows"]] == ["gate", "zone", "camera", "lane"]


def test_the_same_minute_again_in_one_run_changes_nothing(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        assert store.commit_minute(NOON, WHOLE)
        assert not store.commit_minute(NOON, WHOLE)
        assert store.backlog("data").rows == 1


def test_two_runs_share_a_minute_and_the_sum_is_sent(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        store.commit_minute(NOON, [gate(NOON, 2, observed=25.0), zone(NOON, [4.0], 25.0, peak=3)])
    with open_store(tmp_path) as store:
        assert store.last_sealed_minute() == NOON
        assert store.commit_minute(NOON, [gate(NOON, 1, 4, observed=30.0), zone(NOON, [70.0], 30.0, peak=1)])
        with reading(store.path) as connection:
            assert select(connection, "gate", NOON, NOON + 1) == [gate(NOON, 3, 4, observed=55.0)]
            assert select(connection, "zone", NOON, NOON + 1) == [zone(NOON, [4.0, 70.0], 55.0, peak=3)]
            quarter = connection.execute(
                "SELECT observed_seconds, entries, exits FROM gate_quarter"
            ).fetchone()
            bins = connection.execute("SELECT bin, complete FROM dwell_quarter").fetchall()
        first, second = bodies(store)
    assert tuple(quarter) == (55.0, 3, 4)
    assert [tuple(row) for row in bins] == [(2, 1), (9, 1)]
    assert first["windows"][0]["in"] == 2
    assert second["windows"][0]["in"] == 3


def test_a_run_that_saw_nothing_of_a_committed_minute_sends_it_not_again(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        store.commit_minute(NOON, WHOLE)
    with open_store(tmp_path) as store:
        assert not store.commit_minute(NOON, [gate(NOON, 0, observed=0.0), zone(NOON, observed=0.0)])
        assert store.backlog("data").rows == 1


def test_no_second_is_observed_twice(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        store.commit_minute(NOON, [gate(NOON, 0, observed=50.0)])
    with open_store(tmp_path) as store:
        store.commit_minute(NOON, [gate(NOON, 0, observed=50.0)])
        with reading(store.path) as connection:
            [window] = select(connection, "gate", NOON, NOON + 1)
            [quarter] = connection.execute("SELECT observed_seconds FROM gate_quarter").fetchone()
    assert (window.observed_seconds, quarter) == (60.0, 60.0)


def test_records_that_no_minute_holds_are_told_after_a_restart(tmp_path: Path) -> None:
    early, late, after = crossing(NOON + 5), visit(NOON + 59.9), crossing(NOON + 60)
    with open_store(tmp_path) as store:
        assert store.add_records([early, late, after]) == 3
        assert store.uncounted() == [early, late, after]
        store.commit_minute(NOON, [gate(NOON, 1), zone(NOON, [10.0])])
    with open_store(tmp_path) as store:
        assert store.uncounted() == [after]
        assert store.records_since(NOON + 50) == [late, after]


def test_the_same_record_again_changes_nothing(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        assert store.add_records([crossing(NOON), visit(NOON), event(NOON)]) == 3
        assert store.add_records([crossing(NOON), visit(NOON), event(NOON)]) == 0
        assert store.backlog("data").rows == 1


def test_an_event_and_its_end_are_two_messages_and_one_row(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        store.add_records([event(NOON)])
        store.add_records([event(NOON, t_end=NOON + 30.0)])
        assert store.records_since(NOON) == [event(NOON, t_end=NOON + 30.0)]
        assert [body["ended_at"] for body in bodies(store)] == [None, "2026-09-21T14:14:30Z"]


def test_a_minute_that_cannot_be_sent_is_not_kept_either(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        with pytest.raises(SyncError, match="cannot be sent"):
            store.commit_minute(NOON, [gate(NOON, -1)])
        assert store.last_sealed_minute() is None
        assert store.backlog("data").rows == 0


def test_a_record_that_can_never_be_kept_does_not_hold_up_the_others(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with open_store(tmp_path) as store:
        kept = store.add_records([crossing(NOON, gate="x" * 1000), event(NOON, name=""), crossing(NOON)])
        assert kept == 1
        assert store.records_since(0) == [crossing(NOON)]
        assert store.backlog("data").rows == 0
    assert caplog.text.count("a record cannot be kept") == 2


def test_numbers_are_never_given_twice(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        store.add_records([event(NOON), event(NOON + 1)])
        assert store.acknowledge("data", store.epoch, 2) == 2
    with open_store(tmp_path) as store:
        store.add_records([event(NOON + 2)])
        assert [row.seq for row in store.pending("data", 0, 10)] == [3]


def test_only_the_centres_word_for_this_epoch_takes_rows_out(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        store.add_records([event(NOON + i) for i in range(5)])
        assert store.acknowledge("data", "another", 5) == 0
        assert store.acknowledge("trigger", store.epoch, 5) == 0
        assert store.acknowledge("data", store.epoch, 3) == 3
        assert store.acknowledge("data", store.epoch, 2) == 0
        backlog, state = store.backlog("data"), store.stream_state("data")
    assert (backlog.rows, backlog.first_seq, backlog.last_seq, backlog.oldest_at) == (2, 4, 5, NOON)
    assert (state.last_seq, state.acked_seq, state.acked_at) == (5, 3, NOON)


def test_an_acknowledgement_of_the_future_cannot_swallow_later_rows(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        store.add_records([event(NOON)])
        store.acknowledge("data", store.epoch, 1_000)
        store.add_records([event(NOON + 1)])
        assert [row.seq for row in store.pending("data", 0, 10)] == [2]
        assert store.stream_state("data").acked_seq == 1


def test_pending_goes_on_where_it_was_left(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        store.add_records([event(NOON + i) for i in range(10)])
        assert [row.seq for row in store.pending("data", 4, 3)] == [5, 6, 7]


def test_many_threads_may_write_at_once(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        workers = [
            threading.Thread(
                target=lambda k=k: [store.add_records([event(NOON + k + i / 100)]) for i in range(20)]
            )
            for k in range(4)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert [row.seq for row in store.pending("data", 0, 1000)] == list(range(1, 81))


def test_a_second_writer_is_told_who_holds_the_store(tmp_path: Path) -> None:
    with open_store(tmp_path), pytest.raises(StoreLocked, match=r"already used by process \d+"):
        open_store(tmp_path)


def test_another_boxes_store_is_not_touched(tmp_path: Path) -> None:
    open_store(tmp_path).close()
    with pytest.raises(
        StoreForeign, match="belongs to box rainbow/sz-futian/box-01, not rainbow/sz-futian/box-02"
    ):
        open_store(tmp_path, box="box-02")
    open_store(tmp_path).close()


def test_the_epoch_stays_until_the_database_is_made_anew(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        first = store.epoch
    with open_store(tmp_path) as store:
        assert store.epoch == first
    moved = set_aside(tmp_path / "edge.db", "damaged")
    with open_store(tmp_path) as store:
        assert store.epoch != first
    assert moved.is_file()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        pytest.param(
            b"this is a text file, and not a small one\n" * 100, "not a StoreEdge database", id="text"
        ),
        pytest.param(None, "not a StoreEdge database", id="another program's database"),
    ],
)
def test_a_file_that_is_not_ours_is_refused_and_left_alone(
    tmp_path: Path, content: bytes | None, says: str
) -> None:
    path = tmp_path / "edge.db"
    if content is None:
        other = sqlite3.connect(path)
        other.execute("CREATE TABLE theirs (x)")
        other.commit()
        other.close()
    else:
        path.write_bytes(content)
    before = path.read_bytes()
    with pytest.raises(StoreCorrupt, match=says) as told:
        open_store(tmp_path)
    assert "\n" not in str(told.value)
    assert path.read_bytes() == before


def test_a_damaged_file_is_found_when_the_last_run_ended_badly(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        for i in range(200):
            store.commit_minute(NOON + 60 * i, [gate(NOON + 60 * i, 1), zone(NOON + 60 * i, [4.0])])
    path = tmp_path / "edge.db"
    raw = sqlite3.connect(path)
    raw.execute("UPDATE meta SET value = 'no' WHERE key = 'closed'")
    raw.commit()
    raw.close()
    damaged = bytearray(path.read_bytes())
    for at in range(5 * 4096, len(damaged), 4096):
        damaged[at : at + 200] = b"\xff" * 200
    path.write_bytes(damaged)
    with pytest.raises(StoreCorrupt, match="damaged") as told:
        open_store(tmp_path)
    assert "\n" not in str(told.value)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "edge.db").mkdir()
    with pytest.raises(StoreError, match=r"edge\.db: cannot be opened"):
        open_store(tmp_path)


def test_a_locked_database_is_told_and_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.store.database.BUSY_S", 0.05)
    with open_store(tmp_path) as store:
        intruder = sqlite3.connect(store.path, isolation_level=None)
        intruder.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreLocked, match="in use by another program"):
            store.add_records([event(NOON)])
        intruder.execute("ROLLBACK")
        intruder.close()
        assert store.add_records([event(NOON)]) == 1


def test_each_table_forgets_after_its_term(tmp_path: Path) -> None:
    day = 86_400
    with open_store(tmp_path) as store:
        store.add_records([crossing(NOON - 36 * day), crossing(NOON - 34 * day), event(NOON - 401 * day)])
        old = NOON - 401 * day
        old -= old % 60
        store.commit_minute(old, [gate(old, 7)])
        store.prune(NOON)
        with reading(store.path) as connection:
            assert select(connection, "gate", 0, NOON) == []
            assert connection.execute("SELECT sum(entries) FROM gate_quarter").fetchone()[0] == 7
        assert store.records_since(0) == [crossing(NOON - 34 * day)]
        assert store.backlog("data").rows == 2
