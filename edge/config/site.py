"""A whole site file."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import Field, ValidationError, model_validator

from edge.config.area import AreaConfig, check_areas
from edge.config.camera import CameraConfig
from edge.config.coupons import MOST_RULES, CouponRule, check_coupons
from edge.config.identity import SiteIdentity
from edge.config.lane import LaneConfig
from edge.config.parking import ParkingConfig, check_parking
from edge.config.patrol import PatrolConfig
from edge.config.storage import StorageConfig
from edge.config.sync import SyncConfig
from edge.config.values import Closed, unique
from edge.errors import ConfigError
from edge.site_file import Fault, faults_of, misplaced, read_yaml
from pipelines.layout import Area, CameraLayout, Lane, LaneDirection


class SiteConfig(Closed):
    """A whole site file."""

    site: SiteIdentity
    patrol: PatrolConfig = Field(default_factory=lambda: PatrolConfig.model_validate({}))
    model: str = Field("default", description="A name from the model list, or the path of an .onnx file.")
    cameras: list[CameraConfig] = Field(default_factory=list)
    areas: list[AreaConfig] = Field(
        default_factory=list, description="Left out: how many people are inside is not told."
    )
    lanes: list[LaneConfig] = Field(default_factory=list)
    parking: ParkingConfig = Field(default_factory=lambda: ParkingConfig.model_validate({}))
    coupons: list[CouponRule] = Field(
        default_factory=list, max_length=MOST_RULES, description="Parking coupon rules."
    )
    sync: SyncConfig | None = Field(None, description="Left out: the box works alone.")
    storage: StorageConfig = Field(default_factory=lambda: StorageConfig.model_validate({}))

    @model_validator(mode="after")
    def _names_fit(self) -> Self:
        unique([(("cameras", i, "id"), camera.id) for i, camera in enumerate(self.cameras)])
        unique([(("lanes", i, "id"), lane.id) for i, lane in enumerate(self.lanes)])
        known = [camera.id for camera in self.cameras]
        for i, lane in enumerate(self.lanes):
            if lane.camera is not None and lane.camera not in known:
                raise misplaced(
                    ("lanes", i, "camera"), f"there is no camera {lane.camera}",
                    f"cameras here: {', '.join(known) or 'none'}",
                )  # fmt: skip
        check_areas(self.areas, self.cameras)
        check_coupons(self.coupons, self.lane_directions)
        check_parking(self.parking, self.lane_directions, broker=self.sync is not None)
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
            gates=camera.drawn_gates,
            zones=tuple(zone.zone for zone in camera.zones),
            lanes=tuple(Lane(n.id, n.direction, n.heading) for n in self.lanes if n.camera == camera.id),
            floor=camera.measured_floor,
            mask=tuple(tuple(polygon) for polygon in camera.mask),
            staff_after_s=60 * camera.staff_after,
        )

    @property
    def lane_directions(self) -> dict[str, LaneDirection]:
        """By lane, as listed."""
        return {lane.id: lane.direction for lane in self.lanes}

    @property
    def drawn_areas(self) -> tuple[Area, ...]:
        """The areas as the pipelines know them."""
        return tuple(each.area for each in self.areas)

    def areas_of(self, camera_id: str) -> tuple[Area, ...]:
        """Those whose every gate is one camera's."""
        return tuple(
            area for area in self.drawn_areas if all(camera == camera_id for camera, _ in area.gates)
        )


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
