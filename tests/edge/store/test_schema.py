"""The schema is typed, holds no picture, and grows only forward."""

from __future__ import annotations

import sqlite3
from dataclasses import fields
from pathlib import Path

import pytest

from edge.errors import StoreForeign
from edge.store.database import connect_writer, reading
from edge.store.migrations import migrate, migrations
from edge.store.retention import KEPT_DAYS
from edge.store.windows import KINDS, columns
from tests.edge.store.build import NOON, gate, open_store, zone

MINE = "name NOT LIKE 'sqlite_%' AND name NOT LIKE '_sqlite_%'"


def _tables(connection: sqlite3.Connection) -> dict[str, str]:
    rows = connection.execute(f"SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND {MINE}")
    return {row["name"]: row["sql"] for row in rows}


def test_no_column_can_hold_a_pixel(tmp_path: Path) -> None:
    with open_store(tmp_path) as store, reading(store.path) as connection:
        for table, sql in _tables(connection).items():
            [strict] = connection.execute(
                "SELECT strict FROM pragma_table_list WHERE name = ?", (table,)
            ).fetchone()
            assert strict == 1, f"{table} is not STRICT"
            for column in connection.execute(f"PRAGMA table_info({table})"):
                assert column["type"] in {"INTEGER", "REAL", "TEXT"}, f"{table}.{column['name']}"
                if column["type"] == "TEXT":
                    name = column["name"]
                    bounded = [f"length({name}) <=", f'length("{name}") <=', f"{name} IN ("]
                    assert any(text in sql for text in bounded), f"{table}.{name} has no bound"


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param(
            "INSERT INTO crossing VALUES (1.0, :jpeg, 'door', 'in', 1, 0, NULL, 0)", id="as a camera"
        ),
        pytest.param("INSERT INTO event VALUES (1.0, 'x', '', '', NULL, :jpeg)", id="as an event's detail"),
        pytest.param("INSERT INTO outbox VALUES ('data', 9, 'x', :jpeg, 1.0, NULL)", id="as a message"),
        pytest.param("INSERT INTO meta VALUES ('frame', :jpeg)", id="as a setting"),
        pytest.param("INSERT INTO heat_hour VALUES (0, 'c', 'm', 1.0, :jpeg)", id="as a heat map"),
    ],
)
def test_a_picture_is_refused(tmp_path: Path, statement: str) -> None:
    jpeg = b"\xff\xd8\xff\xe0" + bytes(4_000)
    with open_store(tmp_path) as store, pytest.raises(sqlite3.IntegrityError):
        store._connection.execute(statement, {"jpeg": jpeg})


def test_every_windows_fields_are_its_tables_columns(tmp_path: Path) -> None:
    with open_store(tmp_path) as store, reading(store.path) as connection:
        for scope, kind in KINDS.items():
            found = {row["name"] for row in connection.execute(f"PRAGMA table_info({scope}_window)")}
            named = {field.name for field in fields(kind)} - {"quality"}  # which follows from the others
            assert found == named == set(columns(scope))


ENDLESS = {"meta", "outbox", "outbox_stream", "clock_stretch"}
"""Tables of a few rows, and those of which only the centre's word takes rows out."""


def test_every_table_that_grows_has_a_term(tmp_path: Path) -> None:
    with open_store(tmp_path) as store, reading(store.path) as connection:
        growing = {
            table
            for table in _tables(connection)
            if {"start", "t", "t_out", "begun", "told_at"}
            & {row["name"] for row in connection.execute(f"PRAGMA table_info({table})")}
        }
    assert growing - ENDLESS == set(KEPT_DAYS)


def test_a_file_of_the_first_version_is_brought_up_to_date_with_its_figures(tmp_path: Path) -> None:
    path = tmp_path / "edge.db"
    old = connect_writer(path, 64)
    old.executescript((Path(__file__).parent / "version_1.sql").read_text(encoding="utf-8"))
    old.close()
    with open_store(tmp_path) as store:
        assert store.epoch == "00c0ffee00c0ffee"
        assert [row.seq for row in store.pending("data", 0, 10)] == [7]
        with reading(path) as connection:
            gates = connection.execute("SELECT * FROM gate_quarter ORDER BY start").fetchall()
            bins = connection.execute("SELECT bin, complete, censored FROM dwell_quarter").fetchall()
    quarter = NOON - NOON % 900
    assert [tuple(row) for row in gates] == [
        (quarter, "cam-1", "door", 60.0, 2, 0, 0, 0, 0, None, None),
        (quarter + 900, "cam-1", "door", 60.0, 3, 1, 0, 0, 0, None, None),
    ]
    assert [tuple(row) for row in bins] == [(2, 1, 0), (2, 0, 1), (9, 1, 0)]


def test_a_step_that_fails_leaves_the_step_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = connect_writer(tmp_path / "edge.db", 64)
    migrate(connection, stop_before="0002_quarters")
    with monkeypatch.context() as patched:
        patched.setattr(
            "edge.store.migrations._statements", lambda _: ["CREATE TABLE half (x) STRICT", "broken"]
        )
        with pytest.raises(sqlite3.Error):
            migrate(connection)
    names = [row[0] for row in connection.execute("SELECT name FROM sqlite_schema")]
    assert "half" not in names
    migrate(connection)
    assert [row[0] for row in connection.execute("SELECT name FROM _sqlite_migrations")] == [
        migration.name for migration in migrations._migrations
    ]
    connection.close()


def test_a_newer_versions_file_is_left_alone(tmp_path: Path) -> None:
    open_store(tmp_path).close()
    raw = sqlite3.connect(tmp_path / "edge.db")
    raw.execute("UPDATE meta SET value = '99' WHERE key = 'needs'")
    raw.commit()
    raw.close()
    with pytest.raises(StoreForeign, match="made by a newer StoreEdge; update the software"):
        open_store(tmp_path)


def test_the_quarters_of_a_new_file_are_what_a_migration_would_make(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        for i in range(40):
            start = NOON + 60 * i
            store.commit_minute(start, [gate(start, i % 3, i % 2), zone(start, [2.5 * i], peak=i % 5)])
        kept = [tuple(row)[:9] for row in store._connection.execute("SELECT * FROM zone_quarter")]
        bins = [tuple(row) for row in store._connection.execute("SELECT * FROM dwell_quarter")]
        for table in ("gate", "zone", "dwell", "camera", "lane"):
            store._connection.execute(f"DROP TABLE {table}_quarter")
        store._connection.execute("DELETE FROM _sqlite_migrations WHERE name = '0002_quarters'")
        migrate(store._connection)
        assert [tuple(row) for row in store._connection.execute("SELECT * FROM zone_quarter")] == kept
        assert [tuple(row) for row in store._connection.execute("SELECT * FROM dwell_quarter")] == bins
