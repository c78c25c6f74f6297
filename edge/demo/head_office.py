"""What head office has done before the demo begins: members imported, offers and rules set, keys made.

The same calls as the commands `storeedge hub keys new`, `members import`, `offers` and `rules`; only the list
of members comes out of memory, because a file of it would hold plates.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import yaml

from sync.hub.coupon_books import open_books
from sync.hub.coupon_service import CouponFiles
from sync.hub.member_keys import KeyRing
from sync.hub.membership import Membership
from sync.keys import KeyPair

TENANT: Final = "demo"
DAY_S: Final = 86_400.0


def prepare_hub(database: Path, members: Iterable[str]) -> str:
    """Fill the coupon books beside the hub's database; the centre's public key. Raises SyncError."""
    found, now = CouponFiles.beside(database), time.time()
    books = open_books(found.books)
    try:
        key = KeyRing(found.member_keys).add(TENANT, "demo", now - 60, now + 30 * DAY_S)
        membership = Membership(books)
        listed = ((plate, f"m{number:05d}") for number, plate in enumerate(members))
        membership.replace_members(TENANT, key, listed, now + 30 * DAY_S, now)
        membership.replace_offers(TENANT, listed_in("parking_offers.yaml"), now + 30 * DAY_S, now)
        membership.replace_rules(TENANT, listed_in("parking_rules.yaml"), now + 30 * DAY_S, now)
    finally:
        books.close()
    return str(KeyPair.open(found.centre_key).public)


def listed_in(name: str) -> Any:
    """A file of the demo."""
    return yaml.safe_load(files("edge.demo").joinpath(name).read_text(encoding="utf-8"))
