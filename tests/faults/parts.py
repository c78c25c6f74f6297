"""The real parts of a box and its centre, each to be killed with -9 and started again at any moment.

Everything is started by the calling process's main thread and ends with it, however that ends.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from tests.broker import free_port
from tests.postgres import Postgres

STOREEDGE: Final = (sys.executable, "-P", "-c", "from edge.cli import main; main()")
LEASH: Final = ("setpriv", "--pdeathsig", "KILL", "--") if shutil.which("setpriv") else ()
"""util-linux: the kernel ends the program when the thread that started it is gone."""
ENGINE: Final = "import edge.engine_process"
CAPTURE: Final = "import edge.capture.child"

FRESH_S: Final = 2.0
ROUNDED_S: Final = 0.1
"""The page tells ages to the tenth of a second."""


class Program:
    """A program that is killed and started again; its words go to one file."""

    def __init__(self, name: str, command: Sequence[str | Path], folder: Path) -> None:
        self.name, self.log = name, folder / f"{name}.log"
        self._command = [*LEASH, *map(str, command)]
        self._process: subprocess.Popen[bytes] | None = None
        self._began = 0

    def start(self) -> None:
        """Start it; `ready` says when it works."""
        assert threading.current_thread() is threading.main_thread(), "the leash holds on the starting thread"
        with self.log.open("ab") as log:
            self._began = log.tell()
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )

    @property
    def pid(self) -> int | None:
        """None while it does not run."""
        return None if self._process is None or self._process.poll() is not None else self._process.pid

    @property
    def ended_with(self) -> int | None:
        """Its exit code, once it has ended."""
        return None if self._process is None else self._process.poll()

    def ready(self) -> bool:
        """Whether it works."""
        return self.pid is not None

    def kill(self) -> None:
        """-9."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self, seconds: float = 60.0) -> int:
        """In order; its exit code. Raises subprocess.TimeoutExpired."""
        assert self._process is not None
        self._process.terminate()
        return self._process.wait(seconds)

    def words(self) -> str:
        """What it said since it was last started."""
        with self.log.open("rb") as log:
            log.seek(self._began)
            return log.read().decode(errors="replace")

    def close(self) -> None:
        """End it at once, if it runs."""
        self.kill()


class Broker(Program):
    """A mosquitto that keeps nothing: whatever is in it is gone when it is killed."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"mqtt://127.0.0.1:{self.port}"
        conf = folder / "mosquitto.conf"
        user = "user root\n" if os.geteuid() == 0 else ""
        conf.write_text(
            f"{user}listener {self.port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\n"
            "persistence false\nlog_type error\nlog_type warning\n"
        )
        found = shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin")
        super().__init__("broker", [found or "mosquitto", "-c", conf], folder)

    def ready(self) -> bool:
        """It accepts connections."""
        try:
            socket.create_connection(("127.0.0.1", self.port), 0.2).close()
        except OSError:
            return False
        return self.pid is not None


class Hub(Program):
    """`storeedge hub run` on PostgreSQL."""

    def __init__(self, folder: Path, broker: str, database: str, *more: str | Path) -> None:
        at = ["--broker", broker, "--db", database, *more]
        super().__init__("hub", [*STOREEDGE, "hub", "run", *at], folder)

    def ready(self) -> bool:
        """It has a broker and a database."""
        return "hub ready" in self.words()


class BoxMain(Program):
    """`storeedge run`: the main process, with its engine and its capture children."""

    def __init__(self, folder: Path, site: Path, data: Path) -> None:
        self.port = free_port()
        where: list[str | Path] = ["--site", site, "--data", data, "--host", "127.0.0.1"]
        at = [*where, "--port", str(self.port)]
        super().__init__("main", [*STOREEDGE, "run", *at], folder)

    def api(self, path: str) -> Any:
        """The page's answer; None when there is none."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=3)
        try:
            connection.request("GET", path)
            return json.loads(connection.getresponse().read())
        except (OSError, http.client.HTTPException, ValueError):
            return None
        finally:
            connection.close()

    def ready(self) -> bool:
        """The page answers."""
        return self.pid is not None and self.api("/api/v1/cameras") is not None

    def children(self, kind: str) -> list[int]:
        """Process ids of its children of this kind: `ENGINE` or `CAPTURE`."""
        found = []
        with contextlib.suppress(OSError):  # it may be killed while we look
            for pid in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split():
                with contextlib.suppress(OSError):
                    if kind in Path(f"/proc/{pid}/cmdline").read_bytes().decode().replace("\0", " "):
                        found.append(int(pid))
        return found

    def looking(self, within_s: float = FRESH_S) -> bool:
        """A picture of every camera, no older than this, was analysed."""
        answer = self.api("/api/v1/cameras")
        ages = [camera["last_frame_age"] for camera in answer["cameras"]] if answer else [None]
        return all(age is not None and age < min(FRESH_S, within_s - ROUNDED_S) for age in ages)


class Database(Postgres):
    """PostgreSQL on a leash."""

    def __init__(self, bin_: Path) -> None:
        super().__init__(bin_)
        if LEASH:
            leashed = self.folder / "bin" / "postgres"
            leashed.parent.mkdir()
            leashed.write_text(f'#!/bin/sh\nexec {" ".join(LEASH)} {bin_ / "postgres"} "$@"\n')
            for path in (leashed.parent, leashed):
                path.chmod(0o755)
            self._bin = leashed.parent


def dead(pid: int) -> bool:
    """-9 to a process that is not ours to wait for. False: it was gone already."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True
