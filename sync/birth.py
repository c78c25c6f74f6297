"""The birth document of a box, and its goodbye or last will."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime

from sync.bodies import utc
from sync.happenings import Confirmed
from sync.mqtt import Link
from sync.outbox import Backlog, Stream
from sync.payloads import STATE, State, StreamRange
from sync.status import BirthFacts
from sync.topics import BoxIdentity


def birth(
    box: BoxIdentity,
    epoch: str,
    connected_at: datetime,
    facts: BirthFacts,
    *,
    backlog: Mapping[Stream, Backlog],
    documents: Mapping[str, int],
) -> State:
    """What a box says when it has connected, and when its facts change."""
    return State(
        schema=STATE,
        box=box.box,
        epoch=epoch,
        online=True,
        connected_at=connected_at,
        version=facts.version,
        language=facts.language,
        cameras=facts.cameras,
        model=facts.model,
        clock=facts.clock,
        started_at=utc(facts.started_at),
        streams={
            stream: StreamRange(first=waiting.first_seq, last=waiting.last_seq)
            for stream, waiting in backlog.items()
        },
        signing_key=facts.signing_key,
        sealing_key=facts.sealing_key,
        documents=dict(documents),
    )


def goodbye(box: BoxIdentity, epoch: str, connected_at: datetime) -> State:
    """What it says when it goes, or the broker when it has vanished."""
    return State(schema=STATE, box=box.box, epoch=epoch, online=False, connected_at=connected_at)


def say_goodbye(link: Link, topic: str, text: str, seconds: float) -> None:
    """Publish it and wait until the broker has it, but no longer than `seconds`."""
    token = link.publish(topic, text, retain=True)
    until = time.monotonic() + seconds
    while link.up and (left := until - time.monotonic()) > 0:
        if any(isinstance(h, Confirmed) and h.token == token for h in link.poll(left)):
            return
