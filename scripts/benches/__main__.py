"""`scripts/bench`: one line in `BENCHES` for each thing that can be measured."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from typing import Any, Final

from models.errors import ModelsError
from scripts.benches import (
    accuracy,
    comparison,
    faults,
    hub,
    line,
    memory,
    page,
    parking,
    plates,
    speed,
    sync,
)
from scripts.benches.comparison_table import as_markdown
from scripts.benches.machine import UnmeasurableError, machine

BENCHES: Final[dict[str, Callable[[], dict[str, Any]]]] = {
    "speed": speed.measure,
    "memory": memory.measure,
    "accuracy": accuracy.measure,
    "page": page.measure,
    "parking": parking.measure,
    "plates": plates.measure,
    "hub": hub.measure,
    "sync": sync.measure,
    "faults": faults.measure,
    "line": line.measure,
}
BY_DEFAULT: Final = ("speed", "memory")


def main() -> int:
    """Measure what was named; the exit code."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="bench", help=f"{', '.join(BENCHES)}; default: {' '.join(BY_DEFAULT)}"
    )
    parser.add_argument("--json", action="store_true", help="on one line, for a program")
    parser.add_argument(
        "--peers",
        action="store_true",
        help="accuracy beside other counters (extra `compare`; some 15 minutes)",
    )
    parser.add_argument(
        "--markdown", action="store_true", help="with --peers: the tables of docs/accuracy.md"
    )
    wanted = parser.parse_args()
    if wanted.peers and wanted.names != ["accuracy"]:
        parser.error("--peers is for: scripts/bench accuracy --peers")
    if wanted.markdown and not wanted.peers:
        parser.error("--markdown is for: scripts/bench accuracy --peers --markdown")
    if unknown := set(wanted.names) - set(BENCHES):
        parser.error(f"no bench {', '.join(sorted(unknown))}; there are: {', '.join(BENCHES)}")
    figures: dict[str, Any] = {"machine": machine()}
    for name in wanted.names or BY_DEFAULT:
        print(f"measuring {name} …", file=sys.stderr)
        try:
            figures[name] = comparison.measure() if wanted.peers else BENCHES[name]()
        except (UnmeasurableError, ModelsError) as error:
            print(f"scripts/bench: {name}: {error}", file=sys.stderr)
            return 1
    if wanted.markdown:
        print(as_markdown(figures["machine"], figures["accuracy"]), end="")
        return 0
    print(json.dumps(figures, ensure_ascii=False, indent=None if wanted.json else 2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
