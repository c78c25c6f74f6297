"""Writes down everything that SQLite asks of the disk, in the real library that the real store runs on.

A VFS of our own is put before the operating system's: it passes every call on and remembers writes, syncs,
truncations and deletions in order. It can also refuse them, as a failing or a full disk does: of a refused
write half reaches the disk. Python's
`sqlite3` and this file share one `libsqlite3`, so nothing of the store is replaced (a second SQLite with a
VFS, as apsw brings, would not run the store's own code).
"""

from __future__ import annotations

import ctypes
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ctypes import CFUNCTYPE, POINTER, c_char_p, c_int, c_int64, c_void_p, string_at
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

What = Literal["write", "truncate", "sync", "delete"]
OK: Final = 0
IOERR_WRITE: Final = 10 | 3 << 8
IOERR_SYNC: Final = 10 | 4 << 8
FULL: Final = 13
NAME: Final = b"storeedge-recording"


@dataclass(frozen=True, slots=True)
class Op:
    """One thing that was asked of the disk."""

    what: What
    file: str
    """Name within its folder."""
    at: int = 0
    """Of a write its place, of a truncation the new size."""
    data: bytes = b""
    during: str = ""
    """What the store was doing."""


@dataclass(slots=True)
class Recording:
    """What was asked of the disk, in order."""

    ops: list[Op] = field(default_factory=list)
    doing: str = ""
    """Set it to what the store is asked to do; every operation notes it."""
    refuse: Callable[[What, str], int] = lambda _what, _file: OK
    """Asked before each operation, with what and which file: `OK`, or the error that SQLite is given."""

    def note(self, what: What, file: str, at: int = 0, data: bytes = b"") -> None:
        """Write down one operation that the disk has taken."""
        self.ops.append(Op(what, file, at, data, self.doing))

    @property
    def now(self) -> int:
        """How many things have been asked so far."""
        return len(self.ops)


class _Methods(ctypes.Structure):
    """`sqlite3_io_methods`, version 3, as far as we look into it."""


_Write = CFUNCTYPE(c_int, POINTER(c_void_p), c_void_p, c_int, c_int64)
_Truncate = CFUNCTYPE(c_int, POINTER(c_void_p), c_int64)
_Flags = CFUNCTYPE(c_int, POINTER(c_void_p), c_int)
_Plain = CFUNCTYPE(c_int, POINTER(c_void_p))
_Methods._fields_ = [
    ("version", c_int), ("close", _Plain), ("read", c_void_p), ("write", _Write), ("truncate", _Truncate),
    ("sync", _Flags), *((f"rest_{i}", c_void_p) for i in range(13)),
]  # fmt: skip


class _Vfs(ctypes.Structure):
    """`sqlite3_vfs`, version 3."""


# A path is a bare address: SQLite keeps it, and reads what lies behind the text's end.
_Open = CFUNCTYPE(c_int, POINTER(_Vfs), c_void_p, POINTER(c_void_p), c_int, POINTER(c_int))
_Delete = CFUNCTYPE(c_int, POINTER(_Vfs), c_void_p, c_int)
_Vfs._fields_ = [
    ("version", c_int), ("file_size", c_int), ("longest_path", c_int), ("next", c_void_p),
    ("name", c_char_p), ("app_data", c_void_p), ("open", _Open), ("delete", _Delete),
    *((f"rest_{i}", c_void_p) for i in range(14)),
]  # fmt: skip


def library() -> ctypes.CDLL | None:
    """The very `libsqlite3` that Python's `sqlite3` uses; None when Python was built with one inside."""
    for line in Path("/proc/self/maps").read_text(encoding="utf-8").splitlines():
        if "libsqlite3.so" in line:
            return ctypes.CDLL(line.split()[-1])
    return None


class _Shim:
    """The VFS that records. Its ctypes callbacks must live as long as it is registered."""

    def __init__(self, recording: Recording, real: Any) -> None:
        self._recording = recording
        self._real = real
        self._names: dict[int, str] = {}
        self._methods: dict[int, tuple[_Methods, _Methods]] = {}
        self.vfs = _Vfs()
        ctypes.memmove(ctypes.byref(self.vfs), real, ctypes.sizeof(_Vfs))
        self.vfs.name, self.vfs.next = NAME, None
        self.vfs.open, self.vfs.delete = _Open(self._open), _Delete(self._delete)

    def _open(self, _: Any, path: int | None, file: Any, flags: int, out: Any) -> int:
        code: int = self._real.contents.open(self._real, path, file, flags, out)
        if code != OK or path is None:
            return code
        address = file[0]
        if address not in self._methods:
            self._methods[address] = self._recorded(ctypes.cast(address, POINTER(_Methods)).contents)
        self._names[ctypes.addressof(file.contents)] = _name(path)
        file[0] = ctypes.addressof(self._methods[address][1])
        return OK

    def _recorded(self, real: _Methods) -> tuple[_Methods, _Methods]:
        """The same methods, with those that change the disk written down once the disk has taken them."""
        recording, names = self._recording, self._names
        ours = _Methods()
        ctypes.memmove(ctypes.byref(ours), ctypes.byref(real), ctypes.sizeof(_Methods))

        def write(file: Any, data: int, count: int, at: int) -> int:
            name = names[ctypes.addressof(file.contents)]
            if refused := recording.refuse("write", name):
                real.write(file, data, count // 2, at)
                return refused
            code: int = real.write(file, data, count, at)
            if code == OK:
                recording.note("write", name, at, string_at(data, count))
            return code

        def truncate(file: Any, size: int) -> int:
            name = names[ctypes.addressof(file.contents)]
            code: int = recording.refuse("truncate", name) or real.truncate(file, size)
            if code == OK:
                recording.note("truncate", name, size)
            return code

        def sync(file: Any, _flags: int) -> int:
            name = names[ctypes.addressof(file.contents)]
            code = recording.refuse("sync", name)
            if code == OK:  # the disk is ours to imagine: nothing waits for the real one
                recording.note("sync", name)
            return code

        def close(file: Any) -> int:
            names.pop(ctypes.addressof(file.contents), None)
            code: int = real.close(file)
            return code

        ours.write, ours.truncate = _Write(write), _Truncate(truncate)
        ours.sync, ours.close = _Flags(sync), _Plain(close)
        return real, ours

    def _delete(self, _: Any, path: int, sync_folder: int) -> int:
        if refused := self._recording.refuse("delete", _name(path)):
            return refused
        code: int = self._real.contents.delete(self._real, path, sync_folder)
        if code == OK:
            self._recording.note("delete", _name(path))
            if sync_folder:
                self._recording.note("sync", _name(path))
        return code


def _name(path: int) -> str:
    return Path(string_at(path).decode()).name


@contextmanager
def recorded() -> Iterator[Recording]:
    """Everything that `sqlite3` asks of the disk meanwhile. Open no database before, close all within.
    Nothing is really synced.

    Raises RuntimeError where Python has an SQLite of its own inside.
    """
    sqlite = library()
    if sqlite is None:
        raise RuntimeError("this Python has SQLite built in; use Debian's python3")
    sqlite.sqlite3_vfs_find.restype = POINTER(_Vfs)
    real = sqlite.sqlite3_vfs_find(None)
    recording = Recording()
    shim = _Shim(recording, real)
    assert sqlite.sqlite3_vfs_register(ctypes.byref(shim.vfs), 1) == OK, sqlite3.sqlite_version
    try:
        yield recording
    finally:
        sqlite.sqlite3_vfs_unregister(ctypes.byref(shim.vfs))
        sqlite.sqlite3_vfs_register(real, 1)
