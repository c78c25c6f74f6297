"""Laws that hold whatever a box goes through: records, minutes, restarts, acknowledgements in any order."""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from edge.store import Store
from edge.store.database import reading
from edge.store.occupancy import OccupancySum, occupancy
from edge.store.queries import GateSum, gates
from edge.store.windows import bins_as_text, bins_from_text
from pipelines.layout import Area, CameraLayout, Gate, Zone
from pipelines.records import DWELL_EDGES_S, Crossing, Pulse
from pipelines.windows import Minutes
from tests.edge.store.build import NOON, crossing, open_store, visit

SQUARE = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
LAYOUT = CameraLayout(
    "cam-1",
    gates=(Gate("door", (0.5, 0.0), (0.5, 1.0), "right"),),
    zones=(Zone("lancome", "counter", SQUARE),),
)
AREA = Area("store", (("cam-1", "door"),))


class Box(RuleBasedStateMachine):
    """A box with a clock of its own, and a centre that upserts by minute."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.now = float(NOON)
        self.made = self.stays = self.u_turns = 0
        self.centre: dict[str, Any] = {}
        self.start()

    def start(self) -> None:
        self.store: Store = open_store(self.folder, clock=lambda: self.now)
        self.minutes = Minutes([LAYOUT], self.store.last_sealed_minute(), [AREA], self.store.last_occupancy())
        for record in self.store.uncounted():
            self.minutes.add(record)

    @rule(seconds=st.floats(0.1, 50))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        self.minutes.add(Pulse("cam-1", self.now, 1.0, 10, 0, 0, 0.0, {}))

    @rule(late=st.floats(0, 90))
    def someone_walks_in(self, late: float) -> None:
        self.made += 1
        record = crossing(self.now - late, track=self.made)
        self.store.add_records([record])
        self.minutes.add(record)

    @rule()
    def someone_turns_round_in_the_doorway(self) -> None:
        for direction in ("in", "out"):
            self.made += direction == "in"
            out = direction == "out"
            record = replace(crossing(self.now, direction, track=1000 + self.u_turns), u_turn=out)
            self.store.add_records([record])
            self.minutes.add(record)
        self.u_turns += 1

    @rule(stay=st.floats(2, 4000), censored=st.booleans())
    def someone_has_stayed(self, stay: float, censored: bool) -> None:
        self.stays += 1
        record = visit(self.now, stay, censored=censored, track=self.stays)
        self.store.add_records([record])
        self.minutes.add(record)

    @rule()
    def minutes_are_sealed(self) -> None:
        for start, windows in self.minutes.seal(self.now):
            self.store.commit_minute(start, windows)

    @rule()
    def the_process_is_killed(self) -> None:
        self.store._connection.close()
        self.store._holder.close()
        self.start()

    @rule()
    def the_process_is_stopped_in_order(self) -> None:
        for start, windows in self.minutes.close():
            self.store.commit_minute(start, windows)
        self.store.close()
        self.start()

    @precondition(lambda self: self.store.backlog("data").rows)
    @rule(rows=st.integers(1, 3))
    def the_centre_takes_some(self, rows: int) -> None:
        for row in self.store.pending("data", 0, rows):
            body = json.loads(row.body)
            self.centre[body["start"]] = body["windows"]
            upto = row.seq
        self.store.acknowledge("data", self.store.epoch, upto)

    @invariant()
    def every_record_is_in_one_window_or_waits(self) -> None:
        waiting = self.store.uncounted()
        with reading(self.store.path) as connection:
            entries, quarters, stays, binned = (
                connection.execute(f"SELECT coalesce(sum({what}), 0) FROM {table}").fetchone()[0]
                for what, table in (
                    ("entries", "gate_window"),
                    ("entries", "gate_quarter"),
                    ("visits", "zone_window"),
                    ("complete + censored", "dwell_quarter"),
                )
            )
        assert entries == quarters
        assert stays == binned
        came = [record for record in waiting if isinstance(record, Crossing)]
        assert entries + sum(record.direction == "in" for record in came) == self.made
        assert stays + sum(record.kind == "visit" for record in waiting) == self.stays

    @invariant()
    def u_turns_and_the_area_s_number_follow_from_what_was_counted(self) -> None:
        came = [record for record in self.store.uncounted() if isinstance(record, Crossing)]
        with reading(self.store.path) as connection:
            (gate,) = gates(connection, 0, 2 * NOON).values() or [GateSum()]
            (area,) = occupancy(connection, 0, 2 * NOON).values() or [OccupancySum()]
        assert gate.u_turns is not None
        assert gate.u_turns + sum(record.u_turn for record in came) == self.u_turns
        now = next((window.now for window in self.store.last_occupancy()), 0)
        assert now == gate.entries - gate.exits - area.drift

    @invariant()
    def the_centre_has_or_will_have_what_the_box_has(self) -> None:
        known = dict(self.centre)
        for row in self.store.pending("data", 0, 10_000):
            body = json.loads(row.body)
            known[body["start"]] = body["windows"]
        with reading(self.store.path) as connection:
            here = connection.execute("SELECT coalesce(sum(entries), 0) FROM gate_window").fetchone()[0]
        assert here == sum(w["in"] or 0 for body in known.values() for w in body if w["scope"] == "gate")

    def teardown(self) -> None:
        self.store.close()
        shutil.rmtree(self.folder)


TestBox = Box.TestCase
TestBox.settings = settings(
    max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


@given(st.lists(st.integers(0, 10_000), min_size=len(DWELL_EDGES_S), max_size=len(DWELL_EDGES_S)))
def test_a_histogram_comes_back_from_its_text(bins: list[int]) -> None:
    assert bins_from_text(bins_as_text(tuple(bins))) == tuple(bins)
