"""What lets one thread wake another one that waits for a connection."""

from __future__ import annotations

import contextlib
import select
import socket


class Waker:
    """A pair of sockets: a byte into one makes whoever polls the other one come back."""

    def __init__(self) -> None:
        self._hear, self._say = socket.socketpair()
        self._hear.setblocking(False)
        self._say.setblocking(False)

    def wake(self) -> None:
        """For other threads and signal handlers."""
        with contextlib.suppress(OSError):  # full: it wakes anyway; closed: nobody sleeps
            self._say.send(b"\0")

    def wait(self, timeout: float, other: int | None = None, events: int = 0) -> int:
        """Until woken, until something happens on the file `other`, or for `timeout` seconds; what happened
        on the file. `select.poll`, because `select.select` fails above 1,023 open files."""
        poll = select.poll()
        poll.register(self._hear, select.POLLIN)
        if other is not None:
            poll.register(other, events)
        ready = dict(poll.poll(timeout * 1000))
        if ready.pop(self._hear.fileno(), 0):
            with contextlib.suppress(BlockingIOError):
                self._hear.recv(4096)
        return next(iter(ready.values()), 0)

    def close(self) -> None:
        """Nobody waits any more."""
        self._hear.close()
        self._say.close()
