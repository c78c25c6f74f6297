"""The narrow door through which the line keeps the centre's documents in the box's store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece of one version of a document, judged and found good."""

    name: str
    """The document's, without the piece's number: `offers`, `members-2026w47`."""
    schema: str
    version: int
    number: int
    """From 1."""
    pieces: int
    expires_at: float
    """UTC seconds."""
    text: str
    """JSON as it came."""


@dataclass(frozen=True, slots=True)
class Held:
    """The complete version of a document that is in use."""

    schema: str
    version: int
    pieces: int
    expires_at: float


class Documents(Protocol):
    """All that the line may ask of the store. Called from the line's thread, and `bodies` from any."""

    def held(self) -> Mapping[str, Held]:
        """The documents in use, by name; expired ones too."""
        ...

    def arriving(self) -> Mapping[str, int]:
        """The version of which pieces are there, but not all, by name."""
        ...

    def add_piece(self, piece: Piece) -> bool:
        """Keep a piece, durably; True when it made its version complete, which is then in use. Pieces of
        older versions are no longer wanted."""
        ...

    def bodies(self, name: str) -> Sequence[str]:
        """The texts of the version in use, in order; none when there is none."""
        ...

    def tidy(self, now: float) -> bool:
        """Delete one piece that is no longer wanted, or a document that expired a week ago; whether there
        was any. A large list is so deleted without holding up a coupon."""
        ...
