"""The windows of a minute on the wire, one model for each scope.

A scope or a field may be added inside version 1: a message of an older box lacks the field (it is null then),
and a consumer ignores what it does not know. So every field that came later has a default.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from operator import itemgetter
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, Field, NonNegativeFloat, model_validator

from pipelines.counts import HEAT_CELLS_MAX
from pipelines.records import DWELL_EDGES_S, HEAT_CELL_FRAME, HEAT_CELL_M, LENGTH_EDGES, Confidence
from sync.fields import WHOLE_MAX, Count, Histogram, Lengths, Name, Payload

Share = Annotated[float, Field(ge=0, le=1)]
Column = Annotated[int, Field(ge=-1_000_000, le=1_000_000)]
Change = Annotated[int, Field(ge=-WHOLE_MAX, le=WHOLE_MAX)]
Cell = tuple[Column, Column, NonNegativeFloat]
"""Column, row, seconds of presence."""

_ALWAYS_KNOWN: Final = frozenset({"scope", "camera", "id", "observed_seconds", "unit"})


class QualityBody(Payload):
    """What a window's figures rest on."""

    fps: NonNegativeFloat | None = Field(description="Frames analysed a second while it was observed.")
    coverage: Share = Field(description="Share of the minute that was observed.")
    inferred_share: Share | None = Field(description="Crossings whose step over the line was not seen.")
    identities_per_entry: NonNegativeFloat | None = Field(
        description="Tracks over people; 1 is perfect, more means that people were taken for new ones."
    )
    confidence: Confidence = Field(description="How far the figures may be trusted.")
    reasons: Annotated[tuple[Name, ...], Field(max_length=32)] = Field(
        default=(), description="Why it is not good, the gravest first."
    )


class WindowBody(Payload):
    """One UTC minute of one scope. Counts are null where nobody observed and nothing was counted."""

    camera: Name
    id: Name
    observed_seconds: NonNegativeFloat = Field(
        description="Seconds of the minute covered by frames, 0 to 60."
    )

    @model_validator(mode="after")
    def _missing_is_not_zero(self) -> Self:
        measured = _measured(type(self))(self.__dict__)
        if None not in measured:  # as good as always
            return self
        missing = measured.count(None)
        if missing not in {0, len(measured)}:
            raise ValueError("the counts of a window are all numbers or all null")
        if missing and self.observed_seconds > 0:
            raise ValueError("counts may be null only where observed_seconds is 0")
        return self


@cache
def _measured(kind: type[WindowBody]) -> Callable[[dict[str, Any]], tuple[Any, ...]]:
    """What takes the counts that every message has out of a window's fields."""
    names = [
        name for name, field in kind.model_fields.items() if field.is_required() and name not in _ALWAYS_KNOWN
    ]
    if len(names) > 1:
        return itemgetter(*names)
    return lambda fields: tuple(fields[name] for name in names)


class JudgedBody(WindowBody):
    """A window with its quality; null: from a box that did not judge."""

    quality: QualityBody | None = None


class GateBody(JudgedBody):
    """People through a gate."""

    scope: Literal["gate"]
    entries: Count | None = Field(alias="in")
    exits: Count | None = Field(alias="out")
    inferred: Count | None = Field(description="Of in and out: step over the line unseen, only both sides.")
    staff_entries: Count | None = Field(
        default=None, alias="staff_in", description="Entries that were known to be staff's in this minute."
    )
    staff_exits: Count | None = Field(default=None, alias="staff_out")
    u_turns: Count | None = Field(
        default=None,
        description="Pairs of in and out of somebody who turned round in the doorway, told with the second; "
        "footfall is in less staff_in less u_turns.",
    )
    parties: Count | None = Field(
        default=None, description="Groups that came in; somebody alone is a group of one."
    )


class ZoneBody(JudgedBody):
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
    arrivals: Count | None = Field(
        default=None, description="Stays of any length whose beginning over the zone's edge was seen."
    )
    pass_seconds: NonNegativeFloat | None = Field(default=None, description="Sum of the passes' lengths.")


class QueueBody(JudgedBody):
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


class CounterBody(JudgedBody):
    """A counter with a staff zone: was somebody there?"""

    scope: Literal["counter"]
    attended_seconds: NonNegativeFloat | None
    unattended_seconds: NonNegativeFloat | None
    waiting_seconds: NonNegativeFloat | None = Field(
        description="Of the unattended seconds, with customers there."
    )


class CameraBody(JudgedBody):
    """A whole camera."""

    scope: Literal["camera"]
    frames: Count | None
    person_seconds: NonNegativeFloat | None
    peak: Count | None = Field(description="Most people at once.")
    identities: Count | None = Field(default=None, description="Tracks that became people.")
    broken: Count | None = Field(
        default=None, description="Tracks of people that were given up in the middle of the picture."
    )


class LaneBody(JudgedBody):
    """Vehicles through a lane, by direction in the picture."""

    scope: Literal["lane"]
    up: Count | None
    down: Count | None
    left: Count | None
    right: Count | None
    wrong_way: Count | None


class HeatBody(WindowBody):
    """A camera's heat map."""

    scope: Literal["heat"]
    unit: Literal["m", "frame"] = Field(
        description=f"A cell's side: {HEAT_CELL_M:g} m of the floor, or {HEAT_CELL_FRAME:.4f} frame heights."
    )
    cells: Annotated[tuple[Cell, ...], Field(max_length=HEAT_CELLS_MAX)] | None = Field(
        description="Column, row and seconds of presence; empty cells are left out."
    )


class OccupancyBody(JudgedBody):
    """How many people are in an area, by its gates, which may be of several cameras (`camera` is `*`)."""

    scope: Literal["occupancy"]
    person_seconds: NonNegativeFloat | None = Field(description="Integral of the number over the minute.")
    peak: Count | None
    now: Count | None = Field(description="At the minute's end.")
    drift: Change | None = Field(
        description="People whom the gates gave too many (above zero) or too few, found in this minute."
    )
    anchored: bool | None = Field(description="Whether the true number was known in this minute.")


KnownWindow = Annotated[
    GateBody | ZoneBody | QueueBody | CounterBody | CameraBody | LaneBody | HeatBody | OccupancyBody,
    Field(discriminator="scope"),
]
_SCOPES: Final = (
    "gate", "zone", "queue", "counter", "camera", "lane", "heat", "occupancy",
)  # fmt: skip


def _later(scope: str) -> str:
    if scope in _SCOPES:
        raise ValueError(f"not a good {scope}")
    return scope


class LaterBody(WindowBody):
    """A window of a scope that came later than this schema: to be ignored."""

    scope: Annotated[Name, AfterValidator(_later), Field(json_schema_extra={"not": {"enum": [*_SCOPES]}})]


AnyWindow = Annotated[KnownWindow | LaterBody, Field(union_mode="left_to_right")]
