"""The one command, `storeedge`. An error is one plain line with what to do; exit code 0 only on success."""

from __future__ import annotations

import sys
from typing import Final

import typer

from edge.cli import config, demo, doctor, hub, models, replay, run
from edge.errors import EdgeError
from models.errors import ModelsError
from sync.errors import SyncError

app: Final = typer.Typer(
    name="storeedge",
    help="Store-edge analytics: counts footfall, measures dwell, decides parking coupons, on a small box.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("run")(run.run)
app.command("replay")(replay.replay)
app.command("demo")(demo.demo)
app.command("doctor")(doctor.doctor)
app.add_typer(models.app, name="models")
app.add_typer(config.app, name="config")
app.add_typer(hub.app, name="hub")


def main() -> None:
    """Entry point of the `storeedge` command."""
    try:
        app()
    except (EdgeError, ModelsError, SyncError) as error:
        typer.echo(f"storeedge: {error}", err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
