"""`storeedge config`: check a site file, print its schema or an example."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Check a site file, print its schema or an example.", no_args_is_help=True)


@app.command()
def check(
    site: Annotated[Path, typer.Argument(help="The site file.")] = Path("site.yaml"),
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Tell everything that is wrong with a site file: line, key and remedy; and which gates stand badly."""
    from edge.advice import advice
    from edge.config import check_site

    config, faults = check_site(site)
    notes = advice(config) if config else []
    if as_json:
        found = [{"line": f.line, "key": f.key, "message": f.message, "remedy": f.remedy} for f in faults]
        typer.echo(
            json.dumps({"ok": config is not None, "faults": found, "notes": notes}, ensure_ascii=False)
        )
    elif config is None:
        for fault in faults:
            typer.echo(f"{site}: {fault}", err=True)
    else:
        gates = sum(len(camera.gates) for camera in config.cameras)
        zones = sum(len(camera.zones) for camera in config.cameras)
        typer.echo(
            f"{site}: good: {len(config.cameras)} cameras, {gates} gates, {zones} zones, "
            f"{len(config.lanes)} lanes"
        )
        for note in notes:
            typer.echo(f"{site}: note: {note}")
    if config is None:
        raise typer.Exit(1)


@app.command()
def schema() -> None:
    """Print the JSON Schema of a site file, for an editor."""
    from edge.config import SiteConfig

    typer.echo(json.dumps(SiteConfig.model_json_schema(), indent=2, ensure_ascii=False))


@app.command()
def example() -> None:
    """Print a site file with every key and what it means."""
    typer.echo(files("edge").joinpath("site.example.yaml").read_text(encoding="utf-8"), nl=False)
