"""What an installer should think about again, though the site file is right."""

from __future__ import annotations

from typing import Final

from edge.config import SiteConfig
from pipelines.placement import RunUp, run_ups

USUAL_ASPECT: Final = 16 / 9
"""Width over height of a picture that has not been seen yet."""


def advice(config: SiteConfig) -> list[str]:
    """One line for each thing that will cost accuracy, with what to do."""
    return [
        f"camera {camera.id}: {_words(run_up)}"
        for camera in config.cameras
        for run_up in run_ups(config.layout(camera.id), USUAL_ASPECT)
        if run_up.short
    ]


def _words(run_up: RunUp) -> str:
    if run_up.metres:
        seen, wanted = f"{run_up.seen:.1f} m of floor", f"{run_up.wanted:.1f} m"
    else:
        seen, wanted = f"{run_up.seen:.0%} of the picture's height", f"{run_up.wanted:.0%}"
    return (
        f"gate {run_up.gate} has only {seen} in sight on its {run_up.side}; people must be seen before and "
        f"after the line: move it so that at least {wanted} is in sight on both sides"
    )
