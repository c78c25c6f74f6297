"""What cameras and parking systems say of a car, and what we make of it: one model for all of them.

Plates and the parking systems' own numbers are in these records only as long as they are in memory; they are
left out of every printed form, and no record that holds one is ever stored or sent. Times `t` are seconds of
the box's steady scale (UTC when it started plus seconds since).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from pipelines.plate_tokens import Names, Nearness

Source = Literal["camera", "http", "mqtt"]
What = Literal["entry", "exit", "price", "paid"]
"""`entry`: a car came in. `exit`: it goes out or stands at the exit. `price`: its fee is asked for, inside or
at the exit. `paid`: the parking system has settled its fee."""
On = Literal["arrival", "exit"]
"""When a coupon may be given."""
Matched = Nearness | Literal["ref", "missed_entry", "new", "unread"]
"""How a read came to its session: by plate, by the parking system's own number, or by none that was open."""
End = Literal["left", "missed_exit", "expired", "dropped"]
"""`missed_exit`: came again without having been seen to leave. `expired`: parked for longer than
anybody does. `dropped`: there was no room for it."""
ReadReason = Literal["unread", "repeat", "provisional", "ambiguous", "late", "unknown_stay"]
"""Why nothing is decided upon a read. `late`: it happened long ago. `ambiguous`: more than one car that is
inside might be this one. `unknown_stay`: paid for a car that we do not know."""


@dataclass(frozen=True, slots=True)
class ParkingEvent:
    """One thing that a camera or a feed says of one car."""

    what: What
    lane: str
    """Id of the lane; empty where the fee is asked for elsewhere."""
    t: float
    """When it happened."""
    plate: str | None = field(repr=False)
    """Normalised; None: unread."""
    source: Source = "camera"
    feed: str = ""
    """Id of the feed, or of the camera."""
    ref: str | None = field(default=None, repr=False)
    """The feed's own number of this car's stay. The same `ref` again is the same car."""
    lasting: bool = True
    """False: `ref` is a camera's number of this passage only, and may be another car's later."""
    settled: bool = True
    """False: the feed may still correct it."""
    late: bool = False
    """Told long after it happened, such as an order of a car park that was offline: for the books only."""
    parked_s: float | None = None
    """How long it has been here by the parking system's own clock."""
    amount: float | None = None
    """The fee in the store's currency."""


@dataclass(frozen=True, slots=True)
class Session:
    """One car's stay. It knows the car by keyed tokens only."""

    id: str
    entry_lane: str
    """Empty when the entry was missed."""
    entered_at: float | None
    """None: the entry was missed and nobody told."""
    names: Names | None = field(repr=False)
    """None for a car whose plate was not read: nothing can be matched with it."""
    ref: str | None = None
    """Token of the parking system's number."""
    exit_lane: str = ""
    left_at: float | None = None
    parked_s: float | None = None
    end: End | None = None
    """None while it is inside."""
    amount: float | None = None
    """The fee, where a parking system told it."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A car stands where a coupon may be given: everything that the rules ask for."""

    session: str
    on: On
    lane: str
    t: float
    parked_s: float | None
    """None: nobody saw it come in."""
    visitor: tuple[str, ...] = field(repr=False)
    """Tokens under which this car's earlier coupons may be known, the newest key's first; none: unread."""
    matched: Matched
    plate: str | None = field(default=None, repr=False)
    """For the member list and the site's own parking system; never kept."""
    feed: str = ""
    ref: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Seen:
    """What one event, or the passing of time, came to."""

    moment: Moment | None = None
    changed: tuple[Session, ...] = ()
    """Sessions to be kept as they are now."""
    reason: ReadReason | None = None
    """Why there is no moment, or what it lacks."""
    lane: str = ""
