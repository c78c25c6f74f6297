"""Whom a newcomer in the middle of the picture continues.

Nobody appears out of thin air: who is first seen away from the picture's edges is somebody who was lost, it
may be further off than one frame's doubt allows. When the newcomer has walked a few steps, its way can be
drawn backwards and the other's forwards, and the two must meet half way.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from scipy.optimize import linear_sum_assignment

from pipelines.track import Track

LONGEST_S: Final = 4.5
COASTING_S: Final = 0.8
"""Each walks on, or came, straight for at most so long."""
APART_M: Final = 0.25
APART_MPS: Final = 0.25
"""One standard deviation of the distance at which the two ways meet: so much, and so much more for each
second between them."""
TURNED_MPS: Final = 0.5
TURNED_MPS2: Final = 0.2
"""And of the change of velocity: the first squared plus the second for each second is its variance."""
WORTH: Final = 7.0
"""Surprise at somebody new in the middle of the picture, less that at an area of (.2 m)²."""


def linked(lost: Sequence[Track], new: Sequence[Track]) -> list[tuple[Track, Track]]:
    """The likeliest pairs of a lost track with the newcomer that continues it."""
    if not lost or not new:
        return []
    cost = np.array([[_cost(old, young) for young in new] for old in lost])
    rows, columns = linear_sum_assignment(np.minimum(cost, 0.0))
    return [
        (lost[row], new[column])
        for row, column in zip(rows.tolist(), columns.tolist(), strict=True)
        if cost[row, column] < 0
    ]


def _cost(lost: Track, new: Track) -> float:
    gap = new.began - lost.seen
    if not 0 < gap <= LONGEST_S:
        return 1.0
    metre = (lost.metre + new.metre) / 2
    half = min(gap / 2, COASTING_S)
    apart = math.hypot(
        lost.x + lost.vx * half - (new.start[0] - new.vx * half),
        lost.y + lost.vy * half - (new.start[1] - new.vy * half),
    )
    turned = math.hypot(lost.vx - new.vx, lost.vy - new.vy)
    place, speed = (APART_M + APART_MPS * gap) ** 2, TURNED_MPS**2 + TURNED_MPS2 * gap
    return (
        (apart / metre) ** 2 / (2 * place)
        + (turned / metre) ** 2 / (2 * speed)
        + math.log(place / 0.04)
        - WORTH
    )


def go_on(old: Track, new: Track) -> None:
    """Let the old track live on where the newcomer is."""
    old.gap = new.began - old.seen
    old.hits += new.hits
    old.x, old.y, old.vx, old.vy = new.x, new.y, new.vx, new.vy
    old.p00, old.p01, old.p11 = new.p00, new.p01, new.p11
    old.width, old.height, old.metre, old.tall = new.width, new.height, new.metre, new.tall or old.tall
    old.seen, old.updated, old.box = new.seen, new.updated, new.box
    old.score, old.label = new.score, new.label
    old.crowded, old.hidden, old.feet_hidden = new.crowded, new.hidden, new.feet_hidden
