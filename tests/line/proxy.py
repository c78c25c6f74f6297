"""A bad line on purpose: a TCP proxy between a client and a server whose weather a test can change."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Self

from tests.broker import free_port

LOOK_S: Final = 0.01
"""How soon a change of weather is felt by bytes that wait."""


@dataclass(frozen=True, slots=True)
class Way:
    """One direction."""

    dead: bool = False
    """Bytes are taken and never arrive; nobody is told."""
    delay_s: float = 0.0
    bytes_per_s: float | None = None
    piece: int | None = None
    """Split into pieces of so many bytes, each a packet of its own."""


@dataclass(frozen=True, slots=True)
class Weather:
    """Of all connections, those that stand and those to come."""

    up: Way = Way()
    down: Way = Way()
    door: Literal["open", "refuse", "hang"] = "open"
    """For new connections: let in, ended at once, or accepted and never heard of again."""


FINE: Final = Weather()
HALF_OPEN: Final = Weather(Way(dead=True), Way(dead=True))
"""The cable is out: whoever is connected hears nothing, whoever comes gets no answer."""


@dataclass(eq=False, slots=True)
class _Pair:
    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    reset_after: dict[str, int] = field(default_factory=dict)


class Proxy:
    """Listens on `port` of the loopback address and passes on to another one, while used as a context."""

    def __init__(self, target: int) -> None:
        self.port = free_port()
        self.weather = FINE
        self.passed = {"up": 0, "down": 0}
        """Bytes that arrived, of all connections."""
        self.accepted = 0
        self._target = target
        self._pairs: set[_Pair] = set()
        self._waiting: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def url(self) -> str:
        """For an MQTT client."""
        return f"mqtt://127.0.0.1:{self.port}"

    def cut(self) -> None:
        """End all connections, in order, as a restarted router does."""
        self._do(self._end, False)

    def reset(self) -> None:
        """End all connections at once (RST)."""
        self._do(self._end, True)

    def reset_after(self, count: int, direction: Literal["up", "down"] = "up") -> None:
        """Let so many more bytes pass in this direction, then reset: in the middle of a packet."""
        self._do(self._arm, count, direction)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(5), "the proxy did not start"
        return self

    def __exit__(self, *_: object) -> None:
        self._do(self._loop.stop)
        self._thread.join(5)

    # -- in the loop's thread --------------------------------------------------------------------------

    def _do(self, what: Callable[..., Any], *given: Any) -> None:
        self._loop.call_soon_threadsafe(what, *given)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        serving = asyncio.start_server(self._accept, "127.0.0.1", self.port, limit=65_536)
        server = self._loop.run_until_complete(serving)
        self._ready.set()
        self._loop.run_forever()
        server.close()
        self._end(False)
        for writer in self._waiting:
            writer.close()
        left = asyncio.all_tasks(self._loop)
        for task in left:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        self._loop.close()

    async def _accept(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        self.accepted += 1
        if self.weather.door == "refuse":
            _hang_up(client, reset=True)
            return
        if self.weather.door == "hang":
            self._waiting.add(client)
            return
        try:
            answer, server = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            _hang_up(client, reset=True)
            return
        pair = _Pair(client, server)
        for end in (client, server):
            end.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._pairs.add(pair)
        with contextlib.suppress(asyncio.CancelledError):  # the proxy ends
            await asyncio.gather(
                self._pump(pair, reader, server, "up"), self._pump(pair, answer, client, "down")
            )
        self._pairs.discard(pair)

    async def _pump(
        self, pair: _Pair, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, direction: str
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65_536):
                if not await self._pass_on(pair, data, writer, direction):
                    return
        # A dead line does not tell of its end either.
        while self._way(direction).dead:
            await asyncio.sleep(LOOK_S)
        writer.close()

    async def _pass_on(self, pair: _Pair, data: bytes, writer: asyncio.StreamWriter, direction: str) -> bool:
        way = self._way(direction)
        if way.dead:
            return True
        if way.delay_s:
            await asyncio.sleep(way.delay_s)
        step = way.piece or (max(1, int(way.bytes_per_s * LOOK_S)) if way.bytes_per_s else len(data))
        for begin in range(0, len(data), step):
            piece = data[begin : begin + step]
            if self._way(direction).dead:
                return True
            left = pair.reset_after.get(direction)
            if left is not None:
                piece = piece[:left]
                pair.reset_after[direction] = left - len(piece)
            writer.write(piece)
            await writer.drain()
            self.passed[direction] += len(piece)
            if pair.reset_after.get(direction) == 0:
                await asyncio.sleep(LOOK_S)  # what was let through shall arrive
                _reset(pair)
                return False
            if way.bytes_per_s:
                await asyncio.sleep(len(piece) / way.bytes_per_s)
            elif way.piece:
                await asyncio.sleep(0)
        return True

    def _way(self, direction: str) -> Way:
        return self.weather.up if direction == "up" else self.weather.down

    def _arm(self, count: int, direction: str) -> None:
        for pair in self._pairs:
            pair.reset_after[direction] = count

    def _end(self, reset: bool) -> None:
        for pair in list(self._pairs):
            _hang_up(pair.client, reset=reset)
            _hang_up(pair.server, reset=reset)


def _reset(pair: _Pair) -> None:
    _hang_up(pair.client, reset=True)
    _hang_up(pair.server, reset=True)


def _hang_up(writer: asyncio.StreamWriter, *, reset: bool) -> None:
    sock = writer.get_extra_info("socket")
    if reset and sock is not None:
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort() if reset else writer.close()
