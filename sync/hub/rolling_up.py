"""A thread that keeps the ledger's sums of hours in step, beside the hub's own."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sync.hub.ledger import Ledger, LedgerError

log = logging.getLogger(__name__)

EVERY_S: Final = 5.0
"""How far the hours may be behind. While a backlog drains, an hour's minutes come within moments: longer than
one hour's worth takes, so that it is added up once and not for each batch."""


@contextmanager
def rolling_up(ledger: Ledger, every_s: float = EVERY_S) -> Iterator[None]:
    """Inside and once more at the end. Trouble with them holds up no message: they stay due."""
    done = threading.Event()
    thread = threading.Thread(target=_run, args=(ledger, every_s, done), name="hours", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join(every_s)


def _run(ledger: Ledger, every_s: float, done: threading.Event) -> None:
    last = False
    while not last:
        last = done.wait(every_s)
        try:
            ledger.roll_up()
        except LedgerError as error:
            log.error("hub: %s; trying again", error)
