"""The AsyncAPI 3 description of all topics, made from `topics.py` and the payload models; what only people
can say about a topic stands here, and nowhere else. `sync/asyncapi.yaml` holds what this makes; like the
JSON Schemas it is written by `python -c "from sync.schemas import write; write()"`.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import yaml

from sync import topics
from sync.coupon_payloads import CALLS, DOCUMENTS, REPLY
from sync.mqtt_client import KEEPALIVE_S
from sync.outbox import STREAMS
from sync.payloads import ACK, MESSAGES, STATE, Payload

ABOUT: Final = """\
A box in a store sends minutes, events and coupon decisions; a centre commits them and acknowledges.
Down to the box go answers to its coupon decisions, and documents that are kept at the broker: members,
offers, coupon rules.
All messages are JSON in UTF-8 with QoS 1. MQTT 5 is tried first, then MQTT 3.1.1.

Identity: `(tenant, store, box, epoch, stream, seq)`. A message may arrive any number of times and in
any order; a receiver keeps it once under this identity. The box deletes it only when the centre has
acknowledged it, whatever the broker said.

Inside version 1 fields may be added: a receiver ignores what it does not know.
"""
NAMES: Final = f"1 to 64 of a-z, 0-9 and the hyphen: {topics.ID.pattern}"
BINDING: Final = "0.2.0"

Models = Mapping[str, type[Payload]]
FileName = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Channel:
    """One kind of topic."""

    address: str
    action: Literal["send", "receive"]
    """The box's."""
    messages: tuple[str, ...]
    """Schema names."""
    operation: str
    about: str
    retain: bool = False
    reply: str | None = None
    """The channel on which the box answers."""


CHANNELS: Final[dict[str, Channel]] = {
    "state": Channel(
        topics.STATE, "send", (STATE,), "sayState", retain=True,
        about="The birth document; with `online` false the goodbye or the last will.",
    ),
    "up": Channel(
        topics.UP, "send", tuple(MESSAGES), "sendUp",
        about="The stream `data` may be late and is never lost. The stream `trigger` goes first; a coupon "
        "decision is for the books after its `expires_at`, and is never acted upon then.",
    ),
    "doc": Channel(
        topics.DOC, "receive", tuple(DOCUMENTS), "hearDocument", retain=True,
        about="`name` is `offers`, `coupons`, `member-keys`, or `members-{key}-{piece}`. A box takes a "
        "document when all pieces of one version are there, the version is above the one that it has, and "
        "the signature is the centre's where the box knows its key. An empty message takes a document from "
        "the broker only.",
    ),
    "call": Channel(
        topics.CALL, "receive", tuple(CALLS), "hearCall", reply="reply",
        about="The box answers on `up/reply/{id}`; the same id again is the same call.",
    ),
    "reply": Channel(topics.REPLY, "send", (REPLY,), "sayReply", about="The answer to a call."),
    "ack": Channel(
        topics.ACK, "receive", (ACK,), "hearAck",
        about="Sent after the commit. `upto` leaves no gap: the centre holds every seq from the first that "
        "the box still had (`streams.<stream>.first` of its newest birth document) up to `upto`.",
    ),
}  # fmt: skip
"""By the name that `topics.parse` gives to the kind."""


def document(models: Models, file_name: FileName) -> dict[str, Any]:
    """The whole description. models: schema name to payload; file_name: a schema's name to its file's."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "StoreEdge boxes over MQTT",
            "version": "1.0.0",
            "license": {"name": "Apache-2.0"},
            "description": ABOUT,
        },
        "defaultContentType": "application/json",
        "servers": {"broker": _server()},
        "channels": {name: _channel(channel) for name, channel in CHANNELS.items()},
        "operations": {channel.operation: _operation(name) for name, channel in CHANNELS.items()},
        "components": {
            "messages": {
                key(name): {
                    "name": name,
                    "summary": summary(model),
                    "contentType": "application/json",
                    "payload": {"$ref": f"./schemas/{file_name(name)}"},
                }
                for name, model in models.items()
            }
        },
    }


def text(models: Models, file_name: FileName) -> str:
    """The file's text."""
    head = "# Made from sync/topics.py, the payload models and sync/asyncapi.py; do not edit.\n"
    return head + yaml.dump(
        document(models, file_name), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110
    )


def key(schema: str) -> str:
    """`storeedge/trigger-answer/1` is the message `triggerAnswer`."""
    first, *others = schema.split("/")[1].split("-")
    return first + "".join(other.capitalize() for other in others)


def summary(model: type[Payload]) -> str:
    """The first sentence about what the message carries."""
    body = model.model_fields.get("body")
    about = model if body is None else body.annotation
    said = inspect.cleandoc(about.__doc__ or "").split("\n\n")[0]
    return " ".join(said.split())


def _server() -> dict[str, Any]:
    return {
        "host": "broker.example:8883",
        "protocol": "secure-mqtt",
        "description": "TLS with a certificate per box; its common name is `tenant/store/box`.",
        "bindings": {
            "mqtt": {
                "clientId": "storeedge:{tenant}:{store}:{box}",
                "cleanSession": True,
                "keepAlive": KEEPALIVE_S,
                "lastWill": {
                    "topic": topics.STATE,
                    "qos": 1,
                    "retain": True,
                    "message": f"a {STATE} with online false",
                },
                "bindingVersion": BINDING,
            }
        },
    }


def _channel(channel: Channel) -> dict[str, Any]:
    return {
        "address": channel.address,
        "description": f"{'Retained' if channel.retain else 'Not retained'}. {channel.about}",
        "parameters": dict(_parameters(re.findall(r"{(\w+)}", channel.address))),
        "messages": {key(name): {"$ref": f"#/components/messages/{key(name)}"} for name in channel.messages},
    }


def _parameters(names: Iterable[str]) -> Iterable[tuple[str, dict[str, Any]]]:
    for name in names:
        yield name, {"enum": sorted(STREAMS)} if name == "stream" else {"description": NAMES}


def _operation(name: str) -> dict[str, Any]:
    channel = CHANNELS[name]
    made: dict[str, Any] = {
        "action": channel.action,
        "channel": {"$ref": f"#/channels/{name}"},
        "bindings": {"mqtt": {"qos": 1, "retain": channel.retain, "bindingVersion": BINDING}},
    }
    return (
        made
        if channel.reply is None
        else {**made, "reply": {"channel": {"$ref": f"#/channels/{channel.reply}"}}}
    )


class _Dumper(yaml.SafeDumper):
    """Long texts as blocks, and nothing by reference."""

    def ignore_aliases(self, _data: Any) -> bool:
        """Each place says it in full."""
        return True


def _text(dumper: yaml.SafeDumper, said: str) -> yaml.Node:
    style = "|" if "\n" in said else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", said, style=style)


_Dumper.add_representer(str, _text)
