"""A batch as rows for PostgreSQL: sorted, each key once, without what PostgreSQL cannot hold. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, Final

from sync.hub.intake import BoxState, Identity, Intake, Message, Replied, SetAside
from sync.hub.postgres_tables import MEASURED
from sync.outbox import STREAMS, Stream
from sync.payloads import Minute
from sync.topics import BoxIdentity
from sync.window_bodies import LaterBody, QualityBody

StreamKey = tuple[str, str, str, str, Stream]
"""Tenant, store, box, epoch, stream."""
MessageKey = tuple[str, str, str, str, Stream, int]
Row = tuple[Any, ...]

_NUL: Final = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
"""The character as JSON writes it; not `\\\\u0000`, a backslash and five other characters."""
_HOLDS_NUL: Final = "PostgreSQL cannot hold the character U+0000"


def stream_key(box: BoxIdentity, epoch: str, stream: Stream) -> StreamKey:
    """A stream in the words of the tables."""
    return box.tenant, box.store, box.box, epoch, stream


def key_of(identity: Identity) -> MessageKey:
    """A message in the words of the tables."""
    box = identity.box
    return box.tenant, box.store, box.box, identity.epoch, identity.stream, identity.seq


@dataclass(slots=True)
class Sorted:
    """What a batch comes to."""

    messages: dict[MessageKey, Message | None] = field(default_factory=dict)
    """None: set aside, but received. In order of key, so that two hubs never wait for each other."""
    touched: set[StreamKey] = field(default_factory=set)
    states: dict[tuple[str, str, str], BoxState] = field(default_factory=dict)
    """The newest of each box, in order."""
    firsts: dict[StreamKey, tuple[int, int]] = field(default_factory=dict)
    """The least and the greatest seq that a stream was told to begin with."""
    aside: list[SetAside] = field(default_factory=list)


def sort(batch: Iterable[Intake]) -> Sorted:
    """Take a batch apart."""
    found = Sorted()
    for item in batch:
        match _fit(item):
            case Message() as message:
                _message(found, message)
            case BoxState() as told:
                _state(found, told)
            case SetAside() as poison:
                found.aside.append(poison)
                if poison.identity is not None:
                    key = key_of(poison.identity)
                    found.messages.setdefault(key, None)
                    found.touched.add(key[:5])
            case Replied():
                pass  # the coupon books keep it
    found.messages = dict(sorted(found.messages.items()))
    found.states = dict(sorted(found.states.items()))
    found.aside.sort(key=lambda item: (item.topic, item.digest))
    return found


def _message(found: Sorted, message: Message) -> None:
    key = key_of(message.identity)
    found.touched.add(key[:5])
    held = found.messages.setdefault(key, message)
    if held is not message and (held is None or held.body != message.body):
        found.aside.append(another(message))


def _state(found: Sorted, told: BoxState) -> None:
    box, state = told.box, told.state
    name = (box.tenant, box.store, box.box)
    held = found.states.get(name)
    if held is None or state.connected_at >= held.state.connected_at:
        found.states[name] = told
    for stream in STREAMS:
        if stream in state.streams:
            key = stream_key(box, state.epoch, stream)
            found.touched.add(key)
            first = state.streams[stream].first
            if first is not None:
                least, greatest = found.firsts.get(key, (first, first))
                found.firsts[key] = (min(least, first), max(greatest, first))


def another(message: Message) -> SetAside:
    """A second body under an identity comes from a box that was put back to an older copy."""
    identity = message.identity
    reason = f"another message is already held as {identity.epoch}/{identity.stream}/{identity.seq}"
    return SetAside(identity.box.up(identity.stream), message.body.encode(), reason)


def refused(item: Intake, reason: str) -> SetAside | None:
    """What the database did not take, to be kept to look at; None where even that is of no use."""
    match item:
        case Message(identity=identity, body=body):
            return SetAside(identity.box.up(identity.stream), body.encode(), reason, identity)
        case BoxState(box=box, state=state):
            return SetAside(box.state, state.text().encode(), reason)
        case _:
            return None


def _fit(item: Intake) -> Intake:
    if isinstance(item, Message):
        text = item.body
    elif isinstance(item, BoxState):
        text = item.state.text()
    else:
        return item
    if "\\u0000" not in text or not _NUL.search(text):
        return item
    return refused(item, _HOLDS_NUL) or item


def message_rows(found: Sorted, received: str) -> list[Row]:
    """For `staged`, in order of key."""
    return [
        (*key, "", received, None)
        if message is None
        else (*key, message.schema, message.sent_at.isoformat(), message.body)
        for key, message in found.messages.items()
    ]


def window_rows(messages: Iterable[Message]) -> dict[str, list[Row]]:
    """For each scope's `staged_…`: key, seq, observed seconds, figures; of one minute only the newest."""
    found: dict[str, dict[Row, Row]] = {}
    for message in messages:
        if message.minute is not None:
            _windows(found, message.identity, message.minute)
    return {scope: list(rows.values()) for scope, rows in found.items()}


def _windows(found: dict[str, dict[Row, Row]], identity: Identity, minute: Minute) -> None:
    start = int(minute.start.timestamp())
    box, seq = identity.box, identity.seq
    for window in minute.windows:
        if isinstance(window, LaterBody):  # its figures stay in the message, for a later hub
            continue
        rows = found.setdefault(window.scope, {})
        key = (box.tenant, box.store, box.box, window.camera, window.id, start, identity.epoch)
        held = rows.get(key)
        if held is None or held[len(key)] <= seq:
            measured = list(_MEASURED[window.scope](window))
            for place, text in _WRITTEN[window.scope]:
                if measured[place] is not None:
                    measured[place] = text(measured[place])
            rows[key] = (*key, seq, *measured)


def _array(histogram: tuple[int, ...]) -> str:
    return f"{{{','.join(map(str, histogram))}}}"


def _cells(cells: tuple[tuple[int, int, float], ...]) -> str:
    return f"[{','.join([f'[{c},{r},{t}]' for c, r, t in cells])}]"


_MEASURED: Final = {
    scope: attrgetter("observed_seconds", *(figure.name for figure in figures))
    for scope, figures in MEASURED.items()
}
_TEXTS: Final[dict[str, Callable[[Any], str]]] = {
    "quality": QualityBody.model_dump_json,
    "cells": _cells,
}
_WRITTEN: Final[dict[str, list[tuple[int, Callable[[Any], str]]]]] = {
    scope: [
        (place, _array if figure.bins else _TEXTS[figure.name])
        for place, figure in enumerate(figures, 1)
        if figure.bins or figure.name in _TEXTS
    ]
    for scope, figures in MEASURED.items()
}
"""What goes as text that PostgreSQL reads: which of the measured, and how."""


def plain(text: str) -> str:
    """Text that PostgreSQL can hold."""
    return text.replace("\0", "\\0").encode(errors="backslashreplace").decode()
