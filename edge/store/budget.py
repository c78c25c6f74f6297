"""How much room the database has: its budget, what the disk still gives, and a reserve against a full disk.

A write-ahead log needs room even to delete: where another program fills the disk to the last byte, a database
that owns no room is stuck. So the box owns what it needs before it needs it:

- it makes room inside its file while there is still some (`Room.tight`, `budget_steps.py`), and gives no
  pages back to the disk but those that retention frees;
- its log is made as long as it becomes in everyday work when there is room for it, with zeros at its end,
  which SQLite takes for its end, and is written over from its beginning;
- a file beside the database holds room for a log that has to grow once more, or is made anew when the box
  starts. It is given up when a write meets a full disk, and made again when the disk has room.
"""

from __future__ import annotations

import logging
import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Final

log = logging.getLogger("edge.store")

RESERVE: Final = (2**20, 8 * 2**20)
"""Least and most: twice the log before its checkpoint (1,000 pages)."""
HEADROOM_MAX: Final = 16 * 2**20
"""Empty pages that are kept for what comes: the longest minute is a hundredth of it."""
SLACK_MAX: Final = 4 * 2**20
"""Of the disk, left to others."""
OWN_FAULT: Final = 32 * 2**20
"""With so much of our own on a full disk it is not only the others who fill it."""
CHECKPOINT_PAGES: Final = 1_000


@dataclass(frozen=True, slots=True)
class Room:
    """The database's room at a moment; bytes."""

    used: int
    """By pages that hold something."""
    cap: int
    """What it may use now: the budget, or less where the disk does not give it."""
    budget: int
    free: int
    """Of the disk, for whoever comes first."""

    @property
    def left(self) -> int:
        """What may still be written; below zero: the disk has become smaller."""
        return self.cap - self.used

    @property
    def headroom(self) -> int:
        """What should be left at any time."""
        return min(HEADROOM_MAX, self.cap // 12)

    @property
    def tight(self) -> bool:
        """Room has to be made."""
        return self.left < self.headroom

    @property
    def ample(self) -> bool:
        """Enough has been made."""
        return self.left >= self.headroom * 3 // 2

    @property
    def most_needed(self) -> int:
        """Nothing that is written at once is longer."""
        return min(HEADROOM_MAX, self.cap // 2)

    @property
    def worth_a_message(self) -> bool:
        """Messages may be given up. Not for a disk that others fill while there is little of ours in it: what
        is counted can wait in memory, and they may leave again."""
        return not self.disk_bound or self.cap >= OWN_FAULT

    @property
    def disk_bound(self) -> bool:
        """The disk gives less than the budget."""
        return self.cap < self.budget


def checkpoint_pages(budget_pages: int) -> int:
    """After how many pages the log is written back: a small store has a small log."""
    return max(64, min(CHECKPOINT_PAGES, budget_pages // 32))


class Budget:
    """Keeps a database within its budget and within the disk."""

    def __init__(self, path: Path, size: int) -> None:
        """size: bytes that the database's pages may take. Its log and the reserve come on top: 3 % each, a
        reserve of 1 MiB at least, and no more than 8 MiB each."""
        self._path, self.size = path, size
        self.held_to = size
        """The newest cap."""
        self._log_room = 0
        self._reserve = path.with_name(path.name + ".reserve")
        self._reserved = max(RESERVE[0], min(RESERVE[1], size // 32))

    def look(self, connection: sqlite3.Connection) -> Room:
        """How much room there is now; the database is held to it."""
        page, pages, empty = (
            int(connection.execute(f"PRAGMA {name}").fetchone()[0])
            for name in ("page_size", "page_count", "freelist_count")
        )
        disk = os.statvfs(self._path.parent)
        free, whole = disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize
        file, log_size = _size(self._path), _size(self._log)
        self._log_room = 2 * page * checkpoint_pages(self.size // page)
        kept = min(SLACK_MAX, whole // 64) + max(0, self._reserved - _size(self._reserve))
        growth = max(0, free - kept - max(0, self._log_room - log_size))
        self.held_to = cap = min(self.size, file + growth)
        connection.execute(f"PRAGMA max_page_count = {cap // page}")
        return Room(page * (pages - empty), cap, self.size, free)

    @property
    def _log(self) -> Path:
        return self._path.with_name(self._path.name + "-wal")

    def release(self) -> bool:
        """Give the reserve to a write that met a full disk; False: there is none, or the disk is not full."""
        if _size(self._reserve) == 0 or self._free() >= self._reserved:
            return False
        os.truncate(self._reserve, 0)
        log.warning("the disk is full: the reserve %s is given up", self._reserve)
        return True

    def replenish(self, room: Room) -> None:
        """Take room for the log and for the reserve when the disk has it and more."""
        if room.free < 3 * self._reserved:
            return
        if 0 < _size(self._log) < self._log_room:
            self._take(self._log, self._log_room)
        if _size(self._reserve) < self._reserved:
            self._take(self._reserve, self._reserved)

    def keep(self) -> None:
        """The database was closed and its log is gone: take what that left as the reserve, for without any
        room it could not be opened again."""
        free = self._free()
        if _size(self._reserve) < min(self._reserved, free):
            self._take(self._reserve, min(self._reserved, free))

    def _take(self, path: Path, size: int) -> None:
        """Make a file so long; what is in it stays. Not to get it is no error."""
        try:
            with path.open("ab") as file:
                os.posix_fallocate(file.fileno(), 0, size)
        except OSError as error:
            log.warning("%s cannot be made larger: %s", path, error.strerror)

    def _free(self) -> int:
        disk = os.statvfs(self._path.parent)
        return disk.f_bavail * disk.f_frsize


def _size(path: Path) -> int:
    """Bytes of the disk that a file holds."""
    try:
        return os.stat(path).st_size
    except OSError:
        return 0
