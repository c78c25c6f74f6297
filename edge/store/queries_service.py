"""What the page and the API ask of queues and counters: sums over any stretch of time, in milliseconds."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field
from typing import Final

from edge.store.stretch import Key, parts
from pipelines.records import DWELL_EDGES_S, LENGTH_EDGES

_SUMMED: Final = ("waits", "served", "abandoned", "balked", "over_limit", "wait_seconds", "length_seconds")


@dataclass(slots=True)
class QueueSum:
    """A queue over a stretch of time."""

    waits: int = 0
    served: int = 0
    abandoned: int = 0
    balked: int = 0
    over_limit: int = 0
    wait_seconds: float = 0.0
    length_seconds: float = 0.0
    observed_seconds: float = 0.0
    peak: int = 0
    wait: list[int] = field(default_factory=lambda: [0] * len(DWELL_EDGES_S))
    """Waits that ended with service, by `DWELL_EDGES_S`."""
    wait_censored: list[int] = field(default_factory=lambda: [0] * len(DWELL_EDGES_S))
    lengths: list[int] = field(default_factory=lambda: [0] * len(LENGTH_EDGES))
    """Seconds at each length, by `LENGTH_EDGES`."""

    @property
    def mean_length(self) -> float | None:
        """People on average; None where nobody looked."""
        return self.length_seconds / self.observed_seconds if self.observed_seconds else None

    def length_quantile(self, share: float) -> int | None:
        """The length (lower edge of its bin) that the queue did not exceed for this share of the time."""
        total, reached = sum(self.lengths), 0
        for edge, seconds in zip(LENGTH_EDGES, self.lengths, strict=True):
            reached += seconds
            if total and reached >= share * total:
                return edge
        return None


@dataclass(slots=True)
class CounterSum:
    """A counter with a staff zone over a stretch of time."""

    attended_seconds: float = 0.0
    unattended_seconds: float = 0.0
    waiting_seconds: float = 0.0
    observed_seconds: float = 0.0


_QUEUES: Final = (
    f"SELECT camera, id, sum(observed_seconds), max(peak), {', '.join(f'sum({n})' for n in _SUMMED)} "  # noqa: S608
    "FROM queue_{table} WHERE start >= ? AND start < ? GROUP BY camera, id"
)
_COUNTERS: Final = (
    "SELECT camera, id, sum(attended_seconds), sum(unattended_seconds), sum(waiting_seconds), "
    "sum(observed_seconds) FROM counter_{table} WHERE start >= ? AND start < ? GROUP BY camera, id"
)


def _of_minutes(column: str) -> str:
    return (
        f"SELECT camera, queue_window.id, each.key, sum(each.value) FROM queue_window, "  # noqa: S608
        f"json_each({column}) AS each WHERE start >= ? AND start < ? GROUP BY 1, 2, 3"
    )


def _of_quarters(table: str, column: str) -> str:
    return (
        f"SELECT camera, id, bin, sum({column}) FROM {table} "  # noqa: S608 - our names
        "WHERE start >= ? AND start < ? GROUP BY camera, id, bin"
    )


_BINS: Final = {
    "window": {name: _of_minutes(name) for name in ("wait", "wait_censored", "lengths")},
    "quarter": {
        "wait": _of_quarters("wait_quarter", "complete"),
        "wait_censored": _of_quarters("wait_quarter", "censored"),
        "lengths": _of_quarters("length_quarter", "seconds"),
    },
}


def queues(connection: sqlite3.Connection, begin: int, end: int) -> dict[Key, QueueSum]:
    """Every queue that has a window in [begin, end), both on a full minute."""
    found: dict[Key, QueueSum] = {}
    for part in parts(begin, end):
        span = (part.begin, part.end)
        for camera, queue, observed, peak, *sums in connection.execute(
            _QUEUES.format(table=part.table), span
        ):
            total = found.setdefault((camera, queue), QueueSum())
            total.observed_seconds += observed
            total.peak = max(total.peak, peak)
            for name, value in zip(_SUMMED, sums, strict=True):
                setattr(total, name, getattr(total, name) + value)
        for name, sql in _BINS[part.table].items():
            for camera, queue, i, count in connection.execute(sql, span):
                getattr(found[camera, queue], name)[i] += count
    return found


def counters(connection: sqlite3.Connection, begin: int, end: int) -> dict[Key, CounterSum]:
    """Every counter with a staff zone that has a window in [begin, end)."""
    found: dict[Key, CounterSum] = {}
    for part in parts(begin, end):
        for camera, counter, *sums in connection.execute(
            _COUNTERS.format(table=part.table), (part.begin, part.end)
        ):
            total = found.setdefault((camera, counter), CounterSum())
            total.attended_seconds += sums[0]
            total.unattended_seconds += sums[1]
            total.waiting_seconds += sums[2]
            total.observed_seconds += sums[3]
    return found
