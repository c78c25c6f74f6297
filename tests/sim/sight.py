"""What a camera can see of each person: the picture's box, how much is visible, who hides whom.

A body is an upright solid of round slices: narrow at the feet and the head, widest at the shoulders. A grid
of points on the side that faces the camera decides how much is seen: outside the picture, behind a block
or behind a nearer body counts as hidden.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tests.sim.camera import NEAR_M, Camera
from tests.sim.crowd import Block, Body, Floats, Ints, Samples

Bools = NDArray[np.bool_]

PROFILE_Z: Final = np.array([0.0, 0.12, 0.45, 0.8, 0.9, 1.0])
PROFILE_R: Final = np.array([0.45, 0.6, 0.75, 1.0, 0.4, 0.3])
"""Half width over half the shoulder width, at these shares of the height: feet, shins, hips, shoulders,
neck, crown. Feet in step reach half a shoulder to either side."""
DEPTH: Final = 0.7
"""A body is that much less deep than wide."""
ROWS: Final = np.array([0.04, 0.16, 0.3, 0.45, 0.6, 0.75, 0.87, 0.97])
COLUMNS: Final = np.array([-0.7, 0.0, 0.7])
CART_M: Final = (0.55, 0.4, 0.8)
"""A cart: its middle that far ahead, half its length, its height in metres."""
_RING: Final = np.linspace(0, 2 * np.pi, 8, endpoint=False)
_CHUNK: Final = 40_000


@dataclass(frozen=True, slots=True)
class Sight:
    """Everybody in every frame, ordered by frame.

    frame, person: (n,). xy: (n, 2) floor metres. full: (n, 4) box of the whole body, fractions of the frame,
    reaching past 0..1. box: (n, 4) box of what is in sight. visible: (n,) share of the body in sight.
    distance: (n,) metres from the camera. pace: (n,) metres per second.
    """

    frame: Ints
    person: Ints
    xy: Floats
    full: Floats
    box: Floats
    visible: Floats
    distance: Floats
    pace: Floats


def look(camera: Camera, blocks: Sequence[Block], bodies: Sequence[Body], samples: Samples) -> Sight:
    """What the camera sees of everybody in these frames."""
    height = np.array([b.height for b in bodies])[samples.person]
    width = np.array([b.width for b in bodies])[samples.person]
    cart = np.array([b.cart for b in bodies], np.bool_)[samples.person]
    grid, points = _grid(camera, samples.xy, height, width)
    seen = np.all((points >= 0) & (points <= 1), axis=-1)
    for block in blocks:
        if block.opaque:
            seen &= ~_hidden_by(block, camera, grid)
    size = np.stack([height, width], axis=1)
    full = _extent(camera, samples.xy, size, np.zeros(len(height)), height)
    middle = np.concatenate([samples.xy, height[:, None] / 2], axis=1)
    distance = np.sqrt(((middle - camera.position) ** 2).sum(1))
    seen &= ~_hidden_by_people(samples, full, distance, points, _carts(camera, samples, cart))
    low, high = _seen_heights(seen, height)
    part = np.flatnonzero((low > 0) | (high < height))
    box = full.copy()
    box[part] = _extent(camera, samples.xy[part], size[part], low[part], high[part])
    box = np.clip(box, 0.0, 1.0)
    _, depth = camera.project(np.concatenate([samples.xy, height[:, None]], axis=1))
    visible = np.where(depth > NEAR_M, seen.mean(axis=(1, 2)), 0.0)
    pace = np.hypot(samples.velocity[:, 0], samples.velocity[:, 1])
    return Sight(samples.frame, samples.person, samples.xy, full, box, visible, distance, pace)


def pairs(frame: Ints) -> tuple[Ints, Ints]:
    """All ordered pairs (i, j), i != j, of rows of the same frame; `frame` must be sorted."""
    _, start, count = np.unique(frame, return_index=True, return_counts=True)
    size = np.repeat(count, count)
    i = np.repeat(np.arange(len(frame)), size)
    within = np.arange(len(i)) - np.repeat(np.cumsum(size) - size, size)
    j = np.repeat(np.repeat(start, count), size) + within
    return i[i != j], j[i != j]


def _grid(camera: Camera, xy: Floats, height: Floats, width: Floats) -> tuple[Floats, Floats]:
    """(n, rows, columns, 3) points on the side that faces the camera, and (…, 2) where they appear."""
    towards = xy - camera.position[:2]
    towards = towards / np.maximum(np.hypot(towards[:, 0], towards[:, 1]), 0.05)[:, None]
    across = np.stack([-towards[:, 1], towards[:, 0]], axis=1)
    half = width[:, None] / 2 * np.interp(ROWS, PROFILE_Z, PROFILE_R)
    grid = np.empty((len(xy), len(ROWS), len(COLUMNS), 3))
    grid[..., :2] = xy[:, None, None] + across[:, None, None] * (half[..., None] * COLUMNS)[..., None]
    grid[..., 2] = (height[:, None] * ROWS)[..., None]
    return grid, camera.project(grid)[0]


def _extent(camera: Camera, xy: Floats, size: Floats, low: Floats, high: Floats) -> Floats:
    """(n, 4) the picture's box of the part of each body between two heights in metres; `size` (n, 2) is
    height and width."""
    height, width = size[:, 0], size[:, 1]
    box = np.empty((len(xy), 4))
    for begin in range(0, len(xy), _CHUNK):
        rows = slice(begin, begin + _CHUNK)
        z = np.clip(height[rows, None] * PROFILE_Z, low[rows, None], high[rows, None])
        half = width[rows, None] / 2 * np.interp(z / height[rows, None], PROFILE_Z, PROFILE_R)
        solid = np.empty((*z.shape, len(_RING), 3))
        ring = np.stack([np.cos(_RING), DEPTH * np.sin(_RING)], axis=1)
        solid[..., :2] = xy[rows, None, None] + half[..., None, None] * ring
        solid[..., 2] = z[..., None]
        at = camera.project(solid)[0].reshape(len(z), -1, 2)
        box[rows, :2], box[rows, 2:] = at.min(1), at.max(1)
    return box


def _hidden_by(block: Block, camera: Camera, points: Floats) -> Bools:
    """Does the line from the camera to each point pass through the block? (slab method)"""
    eye = camera.position
    ray = points - eye
    ray = np.where(np.abs(ray) < 1e-9, 1e-9, ray)
    low = (np.array([block.x0, block.y0, 0.0]) - eye) / ray
    high = (np.array([block.x1, block.y1, block.height]) - eye) / ray
    enter = np.minimum(low, high).max(-1)
    leave = np.maximum(low, high).min(-1)
    return np.asarray((enter < leave) & (leave > 0) & (enter < 1))


@dataclass(frozen=True, slots=True)
class _Carts:
    row: Ints
    box: Floats
    distance: Floats


def _carts(camera: Camera, samples: Samples, cart: Bools) -> _Carts:
    """The carts' boxes in the picture; a cart stands ahead of whoever pushes it."""
    row = np.flatnonzero(cart)
    pace = np.maximum(np.hypot(*samples.velocity[row].T), 1e-6)
    ahead, half, height = CART_M
    middle = samples.xy[row] + samples.velocity[row] / pace[:, None] * ahead
    corners = np.array([(dx, dy, z) for dx in (-half, half) for dy in (-half, half) for z in (0.0, height)])
    at = np.concatenate([middle, np.zeros((len(row), 1))], axis=1)
    points = camera.project(at[:, None] + corners)[0]
    distance = np.sqrt(((at + np.array([0, 0, height / 2]) - camera.position) ** 2).sum(1))
    return _Carts(row, np.concatenate([points.min(1), points.max(1)], axis=1).reshape(-1, 4), distance)


def _hidden_by_people(
    samples: Samples, full: Floats, distance: Floats, points: Floats, carts: _Carts
) -> Bools:
    """(n, rows, columns) points that lie behind a nearer body or cart."""
    frame = np.concatenate([samples.frame, samples.frame[carts.row]])
    order = np.argsort(frame, kind="stable")
    boxes = np.concatenate([full, carts.box])[order]
    far = np.concatenate([distance, carts.distance])[order]
    row = np.concatenate([np.arange(len(full)), np.full(len(carts.row), -1)])[order]
    i, j = pairs(frame[order])
    a, b = boxes[i], boxes[j]
    meet = (a[:, 0] < b[:, 2]) & (b[:, 0] < a[:, 2]) & (a[:, 1] < b[:, 3]) & (b[:, 1] < a[:, 3])
    keep = meet & (far[j] < far[i] - 0.05) & (row[i] >= 0)
    i, j = row[i[keep]], j[keep]
    bits = np.zeros(len(full), np.uint32)
    weights = (1 << np.arange(len(ROWS) * len(COLUMNS), dtype=np.uint32)).reshape(len(ROWS), len(COLUMNS))
    for begin in range(0, len(i), _CHUNK):
        chunk = slice(begin, begin + _CHUNK)
        box, at = boxes[j[chunk], None, None], points[i[chunk]]
        middle, half = (box[..., :2] + box[..., 2:]) / 2, (box[..., 2:] - box[..., :2]) / 2
        off = np.abs(at - middle) / np.maximum(half, 1e-9)
        inside = off[..., 0] ** 4 + off[..., 1] ** 4 < 0.8
        np.bitwise_or.at(bits, i[chunk], (inside * weights).sum((1, 2), dtype=np.uint32))
    return np.asarray((bits[:, None, None] & weights) > 0)


def _seen_heights(seen: Bools, height: Floats) -> tuple[Floats, Floats]:
    """Between which heights in metres a body shows, to half a row of the grid."""
    rows: Bools = np.any(seen, axis=2)
    step = (ROWS[1:] + ROWS[:-1]) / 2
    lower, upper = np.concatenate([[0.0], step]), np.concatenate([step, [1.0]])
    first = rows.argmax(1)
    last = len(ROWS) - 1 - rows[:, ::-1].argmax(1)
    nothing = ~rows.any(1)
    first[nothing], last[nothing] = 0, len(ROWS) - 1
    return lower[first] * height, upper[last] * height
