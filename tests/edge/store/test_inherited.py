"""Messages of an earlier database reach the centre as what they were, and nothing is counted twice."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.store import inherited, outbox
from edge.store.database import reading
from edge.store.store import Store
from sync.coupon_payloads import TRIGGER
from tests.broker import Mosquitto, mosquitto
from tests.edge.store.build import NOON, bodies, gate
from tests.edge.store.mishaps import (
    centre,
    drain,
    entries,
    file_in,
    fill,
    into_the_file,
    kill,
    line,
    pages_of_zones,
    pages_with,
    scribble,
    told,
    waiting,
    windows,
)
from tests.sync.fakes import trigger, wait_for

__all__ = ["mosquitto"]


def _epochs(db: Path) -> list[tuple[str, str, int]]:
    """(epoch, stream, messages) as the centre got them, the first first."""
    with sqlite3.connect(db) as hub:
        return hub.execute(
            "SELECT epoch, stream, count(*) FROM message GROUP BY 1, 2 ORDER BY min(received_at)"
        ).fetchall()


def _damaged_anew(store: Store, folder: Path, pages: Callable[[Path], list[int]]) -> Store:
    """The box is killed, its disk damages these pages, and it starts again."""
    into_the_file(store)
    kill(store)
    scribble(store.path, pages(store.path))
    opened, recovery = file_in(folder).open()
    assert recovery is not None
    assert recovery.aside is not None
    return opened


def test_what_waited_arrives_once_under_its_own_epoch_also_what_had_arrived_before(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    db = tmp_path / "hub.db"
    store, _ = file_in(tmp_path).open()
    truth = fill(store, range(300))
    first = store.epoch
    with centre(mosquitto.url, db):
        # Delivered, but the acknowledgements are lost with the disk.
        kept = store.pending("data", 0, 1000)
        drain(store, mosquitto.url)
        with store._transaction() as connection:
            for row in kept[100:]:
                connection.execute(
                    "INSERT INTO outbox VALUES ('data', ?, ?, ?, ?, NULL)",
                    (row.seq, row.schema, row.body, row.created_at),
                )
            connection.execute("UPDATE outbox_stream SET acked_seq = 100 WHERE stream = 'data'")
        truth += fill(store, range(300, 400))
        store = _damaged_anew(store, tmp_path, lambda path: pages_of_zones(path)[5:8])
        own = store._epoch
        assert store.epoch == first
        truth += fill(store, range(400, 450))
        assert waiting(store) == 300 + 50, "inherited and own wait together"
        drain(store, mosquitto.url)
        assert store.epoch == own != first
        assert entries(db) == truth
        assert told(db).given_up == 0
        assert [(epoch, count) for epoch, _, count in _epochs(db)] == [(first, 400), (own, 50)]
    store.close()


def test_a_lost_message_is_told_again_from_the_minutes(mosquitto: Mosquitto, tmp_path: Path) -> None:
    db = tmp_path / "hub.db"
    store, _ = file_in(tmp_path).open()
    truth = fill(store, range(200), events_every=20)
    with centre(mosquitto.url, db):
        store = _damaged_anew(store, tmp_path, lambda path: pages_with(path, b"storeedge/minute/1")[3:6])
        with reading(store.path) as connection:
            there = {row[0] for row in connection.execute("SELECT seq FROM inherited WHERE seq <= 210")}
        gap = 210 - len(there)
        assert gap > 0, "nothing was lost: the test damages the wrong pages"
        drain(store, mosquitto.url)
        assert entries(db) == truth
        assert told(db).given_up <= gap
    store.close()


def test_a_minute_begun_before_the_damage_and_ended_after_it_is_whole_at_the_centre(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    db = tmp_path / "hub.db"
    store, _ = file_in(tmp_path).open()
    fill(store, range(100))
    store.commit_minute(NOON + 6000, [gate(NOON + 6000, 5, observed=20.0)])
    with centre(mosquitto.url, db):
        store = _damaged_anew(store, tmp_path, lambda path: pages_of_zones(path)[:1])
        assert store.last_sealed_minute() == NOON + 6000
        assert store.commit_minute(NOON + 6000, [gate(NOON + 6000, 7, observed=20.0)])
        store.close()
        store, recovery = file_in(tmp_path).open()
        assert recovery is None
        assert store.commit_minute(NOON + 6000, [gate(NOON + 6000, 11, observed=20.0)])
        drain(store, mosquitto.url)
        assert entries(db) == 100 + 5 + 7 + 11
        with reading(store.path) as connection:
            here = connection.execute("SELECT entries FROM gate_window WHERE start = ?", (NOON + 6000,))
            assert here.fetchone()[0] == 5 + 7 + 11
    store.close()


def test_two_mishaps_in_a_row_keep_three_epochs_apart(mosquitto: Mosquitto, tmp_path: Path) -> None:
    db = tmp_path / "hub.db"
    store, _ = file_in(tmp_path).open()
    names, truth = [store.epoch], fill(store, range(60))
    store = _damaged_anew(store, tmp_path, lambda path: pages_of_zones(path)[:1])
    names.append(store._epoch)
    truth += fill(store, range(60, 120))
    store = _damaged_anew(store, tmp_path, lambda path: pages_of_zones(path)[:1])
    names.append(store._epoch)
    truth += fill(store, range(120, 180))
    with centre(mosquitto.url, db):
        drain(store, mosquitto.url)
        assert entries(db) == truth
        assert [(epoch, count) for epoch, _, count in _epochs(db)] == [(name, 60) for name in names]
    store.close()


def test_inherited_coupons_go_before_inherited_minutes_and_a_live_one_follows_within_moments(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    db = tmp_path / "hub.db"
    store, _ = file_in(tmp_path).open()
    fill(store, range(500))

    def decide(key: str) -> None:
        body = trigger(key).text()
        store.write(lambda c: outbox.put(c, "trigger", TRIGGER, body, created_at=NOON, expires_at=None))

    decide("a" * 64)
    before = store.epoch
    store = _damaged_anew(store, tmp_path, lambda path: pages_of_zones(path)[:1])
    decide("b" * 64)
    with centre(mosquitto.url, db), line(store, mosquitto.url) as box:
        wait_for(lambda: store.backlog("trigger").rows == 0, 20, box.status)
        wait_for(lambda: waiting(store) == 0, 20, box.status)
    arrived = [(epoch, stream) for epoch, stream, _ in _epochs(db)]
    assert arrived[0] == (before, "trigger")
    assert set(arrived) == {(before, "trigger"), (before, "data"), (store.epoch, "trigger")}
    store.close()


def test_only_the_word_for_the_right_epoch_takes_an_inherited_row_out(tmp_path: Path) -> None:
    store, _ = file_in(tmp_path).open()
    fill(store, range(10))
    first = store.epoch
    store = _damaged_anew(store, tmp_path, lambda path: pages_of_zones(path)[:1])
    fill(store, range(10, 12))
    own, seqs = store._epoch, [row.seq for row in store.pending("data", 0, 100)]
    assert store.acknowledge("data", "another", 100) == 0
    assert store.acknowledge("data", own, 1) == 1, "the own epoch's rows may be acknowledged meanwhile"
    assert store.acknowledge("data", first, 4) == 4
    assert [row.seq for row in store.pending("data", 0, 100)] == seqs[4:]
    assert store.acknowledge("trigger", first, 100) == 0
    assert store.acknowledge("data", first, 100) == len(seqs) - 4
    assert (store.epoch, len(bodies(store))) == (own, 1)
    store.close()


def test_without_room_the_oldest_inherited_go_first_and_coupons_last(tmp_path: Path) -> None:
    store, _ = file_in(tmp_path).open()
    body = trigger("a" * 64).text()
    store.write(lambda c: outbox.put(c, "trigger", TRIGGER, body, created_at=NOON))
    fill(store, range(10))
    store = _damaged_anew(store, tmp_path, lambda path: pages_of_zones(path)[:1])
    there = waiting(store)
    assert store.write(lambda c: inherited.give_up(c, 4)) == (4, 4, NOON, NOON + 240)
    assert (waiting(store), store.stream_state("data").dropped) == (there - 4, 4)
    assert store.pending("data", 0, 1)[0].seq == 5
    store.write(lambda c: inherited.give_up(c, there - 5))
    assert store.backlog("trigger").rows == 1
    store.close()


@pytest.mark.parametrize("again", [False, True])
def test_a_commit_whose_fate_was_unknown_is_not_counted_twice(tmp_path: Path, again: bool) -> None:
    """The disk fails in the middle of a commit: it may be found in the old log after all."""
    store, _ = file_in(tmp_path).open()
    fill(store, range(5))
    if again:
        store.commit_minute(NOON + 300, windows(NOON + 300, 4))
    file = file_in(tmp_path)
    store.exchange(lambda: file.anew("damaged"))
    store.commit_minute(NOON + 300, windows(NOON + 300, 4))  # as the recorder does with what failed
    with reading(store.path) as connection:
        assert connection.execute("SELECT sum(entries) FROM gate_window").fetchone()[0] == 5 + 4
    assert waiting(store) == 5 + 1
    store.close()
