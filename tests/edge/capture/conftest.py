"""Real clips and a real network camera, made by the machine's own ffmpeg and GStreamer."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

SYSTEM_PYTHON = "/usr/bin/python3"
SERVER = Path(__file__).with_name("rtsp_server.py")
GSTREAMER = """
import gi
gi.require_version("GstRtspServer", "1.0")
from gi.repository import Gst, GstRtspServer
Gst.init(None)
assert all(Gst.ElementFactory.find(name) for name in ("qtdemux", "h264parse", "rtph264pay"))
"""


@pytest.fixture(scope="session")
def h264_clip(vtest: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """vtest.avi as a camera's sub-stream would send it: H.264, 10 fps, 640×480, 20 s."""
    if shutil.which("ffmpeg") is None:
        pytest.skip("no ffmpeg: apt-get install ffmpeg")
    clip = tmp_path_factory.mktemp("clips") / "camera.mp4"
    command = ["ffmpeg", "-v", "error", "-y", "-i", vtest, "-t", "20", "-vf", "scale=640:480"]
    command += ["-c:v", "libx264", "-preset", "ultrafast", "-g", "10", "-bf", "0", clip]
    subprocess.run(command, check=True, timeout=60)
    return clip


class RtspCamera:
    """A network camera that can be unplugged and plugged in again."""

    def __init__(self, port: int, clip: Path) -> None:
        self.url = f"rtsp://127.0.0.1:{port}/stream"
        self._command = [SYSTEM_PYTHON, str(SERVER), str(port), str(clip)]
        self._server: subprocess.Popen[str] | None = None

    def plug_in(self) -> None:
        self._server = subprocess.Popen(self._command, stdout=subprocess.PIPE, text=True)
        assert self._server.stdout is not None
        assert self._server.stdout.readline() == "ready\n"

    def unplug(self) -> None:
        if self._server is not None:
            self._server.kill()
            self._server.wait(5)
            self._server.stdout.close()
            self._server = None


@pytest.fixture
def rtsp_camera(h264_clip: Path, free_port: int) -> Iterator[RtspCamera]:
    probe = None
    if Path(SYSTEM_PYTHON).is_file():
        probe = subprocess.run([SYSTEM_PYTHON, "-c", GSTREAMER], capture_output=True, timeout=30, check=False)
    if probe is None or probe.returncode != 0:
        pytest.skip(
            "no RTSP server: apt-get install gir1.2-gst-rtsp-server-1.0 python3-gi "
            "gstreamer1.0-plugins-good gstreamer1.0-plugins-bad"
        )
    camera = RtspCamera(free_port, h264_clip)
    camera.plug_in()
    yield camera
    camera.unplug()
