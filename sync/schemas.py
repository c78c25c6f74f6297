"""The JSON Schema files of every payload, made from the models, in `sync/schemas/`, and the AsyncAPI file
beside it.

After a change of a model: `python -c "from sync.schemas import write; write()"`.
"""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from sync import asyncapi
from sync.coupon_payloads import CALLS, DOCUMENTS, REPLY, Reply
from sync.payloads import ACK, MESSAGES, STATE, Ack, Payload, State

MODELS: Final[dict[str, type[Payload]]] = {
    **MESSAGES, **DOCUMENTS, **CALLS, STATE: State, ACK: Ack, REPLY: Reply,
}  # fmt: skip
"""Schema name to the model of the whole payload, envelope and all."""
FOLDER: Final = Path(str(files("sync"))) / "schemas"
ASYNCAPI: Final = FOLDER.parent / "asyncapi.yaml"


def file_name(schema: str) -> str:
    """`storeedge/minute/1` is in `minute-1.json`."""
    _, name, version = schema.split("/")
    return f"{name}-{version}.json"


def schema(name: str) -> dict[str, Any]:
    """The JSON Schema (2020-12) of one payload. Unknown fields are allowed: a consumer ignores them."""
    made = MODELS[name].model_json_schema(by_alias=True)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:{name.replace('/', ':')}",
        **_tidy(made),
    }


def text(name: str) -> str:
    """The file's text."""
    return json.dumps(schema(name), indent=2, ensure_ascii=False) + "\n"


def write(folder: Path = FOLDER, description: Path = ASYNCAPI) -> None:
    """Make all files anew."""
    folder.mkdir(exist_ok=True)
    for name in MODELS:
        (folder / file_name(name)).write_text(text(name), "utf-8")
    description.write_text(asyncapi.text(MODELS, file_name), "utf-8")


def _tidy(node: Any) -> Any:
    """Without the titles that only repeat a field's name, and without OpenAPI's `discriminator`, which is no
    word of JSON Schema and another one in AsyncAPI: the constants in the variants say the same."""
    if isinstance(node, dict):
        return {key: _tidy(value) for key, value in node.items() if not _dropped(key, value)}
    return [_tidy(item) for item in node] if isinstance(node, list) else node


def _dropped(key: str, value: Any) -> bool:
    return (key == "title" and isinstance(value, str)) or (key == "discriminator" and "mapping" in value)
