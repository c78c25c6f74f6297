"""The summary of a clip: counts by gate, zone, queue, counter and lane, and what they are worth."""

from __future__ import annotations

import json

from edge.tally import Tally
from pipelines.layout import Zone
from pipelines.records import (
    Attendance,
    Crossing,
    Event,
    Party,
    Pass,
    Pulse,
    StaffCount,
    Visit,
    Wait,
    WaitOutcome,
)
from tests.build import gate, layout

CORNERS = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0))
PLAN = layout(
    gates=[gate((1, 1), (9, 1), name="mall")],
    zones=[
        Zone("lancome", "counter", CORNERS, passby="mall"), Zone("dior", "counter", CORNERS),
        Zone("line", "queue", CORNERS),
    ],
)  # fmt: skip


def told(*facts: object, seconds: float = 60.0) -> dict:
    tally = Tally.of(PLAN)
    for fact in facts:
        tally.add(fact)
    return json.loads(json.dumps(tally.as_json(seconds)))


def visit(zone: str, length: float = 10.0) -> Visit:
    return Visit("cam-1", zone, 5.0, 5.0 + length, False, "left", "unknown", 1)


def wait(outcome: WaitOutcome, length: float) -> Wait:
    return Wait("cam-1", "line", 5.0, 5.0 + length, outcome, outcome != "served", 1)


def test_an_empty_clip_has_noughts_and_no_means():
    summary = told()
    assert summary["gates"] == {"mall": {"in": 0, "out": 0}}
    assert summary["zones"]["dior"] == {"visits": 0, "passes": 0, "dwell_mean_s": None}
    assert summary["queues"]["line"]["wait_mean_s"] is None
    assert summary["counters"]["dior"] == {
        "attended_share": None, "unattended_share": None, "waiting_s": None,
    }  # fmt: skip
    assert summary["quality"]["confidence"] == "none"
    assert summary["turn_in"] == {
        "lancome": {"visits": 0, "passers_by": 0, "rate": None, "low": None, "high": None}
    }, "nobody counts who passes dior"
    assert (summary["events"], summary["u_turns"], summary["parties"]) == ({}, {"mall": 0}, {"mall": 0})


def test_waits_are_told_by_how_they_ended_and_who_balked_did_not_wait():
    queue = told(wait("served", 20), wait("served", 40), wait("abandoned", 30), wait("balked", 0))["queues"]
    assert queue == {"line": {"waits": 3, "served": 2, "abandoned": 1, "balked": 1, "wait_mean_s": 30.0}}


def test_a_counter_is_attended_for_a_share_of_the_time_that_was_watched():
    counters = told(
        Attendance("cam-1", "dior", 1.0, 30.0, 0.0, 0.0), Attendance("cam-1", "dior", 2.0, 0.0, 10.0, 4.0)
    )["counters"]
    assert counters["dior"] == {"attended_share": 0.75, "unattended_share": 0.25, "waiting_s": 4.0}


def test_of_those_who_passed_so_many_turned_in_staff_not_counted():
    passed = [Crossing("cam-1", "mall", "in" if k % 2 else "out", float(k), k) for k in range(40)]
    stayed = [visit("lancome")] * 12 + [StaffCount("cam-1", "zone", "lancome", 30.0, visits=2)]
    found = told(*passed, *stayed, Pass("cam-1", "lancome", 9.0))["turn_in"]["lancome"]
    assert (found["visits"], found["passers_by"], found["rate"]) == (10, 40, 0.25)
    assert found["low"] < 0.25 < found["high"]


def test_an_event_that_begins_and_ends_is_one():
    began = Event("queue_long", 10.0, "cam-1", "line")
    events = told(began, Event("queue_long", 10.0, "cam-1", "line", t_end=50.0), Event("x", 1.0))["events"]
    assert events == {"queue_long": 1, "x": 1}


def test_u_turns_and_parties_are_told_by_gate():
    summary = told(
        Crossing("cam-1", "mall", "in", 1.0, 1), Crossing("cam-1", "mall", "out", 2.0, 1, u_turn=True),
        Party("cam-1", "mall", 1.0, 2),
    )  # fmt: skip
    assert (summary["u_turns"], summary["parties"]) == ({"mall": 1}, {"mall": 1})
    assert summary["gates"] == {"mall": {"in": 1, "out": 1}}, "raw"


def test_the_clip_s_quality_rests_on_all_of_its_pulses():
    pulses = [Pulse("cam-1", k + 1.0, 1.0, 2, 1, 1, 1.0, {}, identities=1) for k in range(45)]
    found = told(*pulses, Crossing("cam-1", "mall", "in", 3.0, 1, inferred=True))["quality"]
    assert (found["fps"], found["coverage"], found["inferred_share"]) == (2.0, 0.75, 1.0)
    assert (found["identities_per_entry"], found["confidence"]) == (1.0, "poor")
    assert found["reasons"] == ["part_seen", "slow"]
