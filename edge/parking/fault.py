"""A fault of ours while a car is dealt with: told by its place, never by its words, which may be a plate."""

from __future__ import annotations

import logging
import traceback

from edge.log import fields

log = logging.getLogger("edge.parking")


def log_fault(error: Exception) -> None:
    """One line with the kind of fault and its place; neither its text nor anything that it held."""
    at = traceback.extract_tb(error.__traceback__)[-1]
    log.error(
        "a car cannot be dealt with: %s", type(error).__name__, extra=fields(at=f"{at.name}:{at.lineno}")
    )
