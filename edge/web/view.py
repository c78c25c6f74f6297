"""All figures of one look, made once and shown on every open page."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from edge.clock_trust import is_dark
from edge.parking.status_api import ParkingStatus
from edge.web import figures, models, models_service, service, status
from edge.web.happenings import Happening, happenings
from edge.web.look import LASTING, Look, Observer


@dataclass(frozen=True, slots=True)
class View:
    """What the page shows."""

    today: models.Today
    gates: list[models.Gate]
    zones: list[models.Zone]
    lanes: list[models.Lane]
    cameras: list[models.Camera]
    sync: models.Sync
    queues: list[models_service.Queue]
    counters: list[models_service.Counter]
    areas: list[models_service.Area]
    parking: ParkingStatus | None
    """None on a box without lanes."""
    happenings: list[Happening]
    """What goes on first, then the newest."""

    no_date: bool
    """The time of day is not known: nothing belongs to a day."""

    @property
    def doors(self) -> bool:
        """Whether this box has gates; one without counts visits to its counters."""
        return bool(self.gates)


class Views:
    """The newest view; many pages that ask within the same half second get the same one."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._lock = threading.Lock()
        self._made: tuple[Look, View] | None = None

    def newest(self) -> View:
        """Look, unless somebody just did. Raises StoreError."""
        look, site, park = self._observer.look(), self._observer.site, self._observer.parking
        with self._lock:
            if self._made is None or self._made[0] is not look:
                view = View(
                    today=figures.today(look, site),
                    gates=figures.gates(look, site).gates,
                    zones=figures.zones(look, site).zones,
                    lanes=figures.lanes(look, site).lanes,
                    cameras=status.cameras(look, site).cameras,
                    sync=status.sync(look),
                    queues=service.queues(look, site).queues,
                    counters=service.counters(look, site).counters,
                    areas=service.areas(look, site).areas,
                    parking=None if park is None else park(look.day.begin, look.day.end),
                    no_date=is_dark(look.now),
                    happenings=happenings(look.events, LASTING, status.offline(look)),
                )
                self._made = (look, view)
            return self._made[1]
