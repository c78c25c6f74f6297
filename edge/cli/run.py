"""`storeedge run`: the box."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Final

import typer

DATA_HELP: Final = "Folder of the database; by default systemd's state folder, or one in your home."


def default_data() -> Path:
    """Where the box keeps its database when nobody says so."""
    if given := os.environ.get("STATE_DIRECTORY"):
        return Path(given.split(":")[0])
    home = os.environ.get("XDG_DATA_HOME")
    return (Path(home) if home else Path.home() / ".local" / "share") / "storeedge"


def run(
    site: Annotated[Path, typer.Option("--site", help="The site file.")] = Path("site.yaml"),
    data: Annotated[Path | None, typer.Option("--data", help=DATA_HELP)] = None,
    host: Annotated[str, typer.Option("--host", help="Address that the page listens on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Its port.")] = 8080,
    until_end: Annotated[
        bool,
        typer.Option("--until-end", help="Finish when all clips are over and everything is acknowledged."),
    ] = False,
) -> None:
    """Run the box: watch the cameras, count, store, sync and serve the page."""
    from edge.config import load_site
    from edge.log import start_logging
    from edge.run import run_box

    start_logging(journal="JOURNAL_STREAM" in os.environ)
    run_box(load_site(site), data or default_data(), host=host, port=port, until_end=until_end)
