"""Models in one file: out of one box, into another, nothing else."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from models import cache
from models.bundle import bundle, install_bundle
from models.errors import ModelsError
from models.manifest import ModelCard

from .conftest import quiet


@pytest.fixture
def parcel(plate_recogniser: ModelCard, tmp_path: Path) -> Path:
    path = tmp_path / "models.tar"
    bundle([plate_recogniser], path)
    return path


@pytest.fixture
def other_box(parcel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The empty cache of another box; the bundle was made before."""
    monkeypatch.setenv("STOREEDGE_MODELS", str(tmp_path / "other"))
    return tmp_path / "other"


def test_a_bundle_brings_the_model_to_another_box(
    parcel: Path, other_box: Path, plate_recogniser: ModelCard
) -> None:
    assert install_bundle(parcel, quiet) == [plate_recogniser.name]
    assert cache.faults(plate_recogniser) == []


def test_the_same_models_are_the_same_bundle(
    parcel: Path, plate_recogniser: ModelCard, tmp_path: Path
) -> None:
    bundle([plate_recogniser], tmp_path / "again.tar")
    assert (tmp_path / "again.tar").read_bytes() == parcel.read_bytes()


Change = Callable[[str, bytes], tuple[str, bytes] | None]


def rewrite(path: Path, change: Change) -> None:
    """Write the bundle anew with each member changed."""
    with tarfile.open(path) as tar:
        members = [(entry.name, tar.extractfile(entry).read()) for entry in tar]  # type: ignore[union-attr]
    with tarfile.open(path, "w") as tar:
        for name, content in members:
            if (new := change(name, content)) is not None:
                entry = tarfile.TarInfo(new[0])
                entry.size = len(new[1])
                tar.addfile(entry, io.BytesIO(new[1]))


def flip(name: str, content: bytes) -> tuple[str, bytes]:
    return name, content[:-1] + bytes([content[-1] ^ 1]) if name.endswith(".onnx") else content


def forge(name: str, content: bytes) -> tuple[str, bytes]:
    """Other characters, with a receipt that fits them."""
    if name.endswith("characters.txt"):
        return name, b"X"
    if name.endswith("receipt.json"):
        paper = json.loads(content)
        paper["made"]["characters.txt"] = "4b68ab3847feda7d6c62c1fbcbeebfa35eab7351ed5e78f4ddadea5df64b8015"
        return name, json.dumps(paper).encode()
    return name, content


def escape(name: str, content: bytes) -> tuple[str, bytes]:
    if not name.endswith("receipt.json"):
        return name, content
    paper = json.loads(content)
    paper["made"]["../../escaped"] = "0" * 64
    return name, json.dumps(paper).encode()


def age(name: str, content: bytes) -> tuple[str, bytes]:
    if not name.endswith("receipt.json"):
        return name, content
    return name, json.dumps({**json.loads(content), "edition": "0" * 12}).encode()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param(flip, "damaged: copy the bundle again", id="a flipped bit"),
        pytest.param(forge, "not what the manifest pins", id="a forged receipt"),
        pytest.param(escape, "other folders", id="a path out of the cache"),
        pytest.param(age, "another version", id="another edition"),
        pytest.param(lambda n, c: None if n.endswith(".onnx") else (n, c), "lacks", id="a missing file"),
        pytest.param(
            lambda n, c: None if n.endswith(".json") else (n, c), "holds no models", id="no receipt"
        ),
    ],
)
def test_a_bundle_that_is_not_as_it_was_made_installs_nothing(
    change: Change, words: str, parcel: Path, other_box: Path
) -> None:
    rewrite(parcel, change)
    with pytest.raises(ModelsError, match=words):
        install_bundle(parcel, quiet)
    assert [path for path in other_box.rglob("*") if path.is_file()] == []
    assert not (other_box.parent / "escaped").exists()


def test_a_bundle_cut_short_is_refused(parcel: Path, other_box: Path) -> None:
    parcel.write_bytes(parcel.read_bytes()[:3_000_000])
    with pytest.raises(ModelsError, match="again"):
        install_bundle(parcel, quiet)
    assert [path for path in other_box.rglob("*") if path.is_file()] == []


def test_a_model_that_is_not_here_cannot_be_bundled(
    plate_recogniser: ModelCard, own_cache: Path, tmp_path: Path
) -> None:
    with pytest.raises(ModelsError, match="not on this machine"):
        bundle([plate_recogniser], tmp_path / "models.tar")
    assert not (tmp_path / "models.tar").exists()
    assert not list(tmp_path.glob("*.part"))
