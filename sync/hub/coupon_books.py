"""The coupon desk's books in one SQLite file. Tables and their meaning: `coupons.sql`.

The file is not in WAL mode: commands and a running hub may write it at the same time, and SQLite up to 3.51.2
may damage a log that two connections check-point at once.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, Literal

from sync.coupon_payloads import Offer
from sync.errors import SyncError
from sync.hub.coupon_records import Answer, Decision, Redemption, Refusal
from sync.hub.coupons import call_id, read_code
from sync.hub.ledger import LedgerError
from sync.keys import PublicKey
from sync.topics import BoxIdentity

_HERE: Final = "tenant = ? AND store = ? AND box = ?"
_COUNTED: Final = frozenset({"member", "offer", "day", "week"})


class SqliteCouponBooks:
    """One file; one connection, used by one thread. Satisfies `CouponBooks`."""

    def __init__(self, path: Path, *, patience_s: float = 10.0) -> None:
        """Open or make the file; wait so long for whoever else writes it. Raises SyncError."""
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self.db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10.0)
            self.db.execute("PRAGMA journal_mode = TRUNCATE")
            self.db.execute("PRAGMA synchronous = FULL")
            self.db.execute("PRAGMA cache_size = -65536")  # a list of members comes in no order
            self.db.executescript(files("sync.hub").joinpath("coupons.sql").read_text("utf-8"))
            self.db.execute(f"PRAGMA busy_timeout = {patience_s * 1000:.0f}")
        except (sqlite3.Error, OSError) as error:
            raise SyncError(f"cannot open the coupon books {path}: {error}") from error

    def close(self) -> None:
        """Let go of the file."""
        self.db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """See `CouponBooks`."""
        try:
            self.db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self.db.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    self.db.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise LedgerError(f"the coupon books did not take it: {error}") from error

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
        text = self._one(
            "SELECT o.value FROM document AS d, json_each(d.body) AS o "
            "WHERE d.tenant = ? AND d.name = 'offers' AND json_extract(o.value, '$.id') = ?",
            tenant, offer,
        )  # fmt: skip
        return None if text is None else Offer.model_validate_json(text)

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
        marks = ", ".join(f":{name}" for name in row)
        self.db.execute(f"INSERT INTO decision ({columns}) VALUES ({marks})", row)  # noqa: S608 - our names

    def take_upto(self, box: BoxIdentity, epoch: str, upto: int) -> None:
        """See `CouponBooks`."""
        self.db.execute(
            "INSERT INTO taken VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT DO UPDATE SET upto = max(upto, excluded.upto)",
            (*_key(box), epoch, upto),
        )

    def taken(self, box: BoxIdentity, epoch: str) -> int:
        """See `CouponBooks`."""
        upto = self._one(f"SELECT upto FROM taken WHERE {_HERE} AND epoch = ?", *_key(box), epoch)  # noqa: S608
        return -1 if upto is None else int(upto)

    def replied(self, box: BoxIdentity, id_: str, now: float) -> None:
        """See `CouponBooks`."""
        for rowid, key in self.db.execute(
            f'SELECT rowid, "key" FROM decision WHERE {_HERE} AND answer IS NOT NULL '  # noqa: S608
            "AND replied_at IS NULL AND expires_at > ?",
            (*_key(box), now),
        ).fetchall():
            if call_id(key) == id_:
                self.db.execute("UPDATE decision SET replied_at = ? WHERE rowid = ?", (now, rowid))

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
            "GROUP BY tenant, verdict, reason ORDER BY tenant, verdict, reason"
        )
        names = ("tenant", "verdict", "reason", "triggers", "used")
        return [dict(zip(names, row, strict=True)) for row in rows]

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
            "INSERT OR IGNORE INTO redemption VALUES (?, ?, ?, ?, ?, ?)", (by, key, code, at, refusal, amount)
        )
        return Redemption(code, refusal, offer, used_at)


def _key(box: BoxIdentity) -> tuple[str, str, str]:
    return box.tenant, box.store, box.box
