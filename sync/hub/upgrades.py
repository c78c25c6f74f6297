"""How the hub reads a version N-1: the body of the older schema made into the body of the newer. Pure.

A field or scope that comes later needs nothing here (version 1 may grow: tests/sync/golden). A changed
meaning is a new schema, `storeedge/minute/2` beside `storeedge/minute/1`: its model goes into
`sync/payloads.py` ·
`MESSAGES` in the older one's place, and the older one's name here with what turns its body into the newer's.
The message is kept as it came, under its own name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

Body = Mapping[str, Any]
Upgrade = Callable[[Body], Body]

UPGRADES: Final[dict[str, tuple[str, Upgrade]]] = {}
"""Older schema to the newer one, and how."""


def newest(schema: str, body: Body) -> tuple[str, Body]:
    """The schema and body of today. Raises KeyError, TypeError or ValueError for a body that is not the older
    schema's."""
    while schema in UPGRADES:
        schema, upgrade = UPGRADES[schema]
        body = upgrade(body)
    return schema, body


def newest_name(schema: str) -> str:
    """What `newest` will call it."""
    while schema in UPGRADES:
        schema = UPGRADES[schema][0]
    return schema
