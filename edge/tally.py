"""Counts of a whole clip, by gate, zone and lane."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from pipelines.layout import CameraLayout
from pipelines.records import Crossing, Fact, Pass, VehiclePassage, Visit


@dataclass(slots=True)
class Tally:
    """Counts of a whole clip."""

    gates: dict[str, Counter[str]]
    zones: dict[str, list[float]]
    passes: Counter[str]
    lanes: dict[str, Counter[str]]

    @staticmethod
    def of(layout: CameraLayout) -> Tally:
        """Zeroes for everything that the camera watches."""
        return Tally(
            {gate.id: Counter() for gate in layout.gates},
            {zone.id: [] for zone in layout.zones},
            Counter(),
            {lane.id: Counter() for lane in layout.lanes},
        )

    def add(self, fact: Fact) -> None:
        """Count one fact."""
        match fact:
            case Crossing():
                self.gates[fact.gate][fact.direction] += 1
            case Visit():
                self.zones[fact.zone].append(fact.t_out - fact.t_in)
            case Pass():
                self.passes[fact.zone] += 1
            case VehiclePassage():
                self.lanes[fact.lane][fact.direction] += 1
            case _:
                pass

    def as_json(self) -> dict[str, Any]:
        """For the summary line."""
        return {
            "gates": {name: {"in": by["in"], "out": by["out"]} for name, by in self.gates.items()},
            "zones": {
                name: {
                    "visits": len(stays), "passes": self.passes[name],
                    "dwell_mean_s": round(sum(stays) / len(stays), 2) if stays else None,
                }
                for name, stays in self.zones.items()
            },
            "lanes": {
                name: {way: by[way] for way in ("up", "down", "left", "right")}
                for name, by in self.lanes.items()
            },
        }  # fmt: skip
