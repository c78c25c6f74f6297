"""Of those who pass a counter, how many stop at it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.layout import CameraLayout, Gate, Zone
from pipelines.turn_in import FEWEST, passers_of, turn_in


def test_a_rate_comes_with_what_it_is_made_of():
    found = turn_in(visits=18, staff_visits=3, passers_by=50)
    assert (found.visits, found.passers_by, found.rate) == (15, 50, 0.3)
    assert (found.low, found.high) == pytest.approx((0.191, 0.4375), abs=1e-4)


def test_of_few_passers_by_no_rate_is_told():
    found = turn_in(3, 0, FEWEST - 1)
    assert (found.visits, found.passers_by, found.rate, found.low) == (3, FEWEST - 1, None, None)


def test_more_visits_than_passers_by_mean_that_the_gate_does_not_cover_the_way():
    assert turn_in(60, 0, 50).rate is None


@given(st.integers(0, 500), st.integers(0, 500), st.integers(0, 500))
def test_a_rate_is_a_share_within_its_interval(visits, staff, passers_by):
    found = turn_in(visits, staff, passers_by)
    assert found.visits >= 0
    if found.rate is None:
        assert passers_by < FEWEST or visits - staff > passers_by
    else:
        assert 0 <= found.low <= found.rate <= found.high <= 1


CORNERS = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0))
AISLE, MALL = Zone("aisle", "passby", CORNERS), Gate("mall", (0, 0), (1, 1), "right")


@pytest.mark.parametrize(
    ("named", "zones", "expected"),
    [
        pytest.param("mall", (AISLE,), ("gate", "mall"), id="the gate that it names"),
        pytest.param("aisle", (AISLE,), ("zone", "aisle"), id="the zone that it names"),
        pytest.param(None, (AISLE,), ("zone", "aisle"), id="the only passby zone"),
        pytest.param(None, (), None, id="never just any gate"),
        pytest.param(None, (AISLE, Zone("hall", "passby", CORNERS)), None, id="not one of two"),
    ],
)
def test_passers_by_are_counted_at(named, zones, expected):
    counter = Zone("lancome", "counter", CORNERS, passby=named)
    plan = CameraLayout("cam-1", gates=(MALL,), zones=(counter, *zones))
    assert passers_of(plan, counter) == expected
    assert passers_of(plan, AISLE) is None
