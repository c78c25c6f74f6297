"""The one byte sequence of a JSON value, to be signed: RFC 8785, so that any language makes the same.

Keys in order, no blanks, UTF-8, numbers as ECMAScript writes them (`90`, not `90.0`).
"""

from __future__ import annotations

import json
from typing import Any

from sync.errors import SyncError

_MOST_EXACT = 2**53


def canonical(value: Any) -> bytes:
    """The bytes of a value as `json.loads` gives it. Raises SyncError for what has no canonical form."""
    try:
        text = json.dumps(
            _plain(value), ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")
        )
        return text.encode()
    except (ValueError, RecursionError) as error:
        raise SyncError(f"this cannot be signed: {error}") from error


def signed_bytes(schema: str, about: str, body: dict[str, Any]) -> bytes:
    """What a signature covers: schema and whom it is about, a line each, then the body without its
    `signature`. The lines keep a signature from being used for another kind of message or another box."""
    rest = {name: value for name, value in body.items() if name != "signature"}
    return f"{schema}\n{about}\n".encode() + canonical(rest)


def _plain(value: Any) -> Any:
    """Numbers as ECMAScript writes them; keys that sort alike by code point and by UTF-16 unit."""
    if isinstance(value, dict):
        if not all(isinstance(key, str) and key.isascii() for key in value):
            raise ValueError("its names are not all ASCII")
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    if abs(value) > _MOST_EXACT:
        raise ValueError("a number is too large to be exact everywhere")
    if value == int(value):
        return int(value)
    if abs(value) < 1e-4:
        raise ValueError("a number is too small to be written alike everywhere")
    return value
