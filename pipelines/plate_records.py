"""What a lane's reader says of a vehicle's plate. It lives in memory only: the text is never stored nor sent,
unless the site allows it for its own parking system."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

PlateKind = Literal[
    "ordinary",
    "new_energy_small",
    "new_energy_large",
    "trailer",
    "learner",
    "police",
    "consulate",
    "embassy",
    "armed_police",
    "cross_border",
]
PlateColour = Literal["blue", "yellow", "green", "yellow_green", "white", "black"]


@dataclass(frozen=True, slots=True)
class PlateRead:
    """One vehicle's plate, settled by the vote over its frames; at most one for each vehicle."""

    kind: ClassVar[str] = "plate"
    lane: str
    camera: str
    t: float
    """The plate's last frame."""
    text: str | None
    """Normalised, such as `皖A195K9`; None when it is unread: rather that than wrong."""
    score: float
    """How sure the vote is, 0 to 1."""
    votes: int
    """Frames that agree."""
    track: int
    """The vehicle's."""
    plate_kind: PlateKind | None = None
    colour: PlateColour | None = None
