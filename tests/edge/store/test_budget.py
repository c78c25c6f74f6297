"""What goes first when there is no more room, that nothing goes unsaid, and that the sums stay true."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from edge.errors import StoreFull
from edge.store import Store, budget_steps
from edge.store.budget import Room
from edge.store.budget_steps import MONTH_S, PAGE_S, YEAR_S, Thinned, thin
from edge.store.database import reading
from pipelines.records import HeatWindow, Window
from sync.outbox import OutboxRow
from sync.payloads import EVENT, HOUR, MINUTE, Hour, Minute
from tests.edge.store.build import NOON, camera, crossing, event, gate, open_store, visit, zone

DAY = 86_400
HOUR_S = 3600
BEGIN = NOON // HOUR_S * HOUR_S
SHM = Path("/dev/shm")
FAST = SHM if SHM.is_dir() else None
"""Where a test that commits thousands of times need not wait for the disk."""


@pytest.fixture
def fast() -> Iterator[Path]:
    with TemporaryDirectory(dir=FAST) as folder:
        yield Path(folder)


@dataclass
class Time:
    """The box's clock."""

    now: float = float(BEGIN)

    def __call__(self) -> float:
        return self.now


def box(folder: Path, clock: Time, **given: Any) -> Store:
    return open_store(folder, clock, **given)


def count(store: Store, clock: Time, start: int, people: int = 1) -> list[Window]:
    """A minute is counted, and committed when it is over."""
    clock.now = max(clock.now, start + 70.0)
    made = [gate(start, people), zone(start, [4.0] * people), camera(start)]
    store.commit_minute(start, made)
    return made


def step(store: Store, clock: Time, *, alone: bool = False) -> Thinned | None:
    return store.write(lambda connection: thin(connection, clock.now, alone=alone))


def steps(store: Store, clock: Time, **given: Any) -> list[Thinned]:
    """Until nothing is left."""
    found = []
    while (taken := step(store, clock, **given)) is not None:
        found.append(taken)
    return found


def waiting(store: Store) -> Sequence[OutboxRow]:
    return store.pending("data", 0, 1_000_000)


def starts(store: Store, table: str) -> list[int]:
    with reading(store.path) as connection:
        return [row[0] for row in connection.execute(f"SELECT DISTINCT start FROM {table} ORDER BY start")]


# -- the order -------------------------------------------------------------------------------------------


def test_the_oldest_detail_goes_first_and_leaves_quarter_hours_and_messages(tmp_path: Path) -> None:
    clock = Time()
    with box(tmp_path, clock) as store:
        for hour in range(3):
            store.add_records([crossing(BEGIN + HOUR_S * hour + 5.0), visit(BEGIN + HOUR_S * hour + 30.0)])
            count(store, clock, BEGIN + HOUR_S * hour, 2)
        clock.now += PAGE_S
        count(store, clock, int(clock.now) // 60 * 60)
        first = step(store, clock)
        assert first == Thinned("detail", 1, 6, BEGIN, BEGIN + HOUR_S)  # a minute, its windows and records
        assert starts(store, "gate_window")[0] == BEGIN + HOUR_S
        assert store.records_since(0)[0].t > BEGIN + HOUR_S
        assert starts(store, "gate_quarter")[0] == BEGIN
        assert len(waiting(store)) == 4


def test_each_kind_goes_only_when_all_before_it_are_gone(tmp_path: Path) -> None:
    clock = Time()
    with box(tmp_path, clock) as store:
        begin = BEGIN - YEAR_S - 2 * DAY
        for start in (begin, begin + 60, begin + 120, BEGIN - MONTH_S - DAY, BEGIN - HOUR_S * 3, BEGIN - 60):
            count(store, clock, start)
        clock.now = BEGIN + 10.0
        store.add_records([event(BEGIN - MONTH_S - DAY * 2.0), event(BEGIN + 1.0)])
        kinds = [(taken.kind, taken.first) for taken in steps(store, clock)]
        last = starts(store, "gate_window")
        quarters = starts(store, "gate_quarter")
    day = 6 * HOUR_S
    assert kinds == [
        ("detail", begin // HOUR_S * HOUR_S),
        ("detail", (BEGIN - MONTH_S - DAY) // HOUR_S * HOUR_S),
        ("quarters", begin // day * day),
        ("waiting", begin),
        ("detail", BEGIN - HOUR_S * 3),
        ("quarters", (BEGIN - MONTH_S - DAY) // day * day),
        ("detail", (BEGIN - MONTH_S - DAY * 2) // DAY * DAY),
        ("given_up", begin),
        ("given_up", BEGIN - MONTH_S - DAY),
        ("given_up", None),
    ]
    assert last == [BEGIN - 60], "what the next run goes on from is gone"
    assert quarters == [BEGIN - HOUR_S * 3, (BEGIN - 60) // 900 * 900]


def test_alone_its_messages_become_hours_before_anything_else_goes(tmp_path: Path) -> None:
    clock = Time()
    with box(tmp_path, clock) as store:
        for minute in range(4):
            count(store, clock, BEGIN + 60 * minute)
        clock.now += PAGE_S + DAY
        count(store, clock, int(clock.now) // 60 * 60)
        kinds = [taken.kind for taken in steps(store, clock, alone=True)]
    assert kinds == ["waiting", "detail", "given_up", "given_up"]


def test_a_box_that_was_off_for_long_keeps_what_the_next_run_goes_on_from(tmp_path: Path) -> None:
    clock = Time()
    with box(tmp_path, clock) as store:
        count(store, clock, BEGIN)
        clock.now += 30 * DAY
        steps(store, clock)
        assert store.last_sealed_minute() == BEGIN
        assert starts(store, "gate_window") == [BEGIN]


def test_what_no_minute_has_counted_yet_is_never_given_up(tmp_path: Path) -> None:
    clock = Time()
    with box(tmp_path, clock) as store:
        count(store, clock, BEGIN)
        store.add_records([crossing(BEGIN + 65.0)])
        clock.now += 30 * DAY
        count(store, clock, int(clock.now) // 60 * 60 + 600)
        uncounted = crossing(clock.now + 50.0)
        store.add_records([uncounted])
        steps(store, clock)
        assert list(store.uncounted()) == [uncounted]


def test_what_was_counted_in_the_dark_stays_until_its_time_is_known(tmp_path: Path) -> None:
    """It has no quarter-hour and no message: it is nowhere else."""
    clock = Time()
    with box(tmp_path, clock) as store:
        count(store, clock, BEGIN)
        store.commit_minute(600, [gate(600, 7)])
        clock.now = BEGIN + 30 * DAY
        count(store, clock, int(clock.now) // 60 * 60)
        steps(store, clock)
        assert starts(store, "gate_window")[0] == 600
        clock.now = 700.0
        assert step(store, clock) is None


def test_a_minute_told_again_after_its_detail_is_gone_adds_and_replaces_nothing(tmp_path: Path) -> None:
    """The clock was set back by days, and the minute is counted once more, by another run."""
    clock = Time()
    with box(tmp_path, clock) as store:
        count(store, clock, BEGIN, 3)
        store.acknowledge("data", store.epoch, 1)
        clock.now += PAGE_S + HOUR_S
        count(store, clock, int(clock.now) // 60 * 60)
        step(store, clock)
    with box(tmp_path, clock) as store:
        assert store.commit_minute(BEGIN, [gate(BEGIN, 2), zone(BEGIN, [9.0])])
        hour: Any = Hour.model_validate_json(waiting(store)[-1].body)
        with reading(store.path) as connection:
            [summed] = connection.execute("SELECT sum(entries) FROM gate_quarter").fetchone()
    assert (hour.minutes, hour.stands_for, hour.windows[0].entries) == ((), (), 2)
    assert summed == 6


# -- nothing silently ------------------------------------------------------------------------------------


def test_the_books_say_what_went_and_an_event_says_it_once(tmp_path: Path) -> None:
    clock = Time()
    with box(tmp_path, clock) as store:
        for minute in range(4):
            count(store, clock, BEGIN + 60 * minute)
        clock.now += PAGE_S + HOUR_S
        count(store, clock, int(clock.now) // 60 * 60)
        for _ in range(2):
            step(store, clock)
        told: list[Thinned] = []

        def say(taken: Thinned) -> Any:
            told.append(taken)
            return event(clock.now + len(told), name="detail_coarsened")

        assert len(store.tell_thinned(["detail", "waiting", "given_up"], say)) == 2
        assert [(t.kind, t.minutes, t.first) for t in told] == [("detail", 4, BEGIN), ("waiting", 4, BEGIN)]
        assert store.tell_thinned(["detail", "waiting"], say) == []
        assert [row.schema for row in waiting(store)] == [MINUTE, HOUR, EVENT, EVENT]
        books = store.thinned()
    assert {kind: (b.minutes, b.at) for kind, b in books.items() if b.at} == {
        "detail": (4, clock.now),
        "waiting": (4, clock.now),
    }


def test_a_message_that_is_given_up_is_counted_with_its_minutes(tmp_path: Path) -> None:
    clock = Time()
    with box(tmp_path, clock) as store:
        for minute in range(5):
            count(store, clock, BEGIN + 60 * minute)
        clock.now += 5 * HOUR_S
        count(store, clock, int(clock.now) // 60 * 60)
        taken = steps(store, clock)
        assert [t.minutes for t in taken if t.kind == "given_up"] == [5, 1]
        assert store.stream_state("data").dropped == 2
        assert store.backlog("data").rows == 0


# -- sums ------------------------------------------------------------------------------------------------


@dataclass
class Centre:
    """What a centre holds of one box, by the rules of `sync/payloads.py`: `Hour`."""

    minutes: dict[int, tuple[int, Minute]] = field(default_factory=dict)
    hours: dict[int, Hour] = field(default_factory=dict)
    held: set[int] = field(default_factory=set)
    stood_for: set[int] = field(default_factory=set)
    events: int = 0

    def take(self, row: OutboxRow) -> None:
        if row.seq in self.held or row.seq in self.stood_for:
            return
        self.held.add(row.seq)
        if row.schema == EVENT:
            self.events += 1
        elif row.schema == MINUTE:
            minute = Minute.model_validate_json(row.body)
            start = int(minute.start.timestamp())
            if not any(seq > row.seq and start in named(hour) for seq, hour in self.hours.items()):
                before = self.minutes.get(start)
                if before is None or before[0] < row.seq:
                    self.minutes[start] = (row.seq, minute)
        else:
            hour = Hour.model_validate_json(row.body)
            self.hours[row.seq] = hour
            self.stood_for |= {seq for first, last in hour.stands_for for seq in range(first, last + 1)}
            for start in named(hour) & self.minutes.keys():
                if self.minutes[start][0] < row.seq:
                    del self.minutes[start]

    def sums(self) -> Counter[str]:
        told = [minute for _, minute in self.minutes.values()] + list(self.hours.values())
        return total(json.loads(each.text()) for each in told)


def named(hour: Hour) -> set[int]:
    return {int(hour.start.timestamp()) + 60 * minute for minute in hour.minutes}


def total(bodies: Any) -> Counter[str]:
    """What gates and zones counted, and for how many seconds."""
    found = Counter[str]()
    for body in bodies:
        for window in body["windows"]:
            found[f"{window['scope']} seconds"] += round(1000 * window["observed_seconds"])
            for name in ("in", "visits", "frames"):
                found[name] += window.get(name) or 0
    return Counter({name: count for name, count in found.items() if count})


class Outage(RuleBasedStateMachine):
    """A box with too little room, and a line that is there now and then and loses acknowledgements."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory(dir=FAST)
        self.clock, self.centre = Time(), Centre()
        self.truth, self.events = Counter[str](), 0
        self.next = BEGIN
        self.store = box(Path(self.folder.name), self.clock)

    @rule(minutes=st.integers(1, 12), people=st.integers(0, 9), apart=st.sampled_from([1, 7, 31]))
    def the_store_is_open(self, minutes: int, people: int, apart: int) -> None:
        for _ in range(minutes):
            self.counted(self.next, people)
            self.next += 60 * apart

    def counted(self, start: int, people: int) -> None:
        made = count(self.store, self.clock, start, people)
        self.truth += total([{"windows": [as_line(window) for window in made]}])

    @rule(days=st.sampled_from([0.2, 1.0, 3.0]))
    def nobody_is_there(self, days: float) -> None:
        self.next += int(days * DAY) // 60 * 60

    @rule()
    def something_happens(self) -> None:
        self.events += 1
        self.store.add_records([event(self.clock.now + self.events / 1000)])

    @rule(times=st.integers(1, 4))
    def room_is_needed(self, times: int) -> None:
        for _ in range(times):
            self.store.write(self.careful)

    def careful(self, connection: Any) -> None:
        """A step, but never one that gives up a message."""
        newest = budget_steps._newest(connection, self.clock.now)
        for each in budget_steps._ORDER[:-1]:
            if (taken := each(connection, newest)) is not None:
                budget_steps._note(connection, taken, self.clock.now)
                return

    @rule(rows=st.integers(1, 20), heard=st.booleans())
    def the_line_is_there(self, rows: int, heard: bool) -> None:
        """heard: the acknowledgement arrives."""
        sent = self.store.pending("data", 0, rows)
        for row in sent:
            self.centre.take(row)
        if sent and heard:
            self.store.acknowledge("data", self.store.epoch, sent[-1].seq)

    @rule()
    def an_old_message_comes_late(self) -> None:
        """A broker kept it, and delivers it again after everything else."""
        for row in self.store.pending("data", 0, 3)[::-1]:
            self.centre.take(row)

    @rule()
    def it_is_started_anew(self) -> None:
        self.store.close()
        self.store = box(Path(self.folder.name), self.clock)

    @precondition(lambda self: self.next > BEGIN + 2 * DAY)
    @rule(back=st.integers(0, 2 * DAY // 60), people=st.integers(1, 5))
    def the_clock_was_back_for_a_minute(self, back: int, people: int) -> None:
        """Another run counts a part of a minute that may be there already."""
        self.it_is_started_anew()
        start = BEGIN + 60 * back
        made = [gate(start, people, observed=0.5), zone(start, [4.0] * people, 0.5), camera(start, 0.5, 5)]
        if self.store.commit_minute(start, made):
            self.truth += total([{"windows": [as_line(window) for window in made]}])

    @invariant()
    def nothing_is_given_up(self) -> None:
        assert self.store.stream_state("data").dropped == 0

    def teardown(self) -> None:
        for row in waiting(self.store):
            self.centre.take(row)
        figures, events = self.centre.sums(), self.centre.events
        self.store.close()
        self.folder.cleanup()
        counted = {name: (n, figures[name]) for name, n in self.truth.items() if "seconds" not in name}
        assert all(truth == centre for truth, centre in counted.values()), f"(truth, centre): {counted}"
        assert events == self.events


def as_line(window: Window) -> dict[str, Any]:
    made: Any = window
    return {
        "scope": window.scope,
        "observed_seconds": window.observed_seconds,
        "in": getattr(made, "entries", 0),
        "visits": getattr(made, "visits", 0),
        "frames": getattr(made, "frames", 0),
    }


TestOutage = Outage.TestCase
TestOutage.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)


def test_thirty_days_without_a_centre_on_two_mebibytes_lose_nothing_but_the_minute(fast: Path) -> None:
    """A minute in twenty, on a budget for nine days of them: what waits is hours, all of it is there."""
    clock = Time()
    made = 30 * DAY // 1200
    with box(fast, clock, budget_mib=2) as store:
        slowest = 0.0
        for i in range(made):
            count(store, clock, BEGIN + 1200 * i, 1 + i % 3)
            began = time.perf_counter()
            room = store.make_room()
            slowest = max(slowest, time.perf_counter() - began)
            assert room.left > 0, "a write would have met the end of the room"
        rows = waiting(store)
        figures = total(json.loads(row.body) for row in rows)
        books, dropped = store.thinned(), store.stream_state("data").dropped
        quarters = store.read(lambda c: c.execute("SELECT sum(entries) FROM gate_quarter").fetchone()[0])
    assert dropped == 0
    assert figures["in"] == quarters == sum(1 + i % 3 for i in range(made))
    assert figures["gate seconds"] == 60_000 * made
    assert Counter(row.schema for row in rows)[HOUR] > 200
    assert books["waiting"].minutes > made / 3
    assert slowest < 0.5, f"a plate waited for {slowest:.3f} s"


def test_beyond_that_the_oldest_hours_are_given_up_and_counted_one_by_one(
    fast: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, gone = Time(), Counter[str]()
    give_up = budget_steps._give_up

    def noted(connection: Any, stream: Any, found: Any) -> Thinned:
        marks = ", ".join("?" for _ in found)
        bodies = connection.execute(
            f"SELECT body FROM outbox WHERE stream = 'data' AND seq IN ({marks})", [row[0] for row in found]
        )
        gone.update(total(json.loads(body) for (body,) in bodies))
        return give_up(connection, stream, found)

    monkeypatch.setattr(budget_steps, "_give_up", noted)
    with box(fast, clock, budget_mib=1) as store:
        for i in range(1200):
            count(store, clock, BEGIN + 1800 * i, 1 + i % 3)
            store.make_room()
        left = total(json.loads(row.body) for row in waiting(store))
        state, books = store.stream_state("data"), store.thinned()["given_up"]
    assert state.dropped == books.gone > 0
    assert books.minutes == gone["gate seconds"] / 60_000
    assert left + gone == total([{"windows": [
        {"scope": "gate", "observed_seconds": 1200 * 60.0, "in": sum(1 + i % 3 for i in range(1200))},
        {"scope": "zone", "observed_seconds": 1200 * 60.0, "visits": sum(1 + i % 3 for i in range(1200))},
        {"scope": "camera", "observed_seconds": 1200 * 60.0, "frames": 1200 * 600},
    ]}])  # fmt: skip


# -- room ------------------------------------------------------------------------------------------------


def test_a_write_that_meets_the_end_makes_room_itself(fast: Path) -> None:
    """Nobody looked once a second: the budget is held all the same."""
    clock = Time()
    with box(fast, clock, budget_mib=1) as store:
        for i in range(1200):
            count(store, clock, BEGIN + 60 * i)
        figures = total(json.loads(row.body) for row in waiting(store))
        assert figures["in"] == 1200
        assert store.size <= store.budget
        assert store.stream_state("data").dropped == 0


def test_nothing_left_to_give_up_is_said(tmp_path: Path) -> None:
    with open_store(tmp_path, budget_mib=1) as store:
        with pytest.raises(StoreFull, match="no room left; free disk space or raise"):
            store.add_records([crossing(NOON + i / 100) for i in range(40_000)])
        assert store.refused
        kept = len(store.records_since(0))
        assert 0 < kept < 40_000
        with reading(store.path) as connection:
            assert connection.execute("PRAGMA quick_check").fetchone()[0] == "ok"


def test_a_full_budget_gives_up_the_oldest_message_at_last_and_counts_it(fast: Path) -> None:
    with open_store(fast, budget_mib=1) as store:
        for i in range(15):
            told = [event(NOON + 100 * i + k) for k in range(100)]
            store.add_records([replace(each, detail={"words": "x" * 300}) for each in told])
        backlog, dropped = store.backlog("data"), store.stream_state("data").dropped
    assert dropped > 0
    assert backlog.rows + dropped == 1500
    assert backlog.last_seq == 1500


def test_a_step_of_a_big_box_is_short(fast: Path) -> None:
    """Sixteen cameras with a hundred gates and zones and their heat maps: half an hour of it, in slices."""
    clock = Time()
    heat = tuple((c, r, 1.25) for c in range(20) for r in range(20))

    def big(start: int) -> list[Window]:
        made: list[Window] = []
        for n in range(16):
            made.append(HeatWindow(f"cam-{n}", f"cam-{n}", start, 60.0, "m", heat))
            for k in range(3):
                made += [named_as(w, f"cam-{n}", f"{w.id}-{k}") for w in (gate(start, 1), zone(start, [4.0]))]
        return made

    with box(fast, clock) as store:
        for i in range(24):
            clock.now = BEGIN + 60 * i + 70.0
            store.commit_minute(BEGIN + 60 * i, big(BEGIN + 60 * i))
        clock.now += PAGE_S + DAY
        store.commit_minute(int(clock.now) // 60 * 60, [gate(int(clock.now) // 60 * 60, 1)])
        took: list[tuple[str, float]] = []
        while True:
            began = time.process_time()
            taken = step(store, clock)
            if taken is None or taken.kind == "given_up":
                break
            took.append((taken.kind, time.process_time() - began))
    assert {kind for kind, _ in took} == {"detail", "waiting"}
    assert sorted(seconds for _, seconds in took)[-2] < 0.2, took


def named_as(window: Window, camera_id: str, place: str) -> Window:
    return replace(window, camera=camera_id, id=place)


@pytest.mark.parametrize(
    ("room", "tight", "ample", "bound"),
    [
        pytest.param(Room(100 << 20, 512 << 20, 512 << 20, 1 << 40), False, True, False, id="young"),
        pytest.param(Room(497 << 20, 512 << 20, 512 << 20, 1 << 40), True, False, False, id="full"),
        pytest.param(Room(490 << 20, 512 << 20, 512 << 20, 1 << 40), False, False, False, id="in between"),
        pytest.param(
            Room(100 << 20, 101 << 20, 512 << 20, 0), True, False, True, id="others filled the disk"
        ),
    ],
)
def test_room_is_made_in_time_and_not_without_need(room: Room, tight: bool, ample: bool, bound: bool) -> None:
    assert (room.tight, room.ample, room.disk_bound) == (tight, ample, bound)
