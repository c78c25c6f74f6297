"""Models in one file, for a box without network."""

from __future__ import annotations

import io
import json
import os
import tarfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import IO, Final, cast

from models import cache
from models.cache import RECEIPT, Receipt
from models.errors import ModelsError
from models.fetch import Progress
from models.manifest import ModelCard, cards
from models.pull import finish

LARGEST: Final = 512 << 20
"""No model of ours is near this; a larger member is refused before it fills the disk."""


def bundle(chosen: Sequence[ModelCard], target: Path) -> None:
    """Write installed models into a tar file; the same models are always the same bytes."""
    unfinished = target.with_name(target.name + ".part")
    try:
        with tarfile.open(unfinished, "w", format=tarfile.PAX_FORMAT) as tar:
            for card in chosen:
                _add_model(tar, card)
        os.replace(unfinished, target)
    except OSError as error:
        raise ModelsError(f"{target} cannot be written: {error.strerror or error}") from error
    finally:
        unfinished.unlink(missing_ok=True)


def _add_model(tar: tarfile.TarFile, card: ModelCard) -> None:
    folder = cache.installed(card)
    if wrong := cache.faults(card):
        raise ModelsError(
            f"{card.name} is damaged ({'; '.join(wrong)}): run `storeedge models pull {card.name}`"
        )
    paper = cast(Receipt, cache.receipt(card))
    _add(tar, f"{card.name}/{RECEIPT}", json.dumps(asdict(paper), indent=1).encode())
    for name in sorted(paper.made):
        _add(tar, f"{card.name}/{name}", (folder / name).read_bytes())


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), 0o644
    tar.addfile(entry, io.BytesIO(content))


def install_bundle(source: Path, say: Progress) -> list[str]:
    """Install every model of a bundle that this version of the software knows; returns their names.

    Every file is checked against the manifest's SHA-256 (or its receipt's, where the manifest pins none).
    """
    try:
        with tarfile.open(source) as tar:
            papers = {
                name.partition("/")[0]: _receipt(tar, name)
                for name in tar.getnames()
                if name.endswith(f"/{RECEIPT}")
            }
            if not papers:
                raise ModelsError(f"{source} holds no models: make it with `storeedge models bundle`")
            for paper in papers.values():
                _install(tar, paper, source, say)
            return list(papers)
    except (tarfile.TarError, EOFError) as error:
        raise ModelsError(f"{source} is damaged ({error}): copy the bundle again") from error
    except OSError as error:
        raise ModelsError(f"{source} cannot be read: {error.strerror or error}") from error


def _receipt(tar: tarfile.TarFile, name: str) -> Receipt:
    try:
        paper = Receipt(**json.load(_member(tar, name)))
        plain = all(Path(file).name == file for file in paper.made)
    except (ValueError, TypeError, AttributeError) as error:
        raise ModelsError(f"the bundle's {name} is damaged ({error}): make the bundle again") from error
    if not plain:
        raise ModelsError(f"the bundle's {name} names files in other folders: do not use this bundle")
    return paper


def _install(tar: tarfile.TarFile, paper: Receipt, source: Path, say: Progress) -> None:
    card = cards().get(paper.name)
    if card is None or card.edition != paper.edition:
        raise ModelsError(
            f"{source} was made for another version of storeedge ({paper.name} {paper.edition}): "
            "make the bundle with the version that runs on this box"
        )
    if not cache.faults(card):
        say(f"{card.name} is here already")
        return
    say(f"unpacking {card.name}")
    with cache.workshop() as work:
        made = work / card.edition
        made.mkdir()
        for name, digest in paper.made.items():
            (made / name).write_bytes(_member(tar, f"{card.name}/{name}").read())
            if cache.sha256(made / name) != digest:
                raise ModelsError(f"{name} of {card.name} in {source} is damaged: copy the bundle again")
        finish(card, made, paper, say)


def _member(tar: tarfile.TarFile, name: str) -> IO[bytes]:
    try:
        entry = tar.getmember(name)
    except KeyError as error:
        raise ModelsError(f"the bundle lacks {name}: copy it again") from error
    content = tar.extractfile(entry) if entry.isreg() and entry.size <= LARGEST else None
    if content is None:
        raise ModelsError(f"the bundle's {name} is no plain file of a reasonable size: make the bundle again")
    return content
