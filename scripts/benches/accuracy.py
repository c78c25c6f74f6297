"""How well it counts: real clips against truth read by eye, and simulated crowds against exact truth."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from edge.clip import Clip
from edge.engine import CameraEngine
from models.detector import load_detector
from pipelines.layout import CameraLayout
from pipelines.records import Crossing, Fact, VehiclePassage, Visit
from scripts.benches import service
from scripts.benches.accuracy_losses import Losses, add, watch
from scripts.benches.layouts import one_lane, vtest_layout, whole_frame
from scripts.benches.machine import shared_footage, vtest, vtest_truth
from tests.scoring.events import Score, TrueCrossing, score
from tests.sim import scenarios

VEHICLE_TOLERANCE_S: Final = 2.0
SIM_PERSONS: Final = 400
SIM_FPS: Final = (10.0, 5.0, 3.0)


def measure() -> dict[str, Any]:
    """Everything that there is truth for on this machine."""
    figures: dict[str, Any] = {"crossings, vtest.avi": _vtest()}
    footage = shared_footage()
    if footage is not None:
        truth = json.loads((footage / "truth.json").read_text(encoding="utf-8"))
        figures["visits, one-by-one.mp4"] = _visits(footage, truth)
        figures["vehicles, car-detection.mp4"] = _vehicles(footage, truth)
    figures["crossings, simulated doors"] = _simulated()
    figures["visits and waits, simulated counter"] = service.measure()
    return figures


def facts_of(clip: Path, layout: CameraLayout, fps: float) -> list[Fact]:
    """Everything that the box would tell of a clip, with the default model."""
    with Clip(clip) as opened:
        engine = CameraEngine(layout, load_detector("default", frame_size=opened.size))
        facts = [fact for t, image in opened.frames(fps) for fact in engine.process(image, t)]
        return facts + engine.close(opened.seconds)


def as_figures(result: Score) -> dict[str, Any]:
    """A score for a reader."""
    return {
        "f1": round(result.f1, 4),
        "precision": round(result.precision, 4),
        "recall": round(result.recall, 4),
        "true": result.true,
        "false": result.predicted - result.matched,
        "missed": result.true - result.matched,
        "mean_error_s": round(result.mean_error_s, 2),
    }


def _vtest() -> dict[str, Any]:
    truth = vtest_truth()
    events = [TrueCrossing.at(e["gate"], e["direction"], e["t"]) for e in truth["crossings"]]
    # What the eye could not decide is neither missed when absent nor false when reported.
    events += [
        TrueCrossing(e["gate"], e["direction"], e["t"], e["t"], e["t"], unseen=True)
        for e in truth["doubtful"]
    ]
    return {f"{fps:g} fps": _scored(facts_of(vtest(), vtest_layout(), fps), events) for fps in (10.0, 5.0)}


def _scored(facts: Sequence[Fact], truth: Sequence[TrueCrossing]) -> dict[str, Any]:
    return as_figures(score([fact for fact in facts if isinstance(fact, Crossing)], truth))


def _visits(footage: Path, truth: dict[str, Any]) -> dict[str, Any]:
    """Each true visit against the counted one that overlaps it most."""
    facts = facts_of(footage / "one-by-one.mp4", whole_frame(), 10.0)
    counted = [fact for fact in facts if isinstance(fact, Visit)]
    errors = []
    for visit in truth["one-by-one.mp4"]["visits"]:
        best = max(
            counted, key=lambda c: min(c.t_out, visit["t_out"]) - max(c.t_in, visit["t_in"]), default=None
        )
        if best is not None:
            errors.append((abs(best.t_in - visit["t_in"]), abs(best.t_out - visit["t_out"])))
    ends = [error for pair in errors for error in pair]
    return {
        "true": len(truth["one-by-one.mp4"]["visits"]),
        "counted": len(counted),
        "within_1_s": sum(max(pair) <= 1.0 for pair in errors),
        "mean_end_error_s": round(math.fsum(ends) / len(ends), 2) if ends else None,
        "worst_end_error_s": round(max(ends), 2) if ends else None,
    }


def _vehicles(footage: Path, truth: dict[str, Any]) -> dict[str, Any]:
    facts = facts_of(footage / "car-detection.mp4", one_lane(), 10.0)
    left = [fact for fact in facts if isinstance(fact, VehiclePassage)]
    counted, found, errors = len(left), 0, []
    for car in truth["car-detection.mp4"]["vehicles"]:
        near = [
            fact for fact in left
            if fact.direction == car["direction"] and abs(fact.t - car["t_middle"]) <= VEHICLE_TOLERANCE_S
        ]  # fmt: skip
        if near:
            best = min(near, key=lambda fact: abs(fact.t - car["t_middle"]))
            left.remove(best)
            errors.append(abs(best.t - car["t_middle"]))
            found += 1
    return {
        "true": len(truth["car-detection.mp4"]["vehicles"]),
        "counted": counted,
        "right": found,
        "mean_error_s": round(math.fsum(errors) / len(errors), 2) if errors else None,
    }


def _simulated() -> dict[str, Any]:
    """Three doors at three frame rates, with the floor measured by the installer and without."""
    return {
        f"{fps:g} fps": {"floor measured": _doors(fps, True), "floor unknown": _doors(fps, False)}
        for fps in SIM_FPS
    }


def _doors(fps: float, calibrated: bool) -> dict[str, Any]:
    whole: Score | None = None
    doors: dict[str, float] = {}
    losses = Losses()
    for make in (scenarios.door_overhead, scenarios.door_steep, scenarios.door_oblique):
        simulation = make(persons=SIM_PERSONS, fps=fps)
        run = watch(simulation, simulation.layout if calibrated else simulation.uncalibrated)
        add(losses, run, simulation.truth.crossings)
        result = score(run.crossings, simulation.truth.crossings)
        doors[simulation.scene.name] = round(result.f1, 4)
        whole = result if whole is None else whole + result
    assert whole is not None
    return as_figures(whole) | {"f1_by_door": doors, "losses": losses.as_figures()}
