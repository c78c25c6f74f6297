"""What the box tells of itself when it connects, and how its sync is doing."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from sync.happenings import ProtocolName
from sync.outbox import Backlog, Stream
from sync.trouble import TroubleKind

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class BirthFacts:
    """What the box tells the centre about itself whenever it connects."""

    version: str
    language: str
    cameras: tuple[str, ...]
    model: str
    clock: str
    """Such as `synced` or `unsynced`."""
    started_at: float
    """UTC seconds."""
    signing_key: str | None = None
    """Base64 of the public key that verifies our triggers."""
    sealing_key: str | None = None
    """Base64 of the public key that secrets for us are sealed with."""


@dataclass(frozen=True, slots=True)
class SyncStatus:
    """For the page, the metrics and `doctor`. Times are UTC seconds."""

    connected: bool = False
    protocol: ProtocolName | None = None
    last_ack_at: float | None = None
    last_error: str | None = None
    """What hinders the sending; None again as soon as the centre acknowledges."""
    trouble: TroubleKind | None = None
    """What kind of hindrance that is."""
    acknowledged: int = 0
    """Rows that the centre acknowledged since the start."""
    backlog: Mapping[Stream, Backlog] = field(default_factory=dict)

    def oldest_age_s(self, stream: Stream, now: float) -> float | None:
        """For how long the oldest row of a stream has waited; None when none waits."""
        waiting = self.backlog.get(stream)
        return None if waiting is None or waiting.oldest_at is None else max(0.0, now - waiting.oldest_at)


class Report:
    """Keeps the status as things happen. Written by the line's thread, read by any."""

    def __init__(self) -> None:
        self.status = SyncStatus()

    def up(self, protocol: ProtocolName) -> None:
        """The broker has accepted us."""
        self.status = replace(self.status, connected=True, protocol=protocol)

    def down(self) -> None:
        """The connection is gone."""
        self.status = replace(self.status, connected=False, protocol=None)

    def fault(self, text: str, kind: TroubleKind = "other") -> None:
        """This hinders the sending."""
        if text != self.status.last_error:
            log.warning("sync: %s", text)
            self.status = replace(self.status, last_error=text, trouble=kind)

    def well(self) -> None:
        """Nothing hinders the sending any more."""
        self.status = replace(self.status, last_error=None, trouble=None)

    def acknowledged(self, rows: int) -> None:
        """The centre has them. With none it only answered our birth document: what hindered still does."""
        self.status = replace(
            self.status, last_ack_at=time.time(), acknowledged=self.status.acknowledged + rows
        )
        if rows:
            self.well()

    def counted(self, backlog: Mapping[Stream, Backlog]) -> None:
        """What waits now."""
        self.status = replace(self.status, backlog=backlog)
