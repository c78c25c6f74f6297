"""Who is a member: large sets of plate tokens, and several keys at once while they are being changed.

A set keeps the first 96 bits of each token in two sorted columns, 12 bytes a member. A plate that is no
member's is taken for one with odds of n / 2^96: for a million members, once in 8e22 look-ups.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from pipelines.tokens import KEY_BYTES, token_of

DIGEST_BYTES: Final = 12
"""Of a token's 32: what a member list holds, in memory and on the wire."""
_ROW: Final = np.dtype([("high", ">u8"), ("low", ">u4")])


class MemberSet:
    """Tokens, fixed once made. A look-up finds the few that begin alike by an index of leading bits, and
    bisects those, without any copy."""

    def __init__(self, high: NDArray[np.uint64], low: NDArray[np.uint32]) -> None:
        """Use `of`."""
        bits = max(1, len(high).bit_length() - 2)  # some 4 to 8 to a drawer
        self._shift = 64 - bits
        first = np.arange(2**bits, dtype=np.uint64) << np.uint64(self._shift)
        drawers = np.append(np.searchsorted(high, first), len(high)).astype(np.uint32)
        self._columns = (high, low, drawers)
        # Python's own bisection on a view is faster than numpy's on one value.
        self._high, self._low, self._drawers = high.data, low.data, drawers.data

    @classmethod
    def of(cls, pieces: Iterable[bytes]) -> Self:
        """From pieces of one or many digests of 12 bytes each, in any order; a repeated one counts once.

        Raises ValueError for a piece that ends in the middle of a digest.
        """
        high, low = np.empty(0, np.uint64), np.empty(0, np.uint32)
        columns = [_columns(piece) for piece in pieces]
        if columns:
            high = np.concatenate([high_part for high_part, _ in columns])
            low = np.concatenate([low_part for _, low_part in columns])
            del columns
        order = np.lexsort((low, high)).astype(np.uint32 if len(high) < 2**32 else np.uint64)
        high, low = high[order], low[order]
        del order
        again = (high[1:] == high[:-1]) & (low[1:] == low[:-1])
        if again.any():
            first = np.concatenate(([True], ~again))
            high, low = high[first], low[first]
        return cls(high, low)

    def __len__(self) -> int:
        return len(self._high)

    @property
    def nbytes(self) -> int:
        """Bytes of memory."""
        return sum(column.nbytes for column in self._columns)

    def __contains__(self, token: object) -> bool:
        """Whether a token (64 hexadecimal digits) is one of them. Raises ValueError for any other text."""
        if not isinstance(token, str) or len(token) != 64:
            raise ValueError("a token is 64 hexadecimal digits")
        high = int(token[:16], 16)
        drawer = high >> self._shift
        end = self._drawers[drawer + 1]
        at = bisect_left(self._high, high, self._drawers[drawer], end)
        while at < end and self._high[at] == high:
            if self._low[at] == int(token[16:24], 16):
                return True
            at += 1
        return False


def _columns(piece: bytes) -> tuple[NDArray[np.uint64], NDArray[np.uint32]]:
    if len(piece) % DIGEST_BYTES:
        raise ValueError(f"a piece of {len(piece)} bytes is not made of digests of {DIGEST_BYTES}")
    rows = np.frombuffer(piece, _ROW)
    return rows["high"].astype(np.uint64), rows["low"].astype(np.uint32)


def digest_of(token: str) -> bytes:
    """What a member list holds of a token: its first 12 bytes."""
    return bytes.fromhex(token[: 2 * DIGEST_BYTES])


@dataclass(frozen=True, slots=True)
class MemberKey:
    """A secret shared by the centre and its boxes. Times are UTC seconds."""

    id: str
    secret: bytes = field(repr=False)
    valid_from: float
    valid_until: float

    def __post_init__(self) -> None:
        if len(self.secret) < KEY_BYTES:
            raise ValueError(f"the member key {self.id} is shorter than {KEY_BYTES} bytes")
        if not self.valid_from < self.valid_until:
            raise ValueError(f"the member key {self.id} ends before it begins")

    def valid(self, now: float) -> bool:
        """Whether it may be used at `now`."""
        return self.valid_from <= now < self.valid_until


@dataclass(frozen=True, slots=True)
class MemberList:
    """The members as one key sees them, until `expires_at` (UTC seconds)."""

    key: MemberKey
    members: MemberSet
    expires_at: float

    def valid(self, now: float) -> bool:
        """Whether it may be asked at `now`."""
        return self.key.valid(now) and now < self.expires_at


@dataclass(frozen=True, slots=True)
class Member:
    """A member's car."""

    token: str
    key: str
    """Id of the key that made the token."""


class MemberBook:
    """The lists of all keys that are valid now. While a key is changed two lists overlap, and a member is
    found by either; nobody drops out in between. Fixed once made: a new list is a new book."""

    def __init__(self, lists: Sequence[MemberList] = ()) -> None:
        self._lists = sorted(lists, key=lambda one: one.key.valid_from, reverse=True)

    def __len__(self) -> int:
        """Members of the largest list."""
        return max((len(one.members) for one in self._lists), default=0)

    @property
    def nbytes(self) -> int:
        """Bytes of memory."""
        return sum(one.members.nbytes for one in self._lists)

    def usable(self, now: float) -> bool:
        """Whether any list is valid: where none is, nobody can be told to be no member."""
        return any(one.valid(now) for one in self._lists)

    def find(self, plate: str, now: float) -> Member | None:
        """The member whose plate this is, by the newest key that knows it; `now` in UTC seconds."""
        for one in self._lists:
            if one.valid(now):
                token = token_of(plate, one.key.secret)
                if token in one.members:
                    return Member(token, one.key.id)
        return None
