"""A gatehouse that deals with car after car until it is killed: `python -m … FOLDER FIRST`.

Car n comes at minute n and leaves an hour later; each step is printed when it is done.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from pipelines.coupon_rules import Caps
from tests.edge.parking.build import HOUR, Box, rule

BUDGET = 12
RULES = [replace(rule(parked_min_s=HOUR), caps=Caps(per_token_day=1, budget_units=BUDGET))]


def plate_of(number: int) -> str:
    """Far enough apart, and every seventh is one that was here before."""
    known = number - 6 if number % 7 == 6 else number
    return f"粤B{known:03}{known:03}"


def main(folder: Path, first: int) -> None:
    box = Box(folder, RULES)
    for step in range(first, 10_000):
        number, leaves = divmod(step, 2)
        t = 700.0 * number + (HOUR if leaves else 0)
        outcome = box.sees("exit" if leaves else "entry", t, plate_of(number), feed="lot", ref=f"o{number}")
        print(step, outcome.result, outcome.decision.key if outcome.decision else "-", flush=True)  # noqa: T201


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
