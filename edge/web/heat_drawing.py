"""A heat map as an SVG drawing: cells by seconds of presence, and the gates and zones over them. Pure.

No camera picture is behind it: a calibrated camera's map is drawn on its floor, turned so that what is far
from the camera is at the top, any other's on its empty frame.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from edge.web.models_service import Heat
from pipelines.floor import Plane
from pipelines.layout import CameraLayout, Floor, Point
from pipelines.records import HEAT_CELL_FRAME

COLOURS: Final = ("#fff0b8", "#fed583", "#fdae52", "#f67f3b", "#e34a2b", "#bd1726", "#7d0a2b")
"""From a little to the most; each darker than the one before, so that they differ without colour too."""
ASPECTS: Final = (4 / 3, 16 / 9)
"""Shapes of pictures; the narrowest that holds all cells is taken, as no table keeps it."""
WIDTH: Final = 600.0
"""Of the drawing, in its own units; the page scales it."""
MARGIN: Final = 0.02
"""Around what is drawn, as a share of its width."""


def steps(longest_s: float) -> list[float]:
    """The upper edge of each colour in seconds. Their roots are equally far apart: one place where the staff
    stand all day must not make everything else pale."""
    return [longest_s * ((i + 1) / len(COLOURS)) ** 2 for i in range(len(COLOURS))]


@dataclass(frozen=True, slots=True)
class Sheet:
    """Where places of the plane lie on the drawing."""

    left: float
    top: float
    right: float
    bottom: float
    flip_x: bool
    flip_y: bool

    @property
    def scale(self) -> float:
        """Units of the drawing for one of the plane."""
        return WIDTH / (self.right - self.left)

    @property
    def height(self) -> float:
        """Of the drawing."""
        return (self.bottom - self.top) * self.scale

    def at(self, point: Point) -> Point:
        """A place of the plane on the drawing."""
        x = self.right - point[0] if self.flip_x else point[0] - self.left
        y = self.bottom - point[1] if self.flip_y else point[1] - self.top
        return round(x * self.scale, 1), round(y * self.scale, 1)


def aspect_of(heat: Heat) -> float:
    """Width over height of the picture that a map of frame heights is of."""
    columns = max((cell.column + 1 for cell in heat.cells), default=0)
    fits = [aspect for aspect in ASPECTS if columns * HEAT_CELL_FRAME <= aspect + HEAT_CELL_FRAME]
    return fits[0] if fits else columns * HEAT_CELL_FRAME


def drawing(heat: Heat, layout: CameraLayout, words: str) -> str:
    """The SVG. words: what it says to those who hear the page."""
    calibrated = heat.unit == "m" and layout.floor is not None
    aspect = aspect_of(heat)
    plane = Plane.of(layout, aspect) if calibrated else Plane(aspect)
    side = heat.cell
    zones = [(zone.id, zone.role, _points(plane, zone.polygon)) for zone in layout.zones]
    gates = [(gate.id, _points(plane, (gate.a, gate.b))) for gate in layout.gates]
    if calibrated and layout.floor is not None:
        drawn = [*layout.floor.metres, *(p for _, _, points in zones for p in points)]
        sheet = _floor_sheet([*drawn, *(p for _, points in gates for p in points)], heat, side, layout.floor)
    else:
        sheet = Sheet(0.0, 0.0, aspect, 1.0, flip_x=False, flip_y=False)
    parts = [
        f'<rect class="heat-floor" width="{WIDTH:.0f}" height="{sheet.height:.0f}"/>',
        *_cells(heat, sheet, side),
        *(_zone(name, role, [sheet.at(point) for point in points]) for name, role, points in zones if points),
        *(_gate(name, [sheet.at(point) for point in points], sheet) for name, points in gates if points),
    ]
    return (
        f'<svg class="heat-map" viewBox="0 0 {WIDTH:.0f} {sheet.height:.0f}" role="img" '
        f'aria-label="{escape(words)}" xmlns="http://www.w3.org/2000/svg">{"".join(parts)}</svg>'
    )


def _points(plane: Plane, points: Sequence[Point]) -> list[Point]:
    """Drawn points on the plane; none of them when one lies above the horizon."""
    try:
        return [plane.point(point) for point in points]
    except ValueError:
        return []


def _floor_sheet(drawn: Sequence[Point], heat: Heat, side: float, floor: Floor) -> Sheet:
    """All that was drawn and everywhere that people were, with a little margin."""
    xs = [x for x, _ in drawn] + [(cell.column + i) * side for cell in heat.cells for i in (0, 1)]
    ys = [y for _, y in drawn] + [(cell.row + i) * side for cell in heat.cells for i in (0, 1)]
    margin = MARGIN * (max(xs) - min(xs))
    return Sheet(
        min(xs) - margin, min(ys) - margin, max(xs) + margin, max(ys) + margin,
        flip_x=_opposed([p[0] for p in floor.image], [p[0] for p in floor.metres]),
        flip_y=_opposed([p[1] for p in floor.image], [p[1] for p in floor.metres]),
    )  # fmt: skip


def _opposed(one: Sequence[float], other: Sequence[float]) -> bool:
    """Whether one grows as the other falls."""
    a, b = sum(one) / len(one), sum(other) / len(other)
    return sum((x - a) * (y - b) for x, y in zip(one, other, strict=True)) < 0


def _cells(heat: Heat, sheet: Sheet, side: float) -> Iterable[str]:
    """One path for each colour."""
    edges = steps(max((cell.seconds for cell in heat.cells), default=0.0))
    paths: list[list[str]] = [[] for _ in edges]
    size = round(side * sheet.scale + 0.1, 1)  # no seams between cells
    for cell in heat.cells:
        corners = [sheet.at(((cell.column + i) * side, (cell.row + i) * side)) for i in (0, 1)]
        x, y = min(corners[0][0], corners[1][0]), min(corners[0][1], corners[1][1])
        warmth = next((i for i, edge in enumerate(edges) if cell.seconds <= edge), len(edges) - 1)
        paths[warmth].append(f"M{x} {y}h{size}v{size}h-{size}z")
    return [
        f'<path fill="{colour}" d="{"".join(path)}"/>'
        for colour, path in zip(COLOURS, paths, strict=True)
        if path
    ]


def _zone(name: str, role: str, points: Sequence[Point]) -> str:
    outline = " ".join(f"{x},{y}" for x, y in points)
    x, y = min(x for x, _ in points), min(y for _, y in points)
    return f'<polygon class="heat-zone is-{role}" points="{outline}"/>{_label(name, x + 6, y + 20, "start")}'


def _gate(name: str, points: Sequence[Point], sheet: Sheet) -> str:
    (x1, y1), (x2, y2) = points
    x, y = (x1 + x2) / 2, (y1 + y2) / 2
    anchor, by = ("end", -8) if x > WIDTH * 0.8 else ("start", 8)
    line = f'<line class="heat-gate" x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}"/>'
    return line + _label(name, x + by, min(max(y, 20), sheet.height - 8), anchor)


def _label(name: str, x: float, y: float, anchor: str) -> str:
    return f'<text class="heat-label" x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}">{escape(name)}</text>'
