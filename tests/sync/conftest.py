"""What the tests of sync share."""

from __future__ import annotations

from tests.broker import mosquitto
from tests.postgres import postgres

__all__ = ["mosquitto", "postgres"]
