"""Steady UTC, and the wall clock's steps."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.clock import STEP_S, SteadyClock, StepWatch, believable

YEAR_S = 365 * 86_400.0


def test_it_is_utc_and_the_same_in_every_process():
    clock = SteadyClock.start()
    assert clock.now() == pytest.approx(time.time(), abs=0.05)
    assert SteadyClock(clock.offset).now() == pytest.approx(clock.now(), abs=0.05)


@pytest.mark.parametrize("step", [YEAR_S, -YEAR_S, 3.0, -3.0])
def test_a_step_is_told_once_and_makes_the_scale_untrusted(step):
    watch = StepWatch()
    assert watch.look(wall=1000.0, steady=1000.0) is None
    told = watch.look(wall=1001.0 + step, steady=1001.0)
    assert told is not None
    assert told.seconds == pytest.approx(step)
    assert not watch.trusted
    assert watch.look(wall=1002.0 + step, steady=1002.0) is None


def test_stepping_back_makes_it_trusted_again():
    watch = StepWatch()
    watch.look(wall=5000.0, steady=1000.0)
    told = watch.look(wall=1001.0, steady=1001.0)
    assert told is not None
    assert told.seconds == pytest.approx(-4000)
    assert watch.trusted


@given(st.lists(st.floats(-0.9, 0.9), max_size=50))
def test_jitter_between_the_two_readings_is_no_step(jitter):
    watch = StepWatch()
    assert STEP_S > 1.8
    assert [watch.look(k + shake, float(k)) for k, shake in enumerate(jitter)] == [None] * len(jitter)


def test_a_clock_that_was_never_set_is_not_believed():
    assert believable(time.time())
    assert not believable(0.0)
