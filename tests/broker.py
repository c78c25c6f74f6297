"""A real mosquitto on a free port, to be started, killed and started again by tests."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest


def free_port() -> int:
    """A TCP port of the loopback address that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def program() -> str:
    """Where mosquitto is; skips the test on a machine without it."""
    found = shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    if found is None:
        pytest.skip("no mosquitto: apt-get install mosquitto")
    return found


OPEN = "allow_anonymous true\nset_tcp_nodelay true\n"


class Mosquitto:
    """One broker process. `conf` is the whole configuration except the listener, unless it has one."""

    def __init__(self, folder: Path, conf: str = OPEN, port: int | None = None) -> None:
        self.port = port or free_port()
        self.url = f"mqtt://127.0.0.1:{self.port}"
        self.log = folder / "mosquitto.log"
        self._conf = folder / "mosquitto.conf"
        listener = "" if "listener " in conf else f"listener {self.port} 127.0.0.1\n"
        # Debian's mosquitto leaves root for a user that cannot read a test's folder.
        user = "user root\n" if os.geteuid() == 0 else ""
        self._conf.write_text(user + listener + conf)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start and wait until it listens."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen([program(), "-c", str(self._conf), "-v"], stdout=log, stderr=log)
        until = time.monotonic() + 10
        while time.monotonic() < until:
            if self._process.poll() is not None:
                break
            try:
                socket.create_connection(("127.0.0.1", self.port), 0.2).close()
            except OSError:
                time.sleep(0.02)
            else:
                return
        raise AssertionError(f"mosquitto did not start:\n{self.log.read_text()[-2000:]}")

    @property
    def pid(self) -> int:
        """While it runs."""
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """As by a power cut: everything in its memory is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """In order."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            self._process = None


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    """A running broker without rules. Import it into a test module or conftest to use it."""
    folder = tmp_path / "mosquitto"
    folder.mkdir()
    broker = Mosquitto(folder)
    broker.start()
    yield broker
    broker.kill()
