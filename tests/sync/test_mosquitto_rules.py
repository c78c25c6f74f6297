"""Debian's mosquitto with our configuration, rules and certificates: who may say and hear what."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from sync.hub.receiver import Hub
from sync.hub.sqlite import SqliteLedger
from sync.hub.totals import totals
from sync.mqtt import Arrived, Confirmed, Down, Link, Subscribed, Up
from sync.publisher import Publisher
from sync.topics import BoxIdentity
from tests.broker import Mosquitto
from tests.line.hardened import certs, door, hardened, make_certs, until
from tests.sync.fakes import BACKOFF, FACTS, QUICK, MemoryOutbox, wait_for

__all__ = ["certs", "hardened"]

ONE = BoxIdentity("rainbow", "sz-futian", "box-01")
TWO = BoxIdentity("rainbow", "sz-futian", "box-02")


@pytest.fixture
def connect(hardened: Mosquitto, certs: Path) -> Iterator[Callable[[str], Link]]:
    links: list[Link] = []

    def connected(name: str) -> Link:
        link = Link(door(hardened, certs, name), f"test:{name}:{len(links)}")
        links.append(link)
        seen = until(link, Up)
        assert not any(isinstance(item, Down) for item in seen), seen
        return link

    yield connected
    for link in links:
        link.close()


def refusal(link: Link, topic: str) -> str | None:
    token = link.publish(topic, "{}")
    seen = until(link, Confirmed)
    assert not any(isinstance(item, Down) for item in seen), seen
    return next(h.refusal for h in seen if isinstance(h, Confirmed) and h.token == token)


@pytest.mark.parametrize(
    ("topic", "allowed"),
    [
        (ONE.up("data"), True),
        (ONE.up("trigger"), True),
        (ONE.state, True),
        (ONE.reply("c-1"), True),
        (ONE.ack("data"), False),
        (ONE.doc("offers"), False),
        (ONE.call("c-1"), False),
        (TWO.up("data"), False),
        (TWO.reply("c-1"), False),
        (TWO.doc("offers"), False),
        (TWO.call("c-1"), False),
        (TWO.state, False),
        (TWO.ack("data"), False),
        ("storeedge/1/rainbow/sz-futian/state", False),
        ("anything/else", False),
    ],
)
def test_a_box_writes_only_its_own_state_and_up(
    connect: Callable[[str], Link], topic: str, allowed: bool
) -> None:
    assert refusal(connect("rainbow_sz-futian_box-01"), topic) == (None if allowed else "Not authorized")


def test_a_box_hears_only_its_own_down(connect: Callable[[str], Link]) -> None:
    one, two, hub = (
        connect(name) for name in ("rainbow_sz-futian_box-01", "rainbow_sz-futian_box-02", "hub")
    )
    for box in (one, two):
        box.subscribe(["#", "storeedge/1/#", ONE.ack("data"), TWO.ack("data"), ONE.up("data"), ONE.state])
        until(box, Subscribed)
    assert refusal(one, ONE.up("data")) is None
    assert refusal(one, ONE.state) is None
    assert refusal(hub, ONE.ack("data")) is None
    assert refusal(hub, TWO.ack("data")) is None
    heard = {
        box: {h.topic for h in until(box, Arrived) + box.poll(0.3) if isinstance(h, Arrived)}
        for box in (one, two)
    }
    assert heard == {one: {ONE.ack("data")}, two: {TWO.ack("data")}}


def test_a_hostile_box_hears_no_document_and_no_answer_of_another(connect: Callable[[str], Link]) -> None:
    """Not with a wildcard, not when it was kept before, not when it comes live."""
    hub = connect("hub")
    for box in (ONE, TWO):
        token = hub.publish(box.doc("member-keys"), "{}", retain=True)
        seen = until(hub, Confirmed)
        assert next(h.refusal for h in seen if isinstance(h, Confirmed) and h.token == token) is None
    hostile = connect("rainbow_sz-futian_box-01")
    hostile.subscribe(
        ["storeedge/#", "+/+/+/+/+/down/#", TWO.doc("+"), TWO.call("+"), TWO.reply("+"), ONE.doc("+")]
    )
    happened = until(hostile, Subscribed)
    for topic in (TWO.call("c-1"), TWO.doc("offers"), ONE.call("c-2")):
        assert refusal(hub, topic) is None
    for _ in range(4):
        happened += hostile.poll(0.3)
    heard = {h.topic for h in happened if isinstance(h, Arrived)}
    assert heard == {ONE.doc("member-keys"), ONE.call("c-2")}


def test_the_hub_hears_all_boxes_and_cannot_speak_for_one(connect: Callable[[str], Link]) -> None:
    hub, one, two = (
        connect(name) for name in ("hub", "rainbow_sz-futian_box-01", "rainbow_sz-futian_box-02")
    )
    hub.subscribe(["storeedge/1/+/+/+/up/#"])
    until(hub, Subscribed)
    assert (refusal(one, ONE.up("data")), refusal(two, TWO.up("data"))) == (None, None)
    heard = [h for h in until(hub, Arrived) + hub.poll(0.3) if isinstance(h, Arrived)]
    assert sorted(h.topic for h in heard) == [ONE.up("data"), TWO.up("data")]
    for message in heard:
        hub.confirm(message.receipt)
    assert refusal(hub, ONE.up("data")) == "Not authorized"
    assert refusal(hub, ONE.state) == "Not authorized"


def test_nobody_gets_in_without_a_certificate_of_ours(
    hardened: Mosquitto, certs: Path, tmp_path: Path
) -> None:
    own = door(hardened, certs, "hub")
    assert make_certs(tmp_path, "ca").returncode == 0
    assert make_certs(tmp_path, "hub").returncode == 0
    strangers = {
        "no certificate": replace(own, cert=None, key=None),
        "another authority's": replace(own, cert=str(tmp_path / "hub.crt"), key=str(tmp_path / "hub.key")),
        "a password": replace(own, cert=None, key=None, username="hub", password="hub"),
    }
    for who, stranger in strangers.items():
        link = Link(stranger, "stranger")
        seen = until(link, Down)
        link.close()
        assert not any(isinstance(item, Up) for item in seen), who


def test_a_box_does_not_talk_to_a_broker_that_our_authority_does_not_know(
    hardened: Mosquitto, certs: Path, tmp_path: Path
) -> None:
    assert make_certs(tmp_path, "ca").returncode == 0
    link = Link(replace(door(hardened, certs, "hub"), ca=str(tmp_path / "ca.crt")), "careful")
    down = next(item for item in until(link, Down) if isinstance(item, Down))
    link.close()
    assert "CERTIFICATE_VERIFY_FAILED" in down.reason


def test_a_certificate_that_cannot_be_read_is_named(hardened: Mosquitto, certs: Path) -> None:
    link = Link(replace(door(hardened, certs, "hub"), cert="/nowhere/box.crt"), "lost")
    down = next(item for item in until(link, Down) if isinstance(item, Down))
    link.close()
    assert "/nowhere/box.crt" in down.reason


def test_box_and_hub_work_through_the_hardened_broker(
    hardened: Mosquitto, certs: Path, tmp_path: Path
) -> None:
    outbox = MemoryOutbox()
    outbox.put_minutes(50)
    ledger = SqliteLedger(tmp_path / "hub.db")
    hub = Hub(door(hardened, certs, "hub"), ledger, backoff_s=BACKOFF)
    thread = threading.Thread(target=hub.run)
    thread.start()
    box = Publisher(
        outbox,
        ONE,
        door(hardened, certs, "rainbow_sz-futian_box-01"),
        lambda: FACTS,
        pacing=QUICK,
        backoff_s=BACKOFF,
    )
    box.start()
    try:
        wait_for(outbox.empty, why=box.status)
    finally:
        box.stop()
        hub.stop()
        thread.join(10)
        ledger.close()
    assert [(t.box, t.minutes) for t in totals(tmp_path / "hub.db")] == [(ONE, 50)]


def test_a_refused_box_keeps_its_rows_and_says_why(hardened: Mosquitto, certs: Path) -> None:
    outbox = MemoryOutbox()
    outbox.put_minutes(5)
    box = Publisher(
        outbox,
        TWO,
        door(hardened, certs, "rainbow_sz-futian_box-01"),  # the wrong box's certificate
        lambda: FACTS,
        pacing=QUICK,
        backoff_s=BACKOFF,
    )
    box.start()
    try:
        wait_for(lambda: "Not authorized" in (box.status().last_error or ""), why=box.status)
        time.sleep(1.0)
        status = box.status()
    finally:
        box.stop()
    assert status.last_error is not None
    assert TWO.state in status.last_error or TWO.up("data") in status.last_error
    assert (outbox.backlog("data").rows, status.acknowledged) == (5, 0)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("box", "Rainbow", "sz", "box-01"), "'Rainbow' must be of a-z"),
        (("box", "a/b", "sz", "box-01"), "'a/b' must be of a-z"),
        (("box", "t" * 30, "s" * 30, "box-01"), "longer than the 64"),
        (("ca",), "would lock all boxes out"),
    ],
)
def test_make_certs_refuses_what_would_not_work(certs: Path, words: tuple[str, ...], complaint: str) -> None:
    done = make_certs(certs, *words)
    assert done.returncode == 1
    assert complaint in done.stderr


def test_keys_are_for_their_owner_only(certs: Path) -> None:
    modes = {path.name: oct(path.stat().st_mode & 0o777) for path in certs.glob("*.key")}
    assert set(modes.values()) == {"0o600"}, modes
    assert os.access(certs / "ca.crt", os.R_OK)
