"""What the API answers with about queues, counters, areas and the heat map; see `models` for the rest."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import Field, computed_field

from edge.web.models import Answer, BarState, Length, Quality, Range
from sync.payloads import Time


class QueueBar(Answer):
    """One hour of a queue."""

    start: Time
    end: Time
    state: BarState
    observed: float | None = Field(description="Share of the time until now that was observed.")
    waits: int | None = None
    wait_seconds: float | None = None
    over_limit: int | None = None
    abandoned: int | None = None

    @computed_field(description="Null where nobody waited, and where nobody looked.")  # type: ignore[prop-decorator]
    @property
    def mean_wait_seconds(self) -> float | None:
        """The mean wait."""
        if not self.waits or self.wait_seconds is None:
            return None
        return round(self.wait_seconds / self.waits, 1)


class Queue(Answer):
    """A queue over one business day. In the quantiles, waits that nobody saw end were at least so long."""

    camera: str
    queue: str
    now: int | None = Field(description="People waiting at this moment.")
    estimate_seconds: float | None = Field(
        description="How long who joins now may expect to wait; null: nobody can say."
    )
    limit_seconds: float | None = Field(description="A longer wait is over the limit.")
    waits: int | None = Field(description="All that ended, without those who turned away at once.")
    served: int | None
    abandoned: int | None = Field(description="Went away after waiting for at least ten seconds.")
    balked: int | None = Field(description="Came up to the queue, saw it and turned away.")
    over_limit: int | None
    over_share: float | None = Field(description="Of all waits.")
    abandoned_share: float | None = Field(description="abandoned / (abandoned + served).")
    mean_wait_seconds: float | None
    median_wait: Length | None
    p90_wait: Length | None
    mean_length: float | None = Field(description="People on average over the observed time.")
    peak: int | None
    observed_seconds: float
    quality: Quality
    hours: list[QueueBar]


class TurnIn(Answer):
    """Of those who pass by, how many turn in to the counter."""

    passers_by: int = Field(description="Everybody who might have turned in.")
    turned_in: int
    share: float | None = Field(description="Null below 20 passers-by: too few to say.")
    share_95: Range | None = Field(description="Where the share really lies, 95 % sure.")


class Counter(Answer):
    """Who stood behind a counter over one business day. Null throughout where it has no staff zone."""

    camera: str
    counter: str
    staff_now: int | None
    attended_seconds: float | None
    unattended_seconds: float | None
    waiting_seconds: float | None = Field(description="Of the unattended seconds, with customers there.")
    attended_share: float | None = Field(description="Of the observed time.")
    observed_seconds: float
    turn_in: TurnIn | None = Field(description="Null where the counter has no `passby` gate or zone.")
    quality: Quality


class Area(Answer):
    """How many people are in a part of the store, by its gates."""

    area: str
    now: int | None
    capacity: int | None
    peak: int | None
    mean: float | None = Field(description="Over the observed time of the day.")
    drift: int | None = Field(
        description="People whom the gates gave too many (above zero) or too few, found today."
    )
    anchored: bool | None = Field(description="Whether the true number was known at some time of the day.")
    observed_seconds: float
    quality: Quality


class Queues(Answer):
    """All queues of a day."""

    date: date
    queues: list[Queue]


class Counters(Answer):
    """All counters of a day."""

    date: date
    counters: list[Counter]


class Occupancy(Answer):
    """All areas of a day."""

    date: date
    areas: list[Area]


class HeatCell(Answer):
    """One square of the map. It covers column × cell to (column + 1) × cell to the right, rows likewise."""

    column: int
    row: int
    seconds: float = Field(description="Of presence, all people together.")


class Heat(Answer):
    """Where people were in front of one camera, and for how long."""

    camera: str
    begin: Time = Field(serialization_alias="from", description="Rounded down to a full minute.")
    end: Time = Field(serialization_alias="to", description="Rounded down to a full minute.")
    unit: Literal["m", "frame"] = Field(
        description="`m`: metres of the measured floor. `frame`: frame heights, x to the right and y down."
    )
    cell: float = Field(description="Side of a cell in that unit.")
    observed_seconds: float
    cells: list[HeatCell] = Field(description="Cells where nobody was are left out.")
