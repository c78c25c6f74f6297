"""No picture leaves the memory: canary frames are looked for on disk, on the wire and in the log."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from models import cache
from models.manifest import card
from tests.broker import Mosquitto, free_port, mosquitto  # noqa: F401 - a fixture
from tests.sync.fakes import Listener

pytestmark = pytest.mark.slow

STOREEDGE = str(Path(sys.executable).with_name("storeedge"))
PICTURES = (b"\xff\xd8\xff", b"\x89PNG\r\n", b"GIF8", b"ftyp", b"RIFF", b"BM6", b"\x1aE\xdf\xa3")
"""How JPEG, PNG, GIF, MP4, AVI or WebP, bitmap and Matroska data begin."""
LONGEST_WORD = 64
"""No value on the wire is longer: an encoded picture has nowhere to hide."""


@pytest.fixture(scope="module")
def canary() -> np.ndarray:
    """One noisy frame that no other data resembles, with a lit band that moves through it later."""
    return np.random.default_rng(20261122).integers(0, 256, (240, 320, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def clip(canary: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three seconds of canary frames, uncompressed, so that they are decoded to the very same bytes."""
    folder = tmp_path_factory.mktemp("canary")
    for number in range(30):
        cv2.imwrite(str(folder / f"{number:03}.png"), np.roll(canary, 4 * number, axis=1))
    path = folder / "canary.avi"
    command = ["ffmpeg", "-v", "error", "-framerate", "10", "-i", str(folder / "%03d.png")]
    try:
        subprocess.run([*command, "-c:v", "rawvideo", "-pix_fmt", "bgr24", str(path)], check=True, timeout=60)
    except FileNotFoundError:
        pytest.skip("no ffmpeg: apt-get install ffmpeg")
    return path


def strips(canary: np.ndarray) -> Iterator[bytes]:
    """Short runs of pixels from all over the frame, as they lie in memory."""
    for row in range(0, canary.shape[0], 12):
        for column in range(0, canary.shape[1] - 8, 40):
            yield canary[row, column : column + 8].tobytes()


def written_below(folder: Path) -> Iterator[tuple[Path, bytes]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path, path.read_bytes()


def test_the_search_would_find_a_canary(clip: Path, canary: np.ndarray) -> None:
    data = clip.read_bytes()
    found = sum(strip in data for strip in strips(canary))
    assert found > 50, found


def test_no_frame_is_on_disk_on_the_wire_or_in_the_log(
    clip: Path,
    canary: np.ndarray,
    tmp_path: Path,
    mosquitto: Mosquitto,  # noqa: F811
) -> None:
    if cache.receipt(card("default")) is None:
        pytest.skip("no model: run `storeedge models pull`")
    site, box = tmp_path / "site.yaml", tmp_path / "box"
    (box / "tmp").mkdir(parents=True)
    whole = [[0, 0], [1, 0], [1, 1], [0, 1]]
    camera = {
        "id": "cam-1", "source": f"file:{clip}", "zones": [{"id": "hall", "role": "area", "polygon": whole}],
        "gates": [{"id": "door", "line": [[0.5, 0.1], [0.5, 0.9]], "inside": "right"}],
    }  # fmt: skip
    site.write_text(
        yaml.safe_dump(
            {
                "site": {"tenant": "t", "store": "s", "box": "b"},
                "cameras": [camera],
                "sync": {"url": mosquitto.url},
            }
        )
    )
    run = ["run", "--site", str(site), "--data", str(box / "data"), "--port", str(free_port()), "--until-end"]
    hub = ["hub", "run", "--broker", mosquitto.url, "--db", str(tmp_path / "hub.sqlite3")]
    environment = os.environ | {"TMPDIR": str(box / "tmp")}
    with Listener(mosquitto.url) as listener, (box / "log").open("wb") as log:
        centre = subprocess.Popen([STOREEDGE, *hub], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            subprocess.run(
                [STOREEDGE, *run], stdout=log, stderr=log, env=environment, cwd=box, timeout=120, check=True
            )
        finally:
            centre.terminate()
            centre.wait(20)
        heard = listener.heard("/up/data")
    assert heard, "the box sent nothing: the test proves nothing"
    assert sum(b'"frames":' in payload for _, payload in heard) > 0, heard
    files = dict(written_below(box))
    assert any(path.suffix == ".sqlite3" for path in files), sorted(files)
    for where, data in [*files.items(), *((Path(topic), payload) for topic, payload in heard)]:
        assert not any(strip in data for strip in strips(canary)), f"canary pixels in {where}"
        if where.suffix != ".sqlite3":
            assert not any(data.startswith(begin) or b"image/" in data for begin in PICTURES), where
    for topic, payload in heard:
        longest = max(re.findall(rb'[^"\s,:{}\[\]]+', payload), key=len)
        assert len(longest) <= LONGEST_WORD, f"{topic}: {longest!r}"
