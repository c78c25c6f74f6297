"""The heat map's drawing: every cell where it was, the colours from pale to dark, gates and zones over it."""

from __future__ import annotations

import math
import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.web.heat_drawing import COLOURS, WIDTH, aspect_of, drawing, steps
from edge.web.models_service import Heat, HeatCell
from edge.web.trust import at
from pipelines.layout import CameraLayout, Floor, Gate, Zone
from pipelines.records import HEAT_CELL_FRAME, HEAT_CELL_M

SVG = "{http://www.w3.org/2000/svg}"
SQUARE = ((0.1, 0.9), (0.9, 0.9), (0.7, 0.3), (0.3, 0.3))
NEAR_IS_ZERO = Floor(SQUARE, ((0.0, 0.0), (4.0, 0.0), (4.0, 6.0), (0.0, 6.0)))
FAR_IS_ZERO = Floor(SQUARE, ((0.0, 6.0), (4.0, 6.0), (4.0, 0.0), (0.0, 0.0)))


def heat(unit: str, *cells: tuple[int, int, float]) -> Heat:
    side = HEAT_CELL_M if unit == "m" else HEAT_CELL_FRAME
    return Heat.model_validate(
        {
            "camera": "cam-1", "begin": at(0), "end": at(60), "unit": unit, "cell": side,
            "observed_seconds": 60.0, "cells": [HeatCell(column=c, row=r, seconds=s) for c, r, s in cells],
        }
    )  # fmt: skip


def parts(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)


def cells(svg: str) -> dict[str, list[tuple[float, float]]]:
    """Left upper corners by colour."""
    return {
        path.attrib["fill"]: [
            (float(x), float(y)) for x, y in re.findall(r"M([-\d.]+) ([-\d.]+)h", path.attrib["d"])
        ]
        for path in parts(svg).iter(f"{SVG}path")
    }


def test_a_cell_of_the_frame_lies_where_it_was_seen() -> None:
    found = cells(drawing(heat("frame", (0, 0, 5.0), (16, 12, 5.0)), CameraLayout("cam-1"), "words"))
    one = WIDTH / (4 / 3) / 24
    assert found[COLOURS[-1]] == [
        (0.0, 0.0),
        (pytest.approx(16 * one, abs=0.1), pytest.approx(12 * one, abs=0.1)),
    ]


@pytest.mark.parametrize(("last", "aspect"), [(31, 4 / 3), (42, 16 / 9), (0, 4 / 3), (80, 81 / 24)])
def test_the_frame_is_as_wide_as_its_cells_need(last: int, aspect: float) -> None:
    assert aspect_of(heat("frame", (last, 3, 1.0))) == pytest.approx(aspect)


@pytest.mark.parametrize(
    ("floor", "near", "far"),
    [(NEAR_IS_ZERO, 0, 11), (FAR_IS_ZERO, 11, 0)],
    ids=["away is up", "away is down"],
)
def test_what_is_far_from_the_camera_is_drawn_at_the_top(floor: Floor, near: int, far: int) -> None:
    found = cells(
        drawing(heat("m", (3, near, 1.0), (3, far, 100.0)), CameraLayout("cam-1", floor=floor), "words")
    )
    [(_, below)], [(_, above)] = found[COLOURS[0]], found[COLOURS[-1]]
    assert above < below


def test_gates_and_zones_stand_where_they_are_drawn_and_say_their_names() -> None:
    layout = CameraLayout(
        "cam-1",
        gates=(Gate("door", (0.5, 0.0), (0.5, 1.0), "right"),),
        zones=(Zone("lancome", "counter", ((0.1, 0.5), (0.4, 0.5), (0.4, 0.9), (0.1, 0.9))),),
    )
    drawn = parts(drawing(heat("frame", (0, 0, 1.0)), layout, 'a "word" & more'))
    [line] = drawn.iter(f"{SVG}line")
    assert (float(line.attrib["x1"]), float(line.attrib["x2"])) == (WIDTH / 2, WIDTH / 2)
    assert [label.text for label in drawn.iter(f"{SVG}text")] == ["lancome", "door"]
    [zone] = drawn.iter(f"{SVG}polygon")
    assert zone.attrib["points"].split()[0] == f"{WIDTH * 0.1:.1f},{0.5 * WIDTH * 0.75:.1f}"
    assert drawn.attrib["aria-label"] == 'a "word" & more'


def test_what_lies_above_the_horizon_is_left_out_and_nothing_breaks() -> None:
    far = Floor(((0.1, 0.9), (0.9, 0.9), (0.55, 0.3), (0.45, 0.3)), NEAR_IS_ZERO.metres)
    layout = CameraLayout("cam-1", gates=(Gate("sky", (0.0, 0.0), (1.0, 0.0), "right"),), floor=far)
    assert not list(parts(drawing(heat("m", (0, 0, 1.0)), layout, "words")).iter(f"{SVG}line"))


@given(
    st.lists(
        st.tuples(st.integers(0, 41), st.integers(0, 23), st.floats(0.1, 50_000)),
        min_size=1,
        unique_by=lambda c: c[:2],
    )
)
def test_every_cell_is_drawn_once_and_the_longest_the_darkest(found: list[tuple[int, int, float]]) -> None:
    drawn = cells(drawing(heat("frame", *found), CameraLayout("cam-1"), "words"))
    assert sum(map(len, drawn.values())) == len(found)
    assert COLOURS[-1] in drawn


@given(st.floats(0.1, 1e6))
def test_the_steps_rise_to_the_longest(longest: float) -> None:
    edges = steps(longest)
    assert edges == sorted(set(edges))
    assert edges[-1] == pytest.approx(longest)


def test_each_colour_is_darker_than_the_one_before() -> None:
    def light(colour: str) -> float:
        r, g, b = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
        return 0.2126 * math.pow(r, 2.2) + 0.7152 * math.pow(g, 2.2) + 0.0722 * math.pow(b, 2.2)

    lights = [light(colour) for colour in COLOURS]
    assert lights == sorted(lights, reverse=True)
