"""The whole path through a short random storm; `python -m tests.line.storm` makes a long one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.line.storm import storm


@pytest.mark.parametrize(("seed", "protocol"), [(1, "5"), (2, "3.1.1")])
def test_after_a_storm_everything_has_arrived_exactly_once(tmp_path: Path, seed: int, protocol: str) -> None:
    outcome = storm(tmp_path, seed=seed, seconds=6, protocol=protocol)
    assert sum(outcome.faults.values()) >= 5, outcome
    assert outcome.whole, outcome
