"""Visits, waits and staff at a simulated island counter, against exact truth."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np

from pipelines.camera import CameraPipeline
from pipelines.dwell import quantile
from pipelines.records import DWELL_EDGES_S, Fact, Pulse, Visit, Wait
from pipelines.windows import dwell_bin
from tests.scoring.visits import StayScore, score_stays
from tests.scoring.waits import WaitScore, score_waits
from tests.sim.scenarios import counter_island
from tests.sim.simulation import Simulation, Timing

LOADS: Final = ((5.0, 50), (10.0, 100), (20.0, 200))
"""Customers a minute, and how many in all: some ten minutes each."""
FPS: Final = (10.0, 5.0)
SEEDS: Final = (21, 22)
"""Not those that anything was developed on."""
REAL_WAIT_S: Final = 10.0


def measure() -> dict[str, Any]:
    """Every load at every frame rate."""
    figures: dict[str, Any] = {}
    for per_minute, customers in LOADS:
        sims = [counter_island(customers, FPS[0], seed, persons_per_minute=per_minute) for seed in SEEDS]
        for fps in FPS:
            watched = [sim if fps == FPS[0] else _at(sim, fps) for sim in sims]
            figures[f"{per_minute:g} a minute, {fps:g} fps"] = _scored(watched)
    return figures


def _at(sim: Simulation, fps: float) -> Simulation:
    return sim.again(timing=Timing(fps))


def _scored(sims: Sequence[Simulation]) -> dict[str, Any]:
    told = [(sim, facts_of(sim)) for sim in sims]
    return {zone: _visits(told, zone) for zone in ("counter", "service", "staff")} | {
        "waits": _waits(told), "queue": _queue(told), "staff_share": _staff_share(told)
    }  # fmt: skip


def facts_of(sim: Simulation) -> list[Fact]:
    """Everything that a box would tell of a run."""
    pipeline = CameraPipeline(sim.layout, sim.scene.camera.aspect)
    facts = [fact for t, found in sim.frames() for fact in pipeline.step(t, found)]
    return facts + pipeline.close(sim.duration_s)


Told = Sequence[tuple[Simulation, list[Fact]]]


def _visits(told: Told, zone: str) -> dict[str, Any]:
    whole: StayScore | None = None
    found: list[Visit] = []
    true: list[float] = []
    for sim, facts in told:
        mine = [fact for fact in facts if isinstance(fact, Visit) and fact.zone == zone]
        real = [visit for visit in sim.truth.visits if visit.zone == zone and not visit.passing]
        score = score_stays(mine, real)
        whole = score if whole is None else whole + score
        found += mine
        true += [visit.dwell_s for visit in real]
    assert whole is not None
    median = quantile(_bins(v for v in found if not v.censored), _bins(v for v in found if v.censored), 0.5)
    return {
        "f1": round(whole.f1, 3),
        "precision": round(whole.precision, 3),
        "recall": round(whole.recall, 3),
        "true": whole.true,
        "mean_end_error_s": round(whole.mean_end_error_s, 2),
        "mean_dwell_error_s": round(whole.mean_dwell_error_s, 2),
        "median_dwell_error_s": round(float(np.median(np.abs(whole.dwell_errors_s))), 2),
        "presence_bias": round(whole.presence_bias, 3),
        "median_dwell_s": None if median is None else round(median.seconds, 1),
        "true_median_dwell_s": round(float(np.median(true)), 1),
    }


def _bins(visits: Iterable[Visit]) -> list[int]:
    counts = [0] * len(DWELL_EDGES_S)
    for visit in visits:
        counts[dwell_bin(visit.t_out - visit.t_in)] += 1
    return counts


def _waits(told: Told) -> dict[str, Any]:
    whole: WaitScore | None = None
    abandoned = gave_up = 0
    for sim, facts in told:
        mine = [fact for fact in facts if isinstance(fact, Wait)]
        score = score_waits(mine, sim.truth.waits)
        whole = score if whole is None else whole + score
        abandoned += sum(wait.outcome == "abandoned" for wait in mine)
        gave_up += sum(w.t_served is None and w.wait_s >= REAL_WAIT_S for w in sim.truth.waits)
    assert whole is not None
    return {
        "f1": round(whole.stays.f1, 3),
        "true": whole.stays.true,
        "found": whole.stays.matched,
        "outcome_right": whole.outcome_right,
        "mean_error_s": round(whole.mean_error_s, 2),
        "median_error_s": round(whole.median_error_s, 2),
        "abandoned": abandoned,
        "true_abandoned": gave_up,
        "served": whole.served,
        "true_served": whole.true_served,
    }


def _queue(told: Told) -> dict[str, Any]:
    """Length and estimated wait, once a second, against the truth."""
    lengths: list[float] = []
    estimates: list[float] = []
    for sim, facts in told:
        for pulse in (fact for fact in facts if isinstance(fact, Pulse)):
            now = [w for w in sim.truth.waits if w.t_in <= pulse.t < (w.t_served or w.t_out)]
            lengths.append(pulse.queues["queue"].now - len(now))
        for wait in sim.truth.waits:
            told_s = _estimate(facts, wait.t_in)
            if wait.t_served is not None and told_s is not None:
                estimates.append(told_s - wait.wait_s)
    return {
        "length_mean_error": round(float(np.mean(np.abs(lengths))), 2),
        "length_bias": round(float(np.mean(lengths)), 2),
        "estimates": len(estimates),
        "estimate_median_error_s": round(float(np.median(np.abs(estimates))), 1) if estimates else None,
    }


def _estimate(facts: Sequence[Fact], t: float) -> float | None:
    """The estimate that somebody who joins at `t` would read."""
    before = [fact for fact in facts if isinstance(fact, Pulse) and fact.t <= t]
    return before[-1].queues["queue"].estimate_s if before else None


def _staff_share(told: Told) -> dict[str, Any]:
    """Of the presence at the counter, the staff's: nobody of them stands there in truth."""
    visits = [fact for _, facts in told for fact in facts if isinstance(fact, Visit)]
    behind = [v for v in visits if v.zone == "staff"]
    before = [v for v in visits if v.zone == "counter"]
    share = {
        name: sum(v.t_out - v.t_in for v in some if v.staff == "staff") / sum(v.t_out - v.t_in for v in some)
        for name, some in (("behind", behind), ("before", before)) if some
    }  # fmt: skip
    return {name: round(value, 3) for name, value in share.items()}
