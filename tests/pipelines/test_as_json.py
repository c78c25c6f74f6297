"""The lines of `events.jsonl` and `windows.jsonl`: keys and values that others read (design 3.2)."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

import pytest

from pipelines.as_json import FIGURES, KINDS, record_as_json, window_as_json
from pipelines.records import (
    DWELL_EDGES_S,
    CameraWindow,
    CounterWindow,
    Crossing,
    Event,
    GateWindow,
    HeatWindow,
    LaneWindow,
    OccupancyWindow,
    Quality,
    QueueWindow,
    Record,
    VehiclePassage,
    Visit,
    Wait,
    Window,
    ZoneWindow,
)

BINS = len(DWELL_EDGES_S)
NO_STAYS = (0,) * BINS


@pytest.mark.parametrize(
    ("record", "line"),
    [
        pytest.param(
            Crossing("cam-1", "door", "in", 12.34567, 7, True),
            {"kind": "crossing", "camera": "cam-1", "gate": "door", "direction": "in", "t": 12.346,
             "track": 7, "inferred": True},
            id="crossing",
        ),
        pytest.param(
            Crossing("cam-1", "door", "out", 13.5, 7, False, True),
            {"kind": "crossing", "camera": "cam-1", "gate": "door", "direction": "out", "t": 13.5,
             "track": 7, "inferred": False, "u_turn": True},
            id="crossing that takes another back",
        ),
        pytest.param(
            Visit("cam-1", "lancome", 3.00001, 9.5, True, "lost", "unknown", 8),
            {"kind": "visit", "camera": "cam-1", "zone": "lancome", "t_in": 3.0, "t_out": 9.5,
             "censored": True, "end_reason": "lost", "staff": "unknown", "track": 8},
            id="visit",
        ),
        pytest.param(
            Wait("cam-1", "line", 3.00001, 94.5, "abandoned", True, 9),
            {"kind": "wait", "camera": "cam-1", "zone": "line", "t_in": 3.0, "t_out": 94.5,
             "outcome": "abandoned", "censored": True, "track": 9},
            id="wait",
        ),
        pytest.param(
            VehiclePassage("exit-1", "down", 6.4, 2, "cam-9", True),
            {"kind": "vehicle", "lane": "exit-1", "direction": "down", "t": 6.4, "track": 2,
             "camera": "cam-9", "wrong_way": True},
            id="vehicle",
        ),
        pytest.param(
            Event("queue_long", 5.0, "cam-1", "till", 65.00049, {"waiting": 7}),
            {"kind": "event", "name": "queue_long", "t": 5.0, "camera": "cam-1", "scope": "till",
             "t_end": 65.0, "detail": {"waiting": 7}},
            id="event",
        ),
        pytest.param(
            Event("disk_full", 5.0),
            {"kind": "event", "name": "disk_full", "t": 5.0, "camera": None, "scope": None, "t_end": None,
             "detail": {}},
            id="event about the whole box",
        ),
    ],
)  # fmt: skip
def test_a_record_is_this_line(record: Record, line: dict[str, Any]) -> None:
    assert record_as_json(record) == line
    assert json.loads(json.dumps(record_as_json(record))) == line


@pytest.mark.parametrize(
    ("window", "line"),
    [
        pytest.param(
            GateWindow("cam-1", "door", 60, 59.9, 3, 2, 1),
            {"scope": "gate", "camera": "cam-1", "id": "door", "in": 3, "out": 2, "inferred": 1,
             "staff_in": 0, "staff_out": 0, "u_turns": 0, "parties": 0},
            id="gate",
        ),
        pytest.param(
            ZoneWindow("cam-1", "lancome", 60, 59.9, 2, 4, 31.5, 2, (1,) * BINS, NO_STAYS, 31.5),
            {"scope": "zone", "camera": "cam-1", "id": "lancome", "visits": 2, "passes": 4,
             "person_seconds": 31.5, "peak": 2, "dwell": [1] * BINS, "dwell_censored": [0] * BINS,
             "dwell_seconds": 31.5, "staff_visits": 0, "staff_seconds": 0.0, "arrivals": 0,
             "pass_seconds": 0.0},
            id="zone",
        ),
        pytest.param(
            QueueWindow("cam-1", "line", 60, 59.9, 90.5, 3, (1,) * BINS, 3, 2, 1, 4, 1, (1,) * BINS, NO_STAYS,
                        61.5),
            {"scope": "queue", "camera": "cam-1", "id": "line", "length_seconds": 90.5, "peak": 3,
             "lengths": [1] * BINS, "waits": 3, "served": 2, "abandoned": 1, "balked": 4, "over_limit": 1,
             "wait": [1] * BINS, "wait_censored": [0] * BINS, "wait_seconds": 61.5},
            id="queue",
        ),
        pytest.param(
            CounterWindow("cam-1", "lancome", 60, 59.9, 40.4, 19.5, 7.0),
            {"scope": "counter", "camera": "cam-1", "id": "lancome", "attended_seconds": 40.4,
             "unattended_seconds": 19.5, "waiting_seconds": 7.0},
            id="counter",
        ),
        pytest.param(
            CameraWindow("cam-1", "cam-1", 60, 59.9, 600, 31.5, 2, 3, 1),
            {"scope": "camera", "camera": "cam-1", "id": "cam-1", "frames": 600, "person_seconds": 31.5,
             "peak": 2, "identities": 3, "broken": 1},
            id="camera",
        ),
        pytest.param(
            LaneWindow("cam-9", "exit-1", 60, 59.9, 1, 2, 3, 4, 5),
            {"scope": "lane", "camera": "cam-9", "id": "exit-1", "up": 1, "down": 2, "left": 3, "right": 4,
             "wrong_way": 5},
            id="lane",
        ),
        pytest.param(
            OccupancyWindow("*", "store", 60, 59.9, 240.5, 5, 4, -1, True),
            {"scope": "occupancy", "camera": "*", "id": "store", "person_seconds": 240.5, "peak": 5, "now": 4,
             "drift": -1, "anchored": True},
            id="occupancy",
        ),
    ],
)  # fmt: skip
def test_a_window_is_this_line(window: Window, line: dict[str, Any]) -> None:
    whole = {"kind": "window", "start": 60, "observed_seconds": 59.9} | line | {"quality": None}
    assert window_as_json(window) == whole
    assert json.loads(json.dumps(window_as_json(window))) == whole


def test_a_heat_map_is_this_line() -> None:
    window = HeatWindow("cam-1", "cam-1", 60, 59.9, "m", ((-1, 3, 0.5), (2, 3, 12.25)))
    line = {
        "kind": "window", "scope": "heat", "camera": "cam-1", "id": "cam-1", "start": 60,
        "observed_seconds": 59.9, "unit": "m", "cells": [[-1, 3, 0.5], [2, 3, 12.25]],
    }  # fmt: skip
    assert window_as_json(window) == line


def test_a_window_says_how_far_to_trust_it_and_why() -> None:
    quality = Quality(4.1, 0.5, 0.25, None, "poor", ("part_seen", "slow"))
    line = window_as_json(GateWindow("cam-1", "door", 60, 30.0, 3, 2, 1, quality=quality))
    assert line["quality"] == {
        "fps": 4.1, "coverage": 0.5, "inferred_share": 0.25, "identities_per_entry": None,
        "confidence": "poor", "reasons": ["part_seen", "slow"],
    }  # fmt: skip
    assert json.loads(json.dumps(line)) == line


def test_every_field_of_every_window_has_a_name_in_the_line() -> None:
    for scope, kind in KINDS.items():
        counted = {field.name for field in fields(kind)} - {
            "camera", "id", "start", "observed_seconds", "quality",
        }  # fmt: skip
        assert set(FIGURES[scope]) == counted
        assert len(set(FIGURES[scope].values())) == len(counted)


@pytest.mark.parametrize(
    "window",
    [
        GateWindow("cam-1", "door", 60, 0.0, 0, 0, 0),
        HeatWindow("cam-1", "cam-1", 60, 0.0, "m", ()),
        OccupancyWindow("*", "store", 60, 0.0, 0.0, 7, 7, 0, False),
        ZoneWindow("cam-1", "lancome", 60, 0.0, 0, 0, 0.0, 0, NO_STAYS, NO_STAYS, 0.0),
        CameraWindow("cam-1", "cam-1", 60, 0.0, 0, 0.0, 0),
        QueueWindow("cam-1", "line", 60, 0.0, 0.0, 0, NO_STAYS, 0, 0, 0, 0, 0, NO_STAYS, NO_STAYS, 0.0),
        CounterWindow("cam-1", "lancome", 60, 0.0, 0.0, 0.0, 0.0),
        LaneWindow("cam-9", "exit-1", 60, 0.0, 0, 0, 0, 0, 0),
    ],
    ids=lambda window: window.scope,
)
def test_counts_of_a_minute_that_nobody_observed_are_missing_not_zero(window: Window) -> None:
    line = window_as_json(window)
    counts = {k: v for k, v in line.items() if k not in {"kind", "scope", "camera", "id", "start", "unit"}}
    assert counts.pop("observed_seconds") == 0
    assert counts
    assert all(value is None for value in counts.values()), line


def test_what_was_counted_in_a_minute_without_observation_is_told_all_the_same() -> None:
    """A late fact may fall into a minute in which the camera was blind."""
    line = window_as_json(GateWindow("cam-1", "door", 60, 0.0, 1, 0, 0))
    assert (line["in"], line["out"], line["inferred"]) == (1, 0, 0)


def test_an_observed_minute_in_which_nobody_came_is_zero_not_missing() -> None:
    line = window_as_json(GateWindow("cam-1", "door", 60, 42.0, 0, 0, 0))
    assert (line["in"], line["out"]) == (0, 0)
