"""Every payload that goes over the wire, as models: the one source of the JSON Schemas.

A producer builds a payload only from these models or the functions in `sync/bodies.py`, whose types are
strict; a consumer ignores fields that it does not know, so a field may be added inside version 1.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Final, Literal, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    PlainSerializer,
    model_validator,
)

from pipelines.records import DWELL_EDGES_S, LENGTH_EDGES
from sync.outbox import Stream

MINUTE: Final = "storeedge/minute/1"
EVENT: Final = "storeedge/event/1"
TRIGGER: Final = "storeedge/trigger/1"
STATE: Final = "storeedge/state/1"
ACK: Final = "storeedge/ack/1"

WHOLE_MAX: Final = 2**53 - 1
"""The largest whole number that every JSON reader keeps exactly."""


def _utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("the time is outside the years 1 to 9999") from error


def rfc3339(value: datetime) -> str:
    """UTC text such as `2026-03-01T10:00:00Z` or `2026-03-01T10:00:00.250Z`, to the millisecond."""
    text = value.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00")
    return text.removesuffix(".000") + "Z"


Time = Annotated[
    AwareDatetime,
    AfterValidator(_utc),
    PlainSerializer(rfc3339, return_type=str, when_used="json"),
]
"""RFC 3339, UTC."""
Count = Annotated[int, Field(ge=0, le=WHOLE_MAX)]
Name = Annotated[str, Field(min_length=1, max_length=128)]
"""The id of a camera, gate, zone or lane, as the site file has it."""
Epoch = Annotated[str, Field(pattern=r"^[A-Za-z0-9._:-]{1,64}$")]
BoxId = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,64}$")]
Histogram = Annotated[tuple[Count, ...], Field(min_length=len(DWELL_EDGES_S), max_length=len(DWELL_EDGES_S))]

Lengths = Annotated[tuple[Count, ...], Field(min_length=len(LENGTH_EDGES), max_length=len(LENGTH_EDGES))]


class Payload(BaseModel):
    """Types are not coerced, unknown fields are ignored, no number is infinite."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", allow_inf_nan=False)

    def text(self) -> str:
        """Compact JSON."""
        return self.model_dump_json(by_alias=True)


_ALWAYS_KNOWN: Final = frozenset({"scope", "camera", "id", "observed_seconds"})
_ADDED: Final = frozenset({"staff_entries", "staff_exits", "staff_visits", "staff_seconds"})
"""Came after the first boxes: a message may lack them."""


class WindowBody(Payload):
    """One UTC minute of one scope. Counts are null where nobody observed and nothing was counted."""

    camera: Name
    id: Name
    observed_seconds: NonNegativeFloat = Field(
        description="Seconds of the minute covered by frames, 0 to 60."
    )

    @model_validator(mode="after")
    def _missing_is_not_zero(self) -> Self:
        measured = [value for name, value in self.__dict__.items() if name not in _ALWAYS_KNOWN | _ADDED]
        missing = sum(value is None for value in measured)
        if missing not in {0, len(measured)}:
            raise ValueError("the counts of a window are all numbers or all null")
        if missing and self.observed_seconds > 0:
            raise ValueError("counts may be null only where observed_seconds is 0")
        return self


class GateBody(WindowBody):
    """People through a gate."""

    scope: Literal["gate"]
    entries: Count | None = Field(alias="in")
    exits: Count | None = Field(alias="out")
    inferred: Count | None = Field(description="Of in and out: step over the line unseen, only both sides.")
    staff_entries: Count | None = Field(
        default=None, alias="staff_in", description="Entries that were known to be staff's in this minute."
    )
    staff_exits: Count | None = Field(default=None, alias="staff_out")


class ZoneBody(WindowBody):
    """Stays in a zone. A visit belongs to the minute in which it ended."""

    scope: Literal["zone"]
    visits: Count | None
    passes: Count | None = Field(description="Stays too short for a visit.")
    person_seconds: NonNegativeFloat | None
    peak: Count | None = Field(description="Most people at once.")
    dwell: Histogram | None = Field(
        description=f"Complete visits by length; lower edges in s: {list(DWELL_EDGES_S)}, last open."
    )
    dwell_censored: Histogram | None = Field(
        description="Visits whose real length is only known to be at least the bin's."
    )
    dwell_seconds: NonNegativeFloat | None = Field(description="Sum of all visits' lengths.")
    staff_visits: Count | None = Field(
        default=None, description="Visits that were known to be staff's in this minute."
    )
    staff_seconds: NonNegativeFloat | None = Field(default=None, description="Sum of their lengths.")


class QueueBody(WindowBody):
    """A queue. Its mean length is `length_seconds` over `observed_seconds`; a wait belongs to the minute in
    which it ended."""

    scope: Literal["queue"]
    length_seconds: NonNegativeFloat | None = Field(description="Integral of the length over the minute.")
    peak: Count | None = Field(description="Most people at once.")
    lengths: Lengths | None = Field(
        description="How often, once a second, it was so long; "
        f"lower edges in people: {list(LENGTH_EDGES)}, last open."
    )
    waits: Count | None = Field(description="All that ended, but for the balked.")
    served: Count | None
    abandoned: Count | None = Field(description="Went away unserved after 10 s or more.")
    balked: Count | None = Field(description="Came up to the long queue and did not join; they did not wait.")
    over_limit: Count | None = Field(description="Waits longer than the queue's limit, served or not.")
    wait: Histogram | None = Field(
        description=f"Waits that ended with service; lower edges in s: {list(DWELL_EDGES_S)}, last open."
    )
    wait_censored: Histogram | None = Field(description="Waits that would have taken longer than the bin's.")
    wait_seconds: NonNegativeFloat | None = Field(description="Sum of all waits' lengths.")


class CounterBody(WindowBody):
    """A counter with a staff zone: was somebody there?"""

    scope: Literal["counter"]
    attended_seconds: NonNegativeFloat | None
    unattended_seconds: NonNegativeFloat | None
    waiting_seconds: NonNegativeFloat | None = Field(
        description="Of the unattended seconds, with customers there."
    )


class CameraBody(WindowBody):
    """A whole camera."""

    scope: Literal["camera"]
    frames: Count | None
    person_seconds: NonNegativeFloat | None
    peak: Count | None = Field(description="Most people at once.")


class LaneBody(WindowBody):
    """Vehicles through a lane, by direction in the picture."""

    scope: Literal["lane"]
    up: Count | None
    down: Count | None
    left: Count | None
    right: Count | None
    wrong_way: Count | None


AnyWindow = Annotated[
    GateBody | ZoneBody | QueueBody | CounterBody | CameraBody | LaneBody, Field(discriminator="scope")
]


class Minute(Payload):
    """All windows of a box for one UTC minute."""

    start: Time = Field(description="The minute's first instant.")
    windows: tuple[AnyWindow, ...] = Field(max_length=10_000)

    @model_validator(mode="after")
    def _starts_a_minute(self) -> Self:
        if self.start.second or self.start.microsecond:
            raise ValueError("start is not the beginning of a UTC minute")
        return self


class EventBody(Payload):
    """Something that a person should act on."""

    name: Name
    at: Time
    camera: Name | None = None
    scope: Name | None = Field(default=None, description="The gate, zone or lane that it is about.")
    ended_at: Time | None = None
    detail: dict[Name, bool | int | float | str] = Field(default_factory=dict)


class TriggerBody(Payload):
    """A decision about a coupon. A late one is kept for the books, never acted upon after `expires_at`."""

    key: Name = Field(description="Idempotency key: one decision has one key, however often it arrives.")
    lane: Name
    direction: Literal["entry", "exit"]
    decision: Literal["issued", "suppressed"]
    reason: Name | None = Field(default=None, description="Why it was suppressed.")
    offer: Name | None = None
    at: Time
    expires_at: Time | None = None
    token: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = Field(
        default=None, description="HMAC-SHA-256 of the plate of a member, never the plate."
    )
    member: bool | None = None
    minutes_parked: NonNegativeFloat | None = None


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


class EventMessage(Envelope):
    """An event on `up/data`."""

    schema_: Literal["storeedge/event/1"] = Field(alias="schema")
    body: EventBody


class TriggerMessage(Envelope):
    """A coupon decision on `up/trigger`."""

    schema_: Literal["storeedge/trigger/1"] = Field(alias="schema")
    body: TriggerBody


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


class Ack(Payload):
    """The centre has committed every message of the stream up to and including `upto`."""

    epoch: Epoch
    upto: Count


MESSAGES: Final[dict[str, type[MinuteMessage] | type[EventMessage] | type[TriggerMessage]]] = {
    MINUTE: MinuteMessage,
    EVENT: EventMessage,
    TRIGGER: TriggerMessage,
}
"""Schema name to the model of the whole message."""
STREAM_OF: Final[dict[str, Stream]] = {MINUTE: "data", EVENT: "data", TRIGGER: "trigger"}
