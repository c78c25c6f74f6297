"""Messages by the thousand: a socket that takes them out of what has come and leaves the rest to the library.

The library reads a packet with four calls and takes 57 µs over one message, most of it for properties that
nobody asks for; a hub that shall take 5,000 a second on two cores has 400 for everything. So what has come is
read in large pieces here (7 µs), and messages (PUBLISH of QoS 0 and 1) are taken apart; every other packet,
and whatever is not just as it should be, is handed to the library byte for byte.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, Final

from sync.errors import SyncError
from sync.happenings import Arrived, Happening

PIECE: Final = 262_144
"""Bytes of one read."""
_LENGTHS: Final = struct.Struct("!H")
_PUBLISH: Final = 0x30

Note = Callable[[bytes, bytes, int], None]
"""Topic, payload, and the packet's number; 0: QoS 0."""


class BulkSocket:
    """In the place of the connection's socket, for one thread."""

    def __init__(self, sock: Any, note: Note, *, v5: bool, most_bytes: int) -> None:
        """`sock` does not block. A packet may have `most_bytes` at the most."""
        self._sock, self._note, self._v5, self._most = sock, note, v5, most_bytes
        self._come = bytearray()
        self._others = bytearray()
        """Whole packets for the library."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    def recv(self, size: int) -> bytes:
        """Bytes for the library. Raises as a socket does, BlockingIOError too when only messages have come,
        and SyncError for a packet that is too large."""
        if not self._others:
            data = self._sock.recv(PIECE)
            if not data:
                return b""
            self._come += data
            self._sort()
            if not self._others:
                raise BlockingIOError
        taken = bytes(self._others[:size])
        del self._others[:size]
        return taken

    def _sort(self) -> None:
        come, at = bytes(self._come), 0
        while (head := _head(come, at)) is not None:
            begin, end = head
            if end - at > self._most:
                raise SyncError(f"a message of {end - at} bytes, more than we take")
            if end > len(come):
                break
            if not (come[at] & 0xF0 == _PUBLISH and self._message(come, at, begin, end)):
                self._others += come[at:end]
            at = end
        del self._come[:at]

    def _message(self, come: bytes, at: int, begin: int, end: int) -> bool:
        """Note it. False: let the library say what is wrong with it."""
        qos = come[at] >> 1 & 3
        if end - begin < 2 or qos > 1:
            return False
        body = begin + 2 + _LENGTHS.unpack_from(come, begin)[0]
        topic, number = come[begin + 2 : body], 0
        if qos and body + 2 <= end:
            (number,) = _LENGTHS.unpack_from(come, body)
            body += 2
        if self._v5 and body < end:
            properties = _length(come, body)
            if properties is None:
                return False
            body = properties[0] + properties[1]
        elif self._v5:
            return False
        if body > end or not topic or (qos and not number):
            return False
        self._note(topic, come[body:end], number)
        return True


def read_in_bulk(
    client: Any, generation: int, note: Callable[[Happening], None], *, v5: bool, most_bytes: int
) -> None:
    """From now on the client's messages become `Arrived` without it."""

    def arrived(topic: bytes, payload: bytes, number: int) -> None:
        note(Arrived(topic.decode(errors="replace"), payload, (generation, number)))

    sock = BulkSocket(client.socket(), arrived, v5=v5, most_bytes=most_bytes)
    client._sock = sock  # there is no other way in


def _head(come: bytes, at: int) -> tuple[int, int] | None:
    """Where the packet's body begins and ends; None: not enough has come to say."""
    if at + 2 > len(come):
        return None
    length = _length(come, at + 1)
    return None if length is None else (length[0], length[0] + length[1])


def _length(come: bytes, at: int) -> tuple[int, int] | None:
    """Where a length of variable size ends, and the length; None: not enough has come."""
    length = 0
    for place in range(4):
        if at + place >= len(come):
            return None
        byte = come[at + place]
        length |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return at + place + 1, length
    raise SyncError("this is no MQTT: a length of more than four bytes")
