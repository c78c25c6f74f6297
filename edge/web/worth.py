"""What a day's figures are worth: coverage, frames a second, inferred crossings, broken identities. Pure."""

from __future__ import annotations

from dataclasses import replace

from edge.store.queries import GateSum, ZoneSum
from edge.web import models
from edge.web.look import Look
from pipelines.layout import Area
from pipelines.quality import Evidence, quality
from pipelines.window_quality import area_evidence, camera_evidence, gate_evidence, zone_evidence


def told(seen: Evidence) -> models.Quality:
    """Evidence as the API tells its worth."""
    found = quality(seen)
    return models.Quality(
        confidence=found.confidence,
        reasons=list(found.reasons),
        coverage=found.coverage,
        fps=found.fps,
        inferred_share=found.inferred_share,
        identities_per_entry=found.identities_per_entry,
    )


def _length_s(look: Look, observed_s: float) -> float:
    """The opening hours so far, or what was seen where the store was closed."""
    return max(look.day.open_seconds(look.day.begin, look.horizon), observed_s)


def of_camera(look: Look, camera: str) -> Evidence:
    """What everything that a camera counted in the opening hours so far rests on."""
    seen = look.cameras.get(camera)
    if seen is None:
        return Evidence(_length_s(look, 0.0), 0.0)
    return _now(look, camera_evidence(seen, _length_s(look, seen.observed_seconds)))


def of_gate(look: Look, camera: str, total: GateSum | None) -> Evidence:
    """What a gate's figures rest on."""
    seen = look.cameras.get(camera)
    if seen is None or total is None:
        return of_camera(look, camera)
    return _now(look, gate_evidence(total, seen, _length_s(look, seen.observed_seconds)))


def of_zone(look: Look, camera: str, total: ZoneSum | None) -> Evidence:
    """What a zone's figures rest on."""
    seen = look.cameras.get(camera)
    if seen is None or total is None:
        return of_camera(look, camera)
    return _now(look, zone_evidence(total, seen, _length_s(look, seen.observed_seconds)))


def of_area(look: Look, area: Area) -> Evidence:
    """What an area's occupancy rests on: all its gates and their cameras."""
    total = look.areas.get(area.id)
    if total is None:
        return Evidence(_length_s(look, 0.0), 0.0)
    gates = [look.gates[key] for key in area.gates if key in look.gates]
    cameras = [look.cameras[name] for name in {name for name, _ in area.gates} if name in look.cameras]
    # The area's seconds are of the whole day, and nothing happens in a closed store: judge the open hours.
    seen = replace(total, observed_seconds=min((one.observed_seconds for one in cameras), default=0.0))
    length_s = _length_s(look, seen.observed_seconds)
    return _now(look, area_evidence(seen, total.drifted, gates, cameras, length_s))


def _now(look: Look, seen: Evidence) -> Evidence:
    """The box knows of its clock only as it is now."""
    return replace(seen, clock_trusted=look.live.clock_trusted) if look.is_today else seen
