"""Bodies say exactly what the records say, and a missing number is missing, not zero."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.as_json import counts_of
from pipelines.records import (
    DWELL_EDGES_S,
    CameraWindow,
    CounterWindow,
    Event,
    GateWindow,
    HeatWindow,
    LaneWindow,
    OccupancyWindow,
    Quality,
    QueueWindow,
    Window,
    ZoneWindow,
)
from sync.bodies import event_body, minute_bodies, minute_body, read_event, read_minute, utc
from sync.errors import SyncError
from sync.payloads import rfc3339
from tests.sync.fakes import START
from tests.sync.records import events, instants, minutes, windows

NONE = (0,) * len(DWELL_EDGES_S)
FAIR = Quality(9.6, 0.975, 0.25, 1.2, "fair", ("inferred",))
ONE_OF_EACH: list[Window] = [
    GateWindow("cam-1", "door", START, 58.5, 3, 1, 1, 1, 0, 1, 2, FAIR),
    ZoneWindow(
        "cam-1", "lancome", START, 60.0, 2, 1, 31.25, 2, (0, 1, *NONE[2:]), (1, *NONE[1:]), 14.5, 0, 0.0, 3,
        1.25,
    ),
    QueueWindow(
        "cam-1", "line", START, 60.0, 90.5, 3, (10, 30, *NONE[2:]), 2, 1, 1, 1, 1, (0, 1, *NONE[2:]),
        (1, *NONE[1:]), 61.25,
    ),
    CounterWindow("cam-1", "lancome", START, 60.0, 40.5, 19.5, 7.25),
    CameraWindow("cam-1", "cam-1", START, 60.0, 600, 44.0, 3, 6, 1),
    LaneWindow("cam-9", "exit-1", START, 60.0, 0, 4, 0, 0, 1),
    HeatWindow("cam-1", "cam-1", START, 60.0, "m", ((-1, 3, 0.5), (2, 3, 12.25))),
    OccupancyWindow("*", "store", START, 58.5, 410.5, 9, 8, -1, True, FAIR),
]  # fmt: skip


@given(minutes.flatmap(lambda start: st.tuples(st.just(start), st.lists(windows(start), max_size=6))))
def test_a_minute_comes_back_as_it_went(minute: tuple[int, list[Window]]) -> None:
    assert read_minute(minute_body(*minute)) == minute


@given(events)
def test_an_event_comes_back_as_it_went(event: Event) -> None:
    assert read_event(event_body(event)) == event


@given(instants)
def test_a_time_is_written_in_utc_to_the_millisecond(t: float) -> None:
    text = rfc3339(utc(t))
    assert text.endswith("Z")
    assert len(text) in {20, 24}


def test_the_body_of_a_minute_is_what_the_centre_reads() -> None:
    body = json.loads(minute_body(START, ONE_OF_EACH))
    assert body["start"] == "2026-05-28T20:27:00Z"
    gate, zone, queue, counter, camera, lane, heat, occupancy = body["windows"]
    assert gate == {
        "camera": "cam-1", "id": "door", "observed_seconds": 58.5, "scope": "gate",
        "in": 3, "out": 1, "inferred": 1, "staff_in": 1, "staff_out": 0, "u_turns": 1, "parties": 2,
        "quality": {
            "fps": 9.6, "coverage": 0.975, "inferred_share": 0.25, "identities_per_entry": 1.2,
            "confidence": "fair", "reasons": ["inferred"],
        },
    }  # fmt: skip
    assert zone == {
        "camera": "cam-1", "id": "lancome", "observed_seconds": 60.0, "scope": "zone",
        "visits": 2, "passes": 1, "person_seconds": 31.25, "peak": 2,
        "dwell": [0, 1, *NONE[2:]], "dwell_censored": [1, *NONE[1:]], "dwell_seconds": 14.5,
        "staff_visits": 0, "staff_seconds": 0.0, "arrivals": 3, "pass_seconds": 1.25, "quality": None,
    }  # fmt: skip
    assert queue == {
        "camera": "cam-1", "id": "line", "observed_seconds": 60.0, "scope": "queue",
        "length_seconds": 90.5, "peak": 3, "lengths": [10, 30, *NONE[2:]], "waits": 2, "served": 1,
        "abandoned": 1, "balked": 1, "over_limit": 1, "wait": [0, 1, *NONE[2:]],
        "wait_censored": [1, *NONE[1:]], "wait_seconds": 61.25, "quality": None,
    }  # fmt: skip
    assert counter == {
        "camera": "cam-1", "id": "lancome", "observed_seconds": 60.0, "scope": "counter",
        "attended_seconds": 40.5, "unattended_seconds": 19.5, "waiting_seconds": 7.25, "quality": None,
    }  # fmt: skip
    assert camera == {
        "camera": "cam-1", "id": "cam-1", "observed_seconds": 60.0, "scope": "camera",
        "frames": 600, "person_seconds": 44.0, "peak": 3, "identities": 6, "broken": 1, "quality": None,
    }  # fmt: skip
    assert lane == {
        "camera": "cam-9", "id": "exit-1", "observed_seconds": 60.0, "scope": "lane",
        "up": 0, "down": 4, "left": 0, "right": 0, "wrong_way": 1, "quality": None,
    }  # fmt: skip
    assert heat == {
        "camera": "cam-1", "id": "cam-1", "observed_seconds": 60.0, "scope": "heat",
        "unit": "m", "cells": [[-1, 3, 0.5], [2, 3, 12.25]],
    }  # fmt: skip
    assert occupancy == {
        "camera": "*", "id": "store", "observed_seconds": 58.5, "scope": "occupancy",
        "person_seconds": 410.5, "peak": 9, "now": 8, "drift": -1, "anchored": True,
        "quality": {
            "fps": 9.6, "coverage": 0.975, "inferred_share": 0.25, "identities_per_entry": 1.2,
            "confidence": "fair", "reasons": ["inferred"],
        },
    }  # fmt: skip


ALWAYS = {"camera", "id", "scope", "observed_seconds", "unit"}


def test_counts_of_a_minute_that_nobody_observed_are_null() -> None:
    blind: list[Window] = [
        GateWindow("cam-1", "door", START, 0.0, 0, 0, 0),
        ZoneWindow("cam-1", "lancome", START, 0.0, 0, 0, 0.0, 0, NONE, NONE, 0.0),
        HeatWindow("cam-1", "cam-1", START, 0.0, "frame", ()),
        OccupancyWindow("*", "store", START, 0.0, 0.0, 0, 0, 0, False),
    ]
    for window in json.loads(minute_body(START, blind))["windows"]:
        measured = {k: v for k, v in window.items() if k not in ALWAYS}
        assert set(measured.values()) == {None}, measured
    assert read_minute(minute_body(START, blind)) == (START, blind)


def test_a_minute_that_was_observed_and_empty_is_zero() -> None:
    (window,) = json.loads(minute_body(START, [GateWindow("c", "door", START, 0.5, 0, 0, 0)]))["windows"]
    assert (window["in"], window["out"], window["inferred"]) == (0, 0, 0)


def test_what_was_counted_is_told_even_where_nothing_was_observed() -> None:
    (window,) = json.loads(minute_body(START, [GateWindow("c", "door", START, 0.0, 1, 0, 0)]))["windows"]
    assert (window["in"], window["out"]) == (1, 0)


@pytest.mark.parametrize(
    "change",
    [
        {"entries": -1},
        {"entries": 1.5},
        {"entries": "1"},
        {"observed_seconds": float("nan")},
        {"observed_seconds": float("inf")},
        {"observed_seconds": -0.5},
        {"id": ""},
        {"id": "x" * 200},
        {"start": START + 60},
        {"exits": 2**60},
    ],
)
def test_an_impossible_window_is_not_sent(change: dict[str, Any]) -> None:
    window = replace(GateWindow("cam-1", "door", START, 60.0, 3, 1, 1), **change)
    with pytest.raises(SyncError):
        minute_body(START, [window])


def test_a_minute_that_does_not_start_one_is_not_sent() -> None:
    with pytest.raises(SyncError, match="beginning of a UTC minute"):
        minute_body(START + 1, [])


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"in": None}, "all numbers or all null"),
        ({"in": None, "out": None, "inferred": None}, "only where observed_seconds is 0"),
        ({"in": "3"}, "in"),
        ({"scope": 5}, "scope"),
        ({"scope": "lane"}, "up"),
        ({"quality": {"coverage": 0.5}}, r"windows\.0\.gate\.quality\.fps: Field required"),
    ],
)
def test_a_half_missing_window_is_not_taken(change: dict[str, Any], complaint: str) -> None:
    body = json.loads(minute_body(START, [ONE_OF_EACH[0]]))
    body["windows"][0] |= change
    with pytest.raises(SyncError, match=complaint):
        read_minute(json.dumps(body))


def test_a_field_that_came_with_a_later_box_is_ignored() -> None:
    body = json.loads(minute_body(START, ONE_OF_EACH))
    body["weather"] = "rain"
    for window in body["windows"]:
        window["umbrellas"] = 3
    assert read_minute(json.dumps(body)) == (START, ONE_OF_EACH)


LATER: dict[str, set[str]] = {
    "gate": {"staff_in", "staff_out", "u_turns", "parties", "quality"},
    "zone": {"staff_visits", "staff_seconds", "arrivals", "pass_seconds", "quality"},
    "camera": {"identities", "broken", "quality"},
    "lane": {"quality"},
}
"""What the first boxes did not send."""


def test_a_minute_of_the_first_boxes_is_still_read() -> None:
    body = json.loads(minute_body(START, ONE_OF_EACH))
    first = [window for window in body["windows"] if window["scope"] in LATER]
    for window in first:
        for name in LATER[window["scope"]]:
            del window[name]
    found = read_minute(json.dumps(body | {"windows": first}))[1]
    assert [window.scope for window in found] == list(LATER)
    for window, sent in zip(found, first, strict=True):
        counts = counts_of(window)
        assert {name: counts[name] for name in sent.keys() & counts.keys()} == {
            name: sent[name] for name in sent.keys() & counts.keys()
        }


@pytest.mark.parametrize("scope", ["table", "x" * 60])
def test_a_scope_that_came_with_a_later_box_is_left_out_and_costs_no_other_window(scope: str) -> None:
    body = json.loads(minute_body(START, ONE_OF_EACH))
    table = {"scope": scope, "camera": "cam-1", "id": "table-1", "observed_seconds": 60.0, "guests": 3}
    body["windows"].insert(2, table)
    assert read_minute(json.dumps(body)) == (START, ONE_OF_EACH)


def test_an_area_s_number_is_not_told_of_a_minute_that_nobody_saw() -> None:
    carried = OccupancyWindow("*", "store", START, 0.0, 0.0, 7, 7, 0, False)
    (window,) = json.loads(minute_body(START, [carried]))["windows"]
    assert {window[name] for name in ("person_seconds", "peak", "now", "drift", "anchored")} == {None}
    (corrected,) = json.loads(minute_body(START, [replace(carried, now=0, drift=7, anchored=True)]))[
        "windows"
    ]
    assert (corrected["now"], corrected["drift"], corrected["anchored"]) == (0, 7, True)


@given(st.integers(1, 40), st.integers(2_000, 20_000))
def test_a_minute_that_is_too_long_for_one_message_goes_as_several(cameras: int, longest: int) -> None:
    cells = tuple((column, 7, 0.125) for column in range(100))
    heat: list[Window] = [HeatWindow(f"c{i}", f"c{i}", START, 60.0, "m", cells) for i in range(cameras)]
    bodies = list(minute_bodies(START, heat, longest))
    assert max(map(len, bodies)) <= longest
    assert [window for body in bodies for window in read_minute(body)[1]] == heat


def test_a_window_that_is_too_long_alone_is_named() -> None:
    with pytest.raises(SyncError, match="the gate window door has"):
        list(minute_bodies(START, ONE_OF_EACH[:1], 100))
