"""`scripts/bench accuracy --peers`: one set of detections through our counter and through others'."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, get_args

from pipelines.camera import CameraPipeline
from pipelines.layout import Gate
from pipelines.records import Crossing, Fact
from scripts.benches import peers
from scripts.benches.accuracy import SIM_FPS, SIM_PERSONS
from scripts.benches.footage import DOORS, Footage, simulated, surveillance
from tests.scoring.events import CrossingLike, Score, score

CLIP_FPS: Final = (10.0, 5.0)
AS_SHIPPED, EASED = "as shipped", "eased"


@dataclass(frozen=True, slots=True)
class Contestant:
    """A way to count."""

    counter: str
    tracker: str
    settings: str


@dataclass(frozen=True, slots=True)
class Judged:
    """What one made of one footage: near the time spent on the line, and near its last moment."""

    span: Score
    strict: Score

    def __add__(self, other: Judged) -> Judged:
        return Judged(self.span + other.span, self.strict + other.strict)


@dataclass(frozen=True, slots=True)
class Line:
    """A counter of a peer, and whether its line is drawn where the middle of a box passes."""

    make: Callable[[Gate, tuple[int, int]], peers.Counter]
    raised: bool


LINES: Final = {
    "LineZone, four corners": Line(peers.LineZone, raised=True),
    "LineZone, BOTTOM_CENTER": Line(partial(peers.LineZone, anchors=["BOTTOM_CENTER"]), raised=False),
    "LineZone, CENTER, 3 frames": Line(partial(peers.LineZone, anchors=["CENTER"], held=3), raised=True),
    "ObjectCounter's rule": Line(peers.OncePerId, raised=True),
}
"""Four corners and one frame are LineZone's defaults."""


def measure() -> dict[str, Any]:
    """Figures by footage: a list of rows, one for each contestant and frame rate."""
    versions = peers.versions()
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "versions": versions,
        "eased": peers.EASED,
        "persons": SIM_PERSONS,
        "simulated doors": _doors(),
        "vtest.avi": _clip(),
    }


def _doors() -> list[dict[str, Any]]:
    """All doors together, with the F1 of each."""
    judged: dict[tuple[Contestant, float], dict[str, Judged]] = {}
    for door in DOORS:
        for footage in simulated(door, SIM_FPS, SIM_PERSONS):
            for contestant, result in _compare(footage):
                judged.setdefault((contestant, footage.fps), {})[door] = result
    rows = []
    for (contestant, fps), by_door in judged.items():
        first, *others = by_door.values()
        whole = first
        for result in others:
            whole += result
        each = {door: round(result.span.f1, 4) for door, result in by_door.items()}
        rows.append(_row(contestant, fps, whole) | {"f1_by_door": each})
    return rows


def _clip() -> list[dict[str, Any]]:
    return [
        _row(contestant, fps, result)
        for fps in CLIP_FPS
        for contestant, result in _compare(surveillance(fps))
    ]


def _compare(footage: Footage) -> Iterator[tuple[Contestant, Judged]]:
    print(f"comparing on {footage.name} at {footage.fps:g} fps …", file=sys.stderr)
    for floor in footage.layouts:
        yield Contestant("StoreEdge", "its own", floor), _judge(footage, _ours(footage, floor))
    for tracker in get_args(peers.TrackerName):
        for settings in (AS_SHIPPED, EASED):
            for line, counted in _theirs(footage, tracker, eased=settings == EASED).items():
                yield Contestant(line, tracker, settings), _judge(footage, counted)


def _ours(footage: Footage, floor: str) -> list[CrossingLike]:
    width, height = footage.size
    pipeline = CameraPipeline(footage.layouts[floor], width / height)
    facts: list[Fact] = [fact for t, found in footage.frames for fact in pipeline.step(t, found)]
    facts += pipeline.close(footage.frames[-1][0])
    return [fact for fact in facts if isinstance(fact, Crossing)]


def _theirs(footage: Footage, tracker: peers.TrackerName, *, eased: bool) -> dict[str, list[CrossingLike]]:
    """What each line counts of one tracker's identities."""
    identities = peers.Identities(tracker, footage.fps, footage.size, eased=eased)
    counters = {
        name: [line.make(gate, footage.size) for gate in (footage.raised if line.raised else footage.gates)]
        for name, line in LINES.items()
    }
    counted: dict[str, list[CrossingLike]] = {name: [] for name in LINES}
    for t, found in footage.frames:
        ids, boxes = identities.follow(t, found)
        for name, lines in counters.items():
            for line in lines:
                counted[name] += line.see(t, ids, boxes)
    return counted


def _judge(footage: Footage, counted: list[CrossingLike]) -> Judged:
    return Judged(score(counted, footage.truth), score(counted, footage.truth, strict=True))


def _row(contestant: Contestant, fps: float, result: Judged) -> dict[str, Any]:
    span = result.span
    return {
        "counter": contestant.counter,
        "tracker": contestant.tracker,
        "settings": contestant.settings,
        "fps": fps,
        "f1": round(span.f1, 4),
        "f1_strict": round(result.strict.f1, 4),
        "precision": round(span.precision, 4),
        "recall": round(span.recall, 4),
        "wrong_direction": round(span.wrong_direction_rate, 4),
        "wape": round(span.wape, 4),
        "bias": round(span.bias, 4),
        "true": span.true,
        "counted": span.predicted,
    }
