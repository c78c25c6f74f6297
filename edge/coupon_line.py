"""The box's end of the coupons' line: its own keys, the centre's documents, the members, the answers."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge.store.documents import StoredDocuments
from edge.store.store import Store
from pipelines.members import MemberBook
from sync.coupon_payloads import MEMBER_KEYS, TriggerAnswer, TriggerBody
from sync.down.authority import Authority
from sync.down.downlink import Downlink
from sync.down.judging import Check
from sync.down.members import MemberKeeper
from sync.keys import KeyPair, PublicKey
from sync.topics import BoxIdentity
from sync.trigger_signing import sign_trigger

KEY_FILE: Final = "box.key"


@dataclass(frozen=True, slots=True)
class CouponLine:
    """Parts that belong together; `downlink` goes to the `Publisher`, the public keys to its birth facts."""

    box: BoxIdentity
    keys: KeyPair
    documents: StoredDocuments
    keeper: MemberKeeper
    downlink: Downlink

    def sign(self, trigger: TriggerBody) -> str:
        """The trigger with nonce, key id and signature, as the JSON text for the outbox."""
        return sign_trigger(trigger, self.box, self.keys).text()

    def members(self) -> MemberBook:
        """The newest book."""
        return self.keeper.book


def open_coupon_line(
    box: BoxIdentity,
    store: Store,
    data: Path,
    *,
    centre_keys: tuple[str, ...] = (),
    on_answer: Callable[[TriggerAnswer], None],
    on_document: Callable[[str], None] = lambda _name: None,
    checks: Mapping[str, Check] | None = None,
    clock: Callable[[], float] = time.time,
) -> CouponLine:
    """Open the box's key (made at its first start) and read what the centre sent before; works without a
    line. The callbacks are `Downlink`'s; `clock` gives UTC seconds. Raises SyncError or StoreError with what
    to do."""
    keys = KeyPair.open(data / KEY_FILE)
    documents = StoredDocuments(store, clock)
    keeper = MemberKeeper(box, keys, documents)
    keeper.refresh_or_keep()  # a list that cannot be read must not keep the box from counting

    def taken(name: str) -> None:
        keeper.document(name)
        on_document(name)

    downlink = Downlink(
        box,
        documents,
        on_answer=on_answer,
        on_document=taken,
        authority=Authority(PublicKey.parse(key) for key in centre_keys),
        checks={MEMBER_KEYS: keeper.check} | dict(checks or {}),
    )
    return CouponLine(box, keys, documents, keeper, downlink)
