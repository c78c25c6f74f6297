"""`storeedge config`: check a site file, print its schema or an example."""

from __future__ import annotations

import json
import time
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge.cli.run import DATA_HELP, default_data

if TYPE_CHECKING:
    from edge.config import SiteConfig

app = typer.Typer(help="Check a site file, print its schema or an example.", no_args_is_help=True)


@app.command()
def check(
    site: Annotated[Path, typer.Argument(help="The site file.")] = Path("site.yaml"),
    data: Annotated[Path | None, typer.Option("--data", help=DATA_HELP)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Tell everything that is wrong with a site file: line, key and remedy; which gates stand badly; and what
    its coupon rules would have given in the last 30 days, where this box's database is at hand."""
    from edge.advice import advice
    from edge.config import check_site

    config, faults = check_site(site)
    notes = advice(config) if config else []
    rehearsal = _dry_run(config, data or default_data()) if config else []
    if as_json:
        found = [{"line": f.line, "key": f.key, "message": f.message, "remedy": f.remedy} for f in faults]
        typer.echo(
            json.dumps(
                {"ok": config is not None, "faults": found, "notes": notes, "dry_run": rehearsal},
                ensure_ascii=False,
            )
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
        for line in rehearsal:
            typer.echo(line)
    if config is None:
        raise typer.Exit(1)


def _dry_run(config: SiteConfig, data: Path) -> list[str]:
    if not config.coupons:
        return []
    from edge.errors import EdgeError
    from edge.parking.dry_run import dry_run_lines
    from edge.run import DATABASE

    try:
        return dry_run_lines(config, data / DATABASE, time.time())
    except EdgeError as error:
        return [f"no dry run of the coupon rules: {error}"]


@app.command()
def schema() -> None:
    """Print the JSON Schema of a site file, for an editor."""
    from edge.config import SiteConfig

    typer.echo(json.dumps(SiteConfig.model_json_schema(), indent=2, ensure_ascii=False))


@app.command()
def example() -> None:
    """Print a site file with every key and what it means."""
    typer.echo(files("edge").joinpath("site.example.yaml").read_text(encoding="utf-8"), nl=False)
