"""What the ledger says to PostgreSQL, in the order in which a batch says it. SQL from our own words only."""

# ruff: noqa: S608  (the names in it are our own)
from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pipelines.as_json import FIGURES
from sync.hub.hours import HOUR_S, IN_AN_HOUR
from sync.hub.postgres_tables import KEYS, MEASURED

_STREAM: Final = ("tenant", "store", "box", "epoch", "stream")
_MESSAGE: Final = (*_STREAM, "seq")


def _listed(columns: Iterable[str], of: str = "") -> str:
    return ", ".join(f"{of}{column}" for column in columns)


def _same(columns: Iterable[str], one: str, other: str) -> str:
    return " AND ".join(f"{one}.{column} = {other}.{column}" for column in columns)


# -- messages ------------------------------------------------------------------------------------------

_KEPT: Final = (*_MESSAGE, '"schema"', "sent_at", "received_at", "body")
COPY_MESSAGES: Final = f"COPY message ({_listed(_KEPT)}) FROM STDIN".encode()
"""The short way, where nothing is held yet; else the two that follow."""
STAGE_MESSAGES: Final = f"COPY staged ({_listed(_KEPT)}) FROM STDIN".encode()
INSERT_MESSAGES: Final = (
    f"INSERT INTO message ({_listed(_KEPT)}) SELECT {_listed(_KEPT)} FROM staged "
    f"ORDER BY {_listed(_MESSAGE)} ON CONFLICT DO NOTHING RETURNING {_listed(_MESSAGE)}"
).encode()
OTHER_BODIES: Final = (
    f"SELECT {_listed(_MESSAGE, 's.')}, m.body::text FROM staged AS s JOIN message AS m "
    f"ON {_same(_MESSAGE, 'm', 's')} WHERE m.body::text IS DISTINCT FROM s.body::text AND s.body IS NOT NULL "
    f"AND m.\"schema\" <> '{IN_AN_HOUR}'"
).encode()

DELETE_NOT_UNDERSTOOD: Final = (
    f"DELETE FROM message WHERE {' AND '.join(f'{column} = %s' for column in _MESSAGE)} "
    "AND substr(\"schema\", 1, 6) = 'aside:'"
).encode()

# -- windows -------------------------------------------------------------------------------------------


def _columns(scope: str) -> list[str]:
    return [*KEYS, "seq", "observed_seconds", *(figure.quoted for figure in MEASURED[scope])]


def _merged_columns(scope: str) -> list[str]:
    own = [*KEYS, "seq", "minutes", "which", "latest", "observed_seconds"]
    return [*own, *(figure.quoted for figure in MEASURED[scope])]


def _upsert(scope: str) -> bytes:
    """Of one minute only the newest telling."""
    table, columns = f"{scope}_minute", _columns(scope)
    return (
        f"INSERT INTO {table} ({_listed(columns)}) "
        f"SELECT DISTINCT ON ({_listed(KEYS)}) {_listed(columns)} FROM staged_{scope} "
        f"ORDER BY {_listed(KEYS)}, seq DESC ON CONFLICT ({_listed(KEYS)}) DO UPDATE SET "
        + ", ".join(f"{column} = excluded.{column}" for column in columns if column not in KEYS)
        + f" WHERE excluded.seq > {table}.seq"
    ).encode()


def _replaced(scope: str) -> bytes:
    """Those of the touched hours' minutes that their box has told together, with a higher seq."""
    keys = [key for key in KEYS if key != "start"]
    given = f"unnest({_listed(['%s::text[]'] * len(keys))}, %s::bigint[]) AS t({_listed((*keys, 'start'))})"
    return (
        f"DELETE FROM {scope}_minute AS m USING {given} JOIN {scope}_merged AS h ON {_same(KEYS, 'h', 't')} "
        f"WHERE {_same(keys, 'm', 't')} AND m.start >= t.start AND m.start < t.start + {HOUR_S} "
        "AND m.seq < h.seq AND (h.which >> ((m.start - t.start) / 60)::int) & 1 = 1"
    ).encode()


COPY_WINDOWS: Final = {
    scope: f"COPY {scope}_minute ({_listed(_columns(scope))}) FROM STDIN".encode() for scope in FIGURES
}
STAGE_WINDOWS: Final = {
    scope: f"COPY staged_{scope} ({_listed(_columns(scope))}) FROM STDIN".encode() for scope in FIGURES
}
UPSERT_WINDOWS: Final = {scope: _upsert(scope) for scope in FIGURES}
COPY_MERGED: Final = {
    scope: f"COPY {scope}_merged ({_listed(_merged_columns(scope))}) FROM STDIN".encode() for scope in FIGURES
}
DELETE_REPLACED: Final = {scope: _replaced(scope) for scope in FIGURES}
COPY_DUE: Final = f"COPY due_hour (scope, {_listed(KEYS)}) FROM STDIN".encode()

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
    f"SELECT {_listed(_STREAM, 's.')}, s.upto, s.hours > 0 FROM {_TOUCHED} "
    f"JOIN stream AS s ON {_same(_STREAM, 's', 't')} ORDER BY {_listed(_STREAM, 's.')} FOR UPDATE OF s"
).encode()
BEGIN_STREAMS: Final = (
    # The box no longer has anything up to `upto`: what is not held of it will never come.
    "UPDATE stream AS s SET upto = t.greatest, "
    'begun = CASE WHEN s.upto IS NULL THEN t."least" ELSE s.begun END, '
    "given_up = given_up + t.greatest - coalesce(s.upto, t.least) "
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

TOLD_IN_HOURS: Final = (
    # What the box tells in hours is not lost, though it seemed to be when its own messages were missing.
    f"UPDATE stream AS s SET hours = s.hours + %s, given_up = greatest(0, s.given_up - (SELECT count(*) "
    "FROM unnest(%s::bigint[]) AS seq WHERE seq <= s.upto AND seq > coalesce(s.begun, -1))) "
    f"WHERE {' AND '.join(f's.{column} = %s' for column in _STREAM)}"
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
