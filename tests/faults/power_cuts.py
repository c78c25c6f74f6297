"""Cuts the power at random points of a store's life and looks at what is found afterwards."""

from __future__ import annotations

import random
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Final

from edge.errors import StoreError
from edge.store import Store
from edge.store.parking import Boot, ParkingBooks
from edge.store.recovery import Recovery
from pipelines.coupons import Ledger
from sync.outbox import STREAMS
from tests.edge.store.build import NOON, gate
from tests.faults.power import Disk, Found, lay_out
from tests.faults.promises import Promises
from tests.faults.recording_vfs import Op, recorded
from tests.faults.store_life import Living, State, open_as_the_box_does, state_of

AGAIN: Final = 6
"""After every so many cuts the power fails once more, while the store recovers."""
LEAST: Final = 0.01
"""Share of the cuts that each kind of operation gets at least, in each call."""


@dataclass(frozen=True, slots=True)
class Moment:
    """What the store held when a transaction was over, after so many operations of the disk."""

    ops: int
    call: str
    state: State


@dataclass(frozen=True, slots=True)
class Life:
    """A whole life: everything that was asked of the disk, and what was promised when."""

    ops: list[Op]
    epoch: str
    moments: list[Moment]
    promises: Promises


@dataclass(slots=True)
class Outcome:
    """What the cuts did."""

    cuts: int = 0
    again: int = 0
    """Of these, cut once more while the store recovered."""
    kept_exactly: int = 0
    """Found as after the last transaction that had returned."""
    kept_more: int = 0
    """Found as after the one that was under way: it had reached the disk, and nobody had been told."""
    unopened: int = 0
    lost: int = 0
    """Things promised that were not there."""
    doubled: int = 0
    faults: list[str] = field(default_factory=list)
    """Anything wrong, one line each."""
    by_phase: Counter[str] = field(default_factory=Counter)
    """What the disk was about to be asked."""
    by_call: Counter[str] = field(default_factory=Counter)
    """What the store was about to do."""
    writes: Counter[str] = field(default_factory=Counter)
    """Operations that were not synced, by what became of them: kept, lost or torn."""

    def __iadd__(self, other: Outcome) -> Outcome:
        """Both together."""
        for field_ in fields(self):
            setattr(self, field_.name, getattr(self, field_.name) + getattr(other, field_.name))
        return self


def phase(op: Op) -> str:
    """What an operation of the disk is for."""
    if op.during == "vacuum":
        return "vacuum"
    if op.file.endswith("-journal"):
        return "journal of creation"
    if op.file.endswith("-wal"):
        return {"write": "log append", "sync": "log sync"}.get(op.what, "log reset")
    return "creation" if op.during == "create" else "checkpoint"


def lived(folder: Path, minutes: int, seed: int) -> Life:
    """Live, with a stop in order in the middle, and write down what the disk was asked."""
    moments: list[Moment] = []
    promises = Promises()
    with recorded() as recording:
        for begin in (0, minutes // 2):
            box = Living(folder, seed + begin, recording, promises)
            with closing(box.store) as store:

                def note(store: Store = store) -> None:
                    moments.append(Moment(recording.now, recording.doing, state_of(store)))
                    if recording.doing == "prune":  # what follows its transaction
                        recording.doing = "vacuum"

                note()
                store.committed = note
                for _ in box.live(minutes // 2, begin):
                    pass
                del store.committed
                recording.doing = "close"
            moments.append(Moment(recording.now, "close", moments[-1].state))
    return Life(recording.ops, store.epoch, moments, promises)


def points(life: Life, cuts: int, chance: random.Random) -> list[int]:
    """Where to cut: each kind of operation within each call gets its share, the rest lies anywhere."""
    kinds: dict[tuple[str, str], list[int]] = {}
    for number, op in enumerate(life.ops):
        kinds.setdefault((phase(op), op.during), []).append(number)
    share = max(1, round(cuts * LEAST))
    chosen = [at for ats in kinds.values() for at in chance.sample(ats, min(share, len(ats)))]
    chance.shuffle(chosen)
    chosen = [1, len(life.ops), *chosen][:cuts]
    chosen += [chance.randrange(1, len(life.ops)) for _ in range(cuts - len(chosen))]
    return sorted(max(1, at) for at in chosen)


def cut(life: Life, disk: Disk, at: int, *, folder: Path, chance: random.Random, outcome: Outcome) -> None:
    """Fail the power just before operation number `at`, open what is left without any help, and judge it."""
    found = disk.run(at).cut(chance)
    outcome.cuts += 1
    after = life.ops[min(at, len(life.ops) - 1)]
    outcome.by_phase[phase(after)] += 1
    outcome.by_call[after.during] += 1
    outcome.writes.update({"kept": found.kept, "lost": found.lost, "torn": found.torn})
    try:
        lay_out(found.files, folder)
        if outcome.cuts % AGAIN == 0:
            found = _cut_again(found, folder, chance)
            outcome.again += 1
            shutil.rmtree(folder)
            lay_out(found.files, folder)
        with recorded():
            store, recovery = open_as_the_box_does(folder)
            with store:
                _judge(store, recovery, life, at=at, outcome=outcome)
    except StoreError as error:
        outcome.unopened += 1
        outcome.faults.append(f"cut {at} during {after.during}: {error}")
    except AssertionError as error:
        outcome.faults.append(f"cut {at} during {after.during}: {error}")
    finally:
        shutil.rmtree(folder)


def _cut_again(found: Found, folder: Path, chance: random.Random) -> Found:
    """The store recovers, and the power fails once more meanwhile."""
    with recorded() as recording:
        open_as_the_box_does(folder)[0].close()
    return Disk(recording.ops, found.files).run(chance.randint(0, recording.now)).cut(chance)


def _judge(store: Store, recovery: Recovery | None, life: Life, *, at: int, outcome: Outcome) -> None:
    before = [moment for moment in life.moments if moment.ops <= at]
    after = [moment for moment in life.moments if moment.ops > at]
    whole = store.read(lambda c: c.execute("PRAGMA integrity_check").fetchone()[0])
    assert whole == "ok", whole
    if not before:  # cut while the database was first made: nothing had been promised
        outcome.kept_exactly += 1
        return
    assert recovery is None, f"taken for damaged or old: {recovery}"
    waiting = [row for stream in STREAMS for row in store.pending(stream, 0, 100_000)]
    judged = store.read(lambda c: life.promises.judge(c, waiting, at))
    outcome.lost += len(judged.lost)
    outcome.doubled += len(judged.doubled)
    wrong = [f"lost {one}" for one in judged.lost] + [f"doubled {one}" for one in judged.doubled]
    assert store.epoch == life.epoch, "a new epoch: the centre would count everything again"
    assert not wrong, f"{len(wrong)}, such as {wrong[0]}"
    _caps_hold(store, life, at)
    found = state_of(store)
    if found == before[-1].state:
        outcome.kept_exactly += 1
    elif after and found == after[0].state:
        outcome.kept_more += 1
    else:
        tables = [table for table, rows in before[-1].state.items() if found.get(table) != rows]
        raise AssertionError(f"other rows in {', '.join(tables)}")
    _goes_on(store)


def _caps_hold(store: Store, life: Life, at: int) -> None:
    """What caps are asked of is no less than what was given."""
    given = sum(p.table == "coupon_trigger" and p.since <= at for p in life.promises.rows)
    ledger = Ledger(ParkingBooks(store, Boot("b007", 0.0)).decisions(0))
    assert len(ledger) >= given, f"{given} coupons were decided, the caps know of {len(ledger)}"
    counted = store.read(
        lambda c: c.execute(
            "SELECT total(cars) FROM coupon_count WHERE outcome = 'issued' OR outcome LIKE 'cap_%' "
            "OR outcome LIKE 'budget%'"
        ).fetchone()[0]
    )
    assert given <= counted <= given + 1, f"{given} decisions, {counted:.0f} counted"


def _goes_on(store: Store) -> None:
    """A minute later the box counts on."""
    late = NOON + 60 * 100_000
    last = store.stream_state("data").last_seq
    assert store.commit_minute(late, [gate(late, entries=3)]), "the next minute was not taken"
    assert store.stream_state("data").last_seq == last + 1
    assert store.pending("data", last, 10)[-1].seq == last + 1


def many_cuts(
    folder: Path,
    cuts: int,
    *,
    minutes: int = 60,
    seed: int = 1,
    say: Callable[[str], None] = lambda _: None,
) -> Outcome:
    """Cut a life so often, at the first and last operations among others."""
    life = lived(folder / "life", minutes, seed)
    say(f"a life of {minutes} minutes: {len(life.ops)} operations of the disk, {len(life.moments)} commits")
    return cut_at(life, folder, points(life, cuts, random.Random(seed)), seed, say)


def cut_at(
    life: Life, folder: Path, where: Sequence[int], seed: int, say: Callable[[str], None] = lambda _: None
) -> Outcome:
    """Cut at these operations, in rising order."""
    chance, outcome, disk = random.Random(seed), Outcome(), Disk(life.ops)
    for number, at in enumerate(where):
        cut(life, disk, at, folder=folder / f"cut-{number}", chance=chance, outcome=outcome)
        if number % 200 == 199:
            say(f"{number + 1} of {len(where)} cuts, {len(outcome.faults)} faults")
    return outcome
