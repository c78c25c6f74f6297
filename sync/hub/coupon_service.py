"""The centre's coupons beside a hub: keys are believed, triggers decided, answers and documents sent."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path
from typing import Final, TypeVar

from pydantic import ValidationError

from sync.coupon_payloads import REDEEMED, TRIGGER, RedeemedBody, TriggerBody
from sync.fields import Payload
from sync.hub.coupon_books import SqliteCouponBooks
from sync.hub.coupon_records import Answer, Arrival
from sync.hub.coupons import Caps, CouponDesk
from sync.hub.intake import BoxState, Intake, Message, Replied
from sync.hub.ledger import Ledger, LedgerError, Receipt
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


@dataclass(frozen=True, slots=True)
class CouponFiles:
    """Where a hub keeps its coupons, beside its database."""

    books: Path
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


class CouponService:
    """Used by the hub's thread only."""

    def __init__(
        self, files: CouponFiles, zone: tzinfo, *, caps: Caps | None = None, first_use: bool = True
    ) -> None:
        """`first_use`: believe the first keys that a box tells; without it each waits for `hub boxes trust`.
        Raises SyncError when a file cannot be used."""
        self._books = SqliteCouponBooks(files.books, patience_s=PATIENCE_S)
        self._membership = Membership(self._books)
        self._centre = KeyPair.open(files.centre_key)
        self._desk = CouponDesk(self._books, self._centre, zone, caps)
        self._first_use = first_use
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
        with _in_words():
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

    def catch_up(self, ledger: Ledger, now: float) -> list[Answer]:
        """Decide what an earlier run, or a failed attempt, left behind. Raises LedgerError."""
        answers: list[Answer] = []
        with _in_words():
            for receipt in ledger.trigger_streams():
                answers += self._take(receipt.box, receipt.epoch, receipt.upto, ledger, now)
        return answers

    def pump(self, publish: Callable[[str, str], int], now: float, monotonic: float) -> None:
        """Publish documents that boxes lack. Raises LedgerError, or SyncError when not connected."""
        with _in_words():
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


@contextmanager
def _in_words() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise LedgerError(f"the coupon books cannot be used: {error}") from error


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
