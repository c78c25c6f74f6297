"""INT8 from stored ranges: it finds on real frames what FP32 finds."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest

from models import cache
from models.agreement import ENOUGH, compare, correlation
from models.detector import NetworkDetector, load_detector
from models.errors import ModelsError
from models.make import save
from models.manifest import FP32, INT8, RANGES, ModelCard
from models.network import from_card
from models.quantise import activations, quantise, read_ranges
from models.types import Image


@pytest.fixture(scope="module")
def exact(nanodet: ModelCard) -> onnx.ModelProto:
    return onnx.load(cache.installed(nanodet) / FP32)


def test_int8_finds_on_other_footage_what_fp32_finds(nanodet: ModelCard, street: list[Image]) -> None:
    one, other = (load_detector(nanodet.name, precision=kind) for kind in ("fp32", "int8"))
    seen = compare(one, other, street)
    assert seen.expected > 60, seen
    assert seen.found >= 0.98 * seen.expected, seen
    assert seen.added <= 0.02 * seen.expected, seen
    assert seen.iou > 0.95, seen
    assert seen.score_difference < 0.03, seen


def test_building_int8_again_gives_the_installed_bytes(
    exact: onnx.ModelProto, nanodet: ModelCard, tmp_path: Path
) -> None:
    save(quantise(exact, read_ranges(RANGES / "nanodet-g.txt")), tmp_path / INT8)
    assert (tmp_path / INT8).read_bytes() == (cache.installed(nanodet) / INT8).read_bytes()


def test_the_ranges_cover_every_activation_once(exact: onnx.ModelProto) -> None:
    assert set(read_ranges(RANGES / "nanodet-g.txt")) == set(activations(exact))


def test_ranges_that_do_not_fit_are_noticed_by_the_check(
    exact: onnx.ModelProto, nanodet: ModelCard, tmp_path: Path
) -> None:
    ranges = read_ranges(RANGES / "nanodet-g.txt")
    save(
        quantise(exact, {name: (low / 3, high / 3) for name, (low, high) in ranges.items()}), tmp_path / INT8
    )
    place = cache.installed(nanodet)
    assert correlation(place / FP32, tmp_path / INT8) < ENOUGH <= correlation(place / FP32, place / INT8)


def test_a_missing_range_is_named(exact: onnx.ModelProto) -> None:
    ranges = read_ranges(RANGES / "nanodet-g.txt")
    del ranges["leakyrelu_3"]
    with pytest.raises(ModelsError, match="leakyrelu_3"):
        quantise(exact, ranges)


@pytest.mark.parametrize(
    ("vnni", "agreement", "precision"),
    [
        pytest.param(True, 0.999, "int8", id="VNNI and agreement"),
        pytest.param(False, 0.999, "fp32", id="no VNNI"),
        pytest.param(True, 0.9, "fp32", id="kernels that compute something else"),
    ],
)
def test_int8_is_taken_only_where_it_pays_and_agrees(
    nanodet: ModelCard, monkeypatch: pytest.MonkeyPatch, vnni: bool, agreement: float, precision: str
) -> None:
    paper = cache.receipt(nanodet)
    monkeypatch.setattr("models.network.has_vnni", lambda: vnni)
    monkeypatch.setattr("models.cache.receipt", lambda _card: _with(paper, agreement))
    assert from_card(nanodet.name).precision == precision


def _with(paper: cache.Receipt | None, agreement: float) -> cache.Receipt:
    assert paper is not None
    return cache.Receipt(
        name=paper.name,
        edition=paper.edition,
        licence=paper.licence,
        origin=paper.origin,
        fetched=paper.fetched,
        made=paper.made,
        agreement=agreement,
    )


def test_both_precisions_can_be_asked_for(nanodet: ModelCard) -> None:
    for precision in ("int8", "fp32"):
        detector = load_detector(nanodet.name, precision=precision)
        assert isinstance(detector, NetworkDetector)
        assert detector.network.precision == precision
