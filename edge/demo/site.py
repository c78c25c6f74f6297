"""The demo's site file: lines drawn for the known clip, plain ones for any other."""

from __future__ import annotations

import os
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo, available_timezones

import yaml

from edge.demo.footage import INSTALLED

ZONES: Final = Path("/usr/share/zoneinfo")


def write_site(path: Path, clip: Path, broker: str, *, loop: bool) -> Path:
    """Write a whole site file for `clip` that syncs with `broker`. The shop keeps this machine's time, has
    opened this hour, and its page speaks this machine's language."""
    name = "vtest.yaml" if clip.name == INSTALLED.name else "any_clip.yaml"
    site: dict[str, Any] = yaml.safe_load(files("edge.demo").joinpath(name).read_text(encoding="utf-8"))
    zone = local_zone()
    site["site"] |= {
        "timezone": zone,
        "opening_hours": {"mon-sun": f"{datetime.now(ZoneInfo(zone)).hour:02}:00-24:00"},
        "language": "zh-CN" if os.environ.get("LANG", "").startswith("zh") else "en",
    }
    site["cameras"][0]["source"] = f"file:{clip}?loop={int(loop)}"
    site["sync"] = {"url": broker}
    path.write_text(yaml.safe_dump(site, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return path


def local_zone(localtime: Path = Path("/etc/localtime")) -> str:
    """The IANA name of this machine's time zone; UTC where it does not tell."""
    named = os.environ.get("TZ", "").removeprefix(":") or _within_zones(localtime)
    return named if named in available_timezones() else "UTC"


def _within_zones(localtime: Path) -> str:
    """Europe/London from /usr/share/zoneinfo/Europe/London."""
    try:
        return str(localtime.resolve().relative_to(ZONES))
    except (ValueError, OSError):
        return ""
