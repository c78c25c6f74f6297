"""Frames are chosen by their time stamps: never faster than asked, evenly, without drift."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.sampling import Pace


def chosen(fps: float, stamps: list[float]) -> list[float]:
    pace = Pace(fps)
    return [t for t in stamps if pace.due(t)]


def stream(rate: float, seconds: float, start: float = 0.0) -> list[float]:
    """A camera's time stamps, in whole milliseconds."""
    return [round(start + i / rate, 3) for i in range(int(seconds * rate))]


@given(st.floats(1, 60), st.floats(1, 60), st.floats(0, 1e9))
def test_of_any_rate_as_many_are_chosen_as_asked_or_as_there_are(
    rate: float, fps: float, start: float
) -> None:
    taken = chosen(fps, stream(rate, 60, start))
    assert len(taken) == pytest.approx(60 * min(rate, fps), abs=0.12 * 60 * min(rate, fps) + 2)
    assert len(taken) <= 60 * fps + 2


@pytest.mark.parametrize(
    ("rate", "fps"), [(25, 10), (30, 10), (15, 10), (29.97, 10), (12.5, 5), (10, 3), (24, 10)]
)
def test_over_an_hour_the_pace_does_not_drift(rate: float, fps: float) -> None:
    taken = chosen(fps, stream(rate, 3600))
    assert len(taken) == pytest.approx(3600 * fps, abs=3)


@pytest.mark.parametrize("rate", [10, 12.5, 15, 25, 29.97])
def test_at_the_camera_s_own_rate_every_frame_is_taken_though_stamps_are_rounded(rate: float) -> None:
    stamps = stream(rate, 600)
    assert chosen(rate, stamps) == stamps


@pytest.mark.parametrize(("rate", "fps"), [(25, 10), (30, 10), (30, 5), (15, 5)])
def test_chosen_frames_are_evenly_apart_to_within_a_frame_of_the_camera(rate: float, fps: float) -> None:
    gaps = [b - a for a, b in pairwise(chosen(fps, stream(rate, 60)))]
    assert max(gaps) <= 1 / fps + 1 / rate + 0.002
    assert min(gaps) >= 1 / fps - 1 / rate - 0.002


@pytest.mark.parametrize("seed", range(5))
def test_a_trembling_camera_is_analysed_at_the_pace_all_the_same(seed: int) -> None:
    rng = random.Random(seed)
    stamps = sorted(t + rng.uniform(-0.015, 0.015) for t in stream(25, 300))
    assert len(chosen(10, stamps)) == pytest.approx(3000, rel=0.02)


def test_after_a_pause_the_pace_does_not_hurry_to_catch_up() -> None:
    stamps = stream(25, 10) + stream(25, 10, start=60.0)
    after = [t for t in chosen(10, stamps) if t >= 60]
    assert len(after) == pytest.approx(100, abs=2)


def test_when_the_stream_begins_anew_its_first_frame_is_taken() -> None:
    pace = Pace(10)
    for t in stream(25, 100):
        pace.due(t)
    assert [t for t in stream(25, 10) if pace.due(t)][:3] == pytest.approx([0.0, 0.12, 0.2], abs=0.041)


def test_of_two_frames_with_one_stamp_one_is_taken() -> None:
    assert chosen(10, [0.0, 0.0, 0.1, 0.1, 0.2, 0.2]) == [0.0, 0.1, 0.2]
