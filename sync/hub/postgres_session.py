"""One connection of the hub to PostgreSQL, with its tables made and its settings as the ledger needs them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from hashlib import sha256
from importlib.resources import files
from typing import Any, Final

import psycopg
from psycopg.conninfo import conninfo_to_dict

from pipelines.as_json import FIGURES
from sync.errors import SyncError
from sync.hub.postgres_rollups import day_functions, rollups
from sync.hub.postgres_tables import merged, minutes, told

log = logging.getLogger(__name__)

Connection = psycopg.Connection[tuple[Any, ...]]

MAKING: Final = 0x53746F7265456467
"""Advisory lock: of several hubs that start at once one makes the tables."""
CONNECT_S: Final = 5
SILENCE_MS: Final = 15_000
"""A server that is gone without a word is noticed after this long."""
_SETTINGS: Final = (
    "SET timezone = 'UTC'",
    "SET lock_timeout = '5s'",
    "SET statement_timeout = '60s'",
    # A table that was empty when a plan was made must not be read from end to end later: always by key.
    "SET enable_seqscan = off",
    "SET enable_hashjoin = off",
    "SET enable_mergejoin = off",
    "SET jit = off",
    # An acknowledgement promises that the commit is on the disk. Stricter settings stay as they are.
    "SELECT set_config('synchronous_commit', 'on', false) "
    "WHERE current_setting('synchronous_commit') = 'off'",
)


def shown(url: str) -> str:
    """Where a database is, without the password."""
    try:
        told = conninfo_to_dict(url)
    except psycopg.Error:
        return "postgresql://…"
    user = f"{told['user']}@" if told.get("user") else ""
    port = f":{told['port']}" if told.get("port") else ""
    return f"postgresql://{user}{told.get('host') or ''}{port}/{told.get('dbname') or ''}"


def connect(url: str) -> Connection:
    """For the ledger. Raises psycopg.Error, or SyncError for a database that cannot be used."""
    db = open_connection(url)
    try:
        _check(db, url)
        set_up(db)
        with suppress(psycopg.DataError, psycopg.ProgrammingError):  # before version 14, or built without
            db.execute("SET default_toast_compression = 'lz4'")
        _make(db)
        for scope in FIGURES:
            db.execute(f"CREATE TEMP TABLE staged_{scope} (LIKE {scope}_minute) ON COMMIT DELETE ROWS")
        db.execute("CREATE TEMP TABLE staged (LIKE message) ON COMMIT DELETE ROWS")
        db.execute("ALTER TABLE staged SET (toast_tuple_target = 8160)")  # not worth compressing
    except BaseException:
        db.close()
        raise
    return db


def set_up(db: Connection) -> None:
    """Settings for one that writes."""
    for setting in _SETTINGS:
        db.execute(setting)


@contextmanager
def reading(url: str) -> Iterator[Callable[[str, Sequence[Any]], list[tuple[Any, ...]]]]:
    """One moment of the database, for all the queries inside, with `?` for parameters. Raises SyncError."""
    try:
        db = open_connection(url)
        try:
            db.execute("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield lambda sql, given: db.execute(sql.replace("?", "%s").encode(), given).fetchall()
        finally:
            db.close()
    except psycopg.Error as error:
        raise SyncError(f"cannot read the hub's database {shown(url)}: {in_a_line(error)}") from error


def in_a_line(error: BaseException) -> str:
    """The driver's message without its line breaks."""
    return " ".join(str(error).split()) or type(error).__name__


def open_connection(url: str) -> Connection:
    """Without anything set up. Raises psycopg.Error."""
    return psycopg.connect(
        url,
        autocommit=True,
        client_encoding="UTF8",
        connect_timeout=CONNECT_S,
        keepalives_idle=5,
        keepalives_interval=3,
        keepalives_count=3,
        tcp_user_timeout=SILENCE_MS,
        fallback_application_name="storeedge hub",
    )


def _check(db: Connection, url: str) -> None:
    encoding = db.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise SyncError(f"the hub's database {shown(url)} has the encoding {encoding}; make it with UTF8")
    if db.execute("SHOW fsync").fetchone() == ("off",):
        log.warning("hub: the database has fsync off: a power cut may lose what was acknowledged")


def _make(db: Connection) -> None:
    """Make what is missing, in one transaction: tables, and columns that came later (NULL in old rows).

    Once for each version of the tables: making what is there already would wait for all who read it."""
    tables = files("sync.hub").joinpath("postgres.sql").read_bytes()
    statements = [s.encode() for scope in FIGURES for s in (*minutes(scope), *merged(scope))]
    statements += [s.encode() for s in rollups()]
    functions = [(signature, statement.encode()) for signature, statement in day_functions()]
    views = [told(scope).encode() for scope in FIGURES]
    digest = sha256(b";".join([tables, *statements, *views, *(made for _, made in functions)])).hexdigest()
    if _made(db, digest):
        return
    with db.transaction():
        db.execute("SELECT pg_advisory_xact_lock(%s)", (MAKING,))
        if _made(db, digest):
            return
        db.execute(tables)
        for statement in statements:
            db.execute(statement)
        for scope in FIGURES:
            db.execute(told(scope, _columns(db, f"{scope}_told")).encode())
        for signature, statement in functions:
            try:
                with db.transaction():
                    db.execute(statement)
            except psycopg.errors.InvalidFunctionDefinition:  # it tells more than an older hub's
                db.execute(f"DROP FUNCTION {signature}".encode())
                db.execute(statement)
        db.execute("INSERT INTO made (digest) VALUES (%s)", (digest,))


def _columns(db: Connection, view: str) -> list[str]:
    """In order; none where it is not there."""
    found = db.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attnum > 0 ORDER BY attnum",
        (view,),
    )
    return [name for (name,) in found]


def _made(db: Connection, digest: str) -> bool:
    if db.execute("SELECT to_regclass('made')").fetchone() == (None,):
        return False
    return db.execute("SELECT FROM made WHERE digest = %s", (digest,)).rowcount == 1
