"""A small MQTT broker in Python for demos on a machine without mosquitto.

It listens on the loopback address only, asks for no password and keeps nothing on disk; it speaks MQTT
3.1.1. A real box needs a real broker: see `firmware_config/mosquitto`.
"""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, Final, Self

from edge.errors import EdgeError

START_S: Final = 20.0
"""Importing and binding take a second or two; a slow machine gets more."""
STOP_S: Final = 5.0


class DemoBroker:
    """The broker in a child process of its own, which also ends when this process dies."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.url = f"mqtt://127.0.0.1:{port}?protocol=3.1.1"
        self._process: Any = None
        self._leash: Connection | None = None

    def start(self) -> None:
        """Start and wait until it listens. Raises EdgeError when it cannot."""
        spawn = multiprocessing.get_context("spawn")  # never fork a process that has threads
        self._leash, far_end = spawn.Pipe()
        self._process = spawn.Process(
            target=_serve, args=(self.port, far_end), name="demo-broker", daemon=True
        )
        self._process.start()
        far_end.close()
        try:
            answer = self._leash.recv() if self._leash.poll(START_S) else "no answer"
        except EOFError:
            answer = "it ended at once"
        if answer != "":
            self.stop()
            raise EdgeError(f"the demo broker does not start on port {self.port}: {answer}")

    def stop(self) -> None:
        """End it; safe to call twice."""
        process, self._process = self._process, None
        leash, self._leash = self._leash, None
        if leash is not None:
            leash.close()
        if process is not None:
            process.join(STOP_S)
            if process.is_alive():
                process.kill()
                process.join()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _serve(port: int, leash: Connection) -> None:
    """The child: runs until the other end of the leash is closed."""
    logging.disable(logging.CRITICAL)  # it logs every packet, and every client that leaves as an error
    try:
        asyncio.run(_listen(port, leash))
    except KeyboardInterrupt:
        return  # Ctrl-C reaches the whole foreground group; the parent says what there is to say
    except ImportError:
        leash.send('the Python package "amqtt" is missing: pip install amqtt, or install mosquitto')
    except OSError as error:
        leash.send(str(error))


async def _listen(port: int, leash: Connection) -> None:
    from amqtt.broker import Broker  # noqa: PLC0415 - an optional dependency
    from amqtt.errors import BrokerError  # noqa: PLC0415

    broker = Broker(
        {
            "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}},
            "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
        }
    )
    try:
        await broker.start()
    except BrokerError as error:
        raise OSError(str(error)) from error
    leash.send("")
    released = asyncio.Event()
    asyncio.get_running_loop().add_reader(leash.fileno(), released.set)
    await released.wait()
    await broker.shutdown()
