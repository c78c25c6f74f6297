"""A box and a hub with coupons, on the real store, the real books and a real broker."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC
from pathlib import Path
from typing import Any

from edge.store import Store
from edge.store.documents import StoredDocuments
from pipelines.members import MemberKey
from pipelines.tokens import token_of
from sync.bodies import utc
from sync.broker import Broker
from sync.coupon_payloads import MEMBER_KEYS, TRIGGER, TriggerAnswer, TriggerBody
from sync.down.authority import Authority
from sync.down.downlink import Downlink
from sync.down.judging import Check
from sync.down.members import MemberKeeper
from sync.hub.coupon_books import open_books
from sync.hub.coupon_service import CouponFiles, CouponService
from sync.hub.coupons import Caps
from sync.hub.databases import is_postgres, open_ledger
from sync.hub.member_keys import KeyRing
from sync.hub.membership import Membership
from sync.hub.receiver import Hub
from sync.keys import KeyPair
from sync.publisher import Publisher
from sync.topics import BoxIdentity
from sync.trigger_signing import sign_trigger
from tests.sync.fakes import BACKOFF, FACTS, QUICK, MemoryOutbox, wait_for

BOX = BoxIdentity("rainbow", "sz-futian", "box-01")
CAR = "粤B12345"
WEEK_S = 7 * 86_400.0

OFFER: dict[str, Any] = {
    "id": "coffee",
    "headline": {"zh-CN": "咖啡券", "en": "A coffee for you"},
    "detail": {"zh-CN": "一楼兑换", "en": "On the ground floor"},
    "benefit": {"kind": "gift"},
    "valid_from": "2026-01-01T00:00:00Z",
    "valid_until": "2099-01-01T00:00:00Z",
}
FOR_ALL = OFFER | {"id": "parking", "members_only": False, "benefit": {"kind": "minutes", "value": 120}}


class HeadOffice:
    """What commands do beside a hub."""

    def __init__(self, db: Path | str, beside: Path | None = None) -> None:
        """`db` is the hub's; for a PostgreSQL `beside` says where the keys lie."""
        self.files = CouponFiles.of(db, beside)
        self.books = open_books(self.files.books)
        self.membership = Membership(self.books)
        self.ring = KeyRing(self.files.member_keys)

    def key(self, key_id: str, begins_s: float = -60.0, ends_s: float = WEEK_S) -> MemberKey:
        """Make a member key; seconds from now."""
        now = time.time()
        return self.ring.add("rainbow", key_id, now + begins_s, now + ends_s)

    def members(self, key: MemberKey, members: Mapping[str, str]) -> None:
        """Put plates and members in place of a key's list."""
        now = time.time()
        self.membership.replace_members("rainbow", key, members.items(), now + WEEK_S, now)

    def offers(self, *offers: dict[str, Any]) -> int:
        now = time.time()
        return self.membership.replace_offers("rainbow", list(offers), now + WEEK_S, now)

    def verdicts(self) -> list[tuple[str, str, str | None]]:
        """Key, verdict, reason of everything in the books."""
        rows = self.books.db.execute('SELECT "key", verdict, reason FROM decision ORDER BY decided_at, seq')
        return [tuple(row) for row in rows]


@contextmanager
def coupon_hub(
    url: str,
    db: Path | str,
    beside: Path | None = None,
    *,
    first_use: bool = True,
    caps: Caps | None = None,
    name: str = "hub",
) -> Iterator[Hub]:
    ledger = open_ledger(db)
    files = CouponFiles.of(db, beside)
    service = CouponService(files, UTC, caps=caps or Caps(None, None), first_use=first_use, place=url)
    ready = threading.Event()
    hub = Hub(
        Broker.parse(url), ledger, name, backoff_s=BACKOFF, coupons=service,
        one_of_several=is_postgres(db), on_ready=ready.set,
    )  # fmt: skip
    thread = threading.Thread(target=hub.run)
    thread.start()
    try:
        assert ready.wait(10), "the hub did not get ready"
        yield hub
    finally:
        hub.stop()
        thread.join(10)
        assert not thread.is_alive()
        service.close()
        ledger.close()


class CouponBox:
    """One box: the real store's documents, keys in a file, an outbox in memory."""

    def __init__(
        self,
        url: str,
        folder: Path,
        *,
        box: BoxIdentity = BOX,
        authority: Authority | None = None,
        checks: Mapping[str, Check] | None = None,
    ) -> None:
        self.box = box
        self.outbox = MemoryOutbox()
        self.keys = KeyPair.open(folder / "box.key")
        self.store = Store.open(folder / "edge.db", tenant=box.tenant, store=box.store, box=box.box)
        self.documents = StoredDocuments(self.store)
        self.keeper = MemberKeeper(box, self.keys, self.documents)
        self.keeper.refresh()
        self.answers: list[tuple[float, TriggerAnswer]] = []
        downlink = Downlink(
            box,
            self.documents,
            on_answer=lambda answer: self.answers.append((time.monotonic(), answer)),
            on_document=self.keeper.document,
            authority=authority,
            checks={MEMBER_KEYS: self.keeper.check} | dict(checks or {}),
        )
        facts = replace(FACTS, signing_key=str(self.keys.public), sealing_key=str(self.keys.sealing_public))
        self.line = Publisher(
            self.outbox, box, Broker.parse(url), lambda: facts,
            pacing=QUICK, backoff_s=BACKOFF, downlink=downlink,
        )  # fmt: skip

    def __enter__(self) -> CouponBox:
        self.line.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.line.stop()
        self.store.close()

    def decide(self, key: str, offer: str = "coffee", **given: Any) -> TriggerBody:
        """Put a signed trigger for the member's car into the outbox."""
        trigger = sign_trigger(self.made(key, offer, **given), self.box, self.keys)
        self.send(trigger)
        return trigger

    def made(self, key: str, offer: str = "coffee", **given: Any) -> TriggerBody:
        """A trigger, not yet signed."""
        now = time.time()
        return TriggerBody(
            **{
                "key": key,
                "lane": "exit-1",
                "direction": "exit",
                "decision": "issued",
                "offer": offer,
                "at": utc(now),
                "expires_at": utc(now + 60),
                "minutes_parked": 95.5,
            }
            | given
        )

    def send(self, trigger: TriggerBody) -> None:
        expires_at = trigger.expires_at
        self.outbox.put(
            "trigger", TRIGGER, trigger.text(), None if expires_at is None else expires_at.timestamp()
        )
        self.line.nudge()

    def of_member(self, key: MemberKey, plate: str = CAR) -> dict[str, Any]:
        """The fields of a trigger for a member's car."""
        return {"member": True, "token": token_of(plate, key.secret), "token_key": key.id}

    def wait(self, *names: str) -> None:
        """Until these documents are in use and read."""
        wait_for(lambda: set(names) <= self.documents.held().keys(), why=self.documents.held)
        if any(name.startswith("members-") for name in names):
            wait_for(lambda: len(self.keeper.book) > 0)

    def answered(self, count: int) -> list[TriggerAnswer]:
        """The first answers, in order of arrival."""
        wait_for(lambda: len(self.answers) >= count, why=lambda: (self.answers, self.line.status()))
        return [answer for _, answer in self.answers]
