"""What the tests of sync share."""

from __future__ import annotations

from tests.broker import mosquitto

__all__ = ["mosquitto"]
