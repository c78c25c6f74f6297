"""Live triggers behind expired ones are found once in a connection, and no others."""

from __future__ import annotations

from sync.overtaking import Overtaking
from sync.payloads import TRIGGER
from tests.sync.fakes import MemoryOutbox, trigger

NOW = 1000.0


def outbox(*ends: float | None) -> MemoryOutbox:
    """A trigger for each, by the time at which it expires; seq from 1."""
    made = MemoryOutbox()
    for number, end in enumerate(ends):
        made.put("trigger", TRIGGER, trigger(f"t-{number}").text(), end)
    return made


def seqs(over: Overtaking, sent: int = -1, most: int = 20) -> list[int]:
    return [row.seq for row in over.find(sent, NOW, most)]


def test_live_ones_behind_expired_ones_are_found_once() -> None:
    over = Overtaking(box := outbox(900, 1100, 900, None, 900))
    assert seqs(over) == [2, 4]
    assert seqs(over) == []
    box.put("trigger", TRIGGER, trigger("new").text(), 1100)
    assert seqs(over) == [6]


def test_those_whose_turn_is_next_are_left_to_it() -> None:
    over = Overtaking(box := outbox(1100, 1100, 900, 1100))
    assert seqs(over) == [4]
    assert seqs(over, sent=4) == []
    box.put("trigger", TRIGGER, trigger("new").text(), 1100)
    assert seqs(over, sent=4) == []


def test_what_there_is_no_room_for_is_found_next_time() -> None:
    over = Overtaking(outbox(900, *[1100] * 5))
    assert seqs(over, most=0) == []
    assert seqs(over, most=2) == [2, 3]
    assert seqs(over, most=9) == [4, 5, 6]


def test_a_new_connection_finds_all_again() -> None:
    over = Overtaking(outbox(900, 1100))
    assert seqs(over) == [2]
    over.connect()
    assert seqs(over) == [2]


def test_many_expired_ones_are_passed_over_a_turn_at_a_time() -> None:
    over = Overtaking(outbox(*[900] * 1200, 1100))
    turns = 1
    while not (found := seqs(over)):
        turns += 1
    assert (found, turns) == ([1201], 3)
