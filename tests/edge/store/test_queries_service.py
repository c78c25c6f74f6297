"""Sums of queues and counters are the same from minutes, from quarters and from both."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from edge.store.database import reading
from edge.store.queries_service import CounterSum, QueueSum, counters, queues
from pipelines.records import CounterWindow
from tests.edge.store.build import open_store
from tests.edge.store.test_queues import NOON, WINDOW


@pytest.mark.parametrize(("first", "minutes"), [(0, 40), (3, 34), (2, 5), (15, 15)])
def test_any_stretch_adds_up(tmp_path: Path, first: int, minutes: int) -> None:
    with open_store(tmp_path) as store:
        for i in range(40):
            start = NOON + 60 * i
            store.commit_minute(
                start,
                [
                    replace(WINDOW, start=start, peak=i),
                    CounterWindow("cam-1", "lancome", start, 58.0, 40.5, 17.5, 9.0),
                ],
            )
        begin = NOON + 60 * first
        with reading(store.path) as connection:
            (queue,) = queues(connection, begin, begin + 60 * minutes).values()
            (counter,) = counters(connection, begin, begin + 60 * minutes).values()
    assert (queue.waits, queue.served, queue.over_limit) == (2 * minutes, minutes, minutes)
    assert queue.wait == [n * minutes for n in WINDOW.wait]
    assert queue.wait_censored == [n * minutes for n in WINDOW.wait_censored]
    assert queue.lengths == [n * minutes for n in WINDOW.lengths]
    assert queue.mean_length == pytest.approx(90.5 / 60)
    assert queue.length_quantile(0.95) == 3
    assert queue.peak == first + minutes - 1
    assert counter == CounterSum(40.5 * minutes, 17.5 * minutes, 9.0 * minutes, 58.0 * minutes)


def test_a_queue_that_nobody_watched_has_no_length() -> None:
    assert QueueSum().mean_length is None
    assert QueueSum().length_quantile(0.95) is None
