"""Reading a damaged database as far as it can be read, without changing it.

SQLite itself says where it cannot go on. A table is asked for one stretch of its key after the other, the
newest first; a stretch that fails is cut in two until it is so short that it is given up, so that a damaged
page costs its own rows and not its table. The order of the key also finds rows behind a damaged page.
"""

from __future__ import annotations

import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from edge.store.retention import KEPT_DAYS

Row = tuple[Any, ...]

QUERY_S: Final = 20.0
"""A question that takes longer has lost its way in damaged pages."""
FAILURES: Final = 4_000
"""Failed questions to one table, after which what still fails is given up uncut: much is gone."""
EARLIEST: Final = 0
LATEST: Final = 4_102_444_800
"""1970 to 2100: a time outside is what is left of a damaged row."""
LONGEST_DAYS: Final = max(KEPT_DAYS.values())
_DAY_S: Final = 86_400
_HEX: Final = 2**32
_IN_HEX: Final = {"parking_session": "id", "coupon_trigger": "key"}
_BY_ROWID: Final = frozenset({"outbox", "inherited", "document_piece"})
_TIMES: Final = frozenset({"start", "t", "t_out"})


@dataclass(frozen=True, slots=True)
class Way:
    """How a table is gone through: by which key, and in which steps of it."""

    table: str
    key: str
    """SQL of the key's column."""
    first: int
    last: int
    """Where it goes when the table does not tell."""
    step: int
    least: int
    """The shortest stretch, which is not cut any more."""
    bound: Callable[[int], int | str] = int
    """A number of the key's range as the column has it."""

    @property
    def in_time(self) -> bool:
        """Whether the key is the time at which things happened."""
        return self.key in _TIMES


def _hex(number: int) -> str:
    return f"{number:08x}" if number < _HEX else "g"


def way_through(connection: sqlite3.Connection, table: str) -> Way | None:
    """The way through a table of our schema; None where it has few rows in no useful order."""
    if table in _IN_HEX:
        return Way(table, f'"{_IN_HEX[table]}"', 0, _HEX, _HEX // 64, _HEX // 65_536, _hex)
    if table in _BY_ROWID:
        return Way(table, "rowid", 0, 1_000_000, 500, 1)
    columns = connection.execute(f"PRAGMA table_info({table})").fetchall()
    leading = next((name for _, name, _, _, _, place in columns if place == 1), "")
    if leading in _TIMES:
        return Way(table, leading, EARLIEST, LATEST, 3 * 3600, 60)
    return None


class Wreck:
    """A damaged database, for one thread at a time; `close` it. What cannot be read is counted, no error."""

    def __init__(self, path: Path, now: float, *, log_too: bool = True) -> None:
        """now: UTC; a table that does not tell its newest row is looked through from there backwards.
        log_too: with the write-ahead log; without it the file as the last checkpoint left it. Raises
        sqlite3.Error when it is no database at all."""
        self._latest = int(now) + 2 * _DAY_S
        mode = "mode=ro" if log_too else "mode=ro&immutable=1"
        self._db = sqlite3.connect(
            f"{path.resolve().as_uri()}?{mode}", uri=True, timeout=1.0, isolation_level=None,
            check_same_thread=False,
        )  # fmt: skip
        self.unread: Counter[str] = Counter()
        """Stretches given up, by table."""
        self._failures: Counter[str] = Counter()
        self._until = float("inf")
        try:
            self._db.set_progress_handler(lambda: time.monotonic() > self._until, 50_000)
            for setting in ("trusted_schema = OFF", "cell_size_check = ON", "query_only = ON"):
                self._db.execute(f"PRAGMA {setting}")
            self._tables = {
                str(name)
                for (name,) in self._db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
            }
        except BaseException:
            self._db.close()
            raise

    def meta(self) -> dict[str, str]:
        """What it says of itself; as much of it as can be read."""
        return {str(key): str(value) for key, value in self.few("meta", ["key", "value"])}

    def columns(self, table: str) -> list[str]:
        """The table's columns; none when it is not there."""
        if table not in self._tables:
            return []
        return [str(row[1]) for row in self._ask(f"PRAGMA table_info({table})") or ()]

    def few(self, table: str, columns: list[str]) -> list[Row]:
        """All rows of a small table, from both its ends as far as they can be read."""
        if table not in self._tables:
            return []
        question = f"SELECT {_named(columns)} FROM {table}"  # noqa: S608 - our names
        return self._both_ends(table, question, self._key_of(table), ())

    def span(self, way: Way) -> tuple[int, int] | None:
        """The first number of the key and the one behind the last; None when the table is empty or gone."""
        if way.table not in self._tables:
            return None
        if way.bound is _hex:
            return way.first, way.last
        ends = [
            self._ask(f"SELECT {end}({way.key}) FROM {way.table}")  # noqa: S608 - our names
            for end in ("min", "max")
        ]
        if ends[0] is None and ends[1] is None and not self._any(way):
            self.unread[way.table] += 1
            return None
        low, high = (None if not end else end[0][0] for end in ends)
        if ends[0] and ends[1] and low is None:
            return None
        if not isinstance(high, int | float):
            high = self._latest if way.in_time else way.last
        if not isinstance(low, int | float):
            low = high - LONGEST_DAYS * _DAY_S if way.in_time else way.first
        return max(way.first, int(low)), min(way.last, int(high) + 1)

    def read(self, way: Way, columns: list[str], first: int, behind: int) -> Iterator[list[Row]]:
        """Rows with a key from `first` to before `behind`, the last stretch first, some at a time."""
        while behind > first:
            at = max(first, behind - way.step)
            if way.in_time or way.key == "rowid":  # over a hole in one step
                newest = self._ask(
                    f"SELECT max({way.key}) FROM {way.table} WHERE {way.key} < ? AND {way.key} >= ?",  # noqa: S608
                    (way.bound(behind), way.bound(first)),
                )
                if newest and newest[0][0] is None:
                    return
                if newest and newest[0][0] < at:
                    behind = int(newest[0][0]) + 1
                    at = max(first, behind - way.step)
            for rows in self._stretch(way, columns, at, behind):
                if rows:
                    yield rows
            behind = at

    def _stretch(self, way: Way, columns: list[str], first: int, behind: int) -> Iterator[list[Row]]:
        question = f"SELECT {_named(columns)} FROM {way.table} WHERE {way.key} >= ? AND {way.key} < ?"  # noqa: S608
        bounds = (way.bound(first), way.bound(behind))
        rows = self._ask(question, bounds)
        if rows is not None:
            yield rows
            return
        self._failures[way.table] += 1
        if behind - first <= way.least or self._failures[way.table] > FAILURES:
            yield self._both_ends(way.table, question, way.key, bounds)
            return
        half = first + (behind - first) // 2
        yield from self._stretch(way, columns, half, behind)
        yield from self._stretch(way, columns, first, half)

    def _both_ends(self, table: str, question: str, key: str, bounds: tuple[int | str, ...]) -> list[Row]:
        """What can be read of a stretch going forwards, and what going backwards."""
        found: dict[Row, None] = {}
        for order in ("", "DESC"):
            if self._walk(f"{question} ORDER BY {key} {order}", bounds, found):
                return list(found)
        self.unread[table] += 1
        return list(found)

    def _key_of(self, table: str) -> str:
        columns = self._ask(f"PRAGMA table_info({table})") or ()
        return next((f'"{row[1]}"' for row in columns if row[5] == 1), "rowid")

    def _walk(self, question: str, bounds: tuple[int | str, ...], found: dict[Row, None]) -> bool:
        self._until = time.monotonic() + QUERY_S
        try:
            for row in self._db.execute(question, bounds):
                found[tuple(row)] = None
        except sqlite3.Error:
            return False
        return True

    def _any(self, way: Way) -> bool:
        return any(
            self._ask(f"SELECT 1 FROM {way.table} ORDER BY {way.key} {order} LIMIT 1")  # noqa: S608 - our names
            for order in ("", "DESC")
        )

    def _ask(self, question: str, given: tuple[Any, ...] = ()) -> list[Row] | None:
        """The answer; None when there is damage in its way."""
        self._until = time.monotonic() + QUERY_S
        try:
            return self._db.execute(question, given).fetchall()
        except sqlite3.Error:
            return None

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _named(columns: list[str]) -> str:
    return ", ".join(f'"{name}"' for name in columns)
