"""Capture children with real clips, folders and network cameras."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.capture.child import CaptureTask
from edge.capture.ring import CaptureHealth, CaptureState, FrameRing, RingReader
from edge.child import Child
from edge.clock import SteadyClock


@dataclass(frozen=True)
class Seen:
    """What a reader had of one frame."""

    t: float
    session: int
    shape: tuple[int, ...]
    mean: float
    late: float


class Camera:
    """A capture child with its ring, read as the engine reads it."""

    def __init__(self, source: str, fps: float) -> None:
        self.clock = SteadyClock.start()
        self.ring_fd = FrameRing.create()
        self.wake_fd = os.eventfd(0)
        self.reader = RingReader(self.ring_fd)
        self.task = CaptureTask("cam-1", source, fps, self.clock, self.ring_fd, self.wake_fd)
        self.start()

    def start(self) -> None:
        self.child = Child("edge.capture.child", self.task, [self.ring_fd, self.wake_fd])

    def health(self) -> CaptureHealth:
        return self.reader.health()

    def watch(self, seconds: float, enough: Callable[[list[Seen]], bool] = lambda _: False) -> list[Seen]:
        seen: list[Seen] = []
        until = time.monotonic() + seconds
        while time.monotonic() < until and not enough(seen) and not self.reader.ended:
            with self.reader.newest() as frame:
                if frame is None:
                    time.sleep(0.004)
                    continue
                late = self.clock.now() - frame.t
                seen.append(Seen(frame.t, frame.session, frame.image.shape, float(frame.image.mean()), late))
        return seen

    def close(self) -> None:
        self.child.kill()
        self.child.close()
        self.reader.close()
        os.close(self.ring_fd)
        os.close(self.wake_fd)


@pytest.fixture
def camera() -> Iterator[Callable[..., Camera]]:
    cameras: list[Camera] = []

    def make(source: str, fps: float = 10) -> Camera:
        cameras.append(Camera(source, fps))
        return cameras[-1]

    yield make
    for one in cameras:
        one.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """30 pictures, each of one shade: 0, 8, 16, …"""
    path = tmp_path_factory.mktemp("frames")
    for k in range(30):
        cv2.imwrite(str(path / f"{k:03}.png"), np.full((48, 64, 3), 8 * k, np.uint8))
    return path


def rate(seen: list[Seen]) -> float:
    return (len(seen) - 1) / (seen[-1].t - seen[0].t)


def test_a_clip_plays_in_real_time_by_its_own_stamps(camera, vtest):
    seen = camera(f"file:{vtest}", fps=10).watch(12, enough=lambda frames: len(frames) == 40)
    assert len(seen) == 40
    assert rate(seen) == pytest.approx(10, rel=0.02)
    assert {one.shape for one in seen} == {(576, 768, 3)}
    late = sorted(one.late for one in seen)
    assert late[0] > -0.001, "a frame was shown before its time"
    assert late[20] < 0.05, f"half of the frames came {late[20]:.3f} s late or more"


def test_frames_are_dropped_by_time_stamp(camera, h264_clip):
    one = camera(f"file:{h264_clip}", fps=3)
    seen = one.watch(12, enough=lambda frames: len(frames) == 13)
    assert rate(seen) == pytest.approx(3, rel=0.05)
    assert one.health().seen == pytest.approx(one.health().written * 10 / 3, abs=5)


def test_a_clip_ends_and_its_child_exits_cleanly(camera, folder):
    one = camera(f"dir:{folder}", fps=20)
    seen = one.watch(15)
    assert [round(frame.mean) for frame in seen] == [8 * k for k in range(30)]
    assert one.reader.ended
    until = time.monotonic() + 5
    while one.child.exit_code() is None and time.monotonic() < until:
        time.sleep(0.02)
    assert one.child.exit_code() == 0


def test_a_clip_in_a_loop_says_when_it_begins_again(camera, folder):
    seen = camera(f"dir:{folder}?loop=1", fps=20).watch(15, enough=lambda frames: len(frames) > 65)
    begins = [later.mean for earlier, later in pairwise(seen) if later.session > earlier.session]
    assert begins == [0.0, 0.0]
    assert all(later.t > earlier.t for earlier, later in pairwise(seen))


def test_a_clip_that_is_not_there_is_tried_again_and_found(camera, folder, tmp_path):
    one = camera(f"dir:{tmp_path}/later", fps=20)
    assert one.watch(2.0) == []
    assert one.health().failures >= 2
    assert one.health().state is CaptureState.CONNECTING
    (tmp_path / "later").symlink_to(folder)
    assert one.watch(6.0, enough=bool)


def test_a_killed_child_leaves_no_torn_frame_and_its_successor_goes_on(camera, vtest):
    one = camera(f"file:{vtest}?loop=1", fps=25)
    before = one.watch(10, enough=lambda frames: len(frames) == 5)
    os.kill(one.child.pid, signal.SIGKILL)
    until = time.monotonic() + 5
    while one.child.exit_code() is None and time.monotonic() < until:
        time.sleep(0.01)
    assert one.child.exit_code() == -signal.SIGKILL
    one.child.close()
    one.start()
    after = one.watch(10, enough=lambda frames: len(frames) == 5)
    assert len(after) == 5
    assert after[-1].session > before[-1].session
    assert after[0].t > before[-1].t


def test_the_child_beats_while_it_waits_for_a_camera(camera, free_port):
    one = camera(f"rtsp://127.0.0.1:{free_port}/stream")
    beats = set()
    until = time.monotonic() + 4
    while time.monotonic() < until:
        beats.add(one.health().beat_ns)
        time.sleep(0.1)
    assert len(beats) > 3
    assert one.health().failures >= 1


def test_an_rtsp_camera_is_seen_unplugged_and_seen_again(camera, rtsp_camera, folder):
    """The camera comes back by itself, as a new session; another camera misses nothing meanwhile."""
    other = camera(f"dir:{folder}?loop=1", fps=10)
    one = camera(rtsp_camera.url, fps=5)
    seen = one.watch(20, enough=lambda frames: len(frames) == 15)
    assert {frame.shape for frame in seen} == {(480, 640, 3)}
    assert rate(seen) == pytest.approx(5, rel=0.1)
    assert one.health().state is CaptureState.STREAMING

    rtsp_camera.unplug()
    began, written = time.monotonic(), other.health().written
    while one.health().state is CaptureState.STREAMING and time.monotonic() - began < 15:
        time.sleep(0.05)
    assert one.health().state is CaptureState.CONNECTING
    gone = time.monotonic() - began
    assert gone < 8, f"noticed after {gone:.1f} s"

    rtsp_camera.plug_in()
    again = one.watch(25, enough=lambda frames: len(frames) == 5)
    assert len(again) == 5
    assert again[-1].session > seen[-1].session
    assert one.child.exit_code() is None, "it should reconnect by itself"
    spent = time.monotonic() - began
    assert other.health().written - written == pytest.approx(10 * spent, rel=0.2)


def test_a_camera_that_accepts_and_says_nothing_is_given_up_after_the_time_out(camera):
    """OpenCV alone would wait for 30 s."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(8)
        one = camera(f"rtsp://127.0.0.1:{silent.getsockname()[1]}/stream")
        began = time.monotonic()
        while one.health().failures == 0 and time.monotonic() - began < 20:
            time.sleep(0.05)
        waited = time.monotonic() - began
    assert one.health().failures >= 1
    assert 4 < waited < 9, f"{waited:.1f} s"


def test_no_camera_s_password_reaches_the_log(camera, free_port, capfd):
    one = camera(f"rtsp://admin:hunter2@127.0.0.1:{free_port}/stream")
    until = time.monotonic() + 10
    while one.health().failures == 0 and time.monotonic() < until:
        time.sleep(0.05)
    time.sleep(0.2)
    logged = capfd.readouterr().err
    assert f"127.0.0.1:{free_port}" in logged
    assert "hunter2" not in logged
