"""`storage:` how much of the disk the box may use."""

from __future__ import annotations

from pydantic import Field

from edge.config.values import Closed

LEAST_MIB = 64
"""A week of minutes that wait, of a box with one camera, and two days for the page."""


class StorageConfig(Closed):
    """How much of the disk the box may use."""

    budget_mib: int = Field(
        512,
        ge=LEAST_MIB,
        le=65_536,
        description="The database, in MiB; its log and a reserve take up to 24 more. A counter with one "
        "camera fills 2 a day, and 3 more while the centre is away. The oldest detail goes when it is full.",
    )
