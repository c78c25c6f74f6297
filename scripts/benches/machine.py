"""Where figures were taken, and the footage that they are taken on."""

from __future__ import annotations

import json
import os
import platform
from pathlib import Path
from typing import Any, Final

import onnxruntime

from models.processor import has_vnni

ROOT: Final = Path(__file__).resolve().parents[2]
VTEST: Final = Path("/usr/share/doc/opencv-doc/examples/data/vtest.avi")
TRUTH: Final = ROOT / "tests" / "truth" / "vtest.json"


class UnmeasurableError(Exception):
    """Something is missing on this machine."""


def vtest() -> Path:
    """The surveillance clip of Debian's opencv-doc."""
    if not VTEST.is_file():
        raise UnmeasurableError("no vtest.avi: apt-get install opencv-doc")
    return VTEST


def vtest_truth() -> dict[str, Any]:
    """Its gates and crossings, read by eye."""
    truth: dict[str, Any] = json.loads(TRUTH.read_text(encoding="utf-8"))
    return truth


def shared_footage() -> Path | None:
    """The folder of further clips with truth; None where it does not lie beside the project."""
    folder = Path(os.environ.get("STOREEDGE_SHARED", ROOT.parent / "shared")) / "footage"
    return folder if (folder / "truth.json").is_file() else None


def machine() -> dict[str, Any]:
    """What a figure depends on."""
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "load_before": round(os.getloadavg()[0], 1),
        "vnni": has_vnni(),
        "python": platform.python_version(),
        "onnxruntime": onnxruntime.__version__,
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
