"""A camera's newest frames in shared memory: one writer (the capture child), one reader (the engine).

Three slots are enough: the reader holds at most one, one is the newest, one is free to be written. So the
writer never waits and the reader works on the slot itself, without a copy, for as long as it likes.

A slot is written and read under a lock of its bytes (Linux open-file-description locks). The kernel frees
such a lock when its process dies and orders memory on every processor; a sequence number of 0 marks a slot
whose writer died in the middle, so a torn frame is never delivered. The memory has no name (memfd): it is
gone with the last process that holds it, and the size of /dev/shm does not limit it.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np

from edge.errors import CaptureError
from models.types import Image

SLOTS: Final = 3
MAX_WIDTH: Final = 3840
MAX_HEIGHT: Final = 2160
CAPACITY: Final = MAX_WIDTH * MAX_HEIGHT * 3
"""Bytes reserved for a slot. Only pages that a frame touched take memory."""

_MAGIC: Final = 0x53454652_00000001
_HEADER: Final = 4096
_SLOT_WORDS: Final = 8
_SLOTS_AT: Final = 32
"""The slots' words begin behind the ring's own, all 8 bytes wide and each written whole."""

# The ring's words.
_W_MAGIC, _W_CAPACITY, _W_NEWEST, _W_SESSION, _W_STATE, _W_BEAT_NS, _W_SEEN, _W_FAILURES = range(8)
# A slot's words; the time is a float in the same place.
_S_SEQ, _S_SESSION, _S_WIDTH, _S_HEIGHT, _S_T = range(5)


class CaptureState(IntEnum):
    """What a capture child is doing."""

    STARTING = 0
    CONNECTING = 1
    STREAMING = 2
    ENDED = 3
    """The clip is over; no frame will come."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame, in shared memory: valid only while it is held.

    image: (height, width, 3) uint8 BGR, read-only. t: steady seconds. seq: grows by one with each frame that
    was written. session: changes at every discontinuity (reconnected, clip begun again).
    """

    image: Image
    t: float
    seq: int
    session: int


@dataclass(frozen=True, slots=True)
class CaptureHealth:
    """What the outside may know of a capture child at any time."""

    state: CaptureState
    beat_ns: int
    """Monotonic nanoseconds of its last sign of life; 0 before the first."""
    seen: int
    """Frames that came from the camera, those between two analysed ones included."""
    written: int
    sessions: int
    failures: int
    """Times that the camera could not be opened or fell silent."""


class FrameRing:
    """The memory itself. Make it with `create`, hand `fd` to a child, which attaches with `FrameRing(fd)`."""

    def __init__(self, fd: int) -> None:
        """Attach to the ring behind `fd`, which stays the caller's. Raises CaptureError when it is none."""
        # Opened anew, because these locks belong to the open file and a child shares ours.
        self._fd = os.open(f"/proc/self/fd/{fd}", os.O_RDWR | os.O_CLOEXEC)
        size = os.fstat(self._fd).st_size
        if size < _HEADER:
            os.close(self._fd)
            raise CaptureError("the shared memory handed over is no frame ring; start the box again")
        self._memory = mmap.mmap(self._fd, size)
        self._view = memoryview(self._memory)
        self._words = self._view[:_HEADER].cast("q")
        self._reals = self._view[:_HEADER].cast("d")
        if self._words[_W_MAGIC] != _MAGIC:
            self.close()
            raise CaptureError("the shared memory handed over is no frame ring; start the box again")
        self._capacity = self._words[_W_CAPACITY]
        self._bytes = np.frombuffer(self._memory, np.uint8)
        self._images: dict[tuple[int, int, int], Image] = {}

    @staticmethod
    def create(capacity: int = CAPACITY) -> int:
        """A new ring; its file descriptor, which the caller closes in the end.

        capacity: bytes of the largest frame; a larger one is refused by `RingWriter.claim`.
        """
        capacity = -(-capacity // mmap.PAGESIZE) * mmap.PAGESIZE
        fd = os.memfd_create("storeedge-frames")
        os.ftruncate(fd, _HEADER + SLOTS * capacity)
        os.pwrite(fd, struct.pack("qq", _MAGIC, capacity), 0)
        return fd

    def health(self) -> CaptureHealth:
        """The writer's state, read without a lock."""
        words = self._words
        return CaptureHealth(
            state=CaptureState(words[_W_STATE]),
            beat_ns=words[_W_BEAT_NS],
            seen=words[_W_SEEN],
            written=words[_W_NEWEST],
            sessions=words[_W_SESSION],
            failures=words[_W_FAILURES],
        )

    def close(self) -> None:
        """Let go of the memory. Images handed out before keep it mapped until they are gone too."""
        if self._fd < 0:
            return
        self._images = {}
        self._bytes = np.empty(0, np.uint8)
        self._words.release()
        self._reals.release()
        self._view.release()
        with suppress(BufferError):  # somebody still looks at an image; the map goes with it
            self._memory.close()
        os.close(self._fd)
        self._fd = -1

    def _image(self, slot: int, height: int, width: int) -> Image:
        key = (slot, height, width)
        if (image := self._images.get(key)) is None:
            start = _HEADER + slot * self._capacity
            image = self._bytes[start : start + height * width * 3].reshape(height, width, 3)
            if len(self._images) > 4 * SLOTS:  # a camera changes its size seldom, not for ever
                self._images.clear()
            self._images[key] = image
        return image

    def _lock(self, slot: int, kind: int) -> bool:
        """Lock or unlock one slot without waiting; False where the other side holds it."""
        request = struct.pack("hhqqi", kind, os.SEEK_SET, _HEADER + slot * self._capacity, self._capacity, 0)
        try:
            fcntl.fcntl(self._fd, fcntl.F_OFD_SETLK, request)
        except BlockingIOError:
            return False
        return True


class RingWriter(FrameRing):
    """The capture child's end."""

    def __init__(self, fd: int) -> None:
        super().__init__(fd)
        self._claimed: int | None = None
        self._shape = (0, 0)
        self._allocated = 0

    def beat(self, state: CaptureState) -> None:
        """Say that this process lives and what it does."""
        self._words[_W_STATE] = state
        self._words[_W_BEAT_NS] = time.monotonic_ns()

    def begin_session(self) -> None:
        """What follows does not continue what was before."""
        self._words[_W_SESSION] += 1

    def count_seen(self) -> None:
        """One more frame came from the camera."""
        self._words[_W_SEEN] += 1

    def count_failure(self) -> None:
        """The camera could not be opened or fell silent."""
        self._words[_W_FAILURES] += 1

    def claim(self, height: int, width: int) -> Image:
        """A slot to write a frame into; then `publish` or `abandon` it.

        Raises CaptureError when the frame is larger than a slot or the machine's memory is full.
        """
        size = height * width * 3
        if size > self._capacity:
            raise CaptureError(
                f"a picture of {width}×{height} is too large; set the camera to {MAX_WIDTH}×{MAX_HEIGHT}"
            )
        self._allocate(size)
        slot = self._free_slot()
        self._words[_SLOTS_AT + slot * _SLOT_WORDS + _S_SEQ] = 0
        self._claimed, self._shape = slot, (height, width)
        return self._image(slot, height, width)

    def publish(self, t: float) -> int:
        """Make the claimed slot the newest frame, taken at `t` steady seconds; its sequence number."""
        slot = self._held()
        at = _SLOTS_AT + slot * _SLOT_WORDS
        seq = self._words[_W_NEWEST] + 1
        self._words[at + _S_SESSION] = self._words[_W_SESSION]
        self._words[at + _S_HEIGHT], self._words[at + _S_WIDTH] = self._shape
        self._reals[at + _S_T] = t
        self._words[at + _S_SEQ] = seq
        self._words[_W_NEWEST] = seq
        self._release()
        return seq

    def abandon(self) -> None:
        """Give the claimed slot back unused."""
        self._held()
        self._release()

    def _free_slot(self) -> int:
        """Lock the slot with the oldest frame that the reader does not hold."""
        by_age = sorted(range(SLOTS), key=lambda slot: self._words[_SLOTS_AT + slot * _SLOT_WORDS + _S_SEQ])
        for slot in by_age:
            if self._lock(slot, fcntl.F_WRLCK):
                return slot
        raise CaptureError("every slot of the frame ring is held; only one reader and one writer may use it")

    def _allocate(self, size: int) -> None:
        """Get the pages now, where a full memory is an error that can be told and not a SIGBUS."""
        if size <= self._allocated:
            return
        try:
            for slot in range(SLOTS):
                os.posix_fallocate(self._fd, _HEADER + slot * self._capacity, size)
        except OSError as error:
            raise CaptureError(
                "the machine has no memory left for this camera's frames; use its sub-stream or fewer cameras"
            ) from error
        self._allocated = size

    def _held(self) -> int:
        if self._claimed is None:
            raise ValueError("claim a slot first")
        return self._claimed

    def _release(self) -> None:
        slot, self._claimed = self._held(), None
        self._lock(slot, fcntl.F_UNLCK)


class RingReader(FrameRing):
    """The engine's end. Sees each frame at most once, the newest first."""

    def __init__(self, fd: int) -> None:
        super().__init__(fd)
        self._last_seq = self._words[_W_NEWEST]
        """A frame from before this reader began is old news."""

    @property
    def fresh(self) -> bool:
        """True when a frame waits that this reader has not had."""
        return self._words[_W_NEWEST] > self._last_seq

    @property
    def ended(self) -> bool:
        """True when the clip is over and its last frame was had."""
        return self._words[_W_STATE] == CaptureState.ENDED and not self.fresh

    @contextmanager
    def newest(self) -> Iterator[Frame | None]:
        """The newest frame not had before, held for the time of the `with` block; None when there is none."""
        slot = self._take()
        if slot is None:
            yield None
            return
        try:
            yield self._frame(slot)
        finally:
            if self._fd >= 0:
                self._lock(slot, fcntl.F_UNLCK)

    def _take(self) -> int | None:
        """Lock the slot of the newest frame. The writer may overtake us between look and lock: look again."""
        for _ in range(2 * SLOTS):
            newest, slot = max((self._words[_SLOTS_AT + s * _SLOT_WORDS + _S_SEQ], s) for s in range(SLOTS))
            if newest <= self._last_seq:
                return None
            if not self._lock(slot, fcntl.F_RDLCK):
                continue
            seq = self._words[_SLOTS_AT + slot * _SLOT_WORDS + _S_SEQ]
            if seq >= newest:
                self._last_seq = seq
                return slot
            self._lock(slot, fcntl.F_UNLCK)
        return None

    def _frame(self, slot: int) -> Frame:
        at = _SLOTS_AT + slot * _SLOT_WORDS
        words = self._words
        image = self._image(slot, words[at + _S_HEIGHT], words[at + _S_WIDTH])
        return Frame(image, self._reals[at + _S_T], words[at + _S_SEQ], words[at + _S_SESSION])

    def _image(self, slot: int, height: int, width: int) -> Image:
        image = super()._image(slot, height, width)
        image.flags.writeable = False
        return image
