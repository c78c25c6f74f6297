"""What the ledger says to PostgreSQL, in the order in which a batch says it. SQL from our own words only."""

# ruff: noqa: S608  (the names in it are our own)
from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pipelines.as_json import FIGURES
from sync.hub.postgres_rollups import hours
from sync.hub.postgres_tables import KEYS, MEASURED, ROLLED

_STREAM: Final = ("tenant", "store", "box", "epoch", "stream")
_MESSAGE: Final = (*_STREAM, "seq")


def _listed(columns: Iterable[str], of: str = "") -> str:
    return ", ".join(f"{of}{column}" for column in columns)


def _same(columns: Iterable[str], one: str, other: str) -> str:
    return " AND ".join(f"{one}.{column} = {other}.{column}" for column in columns)


# -- messages ------------------------------------------------------------------------------------------

_KEPT: Final = (*_MESSAGE, '"schema"', "sent_at", "body")
COPY_MESSAGES: Final = f"COPY staged ({_listed(_KEPT)}) FROM STDIN"
INSERT_MESSAGES: Final = (
    f"INSERT INTO message ({_listed(_KEPT)}, received_at) "
    f"SELECT {_listed(_KEPT)}, %s::timestamptz FROM staged ORDER BY {_listed(_MESSAGE)} "
    f"ON CONFLICT DO NOTHING RETURNING {_listed(_MESSAGE)}"
).encode()
OTHER_BODIES: Final = (
    f"SELECT {_listed(_MESSAGE, 's.')}, m.body::text FROM staged AS s JOIN message AS m "
    f"ON {_same(_MESSAGE, 'm', 's')} WHERE m.body::text IS DISTINCT FROM s.body::text AND s.body IS NOT NULL"
).encode()

# -- windows -------------------------------------------------------------------------------------------


def _columns(scope: str) -> list[str]:
    return [*KEYS, "seq", "observed_seconds", *(figure.quoted for figure in MEASURED[scope])]


def _upsert(scope: str) -> bytes:
    table, columns = f"{scope}_minute", _columns(scope)
    return (
        f"INSERT INTO {table} ({_listed(columns)}) SELECT {_listed(columns)} FROM staged_{scope} "
        f"ORDER BY {_listed(KEYS)} ON CONFLICT ({_listed(KEYS)}) DO UPDATE SET "
        + ", ".join(f"{column} = excluded.{column}" for column in columns if column not in KEYS)
        + f" WHERE excluded.seq > {table}.seq"
    ).encode()


COPY_WINDOWS: Final = {
    scope: f"COPY staged_{scope} ({_listed(_columns(scope))}) FROM STDIN" for scope in FIGURES
}
UPSERT_WINDOWS: Final = {scope: _upsert(scope) for scope in FIGURES}
HOURS: Final = {scope: hours(scope, f"staged_{scope}").encode() for scope in ROLLED}

# -- boxes and streams ---------------------------------------------------------------------------------

UPSERT_BOX: Final = (
    "INSERT INTO box (tenant, store, box, epoch, online, connected_at, state, seen_at) "
    "VALUES (%s, %s, %s, %s, %s, %s, %s::json, %s) ON CONFLICT (tenant, store, box) DO UPDATE SET "
    "epoch = excluded.epoch, online = excluded.online, connected_at = excluded.connected_at, "
    "state = excluded.state, seen_at = excluded.seen_at "
    "WHERE excluded.connected_at >= box.connected_at"
)
_TOUCHED: Final = f"unnest({_listed(['%s::text[]'] * 5)}) AS t({_listed(_STREAM)})"
NEW_STREAMS: Final = (
    f"INSERT INTO stream ({_listed(_STREAM)}) SELECT * FROM {_TOUCHED} ON CONFLICT DO NOTHING"
).encode()
LOCK_STREAMS: Final = (
    f"SELECT {_listed(_STREAM, 's.')}, s.upto FROM {_TOUCHED} JOIN stream AS s ON {_same(_STREAM, 's', 't')} "
    f"ORDER BY {_listed(_STREAM, 's.')} FOR UPDATE OF s"
).encode()
BEGIN_STREAMS: Final = (
    # The box no longer has anything up to `upto`: what is not held of it will never come.
    "UPDATE stream AS s SET upto = t.greatest, given_up = given_up + t.greatest - coalesce(s.upto, t.least) "
    f"- (SELECT count(*) FROM message AS m WHERE {_same(_STREAM, 'm', 's')} "
    "AND m.seq > coalesce(s.upto, t.least) AND m.seq <= t.greatest) "
    f"FROM unnest({_listed(['%s::text[]'] * 5)}, %s::bigint[], %s::bigint[]) "
    f'AS t({_listed(_STREAM)}, "least", "greatest") '
    f"WHERE {_same(_STREAM, 's', 't')} AND (s.upto IS NULL OR s.upto < t.greatest) "
    f"RETURNING {_listed(_STREAM, 's.')}, s.upto"
).encode()
ADVANCE_STREAMS: Final = (
    # Without a gap as long as each seq is as far from `upto` as it is in line.
    f"UPDATE stream AS s SET upto = a.upto FROM (SELECT {_listed(_STREAM, 'o.')}, max(m.seq) AS upto "
    f"FROM {_TOUCHED} JOIN stream AS o ON {_same(_STREAM, 'o', 't')} CROSS JOIN LATERAL ("
    f"SELECT m.seq, row_number() OVER (ORDER BY m.seq) AS place FROM message AS m "
    f"WHERE {_same(_STREAM, 'm', 'o')} AND m.seq > o.upto) AS m "
    f"WHERE m.seq = o.upto + m.place GROUP BY {_listed(_STREAM, 'o.')}) AS a "
    f"WHERE {_same(_STREAM, 's', 'a')} RETURNING {_listed(_STREAM, 's.')}, s.upto"
).encode()

# -- what cannot be used -------------------------------------------------------------------------------

SET_ASIDE: Final = (
    "INSERT INTO set_aside (topic, digest, reason, payload, first_at, last_at) "
    "VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (topic, digest) "
    "DO UPDATE SET last_at = excluded.last_at, times = set_aside.times + 1"
)
FORGET_ASIDE: Final = (
    b"DELETE FROM set_aside WHERE id < (SELECT id FROM set_aside ORDER BY id DESC OFFSET %s LIMIT 1)"
)
