"""The coupon books in PostgreSQL, in a schema of their own: several hubs decide, one at a time.

Caps are counted over all stores of a tenant, so what one hub issues another must see: a transaction that
writes the books holds one lock until it has committed. At some 2 ms a trigger that would be 500 a second.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.resources import files
from typing import Any, Final

import psycopg

from sync.errors import SyncError
from sync.hub.coupon_db import Rows
from sync.hub.ledger import LedgerError
from sync.hub.postgres_session import Connection, in_a_line, open_connection, shown

DESK: Final = 0x436F75706F6E7331
"""Advisory lock of whoever writes the books."""
POST: Final = 0x436F7570
"""Advisory locks of those who serve a place, by the place's hash."""


class PostgresCouponDb:
    """Satisfies `CouponDb`. Connects again by itself, after a fault, with the next statement."""

    def __init__(self, url: str, *, patience_s: float = 10.0) -> None:
        """Connect and make the tables; wait so long for whoever else writes. Raises SyncError."""
        self._url, self._patience_s = url, patience_s
        self._db: Connection | None = None
        self._places: set[str] = set()
        self._under_way = False
        try:
            self._connected()
        except psycopg.Error as error:
            raise SyncError(f"cannot use the coupon books in {shown(url)}: {in_a_line(error)}") from error

    def _connected(self) -> Connection:
        if self._db is None:
            db = open_connection(self._url)
            try:
                for setting in (
                    "SET search_path = coupons",
                    f"SET lock_timeout = {self._patience_s * 1000:.0f}",
                    "SET statement_timeout = '60s'",
                    "SELECT set_config('synchronous_commit', 'on', false) "
                    "WHERE current_setting('synchronous_commit') = 'off'",
                ):
                    db.execute(setting.encode())
                with db.transaction():
                    db.execute("SELECT pg_advisory_xact_lock(%s)", (DESK,))
                    if db.execute("SELECT to_regclass('coupons.redemption')").fetchone() == (None,):
                        db.execute(files("sync.hub").joinpath("coupons_postgres.sql").read_bytes())
            except BaseException:
                db.close()
                raise
            self._db = db
        return self._db

    def execute(self, statement: str, values: Sequence[Any] = ()) -> Rows:
        """See `CouponDb`."""
        with self._in_words():
            return self._connected().execute(_ours(statement), values)

    def executemany(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        """See `CouponDb`."""
        with self._in_words():
            self._connected().cursor().executemany(_ours(statement), rows)

    @property
    def in_transaction(self) -> bool:
        """See `CouponDb`."""
        return self._under_way

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """See `CouponDb`."""
        with self._in_words():
            self._under_way = True
            try:
                with self._connected().transaction():
                    self._connected().execute("SELECT pg_advisory_xact_lock(%s)", (DESK,))
                    yield
            finally:
                self._under_way = False

    def spool(self, rows: Iterable[tuple[bytes, str]]) -> None:
        """See `CouponDb`."""
        with self._in_words():
            db = self._connected()
            db.execute("DROP TABLE IF EXISTS pg_temp.spooled, pg_temp.coming")
            db.execute(
                "CREATE TEMP TABLE spooled "
                "(place BIGINT GENERATED ALWAYS AS IDENTITY, token BYTEA, member TEXT)"
            )
            with db.cursor() as cursor, cursor.copy("COPY spooled (token, member) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
            db.execute(
                "CREATE TEMP TABLE coming AS "
                "SELECT DISTINCT ON (token) token, member FROM spooled ORDER BY token, place DESC"
            )
            db.execute("DROP TABLE spooled")
            db.execute("ALTER TABLE coming ADD PRIMARY KEY (token)")

    def leads(self, place: str) -> bool:
        """See `CouponDb`."""
        with self._in_words():
            if place not in self._places:
                row = self._connected().execute(
                    "SELECT pg_try_advisory_lock(%s, hashtext(%s))", (POST, place)
                ).fetchone()  # fmt: skip
                if row == (True,):
                    self._places.add(place)
        return place in self._places

    def close(self) -> None:
        """See `CouponDb`."""
        self._places.clear()
        if self._db is not None:
            with suppress(psycopg.Error):
                self._db.close()
            self._db = None

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        """After any fault the connection is made anew: nobody need know what state it is in."""
        try:
            yield
        except psycopg.Error as error:
            self.close()
            raise LedgerError(f"the coupon books did not take it: {in_a_line(error)}") from error


def _ours(statement: str) -> bytes:
    return statement.replace("?", "%s").encode()
