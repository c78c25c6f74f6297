"""What the tests of a bad line share."""

from __future__ import annotations

from tests.broker import mosquitto

__all__ = ["mosquitto"]
