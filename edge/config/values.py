"""What every part of the site file is made of: closed mappings, ids, numbers and points."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from edge.site_file import Key, misplaced

Id = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$")]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
"""Strict: YAML's `yes` is no 1, and what stands in quotes is text."""
Fraction = Annotated[Number, Field(ge=0, le=1)]
FramePoint = tuple[Fraction, Fraction]


class Closed(BaseModel):
    """A mapping of the site file: frozen, and no key that we do not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def unique(ids: Sequence[tuple[tuple[Key, ...], str]]) -> None:
    """Raise for an id that is used twice. ids: each with its path."""
    seen: set[str] = set()
    for path, name in ids:
        if name in seen:
            raise misplaced(path, f"the id {name} is used twice", "give each its own")
        seen.add(name)
