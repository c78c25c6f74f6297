"""What the API answers with. Times are RFC 3339 in UTC, lengths are seconds, shares are 0 to 1.

A number that is missing is null: nobody looked, so nobody knows. It is never 0.
"""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from edge.live import CameraState
from pipelines.equivalence import Interval, Verdict
from pipelines.layout import ZoneRole
from pipelines.records import Confidence
from sync.payloads import Minute, Time

BarState = Literal["counted", "partial", "missing", "running", "ahead", "closed"]
"""`partial`: observed for less than nine tenths. `running`: not over yet. `ahead`: not begun.
`closed`: outside the opening hours, and nothing was observed."""
Level = Literal["ok", "notice", "bad"]


class Answer(BaseModel):
    """Frozen, and only what is named here."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Refusal(Answer):
    """Every refusal of the API has this shape, whatever went wrong."""

    error: str = Field(description="One line for a person.")
    about: str | None = Field(description="The parameter or part that it is about.")


class Problem(Answer):
    """Something that makes the figures less than whole."""

    code: str = Field(description="Such as `camera_offline`; its text is in the page's catalogues.")
    level: Level
    about: str | None = Field(default=None, description="The camera that it is about.")
    since: Time | None = None
    detail: str = ""
    cause: str | None = Field(
        default=None,
        description="Of the line to the centre, such as `broker_expired`; also in the catalogues.",
    )


class Quality(Answer):
    """How far figures may be trusted, and why no further."""

    confidence: Confidence = Field(description="`none`: nothing was observed.")
    reasons: list[str] = Field(
        description="Why it is not `good`, the gravest first: keys such as `coverage`, whose texts are in "
        "the page's catalogues under `reason`."
    )
    coverage: float | None = Field(description="Observed share of the opening hours so far.")
    fps: float | None = Field(description="Frames analysed a second while it was observed.")
    inferred_share: float | None = Field(
        description="Crossings whose step over the line was not seen, of all."
    )
    identities_per_entry: float | None = Field(
        description="Tracks over people: 1 is perfect, more means that people were taken for new ones."
    )


class Bar(Answer):
    """One step of a series: an hour or a minute."""

    start: Time
    end: Time
    state: BarState
    observed: float | None = Field(description="Share of the time until now that was observed.")
    entries: int | None = Field(default=None, serialization_alias="in")
    exits: int | None = Field(default=None, serialization_alias="out")
    visits: int | None = None


class Range(Answer):
    """From where to where a share lies."""

    low: float
    high: float

    @staticmethod
    def of(found: Interval | None) -> Range | None:
        """An interval as the API tells it."""
        return None if found is None else Range(low=round(found.low, 4), high=round(found.high, 4))


class Checked(Answer):
    """What hand counts say of a gate: those of three months, as it is drawn now, together."""

    state: Literal["never", "outdated", "few", "checked"] = Field(
        description="`outdated`: the gate has been redrawn since. `few`: too few crossings to say."
    )
    at: Time | None = Field(description="When the newest of them ended.")
    crossings: int = Field(description="Counted by hand, in and out.")
    accuracy: Range | None = Field(description="1 − |bias|, the worse direction; 90 % sure.")
    verdict: Verdict = Field(description="Whether the bias is surely within ±3 %, or surely not.")
    more_needed: int | None = Field(
        description="About how many more crossings decide; null: counting on will not."
    )


class Gate(Answer):
    """A gate over one business day."""

    camera: str
    gate: str
    entries: int | None = Field(serialization_alias="in")
    exits: int | None = Field(serialization_alias="out")
    net_entries: int | None = Field(
        serialization_alias="net_in", description="in − staff_in − u_turns: the footfall."
    )
    net_exits: int | None = Field(serialization_alias="net_out", description="out − staff_out − u_turns.")
    staff_entries: int | None = Field(serialization_alias="staff_in")
    staff_exits: int | None = Field(serialization_alias="staff_out")
    u_turns: int | None = Field(
        description="Pairs of in and out of somebody who turned round in the doorway."
    )
    parties: int | None = Field(description="Groups that came in; somebody alone is a group of one.")
    inferred: int | None = Field(description="Of in and out: the step over the line itself was not seen.")
    observed_seconds: float
    hours: list[Bar] = Field(description="Raw: staff and U-turns are in them.")
    minutes: list[Bar] = Field(description="The last hour, raw; empty for a day that is over.")
    checked: Checked
    quality: Quality


class DwellBin(Answer):
    """Visits of one length."""

    from_seconds: int
    to_seconds: int | None = Field(description="Null: open.")
    complete: int
    censored: int = Field(description="Known only to have lasted at least this long.")


class Length(Answer):
    """A quantile of visits' lengths."""

    seconds: float
    at_least: bool = Field(description="True where the visits tell no more than that it is not shorter.")


class Dwell(Answer):
    """How long visits lasted; the quantiles (Kaplan and Meier) also use visits whose end was not seen."""

    visits: int
    censored: int
    mean_seconds: float | None
    little_seconds: float | None = Field(
        description="The mean stay by Little's law: presence over arrivals, for which nobody is followed."
    )
    low_confidence: bool = Field(
        description="The mean of the followed stays is far below Little's: people were taken for new ones, "
        "so median and percentiles are too short."
    )
    median: Length | None
    p75: Length | None
    p90: Length | None
    bins: list[DwellBin]


class Zone(Answer):
    """A zone over one business day."""

    camera: str
    zone: str
    role: ZoneRole
    now: int | None = Field(description="People in it at this moment.")
    visits: int | None
    staff_visits: int | None = Field(description="Of the visits, staff's; the rest are footfall.")
    passes: int | None
    person_seconds: float | None
    peak: int | None
    observed_seconds: float
    dwell: Dwell | None
    quality: Quality
    hours: list[Bar]


class Lane(Answer):
    """A car-park lane over one business day: vehicles by direction in the picture."""

    lane: str
    camera: str | None
    direction: Literal["entry", "exit"]
    vehicles: int | None
    up: int | None
    down: int | None
    left: int | None
    right: int | None
    wrong_way: int | None


class Camera(Answer):
    """A camera now, and how much of today it observed."""

    camera: str
    state: CameraState
    since: Time
    reason: str
    last_frame_at: Time | None
    last_frame_age: float | None
    fps: float | None
    persons: int | None
    coverage: float | None = Field(description="Observed share of the opening hours so far.")


class Stream(Answer):
    """One outbox stream."""

    stream: Literal["data", "trigger"]
    rows: int
    oldest_age: float | None
    last_seq: int
    acked_seq: int
    acked_at: Time | None
    dropped: int = Field(description="Given up unacknowledged because the disk was full.")


class Sync(Answer):
    """The line to the centre."""

    configured: bool
    connected: bool
    since: Time | None
    reason: str
    trouble: str | None = Field(
        description="What kind of hindrance `reason` tells of, such as `unreachable`."
    )
    protocol: str | None = Field(description="Of MQTT: `5` or `3.1.1`; null while not connected.")
    epoch: str
    rows: int = Field(description="What waits in all streams.")
    oldest_age: float | None
    acked_at: Time | None
    acknowledged: int = Field(description="Messages since the box started.")
    acknowledged_per_s: float | None = Field(description="Over the last ten seconds.")
    seconds_left: float | None = Field(
        description="Until nothing waits any more, at this rate; null unless a backlog is being sent."
    )
    streams: list[Stream]


class Comparison(Answer):
    """The same weekday of last week, up to the same time of day."""

    date: date
    entries: int | None = Field(serialization_alias="in")
    exits: int | None = Field(serialization_alias="out")
    net_entries: int | None = Field(serialization_alias="net_in")
    visits: int | None
    coverage: float | None


class Today(Answer):
    """A business day in one answer: what the page shows first."""

    date: date
    timezone: str
    updated_at: Time
    opens: Time | None
    closes: Time | None
    open_now: bool
    level: Level
    problems: list[Problem]
    people_now: int | None
    entries: int | None = Field(serialization_alias="in")
    exits: int | None = Field(serialization_alias="out")
    net_entries: int | None = Field(
        serialization_alias="net_in", description="in − staff_in − u_turns: the footfall."
    )
    net_exits: int | None = Field(serialization_alias="net_out")
    staff_entries: int | None = Field(serialization_alias="staff_in")
    staff_exits: int | None = Field(serialization_alias="staff_out")
    u_turns: int | None
    parties: int | None = Field(description="Groups that came in; somebody alone is a group of one.")
    visits: int | None = Field(
        description="To zones with the role counter, without staff's; in the hours they are with them."
    )
    quality: Quality = Field(description="Of the gates' figures; without gates, of the counters'.")
    coverage: float | None = Field(description="Observed share of the opening hours so far, all cameras.")
    counting_since: Time | None
    comparison: Comparison | None
    hours: list[Bar]
    minutes: list[Bar]


class Gates(Answer):
    """All gates of a day."""

    date: date
    gates: list[Gate]


class Zones(Answer):
    """All zones of a day."""

    date: date
    zones: list[Zone]


class Lanes(Answer):
    """All lanes of a day."""

    date: date
    lanes: list[Lane]


class Cameras(Answer):
    """All cameras now."""

    cameras: list[Camera]


class Windows(Answer):
    """One-minute windows as they were made and are sent to the centre, oldest first."""

    minutes: list[Minute]
    next: Time | None = Field(description="Ask again with `from` set to it; null when this was all.")


class EventOut(Answer):
    """Something that a person should act on."""

    name: str
    at: Time
    ended_at: Time | None = Field(description="Null: has no end, or goes on.")
    seconds: float | None = Field(description="From its beginning to its end.")
    under_way: bool = Field(description="It is one that ends, and has not ended yet.")
    camera: str | None
    scope: str | None = Field(description="The gate, zone, area or lane that it is about.")
    detail: dict[str, str | int | float | bool]
    text: str | None = Field(description="What happened in plain words, when `language` was asked for.")


class Events(Answer):
    """Events, newest first."""

    events: list[EventOut]


class Site(Answer):
    """What this box is and looks at."""

    tenant: str
    store: str
    box: str
    timezone: str
    language: str
    version: str
    cameras: list[str]
    gates: list[str]
    zones: list[str]
    areas: list[str]
    lanes: list[str]


class Health(Answer):
    """Whether counting really works now; `problems` says what does not."""

    healthy: bool
    problems: list[Problem]
    checked_at: Time
