"""What the lanes' screens say: each car its own coupon, for a while, and the next car nothing of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from edge.lane_screen.board import Board, Notice
from pipelines.coupon_rules import Offer
from pipelines.coupons import Decision
from sync.coupon_payloads import TriggerAnswer

SHOW_S: Final = 45.0
"""A screen says no longer what the car before it got."""
OF_THE_STORE: Final = "unknown_offer"
"""The centre refuses what it does not know: the store's own offers, which need no coupon of the centre."""


class Screens:
    """For one thread at a time: the gatehouse's."""

    def __init__(self, board: Board | None) -> None:
        self._board = board
        self._shown: dict[str, Decision] = {}

    def show(self, lane: str, decision: Decision, offer: Offer, now: float) -> None:
        """Say what a car got; what it got before with the centre's own code, if that has come meanwhile."""
        if self._board is None or lane not in self._board.lanes:
            return
        until = min(decision.expires_at, now + SHOW_S)
        shown, notice = self._shown.get(lane), self._board.now(lane)
        if notice is not None and shown is not None and shown.key == decision.key:
            notice = replace(notice, until=until)
        else:
            notice = Notice(offer.headline, offer.detail, offer.qr, now, until)
        self._shown[lane] = decision
        self._board.show(lane, notice)

    def blank(self, lane: str) -> None:
        """Another car stands there: what the last one got is not for its eyes."""
        if self._board is not None and self._shown.pop(lane, None) is not None:
            self._board.show(lane, None)

    def answered(self, answer: TriggerAnswer) -> bool:
        """The centre has issued or refused a coupon: say so if its car is still there; whether it is."""
        decision = self._shown.get(answer.lane)
        if self._board is None or decision is None or decision.key != answer.key:
            return False
        notice = self._board.now(answer.lane)
        if notice is None or (answer.decision == "refused" and answer.reason == OF_THE_STORE):
            return False
        if answer.decision == "refused":
            self.blank(answer.lane)
            return True
        issued = Notice(
            answer.headline or notice.headline,
            answer.detail or notice.detail,
            answer.qr or notice.qr,
            notice.decided_at,
            min(notice.until, answer.expires_at.timestamp()),
        )
        self._board.show(answer.lane, issued)
        return True
