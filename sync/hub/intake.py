"""What arrived, judged: a message, a box's state, or something to set aside. Pure."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from pydantic import Field, ValidationError

from sync.bodies import first_fault
from sync.coupon_payloads import Reply
from sync.hub.upgrades import newest, newest_name
from sync.outbox import Stream
from sync.payloads import MESSAGES, STREAM_OF, Envelope, Hour, Minute, Payload, State
from sync.topics import BoxIdentity, Topic, parse

KEPT_BYTES: Final = 65_536
"""How much of an unreadable payload is kept to look at."""
STANDS_FOR_MAX: Final = 10_000
"""More messages than an hour can have had: 60 minutes of 100 parts each, and some."""
NOT_UNDERSTOOD: Final = "aside:"
"""Before the schema of a message that is kept and was not understood."""


@dataclass(frozen=True, slots=True)
class Identity:
    """`(tenant, store, box, epoch, stream, seq)`: one message for ever, however often it arrives."""

    box: BoxIdentity
    epoch: str
    stream: Stream
    seq: int


@dataclass(frozen=True, slots=True)
class Message:
    """A message that can be trusted: envelope and body are what the schema says."""

    identity: Identity
    schema: str
    sent_at: datetime
    body: str
    """JSON text, with fields that this hub does not know."""
    minute: Minute | None
    hour: Hour | None = None


@dataclass(frozen=True, slots=True)
class BoxState:
    """A birth document, a goodbye or a last will."""

    box: BoxIdentity
    state: State


@dataclass(frozen=True, slots=True)
class SetAside:
    """What cannot be used, with the reason. Nothing is thrown away unseen.

    With an `identity` (the envelope is sound, only the body is not) it counts as received and is
    acknowledged: the box would send the same bytes again for ever, and all that follow would wait behind
    them. Without one there is nothing to acknowledge.
    """

    topic: str
    payload: bytes
    reason: str
    identity: Identity | None = None
    whole: Message | None = None
    """The message all the same, under `NOT_UNDERSTOOD` and its schema: a later hub may understand it."""

    @property
    def digest(self) -> str:
        """The same payload again is the same fault again."""
        return hashlib.sha256(self.payload).hexdigest()


@dataclass(frozen=True, slots=True)
class Replied:
    """A box has answered a call."""

    box: BoxIdentity
    call: str
    reply: Reply


Intake = Message | BoxState | Replied | SetAside


class _AnyEnvelope(Envelope):
    """An envelope around whatever body."""

    schema_: str = Field(alias="schema", max_length=128)
    body: Any = None


_parse = lru_cache(maxsize=20_000)(parse)
"""Every box says the same few topics all its life."""


def judge(topic: str, payload: bytes) -> Intake:
    """What a payload on a topic is. Never raises, whatever the bytes."""
    about = _parse(topic)
    if about is None or about.kind in {"ack", "doc", "call"}:
        return SetAside(topic[:512], payload[:KEPT_BYTES], "no topic of a box")
    try:
        if about.kind == "reply":
            return _reply(about, topic, payload)
        if about.kind == "state":
            return _state(about, payload)
        return _message(about, topic, payload)
    except ValidationError as error:
        return SetAside(topic, payload[:KEPT_BYTES], first_fault(error))


def _state(about: Topic, payload: bytes) -> Intake:
    state = State.model_validate_json(payload)
    if state.box != about.box.box:
        return SetAside(about.box.state, payload[:KEPT_BYTES], f"names another box: {state.box}")
    return BoxState(about.box, state)


def _reply(about: Topic, topic: str, payload: bytes) -> Intake:
    reply = Reply.model_validate_json(payload)
    if reply.box != about.box.box or about.name is None:
        return SetAside(topic, payload[:KEPT_BYTES], f"names another box: {reply.box}")
    return Replied(about.box, about.name, reply)


_OURS: Final = re.compile(
    rb'\{"schema":"([a-z0-9/]+)","box":"([a-z0-9-]+)","epoch":"([A-Za-z0-9._:-]{1,64})",'
    rb'"stream":"(data|trigger)","seq":([0-9]{1,15}),'
    rb'"sent_at":"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{3})?Z)","body":'
)
"""An envelope as `sync/envelope.py` writes it."""
_BODIES: Final[dict[bytes, type[Payload]]] = {
    name.encode(): model.model_fields["body"].annotation  # type: ignore[misc]
    for name, model in MESSAGES.items()
}


def _as_written(about: Topic, payload: bytes) -> Message | None:
    """The common case at a third of the price: the body is read once and kept as it came. None where the
    payload is not just as a box of ours writes it, or not good: then it is looked at closely."""
    head = _OURS.match(payload)
    if head is None:
        return None
    schema, box, epoch, stream, seq, sent_at = head.groups()
    body = payload[head.end() : -1]
    if (
        schema not in _BODIES
        or (box.decode(), stream.decode()) != (about.box.box, about.stream)
        or STREAM_OF[schema.decode()] != about.stream
        or b"NaN" in body
        or b"Infinity" in body
        or not payload.endswith(b"}")
    ):
        return None
    try:
        # Valid by itself, so that `body` was the last field and the whole is JSON.
        read = _BODIES[schema].model_validate_json(body)
        sent = datetime.fromisoformat(sent_at.decode())
    except ValueError:
        return None
    identity = Identity(about.box, epoch.decode(), about.stream, int(seq))
    return _read(identity, schema.decode(), sent, body.decode(), read)


def _message(about: Topic, topic: str, payload: bytes) -> Intake:
    written = _as_written(about, payload)
    if written is not None:
        return written
    envelope = _AnyEnvelope.model_validate_json(payload)
    if envelope.box != about.box.box or envelope.stream != about.stream:
        named = f"{envelope.box}/{envelope.stream}"
        return SetAside(topic, payload[:KEPT_BYTES], f"names another box or stream: {named}")
    identity = Identity(about.box, envelope.epoch, envelope.stream, envelope.seq)
    try:
        text = json.dumps(envelope.body, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except ValueError:
        return SetAside(topic, payload[:KEPT_BYTES], "body: NaN or Infinity is no JSON number", identity)
    whole = Message(identity, NOT_UNDERSTOOD + envelope.schema_, envelope.sent_at, text, None)
    taken = judge_again(whole)
    return (
        taken if isinstance(taken, Message) else SetAside(topic, payload[:KEPT_BYTES], taken, identity, whole)
    )


def judge_again(whole: Message) -> Message | str:
    """A message that was kept without being understood, by what is understood now; or why it still is not."""
    schema = whole.schema.removeprefix(NOT_UNDERSTOOD)
    newer = newest_name(schema)
    if newer not in MESSAGES:
        return f"unknown schema {schema!r}"
    if STREAM_OF[newer] != whole.identity.stream:
        return f"{schema} does not belong on the stream {whole.identity.stream}"
    try:
        text = whole.body
        if newer != schema:
            text = json.dumps(newest(schema, json.loads(text))[1], allow_nan=False)
        body = _BODIES[newer.encode()].model_validate_json(text)
    except ValidationError as error:
        where = "body." if error.errors(include_url=False)[0]["loc"] else "body: "
        return where + first_fault(error)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        return f"body: not a good {schema}: {error!r}"[:500]
    return _read(whole.identity, schema, whole.sent_at, whole.body, body) or _TOO_MANY


_TOO_MANY: Final = f"body.stands_for: more than the {STANDS_FOR_MAX} messages that an hour can have had"


def _read(identity: Identity, schema: str, sent_at: datetime, text: str, body: Payload) -> Message | None:
    """None: it stands for more messages than we would note down one by one."""
    match body:
        case Minute():
            return Message(identity, schema, sent_at, text, body)
        case Hour():
            most = sum(last - first + 1 for first, last in body.stands_for)
            return Message(identity, schema, sent_at, text, None, body) if most <= STANDS_FOR_MAX else None
    return Message(identity, schema, sent_at, text, None)
