"""`lanes:` the car park's ways in and out."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from edge.config.values import Closed, Id
from pipelines.layout import Heading, LaneDirection


class LaneConfig(Closed):
    """A car-park lane with a camera, or fed by the parking system when it names none."""

    id: Id
    direction: LaneDirection
    camera: Id | None = None
    heading: Heading | None = Field(None, description="The right way through the picture.")
    plate_region: Literal["cn"] = "cn"
