"""What the disk costs is said once, with its end, and on page and metrics."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from edge.config import load_site
from edge.disk_watch import CALM_S, DETAIL_COARSENED, DISK_FULL, DISK_LOW, WORRY_S, DiskWatch, watch_disk
from edge.errors import ConfigError, StoreFull, StoreLocked
from edge.live import Live
from edge.store.budget import Room
from edge.store.budget_steps import Books, Kind, Thinned
from edge.web.disk_metrics import of_disk
from edge.web.trust import problems
from pipelines.records import Event
from tests.edge.store.build import open_store
from tests.edge.store.test_budget import BEGIN, Time, count, steps

NOW = 1_790_000_000.0
MIB = 2**20
FINE = Room(100 * MIB, 512 * MIB, 512 * MIB, 1 << 40)
SCARCE = Room(100 * MIB, 110 * MIB, 512 * MIB, 3 * MIB)


@dataclass
class Disk:
    """A store whose room is what the test says."""

    room: Room | Exception = FINE
    refused: bool = False
    books: dict[Kind, Books] = field(default_factory=dict)
    untold: list[Thinned] = field(default_factory=list)

    def make_room(self) -> Room:
        if isinstance(self.room, Exception):
            raise self.room
        return self.room

    def thinned(self) -> dict[Kind, Books]:
        return self.books

    def tell_thinned(self, kinds: Sequence[Kind], event_of: Callable[[Thinned], Event]) -> list[Event]:
        due = [taken for taken in self.untold if taken.kind in kinds]
        self.untold = [taken for taken in self.untold if taken.kind not in kinds]
        return [event_of(taken) for taken in due]

    def takes(self, kind: Kind, minutes: int, now: float) -> None:
        self.books[kind] = Books(minutes, minutes, now)
        before = sum(taken.minutes for taken in self.untold if taken.kind == kind)
        self.untold = [taken for taken in self.untold if taken.kind != kind]
        self.untold.append(Thinned(kind, before + minutes, minutes, BEGIN, BEGIN + 60 * minutes))


def watched(disk: Disk, *under_way: Event) -> tuple[DiskWatch, Live]:
    live = Live(["cam-1"], NOW)
    return DiskWatch(disk, live, under_way), live


def names(events: Sequence[Event]) -> list[tuple[str, bool]]:
    """Each with whether it is over."""
    return [(event.name, event.t_end is not None) for event in events]


def test_a_disk_with_room_is_not_spoken_of() -> None:
    watch, live = watched(Disk())
    assert all(watch.look(NOW + k) == [] for k in range(100))
    assert problems_of(live) == []


def test_a_box_that_does_not_know_the_time_does_not_take_never_for_just_now() -> None:
    watch, _ = watched(Disk(books={"waiting": Books(0, 0, 0.0), "given_up": Books(0, 0, 0.0)}))
    assert watch.look(20.0) == []


def test_a_disk_that_others_fill_is_told_once_and_its_end_when_there_is_clearly_room() -> None:
    disk = Disk(SCARCE)
    watch, live = watched(disk)
    assert names(watch.look(NOW)) == [(DISK_LOW, False)]
    assert watch.look(NOW + 1) == []
    assert problems_of(live) == [("disk_low", "notice", "3")]
    disk.room = replace(SCARCE, used=SCARCE.cap - 7 * SCARCE.headroom // 2)
    assert watch.look(NOW + 2) == []
    disk.room = FINE
    assert names(watch.look(NOW + 3)) == [(DISK_LOW, True)]
    assert problems_of(live) == []


def test_what_had_begun_before_a_restart_ends_after_it() -> None:
    begun = [Event(DISK_LOW, NOW - 500), Event(DISK_FULL, NOW - 400)]
    watch, _ = watched(Disk(), *begun)
    ended = watch.look(NOW)
    assert [(event.name, event.t, event.detail["reason"]) for event in ended] == [
        (DISK_FULL, NOW - 400, "room"),
        (DISK_LOW, NOW - 500, "room"),
    ]


def test_a_refused_write_is_a_full_disk_until_it_has_been_quiet_for_a_while() -> None:
    disk = Disk(refused=True)
    watch, live = watched(disk)
    assert names(watch.look(NOW)) == [(DISK_FULL, False)]
    assert problems_of(live) == [("disk_full", "bad", "")]
    disk.refused = False
    assert watch.look(NOW + CALM_S - 1) == []
    assert names(watch.look(NOW + CALM_S)) == [(DISK_FULL, True)]


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        pytest.param(StoreFull("no room left"), [(DISK_FULL, False)], id="no room for a step either"),
        pytest.param(StoreLocked("in use"), [], id="something else"),
    ],
)
def test_a_store_that_refuses_a_step_does_not_stop_the_box(
    fault: Exception, told: list[tuple[str, bool]]
) -> None:
    disk = Disk()
    watch, _ = watched(disk)
    watch.look(NOW)
    disk.room = fault
    assert names(watch.look(NOW + 1)) == told


def test_waiting_minutes_that_became_hours_are_told_at_once_and_then_hourly_together() -> None:
    disk = Disk()
    watch, live = watched(disk)
    watch.look(NOW)
    disk.takes("waiting", 60, NOW)
    low, cost = watch.look(NOW + 1)
    assert (low.name, cost.name, cost.scope) == (DISK_LOW, DETAIL_COARSENED, "waiting")
    assert cost.detail == {
        "kept": "hours", "minutes": 60, "from": "2026-09-21T14:00:00Z", "to": "2026-09-21T15:00:00Z",
    }  # fmt: skip
    disk.takes("waiting", 120, NOW + 2)
    assert [watch.look(NOW + k) for k in (3, 1800, 3600)] == [[], [], []]
    [later] = watch.look(NOW + 3601)
    assert later.detail["minutes"] == 120
    assert names(watch.look(NOW + 2 + WORRY_S)) == [(DISK_LOW, True)]
    disk_live = live.snapshot().disk
    assert disk_live is not None
    assert disk_live.thinned["waiting"].minutes == 120


def test_a_store_that_has_grown_to_its_budget_says_once_a_day_what_of_its_oldest_went() -> None:
    disk = Disk(Room(500 * MIB, 512 * MIB, 512 * MIB, 1 << 40))
    watch, _ = watched(disk)
    told = []
    for hour in range(50):
        disk.takes("detail", 60, NOW + 3600 * hour)
        told += watch.look(NOW + 3600 * hour + 1)
    assert names(told) == [(DETAIL_COARSENED, False)] * 3, "the disk is not too small for that"
    assert {event.detail["kept"] for event in told} == {"quarters"}


def test_a_message_that_is_given_up_is_said_as_what_it_is() -> None:
    disk = Disk()
    watch, _ = watched(disk)
    disk.takes("given_up", 300, NOW)
    _, cost = watch.look(NOW)
    assert (cost.detail["kept"], cost.detail["messages"]) == ("nothing", 300)


def test_what_a_real_store_gave_up_is_kept_as_an_event_with_its_message(tmp_path: Path) -> None:
    clock = Time()
    with open_store(tmp_path, clock) as store:
        for minute in range(4):
            count(store, clock, BEGIN + 60 * minute)
        clock.now += 3 * 86_400
        count(store, clock, int(clock.now) // 60 * 60)
        steps(store, clock)
        watch = watch_disk(store, Live(["cam-1"], clock.now))
        told = watch.look(clock.now)
        kept = [record for record in store.records_since(0) if isinstance(record, Event)]
        assert sorted(event.scope or "" for event in kept) == ["detail", "given_up", "waiting"]
        assert store.add_records(told) == 1, "only disk_low is new: the others are kept already"
        assert watch.look(clock.now + 1) == []


def test_the_metrics_tell_room_and_cost() -> None:
    disk = Disk(SCARCE)
    watch, live = watched(disk)
    assert list(of_disk(live.snapshot().disk)) == []
    disk.takes("waiting", 60, NOW)
    watch.look(NOW)
    found = {
        (sample.name, *sample.labels.values()): sample.value
        for metric in of_disk(live.snapshot().disk)
        for sample in metric.samples
    }
    assert found["storeedge_store_used_bytes",] == 100 * MIB
    assert found["storeedge_store_cap_bytes",] == 110 * MIB
    assert found["storeedge_store_budget_bytes",] == 512 * MIB
    assert found["storeedge_disk_free_bytes",] == 3 * MIB
    assert (found["storeedge_disk_low",], found["storeedge_disk_full",]) == (1, 0)
    assert found["storeedge_thinned_minutes_total", "waiting"] == 60


def problems_of(live: Live) -> list[tuple[str, str, str]]:
    found = problems(live.snapshot(), NOW, last_minute=None, oldest_waiting=None, coverage=None)
    return [(p.code, p.level, p.detail or "") for p in found if p.code.startswith("disk")]


@pytest.mark.parametrize(
    ("line", "mib"),
    [pytest.param("", 512, id="left out"), pytest.param("storage: {budget_mib: 64}\n", 64, id="the least")],
)
def test_the_budget_stands_in_the_site_file(tmp_path: Path, line: str, mib: int) -> None:
    assert load_site(site(tmp_path, line)).storage.budget_mib == mib


def test_a_budget_too_small_to_work_with_is_refused_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"budget_mib.*64"):
        load_site(site(tmp_path, "storage: {budget_mib: 16}\n"))


def site(folder: Path, more: str) -> Path:
    path = folder / "site.yaml"
    path.write_text(
        "site: {tenant: rainbow, store: sz-futian, box: box-01, timezone: Asia/Shanghai, "
        'opening_hours: {mon-sun: "10:00-22:00"}}\n' + more
    )
    return path
