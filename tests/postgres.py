"""A real PostgreSQL on a free port, to be started, killed and started again by tests."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from tests.broker import free_port

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "shared_buffers": "64MB",
    "max_connections": "20",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "log_checkpoints": "off",
}


def programs() -> Path | None:
    """The newest PostgreSQL's folder with initdb and postgres; None on a machine without it."""
    found = [Path(path).parent for path in [shutil.which("initdb")] if path]
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parts[-2]))
    whole = [path for path in found if (path / "initdb").exists() and (path / "postgres").exists()]
    return whole[-1] if whole else None


class Postgres:
    """One server process, with its files in a folder of its own; as durable as usual."""

    def __init__(self, bin_: Path, settings: dict[str, str] | None = None) -> None:
        self._bin = bin_
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="storeedge-postgres-"))
        # It refuses to run as root, and whoever it runs as must get at the folder.
        self._user = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
        if self._user is not None:
            os.chown(self.folder, self._user.pw_uid, self._user.pw_gid)
        self._process: subprocess.Popen[bytes] | None = None
        made = [
            str(bin_ / "initdb"),
            "-D",
            str(self.data),
            "-U",
            "hub",
            "-E",
            "UTF8",
            "--locale=C",
            "-A",
            "trust",
        ]
        self._run([*made, "--no-sync"])
        self._options = [
            part for pair in (SETTINGS | (settings or {})).items() for part in ("-c", "=".join(pair))
        ]

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://hub@127.0.0.1:{self.port}/{database}"

    def database(self) -> str:
        """The address of a new, empty database."""
        name = f"hub_{uuid4().hex[:12]}"
        with psycopg.connect(self.url(), autocommit=True) as db:
            db.execute(f"CREATE DATABASE {name}".encode())
        return self.url(name)

    def start(self) -> None:
        """Start, recover where it was killed, and wait until it answers."""
        command = [str(self._bin / "postgres"), "-D", str(self.data), "-p", str(self.port), *self._options]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, **self._as_user())
        until = time.monotonic() + 60
        while time.monotonic() < until and self._process.poll() is None:
            with contextlib.suppress(psycopg.OperationalError):
                psycopg.connect(self.url(), connect_timeout=2).close()
                return
            time.sleep(0.05)
        raise AssertionError(f"PostgreSQL did not start:\n{self.log.read_text()[-2000:]}")

    def pids(self) -> list[int]:
        """Of all its processes."""
        assert self._process is not None
        main = self._process.pid
        return [main, *map(int, Path(f"/proc/{main}/task/{main}/children").read_text().split())]

    def kill(self) -> None:
        """-9 to every process of it, as by a power cut."""
        if self._process is not None:
            os.kill(self._process.pid, signal.SIGSTOP)  # so that it makes no more
            pids = self.pids()
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self._process.wait()
            self._process = None
            until = time.monotonic() + 10
            while any(Path(f"/proc/{pid}").exists() for pid in pids) and time.monotonic() < until:
                time.sleep(0.01)
            (self.data / "postmaster.pid").unlink(missing_ok=True)

    def stop(self) -> None:
        """At once but in order, and away with the files."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(30)
            self._process = None
        shutil.rmtree(self.folder, ignore_errors=True)

    def _run(self, command: list[str]) -> None:
        done = subprocess.run(command, check=False, capture_output=True, text=True, **self._as_user())
        assert done.returncode == 0, done.stderr

    def _as_user(self) -> dict[str, Any]:
        who: dict[str, Any] = {"cwd": "/"}
        if self._user is not None:
            who |= {"user": self._user.pw_uid, "group": self._user.pw_gid, "extra_groups": []}
        return who


def running(settings: dict[str, str] | None = None) -> Iterator[Postgres]:
    """Until the generator is closed; skips the test on a machine without PostgreSQL."""
    bin_ = programs()
    if bin_ is None:
        pytest.skip("no PostgreSQL: apt-get install postgresql")
    server = Postgres(bin_, settings)
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A running server for all tests; each makes a database of its own."""
    yield from running()
