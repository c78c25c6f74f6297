"""How much may be under way: grows while answers come soon, and shrinks for a queue, not for a long line."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sync.topics import BoxIdentity
from sync.unconfirmed import AT_FIRST, FEWEST, KEPT_FOR_TRIGGERS, Unconfirmed
from sync.window import Window

BOX = BoxIdentity("rainbow", "sz-futian", "box-01")


def window() -> Window:
    return Window(16, 256, small=32, smallest=4, queue_s=0.1)


def test_it_doubles_while_answers_come_soon() -> None:
    w = window()
    for took in (0.5, 0.52, 0.51, 0.55, 0.5):
        w.fit(took)
    assert w.size == 256


def test_it_shrinks_for_what_is_late_and_no_further_than_a_busy_side_needs() -> None:
    w = window()
    for _ in range(5):
        w.fit(0.01)
    w.fit(0.16)
    assert w.size == 170, "in proportion"
    w.fit(0.9)
    assert w.size == 85, "half at most"
    for _ in range(5):
        w.fit(0.9)
    assert w.size == 32
    for _ in range(5):
        w.fit(5.0)
    assert w.size == 4, "of one that is really slow"


@given(st.lists(st.floats(0.0, 100.0), max_size=50), st.integers(1, 300), st.integers(1, 300))
def test_it_stays_between_its_bounds(took: list[float], first: int, largest: int) -> None:
    w = Window(min(first, largest), largest, small=32, smallest=4, queue_s=0.1)
    for seconds in took:
        w.fit(seconds)
        assert min(4, first, largest) <= w.size <= largest


def test_places_are_kept_for_triggers_whatever_the_broker_allows() -> None:
    for most in (1, 2, 5, 20, 100):
        under_way = Unconfirmed(BOX)
        under_way.clear(most)
        token = 0
        while under_way.room("data") > 0:
            under_way.add(token := token + 1, "data")
        kept = most - token
        assert under_way.room("trigger") == kept >= min(KEPT_FOR_TRIGGERS, most // 2)
        assert token >= 1, "minutes go too"


def test_more_are_under_way_where_the_broker_confirms_soon() -> None:
    under_way, token = Unconfirmed(BOX), 0
    under_way.clear(100)
    assert under_way.room("data") == AT_FIRST
    for _ in range(6):
        given_now = []
        while under_way.room("data") > 0:
            token += 1
            given_now.append(token)
            under_way.add(token, "data")
        for one in given_now:
            assert under_way.pop(one) == "data"
    assert under_way.room("data") == 100 - KEPT_FOR_TRIGGERS
    assert under_way.room("data") > FEWEST
    assert under_way.pop(10**6) is None
