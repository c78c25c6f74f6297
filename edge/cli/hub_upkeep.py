"""`storeedge hub aside|retry|prune`: what could not be used, and what need not be kept any longer."""

from __future__ import annotations

import json
import time
from dataclasses import asdict

import typer
from rich.console import Console
from rich.table import Table

from edge.errors import EdgeError
from sync.hub import aside
from sync.hub.pruning import prune as let_go

Database = typer.Option(..., "--db", "--database", envvar="STOREEDGE_HUB_DATABASE", help="That of `hub run`.")
AsJson = typer.Option(False, "--json", help="For programs.")


def show_aside(db: str = Database, as_json: bool = AsJson) -> None:
    """What could not be used, and why."""
    found = aside.listed(db)
    if as_json:
        print(json.dumps([asdict(one) for one in found]))
        return
    table = Table("topic", "reason", "payloads", "times")
    for one in found:
        table.add_row(one.topic, one.reason, str(one.payloads), str(one.times))
    Console().print(table if found else "Nothing was set aside.")


def retry(db: str = Database, as_json: bool = AsJson) -> None:
    """Take in what an older hub did not understand. After an update; hubs may run meanwhile."""
    done = aside.retry(db, time.time())
    if as_json:
        print(json.dumps(asdict(done)))
        return
    why = f" ({done.reason})" if done.reason else ""
    print(f"{done.taken} messages were taken in, {done.left} are still not understood{why}")


def prune(
    db: str = Database,
    messages_days: int | None = typer.Option(
        None, min=1, help="Delete messages that came longer ago; their figures stay."
    ),
    minutes_days: int | None = typer.Option(
        None, min=1, help="Delete minutes and heat maps that are older; hours and days stay. PostgreSQL only."
    ),
    as_json: bool = AsJson,
) -> None:
    """Let old rows go: the hub by itself keeps everything. For a daily timer; hubs may run meanwhile."""
    if messages_days is None and minutes_days is None:
        raise EdgeError("say what may go: --messages-days 90, --minutes-days 800, or both")
    done = let_go(db, time.time(), messages_days=messages_days, minutes_days=minutes_days)
    if as_json:
        print(json.dumps(asdict(done)))
        return
    print(f"{done.messages} messages and {done.minutes} minutes' windows are gone")
