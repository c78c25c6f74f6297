"""An audit told: as a table for people, as JSON for programs, as one sentence for each gate and direction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from edge.store.audits import Audit
from pipelines.audit import DIRECTIONS, FULL_WINDOW, Key, Tally, overall
from pipelines.equivalence import LIMIT, Interval


def by_direction(tallies: Mapping[Key, Tally]) -> dict[str, Tally]:
    """All gates together, in and out apart."""
    return {
        way: sum((tally for (_, its), tally in tallies.items() if its == way), Tally()) for way in DIRECTIONS
    }


def as_json(tallies: Mapping[Key, Tally], tolerance_s: float) -> dict[str, Any]:
    """Everything, for programs. Shares are 0 to 1; what has no base is null."""
    return {
        "tolerance_s": tolerance_s,
        "limit": LIMIT,
        "verdict": overall(tally.verdict() for tally in tallies.values()),
        "gates": [
            {"gate": gate, "direction": direction} | figures(tally)
            for (gate, direction), tally in tallies.items()
        ],
        "total": {way: figures(tally) for way, tally in by_direction(tallies).items()},
    }


def figures(tally: Tally) -> dict[str, Any]:
    """One gate and direction."""
    return {
        "true": tally.true, "counted": tally.counted, "matched": tally.matched,
        "missed": tally.missed, "false": tally.false,
        "precision": _round(tally.precision), "recall": _round(tally.recall), "f1": _round(tally.f1),
        "wrong_way": tally.wrong_way, "wrong_way_rate": _round(tally.wrong_way_rate),
        "accuracy": _round(tally.accuracy), "bias": _round(tally.bias),
        "bias_90": _ends(tally.interval(0.90)), "bias_95": _ends(tally.interval(0.95)),
        "spread": _round(tally.spread),
        "wape": _round(tally.wape), "mape": _round(tally.mape),
        "windows": tally.windows, "full_windows": tally.full_windows,
        "verdict": tally.verdict(), "more_needed": tally.more_needed(), "says": says(tally),
    }  # fmt: skip


def kept_as_json(audit: Audit, drawn: Mapping[tuple[str, str], str] | None) -> dict[str, Any]:
    """A stored audit. drawn: the site's gates as drawn now; None: not known, and `outdated` is null."""
    return {
        "camera": audit.camera, "gate": audit.gate, "direction": audit.direction,
        "begun": _rfc3339(audit.begun), "ended": _rfc3339(audit.ended), "made_at": _rfc3339(audit.made_at),
        "who": audit.who, "drawing": audit.drawing,
        "outdated": None if drawn is None else drawn.get((audit.camera, audit.gate)) != audit.drawing,
    } | figures(audit.tally)  # fmt: skip


def kept_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Stored audits (`kept_as_json`), one line each."""
    if not rows:
        return "no audit yet: count at the box's page /audit"
    cells = [("when (UTC)", "camera", "gate", "", "by hand", "counted", "bias, 90 %", "verdict", "who")]
    for row in rows:
        bias = row["bias_90"]
        verdict = f"outdated ({row['verdict']})" if row["outdated"] else row["verdict"]
        cells.append(
            (
                row["begun"][:16].replace("T", " "), row["camera"], row["gate"], row["direction"],
                str(row["true"]), str(row["counted"]), _range(Interval(*bias) if bias else None),
                verdict, row["who"] or "–",
            )
        )  # fmt: skip
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in cells
    )


def _rfc3339(t: float) -> str:
    return datetime.fromtimestamp(t, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def says(tally: Tally) -> str:
    """The verdict in a sentence."""
    limit = f"±{LIMIT:.0%}".replace("%", " %")
    match tally.verdict():
        case "pass":
            return f"the error is surely within {limit}"
        case "fail":
            return (
                f"the error is surely beyond {limit}; check where the gate is drawn and what the camera sees"
            )
        case "undecided":
            more = tally.more_needed()
            counted = f"{tally.true} crossing" + ("" if tally.true == 1 else "s")
            if more is None:
                return f"{counted}: the error lies so near to {limit} that counting on will hardly decide"
            return f"{counted}: too few to say; count about {more} more"


def table(tallies: Mapping[Key, Tally]) -> str:
    """Figures down, gates and directions across, then a sentence for each."""
    columns = [f"{gate} {direction}" for gate, direction in tallies]
    rows = [("", columns)] + [
        (name, [row[i] for row in map(_cells, tallies.values())]) for i, name in enumerate(_ROWS)
    ]
    left = max(len(name) for name, _ in rows)
    widths = [max(len(cells[i]) for _, cells in rows) for i in range(len(columns))]
    lines = [
        name.ljust(left)
        + "".join("  " + cell.rjust(width) for cell, width in zip(cells, widths, strict=True))
        for name, cells in rows
    ]
    said = [
        f"{column}: {tally.verdict()}: {says(tally)}"
        for column, tally in zip(columns, tallies.values(), strict=True)
    ]
    return "\n".join([*(line.rstrip() for line in lines), "", *said])


_ROWS = (
    "by hand", "counted", "right", "missed", "false", "precision", "recall", "F1", "wrong way round",
    "accuracy", "bias", "  90 % sure", "  95 % sure", "WAPE, 15 minutes", f"MAPE, {FULL_WINDOW} or more",
    "verdict",
)  # fmt: skip


def _cells(tally: Tally) -> tuple[str, ...]:
    return (
        *map(str, (tally.true, tally.counted, tally.matched, tally.missed, tally.false)),
        *map(_share, (tally.precision, tally.recall, tally.f1, tally.wrong_way_rate, tally.accuracy)),
        _signed(tally.bias), _range(tally.interval(0.90)), _range(tally.interval(0.95)),
        _share(tally.wape), _share(tally.mape), tally.verdict(),
    )  # fmt: skip


def _share(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f} %"


def _signed(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:+.1f} %"


def _range(found: Interval | None) -> str:
    return "–" if found is None else f"{100 * found.low:+.1f} … {100 * found.high:+.1f} %"


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 5)


def _ends(found: Interval | None) -> list[float] | None:
    return None if found is None else [round(found.low, 5), round(found.high, 5)]
