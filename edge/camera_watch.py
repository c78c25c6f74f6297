"""Says when a camera gives no picture and when it does again. Pure: times are arguments."""

from __future__ import annotations

from typing import Final

from pipelines.records import Event

OFFLINE_AFTER_S: Final = 10.0
"""Silent for longer: somebody should look. Shorter holes show as missing coverage only."""


class CameraWatch:
    """One camera's way offline and back."""

    def __init__(self, camera: str, now: float) -> None:
        self._camera = camera
        self._written = 0
        self._seen_at = now
        self.offline = False

    @property
    def seen_at(self) -> float:
        """When the newest frame was noticed; before the first one, when the watch began."""
        return self._seen_at

    def look(self, now: float, written: int, over: bool) -> Event | None:
        """An event when the state changes. written: frames that the capture child ever delivered.
        over: a clip that ended is not a camera that fell out. now: steady UTC seconds."""
        if written != self._written or over:
            silent_s = now - self._seen_at
            self._written, self._seen_at = written, now
            if not self.offline:
                return None
            self.offline = False
            return Event("camera_back", now, self._camera, detail={"silent_s": round(silent_s, 1)})
        if self.offline or now - self._seen_at <= OFFLINE_AFTER_S:
            return None
        self.offline = True
        return Event("camera_offline", self._seen_at, self._camera)
