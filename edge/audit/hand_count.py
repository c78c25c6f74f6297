"""Reading a person's hand count from a CSV file: gate, direction, time."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Literal

from edge.errors import AuditError
from pipelines.audit import HandCount
from pipelines.records import Direction

COLUMNS: Final = ("gate", "direction", "t")
Scale = Literal["clip", "utc"]
"""`clip`: seconds from the start of the clip. `utc`: UTC seconds."""

_CLOCK: Final = re.compile(r"(\d{1,3}):([0-5]\d):([0-5]\d(?:\.\d+)?)$")
_TIMES: Final = "write seconds (75.5), H:MM:SS (0:01:15.5) or a time with offset (2026-11-22T10:01:15+08:00)"


@dataclass(frozen=True, slots=True)
class Truth:
    """What a person counted by hand."""

    counts: tuple[HandCount, ...]
    scale: Scale


def read_truth(path: Path) -> Truth:
    """A CSV file with a header and the columns gate, direction (in or out) and t; others are left alone.

    Raises AuditError with the number of the first line that is wrong.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = file.read().splitlines(keepends=True)
    except UnicodeDecodeError as fault:
        raise AuditError(f"{path} is no UTF-8 text; save it as CSV UTF-8") from fault
    except OSError as fault:
        raise AuditError(f"cannot read {path}: {fault.strerror}; name a CSV file") from fault
    header = lines[0] if lines else ""
    delimiter = ";" if ";" in header and "," not in header else ","
    try:
        found = list(_rows(path, csv.DictReader(lines, delimiter=delimiter)))
    except csv.Error as fault:
        raise AuditError(f"{path} is no CSV file ({fault}); save it as CSV UTF-8") from fault
    if not found:
        raise AuditError(f"{path} holds no hand count; write one line for each person under the header")
    first_line, _, scale = found[0]
    for number, _, its in found:
        if its != scale:
            raise AuditError(
                f"{path}: line {number}: another kind of time than line {first_line}; use one kind"
            )
    return Truth(tuple(count for _, count, _ in found), scale)


def _rows(path: Path, reader: csv.DictReader[str]) -> Iterator[tuple[int, HandCount, Scale]]:
    names = {(name or "").strip().lower(): name for name in reader.fieldnames or ()}
    if lacking := [column for column in COLUMNS if column not in names]:
        raise AuditError(
            f"{path}: line 1: no column {' and no column '.join(lacking)}; begin with gate,direction,t"
        )
    for row in reader:
        cells = {column: (row[names[column]] or "").strip() for column in COLUMNS}
        if any(cells.values()):
            yield reader.line_num, *_count(f"{path}: line {reader.line_num}", cells)


def _count(where: str, cells: Mapping[str, str]) -> tuple[HandCount, Scale]:
    if not cells["gate"]:
        raise AuditError(f"{where}: no gate; write its id as in the site file")
    t, scale = time_of(where, cells["t"])
    return HandCount(cells["gate"], _direction(where, cells["direction"]), t), scale


def _direction(where: str, text: str) -> Direction:
    match text.lower():
        case "in":
            return "in"
        case "out":
            return "out"
        case _:
            raise AuditError(f"{where}: direction {text[:20]!r}; write in or out")


def time_of(where: str, text: str) -> tuple[float, Scale]:
    """A time as people write it, in seconds of its scale. Raises AuditError, which begins with `where`."""
    if re.fullmatch(r"\d+(\.\d*)?|\.\d+", text):
        return float(text), "clip"
    if found := _CLOCK.match(text):
        return int(found[1]) * 3600 + int(found[2]) * 60 + float(found[3]), "clip"
    return moment(where, text).timestamp(), "utc"


def moment(where: str, text: str) -> datetime:
    """An ISO time with its offset. Raises AuditError."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError as fault:
        raise AuditError(f"{where}: time {text[:30]!r}; {_TIMES}") from fault
    if at.tzinfo is None:
        raise AuditError(f"{where}: time {text[:30]!r} has no offset; add one, such as +08:00")
    return at
