"""A batch as rows for PostgreSQL: sorted, each key once, without what PostgreSQL cannot hold. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final

from sync.hub.hours import HOUR_S, IN_AN_HOUR, latest_minute, stood_for, which_minutes
from sync.hub.intake import BoxState, Identity, Intake, Message, Replied, SetAside
from sync.hub.postgres_tables import MEASURED
from sync.outbox import STREAMS, Stream
from sync.payloads import Hour, Minute
from sync.topics import BoxIdentity
from sync.window_bodies import LaterBody, QualityBody, WindowBody

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
    """None: received, but set aside or told in an hour. In order of key, so that two hubs never wait for each
    other."""
    in_an_hour: dict[MessageKey, MessageKey] = field(default_factory=dict)
    """What an hour stands for, and that hour."""
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
                    found.messages.setdefault(key, poison.whole and _holdable(poison.whole))
                    found.touched.add(key[:5])
            case Replied():
                pass  # the coupon books keep it
    found.in_an_hour = {key: hour for key, hour in found.in_an_hour.items() if key not in found.messages}
    found.messages.update(dict.fromkeys(found.in_an_hour))
    found.messages = dict(sorted(found.messages.items()))
    found.states = dict(sorted(found.states.items()))
    found.aside.sort(key=lambda item: (item.topic, item.digest))
    return found


def _message(found: Sorted, message: Message) -> None:
    key = key_of(message.identity)
    found.touched.add(key[:5])
    held = found.messages.setdefault(key, message)
    if held is not message:
        if held is None or held.body != message.body:
            found.aside.append(another(message))
    elif message.hour is not None:
        for seq in stood_for(message.hour):
            found.in_an_hour.setdefault((*key[:5], seq), key)


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


def _holdable(whole: Message) -> Message | None:
    return None if "\\u0000" in whole.body and _NUL.search(whole.body) else whole


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


def message_lines(found: Sorted, received: str) -> list[str]:
    """For COPY, in order of key."""
    lines = []
    for key, message in found.messages.items():
        if message is None:
            told = IN_AN_HOUR if key in found.in_an_hour else ""
            lines.append(f"{_KEY % key}\t{told}\t{received}\t{received}\t\\N\n")
        else:
            sent = message.sent_at.isoformat()
            lines.append(f"{_KEY % key}\t{message.schema}\t{sent}\t{received}\t{_escaped(message.body)}\n")
    return lines


@dataclass(slots=True)
class Windows:
    """The windows of some messages as lines for COPY, by scope."""

    minutes: dict[str, list[str]] = field(default_factory=dict)
    merged: dict[str, list[str]] = field(default_factory=dict)
    due: set[tuple[str, str]] = field(default_factory=set)
    """Scope, and the key of an hour that they belong to."""


def window_lines(messages: Iterable[Message]) -> Windows:
    """Of one minute there may be several tellings."""
    found = Windows()
    for message in messages:
        if message.minute is not None:
            _minute(found, message.identity, message.minute)
        elif message.hour is not None:
            _hour(found, message.identity, message.hour)
    return found


def _minute(found: Windows, identity: Identity, minute: Minute) -> None:
    start = int(minute.start.timestamp())
    hour = start // HOUR_S * HOUR_S
    box = f"{identity.box.tenant}\t{identity.box.store}\t{identity.box.box}\t"
    after = f"\t{start}\t{identity.epoch}\t{identity.seq}\t"
    after_hour = f"\t{hour}\t{identity.epoch}"
    for window in minute.windows:
        scope = window.scope
        if isinstance(window, LaterBody):  # its figures stay in the message, for a later hub
            continue
        what = f"{box}{_name(window.camera)}\t{_name(window.id)}"
        found.minutes.setdefault(scope, []).append(f"{what}{after}{_measured(scope, window)}\n")
        found.due.add((scope, what + after_hour))


def _hour(found: Windows, identity: Identity, hour: Hour) -> None:
    """A window that it has twice counts once, the last."""
    start = int(hour.start.timestamp())
    box = f"{identity.box.tenant}\t{identity.box.store}\t{identity.box.box}\t"
    own = f"{identity.seq}\t{len(hour.minutes)}\t{which_minutes(hour)}\t{latest_minute(hour)}"
    lines: dict[tuple[str, str], str] = {}
    for window in hour.windows:
        if isinstance(window, LaterBody):
            continue
        what = f"{box}{_name(window.camera)}\t{_name(window.id)}\t{start}\t{identity.epoch}"
        lines[window.scope, what] = f"{what}\t{own}\t{_measured(window.scope, window)}\n"
    for (scope, _), line in lines.items():
        found.merged.setdefault(scope, []).append(line)
    found.due.update(lines)


def touched_hours(messages: Iterable[Message]) -> dict[str, list[Row]]:
    """By scope: tenant, store, box, camera, id, epoch, start of the hours of their windows."""
    found: dict[str, set[Row]] = {}
    for message in messages:
        told = message.minute or message.hour
        if told is None:
            continue
        box, epoch = message.identity.box, message.identity.epoch
        start = int(told.start.timestamp()) // HOUR_S * HOUR_S
        for window in told.windows:
            if not isinstance(window, LaterBody):
                key = (box.tenant, box.store, box.box, window.camera, window.id, epoch, start)
                found.setdefault(window.scope, set()).add(key)
    return {scope: sorted(keys) for scope, keys in found.items()}


def _measured(scope: str, window: WindowBody) -> str:
    """Observed seconds and figures, as COPY reads them."""
    values = _VALUES[scope](window)
    written = _WRITTEN[scope]
    if written or None in values:
        changed = list(values)
        for place, text in written:
            if changed[place] is not None:
                changed[place] = text(changed[place])
        if None in changed:
            changed = ["\\N" if value is None else value for value in changed]
        values = tuple(changed)
    return _LINES[scope] % values


def _array(histogram: tuple[int, ...]) -> str:
    return f"{{{str(histogram)[1:-1]}}}"


def _cells(cells: tuple[tuple[int, int, float], ...]) -> str:
    return str(list(cells)).replace("(", "[").replace(")", "]")  # three times as fast as a JSON library


def _quality(quality: QualityBody) -> str:
    """The same as its `model_dump_json`, for a third."""
    fps, share, each = quality.fps, quality.inferred_share, quality.identities_per_entry
    return (
        f'{{"fps":{"null" if fps is None else fps},"coverage":{quality.coverage},'
        f'"inferred_share":{"null" if share is None else share},'
        f'"identities_per_entry":{"null" if each is None else each},'
        f'"confidence":"{quality.confidence}","reasons":{_reasons(quality.reasons)}}}'
    )


@lru_cache(maxsize=1024)
def _reasons(reasons: tuple[str, ...]) -> str:
    return _escaped(json.dumps(reasons, ensure_ascii=False, separators=(",", ":")))


def _escaped(text: str) -> str:
    """As COPY reads it."""
    if "\\" in text:
        text = text.replace("\\", "\\\\")
    if "\n" in text or "\t" in text or "\r" in text:
        text = text.translate(_BREAKS)
    return text


_name = lru_cache(maxsize=65_536)(_escaped)
"""There are few names, and each comes every minute."""
_BREAKS: Final = {ord("\t"): "\\t", ord("\n"): "\\n", ord("\r"): "\\r"}
_KEY: Final = "%s\t%s\t%s\t%s\t%s\t%d"
_VALUES: Final = {
    scope: attrgetter("observed_seconds", *(figure.name for figure in figures))
    for scope, figures in MEASURED.items()
}
_LINES: Final = {scope: "\t".join(["%s"] * (1 + len(figures))) for scope, figures in MEASURED.items()}
_TEXTS: Final[dict[str, Callable[[Any], str]]] = {"quality": _quality, "cells": _cells}
_WRITTEN: Final[dict[str, list[tuple[int, Callable[[Any], str]]]]] = {
    scope: [
        (place, _array if figure.bins else _TEXTS[figure.name])
        for place, figure in enumerate(figures, 1)
        if figure.bins or figure.name in _TEXTS
    ]
    for scope, figures in MEASURED.items()
}
"""What is not as PostgreSQL reads it: which of the measured, and what makes it so."""


def plain(text: str) -> str:
    """Text that PostgreSQL can hold."""
    return text.replace("\0", "\\0").encode(errors="backslashreplace").decode()
