"""Everything real runs and is killed with -9 at random; the sums are the truth all the same.

`scripts/bench faults` does the same with 200 kills and more.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from models import cache
from models.manifest import DEFAULT, card
from tests.faults.agreement import Agreement
from tests.faults.parts import Program
from tests.faults.soak import AT_STAKE, Soak, soaked
from tests.faults.soak_site import cameras_of
from tests.faults.witness import Witness, committed
from tests.postgres import programs

KILLS = 14

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def soak(vtest: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Soak]:
    if cache.faults(card(DEFAULT)):
        pytest.skip("the default model is not here: storeedge models pull")
    if programs() is None:
        pytest.skip("no PostgreSQL: apt-get install postgresql")
    if shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin") is None:
        pytest.skip("no mosquitto: apt-get install mosquitto")
    folder = tmp_path_factory.mktemp("soak")
    with soaked(folder, KILLS, cameras_of(vtest), seed=1, say=lambda _: None) as found:
        yield found


@pytest.fixture(scope="module")
def agreement(soak: Soak) -> Agreement:
    return soak.compare()


def test_nothing_that_was_committed_is_lost_and_nothing_is_there_twice(agreement: Agreement) -> None:
    assert agreement.faults == []
    assert (agreement.lost, agreement.doubled) == (0, 0)


def test_something_was_at_stake(soak: Soak, agreement: Agreement) -> None:
    assert agreement.sums["entries"] + agreement.sums["exits"] >= 2 * AT_STAKE, agreement.sums
    assert agreement.sums["coupons"] > 10, agreement.sums
    assert agreement.rows_compared > 5
    assert soak.whole.witness.looks > 10
    assert sum(map(len, soak.whole.witness.seen.values())) > 20, "hardly a row was seen while it stormed"


def test_every_part_was_killed_and_came_back(soak: Soak) -> None:
    assert soak.whole.kills >= KILLS
    for name, recovery in soak.whole.recovery.items():
        assert recovery.kills > 0, f"{name} was not killed"
    assert all(part.pid is not None for part in (soak.whole.hub, soak.whole.broker))


def test_each_coupon_is_taken_once(soak: Soak, agreement: Agreement) -> None:
    first, second = soak.redeem_twice()
    assert (first, second) == (agreement.sums["coupons"], 0)


def test_what_was_not_seen_is_missing_and_no_zero(soak: Soak) -> None:
    for camera, seconds in soak.observed_s().items():
        assert 0 < seconds < soak.seconds, (
            f"{camera}: {seconds} s of {soak.seconds:.0f} s are called observed"
        )
    with psycopg.connect(soak.whole.url) as centre:
        told = centre.execute("SELECT count(*) FROM gate_minute WHERE observed_seconds = 0 AND entries = 0")
        assert told.fetchone() == (0,)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ("UPDATE gate_minute SET entries = entries + 1 WHERE entries IS NOT NULL", "doubled"),
        ("DELETE FROM zone_minute", "lost"),
        ("UPDATE gate_hour SET minutes = minutes + 1", "doubled"),
        ("DELETE FROM message WHERE stream = 'trigger' AND seq = 3", "lost"),
    ],
)
def test_a_centre_that_is_wrong_would_be_found(soak: Soak, change: str, what: str) -> None:
    with psycopg.connect(soak.whole.url) as centre:
        centre.execute(change.encode())
        centre.commit()
        wrong = soak.compare()
    assert getattr(wrong, what) > 0, f"{change} was not noticed"


def test_a_row_that_vanishes_would_be_found(tmp_path: Path, soak: Soak) -> None:
    copy = tmp_path / "box.sqlite3"
    with (
        closing(sqlite3.connect(soak.whole.witness.database)) as box,
        closing(sqlite3.connect(copy)) as other,
    ):
        box.backup(other)
        witness = Witness(copy)
        witness.look()
        other.execute("DELETE FROM crossing WHERE t = (SELECT min(t) FROM crossing)")
        other.commit()
    now = committed(copy)
    assert now is not None
    assert witness.vanished(now) == {"crossing": 1}


def test_what_is_killed_is_gone_and_nothing_outlives_who_started_it(tmp_path: Path) -> None:
    one = Program("sleep", ["sleep", "60"], tmp_path)
    one.start()
    pid = one.pid
    one.kill()
    assert (one.pid, one.ended_with) == (None, -9)
    assert not Path(f"/proc/{pid}").exists()
