"""The centre that the fleet reports to: PostgreSQL, brokers, hubs; real processes, killed and restarted."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from edge.demo.part import STOREEDGE, Part, free_port, listens
from scripts.benches.machine import UnmeasurableError
from tests.postgres import Postgres, programs

SPARE_FILES: Final = 100
"""That a broker needs beside one for each box."""
TICKS: Final = os.sysconf("SC_CLK_TCK")
CONF: Final = """\
{user}listener {port} 127.0.0.1
allow_anonymous true
persistence true
persistence_location {folder}/
autosave_interval 60
max_queued_messages 1000000
max_queued_bytes 268435456
max_inflight_messages 100
max_packet_size 1048576
max_keepalive 300
set_tcp_nodelay true
log_type error
log_type warning
"""
"""As firmware_config/mosquitto/storeedge.conf, without TLS."""


def open_files() -> int:
    """Files that this process and those it starts may open: as many as the system allows."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most


class Centre:
    """Everything in one temporary folder, gone with `stop`."""

    def __init__(self, brokers: int, hubs: int, trigger_hubs: int) -> None:
        """Raises UnmeasurableError where mosquitto or PostgreSQL is missing. `hubs` are shared out among the
        brokers, each of which has `trigger_hubs` beside; all have one database."""
        mosquitto = shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
        if mosquitto is None:
            raise UnmeasurableError("no mosquitto: apt-get install mosquitto")
        bin_ = programs()
        if bin_ is None:
            raise UnmeasurableError("no PostgreSQL: apt-get install postgresql")
        self._mosquitto = mosquitto
        self.folder = Path(tempfile.mkdtemp(prefix="storeedge-fleet-"))
        self.postgres = Postgres(bin_, {"shared_buffers": "256MB", "max_wal_size": "2GB"})
        self.ports = [free_port() for _ in range(brokers)]
        self._streams = ["data" if trigger_hubs else "all"] * hubs + ["trigger"] * trigger_hubs * brokers
        self.where = ""
        self._brokers: list[Part] = []
        self._running: list[Part] = []

    def start(self) -> None:
        """All of it, and wait until the hubs listen."""
        self.postgres.start()
        self.where = self.where or self.postgres.database()
        self.begin()
        for hub in self._running:
            hub.wait_until(lambda hub=hub: "hub ready" in hub.words(), 60.0)  # type: ignore[misc]

    def begin(self) -> None:
        """Brokers and hubs, at the same moment."""
        self._brokers = [self._broker(number, port) for number, port in enumerate(self.ports)]
        self._running = [self._hub(number, streams) for number, streams in enumerate(self._streams)]
        for broker, port in zip(self._brokers, self.ports, strict=True):
            broker.wait_until(lambda port=port: listens(port), 30.0)  # type: ignore[misc]

    def kill(self) -> None:
        """As by a power cut."""
        for part in (*self._running, *self._brokers):
            os.kill(part.pid, signal.SIGKILL)
            part.stop()
        self.postgres.kill()

    def check(self) -> None:
        """Raises EdgeError when a part has ended by itself."""
        for part in (*self._brokers, *self._running):
            part.check()

    def stop(self) -> None:
        """End all and delete the files; safe after any fault."""
        for part in (*self._running, *self._brokers):
            part.stop()
        self.postgres.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def cpu_s(self) -> dict[str, float]:
        """Processor time of each part since it started."""
        return self._of_all(_cpu_s)

    def memory_mib(self) -> dict[str, float]:
        """Proportional set size of each part now."""
        return self._of_all(_pss_mib)

    def _of_all(self, of: Callable[[int], float]) -> dict[str, float]:
        return {
            "hubs": sum(of(hub.pid) for hub in self._running),
            "brokers": sum(of(broker.pid) for broker in self._brokers),
            "postgresql": sum(of(pid) for pid in self.postgres.pids()),
        }

    def _broker(self, number: int, port: int) -> Part:
        folder = self.folder / f"broker-{number}"
        folder.mkdir(exist_ok=True)
        # Debian's mosquitto leaves root for a user that cannot read a temporary folder.
        user = "user root\n" if os.geteuid() == 0 else ""
        conf = folder / "mosquitto.conf"
        conf.write_text(CONF.format(user=user, port=port, folder=folder), encoding="utf-8")
        return Part("broker", (self._mosquitto, "-c", conf), folder / "log")

    def _hub(self, number: int, streams: str) -> Part:
        url = f"mqtt://127.0.0.1:{self.ports[number % len(self.ports)]}"
        name = f"hub-{number}"
        command = (*STOREEDGE, "hub", "run", "--broker", url, "--db", self.where)
        more = ("--name", name, "--streams", streams)
        return Part("hub", (*command, *more), self.folder / f"{name}.log")


def _cpu_s(pid: int) -> float:
    try:
        words = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    except OSError:
        return 0.0  # a connection of PostgreSQL that has just ended
    return (int(words[11]) + int(words[12])) / TICKS


def _pss_mib(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024
