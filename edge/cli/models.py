"""`storeedge models`: what there is, what lies here, and getting it."""

from __future__ import annotations

import typer

from models.errors import ModelsError
from models.manifest import DEFAULT, card
from models.pull import pull as pull_model

app = typer.Typer(help="Fetch, check and bundle the models.", no_args_is_help=True)


@app.callback()
def models() -> None:
    """Fetch, check and bundle the models."""


@app.command()
def pull(names: list[str] = typer.Argument(None, help="Models to fetch; none: the default one.")) -> None:
    """Fetch models, convert and check them."""
    try:
        for name in names or [DEFAULT]:
            folder = pull_model(card(name), lambda text: typer.echo(text, err=True))
            typer.echo(str(folder))
    except ModelsError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
