"""The site file: one per box, closed (unknown keys are refused), every fault told with line and remedy."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from edge.errors import ConfigError
from edge.opening_hours import OpeningHours, StoreHours, parse_opening_hours
from edge.site_file import Fault, Key, faults_of, misplaced, read_yaml
from pipelines.geometry import homography, is_simple_polygon, project
from pipelines.layout import (
    CameraLayout,
    Floor,
    Gate,
    Heading,
    Lane,
    LaneDirection,
    Point,
    Side,
    Zone,
    ZoneRole,
)
from pipelines.patrol import PatrolRules

Id = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$")]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
"""Strict: YAML's `yes` is no 1, and what stands in quotes is text."""
Fraction = Annotated[Number, Field(ge=0, le=1)]
FramePoint = tuple[Fraction, Fraction]
Language = Literal["zh-CN", "en"]


class Closed(BaseModel):
    """A mapping of the site file: frozen, and no key that we do not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SiteIdentity(Closed):
    """Where the box stands. The three names make its topics."""

    tenant: Id = Field(description="The chain; first part of every topic.")
    store: Id = Field(description="The store.")
    box: Id = Field(description="This box; unique in its store.")
    timezone: str = Field("Asia/Shanghai", description="IANA name; what people see is told in it.")
    opening_hours: dict[str, str] = Field(
        default_factory=lambda: {"mon-sun": "10:00-22:00"},
        description='Days to hours, such as {mon-fri: "10:00-21:30", sat: "09:00-22:00"}.',
    )
    language: Language = Field("zh-CN", description="The page's language until somebody changes it.")

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            raise ValueError("no such time zone; use an IANA name such as Asia/Shanghai") from None
        return name

    @field_validator("opening_hours")
    @classmethod
    def _readable_hours(cls, hours: dict[str, str]) -> dict[str, str]:
        parse_opening_hours(hours)
        return hours

    @property
    def hours(self) -> OpeningHours:
        """The opening hours, ready to ask."""
        return parse_opening_hours(self.opening_hours)

    @property
    def zone(self) -> ZoneInfo:
        """The store's time zone."""
        return ZoneInfo(self.timezone)

    @property
    def store_hours(self) -> StoreHours:
        """The opening hours in the store's time zone."""
        return StoreHours(self.hours, self.zone)


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
        _unique(
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

    def opened_source(self, environment: Mapping[str, str] | None = None) -> str:
        """The source with its secrets filled in. Raises ConfigError for a secret that is nowhere."""
        return fill_secrets(self.source, f"camera {self.id}", environment)


class LaneConfig(Closed):
    """A car-park lane with a camera, or fed by the parking system when it names none."""

    id: Id
    direction: LaneDirection
    camera: Id | None = None
    heading: Heading | None = Field(None, description="The right way through the picture.")
    plate_region: Literal["cn"] = "cn"


class SyncConfig(Closed):
    """The line to the centre."""

    url: str = Field(description="mqtts://broker:8883, or mqtt://127.0.0.1:1883 for a broker on this box.")
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None

    @field_validator("url")
    @classmethod
    def _mqtt(cls, url: str) -> str:
        _ask_sync(url, "; such as mqtts://broker.example:8883")
        return url

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        _ask_sync(self.url, **{k: str(v) for k in ("ca", "cert", "key") if (v := getattr(self, k))})
        return self


def _ask_sync(url: str, remedy: str = "", **files: str) -> None:
    """Raise ValueError where sync, which knows the grammar of a broker's address, cannot take it. Any word
    stands for a secret until that is filled in."""
    from sync.errors import SyncError  # noqa: PLC0415 - a replay needs no MQTT client
    from sync.mqtt import Broker  # noqa: PLC0415

    try:
        Broker.parse(re.sub(_NAMED, "secret", url), **files)
    except SyncError as fault:
        raise ValueError(f"{fault}{remedy}") from fault


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


class SiteConfig(Closed):
    """A whole site file."""

    site: SiteIdentity
    patrol: PatrolConfig = Field(default_factory=lambda: PatrolConfig.model_validate({}))
    model: str = Field("default", description="A name from the model list, or the path of an .onnx file.")
    cameras: list[CameraConfig] = Field(default_factory=list)
    lanes: list[LaneConfig] = Field(default_factory=list)
    coupons: list[dict[str, Any]] = Field(default_factory=list)
    sync: SyncConfig | None = Field(None, description="Left out: the box works alone.")

    @model_validator(mode="after")
    def _names_fit(self) -> Self:
        _unique([(("cameras", i, "id"), camera.id) for i, camera in enumerate(self.cameras)])
        _unique([(("lanes", i, "id"), lane.id) for i, lane in enumerate(self.lanes)])
        known = [camera.id for camera in self.cameras]
        for i, lane in enumerate(self.lanes):
            if lane.camera is not None and lane.camera not in known:
                raise misplaced(
                    ("lanes", i, "camera"), f"there is no camera {lane.camera}",
                    f"cameras here: {', '.join(known) or 'none'}",
                )  # fmt: skip
        return self

    def camera(self, camera_id: str | None = None) -> CameraConfig:
        """The camera of that name, or the only one. Raises ConfigError."""
        names = ", ".join(camera.id for camera in self.cameras) or "none"
        if camera_id is None:
            if len(self.cameras) != 1:
                raise ConfigError(f"name a camera with --camera; the site file has: {names}")
            return self.cameras[0]
        for camera in self.cameras:
            if camera.id == camera_id:
                return camera
        raise ConfigError(f"the site file has no camera {camera_id}; it has: {names}")

    def layout(self, camera_id: str) -> CameraLayout:
        """What the pipelines need to know of one camera."""
        camera = self.camera(camera_id)
        return CameraLayout(
            camera=camera.id,
            gates=tuple(Gate(g.id, g.line[0], g.line[1], g.inside) for g in camera.gates),
            zones=tuple(_zone(zone) for zone in camera.zones),
            lanes=tuple(Lane(n.id, n.direction, n.heading) for n in self.lanes if n.camera == camera.id),
            floor=Floor(tuple(camera.floor.image), tuple(camera.floor.metres)) if camera.floor else None,
            mask=tuple(tuple(polygon) for polygon in camera.mask),
            staff_after_s=60 * camera.staff_after,
        )


def _zone(zone: ZoneConfig) -> Zone:
    return Zone(
        zone.id,
        zone.role,
        tuple(zone.polygon),
        zone.min_stay,
        service=zone.service,
        max_wait_s=zone.max_wait,
        long_from=zone.long_from,
        staff=zone.staff,
        queue=zone.queue,
        unattended_s=zone.unattended_after,
    )


def _unique(ids: Sequence[tuple[tuple[Key, ...], str]]) -> None:
    seen: set[str] = set()
    for path, name in ids:
        if name in seen:
            raise misplaced(path, f"the id {name} is used twice", "give each its own")
        seen.add(name)


_NAMED = r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}"


def fill_secrets(text: str, about: str, environment: Mapping[str, str] | None = None) -> str:
    """Replace each ${NAME} from the environment, or from a file NAME or secret_NAME (a whole folder as one
    credential) among systemd's credentials or in /run/secrets. Raises ConfigError naming the secret, never
    the text around it."""
    known = os.environ if environment is None else environment

    def value(match: re.Match[str]) -> str:
        name = match[1]
        if name in known:
            return known[name]
        for folder in filter(None, (known.get("CREDENTIALS_DIRECTORY"), "/run/secrets")):
            for secret in (Path(folder) / name, Path(folder) / f"secret_{name}"):
                try:
                    if secret.is_file():
                        return secret.read_text(encoding="utf-8").strip()
                except (OSError, UnicodeDecodeError) as fault:
                    raise ConfigError(
                        f"{about}: ${{{name}}} cannot be read from {secret}; mind its permissions"
                    ) from fault
        raise ConfigError(
            f"{about}: ${{{name}}} is not set; give it in the environment or as a credential file"
        )

    return re.sub(_NAMED, value, text)


def check_site(path: Path) -> tuple[SiteConfig | None, list[Fault]]:
    """The site file as far as it is right, and everything that is wrong with it."""
    data, node, faults = read_yaml(path)
    if faults:
        return None, faults
    if not isinstance(data, dict):
        return None, [
            Fault(None, "", "the file is empty or no mapping", "write one: storeedge config example")
        ]
    try:
        return SiteConfig.model_validate(data), []
    except ValidationError as error:
        return None, faults_of(error, SiteConfig, node)


def load_site(path: Path) -> SiteConfig:
    """The site file, or a ConfigError with the first fault and how many more there are."""
    config, faults = check_site(path)
    if config is None:
        more = f" and {len(faults) - 1} more: storeedge config check {path}" if len(faults) > 1 else ""
        raise ConfigError(f"{path}: {faults[0]}{more}")
    return config
