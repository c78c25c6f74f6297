"""When a silent connection counts as dead, and when to come back."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from sync.answers import IDLE_S, LONGEST_S, SHORTEST_S, Answers
from sync.backoff import Backoff
from sync.comeback import HUNG_UP, STEADY_S, TWIN_S, Comeback
from sync.trouble import Trouble

LOST = Trouble("lost", "it ended the connection without a word")
TWIN = Trouble("twin", "taken over")


def test_nothing_is_owed_before_something_was_asked_and_after_all_was_answered() -> None:
    answers = Answers()
    answers.begin(0)
    assert answers.left(1000) is None
    answers.ask(1, 1000)
    assert answers.left(1000) == SHORTEST_S
    answers.answer(1, 1000.1)
    assert answers.left(1003) is None


def test_each_sign_of_life_renews_the_patience() -> None:
    answers = Answers()
    answers.begin(0)
    answers.ask(1, 0)
    for second in range(1, 100):
        answers.sign(second)
        assert answers.left(second) == SHORTEST_S
    assert answers.left(99 + SHORTEST_S) == 0


def test_a_broker_that_answers_slowly_is_given_more_time() -> None:
    answers = Answers()
    answers.begin(0)
    for token in range(5):
        answers.ask(token, 10 * token)
        answers.answer(token, 10 * token + 1.5)
    assert answers.patience_s == 6
    answers.ask(9, 100)
    answers.answer(9, 100.05)
    assert answers.patience_s == SHORTEST_S


@given(st.floats(0.1, 25))
def test_a_broker_that_needs_so_long_is_heard_after_a_few_attempts(needs_s: float) -> None:
    answers = Answers()
    for _attempt in range(6):
        answers.begin(0)
        answers.ask(1, 0)
        left = answers.left(0)
        assert left is not None
        if left >= needs_s:
            break
        assert answers.dead(left, 0) == left
    answers.answer(1, needs_s)
    assert needs_s <= answers.patience_s <= LONGEST_S


def test_bytes_that_the_other_kernel_confirms_are_signs_of_life() -> None:
    answers = Answers()
    answers.begin(0)
    answers.ask(1, 0)
    for second in range(1, 100):
        assert answers.dead(second, 1000 * second) is None
    assert answers.dead(99 + SHORTEST_S, 99_000) == SHORTEST_S


def test_an_idle_connection_is_dead_when_not_even_a_ping_was_answered() -> None:
    answers = Answers()
    answers.begin(0)
    for second in range(1, int(IDLE_S) + 1):
        assert answers.patient(9, second) == 9
        assert answers.dead(second, 0) is None
    assert answers.dead(IDLE_S + 1, 0) == IDLE_S + 1


def test_silence_while_we_ourselves_were_away_is_nobodys_death() -> None:
    answers = Answers()
    answers.begin(0)
    answers.ask(1, 0)
    assert answers.patient(9, 1000) > 0
    assert answers.dead(1000.5, 0) is None
    assert answers.dead(1000 + SHORTEST_S, 0) == SHORTEST_S


def test_connections_that_the_broker_ends_at_once_are_no_chance_the_third_time() -> None:
    comeback = Comeback(Backoff(1, 60, chance=random.Random(1)))
    told = [comeback.after(LOST, 0.2, ended=True)[0].kind for _ in range(HUNG_UP + 1)]
    assert told == ["lost", "lost", "hung_up", "hung_up"]
    assert comeback.after(LOST, STEADY_S, ended=True)[0].kind == "lost"
    assert comeback.after(LOST, 0.2, ended=True)[0].kind == "lost"


def test_a_connection_that_held_brings_back_the_short_pauses_but_not_in_a_fight_for_a_name() -> None:
    comeback = Comeback()
    for _ in range(10):
        comeback.after(LOST, None, ended=False)
    assert comeback.after(LOST, None, ended=False)[1] >= 30
    assert comeback.after(LOST, STEADY_S, ended=False)[1] <= 1
    pauses = [comeback.after(TWIN, 30.0, ended=False)[1] for _ in range(8)]
    assert pauses[0] >= TWIN_S[0] / 2
    assert pauses[-1] >= TWIN_S[1] / 2


def test_a_chain_that_lost_its_broker_comes_back_spread_over_seconds() -> None:
    """1,000 boxes, connected for an hour, in the busiest second after a broker's restart."""
    lost = Trouble("lost", "")
    for away in (0.5, 5.0):
        returns = []
        for _ in range(1000):
            comeback = Comeback()
            at = comeback.after(lost, 3600.0, ended=True)[1]
            while at < away:
                at += comeback.after(lost, None, ended=False)[1]
            returns.append(at)
        busiest = max(sum(t <= other < t + 1 for other in returns) for t in returns)
        assert busiest < 400, (away, busiest)
        assert max(returns) < away + 10
