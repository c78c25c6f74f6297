"""What each shape of feed becomes in the one model; and that no message can do more than be refused."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.parking.feeds import SHAPES, FeedError, Hearing
from edge.parking.feeds.hearing import LATE_S, plate
from pipelines.parking_records import ParkingEvent

NOW, WALL = 1_790_000_040.0, 1_790_000_100.0
"""The wall clock was set a minute forward since the start."""
HEARING = Hearing(
    "lot", "http", {"1": "entry-1", "2": "exit-1"}, {"entry-1": "entry", "exit-1": "exit"}, NOW, WALL,
    ZoneInfo("Asia/Shanghai"),
)  # fmt: skip
CAMERA = replace(HEARING, only_lane="exit-1")
PLATE = "粤B12345"
AT = "2026-09-21T22:14:00+08:00"


def heard(
    shape: str, message: Any, hearing: Hearing = HEARING, kind: str = "application/json"
) -> ParkingEvent:
    body = message if isinstance(message, bytes) else json.dumps(message).encode()
    [event] = SHAPES[shape](body, kind, hearing)
    return event


def test_our_own_shape() -> None:
    event = heard(
        "generic",
        {"event": "exit", "id": 4711, "lane": 2, "plate": "粤b·12345", "parked_seconds": 5400,
         "amount": "12.5", "settled": False},
    )  # fmt: skip
    assert event == ParkingEvent(
        "exit", "exit-1", NOW, PLATE, "http", "lot", "4711", settled=False, parked_s=5400.0, amount=12.5
    )


def test_many_events_in_one_message() -> None:
    body = json.dumps({"events": [{"event": "entry", "lane": "1"}, {"event": "price", "id": "7"}]}).encode()
    events = SHAPES["generic"](body, "", HEARING)
    assert [(one.what, one.lane, one.ref) for one in events] == [
        ("entry", "entry-1", None),
        ("price", "", "7"),
    ]


@pytest.mark.parametrize(
    ("given", "t", "late"),
    [
        pytest.param({}, NOW, False, id="now"),
        pytest.param({"at": "2026-09-21T22:14:00+08:00"}, NOW, False, id="a minute ago: two clocks"),
        pytest.param({"at": "2026-09-21 22:14:00"}, NOW, False, id="the store's own time"),
        pytest.param({"at": WALL - LATE_S - 1}, NOW - LATE_S - 1, True, id="long ago"),
        pytest.param({"at": 1000 * (WALL - 3600)}, NOW - 3600, True, id="in milliseconds"),
        pytest.param({"at": WALL - 5, "offline": True}, NOW - 5, True, id="said to be offline"),
        pytest.param({"at": WALL + 7200}, NOW, False, id="a clock that is ahead"),
        pytest.param({"at": "yesterday"}, NOW, False, id="no time"),
    ],
)
def test_when_something_happened(given: dict[str, Any], t: float, late: bool) -> None:
    event = heard("generic", {"event": "exit", "lane": "2", **given})
    assert (event.t, event.late) == (pytest.approx(t, abs=0.01), late)


def test_bolinks_orders() -> None:
    entry = heard(
        "bolink", {"car_number": PLATE, "in_time": int(WALL), "order_id": "325101", "in_channel_id": "1"}
    )
    assert (entry.what, entry.lane, entry.ref, entry.parked_s) == ("entry", "entry-1", "325101", None)
    left = heard(
        "bolink",
        {"service_name": "out_park", "data": {"car_number": PLATE, "in_time": int(WALL) - 5400,
         "out_time": int(WALL), "order_id": "325101", "out_channel_id": "2", "total": "12.5"}},
    )  # fmt: skip
    assert (left.what, left.lane, left.ref, left.parked_s, left.amount) == (
        "exit", "exit-1", "325101", 5400.0, 12.5,
    )  # fmt: skip


@pytest.mark.parametrize(("scene", "lane"), [(0, ""), (1, "exit-1"), (2, "exit-1")])
def test_bolinks_asking_for_a_price_inside_and_at_the_lane(scene: int, lane: str) -> None:
    asked = {"service_name": "query_price", "car_number": PLATE, "order_id": "1", "pay_scene": scene,
             "out_channel_id": "2"}  # fmt: skip
    event = heard("bolink", asked)
    assert (event.what, event.lane, event.plate) == ("price", lane, PLATE)


def test_bolinks_orders_of_a_car_park_that_was_offline_are_late() -> None:
    order = {"car_number": PLATE, "in_time": WALL - 7200, "out_time": WALL - 3600, "order_id": "1",
             "out_channel_id": "2"}  # fmt: skip
    event = heard("bolink", order)
    assert (event.what, event.late, event.t, event.parked_s) == ("exit", True, NOW - 3600, 3600.0)


ANPR = """<?xml version="1.0" encoding="UTF-8"?>
<EventNotificationAlert version="2.0" xmlns="http://www.isapi.org/ver20/XMLSchema">
<channelID>1</channelID><dateTime>2026-09-21T22:15:00+08:00</dateTime><eventType>ANPR</eventType>
<ANPR><licensePlate>粤B12345</licensePlate><confidenceLevel>97</confidenceLevel><direction>forward</direction></ANPR>
<UUID>7a6b</UUID></EventNotificationAlert>""".encode()


def multipart(*parts: tuple[str, bytes]) -> tuple[bytes, str]:
    body = b"".join(
        b"--edge\r\nContent-Disposition: form-data; name=\"f\"; filename=\"%s\"\r\n"
        b"Content-Type: application/octet-stream\r\n\r\n%s\r\n" % (name.encode(), data)
        for name, data in parts
    )  # fmt: skip
    return body + b"--edge--\r\n", "multipart/form-data; boundary=edge"


def test_hikvisions_xml_alone_and_beside_its_pictures() -> None:
    alone = heard("hikvision", ANPR, CAMERA, "application/xml")
    assert (alone.what, alone.lane, alone.plate, alone.ref) == ("exit", "exit-1", PLATE, "7a6b")
    assert (alone.lasting, alone.settled) == (False, True)
    body, kind = multipart(("licensePlatePicture.jpg", b"\xff\xd8\xff" + bytes(1000)), ("anpr.xml", ANPR))
    assert heard("hikvision", body, CAMERA, kind) == alone


def test_hikvisions_unsure_read_is_unread_and_a_heartbeat_is_nothing() -> None:
    assert heard("hikvision", ANPR.replace(b">97<", b">12<"), CAMERA).plate is None
    assert SHAPES["hikvision"](ANPR.replace(b">ANPR<", b">videoloss<"), "", CAMERA) == []


@pytest.mark.parametrize(
    "xml",
    [
        b'<!DOCTYPE a [<!ENTITY b "x">]><a>&b;</a>',
        b"<EventNotificationAlert>",
        b"<a>" + b"x" * 70_000 + b"</a>",
        b"",
    ],
    ids=["entities", "unfinished", "too long", "empty"],
)
def test_hostile_xml_is_refused(xml: bytes) -> None:
    with pytest.raises(FeedError):
        SHAPES["hikvision"](xml, "application/xml", CAMERA)


def test_axis_corrects_a_plate_until_the_car_is_lost() -> None:
    read = {
        "carID": "13",
        "plateText": "AA7690EQ",
        "plateConfidence": "0.8",
        "capture_timestamp": "1790000100000",
    }
    states = [heard("axis", read | {"carState": state}, CAMERA) for state in ("new", "update", "lost")]
    assert [(one.ref, one.settled, one.lasting) for one in states] == [
        ("13", False, False), ("13", False, False), ("13", True, False),
    ]  # fmt: skip
    assert heard("axis", read | {"carState": "lost", "plateConfidence": "0.2"}, CAMERA).plate is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (" 粤B·12345 ", PLATE), ("ｂ１２３４５", "B12345"), ("无牌车", None), ("UNKNOWN", None), ("", None),
        (None, None), (12345, None), ("粤B1234567890", None), ("x" * 10_000, None),
    ],
)  # fmt: skip
def test_one_spelling_of_plates(text: object, found: str | None) -> None:
    assert plate(text) == found


@pytest.mark.parametrize("shape", SHAPES)
@given(body=st.one_of(st.binary(max_size=200), st.text(max_size=200).map(str.encode)))
def test_bytes_are_understood_or_refused(shape: str, body: bytes) -> None:
    try:
        events = SHAPES[shape](body, "multipart/form-data; boundary=x", HEARING)
    except FeedError:
        events = []
    assert len(events) <= 1


leaves = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8),
    st.sampled_from(["entry", "exit", "price", "1", "2", "new", "lost", PLATE, AT, "query_price"]),
)  # fmt: skip
KEYS = [
    "event", "events", "id", "lane", "plate", "at", "settled", "offline", "parked_seconds", "amount", "data",
    "service_name", "car_number", "in_time", "out_time", "order_id", "in_channel_id", "out_channel_id",
    "total", "pay_scene", "carState", "carID", "plateText", "plateConfidence", "capture_timestamp",
]  # fmt: skip
messages = st.recursive(
    st.dictionaries(st.sampled_from(KEYS), leaves, max_size=8),
    lambda inner: st.dictionaries(
        st.sampled_from(KEYS), st.one_of(leaves, inner, st.lists(inner)), max_size=4
    ),
)


@pytest.mark.parametrize("shape", ["generic", "bolink", "axis"])
@given(message=messages)
def test_whatever_stands_in_a_message_its_events_are_sound(shape: str, message: dict[str, Any]) -> None:
    try:
        events = SHAPES[shape](json.dumps(message).encode(), "", HEARING)
    except FeedError:
        return
    for event in events:
        assert event.lane in {"", "entry-1", "exit-1"}
        assert event.t <= NOW
        assert event.parked_s is None or event.parked_s >= 0
        assert event.amount is None or 0 <= event.amount <= 1e6
