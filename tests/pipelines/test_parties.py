"""Who came in together: laws of parties at a gate."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.layout import Gate
from pipelines.parties import LATE_S, LONGEST_S, TOGETHER_S, Entry, PartyWatch
from pipelines.records import Crossing, Party
from pipelines.windows import CLOSE_LAG_S
from tests.build import Walk, frames, gate, layout, only, walk, watch

DOOR = gate((6, 2), (6, 8))
"""Its inside is the picture's left."""


def sizes(*people: Walk, fps: float = 10, door: Gate = DOOR) -> list[int]:
    """The parties' sizes in order of time."""
    found = only(Party, watch(layout(gates=[door]), frames(*people, fps=fps)))
    return [party.size for party in sorted(found, key=lambda party: party.t)]


def enters(y: float, start: float = 0.0, speed: float = 1.2) -> Walk:
    return walk((9, y), (2, y), speed=speed, start=start)


@pytest.mark.parametrize("fps", [3, 5, 10, 25])
@pytest.mark.parametrize(
    ("people", "expected"),
    [
        pytest.param([enters(5)], [1], id="somebody alone"),
        pytest.param([enters(4.6), enters(5.4)], [2], id="side by side"),
        pytest.param([enters(5), enters(5, 0.7)], [2], id="close behind"),
        pytest.param([enters(3.5), enters(6.5)], [1, 1], id="at both ends of a wide door"),
        pytest.param([enters(5), enters(5, 1.8)], [1, 1], id="two seconds behind is a stranger"),
        pytest.param([enters(5), enters(5, 8.0)], [1, 1], id="one after the other"),
        pytest.param([enters(4.6), enters(5.4), enters(4.6, 0.8), enters(5.4, 0.8)], [4], id="two rows"),
        pytest.param([enters(4.2), enters(5.0), enters(5.8)], [3], id="a row of three, the ends apart"),
        pytest.param([enters(4.6), walk((3, 5.4), (9, 5.4))], [1], id="who goes out belongs to nobody"),
        pytest.param([walk((8, 2.4), (4, 6.4)), walk((8, 7.6), (4, 3.6))], [1, 1], id="other headings"),
    ],
)
def test_whoever_comes_in_side_by_side_or_close_behind_is_one_party(
    people: list[Walk], expected: list[int], fps: float
) -> None:
    assert sizes(*people, fps=fps) == expected


def test_a_party_is_told_while_its_minute_can_still_take_it() -> None:
    assert LONGEST_S + TOGETHER_S + LATE_S < CLOSE_LAG_S


def test_a_party_bears_the_time_of_the_first_one() -> None:
    facts = watch(layout(gates=[DOOR]), frames(enters(5), enters(5, 0.7), until=20.0))
    (party,) = only(Party, facts)
    assert party.t == min(crossing.t for crossing in only(Crossing, facts))


entries = st.builds(
    Entry,
    t=st.floats(0, 60),
    point=st.tuples(st.floats(0, 3), st.just(0.0)),
    metre=st.just(1.0),
    heading=st.sampled_from([(0.0, 1.0), (0.6, 0.8), (-0.6, 0.8)]),
    pace=st.floats(0.2, 2.5),
)


def fed(people: list[Entry]) -> list[Party]:
    """The parties of entries told in order of time."""
    watched, parties = PartyWatch("cam-1", "door"), []
    for entry in sorted(people, key=lambda entry: entry.t):
        parties += watched.settle(entry.t)
        watched.enter(entry)
    return parties + watched.settle(1000.0) + watched.close()


@given(st.lists(entries, max_size=40))
def test_every_entry_belongs_to_exactly_one_party(people: list[Entry]) -> None:
    assert sum(party.size for party in fed(people)) == len(people)


@given(st.lists(entries, max_size=25))
def test_a_party_never_lasts_longer_than_its_bound(people: list[Entry]) -> None:
    watched = PartyWatch("cam-1", "door")
    for entry in sorted(people, key=lambda entry: entry.t):
        watched.enter(entry)
    assert all(max(e.t for e in p) - min(e.t for e in p) <= LONGEST_S for p in watched._open)


def strangers_and_friends(seed: int) -> list[Walk]:
    """Somebody every few seconds, alone or with a companion, some of them leaving."""
    rng = random.Random(seed)
    people = []
    for i in range(5):
        y, start, speed = rng.uniform(3, 6.4), 4.5 * i, rng.uniform(0.9, 1.5)
        inward = rng.random() < 0.7
        for k in range(rng.choice([1, 1, 2])):
            a, b = (9.0, y + 0.75 * k), (2.0, y + 0.75 * k)
            people.append(walk(*((a, b) if inward else (b, a)), speed=speed, start=start))
    return people


@pytest.mark.parametrize("seed", range(4))
def test_parties_depend_neither_on_how_the_line_is_drawn_nor_on_the_frame_rate(seed: int) -> None:
    people = strangers_and_friends(seed)
    backwards = gate((6, 8), (6, 2), "left")
    expected = sizes(*people, fps=10)
    assert expected
    assert sizes(*people, fps=10, door=backwards) == expected
    assert sizes(*people, fps=5) == expected
    assert sizes(*people, fps=25) == expected


@given(st.lists(entries, max_size=25), st.sampled_from([0.125, 0.5, 4.0, 16.0]))
def test_parties_do_not_depend_on_the_scale(people: list[Entry], scale: float) -> None:
    def larger(entry: Entry) -> Entry:
        x, y = entry.point
        return Entry(entry.t, (x * scale, y * scale), entry.metre * scale, entry.heading, entry.pace)

    assert [p.size for p in fed(people)] == [p.size for p in fed([larger(entry) for entry in people])]


def test_the_sum_of_party_sizes_is_the_entries() -> None:
    facts = watch(layout(gates=[DOOR]), frames(*strangers_and_friends(7), walk((9, 5), (5.4, 5), (9, 5))))
    entered = [crossing for crossing in only(Crossing, facts) if crossing.direction == "in"]
    assert sum(party.size for party in only(Party, facts)) == len(entered) > 0
