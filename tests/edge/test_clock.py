"""Steady UTC, and what the system says of its clocks."""

from __future__ import annotations

import time

import pytest

from edge.clock import SteadyClock, believable, boot_id, clock_synchronised, steady_seconds


def test_it_is_utc_and_the_same_in_every_process():
    clock = SteadyClock.start()
    assert clock.now() == pytest.approx(time.time(), abs=0.05)
    assert SteadyClock(clock.offset).now() == pytest.approx(clock.now(), abs=0.05)
    assert steady_seconds() + clock.offset == pytest.approx(clock.now(), abs=0.05)


def test_a_clock_that_was_never_set_is_not_believed():
    assert believable(time.time())
    assert not believable(0.0)


def test_the_kernel_tells_its_boot_and_whether_a_time_server_keeps_the_clock():
    assert boot_id() == boot_id()
    assert clock_synchronised() in {True, False, None}
