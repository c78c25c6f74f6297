"""Read a YAML site file so that every fault can be told with its line, key and remedy."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticCustomError

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
    """SafeLoader that refuses a key given twice, which YAML would silently overwrite, and knows no dates:
    2026-01-02 is a name like any other."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - as the base class has it
        first: [(tag, shape) for tag, shape in known if not tag.endswith(":timestamp")]
        for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: set[str] = set()
    for key_node, _ in node.value:
        key = loader.construct_object(key_node)
        if not isinstance(key, str):
            problem = "a key that is no word; put it in quotes if it is meant to be one"
            raise yaml.constructor.ConstructorError(None, None, problem, key_node.start_mark)
        if key in seen:
            raise yaml.constructor.ConstructorError(
                None, None, f"the key {_plain(key)} stands here a second time; keep one", key_node.start_mark
            )
        seen.add(key)
    return dict(loader.construct_pairs(node, deep=True))


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def read_yaml(path: Path) -> tuple[Any, yaml.Node | None, list[Fault]]:
    """The file's data, its node tree (for line numbers) and what made it unreadable."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        fault = Fault(None, "", f"no site file at {path}", "write one: storeedge config example")
    except UnicodeDecodeError:
        fault = Fault(None, "", "no UTF-8 text", "save it as a text file in UTF-8")
    except OSError as error:
        fault = Fault(None, "", f"cannot be read: {error.strerror}", "mind its name and permissions")
    else:
        return _parsed(text)
    return None, None, [fault]


def _parsed(text: str) -> tuple[Any, yaml.Node | None, list[Fault]]:
    try:
        node = yaml.compose(text, Loader=_Loader)
        return yaml.load(text, Loader=_Loader), node, []  # noqa: S506 - a SafeLoader
    except yaml.MarkedYAMLError as error:
        fault = _unreadable(error)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        fault = Fault(line, "", "a character that no text has", "save the file as plain text")
    except RecursionError:
        fault = Fault(None, "", "nested too deep", "see `storeedge config example`")
    return None, None, [fault]


_YAML_WORDS = (
    ("\t", "a tab", "indent with spaces"),
    ("another document", "a second document begins", "one site to a file: take out the ---"),
    ("alias", "a * or & has a meaning of its own in YAML", "put the text in quotes"),
    ("anchor", "a * or & has a meaning of its own in YAML", "put the text in quotes"),
    ("tag", "a ! or << has a meaning of its own in YAML", "put the text in quotes"),
    ("recursive", "a part that contains itself", "write it out"),
)
"""Words of the YAML parser that a person need not know, and ours."""


def _unreadable(error: yaml.MarkedYAMLError) -> Fault:
    """What YAML stumbled over, without repeating the text: it may hold a password."""
    problem, mark = error.problem or "not YAML", error.problem_mark
    if "end" in problem or "could not find expected" in problem:
        mark = error.context_mark or mark  # where it began, not where the file ended
    line = mark.line + 1 if mark else None
    for word, message, remedy in _YAML_WORDS:
        if word in problem.replace("\\t", "\t"):
            return Fault(line, "", message, remedy)
    message, _, remedy = problem.partition("; ")
    return Fault(line, "", message, remedy or "check indentation, quotes, brackets and colons")


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


def misplaced(path: Sequence[Key], message: str, remedy: str) -> PydanticCustomError:
    """For a model's validator: a fault at `path` inside the model, so that its own line is told."""
    return PydanticCustomError(
        "misplaced", "{message}", {"message": message, "remedy": remedy, "path": list(path)}
    )


def faults_of(error: ValidationError, root: type[BaseModel], node: yaml.Node | None) -> list[Fault]:
    """Pydantic's errors in the words of a person with the file open. Values are not repeated: a camera's
    address holds a password."""
    faults = []
    for detail in error.errors(include_url=False, include_input=False):
        path: list[Key] = list(detail["loc"])
        if detail["type"] == "misplaced":
            path += detail["ctx"]["path"]
        elif detail["type"] == "missing" and isinstance(path[-1], int):
            path.pop()  # a point or line that is too short: the whole of it is meant
        message, remedy = _in_words(detail, root, path)
        faults.append(Fault(line_of(node, path), _dotted(path), message, remedy))
    return faults


def _dotted(path: Sequence[Key]) -> str:
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{_plain(part)}" if text else _plain(part)
    return text


def _plain(key: str) -> str:
    """A key as far as it is surely none of the things that people keep secret."""
    return key if re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]{0,30}", key) else "(a key)"


_POINTS = "a point is [x, y] and a line is [[x, y], [x, y]]"
_WORDS = {
    "float_type": ("must be a number", "write it without quotes, such as 10"),
    "finite_number": ("must be a finite number", "such as 10"),
    "string_type": ("must be text", 'put it in quotes, such as "01"'),
    "path_type": ("must be the path of a file", "such as /etc/storeedge/ca.crt"),
    "list_type": ("must be a list", "begin each item with a hyphen, or put them in brackets"),
    "tuple_type": ("must be a point or line", _POINTS),
    "too_long": ("has too many numbers", _POINTS),
    "too_short": ("needs at least {min_length} points", "each is [x, y] in fractions of the frame"),
    "dict_type": ("must have keys of its own", "`storeedge config example` shows them"),
    "model_type": ("must have keys of its own", "`storeedge config example` shows them"),
    "string_pattern_mismatch": ("is no id", "use small letters, digits and hyphens, such as cam-1"),
    "literal_error": ("must be one of {expected}", ""),
    "missing": ("missing", "add it; `storeedge config example` shows every key"),
    "misplaced": ("{message}", "{remedy}"),
    "greater_than": ("must be more than {gt:g}", ""),
    "greater_than_equal": ("must be at least {ge:g}", ""),
    "less_than": ("must be less than {lt:g}", ""),
    "less_than_equal": ("must be at most {le:g}", ""),
}
"""Message and remedy for each kind of pydantic's errors that a site file can show."""


def _in_words(detail: Any, root: type[BaseModel], path: Sequence[Key]) -> tuple[str, str]:
    """Message and remedy."""
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "extra_forbidden":
        return "unknown key", _nearest_key(root, path)
    if kind == "value_error":
        message, _, remedy = str(context["error"]).partition("; ")
        return message, remedy
    if kind == "missing" and isinstance(detail["loc"][-1], int):
        return "too short", _POINTS
    message, remedy = _WORDS.get(kind, (str(detail["msg"]), ""))
    if not remedy and path and isinstance(path[-1], int):
        remedy = "places are fractions of the frame"
    return message.format(**context), remedy.format(**context)


def _nearest_key(root: type[BaseModel], path: Sequence[Key]) -> str:
    keys = list(_model_at(root, path[:-1]).model_fields)
    near = difflib.get_close_matches(str(path[-1]), keys, n=1, cutoff=0.5)
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
