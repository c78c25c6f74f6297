"""A lane's board says the newest thing for as long as it holds, to every screen, from any thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import pytest

from edge.lane_screen.board import MOST_SCREENS, Board, Notice, TooManyScreens

T = TypeVar("T")


def within(seconds: float, work: Coroutine[Any, Any, T]) -> T:
    """In a loop and thread of its own: a browser of other tests may hold this thread's loop."""

    async def bounded() -> T:
        return await asyncio.wait_for(work, seconds)

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, bounded()).result()


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def notice(text: str, until: float = 1_020.0) -> Notice:
    return Notice({"zh-CN": text, "en": text}, {}, None, 1_000.0, until)


def test_a_lane_says_nothing_until_it_is_told_to() -> None:
    board = Board(["exit-1"], Clock())
    assert board.now("exit-1") is None


def test_the_newest_notice_replaces_the_one_before_and_none_takes_it_down() -> None:
    board = Board(["exit-1", "exit-2"], Clock())
    board.show("exit-1", notice("first"))
    board.show("exit-1", notice("second"))
    assert (said := board.now("exit-1")) is not None
    assert said.headline["en"] == "second"
    assert board.now("exit-2") is None, "another lane's screen said it too"
    board.show("exit-1", None)
    assert board.now("exit-1") is None


def test_a_notice_is_gone_at_its_expiry() -> None:
    clock = Clock()
    board = Board(["exit-1"], clock)
    board.show("exit-1", notice("soon over", until=1_005.0))
    clock.now = 1_004.9
    assert board.now("exit-1") is not None
    clock.now = 1_005.0
    assert board.now("exit-1") is None


def test_a_lane_that_the_site_does_not_have_is_a_fault_of_the_caller() -> None:
    with pytest.raises(KeyError):
        Board(["exit-1"], Clock()).show("exit-9", None)


def test_a_screen_hears_of_a_change_made_in_another_thread() -> None:
    board = Board(["exit-1"], Clock())

    async def watch() -> list[str | None]:
        said: list[str | None] = []
        async for now in board.changes("exit-1", beat_s=5.0):
            said.append(None if now is None else now.headline["en"])
            if len(said) == 1:
                threading.Thread(target=board.show, args=("exit-1", notice("hello"))).start()
            else:
                return said
        return said

    assert within(2.0, watch()) == [None, "hello"]


def test_a_screen_hears_at_the_expiry_that_it_is_to_be_blank() -> None:
    clock = Clock()
    board = Board(["exit-1"], clock)
    board.show("exit-1", notice("short", until=clock.now + 0.05))

    async def watch() -> list[bool]:
        said: list[bool] = []
        async for now in board.changes("exit-1", beat_s=5.0):
            said.append(now is not None)
            if len(said) == 2:
                return said
            clock.now += 0.06
        return said

    assert within(2.0, watch()) == [True, False]


def test_an_idle_screen_hears_that_the_box_lives() -> None:
    board = Board(["exit-1"], Clock())

    async def beats() -> int:
        heard = 0
        async for _ in board.changes("exit-1", beat_s=0.01):
            heard += 1
            if heard == 5:
                return heard
        return heard

    assert within(2.0, beats()) == 5


def test_one_screen_too_many_is_refused_and_a_closed_one_makes_room() -> None:
    board = Board(["exit-1"], Clock())

    async def crowd() -> None:
        opened = [board.changes("exit-1", 5.0) for _ in range(MOST_SCREENS)]
        for one in opened:
            await anext(one)
        with pytest.raises(TooManyScreens):
            await anext(board.changes("exit-1", 5.0))
        await opened[0].aclose()
        assert await anext(board.changes("exit-1", 5.0)) is None

    within(2.0, crowd())


def test_to_show_never_waits_for_a_screen_that_has_stopped_listening() -> None:
    board = Board(["exit-1"], Clock())

    async def opened_and_left() -> None:
        await anext(board.changes("exit-1", 5.0))

    within(2.0, opened_and_left())  # its loop is closed now
    board.show("exit-1", notice("nobody reads this"))
    assert board.now("exit-1") is not None
