"""A real disk that is really full: a small tmpfs, and another program that takes its last byte."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.disk_watch import DISK_FULL, DISK_LOW, DiskWatch
from edge.errors import StoreFull
from edge.live import Live
from edge.recorder import Recorder
from edge.store import Store
from edge.store.database import WAL_LIMIT
from pipelines.layout import CameraLayout, Gate
from pipelines.records import Crossing, Event
from tests.edge.store.build import NOON, camera, crossing, gate, open_store, zone
from tests.edge.store.test_budget import Time

MIB = 2**20


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Sixteen mebibytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", folder],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip(f"no tmpfs may be mounted here (root only): {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def fill(disk: Path) -> None:
    """Another program writes until there is no byte left."""
    file = os.open(disk / "theirs", os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    try:
        while True:
            os.write(file, b"x" * 4096)
    except OSError:
        assert os.statvfs(disk).f_bavail == 0
    finally:
        os.close(file)


def counting(store: Store, clock: Time) -> Callable[[int], None]:
    """Counts and commits the minute of a number, as the box does, with a look at the disk."""

    def count(i: int) -> None:
        start = NOON + 60 * i
        clock.now = start + 70.0
        store.add_records([crossing(start + k, track=k) for k in range(5)])
        store.commit_minute(start, [gate(start, 5), zone(start, [4.0]), camera(start)])
        store.make_room()

    return count


def sent(store: Store) -> int:
    bodies = (json.loads(row.body) for row in store.pending("data", 0, 1_000_000))
    return sum(w["in"] for body in bodies for w in body["windows"] if w["scope"] == "gate")


def on_disk(disk: Path) -> int:
    return sum(path.stat().st_size for path in disk.iterdir() if path.name != "theirs")


def test_the_box_writes_on_though_another_program_takes_every_byte_again_and_again(disk: Path) -> None:
    clock = Time()
    with open_store(disk, clock, budget_mib=4) as store:
        count = counting(store, clock)
        for i in range(300):
            count(i)
        for i in range(300, 1500):
            if i % 25 == 0:
                fill(disk)
            count(i)
        thinned = store.thinned()
        (disk / "theirs").unlink()
        for i in range(1500, 1520):
            count(i)
        assert sent(store) == 5 * 1520, "figures are gone"
        assert store.stream_state("data").dropped == 0
        assert (
            store.read(lambda c: c.execute("SELECT sum(entries) FROM gate_quarter").fetchone()[0]) == 5 * 1520
        )
        assert store.make_room().cap == 4 * MIB, "it still believes the disk to be full"
        assert on_disk(disk) < 4 * MIB + WAL_LIMIT
    assert thinned["waiting"].minutes > 0


def test_it_starts_and_counts_on_a_disk_that_is_full(disk: Path) -> None:
    clock = Time()
    with open_store(disk, clock, budget_mib=4) as store:
        count = counting(store, clock)
        for i in range(300):
            count(i)
        fill(disk)
        for i in range(300, 500):
            count(i)
    fill(disk)
    with open_store(disk, clock, budget_mib=4) as store:
        count = counting(store, clock)
        for i in range(500, 700):
            count(i)
        assert sent(store) == 5 * 700
    fill(disk)
    with open_store(disk, clock, budget_mib=4) as store:
        assert sent(store) == 5 * 700


class World:
    """A gate's crossings into the books of a box on a disk, minute by minute."""

    def __init__(self, store: Store, clock: Time) -> None:
        self.store, self.clock, self.made = store, clock, 0
        self.live = Live(["cam-1"], clock.now)
        self.watch = DiskWatch(store, self.live)
        self.told: list[Event] = []
        layout = CameraLayout(camera="cam-1", gates=(Gate("door", (0.5, 0.0), (0.5, 1.0), "right"),))
        self.recorder = Recorder(store, [layout], clock.now, lambda: None)

    def minute(self) -> None:
        """Seven people come in, and the box looks after itself ten times."""
        for k in range(10):
            if k < 7:
                self.recorder.take([Crossing("cam-1", "door", "in", self.clock.now, self.made, False)])
                self.made += 1
            self.clock.now += 6.0
            self.recorder.seal(self.clock.now)
            told = self.watch.look(self.clock.now)
            self.told += told
            self.recorder.take(told)

    def lasting(self, name: str) -> list[bool]:
        """Of each telling of an event, whether it was its end."""
        return [event.t_end is not None for event in self.told if event.name == name]


def test_where_nothing_can_be_written_counting_goes_on_in_memory_and_nothing_is_lost(
    disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No reserve and a log that is still short: the worst moment for the disk to be full."""
    monkeypatch.setattr("edge.store.budget.RESERVE", (0, 0))
    clock = Time(float(NOON))
    with open_store(disk, clock, budget_mib=8) as store:
        world = World(store, clock)
        world.minute()
        fill(disk)
        for _ in range(30):
            world.minute()
        assert "no room left" in str(world.recorder.fault), "the disk was not full enough"
        assert world.lasting(DISK_FULL) == [False]
        assert world.live.snapshot().disk is not None
        assert sent_of_minutes(store) < world.made
        (disk / "theirs").unlink()
        for _ in range(5):
            world.minute()
        assert world.lasting(DISK_FULL) == [False, True]
        world.recorder.close()
        assert str(world.recorder.fault) == "None"
        assert world.recorder.lost == 0
        assert sent_of_minutes(store) == world.made
        assert sum(isinstance(record, Crossing) for record in store.records_since(0)) == world.made
        names = [record.name for record in store.records_since(0) if isinstance(record, Event)]
        assert names == [DISK_LOW, DISK_FULL]


def refused(store: Store) -> bool:
    return store.refused


def sent_of_minutes(store: Store) -> int:
    bodies: list[Any] = [json.loads(row.body) for row in store.pending("data", 0, 1_000_000)]
    return sum(w["in"] or 0 for body in bodies for w in body.get("windows", ()) if w["scope"] == "gate")


def test_a_write_that_is_refused_may_be_tried_again(disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.store.budget.RESERVE", (0, 0))
    clock = Time()
    with open_store(disk, clock, budget_mib=8) as store:
        fill(disk)
        crowd = [crossing(NOON + i / 100) for i in range(20_000)]
        with pytest.raises(StoreFull, match="free disk space"):
            store.add_records(crowd)
        assert refused(store)
        (disk / "theirs").unlink()
        store.add_records(crowd)
        assert not refused(store)
        assert len(store.records_since(0)) == 20_000


def test_a_log_with_room_at_its_end_is_read_back_after_a_power_cut(tmp_path: Path) -> None:
    clock, cut = Time(), tmp_path / "cut"
    cut.mkdir()
    with open_store(tmp_path, clock) as store:
        store.make_room()
        count = counting(store, clock)
        for i in range(40):
            count(i)
        log = tmp_path / "edge.db-wal"
        assert log.stat().st_size > 0.9 * WAL_LIMIT
        for part in ("edge.db", "edge.db-wal"):
            (cut / part).write_bytes((tmp_path / part).read_bytes())
        told = [(row.seq, row.body) for row in store.pending("data", 0, 100)]
    with open_store(cut, clock) as store:
        assert [(row.seq, row.body) for row in store.pending("data", 0, 100)] == told
        assert len(told) == 40
