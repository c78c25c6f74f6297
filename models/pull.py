"""Fetch, check, make, check again, install: all of it or nothing."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from models import cache
from models.agreement import correlation
from models.cache import Receipt
from models.errors import ModelsError
from models.fetch import Progress, check, fetch
from models.make import make
from models.manifest import FP32, INT8, ModelCard
from models.session import Session


def pull(card: ModelCard, say: Progress, *, file: Path | None = None) -> Path:
    """Install a model; returns its folder. Nothing is fetched where it already lies undamaged.

    file: a local copy of the one file that the model is made of, instead of fetching it.
    Raises ModelsError and leaves the cache as it was when anything is not as it should be.
    """
    if file is None and not cache.faults(card):
        say(f"{card.name} is here already")
        return cache.place(card)
    with cache.workshop() as work:
        fetched = work / "fetched"
        fetched.mkdir()
        files = fetch(card, fetched, say) if file is None else _local(card, file, fetched, say)
        made = work / card.edition
        make(card, files, made, say)
        origin = card.source.address if file is None else file.name
        paper = Receipt(
            name=card.name,
            edition=card.edition,
            licence=card.licence,
            origin=origin,
            fetched={name: cache.sha256(path) for name, path in files.items()},
            made={path.name: cache.sha256(path) for path in sorted(made.iterdir())},
        )
        return finish(card, made, paper, say)


def finish(card: ModelCard, made: Path, paper: Receipt, say: Progress) -> Path:
    """Check a folder of made files against the manifest, try them on this processor and install them."""
    for name, digest in card.made.items():
        if paper.made.get(name) != digest:
            raise ModelsError(
                f"{card.name}: {name} is not what the manifest pins "
                f"(SHA-256 {paper.made.get(name, 'none')}): nothing was installed; report this, please"
            )
    say("trying it on this processor")
    paper = replace(paper, agreement=try_out(made))
    return cache.install(card, made, paper)


def try_out(folder: Path) -> float | None:
    """Open every graph; where there is an INT8 one, how well it agrees with FP32 (1 is perfect)."""
    for graph in folder.glob("*.onnx"):
        Session(graph)
    if not (folder / INT8).is_file():
        return None
    return correlation(folder / FP32, folder / INT8)


def _local(card: ModelCard, file: Path, into: Path, say: Progress) -> Mapping[str, Path]:
    """The user's copy of the source file. A file other than the published one is taken as the user's own
    where nothing made from it is pinned; its SHA-256 is in the receipt."""
    if len(card.fetched) != 1:
        raise ModelsError(f"{card.name} is made of {len(card.fetched)} files: bring a bundle instead")
    (name,) = card.fetched
    copy = into / Path(name).name
    try:
        shutil.copyfile(file, copy)
    except OSError as error:
        raise ModelsError(f"{file} cannot be read: {error.strerror}") from error
    files = {name: copy}
    if card.made:
        check(files, card.fetched)
    elif (found := cache.sha256(copy)) != card.fetched[name]:
        say(f"{file.name} is not the published file (SHA-256 {found[:12]}…): taken as your own")
    return files
