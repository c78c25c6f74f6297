"""Captured traffic held against the published descriptions, as strictly as a producer must keep to them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import yaml

from sync import topics
from sync.schemas import ASYNCAPI, FOLDER, file_name

DESCRIBED: dict[str, Any] = yaml.safe_load(ASYNCAPI.read_text("utf-8"))


def validator(name: str, folder: Path = FOLDER) -> jsonschema.Draft202012Validator:
    """Of the schema in its file."""
    checker = jsonschema.Draft202012Validator(
        json.loads((folder / file_name(name)).read_text("utf-8")),
        format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER,
    )
    checker.check_schema(checker.schema)
    return checker


def closed(node: Any) -> Any:
    """The same schema with no field allowed that it does not name: what a producer must keep to."""
    if isinstance(node, dict):
        made = {key: closed(value) for key, value in node.items()}
        if "properties" in made:
            made.setdefault("additionalProperties", False)
        return made
    return [closed(item) for item in node] if isinstance(node, list) else node


def described(topic: str, payload: bytes) -> str:
    """The schema's name of a message that was heard on a topic; fails when the channel does not allow it
    there, or when it says something that the schema does not."""
    message = json.loads(payload)
    about = topics.parse(topic)
    assert about is not None, topic
    name: str = "storeedge/ack/1" if about.kind == "ack" else message["schema"]
    jsonschema.Draft202012Validator(closed(validator(name).schema)).validate(message)
    channel = DESCRIBED["channels"][about.kind]
    allowed = {message["$ref"].rsplit("/", 1)[1] for message in channel["messages"].values()}
    assert name in {DESCRIBED["components"]["messages"][one]["name"] for one in allowed}, (topic, name)
    return name
