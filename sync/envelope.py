"""A row of the outbox as the message that goes over the wire."""

from __future__ import annotations

import json
import time
from datetime import datetime

from sync.fields import rfc3339
from sync.outbox import OutboxRow
from sync.topics import BoxIdentity


def envelope(box: BoxIdentity, row: OutboxRow, sent_at: datetime) -> bytes:
    """A row's message. A body that is no JSON object goes as null: the centre sets it aside and
    acknowledges, so that one damaged row does not hold up all that follow."""
    try:
        whole = isinstance(json.loads(row.body), dict)
    except (ValueError, RecursionError):
        whole = False
    head = json.dumps(
        {
            "schema": row.schema,
            "box": box.box,
            "epoch": row.epoch,
            "stream": row.stream,
            "seq": row.seq,
            "sent_at": rfc3339(sent_at),
        },
        separators=(",", ":"),
    )
    return f'{head[:-1]},"body":{row.body if whole else "null"}}}'.encode()


def lifetime(row: OutboxRow) -> int | None:
    """Seconds after which a broker may forget a trigger; it is sent anew until the centre has it, for the
    books, but nobody else shall get it late."""
    return None if row.expires_at is None else max(1, int(row.expires_at - time.time()))
