"""A frame in, people and vehicles out."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest

from models.agreement import compare
from models.detector import FLOOR, load_detector
from models.errors import ModelsError
from models.manifest import ModelCard
from models.types import PERSON, Detections, Image

from .conftest import frames


def test_it_finds_the_people_of_a_street(nanodet: ModelCard, street: list[Image]) -> None:
    detector = load_detector()
    people = [detector.detect(frame).of(PERSON) for frame in street]
    sure = [int((found.scores > 0.4).sum()) for found in people]
    assert min(sure) >= 3, sure
    assert detector.canvas == (320, 416)


def test_two_networks_of_different_families_see_the_same_people(
    nanodet: ModelCard, shared: Path, street: list[Image], tmp_path: Path
) -> None:
    copy = tmp_path / "yolox.onnx"
    copy.write_bytes((shared / "models" / "yolox_nano.onnx").read_bytes())
    names = [
        "person",
        "bicycle",
        "car",
        "motorcycle",
        "airplane",
        "bus",
        "train",
        "truck",
        *map(str, range(72)),
    ]
    copy.with_suffix(".toml").write_text(f'family = "yolox"\nclasses = {names}\n')
    own = load_detector(str(copy))
    seen = compare(own, load_detector(precision="fp32"), street)
    assert own.canvas == (416, 416), "a graph of fixed size keeps it"
    assert seen.expected > 50, seen
    assert seen.found > 0.9 * seen.expected, seen
    assert seen.iou > 0.8, seen


def test_nobody_is_found_where_nobody_is(nanodet: ModelCard, shared: Path) -> None:
    detector = load_detector()
    empty = frames(shared / "footage" / "one-by-one.mp4", range(0, 50, 10))
    for frame in empty:
        found = detector.detect(frame).of(PERSON)
        assert not (found.scores > 0.4).any(), found


def test_three_shoppers_stand_in_an_aisle(nanodet: ModelCard, shared: Path) -> None:
    detector = load_detector()
    found = detector.detect(frames(shared / "footage" / "store-aisle.gif", range(1))[0])
    people = found.of(PERSON)
    assert 2 <= int((people.scores > 0.3).sum()) <= 4, people


def test_detections_come_best_first_above_the_floor_and_in_fractions(
    nanodet: ModelCard, street: list[Image]
) -> None:
    found = load_detector().detect(street[0])
    assert (found.scores >= FLOOR).all()
    assert (np.diff(found.scores) <= 0).all()
    assert found.boxes.dtype == found.scores.dtype == np.float32
    assert found.classes.dtype == np.int16
    assert (found.boxes > -0.3).all()
    assert (found.boxes < 1.3).all()


def test_a_camera_that_changes_its_size_is_followed(nanodet: ModelCard, street: list[Image]) -> None:
    detector = load_detector(frame_size=(768, 576))
    before = detector.detect(street[0])
    large = np.asarray(cv2.resize(street[0], (1536, 1152)), np.uint8)
    after = detector.detect(large)
    sure = int((before.scores > 0.5).sum())
    assert sure >= 3
    np.testing.assert_allclose(after.boxes[:sure], before.boxes[:sure], atol=0.03)
    upright = np.ascontiguousarray(street[0].transpose(1, 0, 2))
    detector.detect(upright)
    assert detector.canvas == (416, 320)


def test_cameras_of_one_aspect_share_a_session(nanodet: ModelCard) -> None:
    one, other = (load_detector(frame_size=(768, 576)) for _ in range(2))
    assert one._session is other._session


def test_every_stage_is_timed(nanodet: ModelCard, street: list[Image]) -> None:
    detector = load_detector()
    detector.detect(street[0])
    assert set(detector.last_ms) == {"letterbox", "inference", "decode"}
    assert all(ms > 0 for ms in detector.last_ms.values()), detector.last_ms


def test_a_model_that_is_not_here_says_how_to_get_it(own_cache: Path) -> None:
    with pytest.raises(ModelsError, match="storeedge models pull nanodet-g"):
        load_detector()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        pytest.param("yolo99", "no model 'yolo99'.*nanodet-g", id="unknown"),
        pytest.param("plate-detector", "not to find people", id="another task"),
        pytest.param("nowhere/mine.onnx", "nowhere/mine.onnx", id="no such file"),
    ],
)
def test_a_wrong_name_gets_one_line_that_helps(name: str, words: str) -> None:
    with pytest.raises(ModelsError, match=words) as caught:
        load_detector(name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("sheet", "words"),
    [
        pytest.param(None, "write mine.toml beside it", id="nothing known"),
        pytest.param('family = "yolo"\nclasses = ["person"]', "family", id="unknown family"),
        pytest.param('family = "yolox"\nclasses = ["cat"]', "knows none of person", id="no class of ours"),
        pytest.param('family = "yolox', "does not describe", id="broken file"),
        pytest.param('family = "yolox"\nclasses = ["person"]\nsize = 3', "size", id="unknown key"),
    ],
)
def test_an_own_network_that_is_not_described_is_refused(
    shared: Path, tmp_path: Path, sheet: str | None, words: str
) -> None:
    path = tmp_path / "mine.onnx"
    path.write_bytes((shared / "models" / "yolox_nano.onnx").read_bytes())
    if sheet is not None:
        path.with_suffix(".toml").write_text(sheet)
    with pytest.raises(ModelsError, match=words):
        load_detector(str(path))


def test_the_metadata_of_an_ultralytics_export_is_enough(tmp_path: Path) -> None:
    """A network without weights worth the name, but with the form and metadata of a real export."""
    helper, float32 = onnx.helper, onnx.TensorProto.FLOAT
    boxes = np.zeros((1, 6, 3), np.float32)
    boxes[0, :, 1] = [160, 96, 64, 32, 0.1, 0.9]
    graph = helper.make_graph(
        [
            helper.make_node("ReduceMean", ["images"], ["mean"], keepdims=0),
            helper.make_node("Mul", ["mean", "zero"], ["nothing"]),
            helper.make_node("Add", ["boxes", "nothing"], ["output0"]),
        ],
        "export",
        [helper.make_tensor_value_info("images", float32, [1, 3, 192, 320])],
        [helper.make_tensor_value_info("output0", float32, [1, 6, 3])],
        [
            onnx.numpy_helper.from_array(boxes, "boxes"),
            onnx.numpy_helper.from_array(np.array(0, np.float32), "zero"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(
        model, {"names": "{0: 'zebra', 1: 'car'}", "imgsz": "[192, 320]", "task": "detect"}
    )
    onnx.save(model, tmp_path / "site.onnx")
    detector = load_detector(str(tmp_path / "site.onnx"))
    found = detector.detect(np.zeros((96, 160, 3), np.uint8))
    assert detector.canvas == (192, 320)
    np.testing.assert_allclose(found.boxes, [[0.4, 80 / 192, 0.6, 112 / 192]], atol=1e-6)
    assert found.classes.tolist() == [2]


def test_none_is_a_detection_of_nothing() -> None:
    assert len(Detections.none()) == 0
