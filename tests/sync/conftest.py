"""What the tests of sync share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.broker import mosquitto
from tests.postgres import Postgres, postgres

__all__ = ["mosquitto", "postgres", "where"]


@pytest.fixture(params=["sqlite", "postgres"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> str | Path:
    """An empty database of either kind, for a hub."""
    if request.param == "sqlite":
        return tmp_path / "hub.db"
    server: Postgres = request.getfixturevalue("postgres")
    return server.database()
