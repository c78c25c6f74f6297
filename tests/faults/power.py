"""The disk as it may be found after a power cut: what was synced is there, of the rest any part.

Harsher than most disks: writes since a file's last sync may each be there, be lost, or be torn in any of
their 512-byte sectors, in any order and over all files; a sector that was being written may hold anything.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

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


def after_cut(ops: Sequence[Op], until: int, chance: random.Random) -> dict[str, bytes]:
    """Files by name as they are found when the power fails just before operation number `until`."""
    disk: dict[str, _File] = {}
    for op in ops[:until]:
        file = disk.setdefault(op.file, _File())
        if op.what == "sync":
            for pending in file.pending:
                _apply(file.durable, pending)
                file.exists = pending.what != "delete"
            file.pending.clear()
        else:
            file.pending.append(op)
    found: dict[str, bytes] = {}
    luck = chance.choice(LUCKS)
    for name, file in disk.items():
        contents = _found(file, luck, chance)
        if contents is not None:
            found[name] = contents
    return found


def _found(file: _File, luck: Luck, chance: random.Random) -> bytes | None:
    contents, exists = bytearray(file.durable), file.exists
    for op in file.pending:
        fate = chance.random()
        if fate < luck.kept:
            _apply(contents, op)
            exists = op.what != "delete"
        elif op.what == "write" and fate < luck.kept + luck.torn:
            _tear(contents, op, chance)
            exists = True
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
