"""The ultralytics family against ultralytics itself: networks from their YAML, random weights, real frames.

Runs where the extra `export` is installed; the box itself never imports ultralytics.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from models.detector import FLOOR, load_detector
from models.letterbox import Letterbox
from models.suppress import IOU
from models.types import CLASSES, Image

ultralytics = pytest.importorskip(
    "ultralytics", reason="needs the extra `export`: pip install 'storeedge[export]'"
)
SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "export_ultralytics"
NAMES = {0: "person", 1: "zebra", 2: "car"}


@pytest.fixture(scope="module", params=["yolov8n.yaml", "yolo11n.yaml", "yolov10n.yaml", "yolo26n.yaml"])
def weights(request: pytest.FixtureRequest, frame: Image, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights that see some hundred things: class logits with mean -4 and deviation 1.5."""
    import torch
    from ultralytics.nn.tasks import DetectionModel

    torch.manual_seed(7)
    model: Any = DetectionModel(request.param, nc=len(NAMES), verbose=False)
    model.names = NAMES
    for layer in model.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.momentum = None  # take the statistics of what comes next
    tensor = Letterbox((frame.shape[1], frame.shape[0]), (320, 320), 114)(frame)
    picture = torch.from_numpy(tensor[..., ::-1].copy()).permute(0, 3, 1, 2) / 255
    with torch.no_grad():
        model.train()(picture)
        model.eval()
        for last in _last_layers(model):
            torch.nn.init.normal_(last.weight)
            torch.nn.init.zeros_(last.bias)
        seen: dict[Any, Any] = {}
        hooks = [
            last.register_forward_hook(lambda layer, _, out: seen.update({layer: out}))
            for last in _last_layers(model)
        ]
        model(picture)
        for hook in hooks:
            hook.remove()
        for last, logits in seen.items():
            scale = 1.5 / logits.std(dim=(0, 2, 3))
            last.weight *= scale[:, None, None, None]
            last.bias -= 4.0 + logits.mean(dim=(0, 2, 3)) * scale
    path = tmp_path_factory.mktemp("weights") / request.param.replace(".yaml", ".pt")
    torch.save({"model": model, "train_args": {}}, path)  # YOLO.save would round to half precision
    return path


def _last_layers(model: Any) -> list[Any]:
    """The convolutions that give the class logits."""
    head = model.model[-1]
    return [branch[-1] for name in ("cv3", "one2one_cv3") for branch in getattr(head, name, None) or []]


@pytest.fixture(scope="module")
def frame(vtest: Path) -> Image:
    """A real frame of 4:3."""
    return np.asarray(cv2.VideoCapture(str(vtest)).read()[1], np.uint8)


def test_an_export_gives_the_boxes_that_ultralytics_gives(
    weights: Path, frame: Image, tmp_path: Path
) -> None:
    from ultralytics import YOLO

    out = tmp_path / "site.onnx"
    command = [sys.executable, str(SCRIPT), str(weights), "--out", str(out), "--imgsz", "320", "--fixed"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    ours = load_detector(str(out)).detect(frame)
    wanted = {number: CLASSES.index(name) for number, name in NAMES.items() if name in CLASSES}
    theirs = (
        YOLO(str(out), task="detect")
        .predict(frame, imgsz=320, conf=FLOOR, iou=IOU, classes=list(wanted), max_det=3000, verbose=False)[0]
        .boxes
    )
    assert len(theirs) >= 10, "the random network must see enough to compare"
    boxes, scores = theirs.xyxyn.numpy(), theirs.conf.numpy()
    classes = np.array([wanted[int(number)] for number in theirs.cls.numpy()])
    missing = 0
    for box, score, kind in zip(boxes, scores, classes, strict=True):
        # ultralytics clips boxes to the frame, we keep what reaches past it
        near = np.abs(np.clip(ours.boxes, 0, 1) - box).max(axis=1) < 0.005
        same = near & (ours.classes == kind) & (np.abs(ours.scores - score) < 0.01)
        missing += not same.any()
    assert missing <= 0.02 * len(theirs), f"{missing} of {len(theirs)} boxes are not among our {len(ours)}"
    extra = len(ours) - len(theirs)
    assert abs(extra) <= 0.05 * len(theirs), f"{extra} boxes more than the {len(theirs)} of ultralytics"


def test_an_export_of_any_aspect_takes_the_frame_s_own(weights: Path, frame: Image, tmp_path: Path) -> None:
    out = tmp_path / "site.onnx"
    command = [sys.executable, str(SCRIPT), str(weights), "--out", str(out), "--imgsz", "320"]
    subprocess.run(command, capture_output=True, check=True, cwd=tmp_path)
    detector = load_detector(str(out))
    found = detector.detect(frame)
    assert detector.canvas == (256, 320)
    assert len(found) > 0
