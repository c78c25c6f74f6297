"""The comparison as docs/accuracy.md shows it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

DETAIL_FPS: Final = 5.0
Row = Mapping[str, Any]
Key = tuple[str, str, str]


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
        _details(doors, {f"F1 {door}": _door(door) for door in doors[0]["f1_by_door"]}),
        f"### vtest.avi, event F1\n\n{clip[0]['true']} crossings of five gates, read by eye.",
        _by_fps(clip),
        f"### vtest.avi at {DETAIL_FPS:g} fps",
        _details(clip, {}),
    ]
    return "\n\n".join(parts) + "\n"


def _by_fps(rows: Sequence[Row]) -> str:
    """A line for each contestant, a column for each frame rate."""
    rates = sorted({row["fps"] for row in rows}, reverse=True)
    found = {(_key(row), row["fps"]): row["f1"] for row in rows}
    lines = {key: [found[key, fps] for fps in rates] for key in dict.fromkeys(map(_key, rows))}
    return _table([f"{fps:g} fps" for fps in rates], lines, [max] * len(rates))


def _details(rows: Sequence[Row], more: Mapping[str, Callable[[Row], float]]) -> str:
    shown: dict[str, Callable[[Row], float]] = {
        "precision": lambda row: row["precision"],
        "recall": lambda row: row["recall"],
        "F1 strict": lambda row: row["f1_strict"],
        **more,
    }
    errors: dict[str, Callable[[Row], float]] = {
        "wrong way": lambda row: row["wrong_direction"],
        "WAPE": lambda row: row["wape"],
    }
    lines = {
        _key(row): [value(row) for value in (*shown.values(), *errors.values())]
        for row in rows
        if row["fps"] == DETAIL_FPS
    }
    best = [max] * len(shown) + [min] * len(errors)
    return _table([*shown, *errors], lines, best)


def _table(
    names: Sequence[str],
    lines: Mapping[Key, Sequence[float]],
    best: Sequence[Callable[..., float]],
) -> str:
    """Markdown with the best figure of each column in bold."""
    tops = [pick(column) for pick, column in zip(best, zip(*lines.values(), strict=True), strict=True)]
    head = ["counter", "tracker", "settings", *names]
    text = [head, ["---"] * 3 + ["--:"] * len(names)]
    for key, values in lines.items():
        cells = [
            f"**{_fraction(value)}**" if value == top else _fraction(value)
            for value, top in zip(values, tops, strict=True)
        ]
        text.append([*key, *cells])
    return "\n".join(f"| {' | '.join(cells)} |" for cells in text)


def _key(row: Row) -> Key:
    return row["counter"], row["tracker"], row["settings"]


def _door(name: str) -> Callable[[Row], float]:
    return lambda row: float(row["f1_by_door"][name])


def _fraction(value: float) -> str:
    return f"{value:.3f}".removeprefix("0")
