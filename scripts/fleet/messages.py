"""What the boxes of a fleet have to tell: the same minutes for all, each with a number that adds up."""

from __future__ import annotations

import uuid
from dataclasses import replace
from functools import cache
from typing import Final

from pipelines.records import GateWindow, Window
from scripts.benches.hub import windows
from sync.bodies import minute_body, trigger_body, utc
from sync.coupon_payloads import TRIGGER, TriggerBody
from sync.outbox import OutboxRow
from sync.payloads import MINUTE

START: Final = 1_780_000_200 // 3600 * 3600
EPOCH: Final = "fleet"
TRIGGER_LIFE_S: Final = 900.0


def entries(seq: int) -> int:
    """Who came in, in the minute of this number."""
    return 10 + seq % 7


def minute_row(seq: int) -> OutboxRow:
    """A box's minute, 2.3 kB of seven windows."""
    return OutboxRow("data", EPOCH, seq, MINUTE, _minute(seq), 0.0)


@cache
def _minute(seq: int) -> str:
    start = START + 60 * (seq - 1)
    return minute_body(start, [_counted(window, seq) for window in windows(start)])


def _counted(window: Window, seq: int) -> Window:
    return replace(window, entries=entries(seq)) if isinstance(window, GateWindow) else window


def trigger_row(seq: int, made_at: float) -> OutboxRow:
    """A coupon's trigger, unsigned: the hub keeps and acknowledges it like any. `made_at` in UTC seconds."""
    expires_at = made_at + TRIGGER_LIFE_S
    body = TriggerBody(
        key=f"fleet-{seq}-{uuid.uuid4().hex}",
        lane="exit-1",
        direction="exit",
        decision="issued",
        offer="parking-2h",
        at=utc(made_at),
        expires_at=utc(expires_at),
        token=uuid.uuid4().hex * 2,
        token_key="2026w22",
        member=True,
        minutes_parked=93.5,
        rule="members-park-free",
        session=f"s-{seq}",
        nonce=uuid.uuid4().hex,
    )
    return OutboxRow("trigger", EPOCH, seq, TRIGGER, trigger_body(body), made_at, expires_at)
