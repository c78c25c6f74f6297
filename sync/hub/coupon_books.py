"""The coupon desk's books. Tables and their meaning: `coupons.sql`; the same in `coupons_postgres.sql`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final, Literal

from sync.coupon_payloads import Offer
from sync.errors import SyncError
from sync.hub.coupon_db import CouponDb, SqliteCouponDb
from sync.hub.coupon_records import Answer, Decision, Redemption, Refusal
from sync.hub.coupons import call_id, read_code
from sync.hub.databases import is_postgres
from sync.keys import PublicKey
from sync.topics import BoxIdentity

_HERE: Final = "tenant = ? AND store = ? AND box = ?"
_COUNTED: Final = frozenset({"member", "offer", "day", "week"})


def open_books(where: str | Path, *, patience_s: float = 10.0) -> SqlCouponBooks:
    """The books in a file, or at the address of a PostgreSQL; wait so long for whoever else writes them.
    Raises SyncError."""
    if not is_postgres(where):
        return SqlCouponBooks(SqliteCouponDb(Path(where), patience_s=patience_s))
    try:
        from sync.hub.coupon_postgres import PostgresCouponDb  # noqa: PLC0415  (an optional dependency)
    except ImportError as error:
        raise SyncError("a hub on PostgreSQL needs its driver: pip install 'storeedge[hub]'") from error
    return SqlCouponBooks(PostgresCouponDb(str(where), patience_s=patience_s))


class SqlCouponBooks:
    """Used by one thread. Satisfies `CouponBooks`."""

    def __init__(self, db: CouponDb) -> None:
        self.db = db

    def close(self) -> None:
        """Let go of the database."""
        self.db.close()

    def transaction(self) -> AbstractContextManager[None]:
        """See `CouponBooks`."""
        return self.db.transaction()

    def _one(self, sql: str, *values: Any) -> Any:
        row = self.db.execute(sql, values).fetchone()
        return None if row is None else row[0]

    # -- what a decision asks --------------------------------------------------------------------------

    def trusted(self, box: BoxIdentity) -> Sequence[PublicKey]:
        """See `CouponBooks`."""
        rows = self.db.execute(f"SELECT signing FROM box_key WHERE {_HERE} AND trusted = 1", _key(box))  # noqa: S608
        return [PublicKey.parse(text) for (text,) in rows]

    def earlier(self, box: BoxIdentity, key: str) -> Answer | Literal[False] | None:
        """See `CouponBooks`."""
        row = self.db.execute(
            f'SELECT answer, expires_at FROM decision WHERE {_HERE} AND "key" = ? AND proven = 1',  # noqa: S608
            (*_key(box), key),
        ).fetchone()
        if row is None:
            return False
        return None if row[0] is None else Answer(box, call_id(key), *row)

    def nonce_known(self, box: BoxIdentity, nonce: str) -> bool:
        """See `CouponBooks`."""
        sql = f"SELECT count(*) FROM decision WHERE {_HERE} AND nonce = ? AND proven = 1"  # noqa: S608
        return bool(self._one(sql, *_key(box), nonce))

    def offer(self, tenant: str, offer: str) -> Offer | None:
        """See `CouponBooks`."""
        body = self._one("SELECT body FROM document WHERE tenant = ? AND name = 'offers'", tenant)
        found = [] if body is None else [one for one in json.loads(body) if one["id"] == offer]
        return Offer.model_validate_json(json.dumps(found[0])) if found else None

    def member(self, tenant: str, key: str, token: str, now: float) -> str | None:
        """See `CouponBooks`."""
        found: str | None = self._one(
            'SELECT m.member FROM member AS m JOIN member_list AS l USING (tenant, "key", version) '
            'WHERE m.tenant = ? AND m."key" = ? AND m.token = ? AND l.expires_at > ?',
            tenant, key, bytes.fromhex(token), now,
        )  # fmt: skip
        return found

    def accepted(self, tenant: str, which: Mapping[str, str | int]) -> int:
        """See `CouponBooks`."""
        if not which.keys() <= _COUNTED:
            raise ValueError(f"cannot count by {sorted(which)}")
        named = "".join(f" AND {column} = ?" for column in which)
        sql = f"SELECT count(*) FROM decision WHERE tenant = ? AND verdict = 'accepted'{named}"  # noqa: S608
        return int(self._one(sql, tenant, *which.values()))

    def decided(self, box: BoxIdentity, epoch: str, seq: int) -> bool:
        """See `CouponBooks`."""
        sql = f"SELECT count(*) FROM decision WHERE {_HERE} AND epoch = ? AND seq = ?"  # noqa: S608
        return seq <= self.taken(box, epoch) or bool(self._one(sql, *_key(box), epoch, seq))

    # -- the books -------------------------------------------------------------------------------------

    def keep(self, decision: Decision) -> None:
        """See `CouponBooks`."""
        arrival, body = decision.arrival, decision.arrival.body
        row: dict[str, Any] = {
            "tenant": arrival.box.tenant, "store": arrival.box.store, "box": arrival.box.box,
            "epoch": arrival.epoch, "seq": arrival.seq, "key": body.key, "proven": int(decision.proven),
            "nonce": body.nonce, "verdict": decision.verdict, "reason": decision.reason, "lane": body.lane,
            "rule": body.rule, "offer": body.offer, "member": decision.member, "at": body.at.timestamp(),
            "expires_at": None if body.expires_at is None else body.expires_at.timestamp(),
            "decided_at": decision.decided_at, "day": decision.day, "week": decision.week,
            "answer": decision.answer, "code": decision.code, "use_until": decision.use_until,
        }  # fmt: skip
        columns = ", ".join(f'"{name}"' for name in row)
        marks = ", ".join("?" * len(row))
        insert = f"INSERT INTO decision ({columns}) VALUES ({marks})"  # noqa: S608 - our names
        self.db.execute(insert, tuple(row.values()))

    def take_upto(self, box: BoxIdentity, epoch: str, upto: int) -> None:
        """See `CouponBooks`."""
        self.db.execute(
            "INSERT INTO taken VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT (tenant, store, box, epoch) DO UPDATE SET upto = excluded.upto "
            "WHERE excluded.upto > taken.upto",
            (*_key(box), epoch, upto),
        )

    def taken(self, box: BoxIdentity, epoch: str) -> int:
        """See `CouponBooks`."""
        upto = self._one(f"SELECT upto FROM taken WHERE {_HERE} AND epoch = ?", *_key(box), epoch)  # noqa: S608
        return -1 if upto is None else int(upto)

    def all_taken(self) -> dict[tuple[BoxIdentity, str], int]:
        """See `CouponBooks`."""
        rows = self.db.execute("SELECT tenant, store, box, epoch, upto FROM taken")
        return {(BoxIdentity(*row[:3]), row[3]): row[4] for row in rows}

    def replied(self, box: BoxIdentity, id_: str, now: float) -> None:
        """See `CouponBooks`."""
        for epoch, seq, key in self.db.execute(
            f'SELECT epoch, seq, "key" FROM decision WHERE {_HERE} AND answer IS NOT NULL '  # noqa: S608
            "AND replied_at IS NULL AND expires_at > ?",
            (*_key(box), now),
        ).fetchall():
            if call_id(key) == id_:
                done = f"UPDATE decision SET replied_at = ? WHERE {_HERE} AND epoch = ? AND seq = ?"  # noqa: S608
                self.db.execute(done, (now, *_key(box), epoch, seq))

    def unanswered(self, box: BoxIdentity, now: float) -> list[Answer]:
        """See `CouponBooks`."""
        rows = self.db.execute(
            f'SELECT "key", answer, expires_at FROM decision WHERE {_HERE} AND answer IS NOT NULL '  # noqa: S608
            "AND replied_at IS NULL AND expires_at > ? ORDER BY seq",
            (*_key(box), now),
        ).fetchall()
        return [Answer(box, call_id(key), text, expires_at) for key, text, expires_at in rows]

    def summary(self) -> list[dict[str, Any]]:
        """How many triggers came to what, by tenant, verdict and reason, and how many coupons were used."""
        rows = self.db.execute(
            "SELECT tenant, verdict, reason, count(*), count(redeemed_at) FROM decision "
            "GROUP BY tenant, verdict, reason"
        )
        names = ("tenant", "verdict", "reason", "triggers", "used")
        ordered = sorted(rows, key=lambda row: (row[0], row[1], row[2] or ""))
        return [dict(zip(names, row, strict=True)) for row in ordered]

    # -- use -------------------------------------------------------------------------------------------

    def redeem(self, code: str, *, at: float, by: str, key: str, amount: float | None = None) -> Redemption:
        """See `CouponBooks`. In a transaction of its own unless one is under way."""
        if self.db.in_transaction:
            return self._redeem(read_code(code), at, by, key, amount)
        with self.transaction():
            return self._redeem(read_code(code), at, by, key, amount)

    def _redeem(self, code: str, at: float, by: str, key: str, amount: float | None) -> Redemption:
        coupon = self.db.execute(
            "SELECT offer, redeemed_at, use_until FROM decision WHERE code = ?", (code,)
        ).fetchone()
        before = self.db.execute(
            'SELECT code, refusal FROM redemption WHERE "by" = ? AND "key" = ?', (by, key)
        ).fetchone()
        offer, used_at, use_until = coupon or (None, None, 0.0)
        if before is not None and before[0] == code:
            return Redemption(code, before[1], offer, used_at)
        refusal: Refusal | None = None
        if coupon is None:
            refusal = "unknown_code"
        elif used_at is not None:
            refusal = "already_redeemed"
        elif at >= use_until:
            refusal = "ended"
        else:
            used_at = at
            self.db.execute(
                "UPDATE decision SET redeemed_at = ?, redeemed_by = ?, amount = ? WHERE code = ?",
                (at, by, amount, code),
            )
        self.db.execute(
            "INSERT INTO redemption VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (by, key, code, at, refusal, amount),
        )
        return Redemption(code, refusal, offer, used_at)


def _key(box: BoxIdentity) -> tuple[str, str, str]:
    return box.tenant, box.store, box.box
