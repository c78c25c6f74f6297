"""When a live camera's frames were taken: pure, with every time as an argument."""

from __future__ import annotations

from typing import Final

JUMP_S: Final = 2.0
"""A stamp further than this from where it should be is a discontinuity, not jitter."""
CREEP: Final = 0.001
"""Seconds that the stamp's offset may grow in a second: a hundred times what a quartz drifts, a thousandth
of what a late frame is late."""
SMALLEST_STEP_S: Final = 0.001


class StreamTime:
    """Places a live stream's own stamps on the steady scale.

    A frame's arrival is its time plus a delay that is never negative and jumps with the network, so the
    offset is the smallest `arrival - stamp` seen, with a slow creep upwards for the camera's drift. Frames
    that were held up and arrive in a burst keep their true distances.
    """

    def __init__(self) -> None:
        self._offset: float | None = None
        self._stamp = 0.0
        self._t = 0.0

    def place(self, stamp: float | None, arrival: float) -> tuple[float, bool]:
        """Steady seconds of a frame stamped `stamp` (None: the camera gives none), and whether it does not
        continue the one before."""
        if self._offset is None or stamp is None or stamp <= self._stamp:
            return self._by_arrival(stamp, arrival)
        self._offset += CREEP * (stamp - self._stamp)
        self._stamp = stamp
        late = arrival - stamp - self._offset
        if abs(late) > JUMP_S:
            return self._by_arrival(stamp, arrival, jumped=True)
        self._offset += min(late, 0.0)
        return self._after_last(stamp + self._offset), False

    def _by_arrival(self, stamp: float | None, arrival: float, jumped: bool = False) -> tuple[float, bool]:
        back = self._offset is not None and stamp is not None and self._stamp - stamp > JUMP_S
        if stamp is not None and (self._offset is None or jumped or back):
            self._offset, self._stamp = arrival - stamp, stamp
        return self._after_last(arrival), jumped or back

    def _after_last(self, t: float) -> float:
        self._t = max(t, self._t + SMALLEST_STEP_S)
        return self._t
