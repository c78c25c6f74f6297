"""Waits grow, have an end, and differ from camera to camera."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from sync.backoff import FIRST_S, LONGEST_S, Backoff


@given(st.integers(0, 2**32), st.integers(1, 2000))
def test_waits_stay_between_their_bounds(seed, failures):
    backoff = Backoff(chance=random.Random(seed))
    waits = [backoff.next() for _ in range(failures)]
    assert all(FIRST_S / 2 <= wait <= LONGEST_S for wait in waits)
    assert all(wait >= LONGEST_S / 2 for wait in waits[6:])
    backoff.reset()
    assert backoff.next() <= FIRST_S


def test_sixteen_cameras_do_not_come_back_together():
    waits = {round(Backoff(chance=random.Random(seed)).next(), 3) for seed in range(16)}
    assert len(waits) > 12


def test_waits_double_up_to_the_longest_and_never_fall_below_half() -> None:
    backoff = Backoff(1, 60, chance=random.Random(1))
    waits = [backoff.next() for _ in range(10)]
    assert all(
        full / 2 <= wait <= full for wait, full in zip(waits, [1, 2, 4, 8, 16, 32] + [60] * 4, strict=True)
    )
    backoff.reset()
    assert backoff.next() <= 1
