"""What boxes of every earlier version sent, replayed: the hub of today holds the figures as they were told.

`golden/{number}-{commit}.jsonl`: topics and payloads, by that commit's own builders, and never changed.
A version that tells more gets a file of its own, and none goes.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipelines.as_json import FIGURES
from sync.hub.databases import open_ledger, reading
from sync.hub.intake import BoxState, Message, judge
from sync.hub.totals import totals
from sync.payloads import HOUR, MESSAGES, MINUTE
from sync.topics import BoxIdentity

GOLDEN = sorted((Path(__file__).parent / "golden").glob("*.jsonl"))
BOX = BoxIdentity("rainbow", "sz-futian", "box-01")


def lines(path: Path) -> list[tuple[str, dict[str, Any]]]:
    read = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return [(line["topic"], json.loads(line["payload"])) for line in read]


def test_every_schema_has_a_golden_message() -> None:
    told = {payload["schema"] for path in GOLDEN for _, payload in lines(path)}
    assert len(GOLDEN) >= 5
    assert set(MESSAGES) - told <= {"storeedge/redeemed/1"}, "add what it looks like to tests/sync/golden"


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_the_figures_of_an_older_box_are_held_as_it_told_them(path: Path, where: str | Path) -> None:
    raw = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    taken = [judge(line["topic"], line["payload"].encode()) for line in raw]
    assert {type(item) for item in taken} == {BoxState, Message}, taken
    ledger = open_ledger(where)
    receipts = {receipt.stream: receipt.upto for receipt in ledger.commit(taken, 1000.0)}
    told = [payload for _, payload in lines(path) if "body" in payload]
    for stream in {payload["stream"] for payload in told}:
        assert receipts[stream] == max(p["seq"] for p in told if p["stream"] == stream)
    triggers = [payload["body"] for payload in told if payload["stream"] == "trigger"]
    assert [json.loads(message.body) for message in ledger.triggers(BOX, "e1", 0, 9)] == triggers
    ledger.close()
    (held,) = totals(where)
    assert (held.set_aside, held.given_up) == (0, 0)
    for payload in told:
        if payload["schema"] in {MINUTE, HOUR}:
            _are_held(where, payload)


def _are_held(where: str | Path, payload: dict[str, Any]) -> None:
    for window in payload["body"]["windows"]:
        scope = window["scope"]
        columns = ", ".join(f'"{name}"' for name in FIGURES[scope])
        with reading(where) as ask:
            rows = ask(
                f"SELECT observed_seconds, {columns} FROM {scope}_told "
                "WHERE seq = ? AND camera = ? AND id = ?",
                (payload["seq"], window["camera"], window["id"]),
            )
        names = ["observed_seconds", *FIGURES[scope].values()]
        assert [_plain(row, names) for row in rows] == [{name: window.get(name) for name in names}]


def _plain(row: tuple[Any, ...], names: list[str]) -> dict[str, Any]:
    values = (json.loads(value) if isinstance(value, str) and value[:1] == "[" else value for value in row)
    return dict(zip(names, values, strict=True))
