"""The one command, `storeedge`. An error is one plain line with what to do; exit code 0 only on success."""

from __future__ import annotations

import sys
from typing import Final

import typer

from edge.cli.audit import app as audit_app
from edge.cli.backup import backup, restore
from edge.cli.config import app as config_app
from edge.cli.demo import demo
from edge.cli.doctor import doctor
from edge.cli.hub import app as hub_app
from edge.cli.models import app as models_app
from edge.cli.plates import app as plates_app
from edge.cli.replay import replay
from edge.cli.run import run
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
app.command("run")(run)
app.command("replay")(replay)
app.command("demo")(demo)
app.command("doctor")(doctor)
app.command("backup")(backup)
app.command("restore")(restore)
app.add_typer(models_app, name="models")
app.add_typer(config_app, name="config")
app.add_typer(hub_app, name="hub")
app.add_typer(audit_app, name="audit")
app.add_typer(plates_app, name="plates")


def main() -> None:
    """Entry point of the `storeedge` command."""
    try:
        sys.exit(app(standalone_mode=False))
    except (EdgeError, ModelsError, SyncError) as error:
        typer.echo(f"storeedge: {error}", err=True)
        sys.exit(1)
    except typer.TyperException as error:
        sys.exit(_refuse(error))
    except (KeyboardInterrupt, typer.Abort):
        sys.exit(130)


def _refuse(error: typer.TyperException) -> int:
    """Tell in one line what was wrong with the command line; the exit code."""
    message = error.format_message().rstrip(".")
    if message:  # empty when no command was named: then the help has been printed
        context = getattr(error, "ctx", None)
        asked = context.command_path if context else "storeedge"
        typer.echo(f"storeedge: {message}; see {asked} --help", err=True)
    return error.exit_code
