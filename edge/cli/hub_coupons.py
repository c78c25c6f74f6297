"""`storeedge hub keys|members|offers|rules|boxes|redeem|books`: head office's side of parking coupons."""

from __future__ import annotations

import csv
import json
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer
import yaml
from rich.console import Console
from rich.table import Table

from edge.errors import EdgeError
from sync.hub.coupon_books import open_books
from sync.hub.coupon_service import CouponFiles, books_of
from sync.hub.member_keys import KeyRing
from sync.hub.membership import Membership
from sync.keys import KeyPair
from sync.topics import BoxIdentity

DAY_S: Final = 86_400.0

Db = Annotated[
    str, typer.Option("--db", "--database", envvar="STOREEDGE_HUB_DATABASE", help="That of `hub run`.")
]
Keys = Annotated[
    Path | None,
    typer.Option("--coupons", help="That of `hub run`: beside which file the keys lie; for PostgreSQL."),
]
Tenant = Annotated[str, typer.Option("--tenant", help="The tenant, as in the boxes' site files.")]
Json = Annotated[bool, typer.Option("--json", help="For programs.")]
Days = Annotated[float, typer.Option("--days", min=0.01, help="Boxes use it for so long.")]

keys_app = typer.Typer(help="Keys: the centre's own, and those of the member lists.", no_args_is_help=True)
members_app = typer.Typer(help="The list of members.", no_args_is_help=True)
boxes_app = typer.Typer(help="Which boxes are believed.", no_args_is_help=True)


@keys_app.command("centre")
def centre(db: Db, coupons: Keys = None) -> None:
    """Print the centre's public key, for `sync: {centre_keys: [...]}` in the boxes' site files."""
    print(KeyPair.open(CouponFiles.of(db, coupons).centre_key).public)


@keys_app.command("new")
def new_key(
    db: Db,
    tenant: Tenant,
    id_: Annotated[str, typer.Argument(metavar="ID", help="Such as 2026w47.")],
    days: Days = 35.0,
    in_days: Annotated[float, typer.Option("--in", min=0, help="Valid from so many days on.")] = 0.0,
    coupons: Keys = None,
) -> None:
    """Make a member key. Make the next one, and import the members, before the present one ends."""
    begins = time.time() + in_days * DAY_S
    key = KeyRing(CouponFiles.of(db, coupons).member_keys).add(tenant, id_, begins, begins + days * DAY_S)
    print(f"{key.id}: {_shown(key.valid_from)} to {_shown(key.valid_until)}; now import the members again")


@keys_app.command("list")
def list_keys(db: Db, tenant: Tenant, coupons: Keys = None) -> None:
    """The member keys and until when they are valid; never the secrets."""
    table = Table("key", "from", "until", "members listed")
    listed = {one.key: one.members for one in _membership(db).listings(tenant)}
    for key in KeyRing(CouponFiles.of(db, coupons).member_keys).keys(tenant):
        count = listed.get(key.id)
        table.add_row(
            key.id, _shown(key.valid_from), _shown(key.valid_until), "–" if count is None else f"{count:,}"
        )
    Console().print(table)


@members_app.command("import")
def import_members(
    db: Db,
    tenant: Tenant,
    file: Annotated[Path, typer.Argument(help="CSV with the columns plate and, if there is one, member.")],
    days: Days = 30.0,
    coupons: Keys = None,
) -> None:
    """Put a file of members in place of the present list, under every key that is or will be valid.

    Plates become tokens and are kept nowhere. Without the column `member` each plate is a member of its own.
    """
    now = time.time()
    keys = KeyRing(CouponFiles.of(db, coupons).member_keys).live(tenant, now)
    if not keys:
        raise EdgeError(f"{tenant} has no member key; make one: storeedge hub keys new ID --tenant {tenant}")
    membership = _membership(db)
    for key in keys:
        listing = membership.replace_members(tenant, key, _rows(file), now + days * DAY_S, now)
        print(f"{key.id}: {listing.members:,} members in {listing.pieces} pieces")


def _rows(file: Path) -> Iterator[tuple[str, str]]:
    """Plate and member of each line; the line's number where it has no member."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as text:
            lines = csv.DictReader(text)
            if "plate" not in (lines.fieldnames or ()):
                raise EdgeError(f"{file}: its first line must name the columns, one of them plate")
            for line in lines:
                plate = (line["plate"] or "").strip()
                if not plate:
                    raise EdgeError(f"{file}: line {lines.line_num} has no plate")
                yield plate, (line.get("member") or "").strip() or f"line-{lines.line_num}"
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise EdgeError(f"{file} cannot be read: {error}") from error


@members_app.command("show")
def show_members(db: Db, tenant: Tenant, as_json: Json = False) -> None:
    """The lists in use."""
    found = _membership(db).listings(tenant)
    if as_json:
        print(
            json.dumps(
                [
                    {"key": f.key, "members": f.members, "pieces": f.pieces, "version": f.version}
                    for f in found
                ]
            )
        )
        return
    table = Table("key", "members", "pieces", "expires")
    for one in found:
        table.add_row(one.key, f"{one.members:,}", str(one.pieces), _shown(one.expires_at))
    Console().print(table)


def set_offers(
    db: Db,
    tenant: Tenant,
    file: Annotated[Path, typer.Argument(help="YAML or JSON: a list of offers.")],
    days: Days = 365.0,
) -> None:
    """Put these offers in place of the present ones, on the hub and on all boxes."""
    now = time.time()
    version = _membership(db).replace_offers(tenant, _listed(file), now + days * DAY_S, now)
    print(f"offers of version {version}")


def set_rules(
    db: Db,
    tenant: Tenant,
    file: Annotated[Path, typer.Argument(help="YAML or JSON: a list as under `coupons:` in a site file.")],
    days: Days = 365.0,
) -> None:
    """Push coupon rules to all boxes, in place of those of their site files."""
    now = time.time()
    version = _membership(db).replace_rules(tenant, _listed(file), now + days * DAY_S, now)
    print(f"rules of version {version}")


def _listed(file: Path) -> Any:
    try:
        found = yaml.safe_load(file.read_text("utf-8"))
        return json.loads(json.dumps(found, default=lambda value: value.isoformat()))
    except (OSError, ValueError, yaml.YAMLError, AttributeError) as error:
        raise EdgeError(f"{file} cannot be read: {' '.join(str(error).split())}") from error


@boxes_app.command("list")
def list_boxes(db: Db) -> None:
    """The keys by which boxes sign, and whether they are believed."""
    table = Table("box", "key", "believed", "first told")
    for one in _membership(db).boxes():
        table.add_row(str(one.box), one.signing.id, "yes" if one.trusted else "no", _shown(one.first_at))
    Console().print(table)


@boxes_app.command("trust")
def trust(
    db: Db,
    box: Annotated[str, typer.Argument(metavar="TENANT/STORE/BOX", help="The box that was rebuilt.")],
    key: Annotated[str, typer.Argument(help="The key's id, as `storeedge hub boxes list` shows it.")],
) -> None:
    """Believe this key of a box from now on, and no other: after the box was rebuilt."""
    parts = box.split("/")
    if len(parts) != 3:
        raise EdgeError(f"name the box as TENANT/STORE/BOX, not {box}")
    _membership(db).trust(BoxIdentity(*parts), key)
    print(f"{box}: {key} is believed")


def redeem(
    db: Db,
    code: Annotated[str, typer.Argument(help="The coupon's code.")],
    by: Annotated[str, typer.Option("--by", help="Who takes it, for the books.")] = "desk",
) -> None:
    """Use a coupon, once: the second time it is refused, with exit code 1."""
    books = open_books(books_of(db))
    try:
        found = books.redeem(code, at=time.time(), by=by, key=uuid.uuid4().hex)
    finally:
        books.close()
    reasons = {"unknown_code": "no such coupon", "ended": "the coupon has ended"}
    if found.refusal == "already_redeemed":
        raise EdgeError(f"{found.code}: used already, {_shown(found.redeemed_at or 0.0)}")
    if found.refusal is not None:
        raise EdgeError(f"{found.code}: {reasons[found.refusal]}")
    print(f"{found.code}: {found.offer}, used now")


def show_books(db: Db, as_json: Json = False) -> None:
    """What became of the boxes' triggers, and why coupons were refused."""
    books = open_books(books_of(db))
    try:
        found = books.summary()
    finally:
        books.close()
    if as_json:
        print(json.dumps(found))
        return
    table = Table("tenant", "verdict", "reason", "triggers", "used")
    for row in found:
        table.add_row(
            row["tenant"], row["verdict"], row["reason"] or "", str(row["triggers"]), str(row["used"])
        )
    Console().print(table)


def _membership(db: str) -> Membership:
    return Membership(open_books(books_of(db)))


def _shown(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")
