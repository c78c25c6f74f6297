"""Hours, days, stores and tenants in PostgreSQL: SQL made from the same fields as the minutes.

A batch only notes in `due_hour` which hours it touched; `postgres_hours.py` adds those up anew from all that
was told of them, some moments later and as often as that changes. Days, which need a time zone, are functions
over the hours:

    SELECT * FROM gate_day('Asia/Shanghai', '2026-03-01', '2026-03-07') WHERE tenant = 'rainbow';

`{scope}_day` is of each gate, zone, …; `{scope}_store_day` and `{scope}_tenant_day` add up all of a store or
of a tenant.
"""

# ruff: noqa: S608  (the names in it are our own)
from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from sync.hub.hours import HOUR_S
from sync.hub.postgres_tables import COUNTED, KEY_COLUMNS, KEYS, ROLLED, Figure, added

_LEVELS: Final = {
    "day": ("tenant", "store", "box", "camera", "id"),
    "store_day": ("tenant", "store"),
    "tenant_day": ("tenant",),
}
_OF_ONE_THING: Final = frozenset({"peak", "now"})
"""Mean nothing when several gates' or areas' are added up."""


def rollups() -> Iterator[str]:
    """SQL that makes the tables of hours and the functions of days, or gives older ones what they lack."""
    for scope in ROLLED:
        yield (
            f"CREATE TABLE IF NOT EXISTS {scope}_hour ({KEY_COLUMNS}, "
            "minutes BIGINT NOT NULL, observed_seconds DOUBLE PRECISION NOT NULL, "
            f"PRIMARY KEY ({', '.join(KEYS)}))"
        )
        yield from added(f"{scope}_hour", COUNTED[scope])


def day_functions() -> Iterator[tuple[str, str]]:
    """Signature, and the SQL that makes it."""
    for scope in ROLLED:
        for level, keys in _LEVELS.items():
            signature = f"{scope}_{level}(zone TEXT, first DATE, last DATE)"
            yield signature, _day(signature, scope, keys)


def _day(signature: str, scope: str, keys: tuple[str, ...]) -> str:
    """Where the zone's days do not begin with a UTC hour (India, Nepal), minutes are added up instead."""
    figures = [f for f in COUNTED[scope] if "id" in keys or f.name not in _OF_ONE_THING]
    columns = ", ".join(f"{k} TEXT" for k in keys)
    told = ", ".join(f"{f.quoted} {f.type}" for f in figures)
    taken = ", ".join((*KEYS, "observed_seconds", *(f.quoted for f in figures)))
    within = (
        "start >= extract(epoch FROM first::timestamp AT TIME ZONE zone) "
        "AND start < extract(epoch FROM (last + 1)::timestamp AT TIME ZONE zone)"
    )
    whole = (
        "(SELECT bool_and(extract(epoch FROM day AT TIME ZONE zone)::bigint % 3600 = 0) "
        "FROM generate_series(first::timestamp, last + 1, '1 day') AS day)"
    )
    head = (
        f"CREATE OR REPLACE FUNCTION {signature} RETURNS TABLE ({columns}, day DATE, minutes BIGINT, "
        f"observed_seconds DOUBLE PRECISION, {told}) LANGUAGE sql STABLE PARALLEL SAFE AS "
    )
    return head + (
        f"$$ "
        f"SELECT {', '.join(f'd.{k}' for k in keys)}, (to_timestamp(d.start) AT TIME ZONE zone)::date, "
        f"sum(d.minutes)::bigint, sum(d.observed_seconds), {', '.join(_sums(scope, figures, 'd'))} FROM ("
        f"SELECT {taken}, minutes FROM {scope}_hour WHERE {within} AND {whole} UNION ALL "
        f"SELECT {taken}, minutes FROM {scope}_told WHERE {within} AND NOT {whole}) AS d "
        f"GROUP BY {', '.join(str(n + 1) for n in range(len(keys) + 1))} $$"
    )


def hours(scope: str) -> str:
    """SQL that adds up anew the scope's hours in the table `due`. Only one session at a time may."""
    figures = COUNTED[scope]
    keys = [key for key in KEYS if key != "start"]
    named = ["minutes", "observed_seconds", *(f.quoted for f in figures)]
    taken = ", ".join(f"t.{name}" for name in ("observed_seconds", *(f.quoted for f in figures)))
    same = " AND ".join(f"t.{k} = h.{k}" for k in keys)
    return (
        f"INSERT INTO {scope}_hour ({', '.join((*keys, 'start', *named))}) "
        f"SELECT {', '.join(f'h.{k}' for k in keys)}, h.start, s.* FROM due AS h CROSS JOIN LATERAL ("
        f"SELECT sum(m.minutes), sum(m.observed_seconds), {', '.join(_sums(scope, figures, 'm'))} FROM ("
        f"SELECT t.start, 1 AS minutes, {taken} FROM {scope}_minute AS t "
        f"WHERE {same} AND t.start >= h.start AND t.start < h.start + {HOUR_S} "
        f"UNION ALL SELECT t.latest, t.minutes, {taken} FROM {scope}_merged AS t "
        f"WHERE {same} AND t.start = h.start) AS m HAVING count(*) > 0) AS s WHERE h.scope = '{scope}' "
        f"ON CONFLICT ({', '.join(KEYS)}) DO UPDATE SET {', '.join(f'{n} = excluded.{n}' for n in named)}"
    )


def _sums(scope: str, figures: Iterable[Figure], of: str) -> Iterator[str]:
    """NULL where nobody observed, and where an observed minute is of a box that did not count it yet."""
    seen = f"{of}.{COUNTED[scope][0].quoted}"
    for figure in figures:
        column = f"{of}.{figure.quoted}"
        total = _sum(figure, column, of)
        unknown = f"bool_or({column} IS NULL AND {seen} IS NOT NULL)"
        yield f"CASE WHEN {unknown} THEN NULL ELSE {total} END" if figure.later else total


def _sum(figure: Figure, column: str, of: str) -> str:
    if figure.name == "peak":
        return f"max({column})"
    if figure.name == "now":
        return f"(array_agg({column} ORDER BY {of}.start DESC) FILTER (WHERE {column} IS NOT NULL))[1]"
    if figure.type == "BOOLEAN":
        return f"bool_or({column})"
    if figure.bins:
        each = ", ".join(f"sum({column}[{n + 1}])::bigint" for n in range(figure.bins))
        return f"CASE WHEN count({column}) > 0 THEN ARRAY[{each}] END"
    return f"sum({column}){'::bigint' if figure.type == 'BIGINT' else ''}"
