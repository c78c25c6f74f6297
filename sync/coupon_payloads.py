"""The payloads of parking coupons: a box's decision, the centre's answer, a coupon's use, and the documents
that the centre pushes down. All strict and bounded: a hostile one is refused before it costs anything."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, NonNegativeFloat, model_validator

from pipelines.members import DIGEST_BYTES
from sync.fields import BoxId, Count, Name, Payload, Time

TRIGGER: Final = "storeedge/trigger/1"
REDEEMED: Final = "storeedge/redeemed/1"
ANSWER: Final = "storeedge/trigger-answer/1"
REPLY: Final = "storeedge/reply/1"
MEMBERS: Final = "storeedge/members/1"
MEMBER_KEYS: Final = "storeedge/member-keys/1"
OFFERS: Final = "storeedge/offers/1"
COUPONS: Final = "storeedge/coupons/1"

MOST_PER_PIECE: Final = 12_000
"""Members in one piece of a list: 192,000 letters."""
MOST_PIECES: Final = 256
"""Three million members."""
DIGEST_LETTERS: Final = DIGEST_BYTES * 4 // 3

Token = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Nonce = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
SignerId = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
Signature = Annotated[str, Field(pattern=r"^[A-Za-z0-9+/]{86}==$")]
"""Ed25519, base64."""
MemberKeyId = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,32}$")]
Code = Annotated[str, Field(pattern=r"^[0-9A-Z-]{4,32}$")]
"""A coupon's code as people read and type it."""
Texts = Annotated[
    dict[Annotated[str, Field(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")], str],
    Field(min_length=1, max_length=4),
]
"""By language, such as `zh-CN` and `en`."""


class _ShortTexts(Payload):
    @staticmethod
    def _short(texts: dict[str, str], most: int) -> None:
        if any(not 0 < len(text) <= most for text in texts.values()):
            raise ValueError(f"a text for the screen has 1 to {most} letters")


class TriggerBody(Payload):
    """A decision about a coupon. A late one is kept for the books, never acted upon after `expires_at`."""

    key: Name = Field(description="Idempotency key: one decision has one key, however often it arrives.")
    lane: Name
    direction: Literal["entry", "exit"]
    decision: Literal["issued", "suppressed"]
    reason: Name | None = Field(default=None, description="Why it was suppressed.")
    offer: Name | None = None
    at: Time
    expires_at: Time | None = None
    token: Token | None = Field(
        default=None, description="HMAC-SHA-256 of the plate of a member, never the plate."
    )
    member: bool | None = None
    minutes_parked: NonNegativeFloat | None = None
    rule: Name | None = Field(default=None, description="The rule that decided.")
    session: Name | None = Field(default=None, description="The stay, by a number that means nothing else.")
    token_key: MemberKeyId | None = Field(default=None, description="Id of the key that made the token.")
    nonce: Nonce | None = Field(default=None, description="Random; never comes twice.")
    signed_by: SignerId | None = Field(default=None, description="Id of the box's key.")
    signature: Signature | None = Field(
        default=None, description="Ed25519 of schema, box and body; see sync/trigger_signing.py."
    )


class RedeemedBody(Payload):
    """A coupon was used at this box's car park or store. The centre counts the first use only."""

    key: Name = Field(description="Idempotency key of this use.")
    code: Code
    at: Time
    lane: Name | None = None
    amount: NonNegativeFloat | None = Field(default=None, description="What it saved, in the store's money.")


class TriggerAnswer(_ShortTexts):
    """The centre's answer to a trigger, on `down/call/{id}`: what the screen may say now."""

    schema_: Literal["storeedge/trigger-answer/1"] = Field(alias="schema")
    key: Name = Field(description="The trigger's.")
    lane: Name
    decision: Literal["accepted", "refused"]
    reason: Name | None = Field(default=None, description="Why it was refused.")
    offer: Name | None = None
    code: Code | None = Field(default=None, description="The coupon; it can be used once.")
    headline: Texts | None = None
    detail: Texts | None = None
    qr: Annotated[str, Field(max_length=300)] | None = Field(default=None, description="What the QR says.")
    use_until: Time | None = Field(default=None, description="From then on the coupon is worth nothing.")
    expires_at: Time = Field(description="The trigger's: nothing is shown from then on.")
    signed_by: SignerId | None = None
    signature: Signature | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.decision == "accepted") != (self.code is not None):
            raise ValueError("an accepted trigger has a code, a refused one none")
        for texts, most in ((self.headline, 60), (self.detail, 200)):
            if texts is not None:
                self._short(texts, most)
        return self


class Reply(Payload):
    """The box's answer to a call, on `up/reply/{id}`."""

    schema_: Literal["storeedge/reply/1"] = Field(alias="schema")
    box: BoxId
    ok: bool
    reason: Annotated[str, Field(max_length=300)] | None = None


class Document(Payload):
    """What every retained document has. Its version never goes back; all pieces of a version make it
    complete; from `expires_at` on it is not used."""

    tenant: BoxId
    version: Annotated[int, Field(ge=1, le=2**53 - 1)]
    piece: Annotated[int, Field(ge=1, le=MOST_PIECES)] = 1
    pieces: Annotated[int, Field(ge=1, le=MOST_PIECES)] = 1
    expires_at: Time
    signed_by: SignerId | None = Field(default=None, description="Id of the centre's key.")
    signature: Signature | None = Field(default=None, description="Ed25519 of schema, topic's name and body.")

    @model_validator(mode="after")
    def _counted(self) -> Self:
        if self.piece > self.pieces:
            raise ValueError("the piece's number is above the number of pieces")
        return self


class MembersDocument(Document):
    """A piece of the list of members, as one key sees them."""

    schema_: Literal["storeedge/members/1"] = Field(alias="schema")
    key: MemberKeyId
    members: str = Field(
        max_length=MOST_PER_PIECE * DIGEST_LETTERS,
        description="The first 12 bytes of each token, one after the other, in base64.",
    )


class SealedKey(Payload):
    """A member key that only one box can open."""

    id: MemberKeyId
    valid_from: Time
    valid_until: Time
    sealed: Annotated[str, Field(pattern=r"^[A-Za-z0-9+/]{64,256}={0,2}$")]


class MemberKeysDocument(Document):
    """The keys of the member lists, sealed for one box."""

    schema_: Literal["storeedge/member-keys/1"] = Field(alias="schema")
    box: Name = Field(description="`tenant/store/box`")
    keys: Annotated[tuple[SealedKey, ...], Field(max_length=16)]


class Benefit(Payload):
    """What a coupon gives, in the words that parking systems share."""

    kind: Literal["amount", "minutes", "percent", "free", "free_until", "gift"]
    value: NonNegativeFloat | None = Field(
        default=None, description="Money, minutes, or percent; null for `free` and `gift`."
    )
    until: Time | None = Field(default=None, description="For `free_until`.")


class Offer(_ShortTexts):
    """One offer: what it gives and what the screen says."""

    id: Name
    headline: Texts
    detail: Texts
    benefit: Benefit
    valid_from: Time
    valid_until: Time
    members_only: bool = True
    use_within_s: Annotated[int, Field(ge=60, le=366 * 86_400)] = Field(
        default=7 * 86_400, description="A coupon can be used for so long after it was issued."
    )
    per_member_day: Count | None = Field(default=None, description="At the centre, over all stores.")
    per_day: Count | None = Field(default=None, description="Coupons of this offer a day, over all stores.")
    general_qr: Annotated[str, Field(max_length=300)] | None = Field(
        default=None, description="For the screen while the centre cannot be reached; the same for all."
    )

    @model_validator(mode="after")
    def _sound(self) -> Self:
        self._short(self.headline, 60)
        self._short(self.detail, 200)
        if self.valid_from >= self.valid_until:
            raise ValueError("the offer ends before it begins")
        return self


class OffersDocument(Document):
    """All offers of a tenant."""

    schema_: Literal["storeedge/offers/1"] = Field(alias="schema")
    offers: Annotated[tuple[Offer, ...], Field(max_length=200)]


class CouponsDocument(Document):
    """Coupon rules in place of the site file's `coupons:`; their shape is the site file's."""

    schema_: Literal["storeedge/coupons/1"] = Field(alias="schema")
    rules: Annotated[tuple[dict[Name, Any], ...], Field(max_length=200)]


DOCUMENTS: Final[dict[str, type[MembersDocument | MemberKeysDocument | OffersDocument | CouponsDocument]]] = {
    MEMBERS: MembersDocument,
    MEMBER_KEYS: MemberKeysDocument,
    OFFERS: OffersDocument,
    COUPONS: CouponsDocument,
}
"""Schema name to the model of a document on `down/doc/{name}`."""
CALLS: Final[dict[str, type[TriggerAnswer]]] = {ANSWER: TriggerAnswer}
"""Schema name to the model of a call on `down/call/{id}`."""
