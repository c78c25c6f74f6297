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


SHARES: dict[PlateKind, int] = {
    "ordinary": 50, "new_energy_small": 25, "new_energy_large": 4, "trailer": 2, "learner": 4, "police": 4,
    "cross_border": 4, "consulate": 2, "embassy": 2, "armed_police": 3,
}  # fmt: skip
"""Rare kinds are commoner than on the road, so that a run shows them all."""
FORMS: dict[PlateKind, str] = {
    "ordinary": "PLSSSSS", "new_energy_small": "PLESDDDD", "new_energy_large": "PLDDDDDE",
    "trailer": "PLSSSS挂", "learner": "PLSSSS学", "police": "PLSSSS警", "consulate": "PLDDDD领",
    "embassy": "使DDDDDD", "armed_police": "wjPDDDDD",
}  # fmt: skip
"""P: a province; L: a letter; S: a letter or digit; D: a digit; E: energy; others stand for themselves."""
OF = {"P": PROVINCES, "L": LETTERS, "S": SERIAL, "D": DIGITS, "E": "DDDFFABCEGHJK"}
COLOURS: dict[PlateKind, PlateColour] = {
    "new_energy_small": "green", "new_energy_large": "yellow_green", "trailer": "yellow", "learner": "yellow",
    "police": "white", "cross_border": "black", "consulate": "black", "embassy": "black",
    "armed_police": "white",
}  # fmt: skip


def plate(dice: random.Random, kind: PlateKind | None = None) -> Plate:
    """One plate; kinds by `SHARES`, or as asked."""
    kind = kind or dice.choices(list(SHARES), list(SHARES.values()))[0]
    form = dice.choice(["yzSSSS港", "yzSSSS澳"]) if kind == "cross_border" else FORMS[kind]
    text = "".join(dice.choice(OF[sign]) if sign in OF else sign for sign in form)
    text = text.replace("wj", "WJ").replace("yz", "粤Z")
    colour = COLOURS.get(kind) or dice.choices(["blue", "yellow"], [5, 1])[0]
    two = kind == "trailer" or (kind == "ordinary" and colour == "yellow" and dice.random() < 0.5)
    return Plate(text, kind, colour, 2 if two else 1)
