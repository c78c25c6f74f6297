"""A lane's display, as the demo and the bench watch it: one that hears what the box says and notes when."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

AGAIN_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class Saying:
    """One change of the screen."""

    heard_at: float
    """UTC seconds by this machine's clock."""
    says: Mapping[str, Any] | None
    """As `/lane/{id}/now` tells it; None: the screen is blank."""

    @property
    def headline(self) -> str:
        """Its words in the first language; empty when blank."""
        return str(self.says["headline"][0][1]) if self.says and self.says["headline"] else ""

    @property
    def decided_at(self) -> float | None:
        """UTC seconds of the box's steady clock."""
        return float(self.says["decided_at"]) if self.says else None


class LaneDisplay:
    """Listens in a thread of its own from `start` on; comes back by itself when the box was away."""

    def __init__(self, page: str, lane: str) -> None:
        """page: the box's address, such as http://127.0.0.1:8080."""
        self._page, self._path = urlsplit(page), f"/lane/{lane}/feed"
        self._changed = threading.Condition()
        self._sayings: list[Saying] = []
        self._stopping = False
        self._connection: http.client.HTTPConnection | None = None
        self._thread = threading.Thread(target=self._run, daemon=True, name=f"display {lane}")
        self.live = threading.Event()
        """Set when the first word was heard."""

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def stop(self) -> None:
        """Listen no more."""
        self._stopping = True
        if (connection := self._connection) is not None and connection.sock is not None:
            with suppress(OSError):
                connection.sock.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)

    @property
    def sayings(self) -> list[Saying]:
        """Every change so far, in order."""
        with self._changed:
            return list(self._sayings)

    def wait(self, wanted: Callable[[Saying], bool], since: float, patience_s: float) -> Saying | None:
        """The first wanted saying heard at or after `since`; None when it does not come in time."""
        until = time.monotonic() + patience_s
        with self._changed:
            while True:
                for one in self._sayings:
                    if one.heard_at >= since and wanted(one):
                        return one
                left = until - time.monotonic()
                if left <= 0:
                    return None
                self._changed.wait(left)

    def _run(self) -> None:
        while not self._stopping:
            with suppress(OSError, http.client.HTTPException, ValueError, AttributeError):
                self._listen()
            if not self._stopping:
                time.sleep(AGAIN_S)

    def _listen(self) -> None:
        connection = http.client.HTTPConnection(self._page.hostname or "", self._page.port, timeout=30)
        self._connection = connection
        try:
            connection.request("GET", self._path)
            answer = connection.getresponse()
            if answer.status != 200:
                return
            while line := answer.readline():
                if line.startswith(b"data: "):
                    self._hear(json.loads(line[6:])["says"])
        finally:
            connection.close()

    def _hear(self, says: Mapping[str, Any] | None) -> None:
        with self._changed:
            before = self._sayings[-1].says if self._sayings else None
            if not self._sayings or _content(before) != _content(says):
                self._sayings.append(Saying(time.time(), says))
                self._changed.notify_all()
        self.live.set()


def _content(says: Mapping[str, Any] | None) -> object:
    """What is seen, without the seconds that are left."""
    return None if says is None else {name: value for name, value in says.items() if name != "left_s"}
