"""Invented plates of every kind, at random."""

from __future__ import annotations

import random
from dataclasses import dataclass

from models.plates.alphabet import DIGITS, LETTERS, PROVINCES
from pipelines.plate_records import PlateColour, PlateKind

SERIAL = DIGITS * 2 + LETTERS
"""Digits are commoner than letters, as on the road."""


@dataclass(frozen=True)
class Plate:
    """A plate's truth."""

    text: str
    kind: PlateKind
    colour: PlateColour
    rows: int = 1


def plate(dice: random.Random, kind: PlateKind | None = None) -> Plate:
    """One plate; kinds as often as in a car park, or as asked."""
    kind = kind or dice.choices(
        ["ordinary", "new_energy_small", "new_energy_large", "trailer", "learner", "police", "cross_border",
         "consulate", "embassy", "armed_police"],
        [50, 25, 4, 2, 4, 4, 4, 2, 2, 3],
    )[0]  # fmt: skip
    head = dice.choice(PROVINCES) + dice.choice(LETTERS)

    def some(count: int, of: str = SERIAL) -> str:
        return "".join(dice.choice(of) for _ in range(count))

    if kind == "ordinary":
        colour: PlateColour = dice.choices(["blue", "yellow"], [5, 1])[0]
        rows = 2 if colour == "yellow" and dice.random() < 0.5 else 1
        return Plate(head + some(5), kind, colour, rows)
    if kind == "new_energy_small":
        return Plate(head + dice.choice("DFABCEGHJK") + some(1) + some(4, DIGITS), kind, "green")
    if kind == "new_energy_large":
        return Plate(head + some(5, DIGITS) + dice.choice("DF"), kind, "yellow_green")
    if kind == "trailer":
        return Plate(head + some(4) + "挂", kind, "yellow", 2)
    if kind == "learner":
        return Plate(head + some(4) + "学", kind, "yellow")
    if kind == "police":
        return Plate(head + some(4) + "警", kind, "white")
    if kind == "cross_border":
        return Plate("粤Z" + some(4) + dice.choice("港澳"), kind, "black")
    if kind == "consulate":
        return Plate(head + some(4, DIGITS) + "领", kind, "black")
    if kind == "embassy":
        return Plate("使" + some(6, DIGITS), kind, "black")
    return Plate("WJ" + dice.choice(PROVINCES) + some(4, DIGITS) + dice.choice(DIGITS + "TDSHBXJ"), kind, "white")
