"""A parking system that falls silent or cannot be reached is an event once, and once it is over."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from edge.opening_hours import StoreHours, parse_opening_hours
from edge.parking.watch import FEED_SILENT, NIGHT_S, PARKING_UNREACHED, SILENT_S, FeedWatch, HookWatch
from pipelines.records import Event
from tests.edge.web.build import NOW, SHENZHEN
from tests.edge.web.car_park import CarDay, site

DAY = StoreHours(parse_opening_hours({"mon-sun": "10:00-22:00"}), SHENZHEN).span
ALWAYS = StoreHours(parse_opening_hours({"mon-sun": "00:00-24:00"}), SHENZHEN).span


def at(hour: float, day: int = 21) -> float:
    return datetime(2026, 9, day, tzinfo=SHENZHEN).timestamp() + 3600 * hour


def test_a_feed_that_falls_silent_while_the_store_is_open_is_told_once_with_its_end() -> None:
    watch = FeedWatch("lot", at(9), DAY)
    assert watch.look(at(14), at(13.9)) == []
    assert watch.look(at(13.9) + SILENT_S, at(13.9)) == []
    [begun] = watch.look(at(13.9) + SILENT_S + 1, at(13.9))
    assert (begun.name, begun.scope, begun.t, begun.t_end) == (FEED_SILENT, "lot", at(13.9), None)
    assert watch.look(at(16), at(13.9)) == []
    [ended] = watch.look(at(16) + 1, at(16))
    assert (ended.t, ended.t_end, ended.detail) == (at(13.9), at(16), {"reason": "heard"})
    assert watch.look(at(16) + 2, at(16)) == []


def test_a_night_without_cars_is_no_silence() -> None:
    watch = FeedWatch("lot", at(9), DAY)
    assert watch.look(at(21.5), at(21.4)) == []
    assert [watch.look(at(22 + 0.5 * half), at(21.4)) for half in range(25)] == [[]] * 25
    assert watch.look(at(10.9, 22), at(21.4)) == [], "the first hour of the morning is quiet"
    [begun] = watch.look(at(11.1, 22), at(21.4))
    assert begun.t == at(10, 22), "silent since the store opened"


def test_a_silence_ends_when_the_store_closes() -> None:
    watch = FeedWatch("lot", at(12), DAY)
    assert len(watch.look(at(13.5), None)) == 1, "one that never spoke is silent too"
    [ended] = watch.look(at(22), None)
    assert ended.detail == {"reason": "closed"}


def test_where_the_store_never_closes_the_small_hours_may_be_silent() -> None:
    watch = FeedWatch("lot", at(0), ALWAYS)
    assert watch.look(at(6), at(1)) == []
    assert len(watch.look(at(1) + NIGHT_S + 1, at(1))) == 1


def test_an_event_of_the_last_run_goes_on_and_is_not_told_again() -> None:
    before = Event(FEED_SILENT, at(12), None, "lot")
    watch = FeedWatch("lot", at(14), DAY, [Event(FEED_SILENT, at(12), None, "other"), before])
    assert watch.look(at(15.5), None) == []
    [ended] = watch.look(at(15.6), at(15.55))
    assert (ended.t, ended.t_end) == (at(12), at(15.55))


@given(st.lists(st.tuples(st.floats(1, 3 * 3600), st.booleans()), max_size=60))
def test_silences_begin_and_end_in_turn(steps: list[tuple[float, bool]]) -> None:
    watch, now, heard, told = FeedWatch("lot", at(9), DAY), at(9), None, []
    for wait, speaks in steps:
        now += wait
        heard = now if speaks else heard
        told += watch.look(now, heard)
    assert [event.t_end is None for event in told] == [k % 2 == 0 for k in range(len(told))]
    assert all(event.t_end is None or event.t_end >= event.t for event in told)


def test_a_parking_system_that_fails_for_minutes_is_told_and_its_first_answer_ends_it() -> None:
    watch = HookWatch()
    assert watch.look(None, None) == []
    assert watch.look((at(12), at(12) + 170), at(11)) == []
    [begun] = watch.look((at(12), at(12) + 180), at(11))
    assert (begun.name, begun.t) == (PARKING_UNREACHED, at(12))
    assert watch.look((at(12), at(13)), at(11)) == []
    [ended] = watch.look(None, at(13.1))
    assert (ended.t, ended.t_end, ended.detail) == (at(12), at(13.1), {"reason": "answered"})
    assert watch.look(None, at(13.1)) == []


def test_one_failed_try_that_nobody_repeats_is_no_outage() -> None:
    assert HookWatch().look((at(12), at(12)), None) == []


def test_an_outage_of_the_last_run_ends_with_an_answer_only() -> None:
    watch = HookWatch([Event(PARKING_UNREACHED, at(12))])
    assert watch.look(None, None) == [], "nothing has been told yet"
    assert [event.t_end for event in watch.look(None, at(13))] == [at(13)]


def test_a_car_park_tells_of_its_silent_feed_and_goes_on_with_it_after_a_restart(tmp_path: Path) -> None:
    day = CarDay(tmp_path)
    day.a_day()
    assert day.park.happened() == []
    day.steady.now_ += 2 * SILENT_S
    [begun] = day.park.happened()
    assert (begun.name, begun.scope) == (FEED_SILENT, "lot")
    day.store.add_records([begun])
    day.open()
    assert day.park.happened() == []
    entry: Any = {"event": "entry", "lane": "entry-1", "plate": "粤D55555"}
    day.park.posts["lot"].feed.hear(json.dumps(entry).encode())
    [ended] = day.park.happened()
    day.store.add_records([ended])
    assert day.store.events_under_way([FEED_SILENT]) == []
    day.store.close()


def test_the_silence_of_a_feed_that_is_set_up_no_more_is_over(tmp_path: Path) -> None:
    day = CarDay(tmp_path)
    day.store.add_records([Event(FEED_SILENT, NOW - 60, None, "old"), Event(PARKING_UNREACHED, NOW - 60)])
    day.open()
    told = day.park.happened()
    assert {(event.name, event.detail["reason"]) for event in told} == {
        (FEED_SILENT, "gone"), (PARKING_UNREACHED, "gone"),
    }  # fmt: skip
    assert day.park.happened() == []
    day.store.close()


def test_a_car_park_tells_of_a_webhook_that_fails_for_minutes(tmp_path: Path) -> None:
    day = CarDay(tmp_path, site(webhook={"url": "http://127.0.0.1:9/", "timeout": 1}))
    hook = day.park.webhook
    assert hook is not None
    hook._failed("the parking system cannot be reached: TimeoutError")
    day.steady.now_ += 200
    assert day.park.happened() == []
    hook._failed("the parking system cannot be reached: TimeoutError")
    assert [event.name for event in day.park.happened()] == [PARKING_UNREACHED]
    assert day.park.happened() == []
    hook._answered(None)
    assert [event.detail["reason"] for event in day.park.happened()] == ["answered"]
    day.store.close()
