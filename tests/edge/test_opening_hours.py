"""When a store is open: days, ranges, nights and the days on which clocks change."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.opening_hours import DAYS, StoreHours, parse_opening_hours

SHANGHAI, BERLIN = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/Berlin")
MONDAY = date(2026, 3, 2)


def local(text: str, zone: ZoneInfo = SHANGHAI) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)


@pytest.mark.parametrize(
    ("hours", "moment", "is_open"),
    [
        pytest.param({"mon-sun": "10:00-22:00"}, "2026-03-02T09:59:59", False, id="a second before opening"),
        pytest.param({"mon-sun": "10:00-22:00"}, "2026-03-02T10:00", True, id="at opening"),
        pytest.param({"mon-sun": "10:00-22:00"}, "2026-03-02T21:59:59", True, id="a second before closing"),
        pytest.param({"mon-sun": "10:00-22:00"}, "2026-03-02T22:00", False, id="at closing"),
        pytest.param({"mon-fri": "10:00-22:00"}, "2026-03-07T12:00", False, id="a day that is not named"),
        pytest.param({"mon-sun": "10:00-22:00", "sun": "closed"}, "2026-03-08T12:00", False, id="taken back"),
        pytest.param({"fri-mon": "10:00-22:00"}, "2026-03-08T12:00", True, id="a range over the weekend"),
        pytest.param({"fri-mon": "10:00-22:00"}, "2026-03-04T12:00", False, id="outside that range"),
        pytest.param({"mon": "18:00-02:00"}, "2026-03-03T01:30", True, id="after midnight, the day before's"),
        pytest.param({"mon": "18:00-02:00"}, "2026-03-03T02:00", False, id="after closing past midnight"),
        pytest.param({"mon": "18:00-02:00"}, "2026-03-02T01:30", False, id="no night before the first day"),
        pytest.param({"sun": "18:00-02:00"}, "2026-03-09T01:30", True, id="Sunday night into Monday"),
        pytest.param({"mon": "00:00-24:00"}, "2026-03-02T23:59:59", True, id="all day"),
        pytest.param({"mon": "00:00-24:00"}, "2026-03-03T00:00", False, id="all day ends at midnight"),
        pytest.param({"Mon-Fri": " 9:30 - 18:00 "}, "2026-03-02T09:30", True, id="loosely written"),
    ],
)  # fmt: skip
def test_the_store_is_open_or_not(hours: dict[str, str], moment: str, is_open: bool) -> None:
    assert parse_opening_hours(hours).is_open(local(moment), SHANGHAI) is is_open


def test_the_moment_may_be_told_in_any_zone() -> None:
    hours = parse_opening_hours({"mon": "10:00-22:00"})
    assert hours.is_open(datetime(2026, 3, 2, 2, 0, tzinfo=UTC), SHANGHAI)
    assert not hours.is_open(datetime(2026, 3, 2, 14, 0, tzinfo=UTC), SHANGHAI)


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25"], ids=["clocks go forward", "clocks go back"])
def test_opening_and_closing_are_what_the_wall_clock_says_on_the_day_clocks_change(day: str) -> None:
    span = parse_opening_hours({"sun": "10:00-22:00"}).on(date.fromisoformat(day), BERLIN)
    assert span is not None
    assert [moment.strftime("%H:%M") for moment in span] == ["10:00", "22:00"]
    assert span[1].astimezone(UTC) - span[0].astimezone(UTC) == timedelta(hours=12)


def test_a_night_in_which_clocks_go_back_closes_once() -> None:
    """02:15 comes twice; the store closes at the first 02:30."""
    hours = parse_opening_hours({"sat": "20:00-02:30"})
    first = datetime(2026, 10, 25, 2, 15, tzinfo=BERLIN, fold=0)
    again = datetime(2026, 10, 25, 2, 15, tzinfo=BERLIN, fold=1)
    assert hours.is_open(first, BERLIN)
    assert not hours.is_open(again, BERLIN)


def test_a_closed_day_has_no_hours() -> None:
    assert parse_opening_hours({"tue": "10:00-22:00"}).on(MONDAY, SHANGHAI) is None


@given(
    st.dictionaries(st.sampled_from(DAYS), st.tuples(st.integers(0, 1439), st.integers(1, 1439)), min_size=1),
    st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31)),  # noqa: DTZ001 - made aware below
)
def test_open_means_within_the_hours_of_today_or_of_yesterday_s_night(
    spans: dict[str, tuple[int, int]], naive: datetime
) -> None:
    moment = naive.replace(tzinfo=SHANGHAI)
    written = {
        day: f"{a // 60:02}:{a % 60:02}-{(a + length) % 1440 // 60:02}:{(a + length) % 60:02}"
        for day, (a, length) in spans.items()
    }
    minute = moment.hour * 60 + moment.minute
    expected = False
    for back in (0, 1):
        day = DAYS[(moment.weekday() - back) % 7]
        if day in spans:
            opens, length = spans[day]
            expected |= opens <= minute + 1440 * back < opens + length
    assert parse_opening_hours(written).is_open(moment, SHANGHAI) == expected


@pytest.mark.parametrize(
    ("hours", "words"),
    [
        ({"monday": "10:00-22:00"}, "no such day: monday; use mon, tue"),
        ({"mon-": "10:00"}, "hours are written like"),
        ({"mon-fry": "10:00-22:00"}, "no such day: mon-fry"),
        ({"mon": "10-22"}, 'hours are written like "10:00-22:00"'),
        ({"mon": "25:00-26:00"}, "no such time: 25:00-26:00"),
        ({"mon": "10:60-22:00"}, "no such time: 10:60-22:00"),
        ({"mon": ""}, "hours are written like"),
    ],
)
def test_unreadable_hours_say_how_to_write_them(hours: dict[str, str], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse_opening_hours(hours)


def test_a_span_is_told_in_utc_seconds_also_past_midnight() -> None:
    store = StoreHours(parse_opening_hours({"mon-sun": "18:00-02:00"}), SHANGHAI)
    opens = local("2026-03-02T18:00").timestamp()
    span = (opens, opens + 8 * 3600)
    for moment in ("2026-03-02T18:00", "2026-03-02T23:59", "2026-03-03T01:59"):
        assert store.span(local(moment).timestamp()) == span, moment
    for moment in ("2026-03-02T17:59", "2026-03-03T02:00"):
        assert store.span(local(moment).timestamp()) is None, moment


@given(t=st.floats(1.7e9, 1.8e9))
def test_the_store_is_open_exactly_within_its_spans(t: float) -> None:
    hours = parse_opening_hours({"mon-fri": "10:00-22:00", "sat": "20:00-04:00"})
    for zone in (SHANGHAI, BERLIN):
        assert StoreHours(hours, zone).is_open(t) == hours.is_open(datetime.fromtimestamp(t, UTC), zone)
