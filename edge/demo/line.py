"""The line between a box and its broker, as a relay on this machine that can be cut and mended."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import Final

PIECE: Final = 65_536
"""Bytes passed on at once."""
_CLOSED: Final = socket.SHUT_RDWR


class Line:
    """Passes everything on to a port of this machine until it is cut. In a `with` block it is whole."""

    def __init__(self, port: int) -> None:
        """port: the broker's, on the loopback address."""
        self._to = port
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._listener = self._listen(0)
        self.port = int(self._listener.getsockname()[1])
        """The near end's; it stays the same."""

    def __enter__(self) -> Line:
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()

    def cut(self) -> None:
        """End every connection and take no new one."""
        with suppress(OSError):
            self._listener.shutdown(_CLOSED)  # wakes who waits in accept
        self._listener.close()
        with self._lock:
            ends, self._open = self._open, set()
        for end in ends:
            _end(end)

    def mend(self) -> None:
        """Take connections again."""
        self._listener = self._listen(self.port)

    def _listen(self, port: int) -> socket.socket:
        listener = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self._serve, args=(listener,), daemon=True, name="line").start()
        return listener

    def _serve(self, listener: socket.socket) -> None:
        with suppress(OSError):  # closed: the line is cut
            while True:
                near, _ = listener.accept()
                self._join(near, listener)

    def _join(self, near: socket.socket, listener: socket.socket) -> None:
        try:
            far = socket.create_connection(("127.0.0.1", self._to), 5)
        except OSError:
            near.close()
            return
        far.settimeout(None)
        for end in (near, far):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._lock:
            self._open |= {near, far}
            cut = listener is not self._listener or listener.fileno() < 0
        if cut:  # while we connected
            _end(near)
            _end(far)
        for one, other in ((near, far), (far, near)):
            threading.Thread(target=self._carry, args=(one, other), daemon=True, name="line").start()

    def _carry(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while data := one.recv(PIECE):
                other.sendall(data)
        for end in (one, other):
            _end(end)
        with self._lock:
            self._open -= {one, other}


def _end(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(_CLOSED)
    end.close()
