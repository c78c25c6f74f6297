"""Every kind of window comes out of its table as it went in, and two parts of a minute make one."""

from __future__ import annotations

import sqlite3
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.store.merge import together
from edge.store.migrations import migrate
from edge.store.windows import put, select
from pipelines.as_json import FIGURES
from pipelines.records import HeatWindow, Window
from tests.edge.store.build import NOON
from tests.sync.records import kinds, windows

LAST = {"now", "unit"}
HIGHEST = {"peak", "anchored"}


@pytest.fixture(scope="module")
def connection() -> sqlite3.Connection:
    made = sqlite3.connect(":memory:", isolation_level=None)
    made.row_factory = sqlite3.Row
    migrate(made)
    return made


@settings(deadline=None)
@given(windows(NOON))
def test_any_window_comes_out_as_it_went_in_but_for_the_quality(
    connection: sqlite3.Connection, window: Window
) -> None:
    connection.execute(f"DELETE FROM {window.scope}_window")
    put(connection, window)
    meant = window if isinstance(window, HeatWindow) else replace(window, quality=None)
    assert select(connection, window.scope, NOON, NOON + 60) == [meant]


def added(name: str, one: Any, other: Any) -> Any:
    """What a figure of two parts comes to."""
    if name in LAST:
        return other
    if name in HIGHEST:
        return max(one, other)
    if isinstance(one, tuple):
        return tuple(a + b for a, b in zip(one, other, strict=True))
    return one + other


@settings(deadline=None)
@given(st.one_of([st.tuples(kind, kind) for kind in kinds(NOON)]))
def test_two_parts_of_a_minute_are_the_sum_of_both(parts: tuple[Window, Window]) -> None:
    first, second = parts
    whole = together(first, second)
    assert whole.observed_seconds == min(60.0, first.observed_seconds + second.observed_seconds)
    for name in FIGURES[first.scope]:
        if name != "cells":
            meant = added(name, getattr(first, name), getattr(second, name))
            assert getattr(whole, name) == meant, name
    assert [getattr(whole, field.name) for field in fields(whole) if field.name == "quality"] in ([], [None])
