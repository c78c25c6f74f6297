"""Memory of a whole running box and what each further camera adds: real boxes on the real clip."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any, Final

import yaml

from edge.demo.part import STOREEDGE, Part, free_port, listens
from edge.errors import EdgeError
from scripts.benches.machine import UnmeasurableError, vtest

SETTLE_S: Final = 12.0
"""After the page answers: every camera has connected and the model runs."""
FEW, MANY = 1, 4


def measure() -> dict[str, Any]:
    """MiB, proportional set size: what processes share is counted once."""
    few, many = _box(FEW), _box(MANY)
    return {
        f"box_with_{FEW}_camera_mib": round(sum(few.values()), 1),
        f"box_with_{MANY}_cameras_mib": round(sum(many.values()), 1),
        "each_further_camera_mib": round((sum(many.values()) - sum(few.values())) / (MANY - FEW), 1),
        "by_process_mib": {name: round(mib, 1) for name, mib in few.items()},
        "frame": "768×576 at 10 fps",
    }


def _box(cameras: int) -> dict[str, float]:
    """MiB by process of a box with so many cameras."""
    with tempfile.TemporaryDirectory(prefix="storeedge-bench-") as place:
        folder = Path(place)
        site = folder / "site.yaml"
        site.write_text(yaml.safe_dump(_site(cameras)), encoding="utf-8")
        port = free_port()
        command = (*STOREEDGE, "run", "--site", str(site), "--data", place, "--port", str(port))
        box = Part("box", command, folder / "box.log")
        try:
            box.wait_until(lambda: listens(port), 60.0)
            time.sleep(SETTLE_S)
            box.check()
            return _family(box.pid)
        except EdgeError as error:
            raise UnmeasurableError(str(error)) from error
        finally:
            box.stop()


def _site(cameras: int) -> dict[str, Any]:
    return {
        "site": {"tenant": "bench", "store": "bench", "box": "box-01"},
        "cameras": [
            {
                "id": f"cam-{number}",
                "source": f"file:{vtest()}?loop=1",
                "gates": [{"id": "door", "line": [[0.72, 0.26], [0.72, 0.78]], "inside": "right"}],
            }
            for number in range(cameras)
        ],
    }


def _family(pid: int) -> dict[str, float]:
    """The main process and its children, by what they are."""
    found = {"main": _pss_mib(pid)}
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split():
        command = Path(f"/proc/{child}/cmdline").read_bytes()
        what = "engine" if b"engine_process" in command else "capture" if b"capture" in command else "other"
        found[what] = found.get(what, 0.0) + _pss_mib(int(child))
    return found


def _pss_mib(pid: int) -> float:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise UnmeasurableError(f"the kernel does not tell the memory of process {pid}")
