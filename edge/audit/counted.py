"""Reading what the counter counted: the crossings of a replay's events.jsonl."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from edge.audit.hand_count import Scale
from edge.errors import AuditError
from pipelines.audit import HandCount
from pipelines.records import Crossing, Direction

UTC_FROM: Final = 1e8
"""Seconds of a clip end long before this (three years); UTC seconds have not been below it since 1973."""


def read_crossings(path: Path) -> list[Crossing]:
    """Every crossing of an events.jsonl, or of the one in a folder; other kinds of lines are left alone.

    Raises AuditError with the number of the first line that is wrong.
    """
    file = path / "events.jsonl" if path.is_dir() else path
    try:
        lines = file.read_text(encoding="utf-8").split("\n")
    except UnicodeDecodeError as fault:
        raise AuditError(f"{file} is no text; name the events.jsonl of a replay") from fault
    except OSError as fault:
        raise AuditError(
            f"cannot read {file}: {fault.strerror}; name the events.jsonl of a replay"
        ) from fault
    return list(_crossings(file, lines))


def _crossings(file: Path, lines: Sequence[str]) -> Iterator[Crossing]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            found = json.loads(line)
        except ValueError as fault:
            raise AuditError(f"{file}: line {number} is no JSON; is the file cut off?") from fault
        if not isinstance(found, dict):
            raise AuditError(f"{file}: line {number} is no record of a replay")
        if found.get("kind") == Crossing.kind:
            yield _crossing(f"{file}: line {number}", found)


def _crossing(where: str, line: dict[str, Any]) -> Crossing:
    match line:
        case {"gate": str(gate), "direction": "in" | "out" as direction, "t": int() | float() as t}:
            if isinstance(t, bool) or not math.isfinite(t):
                raise AuditError(f"{where}: `t` must be a time in seconds")
            way: Direction = "in" if direction == "in" else "out"
            return Crossing(str(line.get("camera") or ""), gate, way, float(t), 0)
        case _:
            raise AuditError(f"{where}: a crossing needs `gate`, `direction` (in or out) and `t` (seconds)")


def shift_to(counted: Sequence[Crossing], scale: Scale, starts: float | None) -> float:
    """What must be added to a hand count's times to stand on the counts' scale.

    starts: UTC seconds at which the clip began. Raises AuditError when it is needed and not given.
    """
    utc = min(one.t for one in counted) >= UTC_FROM if counted else scale == "utc"
    if utc == (scale == "utc"):
        return 0.0
    if starts is None:
        theirs, ours = ("UTC times", "seconds") if utc else ("seconds of a clip", "times of day")
        raise AuditError(
            f"the hand count has {ours} and the counts {theirs}; say when the clip began with --starts"
        )
    return starts if utc else -starts


def of_named_gates(truth: Sequence[HandCount], counted: Sequence[Crossing]) -> list[Crossing]:
    """The counts at gates that the person watched. Raises AuditError when the gates cannot be told apart, or
    when no gate is the same: that is a slip of the pen, not a counter that counts nobody."""
    watched = {one.gate for one in truth}
    kept = [one for one in counted if one.gate in watched]
    cameras = {(one.gate, one.camera) for one in kept}
    for gate in sorted(watched):
        if sum(name == gate for name, _ in cameras) > 1:
            raise AuditError(f"several cameras have a gate {gate}; compare one camera's events at a time")
    if counted and not kept:
        raise AuditError(
            f"the hand count names {', '.join(sorted(watched))}, the counts only "
            f"{', '.join(sorted({one.gate for one in counted}))}; use the gate ids of the site file"
        )
    return kept
