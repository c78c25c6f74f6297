"""What head office puts into the coupon books: members, offers, coupon rules, and which boxes it believes."""

from __future__ import annotations

import json
import logging
from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from pipelines.members import DIGEST_BYTES, MemberKey
from pipelines.tokens import token_of
from sync.coupon_payloads import MOST_PER_PIECE, MOST_PIECES, Offer
from sync.errors import SyncError
from sync.hub.coupon_books import SqlCouponBooks
from sync.hub.coupon_records import MemberListing
from sync.keys import PublicKey
from sync.topics import BoxIdentity

log = logging.getLogger(__name__)

ROWS_AT_ONCE: Final = 2_000
"""Rows of one transaction: a hub that decides at the same time waits for no more than these."""


@dataclass(frozen=True, slots=True)
class BoxKey:
    """How a box signs, as it told; believed or not."""

    box: BoxIdentity
    signing: PublicKey
    sealing: PublicKey
    trusted: bool
    first_at: float


class Membership:
    """Writes and reads the books; beside a running hub if need be."""

    def __init__(self, books: SqlCouponBooks) -> None:
        self._books, self._db = books, books.db

    # -- members ---------------------------------------------------------------------------------------

    def replace_members(
        self, tenant: str, key: MemberKey, members: Iterable[tuple[str, str]], expires_at: float, now: float
    ) -> MemberListing:
        """Put (plate, member) pairs in place of the list of a key; plates become tokens and are forgotten.

        Nothing changes for boxes and decisions until all are in. Raises SyncError for more than boxes take.
        """
        version = self._next_version("member_list", 'tenant = ? AND "key" = ?', (tenant, key.id), now)
        with self._books.transaction():
            self._db.execute(
                'DELETE FROM member WHERE tenant = ? AND "key" = ? AND version = ?', (tenant, key.id, version)
            )
        self._spool(members, key)
        pieces = 0
        for pieces, rows in enumerate(self._spooled(), 1):
            if pieces > MOST_PIECES:
                raise SyncError(f"a box takes at most {MOST_PIECES * MOST_PER_PIECE} members of one key")
            self._add_piece((tenant, key.id, version), pieces, rows)
        with self._books.transaction():
            count = self._db.execute(
                'SELECT count(*) FROM member WHERE tenant = ? AND "key" = ? AND version = ?',
                (tenant, key.id, version),
            ).fetchone()[0]
            self._db.execute(
                "INSERT INTO member_list VALUES (?, ?, ?, ?, ?, ?, ?) "
                'ON CONFLICT (tenant, "key") DO UPDATE SET '
                "version = excluded.version, expires_at = excluded.expires_at, members = excluded.members, "
                "pieces = excluded.pieces, most_pieces = CASE WHEN excluded.pieces > member_list.most_pieces "
                "THEN excluded.pieces ELSE member_list.most_pieces END",
                (tenant, key.id, version, expires_at, count, pieces, pieces),
            )
        self._forget_older(tenant, key.id, version)
        return next(one for one in self.listings(tenant) if one.key == key.id)

    def _spool(self, members: Iterable[tuple[str, str]], key: MemberKey) -> None:
        """Put them in order of token beside the books."""
        self._db.spool((bytes.fromhex(_token(plate, key)), member) for plate, member in members)

    def _spooled(self) -> Iterator[list[tuple[bytes, str]]]:
        """A piece's worth at a time, in order; an empty list is one empty piece."""
        last, first = b"", True
        while True:
            rows = self._db.execute(
                "SELECT token, member FROM coming WHERE token > ? ORDER BY token LIMIT ?",
                (last, MOST_PER_PIECE),
            ).fetchall()
            if rows or first:
                yield rows
            if len(rows) < MOST_PER_PIECE:
                self._db.execute("DROP TABLE coming")
                return
            last, first = rows[-1][0], False

    def _add_piece(self, at: tuple[str, str, int], number: int, rows: list[tuple[bytes, str]]) -> None:
        for start in range(0, len(rows), ROWS_AT_ONCE):
            with self._books.transaction():
                self._db.executemany(
                    "INSERT INTO member VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                    ((*at, token, member) for token, member in rows[start : start + ROWS_AT_ONCE]),
                )
        text = b64encode(b"".join(token[:DIGEST_BYTES] for token, _ in rows)).decode()
        with self._books.transaction():
            self._db.execute(
                "INSERT INTO member_piece VALUES (?, ?, ?, ?, ?) "
                'ON CONFLICT (tenant, "key", version, number) DO UPDATE SET members = excluded.members',
                (*at, number, text),
            )

    def _forget_older(self, tenant: str, key: str, version: int) -> None:
        """Delete what is no longer used, a little at a time."""
        for table, place in (("member", "token"), ("member_piece", "number")):
            where = 'tenant = ? AND "key" = ? AND version = ?'
            old = self._db.execute(
                f'SELECT DISTINCT version FROM {table} WHERE tenant = ? AND "key" = ? AND version < ?',  # noqa: S608
                (tenant, key, version),
            ).fetchall()
            for (one,) in old:
                last = True
                while last:
                    last = self._db.execute(
                        f"SELECT {place} FROM {table} WHERE {where} ORDER BY {place} LIMIT 1 OFFSET ?",  # noqa: S608
                        (tenant, key, one, ROWS_AT_ONCE),
                    ).fetchone()
                    upto, bound = ("", ()) if last is None else (f" AND {place} < ?", last)
                    gone = f"DELETE FROM {table} WHERE {where}{upto}"  # noqa: S608 - our own words
                    with self._books.transaction():
                        self._db.execute(gone, (tenant, key, one, *bound))

    def listings(self, tenant: str) -> Sequence[MemberListing]:
        """The lists in use."""
        rows = self._db.execute('SELECT * FROM member_list WHERE tenant = ? ORDER BY "key"', (tenant,))
        return [MemberListing(*row) for row in rows]

    def piece(self, tenant: str, key: str, version: int, number: int) -> str | None:
        """One piece of a list, as it goes down; None when the list has changed since."""
        row = self._db.execute(
            'SELECT members FROM member_piece WHERE tenant = ? AND "key" = ? AND version = ? AND number = ?',
            (tenant, key, version, number),
        ).fetchone()
        return None if row is None else row[0]

    # -- offers and rules ------------------------------------------------------------------------------

    def replace_offers(self, tenant: str, offers: Any, expires_at: float, now: float) -> int:
        """Put offers in place of the present ones; the version. Raises SyncError with what is wrong."""
        try:
            good = TypeAdapter(tuple[Offer, ...]).validate_json(json.dumps(offers))
        except (ValidationError, TypeError) as error:
            raise SyncError(f"these are no offers: {_first(error)}") from error
        if len({offer.id for offer in good}) < len(good):
            raise SyncError("two offers have the same id")
        body = json.dumps([json.loads(offer.text()) for offer in good], ensure_ascii=False)
        return self.replace_plain(tenant, "offers", body, expires_at, now)

    def replace_rules(self, tenant: str, rules: Any, expires_at: float, now: float) -> int:
        """Put coupon rules in place of the present ones; the version. Only a box can judge them wholly."""
        try:
            good = TypeAdapter(tuple[dict[str, Any], ...]).validate_python(tuple(rules))
            body = json.dumps(good, ensure_ascii=False, allow_nan=False)
        except (ValidationError, TypeError, ValueError) as error:
            raise SyncError(f"these are no coupon rules: {_first(error)}") from error
        return self.replace_plain(tenant, "coupons", body, expires_at, now)

    def replace_plain(self, tenant: str, name: str, body: str, expires_at: float, now: float) -> int:
        """Put a text in place of the present one as it is; the version."""
        version = self._next_version("document", "tenant = ? AND name = ?", (tenant, name), now)
        with self._books.transaction():
            self._db.execute(
                "INSERT INTO document VALUES (?, ?, ?, ?, ?) ON CONFLICT (tenant, name) DO UPDATE SET "
                "version = excluded.version, expires_at = excluded.expires_at, body = excluded.body",
                (tenant, name, version, expires_at, body),
            )
        return version

    def document(self, tenant: str, name: str) -> tuple[int, float, str] | None:
        """Version, expiry and JSON of `offers` or `coupons`."""
        row: tuple[int, float, str] | None = self._db.execute(
            "SELECT version, expires_at, body FROM document WHERE tenant = ? AND name = ?", (tenant, name)
        ).fetchone()
        return row

    def _next_version(self, table: str, where: str, key: tuple[str, ...], now: float) -> int:
        """Above every earlier one, also those of a database that was lost: the time in milliseconds."""
        known = self._db.execute(f"SELECT version FROM {table} WHERE {where}", key).fetchone()  # noqa: S608
        return max(int(now * 1000), known[0] + 1 if known else 1)

    # -- boxes -----------------------------------------------------------------------------------------

    def told(self, box: BoxIdentity, signing: str, sealing: str, now: float, *, first_use: bool) -> None:
        """A box has told its keys.

        With `first_use` the first keys of a box are believed at once: its certificate, which the broker has
        checked, vouches for it. Any later ones wait for `trust`: they may be a rebuilt box's, or a thief's.
        """
        if (signing, sealing) in self.known_keys(box):
            return
        with self._books.transaction():
            known = self.known_keys(box)  # another hub may have heard another key just now
            trusted = known.get((signing, sealing), first_use and not known)
            self._db.execute(
                "INSERT INTO box_key VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (box.tenant, box.store, box.box, signing, sealing, int(trusted), now),
            )
        if not trusted:
            log.warning(
                "hub: %s signs with a new key, %s; its triggers are refused until: "
                "storeedge hub boxes trust %s %s",
                box, PublicKey.parse(signing).id, box, PublicKey.parse(signing).id,
            )  # fmt: skip

    def known_keys(self, box: BoxIdentity) -> dict[tuple[str, str], bool]:
        """Every pair of keys (to sign, to seal for) that the box has told, and whether it is believed."""
        rows = self._db.execute(
            "SELECT signing, sealing, trusted FROM box_key WHERE tenant = ? AND store = ? AND box = ?",
            (box.tenant, box.store, box.box),
        )
        return {(signing, sealing): bool(trusted) for signing, sealing, trusted in rows}

    def boxes(self) -> Sequence[BoxKey]:
        """All keys that boxes have told."""
        rows = self._db.execute("SELECT * FROM box_key ORDER BY tenant, store, box, first_at").fetchall()
        return [
            BoxKey(
                BoxIdentity(*row[:3]), PublicKey.parse(row[3]), PublicKey.parse(row[4]), bool(row[5]), row[6]
            )
            for row in rows
        ]

    def trust(self, box: BoxIdentity, key_id: str) -> None:
        """Believe this key of a box from now on, and no other. Raises SyncError when it never told it."""
        found = [one for one in self.boxes() if one.box == box and one.signing.id == key_id]
        if not found:
            raise SyncError(f"the box {box} has told no key {key_id}; see storeedge hub boxes list")
        with self._books.transaction():
            self._db.execute(
                "UPDATE box_key SET trusted = CASE WHEN signing = ? AND sealing = ? THEN 1 ELSE 0 END "
                "WHERE tenant = ? AND store = ? AND box = ?",
                (str(found[-1].signing), str(found[-1].sealing), box.tenant, box.store, box.box),
            )


def _token(plate: str, key: MemberKey) -> str:
    try:
        return token_of(plate, key.secret)
    except ValueError as error:
        raise SyncError(f"a member's plate cannot be used: {error}") from error


def _first(error: Exception) -> str:
    if isinstance(error, ValidationError):
        fault = error.errors(include_url=False, include_input=False, include_context=False)[0]
        return f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}"
    return str(error)
