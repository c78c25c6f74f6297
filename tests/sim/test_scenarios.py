"""Whole scenarios: the same seed gives the same day, and the truth is fair."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import pairwise

import numpy as np
import pytest

from pipelines.records import Crossing
from tests.scoring.events import score
from tests.sim.noise import CALM, NONE
from tests.sim.replay import crossings
from tests.sim.scenarios import counter_island, door_oblique, door_overhead, door_steep
from tests.sim.simulation import Simulation, Timing
from tests.sim.truth import CLEAR_M

DOORS = [door_overhead, door_steep, door_oblique]


@cache
def run(door: Callable[..., Simulation]) -> Simulation:
    return door(persons=50)


def test_the_same_seed_gives_the_same_run() -> None:
    one, two = door_steep(persons=20, seed=5), door_steep(persons=20, seed=5)
    assert one.truth == two.truth
    for (t, a), (u, b) in zip(one.frames(), two.frames(), strict=True):
        assert t == u
        assert np.array_equal(a.boxes, b.boxes)
        assert np.array_equal(a.scores, b.scores)


def test_another_seed_gives_another_run() -> None:
    assert door_steep(persons=10).truth != door_steep(persons=10, seed=2).truth


def test_frame_rate_and_noise_do_not_change_what_happened() -> None:
    assert door_steep(persons=20, fps=3.0, noise=NONE).truth == door_steep(persons=20).truth


def test_watching_the_same_people_again_is_a_new_simulation() -> None:
    fresh = door_steep(persons=20, fps=5.0, noise=CALM)
    again = door_steep(persons=20).again(timing=Timing(5.0), noise=CALM)
    assert np.array_equal(again.times, fresh.times)
    assert np.array_equal(again.found.boxes, fresh.found.boxes)


@pytest.mark.parametrize("fps", [2.0, 5.0, 10.0, 25.0])
def test_frames_come_at_their_rate_in_order_with_some_missing(fps: float) -> None:
    times = Timing(fps).times(600.0, np.random.default_rng(1))
    assert (np.diff(times) > 0).all()
    assert 0.93 < len(times) / (600 * fps) < 0.99
    assert np.median(np.diff(times)) == pytest.approx(1 / fps, rel=0.03)
    assert np.std(np.diff(times)) > 0.05 / fps


def test_detections_are_what_the_pipelines_take() -> None:
    for _, found in run(door_oblique).frames():
        assert found.boxes.dtype == np.float32
        assert (found.boxes[:, 2:] >= found.boxes[:, :2]).all()
        assert (np.diff(found.scores) <= 0).all(), "best first"


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.__name__)
def test_people_cross_as_their_behaviour_says(door: Callable[..., Simulation]) -> None:
    sim = run(door)
    events: dict[int, list[str]] = {person: [] for person in range(len(sim.plans))}
    for event in sim.truth.crossings:
        events[event.person].append(event.direction)
    for person, plan in enumerate(sim.plans):
        ways = events[person]
        if plan.behaviour in ("single", "pair", "group", "child", "runner", "cart"):
            assert len(ways) == 1, f"{plan.behaviour} {person}: {ways}"
        if plan.behaviour in ("parallel", "waiting"):
            assert not ways, f"{plan.behaviour} {person}: {ways}"
        if plan.behaviour == "in-and-out":
            assert ways == ["in", "out"], f"{plan.behaviour} {person}: {ways}"
        if plan.behaviour == "u-turn":
            assert len(ways) in (0, 2)


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.__name__)
def test_nearly_every_crossing_could_be_seen_from_both_sides(door: Callable[..., Simulation]) -> None:
    sim = run(door)
    unseen = sum(event.unseen for event in sim.truth.crossings)
    assert unseen <= len(sim.truth.crossings) / 30, f"{unseen} of {len(sim.truth.crossings)}"


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.__name__)
def test_exact_places_through_the_same_rule_give_the_truth_back(door: Callable[..., Simulation]) -> None:
    """Truth holds at the frames' times too: the exact floor points, counted with the same band, score 1."""
    sim = run(door)
    gate = sim.scene.gates[0]
    samples = sim.paths.at(sim.times)
    counted = []
    for person in range(len(sim.plans)):
        rows = np.flatnonzero(samples.person == person)
        deep, _ = gate.measure(samples.xy[rows])
        clear = np.flatnonzero(np.abs(deep) >= CLEAR_M)
        side = np.sign(deep[clear])
        for k in np.flatnonzero(side[1:] != side[:-1]):
            t = float(sim.times[samples.frame[rows[clear[k + 1]]]])
            way = "in" if side[k + 1] > 0 else "out"
            counted.append(Crossing("cam", gate.id, way, t, person))  # type: ignore[arg-type]
    result = score(counted, sim.truth.crossings)
    assert result.f1 > 0.99, str(result)


@cache
def island() -> Simulation:
    return counter_island(persons=90, fps=3.0, seed=3)


def test_people_at_the_counter_do_as_their_behaviour_says() -> None:
    sim = island()
    where: dict[int, set[str]] = {person: set() for person in range(len(sim.plans))}
    for visit in sim.truth.visits:
        if not visit.passing:
            where[visit.person].add(visit.role)
    for person, plan in enumerate(sim.plans):
        if plan.behaviour == "browser":
            assert "counter" in where[person], person
        if plan.behaviour == "queuer":
            assert {"queue", "service"} <= where[person], person
        if plan.behaviour == "passer":
            assert where[person] <= {"passby"}, (person, where[person])
        assert ("staff" in where[person]) == (plan.behaviour == "staff"), (person, plan.behaviour)


def test_a_queue_has_waits_of_all_kinds() -> None:
    waits = island().truth.waits
    waited = sorted(wait.wait_s for wait in waits if wait.t_served is not None)
    assert len(waited) >= 8
    assert waited[-1] > 30.0, waited
    queuers = {
        p for p, plan in enumerate(island().plans) if plan.behaviour in ("queuer", "reneger", "balker")
    }
    assert {wait.person for wait in waits} <= queuers


def test_the_counter_is_unattended_for_a_while_sometimes() -> None:
    """Both members of staff take a break; somebody sees to the counter in between."""
    stays = sorted((v.t_in, v.t_out) for v in island().truth.visits if v.role == "staff")
    assert len(stays) >= 3, "a break each"


def test_one_at_a_time_is_served() -> None:
    stays = sorted(
        (v.t_in, v.t_out) for v in island().truth.visits if v.behaviour == "queuer" and v.role == "service"
    )
    overlaps = [max(0.0, a[1] - b[0]) for a, b in pairwise(stays)]
    assert max(overlaps) < 8.0, "the next one comes as the last one goes"


def test_the_box_counts_what_the_simulator_shows() -> None:
    """A bound far below the pipeline's own targets: the two speak of the same gates, ways and times."""
    sim = door_steep(persons=60, seed=4, noise=CALM)
    for layout in (sim.layout, sim.uncalibrated):
        result = score(crossings(sim, layout), sim.truth.crossings)
        assert result.f1 > 0.85, str(result)
