"""By which time the box counts: the table of `edge/clock_trust.py`, row by row, and its laws."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.clock import STEP_S
from edge.clock_trust import (
    AHEAD_S,
    BEHIND_S,
    FOLLOW_S,
    INSIST_S,
    LOOK_S,
    SETTLE_S,
    Known,
    Reading,
    Setting,
    TrustWatch,
    begin,
    is_dark,
)

NOW = 1_790_000_040.0
DAY_S, YEAR_S = 86_400.0, 365 * 86_400.0
UP_S = 20.0
"""How long the machine has been up."""
BEFORE = Known(newest=NOW - 600, sure=NOW - 600, dark_free=120.0)


def reading(wall: float, synced: bool | None = False, steady: float = UP_S) -> Reading:
    return Reading(wall, steady, synced)


@pytest.mark.parametrize(
    ("wall", "synced", "trust", "box_time"),
    [
        pytest.param(NOW, True, "synced", NOW, id="a time server keeps it"),
        pytest.param(NOW, False, "plausible", NOW, id="a clock with a battery on a cut line"),
        pytest.param(NOW, None, "plausible", NOW, id="a container that cannot ask the kernel"),
        pytest.param(NOW + 90 * DAY_S, False, "plausible", NOW + 90 * DAY_S, id="shut for a quarter"),
        pytest.param(NOW - 1800, False, "plausible", NOW - 540, id="a clock saved on disk is behind"),
        pytest.param(3_000.0, False, "unknown", 120.0, id="never set"),
        pytest.param(NOW - YEAR_S, False, "unknown", 120.0, id="a year behind what is known"),
        pytest.param(NOW + YEAR_S, False, "unknown", 120.0, id="a year ahead, and nobody confirms it"),
        pytest.param(NOW + YEAR_S, True, "synced", NOW + YEAR_S, id="a year in a cupboard, confirmed"),
        pytest.param(NOW - YEAR_S, True, "unknown", 120.0, id="a time server against what another said"),
        pytest.param(3_000.0, True, "unknown", 120.0, id="a time server in 1970"),
    ],
)
def test_a_new_boot(wall, synced, trust, box_time):
    setting = begin(reading(wall, synced), BEFORE, None)
    assert (setting.trust, setting.begun, setting.offset) == (trust, box_time, box_time - UP_S)


def test_a_new_box_believes_any_date_that_can_be():
    assert begin(reading(NOW), Known(), None).trust == "plausible"
    assert begin(reading(0.0), Known(), None) == Setting(-UP_S, "unknown", 0.0)


def test_a_later_run_of_a_boot_goes_on_by_its_setting_whatever_the_wall_clock_says():
    confirmed = Setting(NOW - UP_S, "synced", NOW)
    assert begin(reading(NOW + YEAR_S, False, UP_S + 60), BEFORE, confirmed) == confirmed
    believed = Setting(NOW - UP_S, "plausible", NOW)
    assert begin(reading(NOW + YEAR_S, False, UP_S + 60), BEFORE, believed) == believed


def test_a_later_run_of_a_boot_learns_the_time_and_takes_what_was_counted_along():
    dark = Setting(120.0 - UP_S, "unknown", 120.0)
    found = begin(reading(NOW + 60, True, UP_S + 60), BEFORE, dark)
    assert found == Setting(NOW - UP_S, "synced", NOW)


def watch(setting: Setting, wall: float, known: Known = BEFORE) -> TrustWatch:
    return TrustWatch(setting, known, reading(wall))


def after(
    looked: TrustWatch, wall: float, synced: bool | None, limit_s: int = 5000
) -> tuple[int, Setting] | None:
    """The wall clock shows `wall` (at counter UP_S + 1) and runs on: how long until a change, and to what."""
    for k in range(1, limit_s):
        verdict = looked.look(reading(wall + k - 1, synced, UP_S + k))
        if verdict.change is not None:
            return k - 1, verdict.change
    return None


DARK = Setting(120.0 - UP_S, "unknown", 120.0)
PLAUSIBLE = Setting(NOW - UP_S, "plausible", NOW)
SYNCED = Setting(NOW - UP_S, "synced", NOW)


@pytest.mark.parametrize(
    ("setting", "wall", "synced", "waits", "trust", "shift"),
    [
        pytest.param(DARK, NOW, True, SETTLE_S, "synced", NOW - 121, id="dark, then a time server"),
        pytest.param(DARK, NOW, False, LOOK_S, "plausible", NOW - 121, id="dark, then set by hand"),
        pytest.param(DARK, NOW + YEAR_S, False, LOOK_S, "plausible", NOW + YEAR_S - 121,
                     id="dark, then set by hand a year on: somebody must know"),
        pytest.param(DARK, NOW - YEAR_S, True, INSIST_S, "synced", NOW - YEAR_S - 121,
                     id="dark, and the time server insists"),
        pytest.param(PLAUSIBLE, NOW + 1, True, SETTLE_S, "synced", 0.0, id="confirmed: nothing moves"),
        pytest.param(PLAUSIBLE, NOW + 36_001, True, SETTLE_S, "synced", 36_000.0, id="ten hours behind"),
        pytest.param(PLAUSIBLE, NOW + 3601, False, FOLLOW_S, "plausible", 3600.0, id="set by hand"),
        pytest.param(SYNCED, NOW + 3601, True, FOLLOW_S, "synced", 3600.0, id="the server changed its mind"),
        pytest.param(SYNCED, NOW - YEAR_S, True, INSIST_S, "synced", -YEAR_S - 1, id="a year back, insisted"),
    ],
)  # fmt: skip
def test_a_running_box_takes_a_better_time_after_a_while(  # noqa: PLR0917 - one row of the table
    setting, wall, synced, waits, trust, shift
):
    found = after(watch(setting, 3000.0 if setting is DARK else NOW), wall, synced)
    assert found is not None
    assert found[0] == pytest.approx(waits, abs=1)
    assert found[1].trust == trust
    assert found[1].offset - setting.offset == pytest.approx(shift)
    if setting.trust != "synced":
        assert found[1].begun - setting.begun == pytest.approx(shift), "all of this boot moves along"


@pytest.mark.parametrize(
    ("setting", "wall"),
    [
        pytest.param(DARK, 3001.0, id="still never set"),
        pytest.param(DARK, NOW - DAY_S, id="dark, set to before what is known"),
        pytest.param(PLAUSIBLE, NOW + 1, id="a good clock on a cut line works like this for ever"),
        pytest.param(PLAUSIBLE, NOW - YEAR_S, id="set a year back: before what is known"),
        pytest.param(SYNCED, NOW + YEAR_S, id="a confirmed one, then set a year on by hand"),
        pytest.param(SYNCED, NOW - YEAR_S, id="or back"),
    ],
)
def test_a_running_box_keeps_its_count(setting, wall):
    looked = watch(setting, 3000.0 if setting is DARK else NOW)
    assert after(looked, wall, False) is None


@pytest.mark.parametrize("step", [YEAR_S, -YEAR_S, 3.0, -3.0])
def test_a_step_is_told_once_and_the_wall_clock_is_not_believed_until_it_comes_back(step):
    looked = watch(SYNCED, NOW)
    assert looked.look(reading(NOW + 1, False, UP_S + 1)).agrees
    told = looked.look(reading(NOW + 2 + step, False, UP_S + 2))
    assert told.step_s == pytest.approx(step)
    assert not told.agrees
    assert looked.look(reading(NOW + 3 + step, False, UP_S + 3)).step_s is None
    back = looked.look(reading(NOW + 4, False, UP_S + 4))
    assert back.step_s == pytest.approx(-step)
    assert back.agrees


def test_a_slip_of_the_hand_moves_nothing():
    looked = watch(PLAUSIBLE, NOW)
    assert after(looked, NOW + 3600, False, limit_s=int(FOLLOW_S) - 60) is None
    assert after(watch(PLAUSIBLE, NOW), NOW, False) is None


@given(st.lists(st.floats(-0.9, 0.9), max_size=50))
def test_jitter_between_the_two_readings_is_no_step(jitter):
    assert STEP_S > 1.8
    looked = watch(SYNCED, NOW)
    steps = [looked.look(reading(NOW + k + shake, False, UP_S + k)).step_s for k, shake in enumerate(jitter)]
    assert steps == [None] * len(jitter)


@given(
    wall=st.floats(0, 4e9),
    newest=st.none() | st.floats(1.75e9, 1.85e9),
    synced=st.sampled_from([True, False, None]),
)
def test_an_unconfirmed_time_is_never_before_what_is_known_nor_half_a_year_after(wall, newest, synced):
    setting = begin(reading(wall, synced), Known(newest, newest, 600.0), None)
    match setting.trust:
        case "unknown":
            assert is_dark(setting.begun)
            assert setting.begun >= 600.0
        case "plausible":
            assert newest is None or newest <= setting.begun <= newest + AHEAD_S
        case "synced":
            assert synced
            assert setting.begun == wall
            assert newest is None or wall >= newest - BEHIND_S
