"""The centre's coupons beside a hub: keys are believed, triggers decided, answers and documents sent."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path
from typing import Final, TypeVar

from pydantic import ValidationError

from sync.coupon_payloads import REDEEMED, TRIGGER, RedeemedBody, TriggerBody
from sync.errors import SyncError
from sync.fields import Payload
from sync.hub.coupon_books import open_books
from sync.hub.coupon_records import Answer, Arrival
from sync.hub.coupons import Caps, CouponDesk
from sync.hub.databases import is_postgres
from sync.hub.intake import BoxState, Intake, Message, Replied
from sync.hub.ledger import Ledger, Receipt
from sync.hub.member_keys import KeyRing
from sync.hub.membership import Membership
from sync.hub.post import Post
from sync.keys import KeyPair
from sync.topics import BoxIdentity

P = TypeVar("P", bound=Payload)

log = logging.getLogger(__name__)

AT_ONCE: Final = 500
"""Triggers of one transaction."""
PATIENCE_S: Final = 0.25
"""For a command that writes the books. Figures must not wait behind coupons: the hub tries again later."""
PATIENCE_WITH_HUBS_S: Final = 2.0
"""The same where other hubs decide too: 500 triggers take one of them a second."""
LOOK_S: Final = 10.0
"""How often to look for triggers that another hub has acknowledged and then died before it decided them."""


@dataclass(frozen=True, slots=True)
class CouponFiles:
    """Where a hub keeps its coupons: the books in a file or a PostgreSQL, and two files of secrets."""

    books: Path | str
    member_keys: Path
    centre_key: Path

    @classmethod
    def beside(cls, db: Path) -> CouponFiles:
        """`hub.db` has `hub.coupons.db`, `hub.member-keys.json` and `hub.centre.key`."""
        return cls(
            db.with_name(f"{db.stem}.coupons.db"),
            db.with_name(f"{db.stem}.member-keys.json"),
            db.with_name(f"{db.stem}.centre.key"),
        )

    @classmethod
    def of(cls, db: str | Path, beside: Path | None = None) -> CouponFiles:
        """For a hub's database: in PostgreSQL the books lie with the figures, but the secrets beside the path
        `beside`, the same on every hub: who has a copy of the database alone can name no plate. Raises
        SyncError."""
        if not is_postgres(db):
            return cls.beside(Path(db) if beside is None else beside)
        if beside is None:
            raise SyncError(
                "where do the coupons' keys lie? give --coupons PATH: hub.db has them in "
                "hub.member-keys.json and hub.centre.key, the same files on every hub"
            )
        files = cls.beside(beside)
        if Path(files.books).exists():
            raise SyncError(
                f"there are coupon books in the file {files.books}, but those of this hub are in its "
                "PostgreSQL: move the file away if nothing in it counts any more"
            )
        return cls(str(db), files.member_keys, files.centre_key)


def books_of(db: str | Path) -> str | Path:
    """Where the books of a hub's database are, for who needs no keys."""
    return str(db) if is_postgres(db) else CouponFiles.beside(Path(db)).books


class CouponService:
    """Used by the hub's thread only."""

    def __init__(
        self,
        files: CouponFiles,
        zone: tzinfo,
        *,
        caps: Caps | None = None,
        first_use: bool = True,
        place: str = "",
    ) -> None:
        """`first_use`: believe the first keys that a box tells; without it each waits for `hub boxes trust`.
        `place`: the broker; of several hubs with the same books one brings documents to each broker's boxes.
        Raises SyncError when a file cannot be used."""
        patience_s = PATIENCE_WITH_HUBS_S if is_postgres(files.books) else PATIENCE_S
        self._books = open_books(files.books, patience_s=patience_s)
        self._membership = Membership(self._books)
        self._centre = KeyPair.open(files.centre_key)
        self._desk = CouponDesk(self._books, self._centre, zone, caps)
        self._first_use, self._place = first_use, place
        self._looked_at = self._led_at = float("-inf")
        self._leads = False
        self.post = Post(self._membership, KeyRing(files.member_keys), self._centre)

    def close(self) -> None:
        """Let go of the files."""
        self._books.close()

    def committed(
        self, batch: Sequence[Intake], receipts: Iterable[Receipt], ledger: Ledger, now: float
    ) -> list[Answer]:
        """The hub holds a batch: what is to be sent to the boxes. Raises LedgerError; `catch_up` repairs.

        A live trigger that overtook expired ones, of a box that was away for long, is decided at once."""
        answers: list[Answer] = []
        for item in batch:
            match item:
                case BoxState():
                    answers += self._born(item, now)
                case Replied():
                    with self._books.transaction():
                        self._books.replied(item.box, item.call, now)
        upto = {(r.box, r.epoch): r.upto for r in receipts if r.stream == "trigger"}
        for (box, epoch), seq in upto.items():
            answers += self._take(box, epoch, seq, ledger, now)
        answers += self._desk.decide([a for a in _live(batch, now) if _ahead(a, upto)], now)
        return answers

    def overdue(self, monotonic: float) -> bool:
        """Whether it is time to `catch_up` again."""
        return monotonic - self._looked_at >= LOOK_S

    def catch_up(self, ledger: Ledger, now: float) -> list[Answer]:
        """Decide what an earlier run, a failed attempt or another hub left behind. Raises LedgerError."""
        self._looked_at = time.monotonic()
        answers: list[Answer] = []
        taken = self._books.all_taken()
        for receipt in ledger.trigger_streams():
            if receipt.upto > taken.get((receipt.box, receipt.epoch), -1):
                answers += self._take(receipt.box, receipt.epoch, receipt.upto, ledger, now)
        return answers

    def pump(self, publish: Callable[[str, str], int], now: float, monotonic: float) -> None:
        """Publish documents that boxes lack. Raises LedgerError, or SyncError when not connected."""
        if monotonic - self._led_at >= LOOK_S:
            self._led_at = monotonic
            self._leads = self._books.db.leads(self._place)
        if self._leads:
            self.post.pump(publish, now, monotonic)

    def _born(self, item: BoxState, now: float) -> list[Answer]:
        box, state = item.box, item.state
        if state.online and state.signing_key is not None and state.sealing_key is not None:
            keys = (state.signing_key, state.sealing_key)
            self._membership.told(box, *keys, now, first_use=self._first_use)
        self.post.seen(box, state)
        return list(self._books.unanswered(box, now)) if state.online else []

    def _take(self, box: BoxIdentity, epoch: str, upto: int, ledger: Ledger, now: float) -> Sequence[Answer]:
        """Decide the box's triggers that are held and not yet decided."""
        answers: list[Answer] = []
        taken = self._books.taken(box, epoch)
        while taken < upto:
            messages = ledger.triggers(box, epoch, taken, AT_ONCE)
            arrivals = [a for m in messages if m.schema == TRIGGER and (a := _arrival(m)) is not None]
            answers += self._desk.decide(arrivals, now)
            for message in messages:
                if message.schema == REDEEMED:
                    self._redeem(box, message)
            taken = messages[-1].identity.seq if len(messages) == AT_ONCE else upto
            with self._books.transaction():
                self._books.take_upto(box, epoch, min(taken, upto))
        return answers

    def _redeem(self, box: BoxIdentity, message: Message) -> None:
        used = _body(RedeemedBody, message)
        if used is None:
            return
        outcome = self._books.redeem(
            used.code, at=used.at.timestamp(), by=str(box), key=used.key, amount=used.amount
        )
        if outcome.refusal is not None:
            log.warning("hub: %s used the coupon %s: %s", box, outcome.code, outcome.refusal)


def _live(batch: Iterable[Intake], now: float) -> Iterator[Arrival]:
    for item in batch:
        if isinstance(item, Message) and item.schema == TRIGGER:
            arrival = _arrival(item)
            ends = None if arrival is None else arrival.body.expires_at
            if arrival is not None and ends is not None and now < ends.timestamp():
                yield arrival


def _ahead(arrival: Arrival, upto: Mapping[tuple[BoxIdentity, str], int]) -> bool:
    """Whether something before it has not come yet. A box whose birth document has not come has no `upto`,
    and its key is not known."""
    held = upto.get((arrival.box, arrival.epoch))
    return held is not None and arrival.seq > held


def _arrival(message: Message) -> Arrival | None:
    identity = message.identity
    body = _body(TriggerBody, message)
    if body is None:
        return None
    return Arrival(identity.box, identity.epoch, identity.seq, message.body, body)


def _body(model: type[P], message: Message) -> P | None:
    """None for what an earlier version took and this one does not: it must not hold up those after it."""
    try:
        return model.model_validate_json(message.body)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]["msg"]
        log.error("hub: %s/%d cannot be decided: %s", message.identity.box, message.identity.seq, fault)
        return None
