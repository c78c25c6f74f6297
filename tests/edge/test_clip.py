"""Clips of any make: every frame with its own time, and a plain word where there is none."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from edge.clip import Clip
from edge.errors import CaptureError

Make = Callable[..., Path]


@pytest.fixture
def ffmpeg(tmp_path: Path) -> Make:
    """Make a clip: `ffmpeg("-t", "2", name="a.mp4")`; five seconds of a moving test card by default."""
    if shutil.which("ffmpeg") is None:
        pytest.skip("no ffmpeg: apt-get install ffmpeg")

    def make(*options: str, name: str = "clip.mp4", source: str = "testsrc=d=5:r=10:s=192x108") -> Path:
        path = tmp_path / name
        command = ["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", source, *options, str(path)]
        subprocess.run(command, check=True, timeout=60)
        return path

    return make


def stamps(path: Path, fps: float | None = None) -> list[float]:
    with Clip(path) as clip:
        return [t for t, _ in clip.frames(fps)]


# ---- real files -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "rate", "size", "frames", "seconds"),
    [
        ("one-by-one.mp4", 10, (768, 432), 1394, 139.4),
        ("car-detection.mp4", 12.5, (768, 432), 377, 30.16),
        ("store-aisle.gif", 15, (480, 270), 67, 4.47),
    ],
)
@pytest.mark.slow
def test_a_real_clip_is_read_to_its_end(
    shared: Path, *, name: str, rate: float, size: tuple[int, int], frames: int, seconds: float
) -> None:
    with Clip(shared / "footage" / name) as clip:
        times = [t for t, _ in clip.frames()]
        assert (clip.size, clip.read, clip.lacking) == (size, frames, 0)
        assert clip.seconds == pytest.approx(seconds, abs=0.05)
    assert times == pytest.approx([i / rate for i in range(frames)], abs=0.02)


def test_vtest_at_five_frames_a_second_is_every_other_frame(vtest: Path) -> None:
    with Clip(vtest) as clip:
        times = []
        for t, image in clip.frames(5):
            assert image.shape == (576, 768, 3)
            times.append(t)
            if t > 9.9:
                break
    assert times == pytest.approx([i / 5 for i in range(51)], abs=1e-6)


# ---- time -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", ["7.3", "29.97", "60", "1"])
def test_an_odd_frame_rate_keeps_its_own_times(ffmpeg: Make, rate: str) -> None:
    found = stamps(ffmpeg(source=f"testsrc=d=5:r={rate}:s=192x108"))
    assert found == pytest.approx([i / float(rate) for i in range(len(found))], abs=0.002)
    assert len(found) == pytest.approx(5 * float(rate), abs=1)


@pytest.mark.parametrize(
    ("rate", "fps", "count"), [(30, 10, 50), (25, 10, 50), (10, 10, 50), (5, 10, 25), (10, 3, 15)]
)
def test_no_more_frames_than_asked_for_and_no_more_than_there_are(
    ffmpeg: Make, rate: int, fps: float, count: int
) -> None:
    found = stamps(ffmpeg(source=f"testsrc=d=5:r={rate}:s=192x108"), fps)
    assert len(found) == pytest.approx(count, abs=1)
    assert found[0] == 0.0


def test_a_clip_of_varying_rate_keeps_its_pauses(ffmpeg: Make) -> None:
    path = ffmpeg("-vf", "select='not(between(t,1.05,3.05))'", "-fps_mode", "vfr")
    gaps = [b - a for a, b in pairwise(stamps(path))]
    assert max(gaps) == pytest.approx(2.1, abs=0.11)
    assert sorted(gaps)[:-1] == pytest.approx([0.1] * (len(gaps) - 1), abs=0.01)


def test_a_clip_that_was_cut_out_of_a_longer_one_begins_at_zero(vtest: Path, tmp_path: Path) -> None:
    path = tmp_path / "late.mkv"
    command = ["ffmpeg", "-v", "error", "-y", "-ss", "2", "-i", str(vtest), "-t", "2", "-c", "copy"]
    subprocess.run([*command, "-copyts", str(path)], check=True, timeout=60)
    found = stamps(path)
    assert found[0] == 0.0
    assert found[-1] == pytest.approx(1.9, abs=0.11)


def test_a_bare_stream_without_times_is_counted_by_its_rate(ffmpeg: Make) -> None:
    found = stamps(ffmpeg("-c:v", "libx264", "-bsf:v", "h264_mp4toannexb", name="bare.h264"))
    assert all(b > a for a, b in pairwise(found)), found
    assert len(found) == 50


def test_a_picture_that_was_filmed_upright_is_told_with_the_size_of_its_frames(
    ffmpeg: Make, tmp_path: Path
) -> None:
    path = tmp_path / "upright.mp4"
    command = [
        "ffmpeg",
        "-v",
        "error",
        "-y",
        "-i",
        str(ffmpeg()),
        "-c",
        "copy",
        "-metadata:s:v:0",
        "rotate=90",
    ]
    subprocess.run([*command, str(path)], check=True, timeout=60)
    with Clip(path) as clip:
        _, image = next(clip.frames())
        assert clip.size == (image.shape[1], image.shape[0])


def test_frames_are_those_of_the_clip_in_order(ffmpeg: Make) -> None:
    """Each frame is brighter than the one before."""
    path = ffmpeg(source="color=black:d=2:r=10:s=64x64,geq=lum='16+10*N':cb=128:cr=128", name="grey.mp4")
    with Clip(path) as clip:
        means = [float(np.mean(image)) for _, image in clip.frames()]
    assert all(b > a for a, b in pairwise(means)), means


# ---- files that are none --------------------------------------------------------------------------------


def refused(path: Path) -> str:
    with pytest.raises(CaptureError) as caught:
        stamps(path)
    words = str(caught.value)
    assert "\n" not in words
    assert path.name in words
    return words


def test_a_missing_clip_is_named(tmp_path: Path) -> None:
    assert "no clip at" in refused(tmp_path / "none.mp4")


def test_a_folder_is_no_clip(tmp_path: Path) -> None:
    assert "no clip at" in refused(tmp_path)


@pytest.mark.parametrize(
    "content",
    [b"", b"hello, this is no video\n" * 100, b"\x00" * 5000, bytes(range(256)) * 200],
    ids=["empty", "a text renamed", "zeros", "noise"],
)
@pytest.mark.parametrize("suffix", [".mp4", ".avi", ".mkv"])
def test_a_file_that_is_no_video_says_what_to_do(
    tmp_path: Path, content: bytes, suffix: str, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / f"broken{suffix}"
    path.write_bytes(content)
    assert re_encode in refused(path)
    assert capfd.readouterr() == ("", ""), "OpenCV or FFmpeg talked too"


re_encode = "try it in a player, or convert it with ffmpeg"


def test_sound_without_a_picture_is_no_video(tmp_path: Path) -> None:
    path = tmp_path / "sound.mp4"
    command = ["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", "sine=d=1", str(path)]
    subprocess.run(command, check=True, timeout=60)
    assert re_encode in refused(path)


def test_a_clip_cut_off_before_its_first_frame_is_refused(ffmpeg: Make, tmp_path: Path) -> None:
    whole = ffmpeg("-movflags", "faststart")
    head = whole.read_bytes().index(b"mdat") + 20
    (tmp_path / "head.mp4").write_bytes(whole.read_bytes()[:head])
    assert "holds no frame that can be decoded" in refused(tmp_path / "head.mp4")


def test_a_copy_that_was_cut_off_gives_what_it_has_and_tells_what_lacks(
    vtest: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "cut.avi"
    path.write_bytes(vtest.read_bytes()[:400_000])
    with Clip(path) as clip:
        times = [t for t, _ in clip.frames()]
        assert 10 < len(times) == clip.read < 100
        assert clip.lacking == 795 - len(times)
    assert times == pytest.approx([i / 10 for i in range(len(times))], abs=0.01)
    assert capfd.readouterr().err == ""


def test_a_damaged_middle_does_not_end_the_clip(ffmpeg: Make, tmp_path: Path) -> None:
    raw = bytearray(ffmpeg("-c:v", "mpeg4", "-g", "5", name="whole.avi").read_bytes())
    middle = len(raw) // 2
    raw[middle : middle + 300] = b"\x00" * 300
    path = tmp_path / "damaged.avi"
    path.write_bytes(raw)
    found = stamps(path)
    assert len(found) >= 40
    assert all(b > a for a, b in pairwise(found)), found
