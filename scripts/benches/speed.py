"""Milliseconds a frame by stage, on one thread: the real clip, five gates, two zones, no motion gate."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any, Final

from edge.clip import Clip
from edge.config import load_site
from edge.engine import CameraEngine
from models.detector import NetworkDetector, load_detector, warm_up
from models.errors import ModelsError
from models.network import Precision
from models.types import Detections, Image
from pipelines.layout import CameraLayout
from scripts.benches.layouts import vtest_layout
from scripts.benches.machine import ROOT, UnmeasurableError, vtest

FPS: Final = 10.0
PRECISIONS: Final[tuple[Precision, ...]] = ("int8", "fp32")


def measure() -> dict[str, Any]:
    """By precision; `default` names the one that the box takes on this machine."""
    with Clip(vtest()) as clip:
        size = clip.size
    try:
        chosen = load_detector("default", frame_size=size).network
    except ModelsError as error:
        raise UnmeasurableError(str(error)) from error
    zones = load_site(ROOT / "edge" / "demo" / "vtest.yaml").layout("yard").zones
    layout = replace(vtest_layout(), zones=zones)
    found: dict[str, Any] = {"model": chosen.name, "default": chosen.precision, "clip": vtest().name}
    for precision in PRECISIONS:
        try:
            detector = load_detector("default", frame_size=size, precision=precision)
        except ModelsError as error:
            found[precision] = str(error)
            continue
        warm_up(detector, size)
        found[precision] = _by_stage(detector, layout)
    found["motion_gate"] = _gated(load_detector("default", frame_size=size), layout, vtest())
    return found


class _Stages:
    """A detector that keeps what each stage of another took, frame by frame."""

    def __init__(self, detector: NetworkDetector) -> None:
        self._detector = detector
        self.ms: dict[str, list[float]] = {"letterbox": [], "inference": [], "decode": []}

    def detect(self, image: Image) -> Detections:
        found = self._detector.detect(image)
        for stage, took in self.ms.items():
            took.append(self._detector.last_ms[stage])
        return found


def _by_stage(detector: NetworkDetector, layout: CameraLayout) -> dict[str, Any]:
    stages = _Stages(detector)
    engine = CameraEngine(layout, stages, gated=False)
    decode: list[float] = []
    motion: list[float] = []
    pipeline: list[float] = []
    seen = 0
    cpu = time.process_time()
    with Clip(vtest()) as clip:
        pictures = clip.frames(FPS)
        while True:
            began = time.perf_counter()
            frame = next(pictures, None)
            if frame is None:
                break
            decode.append((time.perf_counter() - began) * 1e3)
            motion_s, pipeline_s = engine.spent.motion_s, engine.spent.pipeline_s
            engine.process(frame[1], frame[0])
            motion.append((engine.spent.motion_s - motion_s) * 1e3)
            pipeline.append((engine.spent.pipeline_s - pipeline_s) * 1e3)
            seen += len(engine.detections)
    cpu_s, frames = time.process_time() - cpu, len(decode)
    # Medians: what other programs took from this one meanwhile shows in a few frames only.
    each = {
        "decode": median(decode),
        "motion": median(motion),
        "letterbox": median(stages.ms["letterbox"]),
        "inference": median(stages.ms["inference"]),
        "boxes": median(stages.ms["decode"]),
        "tracker_and_pipelines": median(pipeline),
    }
    beside = sum(ms for name, ms in each.items() if name not in {"decode", "inference"})
    return {
        "input": detector.canvas,
        "frames": frames,
        "detections_per_frame": round(seen / frames, 1),
        "median_ms_per_frame": {name: round(ms, 3) for name, ms in each.items()},
        "beside_decode_and_inference_ms": round(beside, 2),
        "cpu_ms_per_frame": round(cpu_s * 1e3 / frames, 2),
        "frames_per_second_per_core": round(frames / cpu_s, 1),
    }


def _gated(detector: NetworkDetector, layout: CameraLayout, path: Path) -> dict[str, Any]:
    """The same with the motion gate, as the box runs: how many frames the network saw."""
    engine = CameraEngine(layout, detector)
    cpu = time.process_time()
    with Clip(path) as clip:
        for t, image in clip.frames(FPS):
            engine.process(image, t)
    cpu_s = time.process_time() - cpu
    return {
        "frames": engine.spent.frames,
        "inferred": engine.spent.inferred,
        "frames_per_second_per_core": round(engine.spent.frames / cpu_s, 1),
    }
