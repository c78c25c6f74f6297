"""Occupancy in the store: summed over any stretch, known after a restart, unknown where nobody looked."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.store.database import reading
from edge.store.occupancy import OccupancyStep, occupancy, occupancy_steps
from pipelines.layout import Area, CameraLayout, Gate
from pipelines.records import Crossing, OccupancyWindow, Pulse
from pipelines.windows import Minutes
from tests.edge.store.build import NOON as A_MINUTE
from tests.edge.store.build import bodies, open_store

NOON = A_MINUTE // 900 * 900
DOOR = CameraLayout("cam-1", gates=(Gate("door", (0.5, 0.0), (0.5, 1.0), "right"),))
STORE = Area("store", (("cam-1", "door"),))


def minute(
    i: int, now: int, *, observed: float = 60.0, drift: int = 0, peak: int | None = None
) -> OccupancyWindow:
    most = now if peak is None else peak
    return OccupancyWindow("*", "store", NOON + 60 * i, observed, now * observed, most, now, drift, False)


@pytest.mark.parametrize(("first", "minutes"), [(0, 40), (3, 34), (2, 5), (15, 15)])
def test_any_stretch_adds_up(tmp_path: Path, first: int, minutes: int) -> None:
    made = [minute(i, i, drift=-1 if i % 2 else 2, peak=i + 1) for i in range(40)]
    with open_store(tmp_path) as store:
        for each in made:
            store.commit_minute(each.start, [each])
        with reading(store.path) as connection:
            found = occupancy(connection, NOON + 60 * first, NOON + 60 * (first + minutes))["store"]
    part = made[first : first + minutes]
    assert (found.now, found.peak) == (part[-1].now, part[-1].peak)
    assert found.drift == sum(w.drift for w in part)
    assert found.drifted == sum(abs(w.drift) for w in part)
    assert found.mean == pytest.approx(sum(w.now for w in part) / len(part))


def test_a_blind_end_leaves_the_last_number_that_was_seen(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        for each in (minute(0, 5), minute(1, 5, observed=0.0), minute(16, 5, observed=0.0)):
            store.commit_minute(each.start, [each])
        with reading(store.path) as connection:
            whole = occupancy(connection, NOON, NOON + 1800)["store"]
            blind = occupancy(connection, NOON + 900, NOON + 1800)["store"]
            steps = occupancy_steps(connection, "store", NOON, NOON + 120)
        sent = [body["windows"][0]["now"] for body in bodies(store)]
    assert (whole.now, whole.mean) == (5, 5.0)
    assert (blind.now, blind.mean) == (None, None)
    assert steps == [OccupancyStep(NOON, 60.0, 5.0, 5, 5), OccupancyStep(NOON + 60, 0.0, None, None, None)]
    assert sent == [5, None, None]


def test_a_long_series_is_of_quarter_hours(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        for i in range(30):
            store.commit_minute(NOON + 60 * i, [minute(i, i)])
        with reading(store.path) as connection:
            steps = occupancy_steps(connection, "store", NOON, NOON + 86_400)
    assert [(s.start, s.peak, s.now) for s in steps] == [(NOON, 14, 14), (NOON + 900, 29, 29)]


def test_a_new_run_goes_on_from_the_last_minute_and_counts_what_no_minute_holds(tmp_path: Path) -> None:
    def walk(t: float, direction: str) -> Crossing:
        return Crossing("cam-1", "door", direction, NOON + t, int(t))  # type: ignore[arg-type]

    def run(facts: list[Crossing], seal_at: float) -> list[OccupancyWindow]:
        """One life of the main process, killed at the end."""
        with open_store(tmp_path) as store:
            made = []
            minutes = Minutes([DOOR], store.last_sealed_minute() or NOON, [STORE], store.last_occupancy())
            for record in store.uncounted():
                minutes.add(record)
            store.add_records(facts)
            for fact in facts:
                minutes.add(fact)
                minutes.add(Pulse("cam-1", fact.t, 1.0, 10, 1, 1, 1.0, {}))
            for start, windows in minutes.seal(NOON + seal_at):
                store.commit_minute(start, windows)
                made += [w for w in windows if isinstance(w, OccupancyWindow)]
            return made

    first = run([walk(5, "in"), walk(6, "in"), walk(65, "in")], 75.0)
    second = run([walk(80, "in"), walk(100, "out")], 131.0)
    assert [w.now for w in first] == [2]
    assert second[-1].now == 3
    with open_store(tmp_path) as store:
        assert [w.now for w in store.last_occupancy()] == [3]


def test_an_area_that_was_never_counted_has_no_last_number(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        assert list(store.last_occupancy()) == []
        with reading(store.path) as connection:
            assert occupancy(connection, NOON, NOON + 60) == {}
            assert occupancy_steps(connection, "store", NOON, NOON + 60) == []
