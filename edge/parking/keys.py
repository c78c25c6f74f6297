"""The keys of the plate tokens: one a day, in a file of their own beside the database, never in it.

A copy of the database alone tells nothing of a plate. A key is deleted when nothing that was made under it
can be asked for any more, and with it whatever old copy of the database is left (docs/privacy.md).
"""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path
from typing import Final

from edge.errors import StoreError
from pipelines.plate_tokens import PlateKeys
from pipelines.tokens import KEY_BYTES

DAY_S: Final = 86_400.0
KEPT_DAYS: Final = 11
"""A week's cap, and before it the longest stay, and a day for which a key is the newest."""
MOST_KEYS: Final = 14
FILE: Final = "parking.keys"


class KeyFile:
    """The keys on disk: a line each, newest first, with the UTC second from which it was used."""

    def __init__(self, path: Path, now: float) -> None:
        """Read the file, or make it. Raises StoreError when it cannot be used as it must be."""
        self._path = path
        self._keys = self._read()
        self.turn(now)

    @property
    def keys(self) -> PlateKeys:
        """All that are alive."""
        return PlateKeys.of(key for _, key in self._keys)

    def turn(self, now: float) -> bool:
        """Add a key when the newest has been used for a day, delete those that are too old; whether anything
        changed. Raises StoreError."""
        keys = [(begun, key) for begun, key in self._keys if begun > now - KEPT_DAYS * DAY_S]
        if not keys or not -DAY_S < now - keys[0][0] < DAY_S:
            keys.insert(0, (now, secrets.token_bytes(KEY_BYTES)))
        keys = keys[:MOST_KEYS]
        if keys == self._keys:
            return False
        self._write(keys)
        self._keys = keys
        return True

    def _read(self) -> list[tuple[float, bytes]]:
        try:
            mode = stat.S_IMODE(self._path.stat().st_mode)
            text = self._path.read_text("ascii")
        except FileNotFoundError:
            return []
        except (OSError, UnicodeDecodeError) as error:
            raise StoreError(f"{self._path}: cannot be read: {error}") from error
        if mode & 0o077:
            raise StoreError(f"{self._path} may be read by others: run chmod 600 {self._path}")
        try:
            keys = [_parsed(line) for line in text.splitlines()]
        except ValueError as error:
            raise StoreError(
                f"{self._path} is damaged; delete it: cars that are inside will not be recognised"
            ) from error
        return sorted(keys, reverse=True)

    def _write(self, keys: list[tuple[float, bytes]]) -> None:
        """Whole or not at all; the old file is overwritten before it goes, as far as the disk lets us."""
        text = "".join(f"{begun:.0f} {key.hex()}\n" for begun, key in keys)
        draft = self._path.with_name(f".{self._path.name}.new")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            draft.unlink(missing_ok=True)
            _write_private(draft, text, os.O_CREAT | os.O_EXCL)
            old = self._path.with_name(f".{self._path.name}.old")
            if self._path.exists():
                old.unlink(missing_ok=True)
                old.hardlink_to(self._path)
            draft.replace(self._path)
            if old.exists():
                _write_private(old, "0" * old.stat().st_size, 0)
                old.unlink()
        except OSError as error:
            raise StoreError(f"{self._path}: cannot be written: {error.strerror}") from error


def _write_private(path: Path, text: str, how: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | how, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _parsed(line: str) -> tuple[float, bytes]:
    begun, key = line.split()
    if len(key) != 2 * KEY_BYTES:
        raise ValueError("not a key")
    return float(begun), bytes.fromhex(key)
