"""The traffic of an island counter: passers-by, people who look, people who queue, and the staff.

Metres. The counter stands at y 0 to .7; customers are in front of it (y < 0), staff behind. The queue forms
away from the service place towards the aisle, which runs along x at y about -5.5.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from tests.sim.crowd import Block, Body, Leg, Plan
from tests.sim.door import ADULT_M, WIDTH_M

COUNTER: Final = Block(-1.6, 0.0, 1.6, 0.7, height=1.0)
SERVICE: Final = (1.05, -0.6)
SLOTS: Final = tuple((1.05, -1.6 - 0.75 * i) for i in range(4))
"""Where the first, second, … in the queue stand."""
AISLE_Y: Final = (-6.2, -4.9)
FAR_X: Final = 9.0
REACTION_S: Final = 0.7
"""How long after the one ahead the next one moves up."""

SHARES: Final = {"passer": 0.55, "browser": 0.22, "bouncer": 0.06, "queuer": 0.17}
"""Shares of the customers; who finds the queue full balks instead, who waits too long gives up."""


@dataclass(frozen=True, slots=True)
class _Queuer:
    """One customer at the till: when he joins, leaves the queue, and has been served (None: gave up)."""

    joins: float
    leaves: float
    served: float | None


def traffic(customers: int, per_minute: float, rng: np.random.Generator) -> list[Plan]:
    """So many customers, arriving at random, and two members of staff; ordered by time."""
    arrivals = 20.0 + np.cumsum(rng.exponential(60 / per_minute, customers))
    names = rng.choice(list(SHARES), size=customers, p=list(SHARES.values()))
    queue: list[_Queuer] = []
    plans = []
    for number, (t, name) in enumerate(zip(arrivals.tolist(), names.tolist(), strict=True)):
        plans.append(_customer(name, t, number, queue, rng))
    end = float(arrivals[-1]) + 120.0
    plans += [_staff(customers + i, end, rng) for i in range(2)]
    return sorted(plans, key=lambda plan: plan.t)


def _customer(name: str, t: float, number: int, queue: list[_Queuer], rng: np.random.Generator) -> Plan:
    pace = float(np.clip(rng.normal(1.15, 0.18), 0.7, 1.7))
    side = 1.0 if rng.random() < 0.5 else -1.0
    start = (side * FAR_X, float(rng.uniform(*AISLE_Y)))
    out = Leg((1.0 if rng.random() < 0.5 else -1.0) * FAR_X, float(rng.uniform(*AISLE_Y)), pace)
    if name == "browser":
        legs = _browse(pace, rng)
    elif name == "bouncer":
        legs = [Leg(float(rng.uniform(-1.2, 0.0)), -1.1, pace)]
    elif name == "queuer":
        walk = (abs(start[0] - SLOTS[-1][0]) + 1.5) / pace
        legs, name = _queue(t + walk, pace, queue, rng)
    else:
        legs = []
        out = Leg(-side * FAR_X, start[1], pace)
    return Plan(t, start, (*legs, out), _adult(rng), name, number)


def _browse(pace: float, rng: np.random.Generator) -> list[Leg]:
    """One to three places along the counter, 3 s to some minutes in all."""
    stay = float(np.clip(rng.lognormal(3.2, 0.8), 4, 240))
    places = int(rng.integers(1, 4))
    along = rng.uniform(-1.35, 0.1, places)
    return [
        Leg(float(x), -float(rng.uniform(0.4, 0.9)), pace, hold_s=stay / places, sway=0.07) for x in along
    ]


def _queue(
    joins: float, pace: float, queue: list[_Queuer], rng: np.random.Generator
) -> tuple[list[Leg], str]:
    """Queue, move up as others leave, be served, or give up; or turn away from a full queue."""
    ahead = sorted(q.leaves for q in queue if q.leaves > joins)
    if len(ahead) >= len(SLOTS):
        return [Leg(SLOTS[-1][0], -4.9, pace, hold_s=float(rng.uniform(0.5, 2.0)))], "balker"
    free = max((q.served + REACTION_S for q in queue if q.served is not None), default=0.0)
    begins = max(joins + float(rng.uniform(2.0, 4.0)), free)
    patience = float(rng.exponential(240) + 20)
    gives_up = begins - joins > patience
    leaves = joins + patience if gives_up else begins
    moves = [t for t in ahead if t < leaves]
    legs = [
        Leg(*SLOTS[len(ahead) - i], pace if i == 0 else 0.7, until=t + REACTION_S, sway=0.04)
        for i, t in enumerate([*moves, leaves - REACTION_S])
    ]
    if gives_up:
        queue.append(_Queuer(joins, leaves, None))
        return [*legs, Leg(2.6, legs[-1].y - 0.5, pace)], "reneger"
    service = float(np.clip(rng.lognormal(3.3, 0.4), 12, 90))
    queue.append(_Queuer(joins, leaves, leaves + service))
    return [*legs, Leg(*SERVICE, 0.8, until=leaves + service, sway=0.05), Leg(2.4, -1.4, pace)], "queuer"


def _staff(number: int, end: float, rng: np.random.Generator) -> Plan:
    """Moves about behind the counter, with a break of some minutes in the middle third of the time."""
    body = _adult(rng)
    door = (4.0, 2.6)
    t, away = 1.0 + 4 * rng.random(), float(rng.uniform(1 / 3, 2 / 3)) * end
    back = away + float(rng.uniform(120, 300))
    legs: list[Leg] = []
    while t < end:
        if away <= t < back:
            legs.append(Leg(*door, 1.1, until=back))
            legs.append(Leg(8.0, 2.6, 1.1, until=back))
            t = back
        t += float(rng.uniform(15, 80))
        legs.append(Leg(float(rng.uniform(-1.3, 1.3)), float(rng.uniform(1.0, 1.7)), 0.9, until=t, sway=0.07))
    return Plan(
        0.5 + number % 2,
        (8.0, 2.6),
        (Leg(*door, 1.1), *legs, Leg(*door), Leg(8.0, 2.6)),
        body,
        "staff",
        number,
    )


def _adult(rng: np.random.Generator) -> Body:
    return Body(float(np.clip(rng.normal(1.68, 0.09), *ADULT_M)), float(rng.uniform(*WIDTH_M)))
