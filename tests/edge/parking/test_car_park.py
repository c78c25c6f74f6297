"""The whole of parking with its real surroundings: web server, broker, store, parking system; and not a plate
of it anywhere but in memory and on the way to the site's own parking system."""

from __future__ import annotations

import json
import logging
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.demo.lot import Lot
from edge.parking import gatehouse
from edge.parking.http_feed import MOST_OTHERS
from edge.parking.keys import FILE, KEPT_DAYS, KeyFile
from edge.store import Store
from pipelines.plate_records import PlateRead
from sync.mqtt import Broker, Link, Up
from tests.broker import Mosquitto, mosquitto  # noqa: F401 - a fixture
from tests.edge.parking.running import OFFER, RULES, SECRET, running, until
from tests.sync.fakes import Listener

CANARIES = ["琼Z8K7Q3", "藏Y9J4X7", "青V8W6P2", "宁U7T5R4", "ZCANARY9", "藏Z9Z9Z9"]
"""Plates that no other data resembles."""


def test_a_parking_system_and_a_box_take_two_hours_off_a_fee(tmp_path: Path) -> None:
    with Lot() as lot, running(tmp_path, lot) as box:
        order = lot.drive_in("粤B12345", ago_s=0)
        order.entered_at -= 3 * 3600
        short = lot.drive_in("粤C77777")
        assert lot.drive_out(order) == pytest.approx(6.0, abs=0.01)  # three hours less two
        notice = box.board.now("exit-1")
        assert notice is not None
        assert notice.headline == {"en": "Two hours free"}
        assert lot.drive_out(short) == 0.0
        assert box.board.now("exit-1") is None
        until(lambda: box.told() == [("two-hours", "yes")])
        assert len(order.coupons) == 1, "told twice, counted once"


def test_the_api_tells_what_came_of_todays_cars(tmp_path: Path) -> None:
    with Lot() as lot, running(tmp_path, lot) as box:
        order = lot.drive_in("粤B12345")
        order.entered_at -= 3 * 3600
        lot.drive_out(order)
        box.post(b"nonsense")
        until(lambda: box.told() == [("two-hours", "yes")])
        box.park.desk.close()  # the last counts
        status, found = box.get("/api/v1/parking")
    assert (status, found["inside"], found["fault"]) == (200, 0, None)
    assert found["lanes"] == [
        {"lane": "entry-1", "outcomes": {"no_rule": 1}},
        {"lane": "exit-1", "outcomes": {"decided": 1, "issued": 1}},
    ]  # fmt: skip
    feed = next(one for one in found["feeds"] if one["feed"] == "lot")
    assert (feed["heard"], feed["refused"], feed["fault"]) == (4, 1, "no JSON")
    assert 0 <= feed["silent_s"] < 60
    assert found["webhook"] == {
        "waiting": 0, "told": 1, "refused": 0, "given_up": 0, "failing_s": None, "fault": None,
    }  # fmt: skip
    assert (found["cars_in"], found["cars_out"], found["unread_share"]) == (1, 1, 0.0)
    assert found["offers"] == [{"offer": "two-hours", "issued": 1, "headline": {"en": "Two hours free"}}]


def test_the_screen_of_the_lane_says_it_at_once(tmp_path: Path) -> None:
    with Lot() as lot, running(tmp_path, lot) as box:
        order = lot.drive_in("粤B12345")
        order.entered_at -= 3 * 3600
        began = time.monotonic()
        lot.drive_out(order)
        spent = time.monotonic() - began
        notice = box.board.now("exit-1")
        assert notice is not None
        assert spent < 1.0, f"{spent:.3f} s for price, payment and exit"


def test_a_car_park_that_was_offline_makes_no_coupons_but_its_stays_are_kept(tmp_path: Path) -> None:
    with Lot() as lot, running(tmp_path, lot) as box:
        lot.offline = True
        order = lot.drive_in("粤B12345")
        order.entered_at -= 3 * 3600
        lot.drive_out(order)
        lot.come_back()
        assert [one["results"][0]["result"] for one in lot.answers] == ["late", "late", "noted", "late"]
        assert box.told() == []
        assert box.park.desk.inside == 0


def test_with_a_dead_parking_system_the_box_answers_as_fast_as_ever(tmp_path: Path) -> None:
    lot = Lot()  # its webhook listens and never answers
    with running(tmp_path, lot) as box:
        longest = 0.0
        for number in range(10):
            body = {"event": "exit", "lane": "2", "plate": f"粤B{number}234{number}", "parked_seconds": 9000}
            began = time.monotonic()
            status, answer = box.post(json.dumps(body).encode())
            longest = max(longest, time.monotonic() - began)
            assert (status, answer["results"][0]["result"]) == (200, "issued")
        assert longest < 0.5, f"{longest:.3f} s"
        assert {told for _, told in box.told()} == {"waits"}
    with running(tmp_path, lot) as box:
        assert {told for _, told in box.told()} == {"given_up"}


@pytest.mark.parametrize(
    ("path", "body", "headers", "status"),
    [
        pytest.param("/api/v1/parking/lot", b"{}", {"authorization": ""}, 401, id="no secret"),
        pytest.param("/api/v1/parking/lot", b"{}", {"authorization": "Bearer x"}, 401, id="a wrong one"),
        pytest.param("/api/v1/parking/lot?key=wrong", b"{}", {"authorization": ""}, 401, id="a wrong key"),
        pytest.param("/api/v1/parking/nobody", b"{}", {}, 404, id="no such feed"),
        pytest.param("/api/v1/parking/lot", b"no json", {}, 400, id="no JSON"),
        pytest.param("/api/v1/parking/lot", b"[" * 50_000, {}, 400, id="deep"),
        pytest.param("/api/v1/parking/lot", b" " * (MOST_OTHERS + 1), {}, 413, id="too long"),
        pytest.param("/api/v1/parking/lot", b"{}", {"host": "evil.example"}, 421, id="another host"),
        pytest.param("/api/v1/parking/lot", b"{}", {"origin": "http://evil.example"}, 421, id="another page"),
    ],
)
def test_what_is_not_ours_is_refused(
    tmp_path: Path, path: str, body: bytes, headers: dict[str, str], status: int
) -> None:
    with Lot() as lot, running(tmp_path, lot) as box:
        found, answer = box.post(body, path, **headers)
        assert (found, set(answer)) == (status, {"error", "about"})


def test_a_camera_may_show_its_secret_as_it_can(tmp_path: Path) -> None:
    event = b'{"event": "entry", "lane": "1", "plate": "B12345"}'
    with Lot() as lot, running(tmp_path, lot) as box:
        basic = {"authorization": "Basic dXNlcjowMTIzNDU2Nzg5YWJjZGVmMDEyMw=="}
        assert box.post(event, **basic)[0] == 200
        assert box.post(event, f"/api/v1/parking/lot?key={SECRET}", authorization="")[0] == 200


def test_a_feed_that_shouts_is_asked_to_wait_and_another_is_not(tmp_path: Path) -> None:
    event = b'{"event": "paid", "id": "1"}'
    with Lot() as lot, running(tmp_path, lot) as box:
        found = [box.post(event)[0] for _ in range(150)]
        assert 60 <= found.count(200) < 150
        assert found.count(429) == 150 - found.count(200)
        assert box.post(b"<a/>", "/api/v1/parking/cam")[0] == 200


def test_the_centres_rules_take_the_place_of_the_site_files(tmp_path: Path) -> None:
    with Lot() as lot, running(tmp_path, lot) as box:
        from pipelines.coupon_rules import Offer, Rule, When

        box.park.desk.set_rules([Rule("theirs", When("exit"), Offer("o", "free", 0.0, {"en": "Free"}))])
        box.post(b'{"event": "exit", "lane": "2", "plate": "B12345"}')
        assert [rule for rule, _ in box.told()] == ["theirs"]


def test_a_key_is_added_each_day_and_forgotten_when_it_is_old(tmp_path: Path) -> None:
    day, path = 86_400.0, tmp_path / FILE
    file = KeyFile(path, 0.0)
    first = file.keys.keys[0]
    assert not file.turn(0.9 * day)
    for number in range(1, 30):
        assert file.turn(number * day)
        assert len(file.keys.keys) <= KEPT_DAYS
        assert (first in file.keys.keys) == (number < KEPT_DAYS)
    assert KeyFile(path, 29 * day).keys == file.keys
    assert oct(path.stat().st_mode)[-3:] == "600"
    assert [one.name for one in tmp_path.iterdir()] == [FILE]


def below(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path.name, path.read_bytes()


def spellings(plate: str) -> list[bytes]:
    """A plate as it might be written, and its serial alone."""
    texts = [plate, plate[1:], plate[1:].lower(), json.dumps(plate)[1:-1]]
    return [
        one for text in texts for one in {text.encode(), text.encode("utf-16-le"), text.encode("gb18030")}
    ]


def test_a_search_would_find_a_plate(tmp_path: Path) -> None:
    (tmp_path / "leak").write_text(json.dumps({"plate": CANARIES[0]}))
    [(_, data)] = below(tmp_path)
    assert any(text in data for text in spellings(CANARIES[0]))


def test_no_plate_is_on_disk_on_the_wire_in_the_log_or_in_an_answer(
    tmp_path: Path,
    mosquitto: Mosquitto,  # noqa: F811
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    data, rules = (
        tmp_path / "box",
        [*RULES, {"id": "welcome", "when": {"direction": "arrival"}, "offer": OFFER}],
    )
    answers: list[bytes] = []
    with Lot() as lot, Listener(mosquitto.url) as listener, running(data, lot, mosquitto.url, rules) as box:
        for canary in CANARIES[:3]:
            order = lot.drive_in(canary)
            order.number = f"{canary}-2026"
            order.entered_at -= 3 * 3600
            lot.drive_out(order, read_as=canary[:-1] + "0")
        answers += [json.dumps(one, ensure_ascii=False).encode() for one in lot.answers]
        for body in (
            {"event": "entry", "lane": CANARIES[3], "plate": CANARIES[3]},
            {"event": CANARIES[3], "lane": "1", "plate": CANARIES[3]},
            {"event": "entry", "lane": "1", "plate": CANARIES[3], "id": CANARIES[3] * 40},
            {"event": "entry", "lane": "1", "plate": CANARIES[3], "id": CANARIES[3]},
        ):
            answers.append(json.dumps(box.post(json.dumps(body, ensure_ascii=False).encode())).encode())
        publish(mosquitto.url, {"car_number": CANARIES[4], "in_time": time.time(), "order_id": CANARIES[4],
                                "in_channel_id": "1"})  # fmt: skip
        until(lambda: box.park.feeds["bus"].heard == 1)
        # A car whose handling fails must not be told in the log either.
        with pytest.MonkeyPatch.context() as broken:
            broken.setattr(gatehouse.Coupons, "decide", lambda *_: {}[CANARIES[3]])
            status, answer = box.post(
                json.dumps({"event": "exit", "lane": "2", "plate": CANARIES[3]}).encode()
            )
            assert (status, answer["about"]) == (500, "car"), answer
            answers.append(json.dumps(answer, ensure_ascii=False).encode())
            box.park.read(PlateRead("exit-1", "cam-9", box.clock.now(), "藏Z9Z9Z9", 0.9, 3, 1))
        until(lambda: len(listener.heard("/up/trigger")) >= 8)
        until(lambda: box.park.webhook is not None and box.park.webhook.waiting == 0)
        alive = list(below(data))
        heard = listener.heard()
    assert lot.told > 0, "nothing was told to the parking system: the test proves nothing"
    found = [*alive, *below(data), *heard, *((f"answer {n}", body) for n, body in enumerate(answers))]
    found.append(("log", caplog.text.encode()))
    names = {name for name, _ in found}
    assert {"box.sqlite3", "box.sqlite3-wal", "parking.keys"} <= names, names
    for name, content in found:
        for canary in CANARIES:
            assert not any(text in content for text in spellings(canary)), f"{canary} in {name}"


def publish(url: str, message: dict[str, Any]) -> None:
    link = Link(Broker.parse(url), "lot")
    until(lambda: any(isinstance(one, Up) for one in link.poll(0.1)))
    token = link.publish("lot/events", json.dumps(message, ensure_ascii=False))
    until(lambda: any(getattr(one, "token", None) == token for one in link.poll(0.1)))
    link.close()


@pytest.mark.parametrize("table", ["parking_session", "coupon_trigger", "coupon_count"])
def test_no_column_takes_a_plate(tmp_path: Path, table: str) -> None:
    with Store.open(tmp_path / "box.sqlite3", tenant="t", store="s", box="b") as store:
        columns = store.read(lambda c: c.execute(f"PRAGMA table_info({table})").fetchall())
        texts = [column["name"] for column in columns if column["type"] == "TEXT"]
        assert texts
        sound: dict[str, Any] = {
            column["name"]: "" if column["type"] == "TEXT" else 0 for column in columns
        } | {"ending": None, "direction": "exit", "told": "no"}  # fmt: skip
        sound = {
            name: value for name, value in sound.items() if name in {column["name"] for column in columns}
        }
        sql = _insert(table, sound)
        store._connection.execute(sql, [*sound.values()])
        store._connection.execute(f"DELETE FROM {table}")
        for name in texts:
            for canary in CANARIES:
                with pytest.raises(sqlite3.IntegrityError):
                    store._connection.execute(sql, [*(sound | {name: canary}).values()])


def _insert(table: str, row: dict[str, Any]) -> str:
    names = ", ".join(f'"{name}"' for name in row)
    return f"INSERT INTO {table} ({names}) VALUES ({', '.join('?' * len(row))})"
