"""Which count belongs to which real event: the best one-to-one pairing in time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

Floats = NDArray[np.float64]

_FAR: Final = 1e9
_NUDGE: Final = 1e-3
"""Weight of the distance to an event's own moment where the distance to its stretch is the same."""


def pair_in_time(
    counted: Sequence[float],
    begin: Sequence[float],
    end: Sequence[float],
    moment: Sequence[float],
    tolerance_s: float,
) -> list[tuple[int, int]]:
    """Pairs (event, count): as many as possible and, among those choices, the nearest in sum.

    counted: seconds, (n,). begin, end, moment: of each event the stretch in which it happened and its own
    moment within, (m,); a count may belong to it when it is at most `tolerance_s` outside of the stretch.
    """
    at, order = _sorted(counted)
    first, last, mid = (np.asarray(values, np.float64) for values in (begin, end, moment))
    pairs: list[tuple[int, int]] = []
    for events, low, high in _clusters(at, first - tolerance_s, last + tolerance_s):
        times = at[low:high]
        apart = np.maximum(np.maximum(first[events, None] - times, times - last[events, None]), 0.0)
        near = apart <= tolerance_s
        # A pair too far apart costs more than all near ones together: first many pairs, then near ones.
        cost = np.where(near, apart + _NUDGE * np.abs(mid[events, None] - times), _FAR)
        for row, column in zip(*linear_sum_assignment(cost), strict=True):
            if near[row, column]:
                pairs.append((int(events[row]), int(order[low + column])))
    return sorted(pairs)


def _sorted(counted: Sequence[float]) -> tuple[Floats, NDArray[np.intp]]:
    at = np.asarray(counted, np.float64)
    order = np.argsort(at, kind="stable")
    return at[order], order


def _clusters(at: Floats, earliest: Floats, latest: Floats) -> Iterator[tuple[NDArray[np.intp], int, int]]:
    """Events that compete for the same counts, and the counts [low, high) that they compete for. A day
    falls into thousands of small assignments, where one for all would take minutes."""
    by_begin = np.argsort(earliest, kind="stable")
    # One last place of a float of slack: what is too far is sorted out by the distance itself.
    low = np.searchsorted(at, np.nextafter(earliest, -np.inf)[by_begin], side="left")
    high = np.searchsorted(at, np.nextafter(latest, np.inf)[by_begin], side="right")
    members: list[int] = []
    start = stop = 0
    for event, a, b in zip(by_begin, low, high, strict=True):
        if b <= a:
            continue
        if members and a >= stop:
            yield np.array(members), start, stop
            members = []
        if not members:
            start, stop = int(a), int(b)
        members.append(int(event))
        stop = max(stop, int(b))
    if members:
        yield np.array(members), start, stop
