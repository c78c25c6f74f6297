"""What many tests need: real data where it lies beside the project, and free ports."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from hypothesis import settings

# How long an example takes says more about the machine than about us; figures are for scripts/bench.
settings.register_profile("any-machine", deadline=None)
settings.load_profile("any-machine")

ROOT = Path(__file__).resolve().parents[1]
VTEST = Path("/usr/share/doc/opencv-doc/examples/data/vtest.avi")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with footage, plates and models with truth; tests that need it skip without it."""
    folder = Path(os.environ.get("STOREEDGE_SHARED", ROOT.parent / "shared"))
    if not (folder / "footage" / "truth.json").is_file():
        pytest.skip(f"no test data at {folder}: set STOREEDGE_SHARED to the folder with footage/ and models/")
    return folder


@pytest.fixture(scope="session")
def vtest() -> Path:
    """The real surveillance clip of Debian's package opencv-doc."""
    if not VTEST.is_file():
        pytest.skip("no vtest.avi: apt-get install opencv-doc")
    return VTEST


@pytest.fixture
def free_port() -> int:
    """A TCP port of the loopback address that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
