"""`storeedge hub` on PostgreSQL as processes: boxes, a real broker, two hubs of which one is killed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest

from sync.hub.totals import totals
from sync.topics import BoxIdentity
from tests.broker import Mosquitto
from tests.postgres import Postgres
from tests.sync.fakes import MemoryOutbox, wait_for
from tests.sync.test_delivery import running_box

STOREEDGE = Path(sys.executable).with_name("storeedge")


@contextmanager
def hub(mosquitto: Mosquitto, url: str, name: str, *more: str | Path) -> Iterator[subprocess.Popen[str]]:
    at = ["--broker", mosquitto.url, "--database", url, "--name", name, *map(str, more)]
    with subprocess.Popen([STOREEDGE, "hub", "run", *at], stdout=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            assert line.startswith("hub ready: "), line
            assert "secret" not in line
            yield process
        finally:
            process.terminate()
            process.wait(10)


@pytest.mark.slow
def test_two_hubs_share_the_load_and_one_may_be_killed(mosquitto: Mosquitto, postgres: Postgres) -> None:
    url = postgres.database()
    boxes = [BoxIdentity("rainbow", "sz-futian", f"box-{n}") for n in range(3)]
    outboxes = [MemoryOutbox() for _ in boxes]
    with ExitStack() as stack:
        first = stack.enter_context(hub(mosquitto, url.replace("hub@", "hub:secret@"), "hub-1"))
        second = stack.enter_context(hub(mosquitto, url, "hub-2"))
        running = [
            stack.enter_context(running_box(outbox, mosquitto.url, box))
            for outbox, box in zip(outboxes, boxes, strict=True)
        ]

        def feed(until: int) -> None:
            began = time.monotonic()
            while outboxes[0].deleted < until:
                assert time.monotonic() - began < 10, [box.status() for box in running]
                for outbox, publisher in zip(outboxes, running, strict=True):
                    outbox.put_minutes(10)
                    publisher.nudge()
                time.sleep(0.02)

        feed(100)
        first.kill()
        feed(outboxes[0].deleted + 100)
        again = stack.enter_context(hub(mosquitto, url, "hub-1"))
        wait_for(
            lambda: all(outbox.empty() for outbox in outboxes), 60, lambda: [b.status() for b in running]
        )
        assert (second.poll(), again.poll()) == (None, None)
    held = totals(url)
    assert [box.box for box in held] == boxes
    for box, outbox in zip(held, outboxes, strict=True):
        assert (box.minutes, box.windows, box.set_aside, box.given_up) == (
            outbox.deleted, 2 * outbox.deleted, 0, 0,
        )  # fmt: skip
        assert box.gates[0].entries == outbox.deleted
    assert first.returncode == -signal.SIGKILL


def test_totals_and_coupon_books_of_a_hub_on_postgres(
    mosquitto: Mosquitto, postgres: Postgres, tmp_path: Path
) -> None:
    url, outbox = postgres.database(), MemoryOutbox()
    outbox.put_minutes(5)
    box = BoxIdentity("rainbow", "sz-futian", "box-01")
    with (
        hub(mosquitto, url, "hub", "--coupons", tmp_path / "hub.db"),
        running_box(outbox, mosquitto.url, box),
    ):
        wait_for(outbox.empty)
    assert (tmp_path / "hub.centre.key").is_file()
    assert not (tmp_path / "hub.coupons.db").exists(), "the books are in PostgreSQL"
    with psycopg.connect(url) as db:
        assert db.execute("SELECT count(*) FROM coupons.decision").fetchone() == (0,)
    told = subprocess.run(
        [STOREEDGE, "hub", "totals", "--json", "--db", url], capture_output=True, text=True, check=True
    )
    (shown,) = json.loads(told.stdout)
    assert (shown["minutes"], shown["windows"], shown["gates"][0]["entries"]) == (5, 10, 5)
