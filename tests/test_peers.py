"""The published rule that others are compared by, and the page that shows the comparison."""

from __future__ import annotations

import numpy as np
import pytest

from models.types import PERSON
from pipelines.layout import Gate, Point
from scripts.benches.comparison import AS_SHIPPED, EASED, LINES
from scripts.benches.footage import raised_by_heights
from scripts.benches.peers import Counted, OncePerId
from tests.build import boxes
from tests.conftest import ROOT

SIZE = (100, 100)
LEVEL = Gate("g", (0.2, 0.5), (0.8, 0.5), "right")
"""Drawn from left to right, so the inside is down the picture."""


def box(x: float, y: float) -> np.ndarray:
    """(1, 4) pixels around a centre."""
    return np.array([[x - 5, y - 10, x + 5, y + 10]], np.float32)


def walk(gate: Gate, *places: Point, name: int = 1) -> list[Counted]:
    """What the rule counts of one identity's way, a second a step."""
    rule = OncePerId(gate, SIZE)
    return [crossing for t, (x, y) in enumerate(places) for crossing in rule.see(t, [name], box(x, y))]


def test_a_step_of_the_centre_over_the_line_counts_when_it_is_seen() -> None:
    assert walk(LEVEL, (50, 30), (50, 45), (50, 60)) == [Counted("g", "in", 2)]


def test_an_identity_counts_once_for_its_life() -> None:
    assert [c.direction for c in walk(LEVEL, (50, 40), (50, 60), (50, 40), (50, 60))] == ["in"]


def test_an_unconfirmed_identity_counts_for_nobody() -> None:
    assert walk(LEVEL, (50, 40), (50, 60), name=-1) == []


def test_a_step_beside_the_drawn_segment_counts_not() -> None:
    assert walk(LEVEL, (90, 40), (90, 60)) == []


@pytest.mark.parametrize("inside", ["left", "right"])
@pytest.mark.parametrize(
    "ends", [((0.2, 0.5), (0.8, 0.5)), ((0.5, 0.2), (0.5, 0.8)), ((0.3, 0.2), (0.7, 0.9))]
)
@pytest.mark.parametrize("turned", [False, True])
def test_in_is_the_gates_own_however_it_is_drawn(
    ends: tuple[Point, Point], inside: str, turned: bool
) -> None:
    a, b = ends[::-1] if turned else ends
    along = np.array(b) - np.array(a)
    right = np.array([-along[1], along[0]]) / np.hypot(*along)
    middle = (np.array(a) + np.array(b)) / 2 * 100
    inwards = right * 20 if inside == "right" else -right * 20
    gate = Gate("g", a, b, inside)  # type: ignore[arg-type]
    assert [c.direction for c in walk(gate, tuple(middle - inwards), tuple(middle + inwards))] == ["in"]
    assert [c.direction for c in walk(gate, tuple(middle + inwards), tuple(middle - inwards))] == ["out"]


def test_a_raised_line_lies_half_a_person_higher_wherever_its_ends_are() -> None:
    # People half as tall as their feet are down the picture.
    frames = [(0.0, boxes((0.1, y / 2, 0.2, y, 0.9, PERSON))) for y in (0.4, 0.6, 0.8)]
    (gate,) = raised_by_heights([Gate("g", (0.3, 0.4), (0.7, 0.8), "left")], frames)
    assert gate.a == pytest.approx((0.3, 0.3))
    assert gate.b == pytest.approx((0.7, 0.6))


def test_the_page_shows_every_counter_that_is_compared() -> None:
    page = (ROOT / "docs" / "accuracy.md").read_text(encoding="utf-8")
    rows = [line.split(" | ")[:3] for line in page.splitlines() if line.startswith("| ")]
    for line in LINES:
        for tracker in ("ByteTrack", "OC-SORT"):
            for settings in (AS_SHIPPED, EASED):
                assert [f"| {line}", tracker, settings] in rows, f"{line} with {tracker}, {settings}"
