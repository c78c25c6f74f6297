"""Which database a hub has: the path of a SQLite file, or the address of a PostgreSQL."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sync.errors import SyncError
from sync.hub.ledger import Ledger
from sync.hub.sqlite import SqliteLedger

Ask = Callable[[str, Sequence[Any]], list[tuple[Any, ...]]]
"""A query with `?` for each parameter, and its rows."""

_POSTGRES = ("postgresql://", "postgres://")


def is_postgres(where: str | Path) -> bool:
    """Whether it is an address and not a path."""
    return isinstance(where, str) and where.startswith(_POSTGRES)


def shown(where: str | Path) -> str:
    """For people and logs: without the password."""
    if not is_postgres(where):
        return str(where)
    with _driver():
        from sync.hub import postgres_session  # noqa: PLC0415  (an optional dependency)
    return postgres_session.shown(str(where))


def open_ledger(where: str | Path) -> Ledger:
    """Open or make the hub's storage. Raises SyncError."""
    if not is_postgres(where):
        return SqliteLedger(Path(where))
    with _driver():
        from sync.hub.postgres import PostgresLedger  # noqa: PLC0415
    return PostgresLedger(str(where))


@contextmanager
def reading(where: str | Path) -> Iterator[Ask]:
    """One moment of the database, for all the queries inside. Raises SyncError."""
    if is_postgres(where):
        with _driver():
            from sync.hub import postgres_session  # noqa: PLC0415
        with postgres_session.reading(str(where)) as ask:
            yield ask
        return
    path = Path(where)
    try:
        db = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=5)
        try:
            db.execute("BEGIN")
            yield lambda sql, parameters: db.execute(sql, parameters).fetchall()
        finally:
            db.close()
    except sqlite3.Error as error:
        raise SyncError(f"cannot read the hub's database {path}: {error}") from error


@contextmanager
def _driver() -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        raise SyncError("a hub on PostgreSQL needs its driver: pip install 'storeedge[hub]'") from error
