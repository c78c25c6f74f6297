"""Start a child process with a link to it, and be one.

A child is a fresh interpreter and not a fork: it holds no lock, database or thread of
ours and imports only what it needs. What it must know goes over the link, never on its command line, which
every user of the machine can read and where a camera's password would stand.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from edge.log import start_logging


@dataclass(frozen=True, slots=True)
class Hello:
    """The first thing a child is told."""

    task: Any
    journal: bool
    level: int


class Child:
    """A running child process, seen by its parent. What it sends is handed to `on_message` in a thread."""

    def __init__(
        self,
        module: str,
        task: object,
        fds: Sequence[int] = (),
        on_message: Callable[[Any], None] = lambda _: None,
    ) -> None:
        """Start `module`'s `main()`. task: anything that pickles. fds: handed over under the same numbers."""
        ours, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-P", "-c", f"import {module}; {module}.main()", str(theirs.fileno())]
            self._process = subprocess.Popen(
                command,
                pass_fds=[theirs.fileno(), *fds],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is for the main process, which stops its children in order
            )
        self._link = Connection(ours.detach())
        self._on_message = on_message
        root = logging.getLogger()
        journal = "JOURNAL_STREAM" in os.environ
        self.tell(Hello(task, journal, root.level))
        self._listener = threading.Thread(target=self._listen, name=f"link-{self.pid}", daemon=True)
        self._listener.start()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def tell(self, message: object) -> None:
        """Send it something; silently nothing when it is gone."""
        with contextlib.suppress(OSError):
            self._link.send(message)

    def exit_code(self) -> int | None:
        """None while it runs or while what it sent is still being read; negative: killed by that signal."""
        code = self._process.poll()
        return None if code is None or self._listener.is_alive() else code

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()

    def close(self) -> None:
        """End it and let go of it."""
        if self._process.poll() is None:
            self._process.kill()
            with contextlib.suppress(subprocess.TimeoutExpired):  # the kernel holds it: its link stays open
                self._process.wait(5)
        self._listener.join(1)
        if not self._listener.is_alive():  # else it would read on under a number that is somebody else's
            self._link.close()

    def _listen(self) -> None:
        while True:
            try:
                message = self._link.recv()
            except (EOFError, OSError):
                return
            self._on_message(message)


class Parent:
    """The link to the parent, seen by a child. A child never outlives its parent."""

    def __init__(self, on_stop: Callable[[], None]) -> None:
        """Say hello. on_stop: called in a thread when the parent asks this process to finish."""
        self._link = Connection(int(sys.argv[1]))
        hello: Hello = self._link.recv()
        self.task = hello.task
        start_logging(journal=hello.journal, level=hello.level)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self._on_stop = on_stop
        threading.Thread(target=self._listen, name="parent", daemon=True).start()

    def tell(self, message: object) -> None:
        """Send to the parent. Ends this process when there is no parent any more."""
        try:
            self._link.send(message)
        except OSError:
            os._exit(1)

    def _listen(self) -> None:
        try:
            self._link.recv()
        except (EOFError, OSError):
            os._exit(1)  # the parent is gone: nobody would restart or stop us
        self._on_stop()


def stop_at_once() -> None:
    """An `on_stop` for a child that has nothing to put in order."""
    os._exit(0)
