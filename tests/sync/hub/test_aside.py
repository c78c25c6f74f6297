"""What this hub does not understand is kept whole, and taken in once it is understood; what is of version N-1
is read as what it meant."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from edge.cli.hub import app
from pipelines.records import GateWindow
from sync.bodies import minute_body, utc
from sync.envelope import envelope
from sync.hub import upgrades
from sync.hub.aside import listed, retry
from sync.hub.databases import open_ledger, reading
from sync.hub.intake import Message, SetAside, judge
from sync.hub.totals import totals
from sync.outbox import OutboxRow
from sync.payloads import MINUTE
from sync.topics import BoxIdentity
from tests.postgres import Postgres
from tests.sync.fakes import START
from tests.sync.test_ledger import Desk

BOX = BoxIdentity("rainbow", "sz-futian", "box-01")
OTHER = "storeedge/minute/7"
"""A version that tells entries in dozens."""


def in_dozens(seq: int, dozens: Any = 3) -> bytes:
    body = json.loads(minute_body(START, [GateWindow("cam-1", "door", START, 60.0, 0, 0, 0)]))
    del body["windows"][0]["in"]
    body["windows"][0]["dozens"] = dozens
    return envelope(BOX, OutboxRow("data", "e1", seq, OTHER, json.dumps(body), 0.0), utc(START))


def out_of_dozens(body: Mapping[str, Any]) -> Mapping[str, Any]:
    windows = [{**window, "in": 12 * window["dozens"]} for window in body["windows"]]
    return {**body, "windows": windows}


def test_a_version_that_is_known_as_older_is_read_as_what_it_meant(
    where: str | Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(upgrades.UPGRADES, OTHER, (MINUTE, out_of_dozens))
    taken = judge(BOX.up("data"), in_dozens(1))
    assert isinstance(taken, Message)
    assert (taken.schema, json.loads(taken.body)["windows"][0]["dozens"]) == (OTHER, 3)
    desk = Desk(where)
    desk.birth(1)
    assert desk.upto([taken]) == 1
    desk.ledger.close()
    assert totals(where)[0].gates[0].entries == 36


@pytest.mark.parametrize("dozens", [None, "three", [], -1, 1e400])
def test_an_older_body_that_cannot_be_read_is_set_aside_with_the_reason(
    dozens: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(upgrades.UPGRADES, OTHER, (MINUTE, out_of_dozens))
    taken = judge(BOX.up("data"), in_dozens(1, dozens))
    assert isinstance(taken, SetAside)
    assert taken.identity is not None
    assert "body" in taken.reason


def test_a_version_of_tomorrow_is_acknowledged_kept_whole_and_taken_in_by_the_hub_of_tomorrow(
    where: str | Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(where)
    desk.birth(1)
    assert desk.upto([judge(BOX.up("data"), in_dozens(seq)) for seq in (1, 2)]) == 2
    assert desk.upto([judge(BOX.up("data"), in_dozens(2))]) == 2  # again
    assert desk.take(3) == 3
    assert (desk.totals()[0].set_aside, desk.totals()[0].gates[0].entries) == (2, 1)
    ((topic, reason, payloads, times),) = [
        (one.topic, one.reason, one.payloads, one.times) for one in listed(where)
    ]
    assert (topic, payloads, times) == (BOX.up("data"), 2, 3)
    assert OTHER in reason
    still = retry(where, 2000.0)
    assert (still.taken, still.left, OTHER in (still.reason or "")) == (0, 2, True)
    monkeypatch.setitem(upgrades.UPGRADES, OTHER, (MINUTE, out_of_dozens))
    assert retry(where, 2000.0).taken == 2
    assert retry(where, 2000.0).taken == 0
    held = desk.totals()[0]
    assert (held.set_aside, held.given_up) == (0, 0)
    with reading(where) as ask:
        assert ask("SELECT start, seq, entries FROM gate_minute ORDER BY start", ()) == [
            (START, 2, 36), (START + 120, 3, 1)
        ]  # fmt: skip
    assert desk.take(4) == 4
    desk.ledger.close()


def test_a_character_that_postgresql_cannot_hold_is_not_kept_whole(postgres: Postgres) -> None:
    url = postgres.database()
    ledger = open_ledger(url)
    bad = in_dozens(1).replace(b"door", b"do\\u0000or")
    ledger.commit([judge(BOX.up("data"), bad)], 1000.0)
    ledger.close()
    assert totals(url)[0].set_aside == 1
    assert retry(url, 2000.0).left == 0


def test_the_commands_tell_what_was_set_aside_and_what_was_taken_in(tmp_path: Path) -> None:
    where = tmp_path / "hub.db"
    desk = Desk(where)
    desk.birth(1)
    desk.upto([judge(BOX.up("data"), in_dozens(1))])
    desk.ledger.close()
    told = CliRunner().invoke(app, ["aside", "--db", str(where), "--json"])
    assert told.exit_code == 0, told.output
    (one,) = json.loads(told.stdout)
    assert (one["reason"], one["payloads"]) == (f"unknown schema '{OTHER}'", 1)
    assert OTHER in CliRunner().invoke(app, ["aside", "--db", str(where)]).stdout.replace("\n", "")
    again = CliRunner().invoke(app, ["retry", "--db", str(where), "--json"])
    assert json.loads(again.stdout) == {"taken": 0, "left": 1, "reason": f"unknown schema '{OTHER}'"}
