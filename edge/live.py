"""What the main process knows of this very moment, kept in memory for the page, the metrics and the health
check. Nothing here is needed after a restart; times are UTC seconds of the box's steady clock.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from edge.clock_trust import Trust
from edge.store.budget import Room
from edge.store.budget_steps import Books, Kind
from pipelines.records import Pulse
from sync.happenings import ProtocolName
from sync.status import SyncStatus
from sync.trouble import TroubleKind

CameraState = Literal["starting", "online", "offline", "ended"]
"""`offline`: no frames and we try again. `ended`: a clip or folder that has been read to its end."""

RATE_OVER_S: Final = 10.0
"""Frames a second are told as the mean over this long."""


@dataclass(frozen=True, slots=True)
class CameraLive:
    """One camera now."""

    camera: str
    state: CameraState
    since: float
    """When it came into this state."""
    reason: str = ""
    """Why it is offline, in one line for a person."""
    pulse: Pulse | None = None
    """The newest."""
    last_frame_at: float | None = None
    frames: int = 0
    """Analysed since the main process started."""
    fps: float | None = None
    """Frames analysed a second, over the last ten seconds."""

    def persons_now(self, now: float, stale_after_s: float) -> int | None:
        """People in view, or None when the newest word of it is too old."""
        if self.pulse is None or self.state != "online" or now - self.pulse.t > stale_after_s:
            return None
        return self.pulse.persons


@dataclass(frozen=True, slots=True)
class SyncLive:
    """The line to the centre now. What waits and what was acknowledged last is told by the store."""

    configured: bool = False
    connected: bool = False
    since: float | None = None
    """When it was last connected or disconnected."""
    reason: str = ""
    """Why it is not connected, or what else hinders the sending, in one line for a person."""
    trouble: TroubleKind | None = None
    """What kind of hindrance that is."""
    protocol: ProtocolName | None = None
    """Of the connection; None while there is none."""
    acknowledged: int = 0
    """Messages that the centre acknowledged since the start."""
    acknowledged_per_s: float | None = None
    """The same over the last ten seconds."""


@dataclass(frozen=True, slots=True)
class EngineLive:
    """The engine process now."""

    alive: bool = False
    since: float | None = None
    restarts: int = 0
    model: str = ""


@dataclass(frozen=True, slots=True)
class DiskLive:
    """The store's room now."""

    room: Room
    low: bool
    """The disk has too little for it."""
    full: bool
    """Nothing can be written; what is counted waits in memory."""
    thinned: Mapping[Kind, Books]
    """What was given up or made coarser so far."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything at one moment."""

    started_at: float
    """When the main process began."""
    cameras: Mapping[str, CameraLive]
    sync: SyncLive
    engine: EngineLive
    store_fault: str | None
    clock_trusted: bool
    clock_trust: Trust = "plausible"
    untimed_minutes: int = 0
    """Counted, and their time of day is not known."""
    disk: DiskLive | None = None
    """None: nobody has looked yet."""


@dataclass(slots=True)
class _Rate:
    """Frames of the last pulses, or what else comes in portions."""

    pulses: deque[tuple[float, int]] = field(default_factory=deque)

    def add(self, t: float, frames: int) -> float | None:
        self.pulses.append((t, frames))
        while t - self.pulses[0][0] > RATE_OVER_S:
            self.pulses.popleft()
        span = t - self.pulses[0][0]
        return None if span < 1 else sum(n for _, n in list(self.pulses)[1:]) / span


class Live:
    """The one place that the main loop writes to and the page reads from. Safe from any thread."""

    def __init__(self, cameras: Iterable[str], now: float) -> None:
        self._lock = threading.Lock()
        self._started_at = now
        self._cameras = {name: CameraLive(name, "starting", now) for name in cameras}
        self._rates = {name: _Rate() for name in self._cameras}
        self._sync = SyncLive()
        self._acknowledging, self._sync_acknowledged = _Rate(), 0
        self._engine = EngineLive()
        self._store_fault: str | None = None
        self._disk: DiskLive | None = None
        self._clock: tuple[bool, Trust, int] = (True, "plausible", 0)

    def pulse(self, pulse: Pulse) -> None:
        """A camera tells what it sees. One with frames brings the camera online."""
        with self._lock:
            known = self._cameras.get(pulse.camera) or CameraLive(pulse.camera, "starting", pulse.t)
            seen = pulse.frames > 0
            if seen and known.state != "online":
                known = replace(known, state="online", since=pulse.t, reason="")
            self._cameras[pulse.camera] = replace(
                known,
                pulse=pulse,
                last_frame_at=pulse.t if seen else known.last_frame_at,
                frames=known.frames + pulse.frames,
                fps=self._rates.setdefault(pulse.camera, _Rate()).add(pulse.t, pulse.frames),
            )

    def camera(self, camera: str, state: CameraState, at: float, reason: str = "") -> None:
        """A camera came into a state; saying the same again keeps its `since`."""
        with self._lock:
            known = self._cameras.get(camera) or CameraLive(camera, state, at)
            since = known.since if known.state == state else at
            self._cameras[camera] = replace(known, state=state, since=since, reason=reason)

    def sync(self, connected: bool, at: float, reason: str = "") -> None:
        """The line to the centre is up or down (never called on a box that works alone)."""
        with self._lock:
            same = self._sync.configured and self._sync.connected == connected
            self._sync = SyncLive(True, connected, self._sync.since if same else at, reason)

    def line(self, status: SyncStatus, at: float) -> None:
        """The same, with all that the publisher says of it."""
        self.sync(status.connected, at, status.last_error or "")
        with self._lock:
            fresh = status.acknowledged - self._sync_acknowledged
            self._sync_acknowledged = status.acknowledged
            self._sync = replace(
                self._sync,
                trouble=status.trouble,
                protocol=status.protocol,
                acknowledged=status.acknowledged,
                acknowledged_per_s=self._acknowledging.add(at, fresh),
            )

    def engine(self, alive: bool, at: float, restarts: int = 0, model: str = "") -> None:
        """The engine process runs or does not."""
        with self._lock:
            since = self._engine.since if self._engine.alive == alive else at
            self._engine = EngineLive(alive, since or at, restarts, model or self._engine.model)

    def store(self, fault: str | None) -> None:
        """The last write to the store failed for this reason, or succeeded (None)."""
        with self._lock:
            self._store_fault = fault

    def disk(self, disk: DiskLive) -> None:
        """How much room the store has."""
        with self._lock:
            self._disk = disk

    def clock(self, trusted: bool, trust: Trust = "plausible", untimed: int = 0) -> None:
        """Whether the wall clock agrees with the box's steady one, how far that is trusted, and how many
        minutes wait for their time of day."""
        with self._lock:
            self._clock = (trusted, trust, untimed)

    def snapshot(self) -> Snapshot:
        """Everything as it is now; the values never change afterwards."""
        with self._lock:
            return Snapshot(
                self._started_at,
                dict(self._cameras),
                self._sync,
                self._engine,
                self._store_fault,
                *self._clock,
                disk=self._disk,
            )
