"""The secrets under which members' plates become tokens, in a file beside the database and never in it: who
has a copy of the database alone can name no plate."""

from __future__ import annotations

import json
import os
import re
import secrets
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pipelines.members import MemberKey
from pipelines.tokens import KEY_BYTES
from sync.errors import SyncError

KEY_ID: Final = re.compile(r"[a-z0-9-]{1,32}")


class KeyRing:
    """All member keys by tenant. Read anew at each question: a command may have added one."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def keys(self, tenant: str) -> Sequence[MemberKey]:
        """Oldest first. Raises SyncError."""
        return self._read().get(tenant, [])

    def live(self, tenant: str, now: float) -> Sequence[MemberKey]:
        """Those that are valid or will be, at most 16."""
        return [key for key in self.keys(tenant) if now < key.valid_until][:16]

    def add(self, tenant: str, key_id: str, valid_from: float, valid_until: float) -> MemberKey:
        """Make a key. Raises SyncError for an id that is taken or cannot be part of a topic."""
        if not KEY_ID.fullmatch(key_id):
            raise SyncError(f"the key id {key_id!r} must be 1 to 32 of a-z, 0-9 and the hyphen")
        ring = self._read()
        if any(key.id == key_id for key in ring.get(tenant, [])):
            raise SyncError(f"{tenant} has a key {key_id} already; choose another id")
        try:
            key = MemberKey(key_id, secrets.token_bytes(KEY_BYTES), valid_from, valid_until)
        except ValueError as error:
            raise SyncError(str(error)) from error
        ring.setdefault(tenant, []).append(key)
        self._write(ring)
        return key

    def _read(self) -> dict[str, list[MemberKey]]:
        try:
            if stat.S_IMODE(self._path.stat().st_mode) & 0o077:
                raise SyncError(f"{self._path} may be read by others: run chmod 600 {self._path}")
            stored = json.loads(self._path.read_text("ascii"))
            return {
                tenant: sorted(
                    (
                        MemberKey(k["id"], bytes.fromhex(k["secret"]), k["valid_from"], k["valid_until"])
                        for k in keys
                    ),
                    key=lambda key: key.valid_from,
                )
                for tenant, keys in stored.items()
            }
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise SyncError(f"cannot read the member keys {self._path}: {error.strerror}") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise SyncError(f"{self._path} is damaged; put its backup in place") from error

    def _write(self, ring: dict[str, list[MemberKey]]) -> None:
        stored = {
            tenant: [
                {
                    "id": k.id,
                    "secret": k.secret.hex(),
                    "valid_from": k.valid_from,
                    "valid_until": k.valid_until,
                }
                for k in keys
            ]
            for tenant, keys in ring.items()
        }
        draft = self._path.with_name(f".{self._path.name}.{secrets.token_hex(4)}")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                json.dump(stored, file)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._path)
        except OSError as error:
            raise SyncError(f"cannot write the member keys {self._path}: {error.strerror}") from error
