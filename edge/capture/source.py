"""What a site file may name as a camera's source, and its reading."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, urlsplit

from edge.errors import CaptureError


@dataclass(frozen=True, slots=True)
class RtspSource:
    """A network camera. Its URL holds a password: never show it, show the source's `str`."""

    url: str
    live = True

    def __str__(self) -> str:
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


@dataclass(frozen=True, slots=True)
class UsbSource:
    """A camera at /dev/video{index}."""

    index: int
    live = True

    def __str__(self) -> str:
        return f"usb:{self.index}"


@dataclass(frozen=True, slots=True)
class FileSource:
    """A clip, played in real time; with `loop` for ever."""

    path: Path
    loop: bool = False
    live = False

    def __str__(self) -> str:
        return f"file:{self.path}"


@dataclass(frozen=True, slots=True)
class FolderSource:
    """A folder of pictures, shown in the order of their names at the camera's fps."""

    path: Path
    loop: bool = False
    live = False

    def __str__(self) -> str:
        return f"dir:{self.path}"


Source = RtspSource | UsbSource | FileSource | FolderSource

PICTURES: Final = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp"})
_LOOP: Final = re.compile(r"\?([a-z]+=[^?]*)$")


def parse_source(text: str) -> Source:
    """Read `rtsp://…`, `usb:N`, `file:CLIP` or `dir:FOLDER`; the last two take `?loop=1`.

    Raises CaptureError, which does not repeat the text: it may hold a password.
    """
    kind, _, rest = text.partition(":")
    if kind in {"rtsp", "rtsps"} and rest.startswith("//") and urlsplit(text).hostname:
        return RtspSource(text)
    if kind == "usb" and rest.isascii() and rest.isdigit():
        return UsbSource(int(rest))
    if kind in {"file", "dir"} and rest:
        path, loop = _path_and_loop(rest)
        return FileSource(path, loop) if kind == "file" else FolderSource(path, loop)
    raise CaptureError("not a source; use rtsp://…, usb:0, file:clip.mp4 or dir:frames/")


def find_source(text: str) -> Source:
    """Read a source and look whether the clip, folder or device is there. Raises CaptureError."""
    source = parse_source(text)
    if isinstance(source, FileSource) and not source.path.is_file():
        raise CaptureError(f"there is no clip {source.path}; give its path from the folder you start in")
    if isinstance(source, FolderSource) and not pictures_in(source.path):
        raise CaptureError(f"there are no pictures in {source.path}; name a folder with .jpg or .png files")
    return source


def pictures_in(folder: Path) -> list[Path]:
    """The pictures of a folder by name; none where the folder is not there."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in PICTURES and path.is_file())


def _path_and_loop(rest: str) -> tuple[Path, bool]:
    match = _LOOP.search(rest)
    if match is None:
        return Path(rest), False
    options = parse_qs(match[1], keep_blank_values=True)
    if set(options) != {"loop"} or options["loop"][-1] not in {"0", "1"}:
        raise CaptureError("a clip or folder takes only ?loop=1 behind its path")
    return Path(rest[: match.start()]), options["loop"][-1] == "1"
