"""kill -9 at any moment: no coupon is lost, none is given twice, no cap is passed."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from tests.conftest import ROOT
from tests.edge.parking.build import Box
from tests.edge.parking.killed_child import BUDGET, RULES

KILLS = 8


def test_a_gatehouse_that_is_killed_again_and_again_keeps_its_word(tmp_path: Path) -> None:
    chance, step = random.Random(20261122), 0
    given: dict[str, str] = {}
    for _ in range(KILLS):
        command = [sys.executable, "-m", "tests.edge.parking.killed_child", str(tmp_path), str(step)]
        child = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        first = child.stdout.readline()
        assert first, "the child did not start"
        time.sleep(chance.uniform(0.0, 0.15))
        child.kill()
        for line in [first, *child.stdout]:
            if not line.endswith("\n"):
                break  # cut in the middle of its word
            number, result, key = line.split()
            step = int(number)  # told once more after the restart: a feed repeats what was not answered
            if result == "issued":
                assert key not in given, f"step {step}: {key} was given before"
                given[key] = result
        child.stdout.close()
        child.wait()
    box = Box(tmp_path, RULES)
    rows = box.rows("coupon_trigger")
    issued = {row["key"] for row in rows if row["reason"] is None}
    assert step > 4 * KILLS, f"only {step} steps: the test proves nothing"
    assert given.keys() <= issued, "a coupon that was given is not in the books"
    assert len(issued - given.keys()) <= KILLS, "at most the one under way was not told"
    by_day = Counter(row["day"] for row in rows if row["reason"] is None)
    assert max(by_day.values()) == BUDGET, f"{by_day}: the budget is reached and not passed"
    assert len({row["session"] for row in rows}) == len(rows)
    messages = [json.loads(row.body)["key"] for row in box.store.pending("trigger", 0, 10_000)]
    assert sorted(messages) == sorted(row["key"] for row in rows)
    box.store.close()
