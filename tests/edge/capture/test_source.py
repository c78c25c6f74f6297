"""What may stand behind `source:` in a site file."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.capture.source import FileSource, FolderSource, RtspSource, UsbSource, find_source, parse_source
from edge.errors import CaptureError


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("rtsp://u:p@10.0.0.1/stream2", RtspSource("rtsp://u:p@10.0.0.1/stream2")),
        ("rtsps://10.0.0.1:8554/a", RtspSource("rtsps://10.0.0.1:8554/a")),
        ("usb:0", UsbSource(0)),
        ("file:clip.avi", FileSource(Path("clip.avi"))),
        ("file:/a/b c.mp4?loop=1", FileSource(Path("/a/b c.mp4"), loop=True)),
        ("file:clip.avi?loop=0", FileSource(Path("clip.avi"))),
        ("file:what?.avi", FileSource(Path("what?.avi"))),
        ("dir:frames/?loop=1", FolderSource(Path("frames"), loop=True)),
    ],
)
def test_sources_are_read(text, source):
    assert parse_source(text) == source


@pytest.mark.parametrize(
    "text",
    ["", "clip.mp4", "usb:", "usb:x", "usb:²", "file:", "rtsp:", "rtsp://", "http://x/y", "file:a?speed=2"],
)
def test_what_is_no_source_is_refused_with_what_to_write(text):
    with pytest.raises(CaptureError, match=r"use rtsp|takes only"):
        parse_source(text)


def test_a_password_is_never_shown():
    source = parse_source("rtsp://admin:hunter2@10.0.0.1:554/stream?key=hunter2")
    assert str(source) == "rtsp://10.0.0.1:554/stream"
    with pytest.raises(CaptureError) as caught:
        parse_source("rtspx://admin:hunter2@10.0.0.1")
    assert "hunter2" not in str(caught.value)


def test_a_clip_or_folder_that_is_not_there_is_told(tmp_path):
    with pytest.raises(CaptureError, match="there is no clip"):
        find_source(f"file:{tmp_path}/none.mp4")
    with pytest.raises(CaptureError, match="no pictures"):
        find_source(f"dir:{tmp_path}")
