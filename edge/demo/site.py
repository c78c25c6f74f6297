"""The demo's site file: lines drawn for the known clip, plain ones for any other."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from edge.demo.footage import INSTALLED


def write_site(path: Path, clip: Path, broker: str, *, loop: bool) -> Path:
    """Write a whole site file for `clip` that syncs with `broker`."""
    name = "vtest.yaml" if clip.name == INSTALLED.name else "any_clip.yaml"
    site: dict[str, Any] = yaml.safe_load(files("edge.demo").joinpath(name).read_text(encoding="utf-8"))
    site["cameras"][0]["source"] = f"file:{clip}?loop={int(loop)}"
    site["sync"] = {"url": broker}
    path.write_text(yaml.safe_dump(site, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return path
