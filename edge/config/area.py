"""`areas:` parts of the store whose occupancy their gates tell."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated

from pydantic import Field, field_validator

from edge.config.camera import CameraConfig
from edge.config.values import Closed, Id, unique
from edge.site_file import misplaced
from pipelines.layout import Area

Named = Annotated[str, Field(description="camera/id")]


class AreaConfig(Closed):
    """A part of the store, or all of it. There is none unless it is written here: how many people are inside
    is known only where every way in and out has a gate, and only the installer knows that."""

    id: Id
    gates: list[Named] = Field(
        description="Every way in and out as camera/gate, each with its inside towards the area."
    )
    zones: list[Named] = Field(
        default_factory=list,
        description="Places surely in the area as camera/zone: at least as many people as in one are inside.",
    )
    capacity: int | None = Field(
        None, strict=True, ge=1, le=100_000, description="More people than this at once are an event."
    )

    @field_validator("gates")
    @classmethod
    def _has_a_way_in(cls, gates: list[str]) -> list[str]:
        if not gates:
            raise ValueError("no way in; name every gate that leads into it, or leave the area out")
        return gates

    @property
    def area(self) -> Area:
        """As the pipelines know it. Its names are checked with the whole file."""
        return Area(self.id, tuple(map(_split, self.gates)), self.capacity, tuple(map(_split, self.zones)))


def check_areas(areas: Sequence[AreaConfig], cameras: Iterable[CameraConfig]) -> None:
    """Raise for an area that names what is not there, or what cannot be its way in."""
    known = list(cameras)
    gates = {(camera.id, gate.id) for camera in known for gate in camera.gates}
    zones = {(camera.id, zone.id) for camera in known for zone in camera.zones if zone.role != "passby"}
    passed = {(camera.id, zone.passby): zone.id for camera in known for zone in camera.zones if zone.passby}
    unique([(("areas", i, "id"), area.id) for i, area in enumerate(areas)])
    for i, area in enumerate(areas):
        for j, name in enumerate(area.gates):
            path = ("areas", i, "gates", j)
            if _split(name) not in gates:
                raise misplaced(path, "no such gate", f"write camera/gate; {_list('gates', gates)}")
            if (counter := passed.get(_split(name))) is not None:
                raise misplaced(path, f"people pass by {counter} there", "name only ways in and out")
            if name in area.gates[:j]:
                raise misplaced(path, "the same gate a second time", "name each once")
        for j, name in enumerate(area.zones):
            if _split(name) not in zones:
                raise misplaced(
                    ("areas", i, "zones", j), "no such zone",
                    f"write camera/zone, of a role other than passby; {_list('zones', zones)}",
                )  # fmt: skip


def _split(name: str) -> tuple[str, str]:
    camera, _, thing = name.partition("/")
    return camera, thing


def _list(what: str, names: Iterable[tuple[str, str]]) -> str:
    return f"{what} here: {', '.join(f'{camera}/{thing}' for camera, thing in sorted(names)) or 'none'}"
