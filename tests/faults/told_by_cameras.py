"""What cameras tell in one minute, and the windows that it comes to."""

from __future__ import annotations

import random
from dataclasses import replace

from pipelines.records import (
    CameraWindow,
    Crossing,
    Event,
    GateWindow,
    LaneWindow,
    Record,
    VehiclePassage,
    Visit,
    Wait,
    Window,
)
from tests.edge.store.build import zone


def records_of(minute: int, chance: random.Random) -> list[Record]:
    """What the cameras tell in one minute."""
    made: list[Record] = []
    for track in range(chance.randint(0, 6)):
        at = minute + round(chance.random() * 59, 3)
        made.append(Crossing("cam-1", "door", chance.choice(("in", "out")), at, track))
        stay = chance.random() * 40
        if chance.random() < 0.5:
            made.append(Visit("cam-1", "lancome", at - stay, at, False, "left", "customer", track))
        if chance.random() < 0.3:
            made.append(Wait("cam-1", "till", at - stay, at, "served", False, track))
        if chance.random() < 0.3:
            made.append(VehiclePassage("exit-2", "down", at, track, "cam-9"))
    if chance.random() < 0.2:
        begun = Event("queue_long", minute + 30.0, camera="cam-1", detail={"people": 7})
        made += [begun, replace(begun, t_end=minute + 50.0)] if chance.random() < 0.5 else [begun]
    return made


def windows_of(minute: int, made: list[Record]) -> list[Window]:
    """The minute's windows."""
    ways = [record.direction for record in made if isinstance(record, Crossing)]
    stays = [record.t_out - record.t_in for record in made if isinstance(record, Visit)]
    vehicles = sum(isinstance(record, VehiclePassage) for record in made)
    return [
        GateWindow("cam-1", "door", minute, 60.0, ways.count("in"), ways.count("out"), 0),
        zone(minute, stays),
        CameraWindow("cam-1", "cam-1", minute, 60.0, 600, 10.0, 3),
        LaneWindow("cam-9", "exit-2", minute, 60.0, 0, vehicles, 0, 0, 0),
    ]
