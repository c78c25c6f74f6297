"""A box whose clock was ten hours off, with the real publisher, broker and hub: the centre's sums by the hour
are right once the clock is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.clock_trust import Setting
from edge.store import restamp
from edge.store.store import Store
from sync.hub.databases import is_postgres, open_ledger, reading
from sync.mqtt import Broker
from sync.publisher import Publisher
from tests.broker import Mosquitto, mosquitto  # noqa: F401 - a fixture
from tests.edge.store.build import camera, crossing, gate, open_store, zone
from tests.postgres import Postgres, postgres  # noqa: F401 - a fixture
from tests.sync.fakes import BACKOFF, FACTS, QUICK, wait_for
from tests.sync.test_delivery import BOX, running_hub

HOUR = 3600
MORNING = 1_790_000_000 // 86_400 * 86_400 + 2 * HOUR
"""What the box's clock said; it was noon."""


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    if request.param == "sqlite":
        yield tmp_path / "hub.sqlite3"
    else:
        server: Postgres = request.getfixturevalue("postgres")
        yield server.database()


def by_hours(database: Any) -> dict[int, tuple[int, float]]:
    """Entries and observed seconds of each hour that has any, as head office reads them."""
    sql = (
        "SELECT start, CAST(entries AS BIGINT), observed_seconds FROM gate_hour ORDER BY start"
        if is_postgres(database)
        else "SELECT start / 3600 * 3600, sum(entries), sum(observed_seconds) FROM gate_minute "
        "GROUP BY 1 ORDER BY 1"
    )
    with reading(database) as ask:
        return {start: (entries or 0, seconds) for start, entries, seconds in ask(sql, ()) if seconds}


def test_the_centres_hours_are_right_once_the_clock_is(
    mosquitto: Mosquitto,  # noqa: F811
    tmp_path: Path,
    database: Any,
) -> None:
    with open_store(tmp_path) as store, running_hub(mosquitto.url, tmp_path, open_ledger(database)):
        publisher = Publisher(
            store, BOX, Broker.parse(mosquitto.url), lambda: FACTS, pacing=QUICK, backoff_s=BACKOFF
        )
        publisher.start()
        try:
            put_clock(store, Setting(MORNING - 60.0, "plausible", float(MORNING)), MORNING)
            count(store, range(90))
            wait_for(lambda: acknowledged(store), 60, why=publisher.status)
            entries = sum(k % 7 for k in range(60)), sum(k % 7 for k in range(60, 90))
            wait_for(lambda: by_hours(database) == {
                MORNING: (entries[0], 3600.0), MORNING + HOUR: (entries[1], 1800.0),
            }, 30, why=lambda: by_hours(database))  # fmt: skip

            true = MORNING + 10 * HOUR
            put_clock(store, Setting(true - 60.0, "synced", float(true)), true + 90 * 60)
            publisher.nudge()
            wait_for(lambda: acknowledged(store), 60, why=publisher.status)
            wait_for(lambda: by_hours(database) == {
                true: (entries[0], 3600.0), true + HOUR: (entries[1], 1800.0),
            }, 30, why=lambda: by_hours(database))  # fmt: skip
        finally:
            publisher.stop()
    figures = [moved for moved, _ in by_hours(database).values()]
    assert sum(figures) == sum(entries), "nothing lost, nothing twice, also after the last message"


def put_clock(store: Store, setting: Setting, now: float) -> None:
    store.write(lambda connection: restamp.set_clock(connection, "boot-1", setting, now))


def acknowledged(store: Store) -> bool:
    return store.backlog("data").rows == 0


def count(store: Store, minutes: range) -> None:
    for k in minutes:
        start = MORNING + 60 * k
        store.add_records([crossing(start + 5.0 + n, track=100 * k + n) for n in range(k % 7)])
        store.commit_minute(start, [camera(start), gate(start, k % 7), zone(start, [4.0])])
