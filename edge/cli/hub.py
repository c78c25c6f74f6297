"""`storeedge hub`: the reference centre, and what it holds."""

from __future__ import annotations

import gc
import json
import signal
from dataclasses import asdict
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer
from rich.console import Console
from rich.table import Table

from edge.cli import hub_coupons, hub_upkeep
from edge.errors import EdgeError
from sync.hub.coupon_service import CouponFiles, CouponService
from sync.hub.coupons import Caps
from sync.hub.databases import is_postgres, open_ledger, shown
from sync.hub.receiver import Hub, Streams
from sync.hub.totals import BoxTotals, totals
from sync.mqtt import Broker

app = typer.Typer(help="Run the reference centre that receives what boxes send.", no_args_is_help=True)
app.add_typer(hub_coupons.keys_app, name="keys")
app.add_typer(hub_coupons.members_app, name="members")
app.add_typer(hub_coupons.boxes_app, name="boxes")
app.command("offers")(hub_coupons.set_offers)
app.command("rules")(hub_coupons.set_rules)
app.command("redeem")(hub_coupons.redeem)
app.command("books")(hub_coupons.show_books)

app.command("aside")(hub_upkeep.show_aside)
app.command("retry")(hub_upkeep.retry)
app.command("prune")(hub_upkeep.prune)


@app.command()
def run(
    broker: str = typer.Option(
        ...,
        envvar="STOREEDGE_BROKER",
        help="mqtt://host:port or mqtts://host:port, with user:password@ if needed.",
    ),
    db: str = typer.Option(
        ...,
        "--db",
        "--database",
        envvar="STOREEDGE_HUB_DATABASE",
        help="Where everything received goes: a SQLite file, made when missing, or "
        "postgresql://user@host/name, which several hubs may share.",
    ),
    coupons: Path | None = typer.Option(
        None,
        help="Beside which file the coupons' keys lie, and their books unless --db is PostgreSQL; that of "
        "--db, but a hub on PostgreSQL issues no coupons without it. Give several hubs copies of the keys.",
    ),
    ca: str | None = typer.Option(None, help="Certificate of the authority that signed the broker's."),
    cert: str | None = typer.Option(None, help="The hub's own certificate."),
    key: str | None = typer.Option(None, help="The key of --cert."),
    name: str = typer.Option("hub", help="Differs between hubs on one broker; the same after a restart."),
    group: str | None = typer.Option(
        None,
        envvar="STOREEDGE_HUB_GROUP",
        help="Hubs on one PostgreSQL share the boxes' messages by this word; one that no box can guess, for "
        "whoever knows it can take messages away. Such as of `openssl rand -hex 8`.",
    ),
    timezone: str = typer.Option("Asia/Shanghai", help="Where the days of coupon caps begin and end."),
    member_day: int = typer.Option(1, min=0, help="Coupons a member gets a day, over all stores."),
    member_week: int = typer.Option(3, min=0, help="The same for a week."),
    streams: Streams = typer.Option(
        "all",
        help="data or trigger: take only these. With thousands of boxes let one hub take the triggers alone, "
        "so that they do not wait behind a backlog, and the others the data.",
    ),
    ask_first: bool = typer.Option(
        False, "--ask-first", help="Believe no box's key before `hub boxes trust`, not even its first."
    ),
) -> None:
    """Receive, commit, acknowledge, issue coupons, until stopped (SIGTERM or Ctrl-C)."""
    connection = Broker.parse(broker, ca=ca, cert=cert, key=key)
    try:
        zone = ZoneInfo(timezone)
    except (ValueError, ZoneInfoNotFoundError) as error:
        raise EdgeError(f"no time zone {timezone}; write it as Asia/Shanghai") from error
    ledger = open_ledger(db)
    caps = Caps(member_day, member_week)
    service = (
        CouponService(
            CouponFiles.of(db, coupons), zone, caps=caps, first_use=not ask_first, place=str(connection)
        )
        if coupons is not None or not is_postgres(db)
        else None
    )
    hub = Hub(
        connection,
        ledger,
        name,
        coupons=service,
        one_of_several=is_postgres(db),
        group=group,
        streams=streams,
        on_ready=lambda: print(f"hub ready: {connection} -> {shown(db)}", flush=True),
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: hub.stop())
    # A batch is many thousand objects and no cycles: looking for some took a third of the hub's time.
    gc.freeze()
    gc.set_threshold(100_000, 50, 50)
    try:
        hub.run()
    finally:
        if service is not None:
            service.close()
        ledger.close()


@app.command("totals")
def show(
    db: str = typer.Option(
        ..., "--db", "--database", envvar="STOREEDGE_HUB_DATABASE", help="That of `hub run`."
    ),
    as_json: bool = typer.Option(False, "--json", help="For programs."),
) -> None:
    """What each box has delivered."""
    boxes = totals(db)
    if as_json:
        print(json.dumps([asdict(box) for box in boxes]))
        return
    table = Table("box", "online", "minutes", "windows", "events", "set aside", "given up", "gates in / out")
    for box in boxes:
        table.add_row(*_row(box))
    Console().print(table)


def _row(box: BoxTotals) -> list[str]:
    gates = ", ".join(f"{g.gate} {_shown(g.entries)} / {_shown(g.exits)}" for g in box.gates)
    online = {True: "yes", False: "no", None: "?"}[box.online]
    numbers = (box.minutes, box.windows, box.events, box.set_aside, box.given_up)
    return [str(box.box), online, *map(str, numbers), gates]


def _shown(count: int | None) -> str:
    return "–" if count is None else str(count)
