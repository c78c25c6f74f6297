"""Waits and a queue's minutes in the store: kept once, counted once, summed by the quarter."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from edge.store.database import reading
from pipelines.records import DWELL_EDGES_S, LENGTH_EDGES, QueueWindow, Wait
from tests.edge.store.build import NOON as A_MINUTE
from tests.edge.store.build import bodies, open_store

NOON = A_MINUTE // 900 * 900
NONE = (0,) * len(DWELL_EDGES_S)
WINDOW = QueueWindow(
    "cam-1", "line", NOON, 60.0, 90.5, 3, (10, 30, 15, 5, *(0,) * (len(LENGTH_EDGES) - 4)), 2, 1, 1, 0, 1,
    (0, 1, *NONE[2:]), (1, *NONE[1:]), 61.25,
)  # fmt: skip


def wait(t_out: float, track: int = 1) -> Wait:
    return Wait("cam-1", "line", t_out - 40.5, t_out, "served", False, track)


def test_a_wait_is_kept_once_and_waits_for_the_minute_that_counts_it(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        assert store.add_records([wait(NOON + 5.0), wait(NOON + 5.0), wait(NOON + 70.0)]) == 2
        assert store.uncounted() == [wait(NOON + 5.0), wait(NOON + 70.0)]
        store.commit_minute(NOON, [WINDOW])
        assert store.uncounted() == [wait(NOON + 70.0)]
        assert store.records_since(NOON) == [wait(NOON + 5.0), wait(NOON + 70.0)]


def test_a_queue_s_minute_is_sent_as_it_was_made(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        store.commit_minute(NOON, [WINDOW])
        (body,) = bodies(store)
    (sent,) = body["windows"]
    assert sent["scope"] == "queue"
    assert (sent["waits"], sent["served"], sent["over_limit"], sent["length_seconds"]) == (2, 1, 1, 90.5)
    assert sent["lengths"] == list(WINDOW.lengths)


def test_two_parts_of_a_minute_add_up_and_so_does_the_quarter(tmp_path: Path) -> None:
    part = replace(WINDOW, observed_seconds=25.0)
    for _ in range(2):  # two runs of the main process
        with open_store(tmp_path) as store:
            store.commit_minute(NOON, [part])
    with open_store(tmp_path) as store:
        store.commit_minute(NOON + 60, [replace(WINDOW, start=NOON + 60, peak=7)])
        latest = bodies(store)[1]["windows"][0]
        assert (latest["served"], latest["peak"], latest["observed_seconds"]) == (2, 3, 50.0)
        assert latest["lengths"] == [2 * n for n in WINDOW.lengths]
        with reading(store.path) as connection:
            quarter = connection.execute("SELECT * FROM queue_quarter").fetchall()
            waits = connection.execute("SELECT bin, complete, censored FROM wait_quarter").fetchall()
            lengths = connection.execute("SELECT bin, seconds FROM length_quarter ORDER BY bin").fetchall()
            window = connection.execute(
                "SELECT lengths FROM queue_window WHERE start = ?", (NOON,)
            ).fetchone()
    assert [tuple(row)[3:] for row in quarter] == [
        (110.0, pytest.approx(3 * 90.5), 7, 6, 3, 3, 0, 3, pytest.approx(3 * 61.25))
    ]
    assert {tuple(row) for row in waits} == {(0, 0, 3), (1, 3, 0)}
    assert [tuple(row) for row in lengths] == [(0, 30), (1, 90), (2, 45), (3, 15)]
    assert json.loads(window["lengths"]) == [20, 60, 30, 10]
