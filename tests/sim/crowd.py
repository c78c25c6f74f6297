"""People who walk by a plan, keep out of each other's way and out of walls; floor metres and seconds.

The walk is stepped at `TICK_S`; between ticks a person moves in a straight line, so that truth can be exact.
The forces are a gentle form of the social-force model (Helbing and Molnár, Physical Review E 51, 1995).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

TICK_S: Final = 0.1
REACTION_S: Final = 0.45
"""Time in which a person takes up the speed that they want."""
REACHED_M: Final = 0.35
BODY_M: Final = 0.2
"""How near to a wall the middle of a body can come."""


@dataclass(frozen=True, slots=True)
class Body:
    """An upright person; metres. A cart is pushed ahead of the body."""

    height: float = 1.7
    width: float = 0.5
    cart: bool = False


@dataclass(frozen=True, slots=True)
class Leg:
    """Walk to a point, then perhaps stand there: for `hold_s`, and not leave before the time `until`."""

    x: float
    y: float
    speed: float = 1.3
    hold_s: float = 0.0
    until: float = 0.0
    sway: float = 0.05
    """While standing, the body wanders about the point with this deviation in metres."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One person: appears at `start` at time `t`, walks the legs and is gone at the end of the last."""

    t: float
    start: tuple[float, float]
    legs: tuple[Leg, ...]
    body: Body
    behaviour: str
    group: int
    """People of one group walk close together without pushing each other away."""


@dataclass(frozen=True, slots=True)
class Block:
    """Something upright that people walk round: a wall, a counter. Metres; a glass one hides nothing."""

    x0: float
    y0: float
    x1: float
    y1: float
    height: float = 3.0
    opaque: bool = True


@dataclass(frozen=True, slots=True)
class Paths:
    """Where everybody was. Rows are ordered by person, then time, one every `TICK_S`.

    first: (persons + 1,) the rows of person p are first[p]:first[p + 1].
    t: (rows,) seconds. xy: (rows, 2) metres.
    """

    first: Ints
    t: Floats
    xy: Floats

    @property
    def persons(self) -> int:
        """How many walked."""
        return len(self.first) - 1

    @property
    def end(self) -> float:
        """When the last one was gone."""
        return float(self.t.max()) if len(self.t) else 0.0

    def of(self, person: int) -> tuple[Floats, Floats]:
        """One person's times (n,) and places (n, 2)."""
        rows = slice(self.first[person], self.first[person + 1])
        return self.t[rows], self.xy[rows]

    def at(self, times: Floats) -> Samples:
        """Everybody who is there at each of these rising times, ordered by time."""
        frames, persons, places, speeds = [], [], [], []
        for person in range(self.persons):
            t, xy = self.of(person)
            if len(t) < 2:
                continue
            lo, hi = np.searchsorted(times, [t[0], t[-1]])
            when = times[lo:hi]
            i = np.clip(np.searchsorted(t, when, side="right") - 1, 0, len(t) - 2)
            step = xy[i + 1] - xy[i]
            frames.append(np.arange(lo, hi))
            persons.append(np.full(hi - lo, person))
            places.append(xy[i] + step * ((when - t[i]) / (t[i + 1] - t[i]))[:, None])
            speeds.append(step / TICK_S)
        if not frames:
            return Samples(np.empty(0, np.int64), np.empty(0, np.int64), np.empty((0, 2)), np.empty((0, 2)))
        frame, person_of = np.concatenate(frames), np.concatenate(persons)
        order = np.lexsort((person_of, frame))
        return Samples(
            frame[order], person_of[order], np.concatenate(places)[order], np.concatenate(speeds)[order]
        )


@dataclass(frozen=True, slots=True)
class Samples:
    """People at frame times: (n,) frame and person numbers, (n, 2) metres, (n, 2) metres per second."""

    frame: Ints
    person: Ints
    xy: Floats
    velocity: Floats


def walk(plans: Sequence[Plan], blocks: Sequence[Block], rng: np.random.Generator) -> Paths:
    """Let everybody walk; `plans` must be ordered by time."""
    crowd = _Crowd(plans, blocks, rng)
    crowd.run()
    return crowd.paths()


class _Crowd:
    """The state of everybody, one row each, stepped together."""

    def __init__(self, plans: Sequence[Plan], blocks: Sequence[Block], rng: np.random.Generator) -> None:
        n = len(plans)
        self.plans, self.blocks, self.rng = plans, blocks, rng
        self.xy = np.array([p.start for p in plans], np.float64).reshape(n, 2)
        self.velocity = np.zeros((n, 2))
        self.target = np.zeros((n, 2))
        self.origin = self.xy.copy()
        self.speed = np.ones(n)
        self.pace = np.zeros(n)
        self.sway = np.zeros((n, 2))
        self.sway_m = np.zeros(n)
        self.standing = np.zeros(n, np.bool_)
        self.stop = np.zeros(n, np.bool_)
        self.deadline = np.zeros(n)
        self.leg = np.full(n, -1)
        self.group = np.array([p.group for p in plans], np.int64)
        self.radius = np.array([p.body.width for p in plans]) * 0.45
        self.track: list[tuple[float, Ints, Floats]] = []

    def run(self) -> None:
        active = np.empty(0, np.int64)
        coming, tick = 0, 0
        while coming < len(self.plans) or len(active):
            if not len(active):
                tick = max(tick, int(np.ceil(self.plans[coming].t / TICK_S)))
            t = tick * TICK_S
            while coming < len(self.plans) and self.plans[coming].t <= t:
                active = np.append(active, coming)
                self._next_leg(coming, t)
                towards = self.target[coming] - self.xy[coming]
                self.velocity[coming] = self.speed[coming] * towards / max(float(np.hypot(*towards)), 1e-9)
                coming += 1
            self.track.append((t, active, self.xy[active]))
            self._step(active)
            active = self._advance(active, t + TICK_S)
            tick += 1

    def paths(self) -> Paths:
        person = np.concatenate([ids for _, ids, _ in self.track]) if self.track else np.empty(0, np.int64)
        times = (
            np.concatenate([np.full(len(ids), t) for t, ids, _ in self.track]) if self.track else np.empty(0)
        )
        places = np.concatenate([xy for _, _, xy in self.track]) if self.track else np.empty((0, 2))
        order = np.argsort(person, kind="stable")
        first = np.searchsorted(person[order], np.arange(len(self.plans) + 1))
        return Paths(first.astype(np.int64), times[order], places[order])

    def _next_leg(self, i: int, t: float) -> bool:
        """Set out for the next point; False when there is none."""
        self.leg[i] += 1
        legs = self.plans[i].legs
        if self.leg[i] >= len(legs):
            return False
        leg = legs[self.leg[i]]
        self.origin[i] = self.xy[i]
        self.target[i] = leg.x, leg.y
        self.speed[i], self.sway_m[i] = leg.speed, leg.sway
        self.standing[i] = False
        self.stop[i] = leg.hold_s > 0 or leg.until > t
        way = float(np.hypot(*(self.target[i] - self.xy[i])))
        self.deadline[i] = t + 4.0 + 2.5 * way / leg.speed
        return True

    def _advance(self, active: Ints, t: float) -> Ints:
        """Whoever reached the end of a leg, or stood long enough, goes on; returns who is still there."""
        to_go = self.target[active] - self.xy[active]
        distance = np.hypot(to_go[:, 0], to_go[:, 1])
        planned = self.target[active] - self.origin[active]
        passed = (planned * to_go).sum(1) <= 0
        slow = np.hypot(self.velocity[active, 0], self.velocity[active, 1]) < 0.2
        stop, standing = self.stop[active], self.standing[active]
        arrived = np.where(
            stop, (distance < 0.12) | (slow & (distance < 0.6)), (distance < REACHED_M) | passed
        )
        late = t >= self.deadline[active]
        gone: list[int] = []
        for k in np.flatnonzero(np.where(standing, late, arrived | late)):
            i = int(active[k])
            if stop[k] and not standing[k]:
                leg = self.plans[i].legs[self.leg[i]]
                self.standing[i] = True
                self.deadline[i] = max(t + leg.hold_s, leg.until)
            elif not self._next_leg(i, t):
                gone.append(i)
        return active[~np.isin(active, gone)] if gone else active

    def _step(self, active: Ints) -> None:
        xy, velocity = self.xy[active], self.velocity[active]
        n = len(active)
        self.pace[active] += -self.pace[active] * TICK_S / 2.0 + self.rng.normal(0, 0.03, n)
        self.sway[active] += (
            -self.sway[active] * TICK_S / 1.5 + self.rng.normal(0, 0.36, (n, 2)) * (self.sway_m[active, None])
        )
        wish = self._wish(active, xy)
        push = self._avoid(active, xy, velocity) if n > 1 else np.zeros((n, 2))
        velocity = velocity + (wish - velocity) * (TICK_S / REACTION_S) + push * TICK_S
        pace = np.hypot(velocity[:, 0], velocity[:, 1])
        limit = np.where(self.standing[active], 0.5, self.speed[active] * 1.25 + 0.1)
        velocity *= np.minimum(1.0, limit / np.maximum(pace, 1e-9))[:, None]
        moved = xy + velocity * TICK_S
        for block in self.blocks:
            _keep_out(block, moved)
        self.velocity[active] = (moved - xy) / TICK_S
        self.xy[active] = moved

    def _wish(self, active: Ints, xy: Floats) -> Floats:
        """The velocity that each would like to have."""
        standing = self.standing[active]
        towards = self.target[active] - xy + np.where(standing[:, None], self.sway[active], 0.0)
        distance = np.maximum(np.hypot(towards[:, 0], towards[:, 1]), 1e-9)
        speed = self.speed[active] * (1.0 + np.clip(self.pace[active], -0.3, 0.3))
        brake = np.where(self.stop[active], distance / 0.6, np.inf)
        speed = np.where(
            standing, np.minimum(distance / 0.5, 0.4), np.minimum(speed, np.maximum(brake, 0.15))
        )
        return np.asarray(towards * (speed / distance)[:, None])

    def _avoid(self, active: Ints, xy: Floats, velocity: Floats) -> Floats:
        """Accelerations away from others nearby, most from those ahead, with a step to the right for
        somebody who comes straight on."""
        apart = xy[:, None] - xy[None]
        distance = np.hypot(apart[..., 0], apart[..., 1])
        np.fill_diagonal(distance, np.inf)
        if distance.min() > 2.0:
            return np.zeros_like(xy)
        away = apart / np.maximum(distance, 0.05)[..., None]
        pace = np.maximum(np.hypot(velocity[:, 0], velocity[:, 1]), 1e-6)
        heading = velocity / pace[:, None]
        ahead = -(away * heading[:, None]).sum(-1)
        gap = distance - (self.radius[active][:, None] + self.radius[active][None])
        together = self.group[active][:, None] == self.group[active][None]
        force = np.where(together, 3.0 * np.exp(-gap / 0.06), 2.2 * np.exp(-gap / 0.3))
        force = np.minimum(force, 5.0) * (0.3 + 0.7 * (1 + ahead) / 2)
        push = (away * force[..., None]).sum(1)
        dodge = np.where((ahead > 0.8) & (distance < 1.6) & ~together, 1.0, 0.0).sum(1)
        right = np.stack([heading[:, 1], -heading[:, 0]], axis=1)
        return np.asarray(push + right * np.minimum(dodge, 1.5)[:, None] * np.minimum(pace, 1.0)[:, None])


def _keep_out(block: Block, xy: Floats) -> None:
    """Move whoever is in a block to its nearest edge, in place."""
    x0, x1, y0, y1 = block.x0 - BODY_M, block.x1 + BODY_M, block.y0 - BODY_M, block.y1 + BODY_M
    x, y = xy[:, 0], xy[:, 1]
    inside = np.flatnonzero((x > x0) & (x < x1) & (y > y0) & (y < y1))
    for i in inside:
        edges = (x[i] - x0, x1 - x[i], y[i] - y0, y1 - y[i])
        nearest = int(np.argmin(edges))
        if nearest < 2:
            xy[i, 0] = (x0, x1)[nearest]
        else:
            xy[i, 1] = (y0, y1)[nearest - 2]
