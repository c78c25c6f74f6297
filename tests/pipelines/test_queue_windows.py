"""A queue's minutes: their sum is what the waits and pulses say."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.as_json import window_as_json
from pipelines.layout import CameraLayout, Zone
from pipelines.records import Fact, Pulse, QueuePulse, QueueWindow, Wait
from pipelines.windows import Minutes
from tests.build import WHOLE

LIMIT_S = 180.0
LAYOUT = CameraLayout(
    "cam-1", zones=(Zone("line", "queue", WHOLE, max_wait_s=LIMIT_S), Zone("till", "service", WHOLE))
)

waits = st.builds(
    lambda end, stay, outcome, censored: Wait(
        "cam-1", "line", end if outcome == "balked" else end - stay, end, outcome, censored, 1
    ),
    st.floats(0, 600), st.floats(5, 900), st.sampled_from(["served", "abandoned", "balked", "left", "lost"]),
    st.booleans(),
)  # fmt: skip


def pulse(t: float, now: int, observed: float = 1.0) -> Pulse:
    return Pulse(
        "cam-1", t, observed, 10, now, now, 0.0, {}, {"line": QueuePulse(now, now, now * observed, None)}
    )


def queue_windows(facts: Sequence[Fact]) -> list[QueueWindow]:
    minutes = Minutes([LAYOUT], sealed_before=0.0)
    for fact in facts:
        minutes.add(fact)
    return [w for _, made in minutes.close() for w in made if isinstance(w, QueueWindow)]


@given(st.lists(waits, max_size=30))
def test_the_sum_of_all_minutes_is_what_the_waits_say(found: list[Wait]) -> None:
    made = queue_windows(found)
    waited = [wait for wait in found if wait.outcome != "balked"]
    assert sum(w.waits for w in made) == len(waited)
    for name in ("served", "abandoned", "balked"):
        assert sum(getattr(w, name) for w in made) == sum(wait.outcome == name for wait in found), name
    assert sum(sum(w.wait) + sum(w.wait_censored) for w in made) == len(waited)
    assert sum(sum(w.wait_censored) for w in made) == sum(wait.censored for wait in waited)
    assert sum(w.over_limit for w in made) == sum(wait.t_out - wait.t_in > LIMIT_S for wait in waited)
    assert sum(w.wait_seconds for w in made) == pytest.approx(
        sum(wait.t_out - wait.t_in for wait in waited), abs=0.01
    )


def test_length_is_kept_as_its_integral_its_peak_and_a_second_by_second_histogram() -> None:
    (window,) = queue_windows([pulse(float(t), 2 if t <= 20 else 4) for t in range(1, 61)])
    assert window.length_seconds == pytest.approx(20 * 2 + 40 * 4)
    assert window.peak == 4
    assert (window.lengths[2], window.lengths[4], sum(window.lengths)) == (20, 40, 60)


def test_a_blind_minute_has_no_queue_not_an_empty_one() -> None:
    (window,) = queue_windows([pulse(30.0, 0, observed=0.0)])
    line = window_as_json(window)
    assert line["observed_seconds"] == 0
    assert line["waits"] is None
    assert line["lengths"] is None


def test_only_queues_have_windows_of_a_queue() -> None:
    assert {window.id for window in queue_windows([pulse(5.0, 1)])} == {"line"}
