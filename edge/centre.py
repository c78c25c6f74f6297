"""The line to the centre as the main process has it: what goes up, and to whom that goes which comes down."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from edge.broker import broker_of
from edge.clock import SteadyClock
from edge.clock_trust import Trust
from edge.config import SiteConfig
from edge.coupon_line import open_coupon_line
from edge.parking.car_park import CarPark, check_rules
from edge.store.store import Store
from sync.coupon_payloads import COUPONS, TriggerAnswer
from sync.publisher import BirthFacts, Publisher
from sync.topics import BoxIdentity


class Centre:
    """Everything about the centre, also on a box that works alone: what it sent before still holds."""

    def __init__(
        self,
        config: SiteConfig,
        store: Store,
        data: Path,
        clock: SteadyClock,
        trust: Callable[[], Trust] = lambda: "plausible",
    ) -> None:
        """trust: how far the clock is trusted now. Raises SyncError for a wrong address or key, or
        StoreError."""
        self._trust = trust
        self._config, self._started_at = config, clock.now()
        self.car_park: CarPark | None = None
        """Who is told of rules and answers, once it is there."""
        site, sync = config.site, config.sync
        self.line = open_coupon_line(
            BoxIdentity(site.tenant, site.store, site.box),
            store,
            data,
            centre_keys=() if sync is None else tuple(sync.centre_keys),
            on_answer=self._answered,
            on_document=self._document,
            checks={COUPONS: check_rules},
            clock=clock.now,
        )
        self.publisher: Publisher | None = None
        """None on a box that works alone."""
        if sync is not None:
            self.publisher = Publisher(
                store,
                self.line.box,
                broker_of(sync),
                self._birth,
                downlink=self.line.downlink,
                clock=clock.now,
            )

    def start(self) -> None:
        """Begin to send and to listen."""
        if self.publisher is not None:
            self.publisher.start()

    def stop(self) -> None:
        """Say goodbye."""
        if self.publisher is not None:
            self.publisher.stop()

    def nudge(self) -> None:
        """New rows wait in the outbox."""
        if self.publisher is not None:
            self.publisher.nudge()

    def _birth(self) -> BirthFacts:
        return BirthFacts(
            version=version("storeedge"),
            language=self._config.site.language,
            cameras=tuple(camera.id for camera in self._config.cameras),
            model=self._config.model,
            clock="synced" if self._trust() == "synced" else "unsynced",
            started_at=self._started_at,
            signing_key=str(self.line.keys.public),
            sealing_key=str(self.line.keys.sealing_public),
        )

    def _answered(self, answer: TriggerAnswer) -> None:
        if self.car_park is not None:
            self.car_park.desk.answered(answer)

    def _document(self, name: str) -> None:
        if self.car_park is not None:
            self.car_park.document(name)
