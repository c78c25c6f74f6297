"""A plate's token: what may leave the box in a plate's place."""

from __future__ import annotations

import hashlib
import hmac
import unicodedata
from typing import Final

KEY_BYTES: Final = 32
"""A key's least length. There are some 3e10 plates: whoever has the key can try them all, so the key is the
whole secret and must be as long as the digest."""


def normalised(plate: str) -> str:
    """The one spelling of a plate on all sides: NFKC, upper case, letters and digits only.

    >>> normalised(" 粤b·12345 ")
    '粤B12345'
    """
    spelt = unicodedata.normalize("NFKC", plate).upper()
    return spelt if spelt.isalnum() else "".join(c for c in spelt if c.isalnum())


def token_of(plate: str, key: bytes) -> str:
    """HMAC-SHA-256 of the normalised plate in UTF-8, as 64 hexadecimal digits.

    Raises ValueError for a key shorter than `KEY_BYTES` and for a plate without a letter or digit.
    """
    if len(key) < KEY_BYTES:
        raise ValueError(f"a token's key has at least {KEY_BYTES} bytes, this one {len(key)}")
    spelt = normalised(plate)
    if not spelt:
        raise ValueError("an empty plate has no token")
    return hmac.digest(key, spelt.encode(), hashlib.sha256).hex()
