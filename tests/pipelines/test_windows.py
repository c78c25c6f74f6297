"""Minutes: the sum of all windows equals the facts, and what nobody observed is told as missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.as_json import window_as_json
from pipelines.counts import HEAT_CELLS_MAX
from pipelines.layout import Area, CameraLayout, Floor, Gate, Lane, Zone
from pipelines.records import (
    DWELL_EDGES_S,
    CameraWindow,
    Crossing,
    Event,
    Fact,
    GateWindow,
    HeatWindow,
    LaneWindow,
    OccupancyWindow,
    Party,
    Pass,
    Pulse,
    VehiclePassage,
    Visit,
    Window,
    ZonePulse,
    ZoneWindow,
)
from pipelines.windows import CLOSE_LAG_S, Minutes, dwell_bin, minute_of
from tests.build import WHOLE, frames, gate, layout, only, rectangle, walk, watch, zone

DOOR = Gate("door", (0.5, 0.0), (0.5, 1.0), "right")
BACK = Gate("back", (0.0, 0.5), (1.0, 0.5), "right")
COUNTER = Zone("counter", "counter", WHOLE, 2.0)
EXIT = Lane("exit-1", "exit", "down")
LAYOUTS = (
    CameraLayout("cam-1", gates=(DOOR, BACK), zones=(COUNTER,)),
    CameraLayout("cam-2", gates=(DOOR,)),
    CameraLayout("cam-9", lanes=(EXIT,)),
)

times = st.floats(0, 900, allow_nan=False)
crossings = st.builds(
    Crossing, st.just("cam-1"), st.sampled_from(["door", "back"]), st.sampled_from(["in", "out"]), times,
    st.integers(1, 99), st.booleans(), st.booleans(),
)  # fmt: skip
parties = st.builds(Party, st.just("cam-1"), st.sampled_from(["door", "back"]), times, st.integers(1, 5))
visits = st.builds(
    lambda end, stay, censored, arrived: Visit(
        "cam-1", "counter", end - stay, end, censored, "left", "unknown", 1, arrived
    ),
    times, st.floats(0, 4000), st.booleans(), st.booleans(),
)  # fmt: skip
passes = st.builds(
    Pass, st.just("cam-1"), st.just("counter"), times, st.floats(0, 2), st.booleans()
)  # fmt: skip
vehicles = st.builds(
    VehiclePassage, st.just("exit-1"), st.sampled_from(["up", "down", "left", "right"]), times,
    st.integers(1, 99), st.just("cam-9"), st.booleans(),
)  # fmt: skip
pulses = st.builds(
    lambda t, observed, frames, persons, broken, heat: Pulse(
        "cam-1", t, observed, frames, persons, persons, persons * observed,
        {"counter": ZonePulse(persons, persons, persons * observed)}, {}, persons + broken, broken,
        heat,
    ),
    st.floats(1, 900), st.floats(0.05, 1.0), st.integers(0, 25), st.integers(0, 5), st.integers(0, 2),
    st.dictionaries(st.tuples(st.integers(-2, 2), st.integers(0, 3)), st.floats(0.001, 3), max_size=5),
)  # fmt: skip
facts_in_any_order = st.lists(st.one_of(crossings, parties, visits, passes, vehicles, pulses), max_size=60)


def windows(sealed: Iterable[tuple[int, Sequence[Window]]]) -> list[Window]:
    return [window for _, minute in sealed for window in minute]


def totals(found: Iterable[Window]) -> Counter[str]:
    """Everything that windows count, added up."""
    total: Counter[str] = Counter()
    for window in found:
        match window:
            case GateWindow():
                total[f"{window.camera} {window.id} in"] += window.entries
                total[f"{window.camera} {window.id} out"] += window.exits
                total[f"{window.camera} {window.id} inferred"] += window.inferred
                total[f"{window.camera} {window.id} u_turns"] += window.u_turns
                total[f"{window.camera} {window.id} parties"] += window.parties
            case ZoneWindow():
                total["visits"] += window.visits
                total["passes"] += window.passes
                total["arrivals"] += window.arrivals
                total["pass ms"] += round(window.pass_seconds * 1000)
                total["zone ms"] += round(window.person_seconds * 1000)
                total["dwell ms"] += round(window.dwell_seconds * 1000)
                for i, (whole, censored) in enumerate(zip(window.dwell, window.dwell_censored, strict=True)):
                    total[f"dwell {i}"] += whole
                    total[f"censored {i}"] += censored
            case CameraWindow():
                total["frames"] += window.frames
                total["ms"] += round(window.person_seconds * 1000)
                total["identities"] += window.identities
                total["broken"] += window.broken
            case HeatWindow():
                for column, row, seconds in window.cells:
                    total[f"heat {column},{row} ms"] += round(seconds * 1000)
            case LaneWindow():
                for way in ("up", "down", "left", "right", "wrong_way"):
                    total[way] += getattr(window, way)
    return +total


def counted(facts: Iterable[Fact]) -> Counter[str]:
    """The same, straight from the facts."""
    total: Counter[str] = Counter()
    for fact in facts:
        match fact:
            case Crossing():
                total[f"{fact.camera} {fact.gate} {fact.direction}"] += 1
                total[f"{fact.camera} {fact.gate} inferred"] += fact.inferred
                total[f"{fact.camera} {fact.gate} u_turns"] += fact.u_turn
            case Party():
                total[f"{fact.camera} {fact.gate} parties"] += 1
            case Visit():
                stay = fact.t_out - fact.t_in
                total["visits"] += 1
                total["dwell ms"] += round(stay * 1000)
                total[f"{'censored' if fact.censored else 'dwell'} {dwell_bin(stay)}"] += 1
                total["arrivals"] += fact.arrived
            case Pass():
                total["passes"] += 1
                total["pass ms"] += round(fact.seconds * 1000)
                total["arrivals"] += fact.arrived
            case VehiclePassage():
                total[fact.direction] += 1
                total["wrong_way"] += fact.wrong_way
            case Pulse():
                total["frames"] += fact.frames
                total["ms"] += round(fact.person_seconds * 1000)
                total["zone ms"] += round(fact.zones["counter"].person_seconds * 1000)
                total["identities"] += fact.identities
                total["broken"] += fact.broken
                for (column, row), seconds in fact.heat.items():
                    total[f"heat {column},{row} ms"] += round(seconds * 1000)
            case Event():
                pass
    return +total


def assert_equal_sums(found: Counter[str], meant: Counter[str]) -> None:
    for key in found.keys() | meant.keys():
        slack = 70 if key.endswith("ms") else 0  # every window is rounded to a millisecond
        assert abs(found[key] - meant[key]) <= slack, (key, found[key], meant[key])


@settings(deadline=None)
@given(facts_in_any_order, st.lists(st.integers(0, 60), max_size=8), st.sampled_from([None, 0.0, 300.0]))
def test_the_sum_of_all_windows_equals_the_facts_in_any_order_and_wherever_minutes_are_sealed(
    facts: list[Fact], seal_after: list[int], sealed_before: float | None
) -> None:
    minutes, found = Minutes(LAYOUTS, sealed_before), []
    for i, fact in enumerate(facts):
        minutes.add(fact)
        if i in seal_after:
            found += windows(minutes.seal(fact.t + CLOSE_LAG_S + 60))
    found += windows(minutes.close())
    assert_equal_sums(totals(found), counted(facts))


@settings(deadline=None)
@given(facts_in_any_order, st.lists(times, max_size=8))
def test_each_minute_is_made_once_in_order_and_whole(facts: list[Fact], nows: list[float]) -> None:
    minutes, starts = Minutes(LAYOUTS), []
    for fact, now in zip(facts, [*sorted(nows), *[900.0] * len(facts)], strict=False):
        minutes.add(fact)
        starts += [start for start, _ in minutes.seal(now)]
    last = minutes.seal(5000.0)
    starts += [start for start, _ in last]
    assert starts == sorted(set(starts))
    assert not starts or starts == list(range(starts[0], starts[-1] + 60, 60))
    for start, made in last:
        assert [(w.scope, w.camera, w.id, w.start) for w in made] == [
            ("camera", "cam-1", "cam-1", start), ("gate", "cam-1", "door", start),
            ("gate", "cam-1", "back", start), ("zone", "cam-1", "counter", start),
            ("heat", "cam-1", "cam-1", start),
            ("camera", "cam-2", "cam-2", start), ("gate", "cam-2", "door", start),
            ("heat", "cam-2", "cam-2", start),
            ("camera", "cam-9", "cam-9", start), ("lane", "cam-9", "exit-1", start),
        ]  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(st.floats(0, 59.9), st.sampled_from([3, 5, 10]))
def test_the_windows_of_a_scene_say_what_its_records_say_wherever_the_minute_is_cut(
    begin: float, fps: float
) -> None:
    plan = layout(
        gates=[gate((6, 1), (6, 9))], zones=[zone(*rectangle(8, 3, 11, 7), min_stay=2)], camera="cam-1"
    )
    scene = frames(walk((3, 5), (9.5, 5), 6.0, (3, 5)), walk((12, 6), (3, 6), start=4.0), fps=fps)
    facts = watch(plan, ((t + begin, seen) for t, seen in scene))
    minutes = Minutes([plan], sealed_before=0.0)
    for fact in facts:
        minutes.add(fact)
    made = windows(minutes.close())
    records = [fact for fact in facts if isinstance(fact, Crossing)]
    gates = only(GateWindow, made)
    assert sum(w.entries for w in gates) == sum(c.direction == "in" for c in records) == 2
    assert sum(w.exits for w in gates) == sum(c.direction == "out" for c in records) == 1
    assert sum(w.visits for w in only(ZoneWindow, made)) == len(only(Visit, facts))
    observed = sum(w.observed_seconds for w in only(CameraWindow, made))
    assert observed == pytest.approx(sum(p.observed_s for p in only(Pulse, facts)), abs=0.002)


# ---- when a minute is sealed ----------------------------------------------------------------------------


def crossing(t: float, camera: str = "cam-1") -> Crossing:
    return Crossing(camera, "door", "in", t, 1)


def test_a_minute_is_sealed_when_it_can_no_longer_change() -> None:
    minutes = Minutes(LAYOUTS)
    minutes.add(crossing(30.0))
    assert minutes.seal(60 + CLOSE_LAG_S - 0.01) == []
    assert [start for start, _ in minutes.seal(60 + CLOSE_LAG_S)] == [0]
    assert minutes.seal(60 + CLOSE_LAG_S) == []


def test_a_late_fact_goes_into_the_oldest_open_minute() -> None:
    minutes = Minutes(LAYOUTS)
    minutes.add(crossing(30.0))
    minutes.seal(130.0)
    minutes.add(crossing(59.0))
    ((start, made),) = minutes.close()
    assert start == 120
    assert sum(w.entries for w in only(GateWindow, made)) == 1


def test_time_that_goes_back_seals_nothing_twice() -> None:
    minutes = Minutes(LAYOUTS)
    minutes.add(crossing(30.0))
    assert len(minutes.seal(200.0)) == 3
    assert minutes.seal(100.0) == []
    assert [start for start, _ in minutes.seal(260.0)] == [180]


def test_after_a_restart_only_minutes_from_there_on_are_made() -> None:
    minutes = Minutes(LAYOUTS, sealed_before=185.0)
    minutes.add(crossing(30.0))
    minutes.add(crossing(200.0))
    ((start, made),) = minutes.close()
    assert start == 180
    assert sum(w.entries for w in only(GateWindow, made)) == 2


def test_before_anything_was_heard_no_minute_is_made() -> None:
    minutes = Minutes(LAYOUTS)
    assert minutes.seal(1e6) == []
    assert minutes.close() == []


def test_a_minute_in_which_nothing_was_heard_is_made_with_nothing_observed() -> None:
    minutes = Minutes(LAYOUTS)
    minutes.add(crossing(30.0))
    sealed = dict(minutes.seal(250.0))
    assert sorted(sealed) == [0, 60, 120, 180]
    for window in sealed[120]:
        line = window_as_json(window)
        assert line["observed_seconds"] == 0
        counts = {k: v for k, v in line.items() if k not in COMMON}
        assert counts
        assert all(value is None for value in counts.values()), counts


COMMON = {"kind", "scope", "camera", "id", "start", "observed_seconds", "quality", "unit"}


def test_minutes_of_more_than_a_day_of_silence_are_left_out() -> None:
    minutes = Minutes(LAYOUTS)
    minutes.add(crossing(30.0))
    minutes.add(crossing(200_000.0))
    starts = [start for start, _ in minutes.seal(200_100.0)]
    assert starts == [0, minute_of(200_000.0)]


def test_an_event_is_no_count() -> None:
    minutes = Minutes(LAYOUTS)
    minutes.add(Event("queue_long", 30.0, "cam-1", "counter"))
    assert minutes.close() == []


# ---- observed seconds -----------------------------------------------------------------------------------


def pulse(t: float, observed: float, camera: str = "cam-1") -> Pulse:
    return Pulse(camera, t, observed, 10, 1, 2, observed, {})


def test_a_pulse_on_the_border_tells_of_the_minute_before() -> None:
    minutes = Minutes(LAYOUTS)
    minutes.add(pulse(60.0, 1.0))
    ((start, made),) = minutes.close()
    assert start == 0
    assert [w.observed_seconds for w in made if w.camera == "cam-1"] == [1.0] * 5


def test_a_minute_never_has_more_than_sixty_observed_seconds() -> None:
    minutes = Minutes(LAYOUTS)
    for i in range(90):
        minutes.add(pulse(0.5 + i / 2, 1.0))
    ((_, made),) = minutes.close()
    assert {w.observed_seconds for w in made if w.camera == "cam-1"} == {60.0}


def test_one_camera_s_observation_is_none_of_another() -> None:
    minutes = Minutes(LAYOUTS)
    minutes.add(pulse(30.0, 1.0))
    ((_, made),) = minutes.close()
    assert {(w.camera, w.observed_seconds) for w in made} == {("cam-1", 1.0), ("cam-2", 0.0), ("cam-9", 0.0)}


def test_two_cameras_gates_of_one_name_are_counted_apart() -> None:
    minutes = Minutes(LAYOUTS)
    minutes.add(crossing(1.0, "cam-1"))
    minutes.add(crossing(2.0, "cam-2"))
    minutes.add(crossing(3.0, "cam-2"))
    ((_, made),) = minutes.close()
    assert [(w.camera, w.entries) for w in only(GateWindow, made) if w.id == "door"] == [
        ("cam-1", 1), ("cam-2", 2),
    ]  # fmt: skip


def test_a_camera_s_peak_is_the_highest_of_its_minute() -> None:
    minutes = Minutes(LAYOUTS)
    minutes.add(Pulse("cam-1", 10.0, 1.0, 10, 1, 4, 2.0, {"counter": ZonePulse(1, 3, 2.0)}))
    minutes.add(Pulse("cam-1", 11.0, 1.0, 10, 2, 2, 2.0, {"counter": ZonePulse(2, 2, 2.0)}))
    ((_, made),) = minutes.close()
    assert [w.peak for w in only(CameraWindow, made)] == [4, 0, 0]
    assert [w.peak for w in only(ZoneWindow, made)] == [3]


# ---- dwell ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "lower_edge"),
    [(0.0, 0), (1.99, 0), (2.0, 2), (2.99, 2), (59.99, 45), (60.0, 60), (3599.9, 1200), (3600.0, 3600)],
)
def test_a_stay_falls_in_the_bin_whose_lower_edge_it_reaches(seconds: float, lower_edge: int) -> None:
    assert DWELL_EDGES_S[dwell_bin(seconds)] == lower_edge


def test_a_visit_belongs_to_the_minute_in_which_it_ended() -> None:
    minutes = Minutes(LAYOUTS)
    minutes.add(Visit("cam-1", "counter", 50.0, 70.5, False, "left", "unknown", 1))
    minutes.add(Visit("cam-1", "counter", 50.0, 80.0, True, "lost", "unknown", 2))
    ((start, made),) = minutes.close()
    (window,) = only(ZoneWindow, made)
    assert start == 60
    assert (window.visits, window.dwell_seconds) == (2, 50.5)
    assert window.dwell[dwell_bin(20.5)] == sum(window.dwell) == 1
    assert window.dwell_censored[dwell_bin(30.0)] == sum(window.dwell_censored) == 1


# ---- heat -----------------------------------------------------------------------------------------------


def test_a_calibrated_floor_s_map_is_in_metres_and_a_picture_s_in_frame_heights() -> None:
    square = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
    minutes = Minutes([CameraLayout("cam-1", floor=Floor(square, square)), CameraLayout("cam-2")])
    minutes.add(Pulse("cam-1", 30.0, 1.0, 10, 1, 1, 1.0, {}, heat={(2, -3): 0.4, (0, 0): 0.1}))
    minutes.add(Pulse("cam-1", 31.0, 1.0, 10, 1, 1, 1.0, {}, heat={(2, -3): 0.6}))
    ((_, made),) = minutes.close()
    first, second = only(HeatWindow, made)
    assert (first.unit, first.cells) == ("m", ((0, 0, 0.1), (2, -3, 1.0)))
    assert (second.unit, second.cells, second.observed_seconds) == ("frame", (), 0.0)


def test_a_map_with_too_many_cells_keeps_the_warmest() -> None:
    heat = {(i, 0): (i + 1) / 1000 for i in range(HEAT_CELLS_MAX + 10)}
    minutes = Minutes([CameraLayout("cam-1")])
    minutes.add(Pulse("cam-1", 30.0, 1.0, 10, 1, 1, 1.0, {}, heat=heat))
    ((_, made),) = minutes.close()
    (window,) = only(HeatWindow, made)
    assert [window.cells[0][0], window.cells[-1][0]] == [10, HEAT_CELLS_MAX + 9]


# ---- areas ----------------------------------------------------------------------------------------------

STORE = Area("store", (("cam-1", "door"), ("cam-2", "door")))


@settings(deadline=None)
@given(st.lists(crossings, max_size=40), st.lists(st.integers(0, 40), max_size=6))
def test_an_area_s_number_is_what_its_gates_let_in_less_out_and_what_was_corrected(
    facts: list[Crossing], seal_after: list[int]
) -> None:
    minutes, found = Minutes(LAYOUTS, 0.0, [STORE]), []
    for i, fact in enumerate(facts):
        minutes.add(fact)
        if i in seal_after:
            found += windows(minutes.seal(fact.t + CLOSE_LAG_S + 60))
    found += windows(minutes.seal(2000.0))
    inside = [w for w in found if isinstance(w, OccupancyWindow)]
    through = [c for c in facts if c.gate == "door"]
    came = sum(1 if c.direction == "in" else -1 for c in through)
    assert inside[-1].now == came - sum(w.drift for w in inside) >= 0
    assert {w.camera for w in inside} == {"*"}


def test_an_area_is_observed_as_long_as_the_worst_of_its_cameras() -> None:
    minutes = Minutes(LAYOUTS, areas=[STORE])
    minutes.add(pulse(30.0, 20.0, "cam-1"))
    minutes.add(pulse(30.0, 12.5, "cam-2"))
    ((_, made),) = minutes.close()
    (window,) = only(OccupancyWindow, made)
    assert window.observed_seconds == 12.5


def test_an_area_goes_on_from_its_last_minute_after_a_restart() -> None:
    before = OccupancyWindow("*", "store", 60, 60.0, 300.0, 6, 5, 0, False)
    unknown = OccupancyWindow("*", "gone", 60, 60.0, 300.0, 6, 5, 0, False)
    minutes = Minutes(LAYOUTS, 120.0, [STORE], [before, unknown])
    minutes.add(crossing(130.0))
    minutes.add(crossing(131.0, "cam-2"))
    ((_, made),) = minutes.close()
    (window,) = only(OccupancyWindow, made)
    assert (window.now, window.peak) == (7, 7)


def test_a_known_number_replaces_the_gates_and_is_told_as_drift() -> None:
    minutes = Minutes(LAYOUTS, 0.0, [STORE])
    for t in (1.0, 2.0, 3.0):
        minutes.add(crossing(t))
    minutes.anchor("store", 0, 65.0)
    first, second = (only(OccupancyWindow, made)[0] for _, made in minutes.seal(135.0))
    assert (first.now, first.anchored) == (3, False)
    assert (second.now, second.drift, second.anchored) == (0, 3, True)


# ---- quality --------------------------------------------------------------------------------------------


def test_every_window_but_a_heat_map_says_how_far_to_trust_it() -> None:
    minutes = Minutes(LAYOUTS, areas=[STORE])
    for second in range(1, 61):
        minutes.add(pulse(float(second), 1.0))
    ((_, made),) = minutes.close()
    judged = {(w.scope, w.camera): w.quality for w in made if not isinstance(w, HeatWindow)}
    seen = judged["gate", "cam-1"]
    assert seen is not None
    assert (seen.fps, seen.coverage, seen.confidence, seen.reasons) == (10.0, 1.0, "good", ())
    for blind in (("gate", "cam-2"), ("lane", "cam-9"), ("occupancy", "*")):
        found = judged[blind]
        assert found is not None
        assert (found.coverage, found.confidence, found.reasons) == (0.0, "none", ("nothing_seen",))


def test_what_is_counted_while_the_clock_is_not_trusted_says_so() -> None:
    minutes = Minutes(LAYOUTS)
    minutes.clock_trusted = False
    for second in range(1, 61):
        minutes.add(pulse(float(second), 1.0))
    ((_, made),) = minutes.close()
    quality = only(GateWindow, made)[0].quality
    assert quality is not None
    assert quality.reasons == ("clock_untrusted",)
