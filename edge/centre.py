"""The line to the centre: what goes up, what comes down, and the keys by which both sides prove it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final

from edge.broker import broker_of
from edge.clock import SteadyClock, believable
from edge.config import SiteConfig
from edge.errors import StoreError
from edge.parking.car_park import CarPark
from edge.store.documents import StoredDocuments
from edge.store.store import Store
from pipelines.members import MemberBook
from sync.coupon_payloads import COUPONS, MEMBER_KEYS, TriggerAnswer
from sync.down.downlink import Downlink
from sync.down.judging import Check
from sync.down.members import MemberKeeper
from sync.errors import SyncError
from sync.keys import KeyPair
from sync.publisher import BirthFacts, Publisher
from sync.topics import BoxIdentity

KEY: Final = "box.key"
"""The box's own keys, beside its database."""


@dataclass(frozen=True, slots=True)
class Papers:
    """Who the box is, and what the centre has told it: needed with the line cut too."""

    identity: BoxIdentity
    keys: KeyPair
    documents: StoredDocuments
    members: MemberKeeper

    @staticmethod
    def open(config: SiteConfig, store: Store, data: Path, clock: Callable[[], float]) -> Papers:
        """As the last run left them. Raises SyncError."""
        site = config.site
        identity = BoxIdentity(site.tenant, site.store, site.box)
        keys = KeyPair.open(data / KEY)
        documents = StoredDocuments(store, clock)
        members = MemberKeeper(identity, keys, documents)
        try:
            members.refresh()
        except (StoreError, SyncError, ValueError) as error:
            raise SyncError(f"the list of members cannot be read: {error}") from error
        return Papers(identity, keys, documents, members)

    @property
    def book(self) -> MemberBook:
        """The newest."""
        return self.members.book


def line_to_centre(
    config: SiteConfig, store: Store, papers: Papers, car_park: CarPark | None, clock: SteadyClock
) -> Publisher | None:
    """The line, where the site file names one. Raises SyncError for a wrong address."""
    if config.sync is None:
        return None
    started_at = clock.now()

    def birth() -> BirthFacts:
        return BirthFacts(
            version=version("storeedge"),
            language=config.site.language,
            cameras=tuple(camera.id for camera in config.cameras),
            model=config.model,
            clock="synced" if believable(time.time()) else "unsynced",
            started_at=started_at,
            signing_key=str(papers.keys.public),
            sealing_key=str(papers.keys.sealing_public),
        )

    downlink = _downlink(papers, car_park)
    return Publisher(store, papers.identity, broker_of(config.sync), birth, downlink=downlink)


def _downlink(papers: Papers, car_park: CarPark | None) -> Downlink:
    def answered(answer: TriggerAnswer) -> None:
        if car_park is not None:
            car_park.desk.answered(answer)

    def document(name: str) -> None:
        papers.members.document(name)
        if car_park is not None:
            car_park.document(name)

    checks: dict[str, Check] = {MEMBER_KEYS: papers.members.check}
    if car_park is not None:
        checks[COUPONS] = car_park.check
    return Downlink(
        papers.identity, papers.documents, on_answer=answered, on_document=document, checks=checks
    )
