"""A backup is a state that the store was in; putting it back counts nothing twice and loses nothing of it."""

from __future__ import annotations

import shutil
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from edge.errors import StoreCorrupt, StoreError, StoreForeign, StoreLocked
from edge.store.backup import make_backup, read_backup, restore
from edge.store.database import APPLICATION_ID, fault_of, reading
from edge.store.recovery import RESTORED, Owner
from edge.store.recovery_watch import RecoveryWatch
from edge.store.store import Store
from tests.broker import Mosquitto, mosquitto
from tests.conftest import ROOT
from tests.edge.store.build import NOON, crossing
from tests.edge.store.mishaps import (
    NAMES,
    PAGE,
    centre,
    drain,
    entries,
    file_in,
    fill,
    kill,
    scribble,
    ticking,
    told,
    waiting,
)

__all__ = ["mosquitto"]


@contextmanager
def writing(path: Path) -> Iterator[list[int]]:
    """A box in small, in a process of its own, at full speed; the numbers that it called durable."""
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.edge.store.writer_child", str(path)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    durable: list[int] = []
    assert child.stdout is not None
    durable.append(int(child.stdout.readline()))
    lines = child.stdout
    reader = threading.Thread(
        target=lambda: durable.extend(int(line) for line in lines if line.endswith("\n"))
    )
    reader.start()
    try:
        yield durable
    finally:
        child.kill()
        child.wait()
        reader.join()
        lines.close()


def _is_a_state(file: Path) -> tuple[int, int]:
    """Whether a file holds all of each transaction up to one and none of a later; crossings and minutes."""
    with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as held:
        crossings, last = held.execute("SELECT count(*), max(track) FROM crossing").fetchone()
        minutes, entered = held.execute(
            "SELECT count(*), coalesce(sum(entries), 0) FROM gate_window"
        ).fetchone()
        messages, seq = held.execute("SELECT count(*), coalesce(max(seq), 0) FROM outbox").fetchone()
        quarters = held.execute("SELECT coalesce(sum(entries), 0) FROM gate_quarter").fetchone()[0]
        uncounted = held.execute("SELECT count(*) FROM crossing WHERE counted IS NULL").fetchone()[0]
        given = held.execute("SELECT last_seq FROM outbox_stream WHERE stream = 'data'").fetchone()[0]
    assert last == crossings - 1, "a crossing is missing in between"
    assert entered == quarters == crossings - uncounted, "minutes, quarters and records disagree"
    assert messages == minutes == seq == given, "minutes and messages disagree"
    return crossings, minutes


def test_backups_while_a_process_writes_at_full_speed_are_states_that_the_store_was_in(
    tmp_path: Path,
) -> None:
    box, found = tmp_path / "box", []
    box.mkdir()
    with writing(box / "box.sqlite3") as durable:
        for number in range(8):
            before = durable[-1]
            make_backup(box / "box.sqlite3", tmp_path / f"{number}.db")
            crossings, _ = _is_a_state(tmp_path / f"{number}.db")
            assert crossings - 1 >= before, "what was durable before it began is not in it"
            found.append(crossings)
        assert durable[-1] > found[-1] - 2, "the writer stood still"
    assert found == sorted(found)
    assert found[-1] > found[0], "nothing was written meanwhile: this shows nothing"


def test_the_state_in_the_file_is_the_one_at_which_the_copy_began(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Copied in many steps, between each of which the box commits."""
    monkeypatch.setattr("edge.store.backup.STEP_PAGES", 16)
    store, _ = file_in(tmp_path).open()
    fill(store, range(1500))
    at, steps = 1500, []

    def meanwhile(share: float) -> None:
        nonlocal at
        steps.append(share)
        fill(store, range(at, at + 2))
        at += 2

    made = make_backup(store.path, tmp_path / "kept.db", progress=meanwhile)
    assert len(steps) > 1
    assert steps == sorted(steps)
    assert steps[-1] == 1.0
    assert (made.rows["minute"], made.rows["crossing"], made.waiting) == (1500, 1500, 1500)
    assert store.backlog("data").rows == at
    store.close()


def test_restored_and_run_on_the_centre_has_every_count_once(mosquitto: Mosquitto, tmp_path: Path) -> None:
    """Delivered before the backup; waiting in it and delivered since; made after it; and after the return."""
    db, kept = tmp_path / "hub.db", tmp_path / "kept.db"
    store, _ = file_in(tmp_path / "old").open()
    truth = fill(store, range(100))
    with centre(mosquitto.url, db):
        drain(store, mosquitto.url)
        truth += fill(store, range(100, 200), events_every=30)
        store.add_records([crossing(NOON + 60 * 200 + 1, track=200)])
        make_backup(store.path, kept)
        truth += fill(store, range(200, 260))  # that crossing is in the first of these
        drain(store, mosquitto.url)
        assert entries(db) == truth
        kill(store)
        shutil.rmtree(tmp_path / "old")  # the disk is dead

        done = restore(kept, tmp_path / "new" / "box.sqlite3", owner=NAMES)
        assert (done.aside, done.not_counted, done.backup.waiting) == (None, 1, 103)
        store, recovery = file_in(tmp_path / "new").open()
        assert recovery is None
        with RecoveryWatch(file_in(tmp_path / "new"), store, ticking) as watch:
            assert list(watch.look(NOON + 60 * 300)) == []
        truth += fill(store, range(300, 340))
        assert store.uncounted() == []
        drain(store, mosquitto.url)
        assert entries(db) == truth
        assert told(db).given_up == 0
        with closing(sqlite3.connect(db)) as hub:
            bodies = hub.execute("SELECT body FROM message WHERE body LIKE '%store_restored%'").fetchall()
        assert len(bodies) == 1
        assert RESTORED in bodies[0][0]
    store.close()


def test_what_waited_in_a_backup_is_not_lost_when_the_box_died_right_after_it(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    db, kept = tmp_path / "hub.db", tmp_path / "kept.db"
    store, _ = file_in(tmp_path / "old").open()
    truth = fill(store, range(150))
    make_backup(store.path, kept)
    store.close()
    restore(kept, tmp_path / "new" / "box.sqlite3")
    store, _ = file_in(tmp_path / "new").open()
    truth += fill(store, range(150, 160))
    with centre(mosquitto.url, db):
        drain(store, mosquitto.url)
        assert entries(db) == truth
    store.close()


def test_a_backup_of_a_stopped_or_killed_box_is_whole(tmp_path: Path) -> None:
    store, _ = file_in(tmp_path).open()
    fill(store, range(20))
    kill(store)  # all of it is in the log
    assert make_backup(store.path, tmp_path / "killed.db").rows["minute"] == 20
    store, _ = file_in(tmp_path).open()
    store.close()
    assert make_backup(store.path, tmp_path / "stopped.db").rows["minute"] == 20


def _box(folder: Path, minutes: int = 20) -> Path:
    store, _ = file_in(folder).open()
    fill(store, range(minutes))
    store.close()
    return store.path


def test_only_its_owner_may_read_a_backup_and_the_key_is_in_it_only_when_asked_for(tmp_path: Path) -> None:
    path = _box(tmp_path / "box")
    (path.parent / "box.key").write_text("ab" * 32)
    (path.parent / "parking.keys").write_text("the plates' keys")
    make_backup(path, tmp_path / "kept.db")
    assert sorted(part.name for part in tmp_path.iterdir()) == ["box", "kept.db"]
    make_backup(path, tmp_path / "kept.db", replace=True, with_key=True)
    for name in ("kept.db", "kept.db.key"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    restore(tmp_path / "kept.db", tmp_path / "new" / "box.sqlite3", with_key=True)
    assert (tmp_path / "new" / "box.key").read_text() == "ab" * 32
    assert stat.S_IMODE((tmp_path / "new" / "box.key").stat().st_mode) == 0o600
    assert not (tmp_path / "new" / "parking.keys").exists()


def test_no_file_is_overwritten_and_none_is_left_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, kept = _box(tmp_path / "box"), tmp_path / "kept.db"
    kept.write_text("precious")
    with pytest.raises(StoreError, match="is there already"):
        make_backup(path, kept)
    with pytest.raises(StoreError, match="is there already"):
        make_backup(path, path, replace=True)
    with pytest.raises(StoreError, match="no such folder"):
        make_backup(path, tmp_path / "nowhere" / "kept.db")
    with pytest.raises(StoreError, match="there is no database"):
        make_backup(tmp_path / "box.sqlite3", tmp_path / "other.db")
    monkeypatch.setattr(
        "edge.store.backup._sync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left"))
    )
    with pytest.raises(StoreError, match="cannot be written: No space left"):
        make_backup(path, kept, replace=True)
    assert kept.read_text() == "precious"
    assert sorted(part.name for part in tmp_path.iterdir()) == ["box", "kept.db"]


def test_a_damaged_foreign_or_wrong_file_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    path, kept = _box(tmp_path / "box", 200), tmp_path / "kept.db"
    make_backup(path, kept)
    before = path.read_bytes()
    plain = tmp_path / "plain.db"
    shutil.copy(path, plain)
    with pytest.raises(StoreForeign, match="not made by storeedge backup"):
        restore(plain, path)
    with pytest.raises(StoreForeign, match="of box rainbow/sz-futian/box-01, not rainbow/sz-futian/box-02"):
        restore(kept, path, owner=Owner("rainbow", "sz-futian", "box-02"))
    with closing(sqlite3.connect(kept)) as newer, newer:
        newer.execute("UPDATE meta SET value = '99' WHERE key = 'needs'")
    with pytest.raises(StoreForeign, match="newer StoreEdge"):
        restore(kept, path)
    scribble(kept, [kept.stat().st_size // PAGE // 2])
    with pytest.raises(StoreCorrupt, match="damaged"):
        restore(kept, path)
    kept.write_text("nothing of the kind")
    with pytest.raises(StoreCorrupt, match="no backup at all"):
        restore(kept, path)
    assert path.read_bytes() == before


def test_a_running_box_is_not_restored_under_its_feet_and_what_was_there_is_kept(tmp_path: Path) -> None:
    path, kept = _box(tmp_path / "box"), tmp_path / "kept.db"
    make_backup(path, kept)
    with (
        file_in(tmp_path / "box").open()[0] as store,
        pytest.raises(StoreLocked, match="already used by process"),
    ):
        restore(kept, store.path)
    before = path.read_bytes()
    done = restore(kept, path)
    assert done.aside is not None
    assert done.aside.read_bytes() == before
    with file_in(tmp_path / "box").open()[0] as store:
        assert fault_of(store._connection) is None
        assert waiting(store) == 20


def test_the_same_backup_put_back_twice_sends_the_same_messages(tmp_path: Path) -> None:
    path, kept = _box(tmp_path / "box"), tmp_path / "kept.db"
    make_backup(path, kept)
    said = []
    for _ in range(2):
        restore(kept, path)
        with file_in(tmp_path / "box").open()[0] as store:
            said.append((store.epoch, [(row.seq, row.body) for row in store.pending("data", 0, 100)]))
            fresh = store._epoch
        assert fresh != said[-1][0]
    assert said[0] == said[1]
    assert read_backup(kept).epoch == said[0][0]


def test_the_log_grows_by_no_more_than_the_box_writes_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.store.backup.STEP_PAGES", 16)
    store, _ = file_in(tmp_path).open()
    fill(store, range(1200))
    log_file = store.path.with_name(store.path.name + "-wal")
    written = 0

    def meanwhile(_: float) -> None:
        nonlocal written
        before = log_file.stat().st_size
        fill(store, range(5000 + written, 5001 + written))
        written += 1
        assert log_file.stat().st_size - before < 400_000

    make_backup(store.path, tmp_path / "kept.db", progress=meanwhile)
    assert written > 10
    fill(store, range(9000, 9600))
    assert log_file.stat().st_size < 10 * 2**20, "nothing holds the log after the backup"
    store.close()


def test_an_older_versions_backup_is_brought_up_to_date(tmp_path: Path) -> None:
    """With the schema of the first release, which knew of no inherited message."""
    script = (Path(__file__).parent / "version_1.sql").read_text("utf-8")
    kept = tmp_path / "kept.db"
    with closing(sqlite3.connect(kept)) as old:
        old.executescript(script)
        old.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        names = dict(old.execute("SELECT key, value FROM meta").fetchall())
        old.execute("INSERT OR REPLACE INTO meta VALUES ('backup_at', '1790000000')")
        old.commit()
    owner = Owner(names["tenant"], names["store"], names["box"])
    restore(kept, tmp_path / "box.sqlite3")
    with Store.open(tmp_path / "box.sqlite3", tenant=owner.tenant, store=owner.store, box=owner.box) as store:
        with reading(store.path) as connection:
            assert connection.execute("SELECT count(*) FROM outbox").fetchone()[0] == 0
        assert store.backlog("data").rows > 0
