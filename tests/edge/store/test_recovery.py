"""Whatever has become of the database, the box counts on, and what could be read of it is true."""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from edge.errors import StoreError, StoreForeign, StoreLocked
from edge.store import recovery_files
from edge.store.database import fault_of, mark_of, reading
from edge.store.recovery import RECOVERED, RESTORED, open_or_recover
from edge.store.recovery_watch import RecoveryWatch
from edge.store.salvage import rests
from edge.store.store import Store
from edge.web.texts import Texts
from pipelines.records import Crossing, Event
from tests.edge.store.build import NOON, crossing
from tests.edge.store.mishaps import (
    PAGE,
    file_in,
    fill,
    into_the_file,
    kill,
    pages_of_zones,
    pages_with,
    scribble,
    ticking,
    waiting,
    windows,
)
from tests.sync.fakes import wait_for

MINUTES = 300


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as a kill leaves it: five hours of minutes, and a crossing that none of them holds."""
    folder = tmp_path_factory.mktemp("whole")
    store, recovery = file_in(folder).open()
    assert recovery is None
    fill(store, range(MINUTES), events_every=25)
    store.acknowledge("data", store.epoch, 100)
    into_the_file(store)
    fill(store, range(MINUTES, MINUTES + 2))
    store.add_records([crossing(NOON + 60 * (MINUTES + 2) + 5, track=77)])
    kill(store)
    return folder


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    """A copy of it to be damaged."""
    return Path(shutil.copytree(whole, tmp_path / "box"))


def _sums(store: Store) -> tuple[int, int, int]:
    """Entries of the minutes and of the quarter-hours, and crossings."""
    with reading(store.path) as connection:
        return tuple(  # type: ignore[return-value]
            connection.execute(f"SELECT coalesce(sum({what}), 0) FROM {table}").fetchone()[0]
            for what, table in (("entries", "gate_window"), ("entries", "gate_quarter"), ("1", "crossing"))
        )


def test_a_sound_database_is_opened_as_it_is(folder: Path) -> None:
    store, recovery = file_in(folder).open()
    assert recovery is None
    assert _sums(store) == (MINUTES + 2, MINUTES + 2, MINUTES + 3)
    assert [record.track for record in store.uncounted()] == [77]
    assert recovery_files.asides(store.path) == []
    store.close()


def _zeroes(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def _empty(path: Path) -> None:
    path.write_bytes(b"")
    path.with_name(path.name + "-wal").unlink()


def _garbage_header(path: Path) -> None:
    scribble(path, [0])
    path.with_name(path.name + "-wal").unlink()  # which may hold a good copy of that page


def _half(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2 // PAGE * PAGE)


def _text(path: Path) -> None:
    path.write_text("this is a text\n" * 1000)


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "something").write_text("in it")


def _only_the_log(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize(
    "mishap",
    [_zeroes, _empty, _garbage_header, _half, _text, _folder, _only_the_log],
    ids=lambda f: f.__name__[1:],
)
def test_whatever_lies_there_is_set_aside_and_the_box_counts_on(
    folder: Path, mishap: Callable[[Path], None]
) -> None:
    path = folder / "box.sqlite3"
    mishap(path)
    store, recovery = file_in(folder).open()
    assert recovery is not None
    assert recovery.name == RECOVERED
    assert recovery.aside is not None
    assert fill(store, range(1000, 1003)) == 3
    assert recovery_files.asides(path) == [recovery.aside]
    assert sorted(part.name for part in folder.iterdir() if part.name.endswith((".new", ".recovering"))) == []
    store.close()
    store, recovery = file_in(folder).open()
    assert recovery is None, "a second start finds nothing to mend"
    store.close()


@pytest.mark.parametrize("seed", range(6))
def test_what_is_read_of_a_damaged_file_is_true_and_most_of_it(folder: Path, seed: int) -> None:
    path = folder / "box.sqlite3"
    pages = pages_of_zones(path) + pages_with(path, b"storeedge/minute/1") + pages_with(path, b"cam-1")
    hit = [pages[(seed * 37 + k * 61) % len(pages)] for k in range(3)]
    scribble(path, hit, seed)
    store, recovery = file_in(folder).open()
    if recovery is None:  # the log held better copies of these pages
        assert (fault_of(store._connection), _sums(store)[2]) == (None, MINUTES + 3)
        store.close()
        return
    with reading(path) as connection:
        kept = [tuple(row) for row in connection.execute("SELECT t, track FROM crossing")]
        assert all(t in {NOON + 60 * track + 5, NOON + 60 * (MINUTES + 2) + 5} for t, track in kept)
        starts = [row[0] for row in connection.execute("SELECT start FROM gate_window WHERE entries = 1")]
        assert set(starts) <= set(range(NOON, NOON + 60 * (MINUTES + 2), 60))
    lost = MINUTES + 2 - len(starts)
    per_page = PAGE // 30  # a row of the smallest windows
    assert lost <= per_page * len(hit), f"{lost} minutes of a gate lost with {len(hit)} pages"
    assert waiting(store) >= MINUTES + 2 - 100 - 40 * len(hit), recovery.detail
    store.close()


def test_what_no_minute_held_is_counted_after_it(folder: Path) -> None:
    path = folder / "box.sqlite3"
    scribble(path, pages_of_zones(path)[4:5])
    store, recovery = file_in(folder).open()
    assert recovery is not None
    assert [record.track for record in store.uncounted()] == [77]
    start = NOON + 60 * (MINUTES + 2)
    store.commit_minute(start, windows(start))
    assert store.uncounted() == []
    store.close()


def test_a_file_whose_log_is_gone_counts_no_record_that_the_log_may_have_counted(folder: Path) -> None:
    path = folder / "box.sqlite3"
    store, _ = file_in(folder).open()
    store.add_records([crossing(NOON + 60 * 400, track=400)])
    into_the_file(store)
    before = store.epoch
    store.commit_minute(NOON + 60 * 400, windows(NOON + 60 * 400))  # in the log alone
    kill(store)
    path.with_name("box.sqlite3-wal").unlink()
    store, recovery = file_in(folder).open()
    assert recovery is not None
    assert (recovery.name, recovery.detail["not_counted"], recovery.aside) == (RESTORED, 2, None)
    assert store.uncounted() == []
    assert store.epoch == before, "what waited goes first, as what it was"
    assert store._epoch != before
    store.close()


def test_the_log_of_another_file_is_no_part_of_a_backup_that_somebody_put_there(folder: Path) -> None:
    from edge.store.backup import make_backup

    path = folder / "box.sqlite3"
    make_backup(path, folder / "kept.db")
    store, _ = file_in(folder).open()
    fill(store, range(500, 520))
    kill(store)
    shutil.copy(folder / "kept.db", path)  # and the newer file's log still lies beside it
    store, recovery = file_in(folder).open()
    assert recovery is not None
    assert (recovery.name, recovery.detail["fault"]) == (RESTORED, "a backup")
    assert _sums(store)[0] == MINUTES + 2
    assert fault_of(store._connection) is None
    store.close()


def test_the_log_of_another_box_leaves_no_doubt(folder: Path, tmp_path: Path) -> None:
    """Its pages are taken for ours by SQLite: what then lies there is found to be damaged."""
    other, _ = file_in(tmp_path / "other").open()
    fill(other, range(20))
    kill(other)
    shutil.copy(tmp_path / "other" / "box.sqlite3-wal", folder / "box.sqlite3-wal")
    store, recovery = file_in(folder).open()
    fill(store, range(1000, 1003))
    assert recovery is None or recovery.aside is not None
    assert fault_of(store._connection) is None
    store.close()


def test_the_database_of_another_box_or_program_is_left_alone(folder: Path, tmp_path: Path) -> None:
    path = folder / "box.sqlite3"
    with pytest.raises(
        StoreForeign, match=r"belongs to box rainbow/sz-futian/box-01, not rainbow/sz-futian/box-02"
    ):
        open_or_recover(path, tenant="rainbow", store="sz-futian", box="box-02")
    scribble(path, pages_of_zones(path)[4:5])
    with pytest.raises(StoreForeign, match="damaged, and belongs to box"):
        open_or_recover(path, tenant="rainbow", store="sz-futian", box="box-02")
    other = sqlite3.connect(tmp_path / "box.sqlite3")
    other.execute("CREATE TABLE theirs (x)")
    other.commit()
    other.close()
    with pytest.raises(StoreForeign, match="another program's database"):
        file_in(tmp_path).open()
    assert recovery_files.asides(path) == recovery_files.asides(tmp_path / "box.sqlite3") == []


def test_a_newer_version_is_left_alone(folder: Path) -> None:
    path = folder / "box.sqlite3"
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE meta SET value = '99' WHERE key = 'needs'")
    connection.close()
    with pytest.raises(StoreForeign, match="newer StoreEdge"):
        file_in(folder).open()
    assert recovery_files.asides(path) == []


def test_two_boxes_never_recover_one_file(folder: Path) -> None:
    path = folder / "box.sqlite3"
    store, _ = file_in(folder).open()
    scribble(path, pages_of_zones(path)[4:5])
    with pytest.raises(StoreLocked):
        file_in(folder).open()
    assert recovery_files.asides(path) == []
    kill(store)


def test_a_file_that_may_not_be_read_is_an_error_and_stays(folder: Path) -> None:
    path = folder / "box.sqlite3"
    path.chmod(0)
    pid = os.fork()
    if pid == 0:
        if os.geteuid() == 0:  # who may read everything
            os.setgid(65534)
            os.setuid(65534)
        try:
            file_in(folder).open()
        except StoreError:
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert recovery_files.asides(path) == []


STEPS = ("write_whole", "clear_draft", "put_in_place", "finish", "prune_asides")


@pytest.mark.parametrize("step", STEPS)
def test_a_recovery_that_is_cut_short_is_taken_up_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    path = folder / "box.sqlite3"
    scribble(path, pages_of_zones(path)[4:5])

    def cut(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(recovery_files, step, cut)
        with pytest.raises(KeyboardInterrupt):
            file_in(folder).open()
    store, _ = file_in(folder).open()
    assert _sums(store)[2] == MINUTES + 3
    assert waiting(store) >= MINUTES + 2 - 100
    assert len(recovery_files.asides(path)) == 1
    store.close()


@pytest.mark.parametrize("left_behind", ["-wal", "-shm"])
def test_a_power_cut_between_two_renames_parts_no_log_from_its_file(folder: Path, left_behind: str) -> None:
    path = folder / "box.sqlite3"
    path.with_name(path.name + "-shm").touch()
    recovery_files.set_aside(path, recovery_files.Setting("damaged-20260921T141400Z", "damaged"))
    moved = folder / f"box.sqlite3.damaged-20260921T141400Z{left_behind}"
    moved.rename(path.with_name(path.name + left_behind))
    store, recovery = file_in(folder).open()
    assert recovery is not None
    assert _sums(store)[2] == MINUTES + 3, "the log was read with its file"
    store.close()


def _read_all(path: Path) -> None:
    with reading(path) as connection:
        connection.execute("SELECT sum(visits) FROM zone_window").fetchall()
        connection.execute("SELECT sum(t_in) FROM visit").fetchall()


def test_damage_met_while_the_box_runs_is_mended_under_its_hands(folder: Path) -> None:
    store, _ = file_in(folder).open()
    file = file_in(folder)
    into_the_file(store)
    scribble(store.path, pages_of_zones(store.path)[4:6])
    with RecoveryWatch(file, store, ticking) as watch:
        list(watch.look(NOON))
        before = store._epoch
        with pytest.raises(StoreError, match="damaged"):
            _read_all(store.path)
        assert mark_of(store.path).exists()
        list(watch.look(NOON + 1))
        assert store._epoch != before
        assert not mark_of(store.path).exists()
        fill(store, range(600, 603))
        assert _sums(store)[2] == MINUTES + 3 + 3
        wait_for(lambda: not store.read(rests))
        ended = list(watch.look(NOON + 2))
    assert [event.name for event in ended] == [RECOVERED]
    assert ended[0].t_end is not None
    store.close()


def test_the_event_is_stored_sent_and_told_in_both_languages(folder: Path) -> None:
    path = folder / "box.sqlite3"
    scribble(path, pages_of_zones(path)[4:5])
    store, recovery = file_in(folder).open()
    assert recovery is not None
    with RecoveryWatch(file_in(folder), store, ticking) as watch:
        list(watch.look(NOON + 90_000.0))
        [begun] = store.events_under_way([RECOVERED])
        assert begun.detail["file"] == recovery.aside.name  # type: ignore[union-attr]
        assert begun.detail["rows"] > 1000  # type: ignore[operator]
        wait_for(lambda: not store.read(rests))
        [ended] = watch.look(NOON + 90_060.0)
        store.add_records([ended])
        assert list(watch.look(NOON + 90_061.0)) == []
    assert store.events_under_way([RECOVERED]) == []
    mine = [event for event in store.records_since(NOON + 90_000.0) if isinstance(event, Event)]
    assert [event.t_end for event in mine] == [NOON + 90_060.0]
    for name in (RECOVERED, RESTORED):
        assert all(Texts(language, ZoneInfo("UTC")).has(f"event.{name}") for language in ("en", "zh-CN"))
    store.close()


def test_older_days_come_while_the_box_counts_and_go_on_after_a_restart(tmp_path: Path) -> None:
    store, _ = file_in(tmp_path).open()
    days = 12
    for number in range(0, days * 1440, 20):
        start = NOON + 60 * number
        store.add_records([crossing(start + 5, track=number)])
        store.commit_minute(start, windows(start))
    made = days * 1440 // 20
    store.acknowledge("data", store.epoch, made)
    into_the_file(store)
    kill(store)
    path = store.path
    scribble(path, pages_of_zones(path)[-1:])
    store, recovery = file_in(tmp_path).open()
    assert recovery is not None
    at_once = _sums(store)
    assert made / days < at_once[0] < made / 2, "the newest days are there at once, the rest is not"
    [(_, rest)] = store.read(rests).items()
    watch = RecoveryWatch(file_in(tmp_path), store, ticking)
    with watch:
        wait_for(lambda: _sums(store)[2] > at_once[2])
    store.close()
    store, recovery = file_in(tmp_path).open()
    assert recovery is None
    with RecoveryWatch(file_in(tmp_path), store, ticking):
        wait_for(lambda: not store.read(rests), 30)
    assert _sums(store) == (made, made, made)
    with reading(path) as connection:
        runs = connection.execute("SELECT count(*) FROM minute WHERE run NOT IN (SELECT run FROM former_run)")
        assert runs.fetchone()[0] == 0, "an old minute would be told again as a new one"
    assert rest.file == recovery_files.asides(path)[0].name
    store.close()


def _dates(path: Path) -> list[str]:
    return [aside.name.rpartition("-")[2][:8] for aside in recovery_files.asides(path)]


def test_few_set_aside_files_stay_and_none_that_is_still_read(folder: Path) -> None:
    path = folder / "box.sqlite3"
    store, _ = file_in(folder).open()
    store.close()
    for day in range(5):
        (folder / f"box.sqlite3.damaged-2026010{day}T000000Z").write_bytes(b"x" * 100)
        (folder / f"box.sqlite3.damaged-2026010{day}T000000Z-wal").write_bytes(b"x" * 100)
    assert len(recovery_files.asides(path)) == 5
    recovery_files.prune_asides(path, 1000, {"box.sqlite3.damaged-20260100T000000Z"})
    assert _dates(path) == ["20260104", "20260103", "20260100"]
    recovery_files.prune_asides(path, 250)
    assert _dates(path) == ["20260104"]
    assert not (folder / "box.sqlite3.damaged-20260103T000000Z-wal").exists()


def test_the_check_at_a_start_ends_in_time_and_the_rest_is_checked_while_the_box_runs(folder: Path) -> None:
    path = folder / "box.sqlite3"
    store, _ = file_in(folder).open()
    began = time.monotonic()
    assert fault_of(store._connection, patience_s=0.0) is None
    assert time.monotonic() - began < 1.0
    into_the_file(store)
    scribble(path, pages_of_zones(path)[4:6])
    with RecoveryWatch(file_in(folder), store, ticking, check_every_s=0.05) as watch:
        wait_for(mark_of(path).exists, 20)
        list(watch.look(NOON))
        assert not mark_of(path).exists()
    assert fault_of(store._connection) is None
    assert len([r for r in store.records_since(0) if isinstance(r, Crossing)]) == MINUTES + 3
    store.close()
