"""A row of the outbox as the message that goes over the wire."""

from __future__ import annotations

import json
import time
from datetime import datetime
from functools import lru_cache

from pydantic_core import from_json

from sync.fields import rfc3339
from sync.outbox import OutboxRow, Stream
from sync.topics import BoxIdentity


def envelope(box: BoxIdentity, row: OutboxRow, sent_at: datetime) -> bytes:
    """A row's message. A body that is no JSON object goes as null: the centre sets it aside and
    acknowledges, so that one damaged row does not hold up all that follow."""
    head = f'{_head(row.schema, box.box, row.epoch, row.stream)}{row.seq},"sent_at":"{rfc3339(sent_at)}"'
    try:
        message = f'{head},"body":{row.body}}}'.encode()
        # By the centre's own parser, so that it will be able to read it; also the fastest.
        if isinstance(from_json(message)["body"], dict):
            return message
    except ValueError:
        pass
    return f'{head},"body":null}}'.encode()


@lru_cache(maxsize=32)
def _head(schema: str, box: str, epoch: str, stream: Stream) -> str:
    """All that does not change from row to row."""
    fields = {"schema": schema, "box": box, "epoch": epoch, "stream": stream}
    return json.dumps(fields, separators=(",", ":"))[:-1] + ',"seq":'


def lifetime(row: OutboxRow, now: float | None = None) -> int | None:
    """Seconds after which a broker may forget a trigger; it is sent anew until the centre has it, for the
    books, but nobody else shall get it late. now: UTC seconds; None: by the wall clock."""
    return (
        None
        if row.expires_at is None
        else max(1, int(row.expires_at - (time.time() if now is None else now)))
    )
