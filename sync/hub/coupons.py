"""The centre's coupon desk: proves a trigger, matches the member, applies the centre's own caps, issues.

A trigger is decided once, in one transaction with its entry in the books, after the hub has committed and
acknowledged it; a hub that dies in between decides it when it is back. What arrives after its expiry is kept
for the books and never issued.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from typing import Final

from sync.bodies import utc
from sync.canonical import signed_bytes
from sync.coupon_payloads import ANSWER, Offer, TriggerAnswer, TriggerBody
from sync.errors import SyncError
from sync.hub.coupon_records import Answer, Arrival, CouponBooks, Decision, Reason, Verdict
from sync.keys import KeyPair
from sync.trigger_signing import verifies

LONGEST_S: Final = 86_400.0
"""A trigger that lives longer is refused: it would be a coupon without end in the wrong hands."""
CODE_LETTERS: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's: none can be taken for another."""
CODE_LENGTH: Final = 12
"""60 bits: with a million coupons alive, a guess is right once in 10^12."""


@dataclass(frozen=True, slots=True)
class Caps:
    """The centre's own limits, over all stores of a tenant; None: no limit."""

    per_member_day: int | None = 1
    per_member_week: int | None = 3


@dataclass(frozen=True, slots=True)
class _Verdict:
    verdict: Verdict
    reason: str | None = None
    offer: Offer | None = None
    member: str | None = None


class CouponDesk:
    """Decides triggers. One thread."""

    def __init__(self, books: CouponBooks, centre: KeyPair, zone: tzinfo, caps: Caps | None = None) -> None:
        """`centre` signs the answers; `zone` is where the days of caps begin and end."""
        self._books, self._centre, self._zone = books, centre, zone
        self._caps = caps or Caps()

    def decide(self, arrivals: Sequence[Arrival], now: float) -> list[Answer]:
        """Decide all, in one transaction; the answers to be sent. Raises LedgerError: nothing was decided."""
        answers: list[Answer] = []
        if not arrivals:
            return answers
        with self._books.transaction():
            for arrival in arrivals:
                if self._books.decided(arrival.box, arrival.epoch, arrival.seq):
                    continue  # delivered again; an answer without a reply is sent again at the box's birth
                answer = self._decide(arrival, now)
                if answer is not None:
                    answers.append(answer)
        return answers

    def _decide(self, arrival: Arrival, now: float) -> Answer | None:
        body = arrival.body
        fault = self._unproven(arrival)
        if fault is None:
            earlier = self._books.earlier(arrival.box, body.key)
            if earlier is not False:
                self._keep(arrival, _Verdict("repeat"), now, proven=False)
                return earlier if earlier is not None and now < earlier.expires_at else None
            if body.nonce is not None and self._books.nonce_known(arrival.box, body.nonce):
                fault = "replayed"
        if fault is not None:
            self._keep(arrival, _Verdict("refused", fault), now, proven=False)
            return None
        return self._keep(arrival, self._judge(arrival, now), now, proven=True)

    def _unproven(self, arrival: Arrival) -> Reason | None:
        body = arrival.body
        if body.signature is None or body.signed_by is None or body.nonce is None:
            return "unsigned"
        key = next((k for k in self._books.trusted(arrival.box) if k.id == body.signed_by), None)
        if key is None:
            return "unknown_key"
        try:
            return None if verifies(arrival.text, arrival.box, key) else "bad_signature"
        except SyncError:
            return "bad_signature"

    def _judge(self, arrival: Arrival, now: float) -> _Verdict:
        body, tenant = arrival.body, arrival.box.tenant
        if body.decision == "suppressed":
            return _Verdict("suppressed", body.reason)
        if body.expires_at is not None and now >= body.expires_at.timestamp():
            return _Verdict("late")
        offer = None if body.offer is None else self._books.offer(tenant, body.offer)
        member = None
        if body.token is not None:
            member = self._books.member(tenant, body.token_key or "", body.token, now)
        reason = _faulty(body, offer, member, now) or self._held_back(tenant, offer, member, now)
        return _Verdict("accepted" if reason is None else "refused", reason, offer, member)

    def _held_back(self, tenant: str, offer: Offer | None, member: str | None, now: float) -> Reason | None:
        """The cap that is reached."""
        if offer is None:
            return "unknown_offer"
        day, week = self._days(now)
        caps: list[tuple[Reason, int | None, dict[str, str | int]]] = [
            ("offer_day_cap", offer.per_day, {"offer": offer.id, "day": day})
        ]
        if member is not None:
            caps += [
                ("member_day_cap", self._caps.per_member_day, {"member": member, "day": day}),
                ("member_week_cap", self._caps.per_member_week, {"member": member, "week": week}),
                ("member_offer_cap", offer.per_member_day, {"member": member, "offer": offer.id, "day": day}),
            ]
        for reason, cap, which in caps:
            if cap is not None and self._books.accepted(tenant, which) >= cap:
                return reason
        return None

    def _keep(self, arrival: Arrival, found: _Verdict, now: float, *, proven: bool) -> Answer | None:
        day, week = self._days(now)
        decision = Decision(arrival, found.verdict, found.reason, proven, now, day, week, member=found.member)
        answer = None
        if proven and found.verdict in {"accepted", "refused"} and arrival.body.expires_at is not None:
            decision = self._answered(decision, found.offer)
            answer = Answer(
                arrival.box,
                call_id(arrival.body.key),
                decision.answer or "",
                arrival.body.expires_at.timestamp(),
            )
        self._books.keep(decision)
        return answer

    def _answered(self, decision: Decision, offer: Offer | None) -> Decision:
        """With a code where it was accepted, and the signed text for the screen."""
        body, accepted = decision.arrival.body, decision.verdict == "accepted"
        if body.expires_at is None:
            return decision
        code = new_code() if accepted else None
        use_until = decision.decided_at + offer.use_within_s if accepted and offer is not None else None
        answer = TriggerAnswer(
            schema=ANSWER,
            key=body.key,
            lane=body.lane,
            decision="accepted" if accepted else "refused",
            reason=decision.reason,
            offer=body.offer,
            code=code,
            headline=offer.headline if accepted and offer else None,
            detail=offer.detail if accepted and offer else None,
            qr=code,
            use_until=None if use_until is None else utc(use_until),
            expires_at=body.expires_at,
            signed_by=self._centre.public.id,
        )
        fields = answer.model_dump(mode="json", by_alias=True)
        signature = self._centre.sign(signed_bytes(ANSWER, str(decision.arrival.box), fields))
        text = answer.model_copy(update={"signature": signature}).text()
        return replace(decision, code=code, use_until=use_until, answer=text)

    def _days(self, now: float) -> tuple[int, int]:
        day = datetime.fromtimestamp(now, self._zone).date()
        return day.toordinal(), day.toordinal() - day.weekday()


def _faulty(body: TriggerBody, offer: Offer | None, member: str | None, now: float) -> Reason | None:
    """What makes a coupon impossible, whatever the caps."""
    ends = None if body.expires_at is None else body.expires_at.timestamp()
    faults: list[tuple[Reason, bool]] = [
        ("no_expiry", ends is None),
        ("expiry_too_far", ends is not None and ends - now > LONGEST_S),
        ("unknown_offer", offer is None),
        ("unknown_member", body.token is not None and member is None),
        (
            "offer_not_valid",
            offer is not None and not offer.valid_from.timestamp() <= now < offer.valid_until.timestamp(),
        ),
        ("members_only", offer is not None and offer.members_only and member is None),
    ]
    return next((reason for reason, is_so in faults if is_so), None)


def new_code() -> str:
    """A coupon's code, such as `7K2M-Q0XR-3WBD`."""
    letters = "".join(secrets.choice(CODE_LETTERS) for _ in range(CODE_LENGTH))
    return "-".join(letters[i : i + 4] for i in range(0, CODE_LENGTH, 4))


def read_code(text: str) -> str:
    """A code as people type it: any case, with or without hyphens, O for 0 and I or L for 1."""
    plain = text.upper().translate(str.maketrans("OIL", "011", "- "))
    return "-".join(plain[i : i + 4] for i in range(0, len(plain), 4))


def call_id(key: str) -> str:
    """The id of the call that answers a trigger: the same for the same key."""
    return f"trigger-{hashlib.sha256(key.encode()).hexdigest()[:32]}"
