"""The disk as it may be found after a power cut: what was synced is there, of the rest any part.

Harsher than most disks: writes since a file's last sync may each be there, be lost, or be torn in any of
their 512-byte sectors, in any order and over all files; a sector that was being written may hold anything.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from tests.faults.recording_vfs import Op

SECTOR: Final = 512


@dataclass(frozen=True, slots=True)
class Luck:
    """What becomes of writes that were not synced."""

    kept: float
    torn: float


LUCKS: Final = (Luck(0.0, 0.0), Luck(1.0, 0.0), Luck(0.4, 0.3), Luck(0.8, 0.2))
"""None reached the disk; all did; any part did; nearly all did, some in pieces."""


@dataclass(slots=True)
class _File:
    durable: bytearray = field(default_factory=bytearray)
    exists: bool = False
    """Whether its name would be found: it was synced once, or its folder was."""
    pending: list[Op] = field(default_factory=list)


@dataclass(slots=True)
class Found:
    """What is found after a cut."""

    files: dict[str, bytes] = field(default_factory=dict)
    """By name."""
    kept: int = 0
    """Operations without a sync that had reached the disk all the same."""
    lost: int = 0
    torn: int = 0


class Disk:
    """Takes operations one by one; the power may fail after any of them, more than once."""

    def __init__(self, ops: Sequence[Op], files: Mapping[str, bytes] | None = None) -> None:
        """files: what lay there before, safely."""
        self._ops, self._done = ops, 0
        self._files = {name: _File(bytearray(held), True) for name, held in (files or {}).items()}

    def run(self, until: int) -> Self:
        """Go on to just before operation number `until`, which is not before the last one."""
        for op in self._ops[self._done : until]:
            file = self._files.setdefault(op.file, _File())
            if op.what == "sync":
                for pending in file.pending:
                    _apply(file.durable, pending)
                    file.exists = pending.what != "delete"
                file.pending.clear()
            else:
                file.pending.append(op)
        self._done = max(self._done, until)
        return self

    def cut(self, chance: random.Random) -> Found:
        """What is found when the power fails now."""
        found, luck = Found(), chance.choice(LUCKS)
        for name, file in self._files.items():
            contents = _found(file, luck, chance, found)
            if contents is not None:
                found.files[name] = contents
        return found


def after_cut(ops: Sequence[Op], until: int, chance: random.Random) -> dict[str, bytes]:
    """Files by name as they are found when the power fails just before operation number `until`."""
    return Disk(ops).run(until).cut(chance).files


def _found(file: _File, luck: Luck, chance: random.Random, count: Found) -> bytes | None:
    contents, exists = bytearray(file.durable), file.exists
    for op in file.pending:
        fate = chance.random()
        if fate < luck.kept:
            _apply(contents, op)
            exists = op.what != "delete"
            count.kept += 1
        elif op.what == "write" and fate < luck.kept + luck.torn:
            _tear(contents, op, chance)
            exists = True
            count.torn += 1
        else:
            count.lost += 1
    return bytes(contents) if exists else None


def _apply(contents: bytearray, op: Op) -> None:
    if op.what == "delete":
        contents.clear()
    elif op.what == "truncate":
        del contents[op.at :]
        contents.extend(bytes(op.at - len(contents)))
    else:
        end = op.at + len(op.data)
        contents.extend(bytes(max(0, end - len(contents))))
        contents[op.at : end] = op.data


def _tear(contents: bytearray, op: Op, chance: random.Random) -> None:
    """Some sectors of a write reach the disk, and one may be garbage."""
    for start in range(0, len(op.data), SECTOR):
        piece = op.data[start : start + SECTOR]
        fate = chance.random()
        if fate < 0.45:
            _apply(contents, Op("write", op.file, op.at + start, piece))
        elif fate < 0.55:
            _apply(contents, Op("write", op.file, op.at + start, chance.randbytes(len(piece))))


def lay_out(files: dict[str, bytes], folder: Path) -> None:
    """Put the files on a real disk, to be opened again."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, contents in files.items():
        (folder / name).write_bytes(contents)
