"""Fetch, check, make, check again, install: all of it or nothing."""

from __future__ import annotations

from pathlib import Path

from models import cache
from models.cache import Receipt
from models.errors import ModelsError
from models.fetch import Progress, fetch
from models.make import make
from models.manifest import ModelCard


def pull(card: ModelCard, say: Progress) -> Path:
    """Install a model; returns its folder. Nothing is fetched where it already lies undamaged."""
    if not cache.faults(card):
        say(f"{card.name} is here already")
        return cache.place(card)
    with cache.workshop() as work:
        (work / "fetched").mkdir()
        files = fetch(card, work / "fetched", say)
        made = work / card.edition
        make(card, files, made, say)
        return cache.install(card, made, _receipt(card, files, made))


def _receipt(card: ModelCard, files: dict[str, Path], made: Path) -> Receipt:
    digests = {path.name: cache.sha256(path) for path in sorted(made.iterdir())}
    for name, digest in card.made.items():
        if digests.get(name) != digest:
            raise ModelsError(
                f"{card.name}: {name} came out different from what the manifest pins "
                f"(SHA-256 {digests.get(name, 'none')}): nothing was installed; report this, please"
            )
    return Receipt(
        name=card.name,
        edition=card.edition,
        licence=card.licence,
        origin=card.source.address,
        fetched={name: cache.sha256(path) for name, path in files.items()},
        made=digests,
    )
