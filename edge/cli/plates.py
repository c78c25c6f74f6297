"""`storeedge plates`: read the number plates in pictures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Read number plates.", no_args_is_help=True)


@app.callback()
def plates() -> None:
    """Read number plates."""


@app.command()
def read(
    files: Annotated[list[Path], typer.Argument(help="Pictures, or folders of pictures.")],
    threads: Annotated[int, typer.Option("--threads", min=1, max=16, help="Threads for the networks.")] = 1,
) -> None:
    """Read the plates of mainland China in pictures: one line of JSON for each picture.

    A plate that cannot be read surely is counted as unread and not guessed. A file that is no picture is told
    on stderr, the others are read all the same, and the exit code is then 1.
    """
    from edge.errors import CaptureError
    from edge.plate_stills import StillReader, open_picture, picture_files
    from models.plates.read import PlateReader

    reader = StillReader(PlateReader(threads))
    failed = False
    for path in picture_files(files):
        try:
            found = reader.read(open_picture(path))
        except CaptureError as error:
            typer.echo(f"storeedge: {error}", err=True)
            failed = True
            continue
        line = {
            "file": str(path),
            "plates": [plate.as_json() for plate in found if plate.text is not None],
            "unread": sum(plate.text is None for plate in found),
        }
        typer.echo(json.dumps(line, ensure_ascii=False))
    if failed:
        raise typer.Exit(1)
