"""The comparison as docs/accuracy.md shows it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

DETAIL_FPS: Final = 5.0
Row = Mapping[str, Any]
Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Column:
    """A figure, and which of its values is the best, if that can be said."""

    name: str
    best: Callable[[Iterable[float]], float] | None = None


def as_markdown(machine: Row, figures: Row) -> str:
    """The measured part of the page, from what `--json` prints."""
    doors, clip = figures["simulated doors"], figures["vtest.avi"]
    versions = ", ".join(f"{name} {number}" for name, number in figures["versions"].items())
    parts = [
        f"Measured on {figures['date']}: {versions}, Python {machine['python']}, "
        f"onnxruntime {machine['onnxruntime']}, {machine['processor']}.",
        f"### Simulated doors, event F1\n\n{figures['persons']} persons at each of three doors, "
        f"{doors[0]['true']} crossings in all.",
        _by_fps(doors),
        f"### Simulated doors at {DETAIL_FPS:g} fps",
        _details(doors),
        f"### vtest.avi, event F1\n\n{clip[0]['true']} crossings of five gates, read by eye.",
        _by_fps(clip),
        f"### vtest.avi at {DETAIL_FPS:g} fps",
        _details(clip),
    ]
    return "\n\n".join(parts) + "\n"


def _by_fps(rows: Sequence[Row]) -> str:
    """A line for each contestant, a column for each frame rate."""
    rates = sorted({row["fps"] for row in rows}, reverse=True)
    found = {(_key(row), row["fps"]): row["f1"] for row in rows}
    lines = {key: [found[key, fps] for fps in rates] for key in dict.fromkeys(map(_key, rows))}
    return _table([Column(f"{fps:g} fps", max) for fps in rates], lines)


def _details(rows: Sequence[Row]) -> str:
    """Precision, recall and wrong ways have no best: who counts nothing counts nothing wrong."""
    chosen = [row for row in rows if row["fps"] == DETAIL_FPS]
    doors = list(chosen[0].get("f1_by_door", {}))
    columns = [Column("precision"), Column("recall"), Column("F1 strict", max)]
    columns += [Column(f"F1 {door}", max) for door in doors]
    columns += [Column("wrong way"), Column("WAPE", min)]
    lines = {
        _key(row): [
            *(row[name] for name in ("precision", "recall", "f1_strict")),
            *(row["f1_by_door"][door] for door in doors),
            *(row[name] for name in ("wrong_direction", "wape")),
        ]
        for row in chosen
    }
    return _table(columns, lines)


def _table(columns: Sequence[Column], lines: Mapping[Key, Sequence[float]]) -> str:
    """Markdown with the best figure of a column in bold."""
    tops = [
        column.best(values) if column.best else None
        for column, values in zip(columns, zip(*lines.values(), strict=True), strict=True)
    ]
    text = [
        ["counter", "tracker", "settings", *(column.name for column in columns)],
        ["---"] * 3 + ["--:"] * len(columns),
    ]
    for key, values in lines.items():
        cells = [
            f"**{_fraction(value)}**" if value == top else _fraction(value)
            for value, top in zip(values, tops, strict=True)
        ]
        text.append([*key, *cells])
    return "\n".join(f"| {' | '.join(cells)} |" for cells in text)


def _key(row: Row) -> Key:
    return row["counter"], row["tracker"], row["settings"]


def _fraction(value: float) -> str:
    return f"{value:.3f}".removeprefix("0")
