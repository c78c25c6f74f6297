"""Measure how a detector errs on a real clip, with no truth but that people move smoothly.

Boxes are linked from frame to frame by overlap. Only stretches in which a person stands apart from all other
boxes and from the picture's border are used: there, whatever departs from a straight line over a second
is the detector's (and the legs'), and whatever is missing was missed. What needs truth - merging, doubles,
false boxes - keeps the value of `start`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from scipy.optimize import linear_sum_assignment

from models.types import Detections
from tests.sim.crowd import Floats
from tests.sim.noise import DEFAULT, DetectorNoise

LINK_SCORE: Final = 0.3
"""Boxes that score less are not linked, but crowd a neighbour."""
LINK_IOU: Final = 0.25
LINK_S: Final = 1.2
"""A gap up to this long is bridged."""
HALF_S: Final = 0.5
"""Half the stretch over which people are taken to move in a straight line."""
BURST_S: Final = 0.25
"""Misses that last this long or longer are a burst."""
CUT: Final = 0.13
"""A lower edge that is too high by more box heights, while the upper stays, is a cut box."""
SHORTEST: Final = 12
"""Links with fewer boxes are left out: they may be no person at all."""


@dataclass(frozen=True, slots=True)
class Fit:
    """What was measured, and on how much."""

    noise: DetectorNoise
    links: int
    boxes: int
    seconds: float
    """Summed over persons standing apart."""


@dataclass(slots=True)
class _Link:
    t: list[float] = field(default_factory=list)
    boxes: list[Floats] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    apart: list[bool] = field(default_factory=list)

    def expected(self, t: float) -> Floats:
        """Where the box should be, at the pace of the last .5 s."""
        last = len(self.t) - 1
        first = max(0, next((i for i in range(last, -1, -1) if self.t[last] - self.t[i] >= HALF_S), 0))
        if first == last:
            return self.boxes[last]
        pace = (self.boxes[last] - self.boxes[first]) / (self.t[last] - self.t[first])
        return self.boxes[last] + pace * min(t - self.t[last], HALF_S)


def fit_noise(
    frames: Iterable[tuple[float, Detections]], aspect: float, *, start: DetectorNoise = DEFAULT
) -> Fit:
    """Fit jitter, its correlation, misses, bursts, cuts and scores to detections of people, in time order.

    `aspect`: width over height of the frames. Raises ValueError when too little can be used (fewer than 500
    boxes).
    """
    times, links = _link(frames)
    links = [link for link in links if len(link.t) >= SHORTEST]
    period = float(np.median(np.diff(times))) if len(times) > 1 else 1.0
    residuals = [part for link in links for part in _residuals(link, period)]
    used = sum(len(part) for part in residuals)
    if used < 500:
        raise ValueError(
            "too few people stand apart in this clip to fit a detector's noise: use a longer one"
        )
    jitter, correlation_s, cut = _jitter(residuals, period, aspect)
    missed, bursts, total = _misses(links, period)
    scores = np.concatenate([np.array(link.scores)[np.array(link.apart)] for link in links])
    # `noise.detect` lays scores between two ends so that its 10 and 90 % quantiles are .1 from either. A
    # clip has one size of bodies: the same ends for small and large.
    low, high = np.quantile(scores, [0.1, 0.9])
    margin = float(high - low) / 8
    scores_of = (float(low) - margin, float(high) + margin)
    noise = replace(
        start,
        jitter=(jitter[0], jitter[1], jitter[2], jitter[3]),
        correlation_s=correlation_s,
        miss=missed / (total + missed),
        bursts_per_s=bursts / (total * period),
        cuts_per_s=cut / (sum(start.cut_s) / 2),
        score_small=scores_of,
        score_large=scores_of,
    )
    return Fit(noise, len(links), used, total * period)


def _link(frames: Iterable[tuple[float, Detections]]) -> tuple[Floats, list[_Link]]:
    times: list[float] = []
    done: list[_Link] = []
    live: list[_Link] = []
    for t, found in frames:
        times.append(t)
        boxes = found.boxes.astype(np.float64)
        apart = _apart(boxes, found.scores.astype(np.float64))
        picks = np.flatnonzero(found.scores >= LINK_SCORE)
        done += [link for link in live if t - link.t[-1] > LINK_S]
        live = [link for link in live if t - link.t[-1] <= LINK_S]
        free = set(picks.tolist())
        if live and len(picks):
            overlap = _ious(np.array([link.expected(t) for link in live]), boxes[picks])
            for row, column in zip(*linear_sum_assignment(-overlap), strict=True):
                if overlap[row, column] >= LINK_IOU:
                    pick = int(picks[column])
                    free.discard(pick)
                    _add(live[row], t, boxes[pick], float(found.scores[pick]), bool(apart[pick]))
        for pick in sorted(free):
            live.append(_Link())
            _add(live[-1], t, boxes[pick], float(found.scores[pick]), bool(apart[pick]))
    return np.array(times), done + live


def _add(link: _Link, t: float, box: Floats, score: float, apart: bool) -> None:
    link.t.append(t)
    link.boxes.append(box)
    link.scores.append(score)
    link.apart.append(apart)


def _apart(boxes: Floats, scores: Floats) -> Floats:
    """(n,) does a box stand clear of the border and of all boxes but fainter ones within itself?"""
    clear = (boxes[:, :2] > 0.01).all(1) & (boxes[:, 2:] < 0.99).all(1)
    if len(boxes) < 2:
        return np.asarray(clear)
    touch = _ious(boxes, boxes) > 0
    np.fill_diagonal(touch, val=False)
    return np.asarray(clear & ~(touch & (scores[None] >= LINK_SCORE)).any(1))


def _ious(a: Floats, b: Floats) -> Floats:
    """(n, 4) and (m, 4) to (n, m)."""
    shared = np.clip(
        np.minimum(a[:, None, 2:], b[None, :, 2:]) - np.maximum(a[:, None, :2], b[None, :, :2]), 0, None
    ).prod(-1)
    both = (a[:, 2:] - a[:, :2]).prod(1)[:, None] + (b[:, 2:] - b[:, :2]).prod(1)[None] - shared
    return np.asarray(shared / np.maximum(both, 1e-12))


def _stretches(link: _Link, longest_gap_s: float) -> Iterator[slice]:
    """Rows of a link that stand apart, one frame after the other."""
    good = np.array(link.apart)
    good[1:] &= np.diff(link.t) <= longest_gap_s
    edges = np.diff(np.concatenate([[0], good.astype(np.int8), [0]]))
    for begin, end in zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1), strict=True):
        yield slice(int(begin), int(end))


def _residuals(link: _Link, period: float) -> list[Floats]:
    """For each stretch (n, 4): how far each edge is from the mean of the window around it, in box heights."""
    window = _window(period)
    parts = []
    for rows in _stretches(link, 1.5 * period):
        boxes = np.array(link.boxes[rows])
        if len(boxes) >= window + 2:
            height = float(np.median(boxes[:, 3] - boxes[:, 1]))
            mean = np.apply_along_axis(np.convolve, 0, boxes, np.full(window, 1 / window), "valid")
            parts.append((boxes[window // 2 : -(window // 2)] - mean) / height)
    return parts


def _window(period: float) -> int:
    """An odd number of frames that spans `HALF_S` to either side."""
    return 2 * max(1, round(HALF_S / period)) + 1


def _jitter(
    residuals: Sequence[Floats], period: float, aspect: float
) -> tuple[tuple[float, ...], float, float]:
    """The edges' deviations in box heights, the time of their correlation, and the share of cut boxes.

    A residual is x less the mean of the n values around it. For noise that keeps the share r of itself from
    frame to frame, its covariance at lag k is the sum over i, j of a_i a_j r^|i - j + k| with those weights
    a: the ratio of lag 1 to lag 0 gives r, then lag 0 gives the deviation.
    """
    every = np.concatenate(residuals)
    cut = (every[:, 3] < -CUT) & (np.abs(every[:, 1]) < CUT / 2)
    usual = np.abs(every) < CUT
    spread = np.sqrt((every**2).mean(0, where=usual))
    pairs = np.concatenate([np.stack([part[1:], part[:-1]]) for part in residuals], axis=1)
    both = (np.abs(pairs) < CUT).all(0)
    ratio = float((pairs.prod(0).mean(0, where=both) / spread**2).mean())
    weights = np.full(_window(period), -1 / _window(period))
    weights[len(weights) // 2] += 1
    kept = np.linspace(0.0, 0.95, 96)
    lag = np.array([[_covariance(weights, r, k) for k in (0, 1)] for r in kept])
    best = int(np.argmin(np.abs(lag[:, 1] / lag[:, 0] - ratio)))
    sigma = spread / np.sqrt(lag[best, 0]) * [aspect, 1, aspect, 1]
    correlation_s = period / -np.log(max(kept[best], 1e-6))
    return tuple(float(v) for v in sigma), float(correlation_s), float(cut.mean())


def _covariance(weights: Floats, kept: float, lag: int) -> float:
    n = np.arange(len(weights))
    apart = np.abs(n[:, None] - n[None] + lag)
    return float(weights @ np.power(kept, apart) @ weights)


def _misses(links: Sequence[_Link], period: float) -> tuple[int, int, int]:
    """Frames missed one or two at a time, longer gaps, and boxes; of bodies that stand apart."""
    missed = bursts = total = 0
    for link in links:
        apart = np.array(link.apart)
        gap = np.round(np.diff(link.t) / period).astype(int) - 1
        gap = gap[apart[1:] & apart[:-1]]
        missed += int(gap[(gap + 0.5) * period < BURST_S].sum())
        bursts += int(((gap + 0.5) * period >= BURST_S).sum())
        total += int(apart.sum())
    return missed, bursts, total
