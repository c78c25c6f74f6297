"""Papers that are wrong, on either side: each gives a line of its own that says what to do; nothing is lost,
and nobody tries in a hurry."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from sync.broker import Broker
from sync.mqtt import Down, Happening, Link, Up
from sync.publisher import Publisher
from sync.topics import BoxIdentity
from tests.broker import Mosquitto
from tests.line.hardened import certs, door, hardened, laid_out, make_certs
from tests.line.papers import issue, revoke
from tests.sync.fakes import BACKOFF, FACTS, QUICK, MemoryOutbox, wait_for

__all__ = ["certs", "hardened"]

BOX = BoxIdentity("rainbow", "sz-futian", "box-01")
NAME = "rainbow_sz-futian_box-01"


@contextmanager
def broker_with(tmp_path: Path, certs: Path, name: str, more: str = "") -> Iterator[Mosquitto]:
    broker = laid_out(tmp_path / "etc", certs, name, more)
    broker.start()
    try:
        yield broker
    finally:
        broker.kill()


def assert_told(broker: Broker, kind: str, words: str) -> None:
    """The box says this and that, keeps its rows, and tries a few times only."""
    outbox = MemoryOutbox()
    outbox.put_minutes(5)
    box = Publisher(outbox, BOX, broker, lambda: FACTS, pacing=QUICK, backoff_s=BACKOFF)
    box.start()
    try:
        wait_for(lambda: box.status().trouble == kind, 5, why=box.status)
        status = box.status()
    finally:
        box.stop()
    assert status.last_error is not None
    assert words in status.last_error, status.last_error
    assert (outbox.backlog("data").rows, status.acknowledged) == (5, 0)


def attempts_within(broker: Broker, seconds: float) -> int:
    """With the product's own pauses."""
    link, tries = Link(broker, "hasty"), 0
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for item in link.poll(0.1):
            assert not isinstance(item, Up)
            tries += isinstance(item, Down)
    link.close()
    return tries


def test_a_broker_of_an_unknown_authority(hardened: Mosquitto, certs: Path, tmp_path: Path) -> None:
    assert make_certs(tmp_path, "ca").returncode == 0
    stranger = replace(door(hardened, certs, NAME), ca=str(tmp_path / "ca.crt"))
    assert_told(stranger, "broker_unknown", "`ca` must name the certificate of the authority")
    assert attempts_within(stranger, 2.0) <= 3


@pytest.mark.parametrize(
    ("begins", "ends", "hosts", "kind", "words"),
    [
        (-20, -1, ("localhost",), "broker_expired", "has expired; renew it, or set our clock right"),
        (1, 20, ("localhost",), "broker_early", "our clock is probably behind"),
        (-1, 20, ("broker.example", "10.0.0.5"), "broker_name", "for other names"),
    ],
)
def test_a_broker_whose_certificate_is_wrong(  # noqa: PLR0917
    certs: Path, tmp_path: Path, begins: float, ends: float, hosts: tuple[str, ...], kind: str, words: str
) -> None:
    issue(certs, kind, "broker", begins_days=begins, ends_days=ends, hosts=hosts)
    with broker_with(tmp_path, certs, kind) as broker:
        assert_told(door(broker, certs, NAME), kind, words)


def test_an_address_that_the_certificate_does_not_hold(certs: Path, tmp_path: Path) -> None:
    issue(certs, "other-address", "broker", hosts=("10.0.0.5",))
    with broker_with(tmp_path, certs, "other-address") as broker:
        assert_told(door(broker, certs, NAME, "127.0.0.1"), "broker_name", "for other names")


OURS = {
    "expired": (-20, -1),
    "of next year": (300, 400),
}


@pytest.mark.parametrize(("begins", "ends"), OURS.values(), ids=OURS)
def test_our_certificate_at_a_wrong_time(
    hardened: Mosquitto, certs: Path, begins: float, ends: float
) -> None:
    issue(certs, "late", str(BOX), begins_days=begins, ends_days=ends)
    broker = door(hardened, certs, "late")
    assert_told(broker, "own_certificate", "the broker does not accept our certificate")
    assert attempts_within(broker, 2.0) <= 3


def test_our_certificate_revoked(certs: Path, tmp_path: Path) -> None:
    stolen = issue(certs, "stolen", str(BOX))
    listed = revoke(certs, stolen)
    with broker_with(tmp_path, certs, "broker", f"crlfile {listed}\n") as broker:
        assert_told(door(broker, certs, "stolen"), "own_certificate", "not revoked")
        good = Link(door(broker, certs, NAME), "good")
        seen: list[Happening] = []
        while not seen:
            seen = good.poll(0.2)
        good.close()
        assert isinstance(seen[0], Up)


def test_no_certificate_and_one_of_another_authority(
    hardened: Mosquitto, certs: Path, tmp_path: Path
) -> None:
    own = door(hardened, certs, NAME)
    assert_told(replace(own, cert=None, key=None), "own_certificate", "must be this box's")
    assert make_certs(tmp_path, "ca").returncode == 0
    issue(tmp_path, "foreign", str(BOX))
    foreign = replace(own, cert=str(tmp_path / "foreign.crt"), key=str(tmp_path / "foreign.key"))
    assert_told(foreign, "own_certificate", "issued by the broker's authority")


def test_a_certificate_that_is_not_there(hardened: Mosquitto, certs: Path) -> None:
    assert_told(
        replace(door(hardened, certs, NAME), cert="/nowhere/box.crt"), "own_certificate", "/nowhere/box.crt"
    )


def test_the_certificate_of_another_box(hardened: Mosquitto, certs: Path) -> None:
    assert_told(door(hardened, certs, "rainbow_sz-futian_box-02"), "refused", "Not authorized")
