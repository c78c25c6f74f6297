"""What happens on a connection to a broker, as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sync.trouble import TroubleKind

ProtocolName = Literal["5", "3.1.1"]


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker publishes, retained, when we vanish."""

    topic: str
    payload: str


@dataclass(frozen=True, slots=True)
class Up:
    """The broker accepted us."""

    protocol: ProtocolName
    max_unconfirmed: int
    max_packet: int | None
    """Bytes, where the broker says so."""


@dataclass(frozen=True, slots=True)
class Down:
    """The connection is gone, or an attempt failed; the link tries again by itself."""

    reason: str
    kind: TroubleKind = "lost"


@dataclass(frozen=True, slots=True)
class Subscribed:
    """The broker's answer to `subscribe`: what it refused, with its reason."""

    token: int
    refused: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The broker's answer to `publish`. It says nothing about the receiver."""

    token: int
    refusal: str | None
    unheard: bool
    """MQTT 5 only: nobody was subscribed."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """A message. The broker keeps it until `confirm(receipt)`."""

    topic: str
    payload: bytes
    receipt: tuple[int, int]


Happening = Up | Down | Subscribed | Confirmed | Arrived
