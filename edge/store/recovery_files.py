"""The files of a recovery: the damaged database out of the way and a new one into its place, so that a power
cut at any moment leaves either the one or the other there, and a note of what is to be finished.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge.store.database import mark_of

PARTS: Final = ("", "-wal", "-shm", "-journal")
"""What a database's name is followed by in the names of its files."""
BESIDE: Final = (".lock", ".reserve")
"""What else lies beside it, of no use without a process that has it open."""
KEPT_ASIDE: Final = 2
"""Databases that are kept for a person to look at."""
FREE_AT_LEAST: Final = 256 * 2**20
"""Bytes that the disk must have free for them to stay."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A recovery that was begun: where the old files go, and why."""

    label: str
    reason: str
    older: bool = False
    """Whether the box may have counted on after it: what no minute holds is then counted no more."""


def note_of(path: Path) -> Path:
    """The note that a recovery is under way."""
    return path.with_name(f"{path.name}.recovering")


def draft_of(path: Path) -> Path:
    """The new database until it is complete."""
    return path.with_name(f"{path.name}.new")


def label_of(kind: str, path: Path) -> str:
    """A name for what is set aside, which no file has: `damaged-20260921T141400Z`."""
    label = f"{kind}-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}"
    taken = [name.name for name in path.parent.glob(f"{path.name}.{label}*")]
    return f"{label}-{len(taken) + 1}" if taken else label


def begun(path: Path) -> Setting | None:
    """A recovery that a power cut or a kill ended; None when there is none or it was as good as done."""
    note = note_of(path)
    try:
        label, reason, older = json.loads(note.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError):
        note.unlink(missing_ok=True)  # torn: nothing was moved before it was whole
        return None
    setting = Setting(str(label), str(reason), bool(older))
    aside = path.with_name(f"{path.name}.{setting.label}")
    if _there(path) and any(_there(_part(aside, suffix)) for suffix in PARTS):
        finish(path)
        return None
    return setting


def set_aside(path: Path, setting: Setting) -> Path:
    """Note it, then move the old files; where the database lies now. Goes on after a power cut."""
    write_whole(note_of(path), json.dumps([setting.label, setting.reason, setting.older]).encode())
    aside = path.with_name(f"{path.name}.{setting.label}")
    for suffix in PARTS:
        part = _part(path, suffix)
        if _there(part) and not _there(_part(aside, suffix)):
            part.rename(_part(aside, suffix))
    sync_folder(path.parent)
    return aside


def put_in_place(path: Path) -> None:
    """The complete draft becomes the database."""
    draft = draft_of(path)
    draft.replace(path)
    sync_folder(path.parent)
    finish(path)


def finish(path: Path) -> None:
    """Nothing is left to be done."""
    for leftover in (mark_of(path), note_of(path), *(_part(draft_of(path), end) for end in BESIDE)):
        with suppress(OSError):
            leftover.unlink(missing_ok=True)
    sync_folder(path.parent)


def clear_draft(path: Path) -> None:
    """Take away what a recovery that was cut short had begun."""
    for suffix in (*PARTS, *BESIDE):
        _part(draft_of(path), suffix).unlink(missing_ok=True)


def asides(path: Path) -> list[Path]:
    """The databases that were set aside, the newest first."""
    found = {
        Path(str(part).removesuffix(suffix))
        for kind in ("damaged", "replaced")
        for part in path.parent.glob(f"{path.name}.{kind}-*")
        for suffix in [next(s for s in (*PARTS[1:], "") if part.name.endswith(s))]
    }
    return sorted(
        found, key=lambda aside: aside.name.rpartition(f"{path.name}.")[2].split("-", 1)[1], reverse=True
    )


def prune_asides(path: Path, most_bytes: int, needed: Collection[str] = ()) -> list[str]:
    """Delete old set-aside databases so that few stay and they take no more than `most_bytes`, all of them
    when the disk has no room; never those of these names, which are still read. The names of the deleted."""
    gone, total = [], 0
    for number, aside in enumerate(asides(path)):
        size = sum(_size(_part(aside, suffix)) for suffix in PARTS)
        total += size
        crowded = shutil.disk_usage(path.parent).free < FREE_AT_LEAST
        if aside.name in needed or not (number >= KEPT_ASIDE or total > most_bytes or crowded):
            continue
        total -= size
        for suffix in PARTS:
            _remove(_part(aside, suffix))
        gone.append(aside.name)
    return gone


def write_whole(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Write a small file, complete on the disk or not at all."""
    draft = path.with_name(f".{path.name}.draft")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make names durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _part(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _there(path: Path) -> bool:
    return os.path.lexists(path)


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0


def _remove(path: Path) -> None:
    with suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
