"""What the centre's coupon desk decides and keeps: plain values, and the narrow door to its books."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal, Protocol

from sync.coupon_payloads import Offer, TriggerBody
from sync.keys import PublicKey
from sync.topics import BoxIdentity

Verdict = Literal["accepted", "refused", "late", "suppressed", "repeat"]
Reason = Literal[
    "unsigned", "unknown_key", "bad_signature", "replayed", "no_expiry", "expiry_too_far",
    "unknown_offer", "offer_not_valid", "unknown_member", "members_only",
    "member_day_cap", "member_week_cap", "member_offer_cap", "offer_day_cap",
]  # fmt: skip
Refusal = Literal["unknown_code", "already_redeemed", "ended"]


@dataclass(frozen=True, slots=True)
class Arrival:
    """A trigger that the hub holds: committed, acknowledged, not yet decided."""

    box: BoxIdentity
    epoch: str
    seq: int
    text: str
    """The body as it came."""
    body: TriggerBody


@dataclass(frozen=True, slots=True)
class Decision:
    """What became of a trigger. Times are UTC seconds."""

    arrival: Arrival
    verdict: Verdict
    reason: str | None
    proven: bool
    """Signed by the box, and the first with its key: only such a one is answered and counted."""
    decided_at: float
    day: int
    week: int
    member: str | None = None
    code: str | None = None
    use_until: float | None = None
    answer: str | None = None
    """JSON of a `storeedge/trigger-answer/1`."""


@dataclass(frozen=True, slots=True)
class Answer:
    """To be sent to a box on `down/call/{id}`."""

    box: BoxIdentity
    id: str
    text: str
    expires_at: float


@dataclass(frozen=True, slots=True)
class Redemption:
    """What came of an attempt to use a coupon."""

    code: str
    refusal: Refusal | None
    """None: it is used now, and never again."""
    offer: str | None = None
    redeemed_at: float | None = None
    """When it was used, now or before."""


@dataclass(frozen=True, slots=True)
class MemberListing:
    """A list of members in use."""

    tenant: str
    key: str
    version: int
    expires_at: float
    members: int
    pieces: int
    most_pieces: int


class CouponBooks(Protocol):
    """Where the desk keeps its books. All in `transaction` is kept together or not at all."""

    def transaction(self) -> AbstractContextManager[None]:
        """Durable when it ends; other desks wait. Raises LedgerError."""
        ...

    def trusted(self, box: BoxIdentity) -> Sequence[PublicKey]:
        """The keys by which a box may sign."""
        ...

    def earlier(self, box: BoxIdentity, key: str) -> Answer | Literal[False] | None:
        """The answer to a decided trigger with this key, None for one that got none; False: not decided."""
        ...

    def nonce_known(self, box: BoxIdentity, nonce: str) -> bool:
        """Whether a proven trigger of the box had it."""
        ...

    def offer(self, tenant: str, offer: str) -> Offer | None:
        """An offer by its id."""
        ...

    def member(self, tenant: str, key: str, token: str, now: float) -> str | None:
        """Whose car it is."""
        ...

    def accepted(self, tenant: str, which: Mapping[str, str | int]) -> int:
        """Coupons issued that agree with all that is named, of member, offer, day and week."""
        ...

    def decided(self, box: BoxIdentity, epoch: str, seq: int) -> bool:
        """Whether this very message is in the books."""
        ...

    def keep(self, decision: Decision) -> None:
        """Enter it into the books."""
        ...

    def take_upto(self, box: BoxIdentity, epoch: str, upto: int) -> None:
        """All triggers up to here are decided."""
        ...

    def taken(self, box: BoxIdentity, epoch: str) -> int:
        """Up to where they are; -1: none yet."""
        ...

    def all_taken(self) -> Mapping[tuple[BoxIdentity, str], int]:
        """The same for every box and epoch of which any are."""
        ...

    def replied(self, box: BoxIdentity, id_: str, now: float) -> None:
        """A box has the answer."""
        ...

    def unanswered(self, box: BoxIdentity, now: float) -> Iterable[Answer]:
        """Answers that the box has not confirmed and that are still worth something."""
        ...

    def redeem(self, code: str, *, at: float, by: str, key: str, amount: float | None = None) -> Redemption:
        """Use a coupon, once. `(by, key)` names the attempt: the same again has the same outcome."""
        ...
