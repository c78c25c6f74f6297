"""Whose documents and calls a box obeys."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sync.canonical import signed_bytes
from sync.errors import SyncError
from sync.keys import PublicKey


class Authority:
    """The centre's keys. With none, the broker's rules alone say who may write below `down/`; with one or
    more (two while the centre changes its key) everything must be signed by one of them."""

    def __init__(self, keys: Iterable[PublicKey] = ()) -> None:
        self._keys = {key.id: key for key in keys}

    def check(self, schema: str, about: str, body: Mapping[str, Any]) -> None:
        """Raises SyncError with the reason when the body is not the centre's.

        `about`: `tenant/name` of a document's topic, `tenant/store/box` of a call.
        """
        if not self._keys:
            return
        signer, signature = body.get("signed_by"), body.get("signature")
        if not isinstance(signature, str) or not isinstance(signer, str):
            raise SyncError("it is not signed")
        key = self._keys.get(signer)
        if key is None:
            raise SyncError(f"it is signed by {signer}, which is no key of the centre")
        if not key.verifies(signature, signed_bytes(schema, about, dict(body))):
            raise SyncError("its signature is wrong")
