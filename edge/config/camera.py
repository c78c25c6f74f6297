"""`cameras:` what each one looks at: gates, zones, the measured floor."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from edge.config.secrets import fill_secrets
from edge.config.values import Closed, FramePoint, Id, Number, unique
from edge.site_file import Key, misplaced
from pipelines.geometry import homography, is_simple_polygon, project
from pipelines.layout import Floor, Gate, Point, Side, Zone, ZoneRole


def _simple_polygon(polygon: list[Point]) -> list[Point]:
    if not is_simple_polygon(polygon):
        raise ValueError("the polygon crosses itself or has no area; list its corners in order around it")
    return polygon


class GateConfig(Closed):
    """A line that people walk through."""

    id: Id
    line: tuple[FramePoint, FramePoint] = Field(description="Its two ends on the floor.")
    inside: Side = Field(description="The side seen walking from the first to the second point.")

    @field_validator("line")
    @classmethod
    def _has_length(cls, line: tuple[Point, Point]) -> tuple[Point, Point]:
        if math.dist(*line) < 0.02:
            raise ValueError("the two ends are the same place; draw the line across the whole doorway")
        return line


_ROLE_OF = {
    "service": "queue", "max_wait": "queue", "long_from": "queue",
    "staff": "counter", "queue": "counter", "unattended_after": "counter",
    "passby": "counter",
}  # fmt: skip
"""Which role of zone an option is for."""


class ZoneConfig(Closed):
    """A place on the floor with a role."""

    id: Id
    role: ZoneRole
    polygon: list[FramePoint] = Field(min_length=3, description="Its corners on the floor, in order.")
    min_stay: Number = Field(
        2.0, ge=0, le=3600, description="Seconds; a shorter stay is a pass, not a visit."
    )
    service: Id | None = Field(
        None, description="Queue: the zone where its members are served; left out: any service zone here."
    )
    max_wait: Number = Field(
        180, gt=0, le=7200, description="Queue: seconds; a longer wait is over the limit."
    )
    long_from: int = Field(5, ge=2, le=100, description="Queue: so many people waiting are too many.")
    staff: Id | None = Field(
        None, description="Counter: the zone where its staff stand; left out: any staff zone here."
    )
    queue: Id | None = Field(
        None, description="Counter: the queue of those who wait for it; left out: any queue here."
    )
    unattended_after: Number = Field(
        120, ge=10, le=7200, description="Counter: seconds for which customers may wait with nobody there."
    )
    passby: Id | None = Field(
        None,
        description="Counter: the gate or passby zone where people pass who might turn in, for the turn-in "
        "rate; left out: the only passby zone here.",
    )

    @model_validator(mode="after")
    def _options_of_its_role(self) -> Self:
        for name in sorted(self.model_fields_set & _ROLE_OF.keys()):
            if self.role != (role := _ROLE_OF[name]):
                raise misplaced((name,), f"only a {role} zone has {name}", f"this one is a {self.role} zone")
        return self

    @field_validator("polygon")
    @classmethod
    def _simple(cls, polygon: list[Point]) -> list[Point]:
        return _simple_polygon(polygon)

    @property
    def zone(self) -> Zone:
        """As the pipelines know it."""
        return Zone(
            self.id,
            self.role,
            tuple(self.polygon),
            self.min_stay,
            service=self.service,
            max_wait_s=self.max_wait,
            long_from=self.long_from,
            staff=self.staff,
            queue=self.queue,
            unattended_s=self.unattended_after,
            passby=self.passby,
        )


class FloorConfig(Closed):
    """Points of the picture with their place on the floor, measured with a tape."""

    image: list[FramePoint] = Field(min_length=4)
    metres: list[tuple[Number, Number]] = Field(min_length=4)

    @model_validator(mode="after")
    def _paired(self) -> Self:
        if len(self.image) != len(self.metres):
            raise ValueError("`image` and `metres` need the same number of points; one for each")
        for name, points in (("image", self.image), ("metres", self.metres)):
            if len(points) == 4 and not is_simple_polygon(points):
                raise ValueError(f"the points of `{name}` lie in a line or cross; list them around the floor")
        try:
            homography(self.image, self.metres)
        except ValueError as fault:
            raise ValueError(f"{fault}; measure points that are spread over the floor") from fault
        return self


class CameraConfig(Closed):
    """One camera with its gates and zones."""

    id: Id
    source: str = Field(description="rtsp://…, usb:0, file:clip.mp4 or dir:frames/; ${NAME} for a secret.")
    fps: Number = Field(10, gt=0, le=60, description="Frames analysed a second while something moves.")
    floor: FloorConfig | None = None
    mask: list[Annotated[list[FramePoint], Field(min_length=3), AfterValidator(_simple_polygon)]] = Field(
        default_factory=list, description="Polygons to ignore."
    )
    gates: list[GateConfig] = Field(default_factory=list)
    zones: list[ZoneConfig] = Field(default_factory=list)
    staff_after: Number = Field(
        30, ge=5, le=1440, description="Minutes; who is in the picture for longer is staff."
    )

    @field_validator("source")
    @classmethod
    def _known_kind(cls, source: str) -> str:
        if not re.match(r"^(rtsps?://.|usb:\d+$|file:.|dir:.)", source):
            raise ValueError("not a source; use rtsp://…, usb:0, file:clip.mp4 or dir:frames/")
        return source

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        unique(
            [(("gates", i, "id"), gate.id) for i, gate in enumerate(self.gates)]
            + [(("zones", i, "id"), zone.id) for i, zone in enumerate(self.zones)]
        )
        return self

    @model_validator(mode="after")
    def _zones_name_zones(self) -> Self:
        roles = {zone.id: zone.role for zone in self.zones}
        for i, zone in enumerate(self.zones):
            for role in ("service", "staff", "queue"):
                name = getattr(zone, role)
                if name is not None and roles.get(name) != role:
                    known = ", ".join(z for z, r in roles.items() if r == role) or "none"
                    raise misplaced(
                        ("zones", i, role), f"this camera has no {role} zone {name}", f"it has: {known}"
                    )
            passed = [gate.id for gate in self.gates] + [z for z, role in roles.items() if role == "passby"]
            if zone.passby is not None and zone.passby not in passed:
                raise misplaced(
                    ("zones", i, "passby"), f"this camera has no gate or passby zone {zone.passby}",
                    f"it has: {', '.join(passed) or 'none'}",
                )  # fmt: skip
        return self

    @model_validator(mode="after")
    def _on_the_floor(self) -> Self:
        """What is drawn above the horizon of the measured floor lies nowhere on it."""
        if self.floor is None:
            return self
        to_floor = homography(self.floor.image, self.floor.metres)
        drawn: list[tuple[tuple[Key, ...], FramePoint]] = [
            (("gates", i, "line"), end) for i, gate in enumerate(self.gates) for end in gate.line
        ]
        drawn += [(("zones", i, "polygon"), c) for i, zone in enumerate(self.zones) for c in zone.polygon]
        for path, point in drawn:
            if project(to_floor, point) is None:
                raise misplaced(
                    path, "lies above the horizon of the measured floor", "draw on the floor, or mend `floor`"
                )
        return self

    @property
    def drawn_gates(self) -> tuple[Gate, ...]:
        """Its gates as the pipelines know them."""
        return tuple(Gate(gate.id, *gate.line, gate.inside) for gate in self.gates)

    @property
    def measured_floor(self) -> Floor | None:
        """Its floor as the pipelines know it."""
        return None if self.floor is None else Floor(tuple(self.floor.image), tuple(self.floor.metres))

    def opened_source(self, environment: Mapping[str, str] | None = None) -> str:
        """The source with its secrets filled in. Raises ConfigError for a secret that is nowhere."""
        return fill_secrets(self.source, f"camera {self.id}", environment)
