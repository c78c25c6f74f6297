"""A live frame's time: its own stamp where it can be trusted, its arrival where not, never backwards."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.capture.stream_time import StreamTime


def test_a_burst_of_late_frames_keeps_its_true_distances():
    """A switch holds five frames back for half a second; by arrival they would all be one moment."""
    stream = StreamTime()
    arrivals = [100.0 + k / 10 for k in range(20)]
    arrivals[10:15] = [101.6] * 5
    times = [stream.place(k / 10, arrival)[0] for k, arrival in enumerate(arrivals)]
    steps = [later - earlier for earlier, later in pairwise(times)]
    assert min(steps) > 0.09
    assert max(steps) < 0.11


def test_a_camera_that_first_sends_its_buffer_settles_on_the_least_delay():
    stream = StreamTime()
    times = [stream.place(k / 10, 50.0 + 0.001 * k)[0] for k in range(10)]
    assert all(later > earlier for earlier, later in pairwise(times))
    assert times[-1] == pytest.approx(50.009, abs=0.002)
    assert stream.place(1.0, 50.109)[0] == pytest.approx(50.109, abs=0.002)


@pytest.mark.parametrize("per_million", [-200, 200])
def test_a_camera_whose_quartz_runs_wrong_is_followed_for_hours(per_million):
    stream = StreamTime()
    worst = 0.0
    for k in range(2 * 3600 * 5):
        arrival = 1000 + k / 5
        t, jumped = stream.place(k / 5 * (1 + per_million / 1e6), arrival)
        assert not jumped
        worst = max(worst, abs(t - arrival))
    assert worst < 0.05, f"{worst:.3f} s away from the arrival"


@pytest.mark.parametrize("stamp", [500.0, 0.0], ids=["camera's clock set forward", "and back"])
def test_a_jump_of_the_camera_s_own_clock_is_a_discontinuity(stamp):
    stream = StreamTime()
    for k in range(10):
        assert stream.place(10 + k / 10, 100 + k / 10)[1] is False
    assert stream.place(stamp, 101.0) == (101.0, True)
    assert stream.place(stamp + 0.1, 101.1)[0] == pytest.approx(101.1, abs=0.01)


def test_a_camera_that_was_silent_and_goes_on_is_no_jump():
    """The stamps went on as well, so the pipeline sees the hole in `t` itself."""
    stream = StreamTime()
    stream.place(0.0, 100.0)
    t, jumped = stream.place(4.0, 104.0)
    assert (round(t, 2), jumped) == (104.0, False)


@pytest.mark.parametrize("stamps", [[None] * 5, [0.0] * 5], ids=["no stamps", "stamps that stand still"])
def test_without_useful_stamps_the_arrival_counts(stamps):
    stream = StreamTime()
    assert [stream.place(stamp, 10.0 + k)[0] for k, stamp in enumerate(stamps)] == [10, 11, 12, 13, 14]


@given(
    st.lists(
        st.tuples(st.none() | st.floats(-1e6, 1e6), st.floats(0, 10)),
        min_size=2,
        max_size=50,
    )
)
def test_whatever_a_camera_stamps_time_goes_on_and_stays_near_the_arrival(frames):
    stream, arrival, last = StreamTime(), 1e6, 0.0
    for stamp, wait in frames:
        arrival += wait
        t, _ = stream.place(stamp, arrival)
        assert t > last
        assert abs(t - arrival) <= 2.0 + 0.001 * len(frames)
        last = t
