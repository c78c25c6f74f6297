"""A window that should not be trusted says why; one that should is not slandered."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.quality import (
    REASONS,
    Evidence,
    identities_per_person,
    littles_mean,
    percentiles_hold,
    quality,
)
from pipelines.records import Pass, Pulse, Visit
from pipelines.shares import wilson
from tests.sim import scenarios
from tests.sim.replay import facts
from tests.sim.simulation import Simulation

FINE = Evidence(
    3600, 3600, frames=36_000, persons_peak=4, crossings=200, inferred=4, identities=210, broken=10,
    person_seconds=6_200, arrivals=100, stays=105, stay_seconds=6_150,
)  # fmt: skip
WORTH = {"none": 0, "poor": 1, "fair": 2, "good": 3}

counts = st.integers(0, 500)
seconds = st.floats(0, 1e5)
evidence = st.builds(
    Evidence, length_s=st.floats(1, 86_400), observed_s=st.floats(0, 86_400), frames=st.integers(0, 864_000),
    persons_peak=st.integers(0, 30), crossings=counts, inferred=counts, identities=counts, broken=counts,
    person_seconds=seconds, arrivals=counts, stays=counts, stay_seconds=seconds, drift=counts,
    clock_trusted=st.booleans(),
)  # fmt: skip


def test_an_hour_fully_seen_at_ten_frames_a_second_is_good():
    found = quality(FINE)
    assert (found.confidence, found.reasons) == ("good", ())
    assert (found.fps, found.coverage, found.inferred_share) == (10.0, 1.0, 0.02)
    assert found.identities_per_entry == pytest.approx(210 / 200)


def test_what_nobody_observed_has_no_figures_at_all():
    found = quality(Evidence(60, 0))
    assert (found.confidence, found.reasons) == ("none", ("nothing_seen",))
    assert (found.fps, found.coverage, found.inferred_share, found.identities_per_entry) == (
        None, 0.0, None, None,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("change", "confidence", "reasons"),
    [
        pytest.param({"observed_s": 3500, "frames": 35_000}, "good", (), id="1.7 minutes unseen"),
        pytest.param({"observed_s": 3300, "frames": 33_000}, "fair", ("part_seen",), id="5 minutes unseen"),
        pytest.param({"observed_s": 2700, "frames": 27_000}, "poor", ("part_seen",), id="a quarter unseen"),
        pytest.param({"frames": 17_600}, "good", (), id="a camera set to 5 that gives 4.9"),
        pytest.param({"frames": 14_400}, "fair", ("slow",), id="several people at 4 frames a second"),
        pytest.param({"frames": 14_400, "persons_peak": 1}, "good", (), id="single people at 4"),
        pytest.param({"frames": 7_200, "persons_peak": 1}, "poor", ("slow",), id="anybody at 2"),
        pytest.param({"inferred": 70}, "fair", ("inferred",), id="a third inferred"),
        pytest.param({"inferred": 130}, "poor", ("inferred",), id="two thirds inferred"),
        pytest.param({"crossings": 3, "inferred": 1}, "good", (), id="one of three inferred"),
        pytest.param({"broken": 70}, "fair", ("fragmented",), id="1.5 identities a person"),
        pytest.param({"broken": 140}, "poor", ("fragmented",), id="3 identities a person"),
        pytest.param({"identities": 3, "broken": 1}, "good", (), id="one of three tracks broken"),
        pytest.param({"stays": 140}, "fair", ("littles_law",), id="tracks' mean at 0.71 of Little's"),
        pytest.param({"stays": 260}, "poor", ("littles_law",), id="tracks' mean at 0.38 of Little's"),
        pytest.param({"drift": 24}, "fair", ("drift",), id="12 % of the crossings were wrong"),
        pytest.param({"clock_trusted": False}, "poor", ("clock_untrusted",), id="the clock was never set"),
        pytest.param(
            {"inferred": 70, "observed_s": 2700, "frames": 27_000}, "poor", ("part_seen", "inferred"),
            id="the gravest first",
        ),
        pytest.param(
            {"inferred": 130, "observed_s": 3300, "frames": 33_000}, "poor", ("inferred", "part_seen"),
            id="the gravest first, whatever the order of the list",
        ),
    ],
)  # fmt: skip
def test_a_window_says_why_it_should_not_be_trusted(change, confidence, reasons):
    found = quality(replace(FINE, **change))
    assert (found.confidence, found.reasons) == (confidence, reasons), found


@given(evidence, st.floats(0.1, 86_400))
def test_more_blind_time_never_raises_confidence(seen, blind_s):
    before, after = quality(seen), quality(seen + Evidence(blind_s, 0))
    assert WORTH[after.confidence] <= WORTH[before.confidence], (before, after)
    assert after.coverage <= before.coverage


@given(evidence)
def test_every_verdict_below_good_has_a_known_reason_and_good_has_none(seen):
    found = quality(seen)
    assert (found.confidence == "good") == (found.reasons == ())
    assert set(found.reasons) <= set(REASONS)
    assert 0 <= found.coverage <= 1
    assert found.inferred_share is None or 0 <= found.inferred_share <= 1


@given(st.lists(evidence, max_size=5))
def test_stretches_may_be_added_in_any_order(parts):
    forth, back = Evidence.of(parts), Evidence.of(reversed(parts))
    assert forth == replace(
        back, length_s=pytest.approx(back.length_s), observed_s=pytest.approx(back.observed_s),
        person_seconds=pytest.approx(back.person_seconds), stay_seconds=pytest.approx(back.stay_seconds),
    )  # fmt: skip


# ---- Little's law ---------------------------------------------------------------------------------------


@given(st.lists(st.floats(5, 600), min_size=20, max_size=60), st.integers(2, 6))
def test_broken_tracks_shorten_the_mean_of_the_tracks_but_not_littles(stays, pieces):
    """Everybody stays for some time; identities are lost so that each stay falls into `pieces`."""
    whole = Evidence(
        3600, 3600, 36_000, person_seconds=sum(stays), arrivals=len(stays), stays=len(stays),
        stay_seconds=sum(stays),
    )  # fmt: skip
    torn = replace(whole, stays=pieces * len(stays))
    assert littles_mean(torn.person_seconds, torn.arrivals) == pytest.approx(sum(stays) / len(stays))
    assert percentiles_hold(whole)
    assert quality(whole).confidence == "good"
    assert not percentiles_hold(torn)
    assert quality(torn).reasons == ("littles_law",)


def test_nobody_came_so_there_is_no_mean():
    assert littles_mean(120.0, 0) is None


def test_too_few_arrivals_say_nothing_about_the_tracks():
    few = replace(FINE, arrivals=10, stays=40, person_seconds=620, stay_seconds=615)
    assert percentiles_hold(few)


def test_passers_whose_going_was_noticed_late_do_not_look_broken():
    """A stay of 3 s that was lost is present for a while more until it is certain that it is over."""
    short = replace(FINE, arrivals=100, stays=100, stay_seconds=300, person_seconds=395)
    assert percentiles_hold(short)


def stays_of(sim: Simulation) -> dict[str, Evidence]:
    """What the zones' figures of a run rest on."""
    found: dict[str, Evidence] = defaultdict(lambda: Evidence(sim.duration_s, sim.duration_s, 10**9))
    for fact in facts(sim):
        match fact:
            case Pulse():
                for name, zone in fact.zones.items():
                    found[name] += Evidence(0, 0, person_seconds=zone.person_seconds)
            case Visit():
                found[fact.zone] += Evidence(
                    0, 0, arrivals=int(fact.arrived), stays=1, stay_seconds=fact.t_out - fact.t_in
                )
            case Pass():
                found[fact.zone] += Evidence(
                    0, 0, arrivals=int(fact.arrived), stays=1, stay_seconds=fact.seconds
                )
    return found


def test_at_a_simulated_counter_littles_law_agrees_with_the_truth_where_tracks_hold():
    """In the aisle and the queue's zone nobody hides anybody for long; behind the counter the goods do, and
    Little's law says so."""
    sim = scenarios.counter_island(persons=150)
    zones = stays_of(sim)
    for name in ("aisle-walk", "queue"):
        seen = zones[name]
        true = fmean(visit.dwell_s for visit in sim.truth.visits if visit.zone == name)
        little = littles_mean(seen.person_seconds, seen.arrivals)
        assert little == pytest.approx(true, rel=0.12), name
        assert percentiles_hold(seen), name
    staff = zones["staff"]
    little = littles_mean(staff.person_seconds, staff.arrivals)
    assert staff.stay_seconds / staff.stays < 0.9 * little, (
        f"{staff.stay_seconds / staff.stays:.0f} of {little:.0f} s"
    )


# ---- shares ---------------------------------------------------------------------------------------------


def test_identities_per_person():
    assert identities_per_person(0, 0) is None
    assert identities_per_person(10, 0) == 1.0
    assert identities_per_person(15, 5) == 1.5
    assert identities_per_person(3, 4) == 3.0, "the breaks of a minute may be those of earlier tracks"


@pytest.mark.parametrize(
    ("part", "whole", "low", "high"),
    [(0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (10, 10, 0.7225, 1.0), (15, 50, 0.1910, 0.4375)],
)
def test_wilsons_interval_is_that_of_the_books(part, whole, low, high):
    assert wilson(part, whole) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilsons_interval_holds_the_share_and_stays_a_share(pair):
    part, whole = pair
    low, high = wilson(part, whole)
    assert 0 <= low <= part / whole + 1e-12
    assert part / whole - 1e-12 <= high <= 1
