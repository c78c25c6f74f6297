"""How a car is known again without its plate being kept: keyed tokens of the plate and of its near misses.

A token is HMAC-SHA-256 under a key of this box, cut to 64 bits. A session keeps the token of the plate, of
its serial (all but the province, which readers confuse most), of the serial with each character masked and
with each struck out. Two serials are within edit distance 1 exactly when they are equal, share a masked form
(one character was misread), or one with a character struck out is the other (one was missed). So a car that
was read as `皖A195K9` when it came and as `苏A195K8` when it left is found by tokens alone, also after a
restart.

What the tokens tell without the key: which of the kept plates are nearly the same, nothing else. There are
some 10^9 plates, so with the key each could be guessed: safety is the key's, never the plate's. Hence one key
for each day, forgotten with everything made under it (docs/privacy.md). Two of 20,000 sessions with
15 tokens each meet by chance with a probability below 10^-8 (birthday bound over 64 bits).
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from pipelines.tokens import KEY_BYTES

TOKEN_HEX: Final = 16
"""Length of a token: 64 bits in hexadecimal."""

Nearness = Literal["plate", "serial", "near"]
"""How well two reads agree: in all, in all but the province, or in all but the province and one character."""
NEARNESS: Final[tuple[Nearness, ...]] = ("plate", "serial", "near")


def serial_of(plate: str) -> str:
    """The plate without its province (or `使`): what is left when the weakest character is not trusted."""
    return plate[1:] if plate[:1] and not plate[0].isascii() else plate


@dataclass(frozen=True, slots=True)
class Names:
    """One plate under one key."""

    whole: str
    serial: str
    masked: frozenset[str]
    """Of the serial with one character masked, for each place."""
    struck: frozenset[str]
    """Of the serial with one character struck out, for each place."""

    def nearness(self, other: Names) -> Nearness | None:
        """How well another read agrees; None: by more than one character not. Of the same key only."""
        if self.whole == other.whole:
            return "plate"
        if self.serial == other.serial:
            return "serial"
        near = (
            not self.masked.isdisjoint(other.masked)
            or self.serial in other.struck
            or other.serial in self.struck
        )
        return "near" if near else None

    def text(self) -> str:
        """For the store: tokens in a fixed order, hexadecimal, separated by blanks and semicolons."""
        parts = [self.whole, self.serial, " ".join(sorted(self.masked)), " ".join(sorted(self.struck))]
        return ";".join(parts)

    @staticmethod
    def parse(text: str) -> Names:
        """The reverse of `text`. Raises ValueError."""
        whole, serial, masked, struck = text.split(";")
        return Names(whole, serial, frozenset(masked.split()), frozenset(struck.split()))


def names_of(plate: str, key: bytes) -> Names:
    """The names of a normalised plate under a key: some 16 HMACs, well below a millisecond."""
    serial = serial_of(plate)
    places = range(len(serial))
    return Names(
        whole=token("plate", plate, key),
        serial=token("serial", serial, key),
        masked=frozenset(token("masked", f"{serial[:i]}?{serial[i + 1 :]}", key) for i in places),
        struck=frozenset(token("serial", serial[:i] + serial[i + 1 :], key) for i in places),
    )


def token(use: str, text: str, key: bytes) -> str:
    """A keyed token; the same text for another use has another token."""
    return hmac.digest(key, f"{use}\x1f{text}".encode(), "sha256").hex()[:TOKEN_HEX]


@dataclass(frozen=True, slots=True)
class PlateKeys:
    """The keys that are alive, newest first: new names are made under the first, known ones looked up under
    all."""

    keys: tuple[bytes, ...]

    def __post_init__(self) -> None:
        if not self.keys or any(len(key) != KEY_BYTES for key in self.keys):
            raise ValueError(f"plate keys are one or more of {KEY_BYTES} bytes")

    @staticmethod
    def of(keys: Iterable[bytes]) -> PlateKeys:
        """From any sequence, newest first."""
        return PlateKeys(tuple(keys))

    def plate(self, plate: str) -> Sequence[Names]:
        """Its names under every living key, newest first."""
        return [names_of(plate, key) for key in self.keys]

    def wholes(self, plate: str) -> tuple[str, ...]:
        """Only the tokens of the plate itself, newest key first: under these its coupons are counted."""
        return tuple(token("plate", plate, key) for key in self.keys)

    def ref(self, feed: str, ref: str) -> Sequence[str]:
        """Tokens of a parking system's own number for a stay: such numbers often contain the plate."""
        return [token("ref", f"{feed}\x1f{ref}", key) for key in self.keys]
