"""An island counter in the simulator, with its queue and its staff, against exact truth."""

from __future__ import annotations

import pytest

from pipelines.patrol import Patrol
from pipelines.records import Attendance, Event, Fact, Visit, Wait
from tests.scoring.visits import score_stays
from tests.scoring.waits import score_waits
from tests.sim.replay import facts as facts_of
from tests.sim.scenarios import counter_island
from tests.sim.simulation import Simulation


@pytest.fixture(scope="module")
def island() -> tuple[Simulation, list[Fact]]:
    sim = counter_island(110, seed=3, persons_per_minute=12)
    return sim, facts_of(sim)


def test_those_who_queue_are_found_with_their_waits(island: tuple[Simulation, list[Fact]]) -> None:
    sim, facts = island
    score = score_waits([fact for fact in facts if isinstance(fact, Wait)], sim.truth.waits)
    assert score.stays.true >= 5, score
    assert score.stays.recall >= 0.85, score
    assert score.stays.precision >= 0.6, score
    assert score.median_error_s <= 3.0, score


def test_the_counter_is_attended_although_nobody_sees_its_staffs_feet(
    island: tuple[Simulation, list[Fact]],
) -> None:
    sim, facts = island
    behind = [visit for visit in sim.truth.visits if visit.role == "staff"]
    score = score_stays([f for f in facts if isinstance(f, Visit) and f.zone == "staff"], behind)
    assert abs(score.presence_bias) <= 0.35, score
    patrol = Patrol([sim.layout])
    told = [each for fact in facts for each in patrol.see(fact)]
    seen = [each for each in told if isinstance(each, Attendance)]
    attended = sum(each.attended_s for each in seen)
    nobody_s = _empty_s([(visit.t_in, visit.t_out) for visit in behind], sim.duration_s)
    assert attended >= 0.75 * (sim.duration_s - nobody_s), (attended, sim.duration_s, nobody_s)
    assert [each for each in told if isinstance(each, Event) and each.name == "queue_long"] == []


def _empty_s(stays: list[tuple[float, float]], end: float) -> float:
    """Seconds of [0, end] that no stay covers."""
    empty, reached = 0.0, 0.0
    for begin, until in sorted(stays):
        empty += max(0.0, begin - reached)
        reached = max(reached, until)
    return empty + max(0.0, end - reached)
