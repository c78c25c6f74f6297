"""Series of hours and minutes, in which a step that nobody observed is missing and not zero. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import Final

from edge.store.day import BusinessDay
from edge.store.queries import Fresh, Key, Point, gathered
from edge.web.models import Bar, BarState
from edge.web.trust import at

WHOLE: Final = 0.9
"""Observed for at least this share, a step counts as whole."""

Span = tuple[int, int]
Counts = tuple[int, int, int]
"""Entries, exits, visits."""


class Steps:
    """Makes bars for one set of spans at one moment."""

    def __init__(self, spans: Sequence[Span], day: BusinessDay, now: float, horizon: int) -> None:
        self._spans = list(spans)
        self._starts = [start for start, _ in spans]
        self._day, self._now, self._horizon = day, now, horizon

    def gates(self, points: dict[Key, list[Point]], keys: Sequence[Key], fresh: Iterable[Fresh]) -> list[Bar]:
        """Entries and exits of these gates together."""
        extra = self._extra(fresh, keys, ("in", "out"))
        return [self._bar(i, step, extra[i], ("entries", "exits")) for i, step in self._sums(points, keys, 2)]

    def zones(self, points: dict[Key, list[Point]], keys: Sequence[Key], fresh: Iterable[Fresh]) -> list[Bar]:
        """Visits to these zones together."""
        extra = self._extra(fresh, keys, ("visit",))
        return [self._bar(i, step, extra[i], ("visits",)) for i, step in self._sums(points, keys, 1)]

    def _extra(self, fresh: Iterable[Fresh], keys: Sequence[Key], kinds: tuple[str, ...]) -> list[list[int]]:
        """What is counted but not yet committed, by span."""
        found = [[0] * len(kinds) for _ in self._spans]
        for one in fresh:
            if one.what in kinds and (one.camera, one.id) in keys:
                i = bisect_right(self._starts, one.t) - 1
                if 0 <= i < len(self._spans) and one.t < self._spans[i][1]:
                    found[i][kinds.index(one.what)] += 1
        return found

    def _sums(
        self, points: dict[Key, list[Point]], keys: Sequence[Key], width: int
    ) -> list[tuple[int, tuple[float, list[int]]]]:
        """For each span: mean observed seconds of all scopes, and their counts together."""
        each = [gathered(points.get(key, []), self._spans) for key in keys]
        found = []
        for i in range(len(self._spans)):
            steps = [steps[i] for steps in each]
            seconds = sum(step.observed_seconds for step in steps if step) / max(1, len(keys))
            counts = [sum(step.values[k] for step in steps if step) for k in range(width)]
            found.append((i, (seconds, counts)))
        return found

    def _bar(self, i: int, step: tuple[float, list[int]], extra: list[int], names: tuple[str, ...]) -> Bar:
        start, end = self._spans[i]
        seconds, counts = step
        counts = [a + b for a, b in zip(counts, extra, strict=True)]
        elapsed = min(end, self._horizon) - start
        observed = min(1.0, seconds / elapsed) if elapsed > 0 else None
        state = self._state(start, end, observed, any(counts))
        known = state not in {"missing", "ahead", "closed"}
        return Bar.model_validate(
            {"start": at(start), "end": at(end), "state": state, "observed": observed}
            | (dict(zip(names, counts, strict=True)) if known else {})
        )

    def _state(self, start: int, end: int, observed: float | None, counted: bool) -> BarState:
        if start >= self._now:
            return "ahead"
        if observed is None:
            return "running"
        if observed == 0 and not counted:
            return "missing" if self._day.open_seconds(start, end) > 0 else "closed"
        if end > self._now:
            return "running"
        return "counted" if observed >= WHOLE else "partial"
