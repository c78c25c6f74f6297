"""The web server in a thread of its own, beside the main loop."""

from __future__ import annotations

import socket
import threading
import time
from types import TracebackType
from typing import Any, Final, Self

import uvicorn

from edge.errors import ConfigError

START_S: Final = 30.0
STOP_S: Final = 3.0


class WebServer:
    """Serves an ASGI application until it is stopped."""

    def __init__(self, app: Any, host: str, port: int) -> None:
        """Take the port. Raises ConfigError when somebody else has it."""
        self._socket = _listen(host, port)
        self._server = uvicorn.Server(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=1,  # an open page would hold the box back for ever
            )
        )
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, name="web", daemon=True
        )

    @property
    def port(self) -> int:
        """The port, also when 0 let the system choose."""
        return int(self._socket.getsockname()[1])

    def __enter__(self) -> Self:
        """Returns when requests are answered. Raises ConfigError when the application does not start."""
        self._thread.start()
        until = time.monotonic() + START_S
        while not self._server.started and time.monotonic() < until:
            if not self._thread.is_alive():
                raise ConfigError("the page does not start; see the log line above")
            time.sleep(0.01)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Answer what was asked and end."""
        self._server.should_exit = True
        if self._thread.ident is not None:
            self._thread.join(STOP_S)
        self._socket.close()


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(128)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ConfigError(f"cannot serve the page on {host}:{port}: {reason}; name another --port") from error
    return listener
