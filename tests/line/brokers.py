"""Other real brokers than mosquitto, both of MQTT 3.1.1: NATS with JetStream, RabbitMQ with its plugin."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import Final

import pytest

from tests.broker import free_port


def _found(name: str, package: str) -> str:
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/lib/rabbitmq/bin")
    if path is None:
        pytest.skip(f"no {name}: apt-get install {package}")
    return path


class Nats:
    """One server; what it holds is on the disk of a folder."""

    name: Final = "nats"

    def __init__(self, folder: Path, more: str = "") -> None:
        """more: lines for its configuration."""
        self.port = free_port()
        self.url = f"mqtt://127.0.0.1:{self.port}"
        self.log = folder / "nats.log"
        self._conf = folder / "nats.conf"
        self._conf.write_text(
            f'listen: 127.0.0.1:{free_port()}\nserver_name: test\njetstream {{ store_dir: "{folder}/js" }}\n'
            f"mqtt {{ listen: 127.0.0.1:{self.port} }}\n{more}\n"
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start and wait until it listens."""
        with self.log.open("ab") as log:
            command = [_found("nats-server", "nats-server"), "-c", str(self._conf)]
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        _wait_for_port(self.port, self._process, self.log, 10)

    def kill(self) -> None:
        """As by a power cut."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


class RabbitMq:
    """One node of its own; starts in some seconds."""

    name: Final = "rabbitmq"

    def __init__(self, folder: Path) -> None:
        self.port, self._epmd, dist = free_port(), free_port(), free_port()
        self.url = f"mqtt://guest:guest@127.0.0.1:{self.port}"
        self.log = folder / "rabbitmq.log"
        (folder / "enabled_plugins").write_text("[rabbitmq_mqtt].\n")
        (folder / "rabbitmq.conf").write_text(
            f"listeners.tcp.1 = 127.0.0.1:{free_port()}\nmqtt.listeners.tcp.1 = 127.0.0.1:{self.port}\n"
            "log.console = true\nlog.console.level = info\nlog.file = false\n"
        )
        self._environment = os.environ | {
            "HOME": str(folder),
            "RABBITMQ_NODENAME": f"storeedge{self.port}@localhost",
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(folder),
            "RABBITMQ_DIST_PORT": str(dist),
            "ERL_EPMD_PORT": str(self._epmd),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_RELAXED_COMMAND_CHECK": "1",  # so that it may be told to end
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start and wait until it listens."""
        # Debian's own wrapper runs it as another user, who cannot read a test's folder.
        found = next(Path("/usr/lib/rabbitmq").glob("lib/*/sbin/rabbitmq-server"), None)
        if found is None:
            pytest.skip("no rabbitmq-server: apt-get install rabbitmq-server")
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [str(found)], env=self._environment, stdout=log, stderr=log, start_new_session=True
            )
        _wait_for_port(self.port, self._process, self.log, 60)

    def kill(self) -> None:
        """As by a power cut, and its port mapper with it."""
        if self._process is not None:
            os.killpg(self._process.pid, 9)
            self._process.wait()
            self._process = None
            subprocess.run(["epmd", "-kill"], env=self._environment, capture_output=True, check=False)


def _wait_for_port(port: int, process: subprocess.Popen[bytes], log: Path, seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(f"the broker did not start:\n{log.read_text()[-2000:]}")
