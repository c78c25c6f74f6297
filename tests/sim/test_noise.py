"""The detector that is simulated errs as much as its preset says, and no more."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import islice, pairwise

import numpy as np
import pytest

from tests.sim.camera import Camera
from tests.sim.crowd import Body, Leg, Plan
from tests.sim.fit import fit_noise
from tests.sim.noise import DEFAULT, NOBODY, NONE, DetectorNoise, detect, iou
from tests.sim.simulation import Scene, Simulation, Timing, simulate

FAR = Scene(
    "far",
    Camera(0.0, -16.0, 7.0, yaw_deg=0, pitch_deg=24, hfov_deg=45),
    corners=((-3, -3), (3, -3), (3, 3), (-3, 3)),
)
"""Seen from a building, as in the real clip that the default was fitted to."""
STEADY = Timing(10.0, dropped=0.0, gaps_per_minute=0.0, wobble=0.0)


@cache
def _crowd() -> Simulation:
    """People who cross the far scene one at a time."""
    rng = np.random.default_rng(9)
    ways = [(y, -1 if rng.random() < 0.5 else 1) for y in rng.uniform(-2, 3, 150)]
    plans = [
        Plan(i * 11.0, (6.0 * way, y), (Leg(-6.0 * way, y, 1.3),), Body(1.7, 0.5), "single", i)
        for i, (y, way) in enumerate(ways)
    ]
    return simulate(FAR, plans, seed=11, timing=STEADY, noise=NONE)


def walkers(noise: DetectorNoise) -> Simulation:
    crowd = _crowd()
    found = detect(crowd.sight, crowd.times, noise, FAR.camera.aspect, np.random.default_rng(12))
    return replace(crowd, found=found)


LONELY = replace(DEFAULT, merge=0.0, doubles=0.0, clutter=0, ghosts_per_minute=0.0, cuts_per_s=0.0)


def test_without_noise_the_boxes_are_what_shows() -> None:
    run = walkers(NONE)
    visible = run.sight.visible > 0
    assert len(run.found.frame) == visible.sum()
    assert iou(run.found.boxes, run.sight.box[visible]).min() > 0.999


def test_misses_are_as_many_as_asked() -> None:
    run = walkers(replace(LONELY, bursts_per_s=0.0, score_small=(0.5, 0.9)))
    missed = 1 - len(run.found.frame) / (run.sight.visible > 0.65).sum()
    assert missed == pytest.approx(0.05, abs=0.012)


def test_bursts_of_misses_are_as_many_and_as_long_as_asked() -> None:
    certain = replace(LONELY, miss=0.0, sight=(0.0, 1e-6), score_hidden=(0.5, 0.9), score_small=(0.5, 0.9))
    noise = replace(certain, bursts_per_s=0.2, burst_s=(0.4, 0.8))
    run = walkers(noise)
    seen: dict[int, list[int]] = {}
    for frame, person in zip(run.found.frame.tolist(), run.found.person.tolist(), strict=True):
        seen.setdefault(person, []).append(frame)
    gaps = [b - a - 1 for frames in seen.values() for a, b in pairwise(frames) if b - a > 1]
    seconds = (run.sight.visible > 0).sum() / 10
    assert len(gaps) / seconds == pytest.approx(0.2, abs=0.07)
    assert min(gaps) >= 3
    assert np.mean(gaps) == pytest.approx(6.0, abs=1.0)


def test_jitter_and_its_memory_are_as_asked() -> None:
    """Per edge, in body heights; no jitter makes a box leave the picture."""
    run = walkers(replace(LONELY, miss=0.0, bursts_per_s=0.0, sight=(0.0, 1e-6), score_small=(0.9, 0.9)))
    keys = {
        key: k for k, key in enumerate(zip(run.found.frame.tolist(), run.found.person.tolist(), strict=True))
    }
    whole = np.flatnonzero(run.sight.visible == 1.0)
    rows = [
        (keys[run.sight.frame[i], run.sight.person[i]], i)
        for i in whole
        if (run.sight.frame[i], run.sight.person[i]) in keys
    ]
    a, b = np.array(rows).T
    off = (run.found.boxes[a] - run.sight.box[b]) / (run.sight.full[b, 3] - run.sight.full[b, 1])[:, None]
    off[:, [0, 2]] *= FAR.camera.aspect
    assert off.std(0) == pytest.approx(np.array(DEFAULT.jitter), rel=0.12)
    order = np.lexsort((run.sight.frame[b], run.sight.person[b]))
    off, person = off[order], run.sight.person[b][order]
    follow = person[1:] == person[:-1]
    kept = (off[1:] * off[:-1])[follow].mean(0) / off.var(0)
    assert kept == pytest.approx(np.exp(-0.1 / DEFAULT.correlation_s), abs=0.08)
    assert run.found.boxes.min() >= 0
    assert run.found.boxes.max() <= 1


def test_the_fit_finds_the_noise_that_was_put_in() -> None:
    """The loop closes: what `fit_noise` reads from a clip is what the simulator then does."""
    run = walkers(replace(LONELY, miss=0.02))
    fit = fit_noise(run.frames(), FAR.camera.aspect)
    assert fit.noise.jitter == pytest.approx(DEFAULT.jitter, rel=0.25)
    assert fit.noise.correlation_s == pytest.approx(DEFAULT.correlation_s, rel=0.4)
    assert fit.noise.miss == pytest.approx(0.02, abs=0.01)
    assert fit.noise.bursts_per_s == pytest.approx(DEFAULT.bursts_per_s, rel=0.4)
    assert fit.noise.score_small == pytest.approx((0.35, 0.84), abs=0.06)


def test_a_clip_with_hardly_anybody_is_refused() -> None:
    with pytest.raises(ValueError, match="use a longer one"):
        fit_noise(islice(walkers(LONELY).frames(), 300), FAR.camera.aspect)


def test_false_boxes_come_at_their_rate_and_faintly() -> None:
    noise = replace(LONELY, clutter=2, clutter_share=0.5, doubles=0.1)
    run = walkers(noise)
    nobody = run.found.person == NOBODY
    expected = 2 * 0.5 * len(run.times) + 0.1 * (~nobody).sum()
    assert nobody.sum() == pytest.approx(expected, rel=0.05)
    assert run.found.scores[nobody].max() <= noise.score_faint[1]


def test_people_half_hidden_score_low_and_are_missed_more() -> None:
    run = walkers(LONELY)
    sight = replace(run.sight, visible=np.full_like(run.sight.visible, 0.35))
    hidden = detect(sight, run.times, LONELY, FAR.camera.aspect, np.random.default_rng(1))
    assert len(hidden.frame) < 0.5 * len(run.found.frame)
    assert np.median(hidden.scores) < 0.45 < np.median(run.found.scores)


def test_two_people_in_one_place_become_one_box() -> None:
    plans = [
        Plan(0.0, (-6.0, 0.0 + dy), (Leg(6.0, dy, 1.2),), Body(1.7, 0.5), "pair", 0) for dy in (0.0, 0.5)
    ]
    apart = simulate(FAR, plans, seed=1, timing=STEADY, noise=replace(NONE, nms_iou=1.0))
    merged = simulate(FAR, plans, seed=1, timing=STEADY, noise=replace(NONE, merge=1.0, merge_iou=0.2))
    both = np.bincount(apart.found.frame, minlength=len(apart.times)) == 2
    one = np.bincount(merged.found.frame, minlength=len(apart.times)) == 1
    assert (both & one).sum() > 10
    frame = int(np.flatnonzero(both & one)[0])
    union = apart.found.boxes[apart.found.frame == frame]
    box = merged.found.boxes[merged.found.frame == frame][0]
    assert box == pytest.approx(np.concatenate([union[:, :2].min(0), union[:, 2:].max(0)]))
