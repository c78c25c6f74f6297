"""Quantiles of dwell from histograms, with visits whose real length is not known."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.dwell import Stay, quantile
from pipelines.records import DWELL_EDGES_S
from pipelines.windows import dwell_bin

NONE = (0,) * len(DWELL_EDGES_S)


def bins(stays: list[float]) -> list[int]:
    counts = [0] * len(DWELL_EDGES_S)
    for stay in stays:
        counts[dwell_bin(stay)] += 1
    return counts


def test_nobody_stayed_no_median() -> None:
    assert quantile(NONE, NONE, 0.5) is None


def test_a_textbook_life_table() -> None:
    """10 at risk; 2-3 s: 2 ended, 2 unseen, so 9 exposed and 7/9 stay on; 5-8 s: 3 of 6 ended: 7/18."""
    complete = bins([2.5, 2.5, 6, 6, 6, 50, 50, 50])
    censored = bins([2.2, 2.2])
    median = quantile(complete, censored, 0.5)
    assert median is not None
    assert median.seconds == pytest.approx(5 + 3 * (7 / 9 - 0.5) / (7 / 18))


def test_too_many_unseen_ends_give_only_a_lower_bound() -> None:
    assert quantile(bins([4.0]), bins([25.0] * 9), 0.5) == Stay(20.0, at_least=True)


def test_the_open_last_bin_gives_only_a_lower_bound() -> None:
    assert quantile(bins([4000.0, 5000.0, 3.0]), NONE, 0.5) == Stay(3600.0, at_least=True)


def test_a_histogram_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="has 17 bins"):
        quantile((1, 2), (0, 0), 0.5)


@given(st.lists(st.floats(0, 3599), min_size=1, max_size=60), st.floats(0.05, 0.95))
def test_with_every_end_seen_it_lies_in_the_bin_of_the_sample_quantile(stays: list[float], q: float) -> None:
    found = quantile(bins(stays), NONE, q)
    assert found is not None
    ordered = sorted(stays)
    rank = next(i for i in range(len(ordered)) if (i + 1) / len(ordered) >= q - 1e-12)
    edge = dwell_bin(ordered[rank])
    assert DWELL_EDGES_S[edge] <= found.seconds <= DWELL_EDGES_S[edge + 1] + 1e-9, (found, ordered[rank])


@given(
    st.lists(st.floats(0, 3599), min_size=1, max_size=40),
    st.lists(st.floats(0, 3599), max_size=40),
    st.floats(0.05, 0.95),
)
def test_an_unseen_end_never_makes_stays_shorter(ended: list[float], unseen: list[float], q: float) -> None:
    as_complete, as_censored = (
        quantile(bins(ended + unseen), NONE, q),
        quantile(bins(ended), bins(unseen), q),
    )
    assert as_complete is not None
    assert as_censored is not None
    assert as_censored.at_least or as_censored.seconds >= as_complete.seconds - 1e-6
