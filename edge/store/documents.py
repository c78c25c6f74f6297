"""The centre's documents in the box's store: kept piece by piece, in use when complete, there after a restart
with the line cut. Satisfies `sync/down/documents.py` · `Documents`."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from edge.store.store import Store
from sync.down.documents import Held, Piece

KEPT_AFTER_S: Final = 7 * 86_400
"""A document that has expired is kept for so long, so that an old one cannot come back as new."""


class StoredDocuments:
    """All methods may be called from any thread. Raises StoreError."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.time) -> None:
        self._store, self._clock = store, clock

    def held(self) -> Mapping[str, Held]:
        """See `Documents`."""
        return self._store.read(_held)

    def arriving(self) -> Mapping[str, int]:
        """See `Documents`."""
        return self._store.read(_arriving)

    def add_piece(self, piece: Piece) -> bool:
        """See `Documents`."""
        return self._store.write(lambda connection: _add(connection, piece, self._clock()))

    def bodies(self, name: str) -> Sequence[str]:
        """See `Documents`."""
        return self._store.read(lambda connection: _bodies(connection, name))

    def tidy(self, now: float) -> bool:
        """See `Documents`."""
        if not self._store.read(lambda connection: _unwanted(connection, now)):
            return False
        return self._store.write(lambda connection: _tidy(connection, now))


def _held(connection: sqlite3.Connection) -> dict[str, Held]:
    rows = connection.execute('SELECT name, "schema", version, pieces, expires_at FROM document').fetchall()
    return {row[0]: Held(*row[1:]) for row in map(tuple, rows)}


def _arriving(connection: sqlite3.Connection) -> dict[str, int]:
    rows = connection.execute(
        "SELECT p.name, max(p.version) FROM document_piece AS p LEFT JOIN document AS d USING (name) "
        "WHERE p.version > coalesce(d.version, 0) GROUP BY p.name"
    ).fetchall()
    return {row["name"]: row[1] for row in rows}


def _add(connection: sqlite3.Connection, piece: Piece, now: float) -> bool:
    connection.execute(
        "INSERT OR REPLACE INTO document_piece VALUES (?, ?, ?, ?, ?)",
        (piece.name, piece.version, piece.number, piece.pieces, piece.text),
    )
    # Pieces that count their number otherwise are of another making of this version: not to be mixed.
    (there,) = connection.execute(
        "SELECT count(*) FROM document_piece WHERE name = ? AND version = ? AND pieces = ?",
        (piece.name, piece.version, piece.pieces),
    ).fetchone()
    if there < piece.pieces:
        return False
    connection.execute(
        "INSERT INTO document VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
        '"schema" = excluded."schema", version = excluded.version, pieces = excluded.pieces, '
        "expires_at = excluded.expires_at, taken_at = excluded.taken_at",
        (piece.name, piece.schema, piece.version, piece.pieces, piece.expires_at, now),
    )
    return True


def _bodies(connection: sqlite3.Connection, name: str) -> list[str]:
    rows = connection.execute(
        "SELECT p.body FROM document_piece AS p JOIN document AS d "
        "ON d.name = p.name AND d.version = p.version AND d.pieces = p.pieces "
        "WHERE p.name = ? AND p.number <= p.pieces ORDER BY p.number",
        (name,),
    ).fetchall()
    return [row[0] for row in rows]


_STALE: Final = """
SELECT p.name, p.version, p.number FROM document_piece AS p LEFT JOIN document AS d USING (name)
WHERE p.version < coalesce(d.version, 0) OR p.version < (
    SELECT max(q.version) FROM document_piece AS q WHERE q.name = p.name
) AND p.version IS NOT d.version
LIMIT 1
"""


def _unwanted(connection: sqlite3.Connection, now: float) -> bool:
    expired = connection.execute(
        "SELECT 1 FROM document WHERE expires_at < ? LIMIT 1", (now - KEPT_AFTER_S,)
    ).fetchone()
    return expired is not None or connection.execute(_STALE).fetchone() is not None


def _tidy(connection: sqlite3.Connection, now: float) -> bool:
    stale = connection.execute(_STALE).fetchone()
    if stale is None:
        return _expire(connection, now)
    connection.execute(
        "DELETE FROM document_piece WHERE name = ? AND version = ? AND number = ?", tuple(stale)
    )
    return True


def _expire(connection: sqlite3.Connection, now: float) -> bool:
    """Empty an expired document: its pieces one by one, its name last."""
    expired = connection.execute(
        "SELECT name FROM document WHERE expires_at < ? LIMIT 1", (now - KEPT_AFTER_S,)
    ).fetchone()
    if expired is None:
        return False
    gone = connection.execute(
        "DELETE FROM document_piece WHERE rowid = (SELECT rowid FROM document_piece WHERE name = ? LIMIT 1)",
        tuple(expired),
    ).rowcount
    if not gone:
        connection.execute("DELETE FROM document WHERE name = ?", tuple(expired))
    return True
