"""Plane geometry for gates, zones and the floor. All pure; points are (x, y), polygons are not closed."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipelines.layout import Point


def cross(o: Point, a: Point, b: Point) -> float:
    """Twice the signed area of the triangle o, a, b. In a picture (y down) it is positive when b lies to
    the right of the walk from o to a."""
    return (a[0] - o[0]) * (b[1] - o[1]) - (a[1] - o[1]) * (b[0] - o[0])


def signed_area(polygon: Sequence[Point]) -> float:
    """The shoelace area; its sign tells the winding."""
    return 0.5 * sum(
        x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in zip(polygon, [*polygon[1:], polygon[0]], strict=True)
    )


def _segments_cross(a: Point, b: Point, c: Point, d: Point) -> bool:
    """Whether the open segments ab and cd cross, or lie on one another."""
    s1, s2, s3, s4 = cross(a, b, c), cross(a, b, d), cross(c, d, a), cross(c, d, b)
    if s1 == s2 == s3 == s4 == 0:
        axis = 0 if abs(a[0] - b[0]) >= abs(a[1] - b[1]) else 1
        lo, hi = sorted((a[axis], b[axis]))
        lo2, hi2 = sorted((c[axis], d[axis]))
        return max(lo, lo2) < min(hi, hi2)
    return (s1 > 0) != (s2 > 0) and (s3 > 0) != (s4 > 0)


def is_simple_polygon(polygon: Sequence[Point]) -> bool:
    """Whether the polygon has an area and does not cross or touch itself."""
    count = len(polygon)
    if count < 3 or len(set(polygon)) != count or abs(signed_area(polygon)) < 1e-9:
        return False
    edges = [(polygon[i], polygon[(i + 1) % count]) for i in range(count)]
    return not any(
        _segments_cross(*edges[i], *edges[j])
        for i in range(count)
        for j in range(i + 2, count)
        if (j + 1) % count != i
    )


def inside(polygon: Sequence[Point], point: Point) -> bool:
    """Whether the point lies in the polygon (even-odd rule; the border is either)."""
    x, y = point
    found = False
    x1, y1 = polygon[-1]
    for x2, y2 in polygon:
        if (y1 > y) != (y2 > y) and x < (x2 - x1) * (y - y1) / (y2 - y1) + x1:
            found = not found
        x1, y1 = x2, y2
    return found


def distance_to_segment(a: Point, b: Point, p: Point) -> float:
    """The shortest way from p to the segment ab."""
    ax, ay = a
    dx, dy = b[0] - ax, b[1] - ay
    length2 = dx * dx + dy * dy
    u = ((p[0] - ax) * dx + (p[1] - ay) * dy) / length2 if length2 > 0 else 0.0
    u = min(1.0, max(0.0, u))
    return math.hypot(p[0] - ax - u * dx, p[1] - ay - u * dy)


def depth(polygon: Sequence[Point], point: Point) -> float:
    """Distance to the polygon's border: positive inside, negative outside."""
    nearest = min(distance_to_segment(polygon[i - 1], polygon[i], point) for i in range(len(polygon)))
    return nearest if inside(polygon, point) else -nearest


def homography(image: Sequence[Point], floor: Sequence[Point]) -> NDArray[np.float64]:
    """The 3x3 map from picture to floor by the direct linear transform (Hartley & Zisserman, alg. 4.1).

    Four pairs fit exactly, more in the least-squares sense. Raises ValueError when they do not fix a map.
    """
    rows = []
    for (x, y), (u, v) in zip(image, floor, strict=True):
        rows.append([x, y, 1, 0, 0, 0, -u * x, -u * y, -u])
        rows.append([0, 0, 0, x, y, 1, -v * x, -v * y, -v])
    _, sizes, vectors = np.linalg.svd(np.asarray(rows, np.float64))
    if sizes[7] < 1e-9 * sizes[0]:
        raise ValueError("the floor points do not fix the floor: three of them lie in a line")
    matrix: NDArray[np.float64] = vectors[8].reshape(3, 3)
    middle = np.mean(np.asarray(image, np.float64), axis=0)
    if matrix[2] @ (middle[0], middle[1], 1.0) < 0:
        matrix = -matrix
    return matrix


def project(matrix: NDArray[np.float64], point: Point) -> Point | None:
    """Where a point of the picture lies on the floor; None at or above the floor's horizon."""
    x, y = point
    w = matrix[2, 0] * x + matrix[2, 1] * y + matrix[2, 2]
    if w <= 1e-9:
        return None
    return (
        float((matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2]) / w),
        float((matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2]) / w),
    )
