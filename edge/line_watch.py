"""Says when something about the line to the centre needs a person: the broker refuses us, a certificate is
wrong or ends soon, another box has our name, the centre has been silent for long. What only passes, such as
an hour without internet, is on the page and no event. Pure but for the certificate's file: times are
arguments, steady UTC seconds."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509

from edge.clock import believable
from edge.config import SyncConfig
from edge.store.store import Store
from pipelines.patrol import Alarm
from pipelines.records import Event
from sync.outbox import STREAMS
from sync.publisher import Publisher
from sync.status import SyncStatus
from sync.trouble import TroubleKind

log = logging.getLogger("edge.line_watch")

LINE_REFUSED: Final = "line_refused"
LINE_CERTIFICATE: Final = "line_certificate"
LINE_TWIN: Final = "line_twin"
LINE_SILENT: Final = "line_silent"
CERTIFICATE_ENDS: Final = "certificate_ends"
NAMES: Final = (LINE_REFUSED, LINE_CERTIFICATE, LINE_TWIN, LINE_SILENT, CERTIFICATE_ENDS)
"""Events that begin and end."""

ABOUT: Final[dict[TroubleKind, str]] = {
    "refused": LINE_REFUSED,
    "not_admitted": LINE_REFUSED,
    "broker_unknown": LINE_CERTIFICATE,
    "broker_expired": LINE_CERTIFICATE,
    "broker_early": LINE_CERTIFICATE,
    "broker_name": LINE_CERTIFICATE,
    "own_certificate": LINE_CERTIFICATE,
    "twin": LINE_TWIN,
    "hung_up": LINE_TWIN,
}
"""The kinds of trouble that do not pass by themselves."""
LASTS_S: Final = 10.0
"""Shorter trouble is not told: a broker that is being set up anew refuses for moments."""
QUIET_S: Final = 60.0
"""Connected and without the trouble for so long: it is over, also where nothing waits to be acknowledged."""
SILENT_S: Final = 3600.0
"""Rows wait and none was acknowledged."""
RENEW_DAYS: Final = 30
CERTIFICATE_LOOK_S: Final = 3600.0
WORDS: Final = 300
"""Of what the other side said, in an event."""


@dataclass(slots=True)
class _Trouble:
    """One event's way in and out."""

    alarm: Alarm
    began_at: float | None = None
    seen_at: float = float("-inf")

    def see(self, now: float, detail: dict[str, str]) -> list[Event]:
        """It is so."""
        self.began_at = now if self.began_at is None else self.began_at
        self.seen_at = now
        return self.alarm.begin(self.began_at, **detail) if now - self.began_at >= LASTS_S else []

    def over(self, now: float) -> list[Event]:
        """It is so no more."""
        self.began_at = None
        return self.alarm.end(now, "accepted")


class LineWatch:
    """The line's troubles, looked at once a second."""

    def __init__(
        self,
        status: Callable[[], SyncStatus],
        certificate: Path | None,
        now: float,
        under_way: Iterable[Event] = (),
    ) -> None:
        """certificate: this box's own. under_way: events of the last run that have not ended."""
        self._status = status
        begun = {event.name: event for event in under_way}
        alarms = {name: Alarm(name, None, None, begun.get(name)) for name in NAMES}
        self._troubles = [_Trouble(alarms[name]) for name in dict.fromkeys(ABOUT.values())]
        self._silent = alarms[LINE_SILENT]
        self._certificate = CertificateWatch(certificate, alarms[CERTIFICATE_ENDS])
        self._acknowledged = 0
        self._heard_at = now

    def look(self, now: float) -> list[Event]:
        """What begins or ends."""
        status = self._status()
        heard = status.acknowledged != self._acknowledged
        if heard:
            self._acknowledged, self._heard_at = status.acknowledged, now
        told = [event for trouble in self._troubles for event in _meet(trouble, status, heard, now)]
        return [*told, *self._silence(status, heard, now), *self._certificate.look(now)]

    def _silence(self, status: SyncStatus, heard: bool, now: float) -> list[Event]:
        if heard:
            return self._silent.end(now, "answered")
        ages = [age for stream in STREAMS if (age := status.oldest_age_s(stream, now)) is not None]
        if now - self._heard_at < SILENT_S or not ages or max(ages) < SILENT_S:
            return []
        return self._silent.begin(self._heard_at, **_detail(status))


class CertificateWatch:
    """This box's certificate: told 30 days before it ends."""

    def __init__(self, path: Path | None, alarm: Alarm) -> None:
        self._path, self._alarm = path, alarm
        self._looked_at = float("-inf")

    def look(self, now: float) -> list[Event]:
        """What begins or ends; the file is read once an hour."""
        if self._path is None or not believable(now) or 0 <= now - self._looked_at < CERTIFICATE_LOOK_S:
            return []
        self._looked_at = now
        ends_at = ends(self._path)
        if ends_at is None:
            return []  # the line itself says that it cannot be used
        days = int((ends_at - now) // 86_400)
        if days >= RENEW_DAYS:
            return self._alarm.end(now, "renewed")
        return self._alarm.begin(now, days=max(0, days))


def ends(certificate: Path) -> float | None:
    """When a certificate ends, in UTC seconds; None when the file cannot be read as one."""
    try:
        return x509.load_pem_x509_certificate(certificate.read_bytes()).not_valid_after_utc.timestamp()
    except (OSError, ValueError) as error:
        log.warning("cannot read the certificate %s: %s", certificate, error)
        return None


def watch_line(
    publisher: Publisher | None, sync: SyncConfig | None, store: Store, now: float
) -> list[LineWatch]:
    """The watch of a box that has a centre."""
    if publisher is None or sync is None:
        return []
    return [LineWatch(publisher.status, sync.cert, now, store.events_under_way(NAMES))]


def _meet(trouble: _Trouble, status: SyncStatus, heard: bool, now: float) -> list[Event]:
    if status.trouble is not None and ABOUT.get(status.trouble) == trouble.alarm.name:
        return trouble.see(now, _detail(status))
    quiet = status.connected and status.trouble is None and now - trouble.seen_at >= QUIET_S
    return trouble.over(now) if heard or quiet else []


def _detail(status: SyncStatus) -> dict[str, str]:
    said = {"trouble": status.trouble or "silent"}
    return said | ({"words": status.last_error[:WORDS]} if status.last_error else {})
