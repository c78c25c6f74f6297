"""What arrived, judged: a message, a box's state, or something to set aside. Pure."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pydantic import Field, ValidationError

from sync.bodies import first_fault
from sync.coupon_payloads import Reply
from sync.outbox import Stream
from sync.payloads import MESSAGES, STREAM_OF, Envelope, Minute, State
from sync.topics import BoxIdentity, Topic, parse

KEPT_BYTES: Final = 65_536
"""How much of an unreadable payload is kept to look at."""


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


def judge(topic: str, payload: bytes) -> Intake:
    """What a payload on a topic is. Never raises, whatever the bytes."""
    about = parse(topic)
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


def _message(about: Topic, topic: str, payload: bytes) -> Intake:
    envelope = _AnyEnvelope.model_validate_json(payload)
    if envelope.box != about.box.box or envelope.stream != about.stream:
        named = f"{envelope.box}/{envelope.stream}"
        return SetAside(topic, payload[:KEPT_BYTES], f"names another box or stream: {named}")
    identity = Identity(about.box, envelope.epoch, envelope.stream, envelope.seq)
    reason = _mismatch(envelope)
    if reason is not None:
        return SetAside(topic, payload[:KEPT_BYTES], reason, identity)
    try:
        whole = MESSAGES[envelope.schema_].model_validate_json(payload)
        body = json.dumps(envelope.body, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except ValidationError as error:
        return SetAside(topic, payload[:KEPT_BYTES], first_fault(error), identity)
    except ValueError:
        return SetAside(topic, payload[:KEPT_BYTES], "body: NaN or Infinity is no JSON number", identity)
    minute = whole.body if isinstance(whole.body, Minute) else None
    return Message(identity, envelope.schema_, envelope.sent_at, body, minute)


def _mismatch(envelope: _AnyEnvelope) -> str | None:
    if envelope.schema_ not in MESSAGES:
        return f"unknown schema {envelope.schema_!r}"
    if STREAM_OF[envelope.schema_] != envelope.stream:
        return f"{envelope.schema_} does not belong on the stream {envelope.stream}"
    return None
