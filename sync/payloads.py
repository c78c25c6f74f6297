"""Every payload that goes over the wire, as models: the one source of the JSON Schemas.

A producer builds a payload only from these models or the functions in `sync/bodies.py`, whose types are
strict; a consumer ignores fields that it does not know, so a field may be added inside version 1.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from sync.coupon_payloads import REDEEMED, TRIGGER, RedeemedBody, TriggerBody
from sync.fields import (
    BoxId,
    Count,
    Epoch,
    Name,
    Payload,
    PublicKeyText,
    Time,
    rfc3339,
)
from sync.outbox import Stream
from sync.window_bodies import AnyWindow

__all__ = [
    "ACK",
    "EVENT",
    "HOUR",
    "MESSAGES",
    "MINUTE",
    "STATE",
    "STREAM_OF",
    "TRIGGER",
    "Ack",
    "Envelope",
    "EventBody",
    "Hour",
    "Minute",
    "Payload",
    "State",
    "StreamRange",
    "Time",
    "TriggerBody",
    "rfc3339",
]  # fmt: skip

MinuteOfHour = Annotated[int, Field(ge=0, le=59)]
SeqRange = tuple[Count, Count]
"""First and last, both included."""

MINUTE: Final = "storeedge/minute/1"
HOUR: Final = "storeedge/hour/1"
EVENT: Final = "storeedge/event/1"
STATE: Final = "storeedge/state/1"
ACK: Final = "storeedge/ack/1"


class Minute(Payload):
    """All windows of a box for one UTC minute."""

    start: Time = Field(description="The minute's first instant.")
    windows: tuple[AnyWindow, ...] = Field(max_length=10_000)

    @model_validator(mode="after")
    def _starts_a_minute(self) -> Self:
        if self.start.second or self.start.microsecond:
            raise ValueError("start is not the beginning of a UTC minute")
        return self


class Hour(Payload):
    """Minutes of one UTC hour as one message, of a box whose disk was full before the centre came back.

    It replaces the minutes that it names, of the same box and epoch: those that the centre has, and one that
    comes later with a lower `seq`. It replaces no other hour: several of one hour add up, each under its own
    `seq`: the minutes that were left out of the first, or windows too many for one message, which then name
    the same minutes. One that names none only adds: figures of a minute that the box told before and no
    longer has in detail (its clock was set back by days).

    The box has deleted the messages that it `stands_for`, some of which may have arrived before. Until it
    comes, the last of all that wait, they are missing at the centre as if given up; with it they are not
    lost, and one of them that still comes changes nothing.
    """

    start: Time = Field(description="The hour's first instant.")
    minutes: Annotated[tuple[MinuteOfHour, ...], Field(max_length=60)] = Field(
        description="The minutes of the hour that it holds, rising: 0 to 59; none: it only adds."
    )
    windows: tuple[AnyWindow, ...] = Field(
        max_length=10_000, description="Their figures together; observed_seconds is up to 3600."
    )
    stands_for: Annotated[tuple[SeqRange, ...], Field(max_length=1_000)] = Field(
        default=(),
        description="First and last `seq`, rising, of the box's messages that it takes the place of. Of one "
        "hour in several messages only the first has them.",
    )

    @model_validator(mode="after")
    def _names_minutes_of_an_hour(self) -> Self:
        if self.start.minute or self.start.second or self.start.microsecond:
            raise ValueError("start is not the beginning of a UTC hour")
        if sorted(set(self.minutes)) != list(self.minutes):
            raise ValueError("minutes are not rising")
        seqs = [seq for first, last in self.stands_for for seq in (first, last + 1)]
        if seqs != sorted(seqs) or any(first > last for first, last in self.stands_for):
            raise ValueError("stands_for is not rising")
        return self


class EventBody(Payload):
    """Something that a person should act on."""

    name: Name
    at: Time
    camera: Name | None = None
    scope: Name | None = Field(default=None, description="The gate, zone or lane that it is about.")
    ended_at: Time | None = None
    detail: dict[Name, bool | int | float | str] = Field(default_factory=dict)


class Envelope(Payload):
    """What surrounds every body: `(box, epoch, stream, seq)` is the message's identity for ever."""

    box: BoxId
    epoch: Epoch = Field(description="Changes when the box's database is made anew.")
    stream: Stream
    seq: Count = Field(description="Rises by one with each message of the stream.")
    sent_at: Time = Field(description="Of this sending; a repeat has a later one.")


class MinuteMessage(Envelope):
    """A minute on `up/data`."""

    schema_: Literal["storeedge/minute/1"] = Field(alias="schema")
    body: Minute


class HourMessage(Envelope):
    """The minutes of an hour on `up/data`."""

    schema_: Literal["storeedge/hour/1"] = Field(alias="schema")
    body: Hour


class EventMessage(Envelope):
    """An event on `up/data`."""

    schema_: Literal["storeedge/event/1"] = Field(alias="schema")
    body: EventBody


class TriggerMessage(Envelope):
    """A coupon decision on `up/trigger`."""

    schema_: Literal["storeedge/trigger/1"] = Field(alias="schema")
    body: TriggerBody


class RedeemedMessage(Envelope):
    """The use of a coupon on `up/trigger`."""

    schema_: Literal["storeedge/redeemed/1"] = Field(alias="schema")
    body: RedeemedBody


class StreamRange(Payload):
    """What still waits on the box, by sequence number; both null when nothing waits."""

    first: Count | None
    last: Count | None


class State(Payload):
    """The birth document, retained; with `online` false the last will or the goodbye."""

    schema_: Literal["storeedge/state/1"] = Field(alias="schema")
    box: BoxId
    epoch: Epoch
    online: bool
    connected_at: Time = Field(
        description="The same in a birth and its will: a will of an older time is stale."
    )
    version: Name | None = None
    language: Name | None = None
    cameras: tuple[Name, ...] = ()
    model: Name | None = None
    clock: Name | None = Field(default=None, description="Whether the box's time can be trusted.")
    started_at: Time | None = None
    streams: dict[Name, StreamRange] = Field(default_factory=dict, description="By stream: data, trigger.")
    signing_key: PublicKeyText | None = Field(
        default=None, description="Ed25519, base64: verifies the box's triggers."
    )
    sealing_key: PublicKeyText | None = Field(
        default=None, description="X25519, base64: secrets for the box are sealed with it."
    )
    documents: dict[Name, Count] = Field(
        default_factory=dict, description="Version of each complete document that the box holds."
    )


class Ack(Payload):
    """The centre has committed every message of the stream up to and including `upto`."""

    epoch: Epoch
    upto: Count


MESSAGES: Final[
    dict[
        str,
        type[MinuteMessage]
        | type[HourMessage]
        | type[EventMessage]
        | type[TriggerMessage]
        | type[RedeemedMessage],
    ]
] = {
    MINUTE: MinuteMessage,
    HOUR: HourMessage,
    EVENT: EventMessage,
    TRIGGER: TriggerMessage,
    REDEEMED: RedeemedMessage,
}
"""Schema name to the model of the whole message."""
STREAM_OF: Final[dict[str, Stream]] = {
    MINUTE: "data",
    HOUR: "data",
    EVENT: "data",
    TRIGGER: "trigger",
    REDEEMED: "trigger",
}
