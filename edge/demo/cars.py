"""Invented cars: the demo's plates, always the same ones, so that anybody can look for them afterwards."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Final

SEED: Final = 20_260_301
PROVINCES: Final = "粤京沪苏浙川鄂闽"
LETTERS: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ"
"""Without I and O, which plates do not have."""
MEMBERS: Final = 2_000
"""On the list that the demo's hub imports."""


def plates(seed: int = SEED) -> Iterator[str]:
    """Plates of ordinary cars, such as 粤B7K213; none comes twice."""
    dice, seen = random.Random(seed), set[str]()
    while True:
        serial = [dice.choice("0123456789") for _ in range(5)]
        for place in dice.sample(range(5), 2):
            serial[place] = dice.choice(LETTERS)
        text = dice.choice(PROVINCES) + dice.choice(LETTERS[:6]) + "".join(serial)
        if text not in seen:
            seen.add(text)
            yield text


class Cars:
    """The cars of one demo: first the members, then everybody else."""

    def __init__(self) -> None:
        self._rest = plates()
        self.members = [next(self._rest) for _ in range(MEMBERS)]
        """Their plates; the first ones are those that drive."""
        self._next = 0

    def member(self) -> str:
        """A member's car that did not drive yet."""
        self._next += 1
        return self.members[self._next % MEMBERS]

    def guest(self) -> str:
        """The car of somebody who is no member."""
        return next(self._rest)
