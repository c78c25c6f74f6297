"""The records that the pipelines make: what is stored, synced and written by a replay.

Times `t` are seconds on the camera's steady time scale: UTC seconds on a box, seconds from the start of
the clip in a replay. A record is immutable and carries no pixel, no appearance and no identity beyond a
track number that means nothing outside its camera and process.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Final, Literal

from pipelines.plate_records import PlateRead

Direction = Literal["in", "out"]
PictureDirection = Literal["up", "down", "left", "right"]
EndReason = Literal["left", "lost", "closed"]
"""`left`: seen leaving the zone. `lost`: last seen inside. `closed`: the camera stopped while inside."""
Staff = Literal["staff", "customer", "unknown"]
WaitOutcome = Literal["served", "abandoned", "balked", "left", "lost", "closed"]
"""How a wait ended. `abandoned`: went away after a real wait; `left`: after a short one, or from a queue
whose service place is not drawn. `balked`: came up to a long queue and did not join. `lost`, `closed`: as in
`EndReason`."""

MINUTE_S: Final = 60

DWELL_EDGES_S: Final = (0, 2, 3, 5, 8, 13, 20, 30, 45, 60, 90, 120, 180, 300, 600, 1200, 3600)
"""Lower edges of the dwell histogram's bins in seconds; the last bin is open. Fixed for ever, so that
histograms add up across windows and stores (research: counting §7). Waits use the same."""
LENGTH_EDGES: Final = (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 15, 20, 30, 50, 100)
"""Lower edges of the bins of a queue's length in people; the last bin is open. Fixed for ever too."""

HEAT_CELL_M: Final = 0.5
"""Side of a heat map's cell in metres of the floor. Fixed for ever, so that maps add up."""
HEAT_CELL_FRAME: Final = 1 / 24
"""And where the floor is not calibrated: in frame heights, both ways."""

Confidence = Literal["good", "fair", "poor", "none"]
"""How far a window's figures may be trusted. `none`: nothing was observed."""


@dataclass(frozen=True, slots=True)
class Quality:
    """What a window's figures rest on. A share that cannot be known is None."""

    fps: float | None
    """Frames analysed a second while it was observed."""
    coverage: float
    """Share of the window that was observed, 0 to 1."""
    inferred_share: float | None
    """Crossings whose step over the line was not seen, of all."""
    identities_per_entry: float | None
    """Tracks over people: 1 is perfect, more means that people were taken for new ones."""
    confidence: Confidence
    reasons: tuple[str, ...] = ()
    """Why it is not `good`: keys of the text catalogues, the gravest first."""


@dataclass(frozen=True, slots=True)
class Crossing:
    """A person walked through a gate."""

    kind: ClassVar[str] = "crossing"
    camera: str
    gate: str
    direction: Direction
    t: float
    track: int
    inferred: bool = False
    """The step over the line itself was not seen, only both sides of it."""
    u_turn: bool = False
    """Takes back the crossing that the same person has just made the other way: both are raw counts only."""


@dataclass(frozen=True, slots=True)
class Party:
    """People who came in together; somebody alone is a party of one. Only counted."""

    kind: ClassVar[str] = "party"
    camera: str
    gate: str
    t: float
    """Of the first one's entry."""
    size: int


@dataclass(frozen=True, slots=True)
class Visit:
    """A track's stay in a zone, at least the zone's `min_stay_s` long."""

    kind: ClassVar[str] = "visit"
    camera: str
    zone: str
    t_in: float
    t_out: float
    censored: bool
    """True when the real stay may have been longer: begun or ended unseen."""
    end_reason: EndReason
    staff: Staff
    track: int
    arrived: bool = True
    """Whether somebody was seen to come in over the zone's edge."""

    @property
    def t(self) -> float:
        """The time that decides the window: a visit belongs to the minute in which it ended."""
        return self.t_out


@dataclass(frozen=True, slots=True)
class Wait:
    """Somebody's time in a queue, from coming into it to being served or going away."""

    kind: ClassVar[str] = "wait"
    camera: str
    zone: str
    """The queue."""
    t_in: float
    t_out: float
    outcome: WaitOutcome
    censored: bool
    """True when to be served would have taken longer than this: went unserved, or came unseen."""
    track: int

    @property
    def t(self) -> float:
        """The time that decides the window: a wait belongs to the minute in which it ended."""
        return self.t_out


@dataclass(frozen=True, slots=True)
class Pass:
    """A stay in a zone too short for a visit; only counted."""

    kind: ClassVar[str] = "pass"
    camera: str
    zone: str
    t: float
    seconds: float = 0.0
    """Its length."""
    arrived: bool = True
    """Whether somebody was seen to come in over the zone's edge."""


@dataclass(frozen=True, slots=True)
class StaffCount:
    """Of what was counted before, this was staff: known at `t`, and counted then. Only counted."""

    kind: ClassVar[str] = "staff_count"
    camera: str
    scope: Literal["gate", "zone"]
    id: str
    t: float
    entries: int = 0
    exits: int = 0
    visits: int = 0
    seconds: float = 0.0
    """Sum of the visits' lengths."""


@dataclass(frozen=True, slots=True)
class Attendance:
    """The observed time of a counter's newest pulse, with staff and without. Only counted."""

    kind: ClassVar[str] = "attendance"
    camera: str
    zone: str
    """The counter."""
    t: float
    attended_s: float
    unattended_s: float
    waiting_s: float
    """Of the unattended time, with customers there."""


@dataclass(frozen=True, slots=True)
class VehiclePassage:
    """A vehicle drove through a lane's picture; `t` is when it was half way."""

    kind: ClassVar[str] = "vehicle"
    lane: str
    direction: PictureDirection
    t: float
    track: int
    camera: str
    wrong_way: bool = False


@dataclass(frozen=True, slots=True)
class Event:
    """Something that a person should act on. `name` is a key of the text catalogues."""

    kind: ClassVar[str] = "event"
    name: str
    t: float
    camera: str | None = None
    scope: str | None = None
    """The gate, zone or lane that it is about."""
    t_end: float | None = None
    detail: Mapping[str, str | int | float | bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ZonePulse:
    """One zone during a pulse."""

    now: int
    peak: int
    person_seconds: float
    staff: int = 0
    """Of `now`, known to be staff."""


@dataclass(frozen=True, slots=True)
class QueuePulse:
    """One queue during a pulse."""

    now: int
    peak: int
    length_seconds: float
    """Integral of the length over the observed time."""
    estimate_s: float | None
    """How long who joins now may expect to wait; None: nobody can say yet."""


@dataclass(frozen=True, slots=True)
class Pulse:
    """What a camera saw since its last pulse, about once a second: presence, and proof of observation.

    `observed_s` counts only time covered by frames; a gap between frames is not observed.
    """

    kind: ClassVar[str] = "pulse"
    camera: str
    t: float
    observed_s: float
    frames: int
    persons: int
    persons_peak: int
    person_seconds: float
    zones: Mapping[str, ZonePulse]
    queues: Mapping[str, QueuePulse] = field(default_factory=dict)
    identities: int = 0
    """Tracks that became people since the last pulse."""
    broken: int = 0
    """Tracks of people that broke off: somebody new stood there soon after."""
    heat: Mapping[tuple[int, int], float] = field(default_factory=dict)
    """Seconds of presence by cell (column, row) of the heat map; empty cells are left out."""


@dataclass(frozen=True, slots=True)
class GateWindow:
    """One UTC minute of a gate."""

    scope: ClassVar[str] = "gate"
    camera: str
    id: str
    start: int
    """UTC second at which the minute begins (replay: seconds from the start of the clip)."""
    observed_seconds: float
    entries: int
    exits: int
    inferred: int
    staff_entries: int = 0
    staff_exits: int = 0
    """Crossings that turned out to be staff's, in the minute in which that was known: over a day, entries
    less these are the net entries; within one minute these may be more than the crossings."""
    u_turns: int = 0
    """Pairs of an entry and an exit (or the reverse) of somebody who turned round in the doorway, in the
    minute of the second; each is one entry and one exit too many."""
    parties: int = 0
    """Groups that came in, somebody alone being a group of one."""
    quality: Quality | None = None


@dataclass(frozen=True, slots=True)
class ZoneWindow:
    """One UTC minute of a zone. Visits belong to the minute in which they ended."""

    scope: ClassVar[str] = "zone"
    camera: str
    id: str
    start: int
    observed_seconds: float
    visits: int
    passes: int
    person_seconds: float
    peak: int
    dwell: tuple[int, ...]
    """Complete visits by length, one count for each bin of `DWELL_EDGES_S`."""
    dwell_censored: tuple[int, ...]
    """Visits whose real length is only known to be at least the bin's."""
    dwell_seconds: float
    """Sum of all visits' lengths, complete and censored."""
    staff_visits: int = 0
    staff_seconds: float = 0.0
    """Visits that turned out to be staff's and the sum of their lengths, in the minute in which that was
    known."""
    arrivals: int = 0
    """Stays of any length, ended in this minute, whose beginning over the zone's edge was seen."""
    pass_seconds: float = 0.0
    """Sum of the passes' lengths."""
    quality: Quality | None = None


@dataclass(frozen=True, slots=True)
class CameraWindow:
    """One UTC minute of a whole camera."""

    scope: ClassVar[str] = "camera"
    camera: str
    id: str
    start: int
    observed_seconds: float
    frames: int
    person_seconds: float
    peak: int
    identities: int = 0
    """Tracks that became people."""
    broken: int = 0
    """Tracks of people that broke off: somebody new stood there soon after."""
    quality: Quality | None = None


@dataclass(frozen=True, slots=True)
class LaneWindow:
    """One UTC minute of a lane: vehicles by direction in the picture."""

    scope: ClassVar[str] = "lane"
    camera: str
    id: str
    start: int
    observed_seconds: float
    up: int
    down: int
    left: int
    right: int
    wrong_way: int
    quality: Quality | None = None


@dataclass(frozen=True, slots=True)
class QueueWindow:
    """One UTC minute of a queue. Waits belong to the minute in which they ended."""

    scope: ClassVar[str] = "queue"
    camera: str
    id: str
    start: int
    observed_seconds: float
    length_seconds: float
    """Integral of the length: over `observed_seconds` it is the mean length."""
    peak: int
    """Most people at once."""
    lengths: tuple[int, ...]
    """How often, once a second, the queue was so long: one count for each bin of `LENGTH_EDGES`."""
    waits: int
    """All that ended but the balked, who did not wait."""
    served: int
    abandoned: int
    balked: int
    over_limit: int
    """Waits longer than the queue's limit, however they ended."""
    wait: tuple[int, ...]
    """Waits that ended with service, by length, one count for each bin of `DWELL_EDGES_S`."""
    wait_censored: tuple[int, ...]
    """Waits that would have taken longer than the bin's."""
    wait_seconds: float
    """Sum of all waits' lengths, complete and censored."""
    quality: Quality | None = None


@dataclass(frozen=True, slots=True)
class CounterWindow:
    """One UTC minute of a counter with a staff zone."""

    scope: ClassVar[str] = "counter"
    camera: str
    id: str
    start: int
    observed_seconds: float
    attended_seconds: float
    unattended_seconds: float
    waiting_seconds: float
    """Of the unattended seconds, with customers there."""
    quality: Quality | None = None


@dataclass(frozen=True, slots=True)
class HeatWindow:
    """One UTC minute of a camera's heat map."""

    scope: ClassVar[str] = "heat"
    camera: str
    id: str
    """The camera's."""
    start: int
    observed_seconds: float
    unit: Literal["m", "frame"]
    """What `HEAT_CELL_M` or `HEAT_CELL_FRAME` is the cell's side in."""
    cells: tuple[tuple[int, int, float], ...]
    """(column, row, seconds of presence), empty cells left out."""


@dataclass(frozen=True, slots=True)
class OccupancyWindow:
    """One UTC minute of an area: how many people are in it, by its gates."""

    scope: ClassVar[str] = "occupancy"
    camera: str
    """`*`: its gates may be of several cameras."""
    id: str
    """The area's."""
    start: int
    observed_seconds: float
    """The fewest of its gates' cameras."""
    person_seconds: float
    """Integral of the occupancy over `observed_seconds`, over which it is the mean."""
    peak: int
    now: int
    """At the minute's end, never below zero."""
    drift: int
    """People whom the gates gave too many (above zero) or too few (below), found in this minute."""
    anchored: bool
    """Whether the true number was known in this minute."""
    quality: Quality | None = None


Record = Crossing | Visit | Wait | VehiclePassage | Event
"""What is kept one by one."""
Fact = Record | Pass | Party | StaffCount | Attendance | Pulse | PlateRead
"""Everything that a camera's pipeline emits. A `PlateRead` never leaves the box's memory."""
Window = (
    GateWindow
    | ZoneWindow
    | CameraWindow
    | LaneWindow
    | QueueWindow
    | CounterWindow
    | HeatWindow
    | OccupancyWindow
)
