"""`sync:` the line to the centre."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Self

from pydantic import Field, field_validator, model_validator

from edge.config.secrets import NAMED
from edge.config.values import Closed


class SyncConfig(Closed):
    """The line to the centre."""

    url: str = Field(description="mqtts://broker:8883, or mqtt://127.0.0.1:1883 for a broker on this box.")
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    centre_keys: list[str] = Field(
        default=[],
        max_length=4,
        description="The centre's public keys (`storeedge hub keys centre` tells it): with one or more, "
        "documents and answers are obeyed only when they are signed by one of them. Two while it changes.",
    )

    @field_validator("centre_keys")
    @classmethod
    def _keys(cls, keys: list[str]) -> list[str]:
        from sync.errors import SyncError  # noqa: PLC0415 - as below
        from sync.keys import PublicKey  # noqa: PLC0415

        for key in keys:
            try:
                PublicKey.parse(key)
            except SyncError as fault:
                raise ValueError(f"{fault}; storeedge hub keys centre prints it") from fault
        return keys

    @field_validator("url")
    @classmethod
    def _mqtt(cls, url: str) -> str:
        check_broker(url, "; such as mqtts://broker.example:8883")
        return url

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        check_broker(self.url, **{k: str(v) for k in ("ca", "cert", "key") if (v := getattr(self, k))})
        return self


def check_broker(url: str, remedy: str = "", **files: str) -> None:
    """Raise ValueError where sync, which knows the grammar of a broker's address, cannot take it. Any word
    stands for a secret until that is filled in."""
    from sync.errors import SyncError  # noqa: PLC0415 - a replay needs no MQTT client
    from sync.mqtt import Broker  # noqa: PLC0415

    try:
        Broker.parse(re.sub(NAMED, "secret", url), **files)
    except SyncError as fault:
        raise ValueError(f"{fault}{remedy}") from fault
