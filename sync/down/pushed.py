"""What the centre has pushed, as the box uses it: offers and coupon rules, until they expire."""

from __future__ import annotations

from typing import Any

from sync.coupon_payloads import CouponsDocument, Offer, OffersDocument
from sync.down.documents import Documents


def pushed_offers(documents: Documents, now: float) -> tuple[Offer, ...] | None:
    """The centre's offers; None when there are none, or they have expired (`now` in UTC seconds)."""
    text = _in_use(documents, "offers", now)
    return None if text is None else OffersDocument.model_validate_json(text).offers


def pushed_rules(documents: Documents, now: float) -> tuple[dict[str, Any], ...] | None:
    """The centre's coupon rules, in the shape of the site file's; None: the site file's own hold."""
    text = _in_use(documents, "coupons", now)
    return None if text is None else CouponsDocument.model_validate_json(text).rules


def _in_use(documents: Documents, name: str, now: float) -> str | None:
    held = documents.held().get(name)
    if held is None or now >= held.expires_at:
        return None
    texts = documents.bodies(name)
    return texts[0] if texts else None
