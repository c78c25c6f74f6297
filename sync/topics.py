"""The names of the topics, `storeedge/1/{tenant}/{store}/{box}/…`: pure text, built and taken apart."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from sync.errors import SyncError
from sync.outbox import STREAMS, Stream

ROOT: Final = "storeedge/1"
ID: Final = re.compile(r"[a-z0-9-]{1,64}")
"""What tenant, store and box may look like. Dots and spaces break topics on RabbitMQ and NATS, upper case
is lost in host names and certificates."""

STATE: Final = ROOT + "/{tenant}/{store}/{box}/state"
UP: Final = ROOT + "/{tenant}/{store}/{box}/up/{stream}"
ACK: Final = ROOT + "/{tenant}/{store}/{box}/down/ack/{stream}"
DOC: Final = ROOT + "/{tenant}/{store}/{box}/down/doc/{name}"
CALL: Final = ROOT + "/{tenant}/{store}/{box}/down/call/{id}"
REPLY: Final = ROOT + "/{tenant}/{store}/{box}/up/reply/{id}"


@dataclass(frozen=True, slots=True, order=True)
class BoxIdentity:
    """Which box of which store of which tenant; every part is checked to be `[a-z0-9-]`, 1 to 64 long."""

    tenant: str
    store: str
    box: str

    def __post_init__(self) -> None:
        for part in ("tenant", "store", "box"):
            value = getattr(self, part)
            if not ID.fullmatch(value):
                raise SyncError(
                    f"{part} {value!r} cannot be part of a topic: use 1 to 64 of a-z, 0-9 and the hyphen"
                )

    def __str__(self) -> str:
        return f"{self.tenant}/{self.store}/{self.box}"

    @property
    def state(self) -> str:
        """The retained birth document and last will."""
        return STATE.format(tenant=self.tenant, store=self.store, box=self.box)

    def up(self, stream: Stream) -> str:
        """Where the box publishes a stream."""
        return UP.format(tenant=self.tenant, store=self.store, box=self.box, stream=stream)

    def ack(self, stream: Stream) -> str:
        """Where the centre acknowledges a stream."""
        return ACK.format(tenant=self.tenant, store=self.store, box=self.box, stream=stream)

    def doc(self, name: str) -> str:
        """Where the centre keeps a document for the box; `+` is all of them."""
        return DOC.format(tenant=self.tenant, store=self.store, box=self.box, name=name)

    def call(self, id_: str) -> str:
        """Where the centre asks or tells the box something, once; `+` is all of it."""
        return CALL.format(tenant=self.tenant, store=self.store, box=self.box, id=id_)

    def reply(self, id_: str) -> str:
        """Where the box answers a call."""
        return REPLY.format(tenant=self.tenant, store=self.store, box=self.box, id=id_)

    @property
    def client_id(self) -> str:
        """One per box, so that a second box with the same name is noticed by the broker."""
        return f"storeedge:{self.tenant}:{self.store}:{self.box}"


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic taken apart. `stream` is there for `up` and `ack`, `name` for `doc`, `call` and `reply`."""

    box: BoxIdentity
    kind: Literal["state", "up", "ack", "doc", "call", "reply"]
    stream: Stream | None = None
    name: str | None = None


def parse(topic: str) -> Topic | None:
    """What a topic is about, or None when it is none of ours."""
    levels = topic.split("/")
    if len(levels) < 6 or "/".join(levels[:2]) != ROOT:
        return None
    try:
        box = BoxIdentity(*levels[2:5])
    except SyncError:
        return None
    return _about(box, levels[5:])


def _about(box: BoxIdentity, levels: list[str]) -> Topic | None:
    match levels:
        case ["state"]:
            return Topic(box, "state")
        case ["up", stream] if stream in STREAMS:
            return Topic(box, "up", stream)
        case ["down", "ack", stream] if stream in STREAMS:
            return Topic(box, "ack", stream)
        case ["down", "doc" | "call" as kind, name] if ID.fullmatch(name):
            return Topic(box, kind, name=name)
        case ["up", "reply", name] if ID.fullmatch(name):
            return Topic(box, "reply", name=name)
    return None
