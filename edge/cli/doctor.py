"""`storeedge doctor`: is everything there that the box needs?"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from edge.cli.run import DATA_HELP, default_data

MARKS = {"ok": "ok    ", "warning": "mind  ", "broken": "BROKEN"}


def doctor(
    site: Annotated[Path, typer.Option("--site", help="The site file.")] = Path("site.yaml"),
    data: Annotated[Path | None, typer.Option("--data", help=DATA_HELP)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object for a program.")] = False,
) -> None:
    """Check Python, clock, disk, model, cameras, memory and broker; exit code 0 when nothing is broken."""
    from edge.config import load_site
    from edge.doctor import Check, examine

    config = load_site(site)
    checks: list[Check] = []
    for check in examine(config, data or default_data()):
        checks.append(check)
        if not as_json:
            typer.echo(f"{MARKS[check.verdict]}  {check.name}: {check.says}")
            if check.remedy and check.verdict != "ok":
                typer.echo(f"        → {check.remedy}")
    broken = sum(check.verdict == "broken" for check in checks)
    if as_json:
        verdict = "broken" if broken else "ok"
        typer.echo(
            json.dumps({"verdict": verdict, "checks": [asdict(c) for c in checks]}, ensure_ascii=False)
        )
    if broken:
        raise typer.Exit(1)
