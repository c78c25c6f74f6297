"""What the centre holds in the end, beside what the boxes have made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psycopg

from scripts.fleet.messages import entries
from sync.outbox import Stream
from sync.topics import BoxIdentity

Made = Mapping[BoxIdentity, Mapping[Stream, int]]


@dataclass(frozen=True, slots=True)
class Held:
    """Messages are counted by their identity, entries by the gates' minutes."""

    made: int
    held: int
    lost: int
    """Messages that a box has made and the centre does not hold."""
    strange: int
    """Messages that nobody made, streams that were given up, messages set aside."""
    wrong_sums: int
    """Boxes whose entries at the centre are not what they counted."""
    bytes_of: Mapping[str, int]
    """On the disk with their indexes: messages, minutes, hours, and all else that the database has."""
    hours: int
    """Of all boxes, of which there are sums."""


def compare(url: str, made: Made) -> Held:
    """Every message of every box once, and every sum right, or not."""
    with psycopg.connect(url, autocommit=True) as db:
        held = _rows(
            db,
            "SELECT store, box, stream, count(*), min(seq), max(seq) FROM message "
            "GROUP BY store, box, stream",
        )
        given_up = _number(db, "SELECT coalesce(sum(given_up), 0) FROM stream")  # nobody's disk was full
        entered = {
            (row[0], row[1]): (int(row[2]), int(row[3]))
            for row in db.execute(
                "SELECT store, box, sum(entries), count(*) FROM gate_minute GROUP BY store, box"
            )
        }
        aside = _number(db, "SELECT count(*) FROM set_aside")
        bytes_of = _bytes_of(db)
        hours = _number(db, "SELECT count(*) FROM gate_hour")
    lost = strange = wrong = 0
    for box, streams in made.items():
        for stream, last in streams.items():
            count, least, greatest = held.pop((box.store, box.box, stream), (0, 1, 0))
            lost += max(0, last - count)
            strange += max(0, count - last) + (count > 0 and (least, greatest) != (1, last))
        minutes = streams["data"]
        true = sum(entries(seq) for seq in range(1, minutes + 1)), minutes
        wrong += minutes > 0 and entered.pop((box.store, box.box), None) != true
    return Held(
        made=sum(sum(streams.values()) for streams in made.values()),
        held=sum(sum(streams.values()) for streams in made.values()) - lost,
        lost=lost,
        strange=strange + len(held) + given_up + aside,
        wrong_sums=wrong + len(entered),
        bytes_of=bytes_of,
        hours=hours,
    )


def _rows(db: psycopg.Connection[tuple[Any, ...]], query: str) -> dict[tuple[str, ...], tuple[int, int, int]]:
    return {tuple(row[:3]): (row[3], row[4], row[5]) for row in db.execute(query.encode())}


def _bytes_of(db: psycopg.Connection[tuple[Any, ...]]) -> dict[str, int]:
    found = dict.fromkeys(("messages", "minutes", "hours"), 0)
    kinds = {"message": "messages", "minute": "minutes", "hour": "hours"}
    rows = db.execute(
        "SELECT relname, pg_total_relation_size(oid) FROM pg_class "
        "WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
    )
    for name, size in rows:
        kind = kinds.get(name.rpartition("_")[2], "rest")
        found[kind] = found.get(kind, 0) + size
    return found


def _number(db: psycopg.Connection[tuple[Any, ...]], query: str) -> int:
    row = db.execute(query.encode()).fetchone()
    return 0 if row is None else int(row[0])
