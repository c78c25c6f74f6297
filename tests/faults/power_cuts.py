"""Cuts the power at random points of a store's life and looks at what is found afterwards."""

from __future__ import annotations

import random
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from edge.errors import StoreError
from edge.store import Store
from tests.edge.store.build import NOON, gate
from tests.faults.power import after_cut, lay_out
from tests.faults.recording_vfs import Op, recorded
from tests.faults.store_life import State, live, open_box, state_of


@dataclass(frozen=True, slots=True)
class Moment:
    """What the store held when a call had returned, after so many operations of the disk."""

    ops: int
    call: str
    state: State


@dataclass(frozen=True, slots=True)
class Life:
    """A whole life: everything that was asked of the disk, and what was promised when."""

    ops: list[Op]
    epoch: str
    moments: list[Moment]


@dataclass(slots=True)
class Outcome:
    """What the cuts did."""

    cuts: int = 0
    kept_exactly: int = 0
    """Found as after the last call that had returned."""
    kept_more: int = 0
    """Found as after the call that was under way: it had reached the disk, and nobody had been told."""
    faults: list[str] = field(default_factory=list)
    """Anything else, one line each."""


def lived(folder: Path, minutes: int, seed: int) -> Life:
    """Live, with a stop in order in the middle, and write down what the disk was asked."""
    moments: list[Moment] = []
    with recorded() as recording:
        for begin in (0, minutes // 2):
            with open_box(folder) as store:
                epoch = store.epoch
                moments.append(Moment(recording.now, "open", state_of(store)))
                moments.extend(
                    Moment(recording.now, call, state_of(store))
                    for call in live(store, minutes // 2, seed, begin)
                )
            moments.append(Moment(recording.now, "close", moments[-1].state))
    return Life(recording.ops, epoch, moments)


def cut(life: Life, at: int, folder: Path, chance: random.Random, outcome: Outcome) -> None:
    """Cut the power before operation `at`, open what is left without any help, and judge it."""
    lay_out(after_cut(life.ops, at, chance), folder)
    before = [moment for moment in life.moments if moment.ops <= at]
    after = [moment for moment in life.moments if moment.ops > at]
    outcome.cuts += 1
    try:
        with open_box(folder) as store:
            _judge(store, life, before, after, outcome)
            _goes_on(store)
    except (StoreError, AssertionError) as error:
        outcome.faults.append(f"cut {at} after {before[-1].call if before else 'nothing'}: {error}")
    finally:
        shutil.rmtree(folder)


def _judge(store: Store, life: Life, before: list[Moment], after: list[Moment], outcome: Outcome) -> None:
    found = state_of(store)
    if not before:  # cut while the database was first made: nothing had been promised
        outcome.kept_exactly += 1
        return
    assert store.epoch == life.epoch, "a new epoch: the centre would count everything again"
    if found == before[-1].state:
        outcome.kept_exactly += 1
    elif after and found == after[0].state:
        outcome.kept_more += 1
    else:
        wrong = [table for table, rows in before[-1].state.items() if found.get(table) != rows]
        raise AssertionError(f"other rows in {', '.join(wrong)}")


def _goes_on(store: Store) -> None:
    """A minute later the box counts on."""
    late = NOON + 60 * 100_000
    assert store.commit_minute(late, [gate(late, entries=3)]), "the next minute was not taken"
    assert store.pending("data", 0, 10_000)[-1].seq == store.stream_state("data").last_seq


def many_cuts(folder: Path, cuts: int, *, minutes: int = 60, seed: int = 1) -> Outcome:
    """Cut a life at so many random points, the first and last operations among them."""
    life, outcome = lived(folder / "life", minutes, seed), Outcome()
    chance = random.Random(seed)
    points = sorted({1, len(life.ops), *(chance.randrange(1, len(life.ops)) for _ in range(cuts - 2))})
    while len(points) < cuts:
        points.append(chance.randrange(1, len(life.ops)))
    for number, at in enumerate(points):
        cut(life, at, folder / f"cut-{number}", chance, outcome)
    return outcome
