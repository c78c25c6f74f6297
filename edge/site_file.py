"""Read a YAML site file so that every fault can be told with its line, key and remedy."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

Key = str | int


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong in a site file. `line` counts from 1; None when the file as a whole is meant."""

    line: int | None
    key: str
    message: str
    remedy: str = ""

    def __str__(self) -> str:
        where = f"line {self.line}: " if self.line else ""
        what = f"{self.key}: " if self.key else ""
        return f"{where}{what}{self.message}" + (f" ({self.remedy})" if self.remedy else "")


class _Loader(yaml.SafeLoader):
    """SafeLoader that refuses a key given twice, which YAML would silently overwrite."""


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: set[Any] = set()
    for key_node, _ in node.value:
        key = loader.construct_object(key_node)
        if key in seen:
            raise yaml.constructor.ConstructorError(
                None, None, f"the key {key!r} stands here a second time", key_node.start_mark
            )
        seen.add(key)
    return dict(loader.construct_pairs(node, deep=True))


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def read_yaml(path: Path) -> tuple[Any, yaml.Node | None, list[Fault]]:
    """The file's data, its node tree (for line numbers) and what made it unreadable."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None, None, [Fault(None, "", f"no site file at {path}", "write one: storeedge config example")]
    except (OSError, UnicodeDecodeError) as fault:
        return None, None, [Fault(None, "", f"cannot read {path}: {fault}")]
    try:
        node = yaml.compose(text, Loader=_Loader)
        return yaml.load(text, Loader=_Loader), node, []  # noqa: S506 - a SafeLoader
    except yaml.MarkedYAMLError as fault:
        mark = fault.problem_mark
        line = mark.line + 1 if mark else None
        return (
            None,
            None,
            [Fault(line, "", fault.problem or "not YAML", "check indentation, quotes and colons")],
        )
    except yaml.YAMLError as fault:
        return None, None, [Fault(None, "", f"not YAML: {fault}")]


def line_of(node: yaml.Node | None, path: Sequence[Key]) -> int | None:
    """The line on which the key at `path` stands, or that of its nearest parent."""
    line: int | None = None
    for key in path:
        if isinstance(node, yaml.MappingNode):
            found = next(((k, v) for k, v in node.value if k.value == str(key)), None)
            if found is None:
                break
            line, node = found[0].start_mark.line + 1, found[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
            node = node.value[key]
            line = node.start_mark.line + 1
        else:
            break
    return line


def faults_of(error: ValidationError, root: type[BaseModel], node: yaml.Node | None) -> list[Fault]:
    """Pydantic's errors in the words of a person with the file open. Values are not repeated: a camera's
    address holds a password."""
    faults = []
    for detail in error.errors(include_url=False, include_input=False):
        path = [
            part for part in detail["loc"] if not (isinstance(part, str) and part.startswith("function-"))
        ]
        message, remedy = _in_words(detail, root, path)
        faults.append(Fault(line_of(node, path), _dotted(path), message, remedy))
    return faults


def _dotted(path: Sequence[Key]) -> str:
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def _in_words(detail: Any, root: type[BaseModel], path: Sequence[Key]) -> tuple[str, str]:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "extra_forbidden":
        return "unknown key", _nearest_key(root, path)
    if kind == "missing":
        return "missing", "add it; `storeedge config example` shows every key"
    if kind == "literal_error":
        return f"must be one of {context['expected']}", ""
    if kind in {"value_error", "assertion_error"}:
        message, _, remedy = str(context["error"]).partition("; ")
        return message, remedy
    return str(detail["msg"][0]).lower() + str(detail["msg"][1:]), ""


def _nearest_key(root: type[BaseModel], path: Sequence[Key]) -> str:
    keys = list(_model_at(root, path[:-1]).model_fields)
    near = difflib.get_close_matches(str(path[-1]), keys, n=1)
    return f"did you mean `{near[0]}`?" if near else f"known here: {', '.join(keys)}"


def _model_at(model: type[BaseModel], path: Sequence[Key]) -> type[BaseModel]:
    """The model that describes the mapping at `path`."""
    for part in path:
        if isinstance(part, int) or part not in model.model_fields:
            continue
        inner = _models_in(model.model_fields[part].annotation)
        if inner:
            model = inner[0]
    return model


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [m for part in getattr(annotation, "__args__", ()) for m in _models_in(part)]
