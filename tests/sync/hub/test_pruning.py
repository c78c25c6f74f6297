"""Old rows go; sums, acknowledgements and what was not understood stay."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from edge.cli.hub import app
from sync.errors import SyncError
from sync.hub.databases import open_ledger, reading
from sync.hub.intake import judge
from sync.hub.pruning import DAY_S, Pruned, prune
from sync.hub.totals import totals
from tests.postgres import Postgres
from tests.sync.fakes import START
from tests.sync.hub.test_aside import in_dozens
from tests.sync.test_ledger import BOX, Desk

NOW = 1000.0 + 30 * DAY_S
"""Thirty days after `Desk` received all."""


def test_acknowledged_messages_go_and_a_repeat_changes_nothing(where: str | Path) -> None:
    desk = Desk(where)
    desk.birth(1)
    assert desk.take(1, 2, 3, 5) == 3  # the fourth is missing: the fifth is not acknowledged yet
    desk.upto([judge(BOX.up("data"), in_dozens(7))])
    assert prune(where, NOW, messages_days=31) == Pruned(0, 0)
    assert prune(where, NOW, messages_days=29) == Pruned(3, 0)
    with reading(where) as ask:
        assert ask("SELECT seq FROM message ORDER BY seq", ()) == [(5,), (7,)]
    assert desk.take(2, 4) == 5
    held = desk.totals()[0]
    assert (held.gates[0].entries, held.given_up, held.set_aside) == (5, 0, 1)
    desk.ledger.close()


def test_minutes_go_and_their_hours_stay_also_when_one_comes_late(postgres: Postgres) -> None:
    url = postgres.database()
    desk = Desk(url)
    desk.birth(1)
    desk.take(1, 2, 3)
    desk.ledger.roll_up()
    hours = "SELECT minutes, entries FROM gate_hour"
    before = desk.ask(hours)
    assert sum(minutes for minutes, _ in before) == 3
    gone = prune(url, START + 9 * DAY_S, minutes_days=8)
    assert gone == Pruned(0, 6)
    assert desk.take(4) == 4
    desk.ledger.roll_up()
    assert desk.ask(hours) == before
    desk.ledger.close()


def test_a_file_keeps_its_minutes_and_says_why(tmp_path: Path) -> None:
    open_ledger(tmp_path / "hub.db").close()
    with pytest.raises(SyncError, match="only messages can go"):
        prune(tmp_path / "hub.db", NOW, minutes_days=5)
    asked = CliRunner().invoke(
        app, ["prune", "--db", str(tmp_path / "hub.db"), "--messages-days", "9", "--json"]
    )
    assert json.loads(asked.stdout) == {"messages": 0, "minutes": 0}
    assert CliRunner().invoke(app, ["prune", "--db", str(tmp_path / "hub.db")]).exit_code != 0
    assert totals(tmp_path / "hub.db") == []
