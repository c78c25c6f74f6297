"""What each window of a minute rests on, and with it how far it may be trusted.

Figures do not judge themselves: a gate's crossings rest on the frames and tracks of its camera, an area's
occupancy on its gates. So a minute's windows are judged together. The sums of a longer stretch are judged in
the same way (`gate_evidence` and the others take anything that has the fields of the window).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from pipelines.layout import Area
from pipelines.quality import Evidence, quality
from pipelines.records import (
    MINUTE_S,
    CameraWindow,
    GateWindow,
    HeatWindow,
    LaneWindow,
    OccupancyWindow,
    Window,
    ZoneWindow,
)

Key = tuple[str, str]
"""(camera, id)."""


class SeenCamera(Protocol):
    """A camera over some time. None: was not measured then."""

    @property
    def observed_seconds(self) -> float: ...
    @property
    def frames(self) -> int: ...
    @property
    def peak(self) -> int: ...
    @property
    def identities(self) -> int | None: ...
    @property
    def broken(self) -> int | None: ...


class SeenGate(Protocol):
    """A gate over some time."""

    @property
    def entries(self) -> int: ...
    @property
    def exits(self) -> int: ...
    @property
    def inferred(self) -> int: ...


class SeenZone(Protocol):
    """A zone over some time. None: was not measured then."""

    @property
    def person_seconds(self) -> float: ...
    @property
    def visits(self) -> int: ...
    @property
    def passes(self) -> int: ...
    @property
    def dwell_seconds(self) -> float: ...
    @property
    def arrivals(self) -> int | None: ...
    @property
    def pass_seconds(self) -> float | None: ...


class SeenArea(Protocol):
    """An area over some time."""

    @property
    def observed_seconds(self) -> float: ...


def camera_evidence(camera: SeenCamera, length_s: float) -> Evidence:
    """What everything that a camera counts rests on. length_s: of the time, seen or not."""
    return Evidence(
        length_s=length_s,
        observed_s=camera.observed_seconds,
        frames=camera.frames,
        persons_peak=camera.peak,
        identities=camera.identities or 0,
        broken=camera.broken or 0,
    )


def gate_evidence(gate: SeenGate, camera: SeenCamera, length_s: float) -> Evidence:
    """What a gate's figures rest on."""
    return Evidence(
        length_s=length_s,
        observed_s=camera.observed_seconds,
        frames=camera.frames,
        persons_peak=camera.peak,
        crossings=gate.entries + gate.exits,
        inferred=gate.inferred,
        identities=camera.identities or 0,
        broken=camera.broken or 0,
    )


def zone_evidence(zone: SeenZone, camera: SeenCamera, length_s: float) -> Evidence:
    """What a zone's figures rest on. Where stays' beginnings were not counted, Little's law is not asked."""
    if zone.arrivals is None or zone.pass_seconds is None:
        return camera_evidence(camera, length_s)
    return Evidence(
        length_s=length_s,
        observed_s=camera.observed_seconds,
        frames=camera.frames,
        persons_peak=camera.peak,
        identities=camera.identities or 0,
        broken=camera.broken or 0,
        person_seconds=zone.person_seconds,
        arrivals=zone.arrivals,
        stays=zone.visits + zone.passes,
        stay_seconds=zone.dwell_seconds + zone.pass_seconds,
    )


def lane_evidence(camera: SeenCamera, length_s: float) -> Evidence:
    """What a lane's figures rest on: people in the picture do not matter."""
    return Evidence(length_s, camera.observed_seconds, camera.frames)


def area_evidence(
    area: SeenArea, drift: int, gates: Iterable[SeenGate], cameras: Iterable[SeenCamera], length_s: float
) -> Evidence:
    """What an area's occupancy rests on: all its gates, and the slowest of their cameras. drift: how many
    people were corrected, either way."""
    ways, seeing = list(gates), [camera for camera in cameras if camera.observed_seconds > 0]
    slowest = min((camera.frames / camera.observed_seconds for camera in seeing), default=0.0)
    return Evidence(
        length_s=length_s,
        observed_s=area.observed_seconds,
        frames=round(slowest * area.observed_seconds),
        persons_peak=max((camera.peak for camera in seeing), default=0),
        crossings=sum(gate.entries + gate.exits for gate in ways),
        inferred=sum(gate.inferred for gate in ways),
        drift=drift,
    )


def judged(
    windows: Sequence[Window],
    areas: Iterable[Area] = (),
    *,
    clock_trusted: bool = True,
    among: Sequence[Window] | None = None,
    length_s: float = float(MINUTE_S),
) -> list[Window]:
    """Windows of one minute, each with its quality. An area that is not named here is taken to have every
    gate of the box. among: the minute's windows on which these rest, when `windows` are not all of them.
    length_s: of the time that they cover, seen or not, where it is no single minute."""
    resting = windows if among is None else among
    cameras = {window.camera: window for window in resting if isinstance(window, CameraWindow)}
    gates = {(window.camera, window.id): window for window in resting if isinstance(window, GateWindow)}
    ways = {area.id: area.gates for area in areas}
    made: list[Window] = []
    for window in windows:
        if isinstance(window, HeatWindow):
            made.append(window)
            continue
        seen = _evidence(window, cameras, gates, ways, length_s)
        if not clock_trusted:
            seen = replace(seen, clock_trusted=False)
        made.append(replace(window, quality=quality(seen)))
    return made


def clock_trusted(window: Window) -> bool:
    """Whether a window was made while the box's time could be believed."""
    judgement = None if isinstance(window, HeatWindow) else window.quality
    return judgement is None or "clock_untrusted" not in judgement.reasons


def _evidence(
    window: Window,
    cameras: Mapping[str, CameraWindow],
    gates: Mapping[Key, GateWindow],
    ways: Mapping[str, Sequence[Key]],
    length_s: float,
) -> Evidence:
    if isinstance(window, OccupancyWindow):
        keys = [key for key in ways.get(window.id, tuple(gates)) if key in gates]
        seeing = [cameras[name] for name in {name for name, _ in keys} if name in cameras]
        return area_evidence(window, abs(window.drift), [gates[key] for key in keys], seeing, length_s)
    camera = cameras.get(window.camera)
    if camera is None:  # an old part of a minute, from before the camera was counted
        return Evidence(length_s, window.observed_seconds)
    match window:
        case GateWindow():
            return gate_evidence(window, camera, length_s)
        case ZoneWindow():
            return zone_evidence(window, camera, length_s)
        case LaneWindow():
            return lane_evidence(camera, length_s)
        case _:
            return camera_evidence(camera, length_s)
