"""`storeedge backup` and `storeedge restore`: the box's database, kept safe and put back."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from edge.cli.run import DATA_HELP, default_data

if TYPE_CHECKING:
    from edge.store.backup import Backup

Data = Annotated[Path | None, typer.Option("--data", help=DATA_HELP)]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]
KEY_HELP: Final = "The box's own key too, in FILE.key: who has it can sign coupons in the box's name."


def backup(
    file: Annotated[Path, typer.Argument(help="Where to write it: a file that is not there yet.")],
    data: Data = None,
    with_key: Annotated[bool, typer.Option("--with-key", help=KEY_HELP)] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace FILE if it is there.")] = False,
    as_json: AsJson = False,
) -> None:
    """Copy the box's database into one checked file, while the box runs or not. Only its owner may read it.
    The keys of the plates are never in it."""
    from edge.progress import Bar
    from edge.run import DATABASE
    from edge.store.backup import make_backup

    with Bar("copying") as bar:
        made = make_backup(
            (data or default_data()) / DATABASE, file, replace=force, with_key=with_key, progress=bar.to
        )
    if as_json:
        typer.echo(json.dumps(_as_json(made) | {"key": with_key}))
        return
    typer.echo(
        f"{file}: {'/'.join(made.owner)}, {_records(made)} records and {made.rows['minute']} minutes, "
        f"{made.waiting} messages waiting, {made.size / 2**20:.1f} MiB, checked"
        + (f"; its key is in {file}.key, keep it secret" if with_key else "; without the box's key")
    )


def restore(
    file: Annotated[Path, typer.Argument(help="A file that storeedge backup made.")],
    data: Data = None,
    site: Annotated[Path | None, typer.Option("--site", help="Only if it is this site file's box.")] = None,
    with_key: Annotated[
        bool, typer.Option("--with-key", help="The box's own key too, from FILE.key.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Put a backup in the place of the box's database, which is set aside. Stop the box first."""
    from edge.config import load_site
    from edge.run import DATABASE
    from edge.store import backup as backups
    from edge.store.recovery import Owner

    owner = None
    if site is not None:
        names = load_site(site).site
        owner = Owner(names.tenant, names.store, names.box)
    done = backups.restore(file, (data or default_data()) / DATABASE, owner=owner, with_key=with_key)
    if as_json:
        told = {"aside": str(done.aside) if done.aside else None, "not_counted": done.not_counted}
        typer.echo(json.dumps(_as_json(done.backup) | told))
        return
    made = datetime.fromtimestamp(done.backup.made_at, UTC)
    typer.echo(
        f"{'/'.join(done.backup.owner)} goes on from {made:%Y-%m-%d %H:%M:%S} UTC with a new epoch: "
        f"{done.backup.waiting} messages wait and are sent as what they were; {done.not_counted} records of "
        "the minute then open are kept and not counted, since the box has most likely counted them since; "
        "coupons issued since are not known to it"
        + (f"; what was there lies at {done.aside}" if done.aside else "")
    )


def _records(made: Backup) -> int:
    return sum(made.rows[name] for name in ("crossing", "visit", "wait", "vehicle_passage", "event"))


def _as_json(made: Backup) -> dict[str, Any]:
    return {
        "file": str(made.file), "box": "/".join(made.owner), "made_at": made.made_at, "epoch": made.epoch,
        "rows": made.rows, "waiting": made.waiting, "bytes": made.size,
    }  # fmt: skip
