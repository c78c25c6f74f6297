"""`patrol:` what the store expects of its counters."""

from __future__ import annotations

from pydantic import Field

from edge.config.values import Closed, Number
from pipelines.patrol import PatrolRules


class PatrolConfig(Closed):
    """What the store expects of its counters; minutes."""

    opened_late: Number = Field(
        15, ge=1, le=240, description="Nobody at the counter for this long after opening."
    )
    closed_early: Number = Field(
        15, ge=1, le=240, description="Nobody at the counter for this long before closing."
    )
    after_hours: Number = Field(
        60, ge=0, le=360, description="How long before opening and after closing people may be about."
    )

    @property
    def rules(self) -> PatrolRules:
        """The same in seconds."""
        return PatrolRules(60 * self.opened_late, 60 * self.closed_early, 60 * self.after_hours)
