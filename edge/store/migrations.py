"""Forward steps of the schema. A step, once released, is never edited; a change is a new file and a new step.

Each step and the note that it was done are one transaction, so a box that loses power in the middle starts
again from the step before. Steps only add, so that the previous version can still open the file after a
roll-back of an update; one that breaks older versions raises `needs` (see `LEVEL`).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from importlib import resources
from typing import Final

import sqlite_utils
from sqlite_utils import Migrations

LEVEL: Final = 2
"""What this version understands; a database whose `meta.needs` is higher was made by a newer one."""

migrations: Final = Migrations("storeedge")


def _statements(script: str) -> list[str]:
    """The statements of a script one by one: `executescript` would end the step's transaction."""
    found, rest = [], ""
    for line in script.splitlines(keepends=True):
        rest += line
        if sqlite3.complete_statement(rest):
            found.append(rest)
            rest = ""
    return found


def _step(name: str) -> Callable[[sqlite_utils.Database], None]:
    def apply(db: sqlite_utils.Database) -> None:
        script = resources.files("edge.store").joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")
        for statement in _statements(script):
            db.conn.execute(statement)

    return apply


for _name in (
    "0001_records", "0002_quarters", "0003_audits", "0004_queues", "0005_staff", "0006_counters",
    "0007_trust", "0008_parking", "0009_documents", "0010_room",
    "0011_inherited", "0012_clock",
):  # fmt: skip
    migrations(name=_name)(_step(_name))


def migrate(connection: sqlite3.Connection, *, stop_before: str | None = None) -> None:
    """Bring the database up to date, or up to the step before `stop_before`."""
    migrations.apply(sqlite_utils.Database(connection), stop_before=stop_before)
