"""`storeedge models`: what there is, what lies here, fetching, checking, bundling."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from models import cache
from models.errors import ModelsError
from models.fetch import Progress
from models.manifest import DEFAULT, INT8, ModelCard, Url, card, cards

app = typer.Typer(help="Fetch, check and bundle the models.", no_args_is_help=True)

Names = Annotated[list[str] | None, typer.Argument(help="Names of models; none: see below.")]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]


@app.command("list")
def list_models(as_json: AsJson = False) -> None:
    """The models that this version knows, their licences, and which lie on this machine."""
    rows = [_row(entry) for entry in cards().values()]
    if as_json:
        typer.echo(json.dumps({"cache": str(cache.folder()), "models": rows}))
        return
    for row in rows:
        here = "installed" if row["installed"] else "not installed"
        typer.echo(f"{row['name']} ({here}{', the default' if row['default'] else ''}): {row['about']}")
        typer.echo(f"    licence: {row['licence']}; from: {row['source']}")
    typer.echo(f"cache: {cache.folder()}")


def _row(entry: ModelCard) -> dict[str, Any]:
    return {
        "name": entry.name,
        "default": entry.name == card(DEFAULT).name,
        "installed": cache.receipt(entry) is not None,
        "about": entry.about,
        "task": entry.task,
        "licence": entry.licence,
        "source": entry.source.address,
        "edition": entry.edition,
    }


@app.command()
def pull(
    names: Names = None,
    every: Annotated[bool, typer.Option("--all", help="All models.")] = False,
    from_bundle: Annotated[Path | None, typer.Option(help="Install from a bundle; no network.")] = None,
    file: Annotated[Path | None, typer.Option(help="A local copy of the model's one source file.")] = None,
) -> None:
    """Fetch models, convert and check them. Without names: what a site needs by default.

    Only complete and checked models reach the cache; after a failure it is as it was.
    """
    from models.bundle import install_bundle
    from models.pull import pull as pull_model

    if file is not None and len(names or []) != 1:
        raise ModelsError("--file needs the name of one model")
    if from_bundle is not None:
        if names or every or file:
            raise ModelsError(
                "--from-bundle installs what the bundle holds: leave out names and other options"
            )
        with _progress() as say:
            installed = install_bundle(from_bundle, say)
        typer.echo(f"installed: {', '.join(installed)}")
        return
    for entry in cards().values() if every else [card(name) for name in names or [DEFAULT]]:
        try:
            with _progress() as say:
                place = pull_model(entry, say, file=file)
        except ModelsError as error:
            if not (every and isinstance(entry.source, Url)):
                raise
            typer.echo(f"{entry.name}: left out: {error}", err=True)
            continue
        typer.echo(f"{entry.name}: {place} ({entry.licence})")


@app.command()
def verify(
    names: Names = None,
    clip: Annotated[Path | None, typer.Option(help="Also compare INT8 with FP32 on this video.")] = None,
    as_json: AsJson = False,
) -> None:
    """Check models: SHA-256, that they open, INT8 against FP32. Without names: all that are installed."""
    chosen = [card(name) for name in names] if names else _installed()
    results = [_verdict(entry, clip) for entry in chosen]
    if as_json:
        typer.echo(json.dumps({"ok": all(row["ok"] for row in results), "models": results}))
    else:
        for row in results:
            typer.echo(_sentence(row))
    if not all(row["ok"] for row in results):
        raise typer.Exit(1)


def _installed() -> list[ModelCard]:
    here = [entry for entry in cards().values() if cache.receipt(entry) is not None]
    if not here:
        raise ModelsError("no model is on this machine: run `storeedge models pull`")
    return here


def _verdict(entry: ModelCard, clip: Path | None) -> dict[str, Any]:
    from models.agreement import ENOUGH, on_clip
    from models.processor import has_vnni
    from models.pull import try_out

    faults = cache.faults(entry)
    row: dict[str, Any] = {"name": entry.name, "faults": faults, "ok": not faults, "licence": entry.licence}
    if faults:
        return row
    agreement = try_out(cache.place(entry))
    if agreement is not None:
        row |= {"int8_agreement": round(agreement, 4), "int8_used": has_vnni() and agreement >= ENOUGH}
        row["ok"] = agreement >= ENOUGH or not has_vnni()
    if clip is not None and INT8 in entry.made:
        row["on_clip"] = asdict(on_clip(entry.name, clip))
    return row


def _sentence(row: dict[str, Any]) -> str:
    if row["faults"]:
        return f"{row['name']}: {'; '.join(row['faults'])}: run `storeedge models pull {row['name']}`"
    text = f"{row['name']}: good"
    if "int8_agreement" in row:
        used = "used here" if row["int8_used"] else "not used on this processor"
        text += f"; INT8 agrees with FP32 to {row['int8_agreement']:.4f}, {used}"
    if "on_clip" in row:
        seen = row["on_clip"]
        text += (
            f"; on {seen['frames']} frames it finds {seen['found']} of {seen['expected']} sure boxes again "
            f"(mean IoU {seen['iou']:.3f}) and {seen['added']} others"
        )
    return text


@app.command()
def bundle(
    target: Annotated[Path, typer.Argument(help="The tar file to write.")],
    names: Annotated[list[str] | None, typer.Argument(help="Models; none: all installed ones.")] = None,
) -> None:
    """Write models into one file, for `storeedge models pull --from-bundle` on a box without network."""
    from models.bundle import bundle as write

    chosen = [card(name) for name in names] if names else _installed()
    write(chosen, target)
    names_of = ", ".join(f"{entry.name} ({entry.licence})" for entry in chosen)
    typer.echo(f"{target}: {names_of}; {target.stat().st_size / 1e6:.1f} MB, SHA-256 {cache.sha256(target)}")


@contextmanager
def _progress() -> Iterator[Progress]:
    """A spinner with the present step on a terminal, plain lines elsewhere; both on stderr."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda text: typer.echo(text, err=True)
        return
    with console.status("starting") as status:

        def say(text: str) -> None:
            console.print(text, highlight=False)
            status.update(text)

        yield say
