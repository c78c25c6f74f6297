"""The books of the parking demo side by side: what the box decided, what the centre issued, what the parking
system took off; and whether they agree."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edge.demo.books import Books, read_books, reading, waiting
from edge.run import DATABASE
from sync.hub.coupon_books import open_books
from sync.hub.coupon_service import CouponFiles


@dataclass(frozen=True, slots=True)
class BoxAccount:
    """What the box holds."""

    came: int
    left: int
    filmed: int
    """Of those that left, through the lane with the camera."""
    filmed_at: tuple[float, ...]
    """Of each coupon of that lane, the time of the frame that it came from."""
    issued: frozenset[str]
    """Keys of the coupons."""
    held_back: Mapping[str, str]
    """Keys of those that a cap held back, with the reason."""
    told: int
    """Coupons that the parking system has confirmed."""
    waiting: int
    """Messages that the centre has not acknowledged, of both streams."""
    books: Books


@dataclass(frozen=True, slots=True)
class CentreAccount:
    """What the centre holds."""

    codes: Mapping[str, str]
    """Codes of the coupons that it issued, by key."""
    held_back: frozenset[str]
    others: Mapping[str, int]
    """Triggers that came to anything else (refused, late, repeat), by verdict and reason."""
    books: Books


@dataclass(frozen=True, slots=True)
class Redeemed:
    """What came of using every coupon twice."""

    used: int
    refused_again: int


def read_box(folder: Path) -> BoxAccount:
    """The box's side. Raises StoreError."""
    database = folder / DATABASE
    with reading(database) as db:
        came, left, filmed = db.execute(
            "SELECT count(*), count(left_at), count(*) FILTER (WHERE exit_lane = 'exit-2') "
            "FROM parking_session"
        ).fetchone()
        triggers = db.execute('SELECT "key", reason, told, lane, t FROM coupon_trigger').fetchall()
    return BoxAccount(
        came=came,
        left=left,
        filmed=filmed,
        filmed_at=tuple(t for _, reason, _, lane, t in triggers if lane == "exit-2" and reason is None),
        issued=frozenset(key for key, reason, *_ in triggers if reason is None),
        held_back={key: reason for key, reason, *_ in triggers if reason is not None},
        told=sum(told == "yes" for _, _, told, *_ in triggers),
        waiting=waiting(database),
        books=read_books(database, "window"),
    )


def read_centre(folder: Path) -> CentreAccount:
    """The centre's side. Raises StoreError."""
    with reading(Path(CouponFiles.beside(folder / "hub.sqlite3").books)) as db:
        rows = db.execute('SELECT "key", verdict, reason, code FROM decision').fetchall()
    others = Counter(
        f"{verdict} {reason or ''}".strip()
        for _, verdict, reason, _ in rows
        if verdict not in {"accepted", "suppressed"}
    )
    return CentreAccount(
        codes={key: code for key, verdict, _, code in rows if verdict == "accepted"},
        held_back=frozenset(key for key, verdict, _, _ in rows if verdict == "suppressed"),
        others=others,
        books=read_books(folder / "hub.sqlite3", "minute"),
    )


def settled(folder: Path, patience_s: float) -> tuple[BoxAccount, CentreAccount]:
    """Both sides, once the centre has all that the box has sent, or as they are when it takes too long.

    A minute that is sealed between the two looks makes them differ for a moment, so they are looked at again.
    """
    until = time.monotonic() + patience_s
    while True:
        box, centre = read_box(folder), read_centre(folder)
        same = box.issued == centre.codes.keys() and box.held_back.keys() == centre.held_back
        same &= box.waiting == 0 and box.books.windows == centre.books.windows
        if (same and box.told == len(box.issued)) or time.monotonic() > until:
            return box, centre
        time.sleep(0.2)


def redeem_twice(folder: Path, centre: CentreAccount) -> Redeemed:
    """Use every coupon at the desk, then once more, as `storeedge hub redeem` does. Raises SyncError."""
    books = open_books(CouponFiles.beside(folder / "hub.sqlite3").books)
    try:
        outcomes = [
            [books.redeem(code, at=time.time(), by="desk", key=f"{code}-{attempt}") for attempt in (1, 2)]
            for code in centre.codes.values()
        ]
    finally:
        books.close()
    return Redeemed(
        used=sum(first.refusal is None for first, _ in outcomes),
        refused_again=sum(second.refusal == "already_redeemed" for _, second in outcomes),
    )


def waiting_triggers(database: Path) -> tuple[int, float | None]:
    """Messages about coupons that wait for the centre, and when the oldest was made. Raises StoreError."""
    with reading(database) as db:
        count, oldest = db.execute(
            "SELECT count(*), min(created_at) FROM outbox WHERE stream = 'trigger'"
        ).fetchone()
    return int(count), oldest
