"""The published descriptions, against the models that they come from and messages on a real broker."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from pipelines.records import Event, Window
from sync import asyncapi, schemas, topics
from sync.bodies import event_body, hour_bodies, minute_body, utc
from sync.coupon_payloads import REDEEMED, RedeemedBody
from sync.outbox import STREAMS, OutboxRow
from sync.payloads import EVENT, HOUR, MESSAGES, MINUTE, STREAM_OF, Minute
from sync.publisher import envelope
from sync.schemas import FOLDER, MODELS, file_name, schema, text
from sync.topics import BoxIdentity
from tests.broker import Mosquitto
from tests.sync.contract import DESCRIBED, described, validator
from tests.sync.coupon_fakes import CAR, OFFER, CouponBox, HeadOffice, coupon_hub
from tests.sync.fakes import START, Listener, MemoryOutbox, wait_for
from tests.sync.records import events, windows
from tests.sync.test_delivery import BOX, running_box
from tests.sync.test_payloads import ONE_OF_EACH

ROOT = Path(__file__).resolve().parents[2]
ASYNCAPI = DESCRIBED


@pytest.mark.parametrize("name", MODELS)
def test_the_schema_file_is_what_the_model_says(name: str) -> None:
    assert (FOLDER / file_name(name)).read_text("utf-8") == text(name), (
        'run: python -c "from sync.schemas import write; write()"'
    )


def test_there_are_no_other_schema_files() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {file_name(name) for name in MODELS}


def test_every_message_of_a_working_day_fits_its_schema_and_says_nothing_else(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    office = HeadOffice(tmp_path / "hub.db")
    key = office.key("k1")
    office.members(key, {CAR: "m-1"})
    office.offers(OFFER)
    now, read = time.time(), Minute.model_validate_json(minute_body(START, ONE_OF_EACH))
    office.membership.replace_rules("rainbow", [{"id": "r1", "offer": "coffee"}], now + 3600, now)
    with Listener(mosquitto.url) as listener:
        with (
            coupon_hub(mosquitto.url, tmp_path / "hub.db"),
            CouponBox(mosquitto.url, tmp_path) as box,
        ):
            box.outbox.put("data", MINUTE, minute_body(START, ONE_OF_EACH))
            box.outbox.put_minutes(5)
            [hour] = hour_bodies(START - 87 * 60, [26, 27], read.windows, [(1, 2)])
            box.outbox.put("data", HOUR, hour)
            long = Event("queue_long", START, "cam-1", "till", START + 9.5, {"people": 7})
            box.outbox.put("data", EVENT, event_body(long))
            box.wait("offers", "coupons", "member-keys", "members-k1")
            box.decide("t-1", **box.of_member(key))
            [answer] = box.answered(1)
            used = RedeemedBody(key="u-1", code=answer.code or "", at=utc(now), lane="exit-1", amount=5.0)
            box.outbox.put("trigger", REDEEMED, used.text())
            wait_for(box.outbox.empty, why=box.line.status)
        wait_for(lambda: b'"online":false' in listener.heard("/state")[-1][1])
        heard = listener.heard()
    seen = {described(topic, payload) for topic, payload in heard}
    assert seen == set(MODELS)


MINUTE_FILE, EVENT_FILE = validator(MINUTE), validator(EVENT)


@given(windows(START))
def test_any_window_that_can_be_sent_fits_the_schema(window: Window) -> None:
    row = OutboxRow("data", "e1", 1, MINUTE, minute_body(START, [window]), 0.0)
    assert not list(MINUTE_FILE.iter_errors(json.loads(envelope(BOX, row, utc(START)))))


@given(events)
def test_any_event_that_can_be_sent_fits_the_schema(event: Event) -> None:
    row = OutboxRow("data", "e1", 1, EVENT, event_body(event), 0.0)
    assert not list(EVENT_FILE.iter_errors(json.loads(envelope(BOX, row, utc(START)))))


def test_the_schema_refuses_what_the_hub_sets_aside() -> None:
    row = OutboxRow("data", "e1", 1, MINUTE, minute_body(START, ONE_OF_EACH), 0.0)
    good = json.loads(envelope(BOX, row, utc(START)))
    spoilt: list[dict[str, Any]] = [
        {"box": "Box"}, {"seq": -1}, {"seq": "1"}, {"schema": "other"}, {"stream": "audio"}, {"body": None},
        {"body": {"start": 5, "windows": []}}, {"body": {"windows": []}}, {"epoch": ""},
        {"body": {"start": "2026-03-01T10:00:00Z", "windows": [{"scope": "gate"}]}},
    ]  # fmt: skip
    for spoil in spoilt:
        assert not MINUTE_FILE.is_valid(good | spoil), spoil
    assert MINUTE_FILE.is_valid(good | {"later": 1})


def test_the_asyncapi_file_is_what_the_code_says() -> None:
    assert schemas.ASYNCAPI.read_text("utf-8") == asyncapi.text(MODELS, file_name), (
        'run: python -c "from sync.schemas import write; write()"'
    )


def test_every_kind_of_topic_that_the_code_takes_apart_has_its_channel() -> None:
    box = BoxIdentity("rainbow", "sz-futian", "box-01")
    given = {
        "tenant": box.tenant,
        "store": box.store,
        "box": box.box,
        "stream": "data",
        "name": "a",
        "id": "b",
    }
    templates = [t for t in vars(topics).values() if isinstance(t, str) and t.startswith(topics.ROOT + "/")]
    kinds = {about.kind for t in templates if (about := topics.parse(t.format(**given))) is not None}
    assert len(kinds) == len(templates)
    assert kinds == set(ASYNCAPI["channels"])
    for name, channel in asyncapi.CHANNELS.items():
        about = topics.parse(channel.address.format(**given))
        assert about is not None
        assert about.kind == name


def test_no_schema_holds_words_that_asyncapi_understands_otherwise() -> None:
    """The official parser refuses OpenAPI's `discriminator` object, which pydantic writes."""

    def words(node: Any) -> set[str]:
        if isinstance(node, dict):
            return set(node) | {word for value in node.values() for word in words(value)}
        return {word for item in node for word in words(item)} if isinstance(node, list) else set()

    for name in MODELS:
        assert not words(schema(name)) & {"discriminator", "nullable", "example"}, name


def test_asyncapi_names_the_topics_and_streams_that_the_code_uses() -> None:
    channels = ASYNCAPI["channels"]
    assert ASYNCAPI["asyncapi"] == "3.0.0"
    ours = {topics.STATE, topics.UP, topics.ACK, topics.DOC, topics.CALL, topics.REPLY}
    assert {c["address"] for c in channels.values()} == ours
    for channel in channels.values():
        named = {part[1:-1] for part in channel["address"].split("/") if part.startswith("{")}
        assert set(channel["parameters"]) == named
        if "stream" in named:
            assert set(channel["parameters"]["stream"]["enum"]) == set(STREAMS)
    will = ASYNCAPI["servers"]["broker"]["bindings"]["mqtt"]
    assert will["lastWill"]["topic"] == topics.STATE
    example = BoxIdentity("rainbow", "sz-futian", "box-01")
    assert will["clientId"].format(tenant="rainbow", store="sz-futian", box="box-01") == example.client_id


def test_asyncapi_names_every_schema_and_no_other() -> None:
    messages = ASYNCAPI["components"]["messages"]
    assert {m["name"] for m in messages.values()} == set(MODELS)
    for message in messages.values():
        assert message["payload"]["$ref"] == f"./schemas/{file_name(message['name'])}"
    assert set(MESSAGES) == set(STREAM_OF)


def test_every_reference_in_asyncapi_leads_somewhere() -> None:
    def walk(node: Any) -> list[str]:
        if isinstance(node, dict):
            own = [node["$ref"]] if "$ref" in node else []
            return own + [ref for value in node.values() for ref in walk(value)]
        return [ref for item in node for ref in walk(item)] if isinstance(node, list) else []

    references = walk(ASYNCAPI)
    assert len(references) > 10
    for reference in references:
        if reference.startswith("#/"):
            node = ASYNCAPI
            for step in reference[2:].split("/"):
                node = node[step]
        else:
            assert (ROOT / "sync" / reference).is_file(), reference


def test_the_schema_of_a_minute_explains_the_dwell_bins() -> None:
    zone = schema(MINUTE)["$defs"]["ZoneBody"]["properties"]["dwell"]
    assert "[0, 2, 3, 5, 8, 13" in zone["description"]


def test_the_example_for_the_central_engineer_is_ten_lines() -> None:
    body = ast.parse((ROOT / "docs/examples/subscribe.py").read_text("utf-8")).body[1:]  # without its words
    assert sum((node.end_lineno or 0) - node.lineno + 1 for node in body) <= 10


def test_the_example_for_the_central_engineer_prints_what_boxes_send(mosquitto: Mosquitto) -> None:
    example = subprocess.Popen(
        [sys.executable, str(ROOT / "docs/examples/subscribe.py"), "127.0.0.1", str(mosquitto.port)],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        wait_for(lambda: "SUBSCRIBE" in mosquitto.log.read_text())
        time.sleep(0.1)
        outbox = MemoryOutbox()
        outbox.put_minutes(1)
        with running_box(outbox, mosquitto.url):
            assert example.stdout is not None
            line = example.stdout.readline()
    finally:
        example.kill()
        example.communicate()
    assert line.startswith('rainbow sz-futian box-01 storeedge/minute/1 1 {"start": "2026-')
    assert '"in": 1' in line
