"""A box's main loop in small, to be killed: one crossing every half second of a fast clock.

Prints each crossing's number once it is durable. Run as
`python -m tests.edge.store.writer_child FILE [LAST]`; with LAST it stops there and seals what is open.
"""

from __future__ import annotations

import sys
from pathlib import Path

from edge.store import Store
from pipelines.layout import CameraLayout, Gate
from pipelines.records import Crossing, Pulse
from pipelines.windows import Minutes

BEGIN = 1_790_000_040 // 60 * 60
STEP_S = 0.5
LAYOUT = CameraLayout("cam-1", gates=(Gate("door", (0.5, 0.0), (0.5, 1.0), "right"),))


def main(path: Path, last: int | None) -> None:
    now = float(BEGIN)
    store = Store.open(path, tenant="rainbow", store="sz-futian", box="box-01", clock=lambda: now)
    minutes = Minutes([LAYOUT], sealed_before=store.last_sealed_minute())
    for record in store.uncounted():
        minutes.add(record)
    known = store.records_since(0)
    number = len(known)
    while last is None or number <= last:
        now = BEGIN + number * STEP_S
        crossing = Crossing("cam-1", "door", "in", now, number)
        store.add_records([crossing])
        minutes.add(crossing)
        minutes.add(Pulse("cam-1", now + STEP_S, STEP_S, 5, 1, 1, STEP_S, {}))
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()
        for start, windows in minutes.seal(now):
            store.commit_minute(start, windows)
        number += 1
    for start, windows in minutes.close():
        store.commit_minute(start, windows)
    store.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else None)
