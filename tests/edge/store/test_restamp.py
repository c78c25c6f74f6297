"""What was counted with a wrong clock gets its time: nothing lost, nothing doubled, nothing overwritten."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.clock_trust import Known, Setting
from edge.store import heat, inherited, outbox, queries, records, restamp, windows
from edge.store.store import Store
from pipelines.records import Event, HeatWindow, OccupancyWindow, Record
from sync.bodies import read_event, read_minute
from tests.edge.store.build import NOON, camera, crossing, event, gate, open_store, visit, zone

DARK = 6000
HOUR = 3600


class Clock:
    def __init__(self) -> None:
        self.now = float(NOON)

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Iterator[Store]:
    with open_store(tmp_path, clock) as one:
        yield one


def setting(begun: float, trust: str, up: float = 100.0) -> Setting:
    return Setting(begun - up, trust, begun)  # type: ignore[arg-type]


def put_clock(store: Store, boot: str, new: Setting, now: float) -> restamp.Stamped:
    return store.write(lambda connection: restamp.set_clock(connection, boot, new, now))


def minute(store: Store, start: int, entries: int, *more: object) -> None:
    store.commit_minute(start, [camera(start), gate(start, entries), *more])  # type: ignore[list-item]


def at_the_centre(store: Store) -> dict[int, int | None]:
    """Each minute's entries as a centre has them that upserts by minute, the later message first."""
    held: dict[int, int | None] = {}
    for row in store.pending("data", 0, 10_000):
        if row.schema == "storeedge/minute/1":
            start, made = read_minute(row.body)
            seen = {
                window["scope"]: window["in"] for window in json.loads(row.body)["windows"] if "in" in window
            }
            assert {window.scope for window in made} >= {"camera", "gate"}
            held[start] = seen["gate"]
    return {start: entries for start, entries in sorted(held.items()) if entries is not None}


def events_told(store: Store) -> list[Event]:
    rows = store.pending("data", 0, 999)
    return [read_event(row.body) for row in rows if row.schema == "storeedge/event/1"]


def kept_records(store: Store) -> list[Record]:
    """All but the one that tells of the moving."""
    return [one for one in store.records_since(0) if getattr(one, "name", "") != "clock_stamped"]


def times(store: Store) -> list[float]:
    return [record.t for record in kept_records(store)]


def in_the_store(store: Store) -> dict[int, int]:
    return store.read(
        lambda c: {w.start: w.entries for w in windows.select(c, "gate", 0, 2**40) if w.observed_seconds}  # type: ignore[attr-defined]
    )


def by_quarters(store: Store) -> int:
    return int(
        store.read(lambda c: c.execute("SELECT coalesce(sum(entries), 0) FROM gate_quarter").fetchone())[0]
    )


def test_dark_minutes_reach_no_quarter_hour_and_no_message_until_they_have_their_time(store, clock):
    put_clock(store, "boot-1", setting(DARK, "unknown"), DARK)
    clock.now = DARK + 200.0
    store.add_records(
        [
            crossing(DARK + 10.0),
            Event("camera_offline", DARK + 20.0, camera="cam-1", detail={"silent_s": 1.0}),
        ]
    )
    minute(store, DARK, 1)
    minute(store, DARK + 60, 2)
    assert (store.backlog("data").rows, by_quarters(store)) == (0, 0)
    assert store.read(restamp.untimed) == 2
    assert list(store.uncounted()) == []

    done = put_clock(store, "boot-1", setting(NOON + 20.0, "synced"), NOON + 220.0)
    assert (done.minutes, done.seconds, done.guessed) == (2, NOON + 20.0 - DARK, 0)
    # By 20 s more than whole minutes: records to the moment, minutes to the nearest.
    assert in_the_store(store) == at_the_centre(store) == {NOON: 1, NOON + 60: 2}
    assert by_quarters(store) == 3
    assert store.read(restamp.untimed) == 0
    assert times(store) == [NOON + 30.0, NOON + 40.0]
    stamped = {"minutes": 2}
    assert [(one.name, one.t, one.detail) for one in events_told(store)] == [
        ("camera_offline", NOON + 40.0, {"silent_s": 1.0}),
        ("clock_stamped", NOON + 220.0, stamped),
    ]


def test_a_moved_minute_is_added_to_one_that_is_there(store):
    minute(store, NOON, 5)
    put_clock(store, "boot-1", setting(DARK, "unknown"), DARK)
    minute(store, DARK, 2, zone(DARK, [4.0], peak=3))
    put_clock(store, "boot-1", setting(NOON, "synced"), NOON + 60.0)
    assert in_the_store(store) == at_the_centre(store) == {NOON: 7}
    assert by_quarters(store) == 7
    camera_window = store.read(lambda c: windows.select(c, "camera", NOON, NOON + 1))[0]
    assert camera_window.observed_seconds == 60.0, "no second is observed twice"


def test_to_a_minute_that_an_earlier_epoch_told_only_the_moved_part_is_told(store):
    minute(store, NOON, 5)
    told = store.backlog("data").last_seq
    store.write(inherited.begin_epoch)
    put_clock(store, "boot-1", setting(DARK, "unknown"), DARK)
    minute(store, DARK, 2)
    put_clock(store, "boot-1", setting(NOON, "synced"), NOON + 60.0)
    assert in_the_store(store) == {NOON: 7}
    own = store.read(lambda c: outbox.pending(c, "own", "data", 0, 99))
    entries = [
        window["in"]
        for row in own
        if row.schema == "storeedge/minute/1"
        for window in json.loads(row.body)["windows"]
        if "in" in window
    ]
    assert (told, entries) == (1, [2]), "5 were told under the earlier epoch; the centre adds up"


@pytest.mark.parametrize("by", [60, 120, -60, 840, -HOUR, 10 * HOUR, 365 * 86_400, -365 * 86_400])
def test_a_plausible_time_that_was_wrong_is_taken_back_at_the_centre(store, by):
    """Also where the old and the new minutes overlap."""
    minute(store, NOON - 120, 100)
    put_clock(store, "boot-1", setting(NOON, "plausible"), NOON)
    for k in range(20):
        store.add_records([crossing(NOON + 60.0 * k + 5, track=k)])
        minute(store, NOON + 60 * k, k + 1)
    put_clock(store, "boot-1", setting(NOON + by, "synced"), NOON + by + 1200.0)
    truth = {NOON + by + 60 * k: k + 1 for k in range(20)}
    truth[NOON - 120] = 100 + truth.get(NOON - 120, 0)
    assert in_the_store(store) == at_the_centre(store) == dict(sorted(truth.items()))
    assert by_quarters(store) == sum(truth.values())
    rows = store.read(lambda c: c.execute("SELECT t, counted FROM crossing ORDER BY track").fetchall())
    assert [tuple(row) for row in rows] == [(NOON + by + 60.0 * k + 5, NOON + by + 60 * k) for k in range(20)]


def test_less_than_half_a_minute_moves_records_only(store):
    put_clock(store, "boot-1", setting(NOON, "plausible"), NOON)
    store.add_records([crossing(NOON + 5.0)])
    minute(store, NOON, 1)
    before = store.backlog("data").rows
    put_clock(store, "boot-1", setting(NOON + 25.0, "synced"), NOON + 60.0)
    assert in_the_store(store) == {NOON: 1}
    assert store.backlog("data").rows == before
    assert times(store) == [NOON + 30.0]


def test_what_a_time_server_had_confirmed_stays(store):
    put_clock(store, "boot-1", setting(NOON, "synced"), NOON)
    minute(store, NOON, 1)
    put_clock(store, "boot-1", setting(NOON + 9 * HOUR, "synced"), NOON + 9 * HOUR)
    assert in_the_store(store) == {NOON: 1}


def test_boots_that_never_knew_the_time_are_put_in_order_before_this_one(store):
    minute(store, NOON - HOUR, 7)
    put_clock(store, "boot-1", setting(DARK, "unknown"), DARK)
    minute(store, DARK, 1)
    minute(store, DARK + 60, 2)
    assert store.read(lambda c: restamp.known(c, "boot-2")).dark_free == DARK + 180
    put_clock(store, "boot-2", setting(DARK + 180, "unknown"), DARK + 180)
    minute(store, DARK + 180, 4)
    done = put_clock(store, "boot-3", setting(NOON + 30.0, "synced"), NOON + 60.0)
    assert done.guessed == 3
    found = in_the_store(store)
    assert found == at_the_centre(store)
    assert list(found.values()) == [7, 1, 2, 4], "in their order"
    assert max(found) < NOON
    assert min(start for start in found if found[start] < 7) >= NOON - 600, "right before this boot"
    rows = [row for row in store.pending("data", 0, 99) if row.schema == "storeedge/minute/1"]
    bodies = [json.loads(row.body) for row in rows][-3:]
    assert all("clock_untrusted" in w["quality"]["reasons"] for body in bodies for w in body["windows"])
    stretches = store.read(lambda c: c.execute("SELECT boot, trust FROM clock_stretch").fetchall())
    assert [tuple(row) for row in stretches] == [("boot-3", "synced")]


def test_dark_minutes_that_nobody_knows_the_boot_of_are_kept_too(store):
    """As after a recovery of a damaged database."""
    minute(store, DARK, 3)
    done = put_clock(store, "boot-1", setting(NOON, "plausible"), NOON)
    assert (done.guessed, sum(at_the_centre(store).values()), store.read(restamp.untimed)) == (1, 3, 0)


def test_an_earlier_boot_that_was_a_year_ahead_is_found_out(store):
    year = 365 * 86_400
    put_clock(store, "boot-1", setting(NOON + year, "plausible"), NOON + year)
    minute(store, NOON + year, 6)
    known = store.read(lambda c: restamp.known(c, "boot-2"))
    assert (known.newest, known.sure) == (NOON + year, None)
    done = put_clock(store, "boot-2", setting(NOON, "synced"), NOON)
    assert done.guessed == 1
    found = in_the_store(store)
    assert found == at_the_centre(store)
    assert [NOON - 600 < start < NOON for start in found] == [True]


def test_earlier_plausible_boots_stay_where_they_can_be(store):
    for k, boot in enumerate(("boot-1", "boot-2")):
        put_clock(store, boot, setting(NOON + HOUR * k, "plausible"), NOON + HOUR * k)
        minute(store, NOON + HOUR * k, k + 1)
    put_clock(store, "boot-3", setting(NOON + 3 * HOUR, "synced"), NOON + 3 * HOUR)
    assert in_the_store(store) == {NOON: 1, NOON + HOUR: 2}


def test_a_minute_that_two_boots_share_is_not_moved(store):
    minute(store, NOON, 5)
    put_clock(store, "boot-1", setting(NOON + 20.0, "plausible"), NOON + 20.0)
    assert store.read(lambda c: restamp.stretch(c, "boot-1")).first_minute == NOON + 60
    minute(store, NOON + 60, 1)
    put_clock(store, "boot-1", setting(NOON + 20.0 + HOUR, "synced"), NOON + HOUR)
    assert in_the_store(store) == {NOON: 5, NOON + HOUR + 60: 1}


def test_what_is_not_counted_yet_is_counted_at_its_new_time_later(store):
    """A power cut in the dark: the open minute's crossings are in no minute."""
    put_clock(store, "boot-1", setting(DARK, "unknown"), DARK)
    store.add_records([crossing(DARK + 70.0)])
    minute(store, DARK, 0)
    put_clock(store, "boot-1", setting(NOON, "synced"), NOON + 120.0)
    assert [record.t for record in store.uncounted()] == [NOON + 70.0]


def test_the_event_of_the_unknown_time_ends_when_it_is_known(store, clock):
    put_clock(store, "boot-1", setting(DARK, "unknown"), DARK)
    clock.now = float(DARK)
    store.add_records([Event("clock_unknown", DARK + 1.0)])
    put_clock(store, "boot-1", setting(NOON, "synced"), NOON + 300.0)
    (told,) = events_told(store)
    assert (told.t, told.t_end) == (NOON + 1.0, NOON + 300.0)
    assert store.events_under_way(["clock_unknown"]) == []


def test_an_event_that_goes_on_is_ended_under_the_time_that_the_centre_knows(store):
    put_clock(store, "boot-1", setting(NOON, "plausible"), NOON)
    store.add_records([event(NOON + 5.0, "queue_long")])
    put_clock(store, "boot-1", setting(NOON + HOUR, "synced"), NOON + HOUR + 60.0)
    told = events_told(store)
    assert [(one.t, one.t_end) for one in told] == [(NOON + 5.0, None), (NOON + 5.0, NOON + 60.0)]
    assert store.events_under_way(["queue_long"])[0].t == NOON + HOUR + 5.0


def test_heat_maps_and_areas_move_along(store):
    def cells(start: int, seconds: float) -> HeatWindow:
        return HeatWindow("cam-1", "cam-1", start, 60.0, "m", ((1, 2, seconds),))

    def area(start: int, now: int) -> OccupancyWindow:
        return OccupancyWindow("*", "floor", start, 60.0, 60.0 * now, now, now, 0, False)

    put_clock(store, "boot-1", setting(NOON, "plausible"), NOON)
    minute(store, NOON, 1, cells(NOON, 5.0), area(NOON, 3))
    minute(store, NOON + 60, 1, cells(NOON + 60, 7.0), area(NOON + 60, 2))
    there = NOON + 30 * HOUR
    put_clock(store, "boot-1", setting(there, "synced"), there + 120.0)
    day = 86_400

    def seconds(begin: int, end: int) -> float:
        maps = store.read(lambda c: heat.heat(c, "cam-1", begin, end))
        return sum(sum(one.cells.values()) for one in maps.values())

    begin = NOON - NOON % day
    assert seconds(begin, begin + day) == 0
    assert seconds(there - there % day, there - there % day + day) == 12.0
    assert [(window.start, window.now) for window in store.last_occupancy()] == [(there + 60, 2)]


def test_visits_and_parking_move_by_the_exact_shift(store):
    put_clock(store, "boot-1", setting(DARK, "unknown"), DARK)
    store.add_records([visit(DARK + 30.0, 10.0)])
    store.write(lambda c: c.execute("INSERT INTO coupon_count VALUES (?, 'exit-1', 'clock_unknown', 2)",
                                    (DARK - DARK % 900,)))  # fmt: skip
    put_clock(store, "boot-1", setting(NOON + 7.5, "synced"), NOON + 60.0)
    (kept,) = kept_records(store)
    assert (kept.t_in, kept.t_out) == (NOON + 27.5, NOON + 37.5)  # type: ignore[union-attr]
    starts = store.read(lambda c: [row[0] for row in c.execute("SELECT start FROM coupon_count")])
    assert starts == [NOON - NOON % 900]


def test_two_records_that_meet_at_one_moment_are_both_kept(store):
    """Of two boots, whose tracks have the same numbers."""
    store.add_records([crossing(NOON + 5.0)])
    put_clock(store, "boot-1", setting(DARK, "unknown"), DARK)
    store.add_records([crossing(DARK + 5.0)])
    put_clock(store, "boot-1", setting(NOON, "synced"), NOON + 60.0)
    assert times(store) == pytest.approx([NOON + 5.0, NOON + 5.0], abs=0.01)


def test_a_store_that_refuses_changes_nothing(store, monkeypatch):
    put_clock(store, "boot-1", setting(DARK, "unknown"), DARK)
    minute(store, DARK, 3)

    def full(*_: object, **__: object) -> int:
        raise RuntimeError("in the middle")

    monkeypatch.setattr(outbox, "put", full)
    with pytest.raises(RuntimeError):
        put_clock(store, "boot-1", setting(NOON, "synced"), NOON)
    monkeypatch.undo()
    assert in_the_store(store) == {DARK: 3}
    assert store.read(lambda c: restamp.stretch(c, "boot-1")).setting.trust == "unknown"


def test_nothing_is_known_of_an_empty_store(store):
    assert store.read(lambda c: restamp.known(c, "boot-1")) == Known()
    assert store.read(records.uncounted) == []
    assert store.read(queries.last_minute) is None
