"""Where models lie on this machine, and how they get there whole or not at all.

`<cache>/<name>/<edition>/` holds a model's files and `receipt.json` with the SHA-256 of each. A folder is
filled under another name and renamed when complete, so a cut power cord leaves the old state or the new one.
The edition changes with the manifest: an upgrade of the software does not touch the model that still runs.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from models.errors import ModelsError
from models.manifest import ModelCard

RECEIPT: Final = "receipt.json"


@dataclass(frozen=True, slots=True)
class Receipt:
    """What an installed model is made of: SHA-256 by file, of what was fetched and of what was made."""

    name: str
    edition: str
    licence: str
    origin: str
    fetched: Mapping[str, str]
    made: Mapping[str, str]
    agreement: float | None = None
    """How well INT8 agreed with FP32 on this processor when it was installed; 1 is perfect."""


def folder() -> Path:
    """The cache's root: STOREEDGE_MODELS, else `storeedge/models` in the user's cache folder."""
    if own := os.environ.get("STOREEDGE_MODELS"):
        return Path(own)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "storeedge" / "models"


def place(card: ModelCard) -> Path:
    """Where this edition of a model lies or would lie."""
    return folder() / card.name / card.edition


def sha256(path: Path) -> str:
    """Digest of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def receipt(card: ModelCard) -> Receipt | None:
    """The installed model's receipt; None where this edition is not installed."""
    path = place(card) / RECEIPT
    try:
        return Receipt(**json.loads(path.read_text(encoding="utf-8")))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, TypeError) as error:
        raise ModelsError(f"{path} is damaged ({error}): run `storeedge models pull {card.name}`") from error


def installed(card: ModelCard) -> Path:
    """The folder of an installed model."""
    if receipt(card) is None:
        raise ModelsError(
            f"model {card.name} is not on this machine: run `storeedge models pull {card.name}`"
        )
    return place(card)


def faults(card: ModelCard) -> list[str]:
    """What is wrong with an installed model's files; empty when each has the digest it should have."""
    paper = receipt(card)
    if paper is None:
        return ["not installed"]
    wrong = []
    for name, digest in (card.made or paper.made).items():
        path = place(card) / name
        if not path.is_file():
            wrong.append(f"{name} is missing")
        elif sha256(path) != digest:
            wrong.append(f"{name} is not what was installed")
    return wrong


@contextmanager
def workshop() -> Iterator[Path]:
    """A folder on the cache's own disk to fetch and build in; gone afterwards, whatever happens."""
    root = folder()
    try:
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".work-", dir=root) as path:
            yield Path(path)
    except OSError as error:
        raise ModelsError(
            f"the cache {root} cannot be written ({error.strerror or error}): "
            "free some space, or set STOREEDGE_MODELS to a folder that can"
        ) from error


def install(card: ModelCard, made: Path, paper: Receipt) -> Path:
    """Move a complete folder of made files into the cache; it replaces a damaged one of the same edition."""
    (made / RECEIPT).write_text(json.dumps(asdict(paper), indent=1) + "\n", encoding="utf-8")
    for file in made.iterdir():
        _flush(file)
    target = place(card)
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists():
        aside = Path(tempfile.mkdtemp(prefix=".old-", dir=folder()))
        target.rename(aside / target.name)
        made.rename(target)
        shutil.rmtree(aside, ignore_errors=True)
    else:
        made.rename(target)
    _flush(target.parent)
    return target


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
