"""The site file: one per box, closed (unknown keys are refused), every fault told with line and remedy.

A file for each part: the site's identity, cameras, areas, lanes, patrol, sync, and the whole.
"""

from edge.config.area import AreaConfig
from edge.config.camera import CameraConfig, FloorConfig, GateConfig, ZoneConfig
from edge.config.identity import Language, SiteIdentity
from edge.config.lane import LaneConfig
from edge.config.patrol import PatrolConfig
from edge.config.secrets import fill_secrets
from edge.config.site import SiteConfig, check_site, load_site
from edge.config.sync import SyncConfig

__all__ = [
    "AreaConfig",
    "CameraConfig",
    "FloorConfig",
    "GateConfig",
    "LaneConfig",
    "Language",
    "PatrolConfig",
    "SiteConfig",
    "SiteIdentity",
    "SyncConfig",
    "ZoneConfig",
    "check_site",
    "fill_secrets",
    "load_site",
]
