"""The layouts that clips are measured with."""

from __future__ import annotations

from pipelines.layout import CameraLayout, Gate, Lane, Zone
from scripts.benches.machine import vtest_truth


def vtest_layout() -> CameraLayout:
    """The five gates whose crossings were read by eye."""
    gates = tuple(
        Gate(gate["id"], tuple(gate["line"][0]), tuple(gate["line"][1]), gate["inside"])
        for gate in vtest_truth()["gates"]
    )
    return CameraLayout("vtest", gates=gates)


def whole_frame() -> CameraLayout:
    """One zone: the picture."""
    picture = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
    return CameraLayout("picture", zones=(Zone("picture", "area", picture),))


def one_lane() -> CameraLayout:
    """A car-park lane that fills the picture, both ways right."""
    return CameraLayout("lane", lanes=(Lane("lane", "exit"),))
