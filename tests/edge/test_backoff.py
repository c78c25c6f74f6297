"""Waits grow, have an end, and differ from camera to camera."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from edge.backoff import FIRST_S, LONGEST_S, Backoff


@given(st.integers(0, 2**32), st.integers(1, 2000))
def test_waits_stay_between_their_bounds(seed, failures):
    backoff = Backoff(random.Random(seed))
    waits = [backoff.next() for _ in range(failures)]
    assert all(FIRST_S / 2 <= wait <= LONGEST_S for wait in waits)
    assert all(wait >= LONGEST_S / 2 for wait in waits[6:])
    backoff.reset()
    assert backoff.next() <= FIRST_S


def test_sixteen_cameras_do_not_come_back_together():
    waits = {round(Backoff(random.Random(seed)).next(), 3) for seed in range(16)}
    assert len(waits) > 12
