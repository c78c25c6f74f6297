"""A stretch of time in the tables that hold it: quarter-hours inside, minutes at its ragged ends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from edge.store.windows import QUARTER_S

Key = tuple[str, str]
"""(camera, id) of a gate, zone or lane."""


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch that one kind of table covers."""

    table: str
    begin: int
    end: int


def parts(begin: int, end: int) -> Iterator[Part]:
    """The quarter-hours inside [begin, end) and the minutes around them."""
    first, last = -(-begin // QUARTER_S) * QUARTER_S, end // QUARTER_S * QUARTER_S
    if first >= last:
        yield Part("window", begin, end)
        return
    if begin < first:
        yield Part("window", begin, first)
    yield Part("quarter", first, last)
    if last < end:
        yield Part("window", last, end)
