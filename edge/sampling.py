"""Choose frames by their time stamps, so that any camera is analysed at the pace the site asks for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Pace:
    """At most `fps` frames a second out of a stream of any rate, evenly in time, on a fixed grid."""

    fps: float
    _due: float | None = None

    def due(self, t: float) -> bool:
        """Whether the frame at `t` seconds is the next one to analyse."""
        period = 1.0 / self.fps
        if self._due is None or t < self._due - 2 * period:
            self._due = t  # the first frame, or the stream began anew
        # Time stamps are rounded to milliseconds: a frame a hair before its time is on time.
        if t < self._due - 0.1 * period:
            return False
        missed = max(0, int((t - self._due) / period + 0.1))
        self._due += (missed + 1) * period
        return True
