"""U-turns, parties, arrivals and what figures rest on: kept, summed, unknown where they were not counted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from edge.store import history, queries
from edge.store.database import connect_writer, reading
from edge.store.migrations import migrate
from edge.store.queries import CameraSum
from edge.store.windows import put, select
from pipelines.layout import Area
from pipelines.quality import quality
from pipelines.records import (
    DWELL_EDGES_S,
    CameraWindow,
    Crossing,
    GateWindow,
    OccupancyWindow,
    Visit,
    Window,
    ZoneWindow,
)
from pipelines.window_quality import area_evidence, gate_evidence, judged, zone_evidence
from tests.edge.store.build import NOON as A_MINUTE
from tests.edge.store.build import bodies, open_store

NOON = A_MINUTE // 900 * 900
NONE = (0,) * len(DWELL_EDGES_S)
CAMERA = CameraWindow("cam-1", "cam-1", NOON, 60.0, 600, 120.0, 4, 5, 1)
GATE = GateWindow("cam-1", "door", NOON, 60.0, 10, 8, 2, 2, 1, 3, 4)
ZONE = ZoneWindow(
    "cam-1", "lancome", NOON, 60.0, 2, 1, 31.5, 2, (0, 2, *NONE[2:]), NONE, 5.0, 1, 2.0, 3, 1.25
)


def at(window: Window, start: int) -> Window:
    return replace(window, start=start)


def store_of_the_version_before(folder: Path, minutes: int) -> None:
    """A database without what came with step 7, with rows in it: each minute as `GATE`, `ZONE`, `CAMERA`."""
    connection = connect_writer(folder / "edge.db", 64)
    migrate(connection, stop_before="0007_trust")
    connection.execute("INSERT INTO meta VALUES ('needs', '1')")
    for i in range(minutes):
        start = NOON + 60 * i
        connection.execute(
            "INSERT INTO crossing VALUES (?, 'cam-1', 'door', 'in', 1, 0, ?)", (start + 5.0, start)
        )
        connection.execute(
            "INSERT INTO visit VALUES (?, ?, 'cam-1', 'lancome', 1, 0, 'left', 'unknown', NULL)",
            (start + 50.0, start + 5.0),
        )
        for table, at_start in (("window", start), ("quarter", start - start % 900)):
            also = "" if table == "quarter" else ", dwell, dwell_censored"
            connection.execute(
                f"INSERT INTO gate_{table} (start, camera, id, observed_seconds, entries, exits, inferred, "
                "staff_entries, staff_exits) VALUES (?, 'cam-1', 'door', 60, 10, 8, 2, 2, 1) "
                "ON CONFLICT DO UPDATE SET entries = entries + 10, observed_seconds = observed_seconds + 60",
                (at_start,),
            )
            connection.execute(
                f"INSERT INTO zone_{table} (start, camera, id, observed_seconds, visits, passes, "
                f"person_seconds, peak, dwell_seconds{also}) "
                f"VALUES (?, 'cam-1', 'lancome', 60, 2, 1, 31.5, 2, 5.0"
                f"{', ?, ?' if also else ''}) ON CONFLICT DO UPDATE SET visits = visits + 2",
                (at_start, *(("[0,2]", "[]") if also else ())),
            )
            connection.execute(
                f"INSERT INTO camera_{table} (start, camera, id, observed_seconds, frames, person_seconds, "
                "peak) VALUES (?, 'cam-1', 'cam-1', 60, 600, 120.0, 4) "
                "ON CONFLICT DO UPDATE SET frames = frames + 600",
                (at_start,),
            )
    connection.close()


def test_an_existing_database_keeps_its_rows_and_does_not_know_what_it_did_not_count(tmp_path: Path) -> None:
    store_of_the_version_before(tmp_path, 20)
    with open_store(tmp_path) as store:
        assert len(store.uncounted()) == 20  # the visits
        store.commit_minute(NOON + 1200, [at(each, NOON + 1200) for each in (CAMERA, GATE, ZONE)])
        with reading(store.path) as connection:
            (before,) = queries.gates(connection, NOON, NOON + 1200).values()
            (after,) = queries.gates(connection, NOON + 1200, NOON + 1260).values()
            (both,) = queries.gates(connection, NOON, NOON + 1260).values()
            (zone,) = queries.zones(connection, NOON, NOON + 1260).values()
            camera = queries.cameras(connection, NOON, NOON + 1260)["cam-1"]
        assert (before.entries, before.u_turns, before.parties, before.net) == (200, None, None, None)
        assert (after.entries, after.u_turns, after.parties, after.net) == (10, 3, 4, 5)
        assert (both.entries, both.u_turns, both.net) == (210, None, None)
        assert (zone.visits, zone.arrivals, zone.pass_seconds) == (42, None, None)
        assert (camera.frames, camera.identities, camera.broken) == (21 * 600, None, None)
        assert Crossing("cam-1", "door", "in", NOON + 5.0, 1) in store.records_since(NOON)
        needs = store._connection.execute("SELECT value FROM meta WHERE key = 'needs'").fetchone()[0]
        assert needs == "2"


def test_a_minute_of_before_says_null_where_it_did_not_count(tmp_path: Path) -> None:
    store_of_the_version_before(tmp_path, 1)
    with open_store(tmp_path) as store:
        store.commit_minute(NOON + 60, [at(each, NOON + 60) for each in (CAMERA, GATE, ZONE)])
        with reading(store.path) as connection:
            found = history.minutes(connection, ["gate", "zone"], NOON, NOON + 120)
    old, new = found[NOON], found[NOON + 60]
    assert [(line["scope"], line["id"]) for line in old] == [("gate", "door"), ("zone", "lancome")]
    assert (old[0]["in"], old[0]["u_turns"], old[0]["parties"]) == (10, None, None)
    assert (old[1]["arrivals"], old[1]["pass_seconds"]) == (None, None)
    assert (new[0]["u_turns"], new[0]["parties"], new[1]["arrivals"]) == (3, 4, 3)
    assert new[0]["quality"]["confidence"] == "good"


def test_a_u_turn_and_an_arrival_outlive_a_restart(tmp_path: Path) -> None:
    back = Crossing("cam-1", "door", "out", NOON + 5.5, 7, False, True)
    unseen = Visit("cam-1", "lancome", NOON + 1.0, NOON + 9.0, True, "left", "unknown", 8, False)
    with open_store(tmp_path) as store:
        store.add_records([back, unseen])
    with open_store(tmp_path) as store:
        assert list(store.uncounted()) == [back, unseen]
        assert list(store.records_since(NOON)) == [back, unseen]
        with reading(store.path) as connection:
            first, second = queries.fresh(connection, NOON, NOON + 60)
    assert (first.what, first.u_turn, second.what, second.u_turn) == ("out", True, "visit", False)


@pytest.mark.parametrize(("first", "minutes"), [(0, 40), (3, 34), (2, 5), (15, 15)])
def test_any_stretch_adds_up(tmp_path: Path, first: int, minutes: int) -> None:
    with open_store(tmp_path) as store:
        for i in range(40):
            start = NOON + 60 * i
            store.commit_minute(start, [at(each, start) for each in (CAMERA, GATE, ZONE)])
        begin, end = NOON + 60 * first, NOON + 60 * (first + minutes)
        with reading(store.path) as connection:
            (gate,) = queries.gates(connection, begin, end).values()
            (zone,) = queries.zones(connection, begin, end).values()
            cameras = queries.cameras(connection, begin, end)
    n = minutes
    assert (gate.entries, gate.staff_entries, gate.staff_exits) == (10 * n, 2 * n, n)
    assert (gate.u_turns, gate.parties, gate.net) == (3 * n, 4 * n, 5 * n)
    assert (zone.staff_visits, zone.staff_seconds, zone.arrivals, zone.net) == (n, 2.0 * n, 3 * n, n)
    assert zone.pass_seconds == pytest.approx(1.25 * n)
    assert cameras == {"cam-1": CameraSum(60.0 * n, 600 * n, 120.0 * n, 4, 5 * n, n)}
    seen = quality(gate_evidence(gate, cameras["cam-1"], 60.0 * n))
    assert (seen.fps, seen.coverage, seen.inferred_share) == (10.0, 1.0, round(2 / 18, 4))
    half = quality(zone_evidence(zone, cameras["cam-1"], 120.0 * n))
    assert (half.coverage, half.confidence, half.reasons[0]) == (0.5, "poor", "part_seen")


def test_a_minute_of_two_runs_is_judged_as_a_whole(tmp_path: Path) -> None:
    area = OccupancyWindow("*", "store", NOON, 30.0, 60.0, 3, 2, 1, False)
    parts: list[Window] = [
        replace(CAMERA, observed_seconds=30.0, frames=300),
        replace(GATE, observed_seconds=30.0),
        area,
    ]
    again: list[Window] = [*parts[:2], replace(area, now=5, peak=5, drift=-2)]
    with open_store(tmp_path) as store:
        store.commit_minute(NOON, judged(parts))
    with open_store(tmp_path) as store:
        store.commit_minute(NOON, judged(again))
        first, whole = bodies(store)
        assert [w["quality"]["coverage"] for w in first["windows"]] == [0.5] * 3
        by_scope = {w["scope"]: w for w in whole["windows"]}
        assert {w["quality"]["coverage"] for w in whole["windows"]} == {1.0}
        assert (by_scope["gate"]["u_turns"], by_scope["gate"]["parties"]) == (6, 8)
        assert (by_scope["occupancy"]["now"], by_scope["occupancy"]["peak"]) == (5, 5)
        assert by_scope["occupancy"]["drift"] == -1


def test_a_minute_of_two_runs_is_as_untrusted_as_its_worse_clock(tmp_path: Path) -> None:
    parts: list[Window] = [
        replace(CAMERA, observed_seconds=30.0, frames=300),
        replace(GATE, observed_seconds=30.0),
    ]
    for trusted in (True, False):
        with open_store(tmp_path) as store:
            store.commit_minute(NOON, judged(parts, clock_trusted=trusted))
            last = bodies(store)[-1]
    assert {w["quality"]["reasons"][0] for w in last["windows"]} == {"clock_untrusted"}


def test_an_area_is_judged_by_its_own_gates() -> None:
    other = GateWindow("cam-2", "back", NOON, 0.0, 0, 0, 0)
    blind = CameraWindow("cam-2", "cam-2", NOON, 0.0, 0, 0.0, 0)
    area = OccupancyWindow("*", "store", NOON, 60.0, 60.0, 3, 2, 9, False)
    made = judged([CAMERA, GATE, blind, other, area], [Area("store", (("cam-1", "door"),))])
    found = next(w for w in made if isinstance(w, OccupancyWindow)).quality
    assert found == quality(area_evidence(area, 9, [GATE], [CAMERA], 60.0))
    assert found is not None
    assert (found.fps, found.reasons) == (10.0, ("drift",))


def test_a_row_of_before_is_read_as_a_window(tmp_path: Path) -> None:
    store_of_the_version_before(tmp_path, 1)
    with open_store(tmp_path) as store:
        with reading(store.path) as connection:
            (old,) = select(connection, "gate", NOON, NOON + 60)
        assert old == replace(GATE, u_turns=0, parties=0)
        with store._transaction() as connection:
            put(connection, GATE)
        with reading(store.path) as connection:
            assert select(connection, "gate", NOON, NOON + 60) == [GATE]
