"""A program that the demo starts, watches and ends: its words go to a file, told only when it fails."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from edge.errors import EdgeError

STOP_S: Final = 20.0
"""The box takes up to some seconds to end its tracks, commit and say goodbye."""
WIDTH: Final = 240
"""Characters of one line of a program's last words."""
STOREEDGE: Final = (sys.executable, "-P", "-c", "from edge.cli import main; main()")
"""The command `storeedge` of this very installation."""


class Part:
    """One running program."""

    def __init__(self, name: str, command: Sequence[str | Path], log: Path) -> None:
        """Start it. With setpriv (util-linux) here it ends when this process does, however that ends."""
        self.name, self._log = name, log
        leash = ["setpriv", "--pdeathsig", "TERM", "--"] if shutil.which("setpriv") else []
        try:
            with log.open("wb") as out:
                self._process = subprocess.Popen(
                    [*leash, *command],
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,  # Ctrl-C is for the demo, which ends its parts in order
                )
        except OSError as error:
            raise EdgeError(f"the {name} does not start: {error}") from error

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._process.poll()

    def check(self) -> None:
        """Raise EdgeError with its last words when it has ended."""
        if self.exit_code is not None:
            raise EdgeError(f"the {self.name} ended by itself (exit code {self.exit_code}):\n{self.words()}")

    def wait_until(self, ready: Callable[[], bool], patience_s: float) -> None:
        """Raises EdgeError when it ends before, or is not ready in time."""
        until = time.monotonic() + patience_s
        while not ready():
            self.check()
            if time.monotonic() > until:
                raise EdgeError(f"the {self.name} was not ready within {patience_s:.0f} s:\n{self.words()}")
            time.sleep(0.05)

    def stop(self) -> None:
        """Ask it to end, and end it when it does not; safe to call twice."""
        if self.exit_code is None:
            self._process.terminate()
            try:
                self._process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def words(self, lines: int = 12) -> str:
        """The last of what it said."""
        try:
            said = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return ""
        return "\n".join(f"    {_shortened(line)}" for line in said[-lines:])


def _shortened(line: str) -> str:
    """A log line may hold a whole stack trace, of which the end tells most."""
    return line if len(line) <= WIDTH else f"{line[: WIDTH // 3]} … {line[-2 * WIDTH // 3 :]}"


def listens(port: int) -> bool:
    """Whether somebody accepts connections on this port of the loopback address."""
    try:
        socket.create_connection(("127.0.0.1", port), 0.5).close()
    except OSError:
        return False
    return True


def free_port(wanted: int = 0, tries: int = 50) -> int:
    """The first port from `wanted` on that nobody uses on the loopback address; 0: any."""
    for port in range(wanted, wanted + tries) if wanted else [0]:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise EdgeError(f"ports {wanted} to {wanted + tries - 1} are all in use; name another with --port")
