"""The traffic of a shop door: who comes when, and what they do there.

The door is the x axis from -half to +half; outside is y < 0, inside y > 0; metres.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from tests.sim.crowd import Block, Body, Leg, Plan

ADULT_M: Final = (1.5, 1.9)
CHILD_M: Final = 1.1
WIDTH_M: Final = (0.45, 0.6)
OUTSIDE_Y, INSIDE_Y = -6.0, 7.0
"""Where people come from and go to: beyond every camera's view of the door."""

SHARES: Final = {
    "single": 0.46,
    "pair": 0.13,
    "group": 0.04,
    "child": 0.04,
    "runner": 0.03,
    "cart": 0.04,
    "lingerer": 0.07,
    "u-turn": 0.06,
    "in-and-out": 0.03,
    "parallel": 0.08,
    "waiting": 0.02,
}
"""Shares of the parties that come to a door; a pair or a group is one party."""


@dataclass(frozen=True, slots=True)
class Door:
    """A door in the x axis between two walls."""

    half: float = 1.5
    opaque: bool = False
    """Walls beside the door hide what is behind them; glass ones do not."""

    @property
    def walls(self) -> tuple[Block, Block]:
        """The walls to both sides."""
        return (
            Block(-20.0, -0.1, -self.half, 0.1, opaque=self.opaque),
            Block(self.half, -0.1, 20.0, 0.1, opaque=self.opaque),
        )


def traffic(door: Door, persons: int, parties_per_minute: float, rng: np.random.Generator) -> list[Plan]:
    """So many people, in parties that come at random at a rate that swells and ebbs; ordered by time."""
    plans: list[Plan] = []
    t, group = 1.0, 0
    names = list(SHARES)
    weights = np.array(list(SHARES.values()))
    while len(plans) < persons:
        rate = parties_per_minute / 60 * (1 + 0.5 * np.sin(2 * np.pi * t / 600))
        t += rng.exponential(1 / rate)
        name = names[int(rng.choice(len(names), p=weights / weights.sum()))]
        plans += _PARTIES[name](_Party(door, float(t), group, name, rng))
        group += 1
    return sorted(plans[:persons], key=lambda plan: plan.t)


@dataclass(frozen=True, slots=True)
class _Party:
    """What one party draws its plans from."""

    door: Door
    t: float
    group: int
    name: str
    rng: np.random.Generator

    def body(self, *, height: float | None = None, cart: bool = False) -> Body:
        tall = self.rng.normal(1.68, 0.09) if height is None else height
        low, high = ADULT_M if height is None else (height - 0.1, height + 0.1)
        width = self.rng.uniform(*WIDTH_M) * (1.0 if height is None else 0.7)
        return Body(float(np.clip(tall, low, high)), float(width), cart)

    def pace(self) -> float:
        return float(np.clip(self.rng.normal(1.25, 0.2), 0.7, 1.8))

    def inward(self) -> bool:
        return bool(self.rng.random() < 0.55)

    def gap(self, room: float = 0.35) -> float:
        """Where in the door to walk through."""
        return float(self.rng.uniform(-self.door.half + room, self.door.half - room))

    def outside(self) -> tuple[float, float]:
        return float(self.rng.uniform(-4.5, 4.5)), OUTSIDE_Y

    def inside(self) -> tuple[float, float]:
        return float(self.rng.uniform(-4.0, 4.0)), INSIDE_Y

    def plan(
        self, start: tuple[float, float], legs: list[Leg], body: Body | None = None, delay: float = 0.0
    ) -> Plan:
        return Plan(self.t + delay, start, tuple(legs), body or self.body(), self.name, self.group)

    def through(
        self, x: float, pace: float, *, inward: bool, shift: tuple[float, float] = (0.0, 0.0)
    ) -> tuple[tuple[float, float], list[Leg]]:
        """From far on one side to far on the other, straight through the door at x."""
        start, end = (self.outside(), self.inside()) if inward else (self.inside(), self.outside())
        near, far = (-1.0, 1.0) if inward else (1.0, -1.0)
        dx, dy = shift
        legs = [Leg(x + dx, near + dy, pace), Leg(x + dx, far + dy, pace), Leg(end[0] + dx, end[1], pace)]
        return (start[0] + dx, start[1] + dy), legs


def _single(p: _Party) -> list[Plan]:
    return [p.plan(*p.through(p.gap(), p.pace(), inward=p.inward()))]


def _runner(p: _Party) -> list[Plan]:
    return [p.plan(*p.through(p.gap(0.6), float(p.rng.uniform(2.2, 2.7)), inward=p.inward()))]


def _cart(p: _Party) -> list[Plan]:
    start, legs = p.through(p.gap(0.6), 0.85 * p.pace(), inward=p.inward())
    return [p.plan(start, legs, p.body(cart=True))]


def _abreast(p: _Party, bodies: list[Body], spacing: float) -> list[Plan]:
    """Side by side, or in rows of two where there are more."""
    pace, inward = min(p.pace(), 1.4), p.inward()
    x = p.gap(0.35 + spacing / 2)
    start, legs = p.through(x, pace, inward=inward)
    plans = []
    for i, body in enumerate(bodies):
        dx = (i % 2 - 0.5) * spacing + float(p.rng.normal(0, 0.04))
        dy = -(i // 2) * 0.9 * (1 if inward else -1) + float(p.rng.normal(0, 0.08))
        moved = [Leg(leg.x + dx, leg.y + (dy if k < 2 else 0.0), pace) for k, leg in enumerate(legs)]
        plans.append(p.plan((start[0] + dx, start[1] + dy), moved, body))
    return plans


def _pair(p: _Party) -> list[Plan]:
    return _abreast(p, [p.body(), p.body()], float(p.rng.uniform(0.55, 0.75)))


def _child(p: _Party) -> list[Plan]:
    return _abreast(p, [p.body(), p.body(height=CHILD_M)], float(p.rng.uniform(0.45, 0.6)))


def _group(p: _Party) -> list[Plan]:
    return _abreast(p, [p.body() for _ in range(int(p.rng.integers(3, 6)))], 0.65)


def _lingerer(p: _Party) -> list[Plan]:
    """Stops in the doorway, on the line, then goes on or turns back."""
    x, pace, inward = p.gap(0.5), p.pace(), p.inward()
    start, legs = p.through(x, pace, inward=inward)
    stand = Leg(
        x,
        float(p.rng.uniform(-0.12, 0.12)),
        pace,
        hold_s=float(p.rng.uniform(4, 18)),
        sway=float(p.rng.uniform(0.03, 0.1)),
    )
    if p.rng.random() < 0.6:
        return [p.plan(start, [legs[0], stand, *legs[1:]])]
    back = p.outside() if inward else p.inside()
    return [p.plan(start, [legs[0], stand, Leg(legs[0].x, legs[0].y, pace), Leg(*back, pace)])]


def _u_turn(p: _Party) -> list[Plan]:
    """Turns round: on this side of the line (no crossing), or well beyond it (one each way)."""
    x, pace, inward = p.gap(0.5), p.pace(), p.inward()
    start, legs = p.through(x, pace, inward=inward)
    deep = float(p.rng.uniform(0.65, 1.5) if p.rng.random() < 0.5 else p.rng.uniform(-0.6, -0.05))
    turn = Leg(x, deep if inward else -deep, pace, hold_s=float(p.rng.uniform(0.2, 2.0)))
    back = p.outside() if inward else p.inside()
    aside = float(np.clip(x + p.rng.uniform(-0.5, 0.5), -p.door.half + 0.35, p.door.half - 0.35))
    return [p.plan(start, [legs[0], turn, Leg(aside, legs[0].y, pace), Leg(*back, pace)])]


def _in_and_out(p: _Party) -> list[Plan]:
    """Comes in, looks round within sight for some seconds and leaves."""
    x, pace = p.gap(), p.pace()
    look = Leg(
        x + float(p.rng.uniform(-0.8, 0.8)), float(p.rng.uniform(1.2, 2.2)), pace, float(p.rng.uniform(3, 12))
    )
    out = p.gap()
    return [
        p.plan(
            p.outside(),
            [Leg(x, -1, pace), look, Leg(out, 0.6, pace), Leg(out, -1, pace), Leg(*p.outside(), pace)],
        )
    ]


def _parallel(p: _Party) -> list[Plan]:
    """Walks past, along the line; three in four outside."""
    pace, right = p.pace(), p.rng.random() < 0.5
    y = -float(p.rng.uniform(0.5, 1.8)) if p.rng.random() < 0.75 else float(p.rng.uniform(0.5, 1.8))
    far = 9.0 if right else -9.0
    return [p.plan((-far, y), [Leg(0.0, y + float(p.rng.normal(0, 0.1)), pace), Leg(far, y, pace)])]


def _waiting(p: _Party) -> list[Plan]:
    """Stands near the door for a while and goes back where they came from."""
    pace, outside = p.pace(), p.rng.random() < 0.6
    y = float(p.rng.uniform(0.6, 1.4)) * (-1 if outside else 1)
    home = p.outside if outside else p.inside
    stand = Leg(p.gap(), y, pace, hold_s=float(p.rng.uniform(10, 40)), sway=0.08)
    return [p.plan(home(), [stand, Leg(*home(), pace)])]


_PARTIES: Final[dict[str, Callable[[_Party], list[Plan]]]] = {
    "single": _single,
    "pair": _pair,
    "group": _group,
    "child": _child,
    "runner": _runner,
    "cart": _cart,
    "lingerer": _lingerer,
    "u-turn": _u_turn,
    "in-and-out": _in_and_out,
    "parallel": _parallel,
    "waiting": _waiting,
}
