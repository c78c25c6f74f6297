"""Series of hours and minutes, in which a step that nobody observed is missing and not zero. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any, Final, TypeVar

from edge.store.queries import Key, Step
from edge.web.look import QUEUE_STEP, Look, Series
from edge.web.models import Bar, BarState
from edge.web.models_service import QueueBar
from edge.web.trust import at

WHOLE: Final = 0.9
"""Observed for at least this share, a step counts as whole."""

Made = TypeVar("Made", Bar, QueueBar)


class Steps:
    """Makes bars of the series of one look."""

    def __init__(self, series: Series, look: Look) -> None:
        self._series, self._fresh = series, look.fresh
        self._starts = [start for start, _ in series.spans]
        self._day, self._now, self._horizon = look.day, look.now, look.horizon

    def gates(self, keys: Sequence[Key]) -> list[Bar]:
        """Entries and exits of these gates together."""
        return self._bars(Bar, self._series.gates, keys, ("in", "out"), ("entries", "exits"))

    def zones(self, keys: Sequence[Key]) -> list[Bar]:
        """Visits to these zones together."""
        return self._bars(Bar, self._series.zones, keys, ("visit",), ("visits",))

    def queues(self, keys: Sequence[Key]) -> list[QueueBar]:
        """Waits in these queues together."""
        return self._bars(QueueBar, self._series.queues, keys, ("",) * len(QUEUE_STEP), QUEUE_STEP)

    def _bars(
        self,
        made: type[Made],
        steps: dict[Key, list[Step | None]],
        keys: Sequence[Key],
        kinds: tuple[str, ...],
        names: tuple[str, ...],
    ) -> list[Made]:
        """kinds: what each of the counts is called while no committed minute holds it; empty: nothing is."""
        counts, seconds = self._extra(keys, kinds), [0.0] * len(self._starts)
        for key in keys:
            for i, step in enumerate(steps.get(key, ())):
                if step is not None:
                    seconds[i] += step.observed_seconds / len(keys)
                    counts[i] = [a + b for a, b in zip(counts[i], step.counts, strict=True)]
        return [self._bar(made, i, seconds[i], counts[i], names) for i in range(len(self._starts))]

    def _extra(self, keys: Sequence[Key], kinds: tuple[str, ...]) -> list[list[float]]:
        """What is counted but not yet committed, by span."""
        found: list[list[float]] = [[0] * len(kinds) for _ in self._starts]
        wanted = set(keys)
        for one in self._fresh:
            if one.what in kinds and (one.camera, one.id) in wanted:
                i = bisect_right(self._starts, one.t) - 1
                if i >= 0 and one.t < self._series.spans[i][1]:
                    found[i][kinds.index(one.what)] += 1
        return found

    def _bar(
        self, made: type[Made], i: int, seconds: float, counts: list[float], names: tuple[str, ...]
    ) -> Made:
        start, end = self._series.spans[i]
        elapsed = min(end, self._horizon) - start
        observed = min(1.0, seconds / elapsed) if elapsed > 0 else None
        state = self._state(start, end, observed, any(counts))
        known = state not in {"missing", "ahead", "closed"}
        values: dict[str, Any] = dict(zip(names, counts, strict=True)) if known else {}
        # Built without checks: hundreds are made every second, of nothing but our own numbers.
        return made.model_construct(start=at(start), end=at(end), state=state, observed=observed, **values)

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
