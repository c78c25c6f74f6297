"""Where crossings are lost: by kind of party, and whether the detector or the identities lost them.

For a simulated door the person behind every box is known, and so is which track took which box.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pipelines.camera import CameraPipeline
from pipelines.layout import CameraLayout
from pipelines.records import Crossing
from tests.scoring.events import TrueCrossing, match
from tests.sim.simulation import Simulation

NEAR_S: Final = 2.5
"""What is seen of somebody within this time of a crossing tells why it was missed."""


@dataclass(slots=True)
class Losses:
    """Missed and false crossings by kind and cause; those of several doors add up."""

    true: Counter[str] = field(default_factory=Counter)
    """True crossings by the kind of party."""
    missed: Counter[str] = field(default_factory=Counter)
    causes: Counter[str] = field(default_factory=Counter)
    """Why crossings were missed."""
    false: Counter[str] = field(default_factory=Counter)
    """What the tracks of false crossings had followed."""

    def as_figures(self) -> dict[str, Any]:
        """For a reader: missed of true for each kind, and the causes."""
        kinds = sorted(self.true, key=lambda kind: -self.missed[kind])
        return {
            "missed_of_true": {kind: [self.missed[kind], self.true[kind]] for kind in kinds},
            "missed_because": dict(self.causes.most_common()),
            "false_of_tracks_that_followed": dict(self.false.most_common()),
        }


@dataclass(slots=True)
class Watched:
    """A run through the pipeline, with who was followed by which track at each time."""

    crossings: list[Crossing] = field(default_factory=list)
    tracks: dict[int, list[tuple[float, int]]] = field(default_factory=dict)
    """(t, track) by person; -1 is nobody."""
    persons: dict[int, list[tuple[float, int]]] = field(default_factory=dict)
    """(t, person) by track."""


def watch(simulation: Simulation, layout: CameraLayout) -> Watched:
    """Send a simulation through the pipeline and note whose box each track took."""
    pipeline, run = CameraPipeline(layout, simulation.scene.camera.aspect), Watched()
    for t, owners, found in simulation.owned_frames():
        facts = pipeline.step(t, found)
        run.crossings += [fact for fact in facts if isinstance(fact, Crossing)]
        behind = {tuple(box): int(who) for box, who in zip(found.boxes.tolist(), owners, strict=True)}
        for track in pipeline.people.tracks:
            if track.updated and (who := behind.get(track.box)) is not None:
                run.tracks.setdefault(who, []).append((t, track.id))
                run.persons.setdefault(track.id, []).append((t, who))
    last = pipeline.close(simulation.duration_s)
    run.crossings += [fact for fact in last if isinstance(fact, Crossing)]
    return run


def add(losses: Losses, run: Watched, truth: Sequence[TrueCrossing]) -> None:
    """Count what a run missed and invented."""
    wanted = [event for event in truth if not event.unseen]
    pairs = match(run.crossings, wanted)
    found, right = {pair.true for pair in pairs}, {pair.predicted for pair in pairs}
    losses.true.update(event.behaviour for event in wanted)
    for i, event in enumerate(wanted):
        if i not in found:
            losses.missed[event.behaviour] += 1
            losses.causes[_why_missed(event, run.tracks.get(event.person, []))] += 1
    for i, crossing in enumerate(run.crossings):
        if i not in right:
            losses.false[_who_was_followed(crossing, run.persons.get(crossing.track, []))] += 1


def _why_missed(event: TrueCrossing, sightings: Sequence[tuple[float, int]]) -> str:
    before = {track for t, track in sightings if event.t_from - NEAR_S <= t <= event.t_from}
    after = {track for t, track in sightings if event.t_to <= t <= event.t_to + NEAR_S}
    if not before or not after:
        return "not detected on one side"
    return "the track did not cross" if before & after else "another track on the other side"


def _who_was_followed(crossing: Crossing, sightings: Sequence[tuple[float, int]]) -> str:
    persons = {who for t, who in sightings if abs(t - crossing.t) <= NEAR_S} - {-1}
    if not persons:
        return "nobody"
    return "one person" if len(persons) == 1 else "several persons"
