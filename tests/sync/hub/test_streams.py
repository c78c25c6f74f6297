"""A hub that takes the triggers alone: they wait behind no figures, and the figures behind no trigger."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from scripts.fleet.messages import trigger_row
from sync.payloads import TRIGGER
from sync.topics import BoxIdentity
from tests.broker import Mosquitto
from tests.postgres import Postgres
from tests.sync.fakes import MemoryOutbox, wait_for
from tests.sync.hub.test_hubs_on_postgres import STOREEDGE, hub
from tests.sync.test_delivery import running_box

BOX = BoxIdentity("rainbow", "sz-futian", "box-01")


@pytest.mark.slow
def test_triggers_and_figures_each_reach_the_hub_that_takes_them(
    mosquitto: Mosquitto, postgres: Postgres, tmp_path: Path
) -> None:
    url, outbox = postgres.database(), MemoryOutbox()
    with (
        hub(mosquitto, url, "triggers", "--streams", "trigger"),
        running_box(outbox, mosquitto.url, BOX) as box,
    ):
        outbox.put_minutes(3)
        outbox.put("trigger", TRIGGER, trigger_row(1, 1.9e9).body)
        box.nudge()
        wait_for(lambda: outbox.backlog("trigger").rows == 0, 20, why=box.status)
        assert outbox.backlog("data").rows == 3, "nobody takes the minutes yet"
        with hub(mosquitto, url, "figures", "--streams", "data"):
            wait_for(outbox.empty, 20, why=box.status)


def test_an_unknown_choice_of_streams_is_refused(tmp_path: Path) -> None:
    at = ("--broker", "mqtt://127.0.0.1:9", "--db", tmp_path / "hub.db")
    done = subprocess.run(
        [STOREEDGE, "hub", "run", *at, "--streams", "x"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "trigger" in done.stderr
