"""What parking systems and cameras send, each shape in a file of its own, into the one model.

A shape is a function `(body, content type, hearing) -> [ParkingEvent]` that raises `FeedError` for what it
cannot read. Adding one is a file here and a line in `SHAPES`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from edge.parking.feeds import axis, bolink, generic, hikvision
from edge.parking.feeds.hearing import FeedError, Hearing
from pipelines.parking_records import ParkingEvent

Shape = Callable[[bytes, str, Hearing], Sequence[ParkingEvent]]
SHAPES: Final[Mapping[str, Shape]] = {
    "generic": generic.events,
    "bolink": bolink.events,
    "hikvision": hikvision.events,
    "axis": axis.events,
}
"""By the name that the site file gives it."""

__all__ = ["SHAPES", "FeedError", "Hearing", "Shape"]
