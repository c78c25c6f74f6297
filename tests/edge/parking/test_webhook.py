"""The parking system is told of a coupon, however dead or slow it is, and nothing waits for it."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from edge.parking import webhook as module
from edge.parking.gatehouse import Deduction
from edge.parking.webhook import MOST_WAITING, SHAPES, Webhook, bolink
from pipelines.coupon_rules import Offer, OfferKind
from pipelines.coupons import Decision
from tests.edge.parking.build import PLATE

NOW = 1_790_000_000.0


def deduction(key: str = "a" * 64, kind: OfferKind = "minutes", expires: float = 1800.0) -> Deduction:
    decision = Decision(
        key, "s1", "exit", "exit-1", NOW, 1, "r", "o", None, NOW + expires, "v", None, 3600.0, 0
    )
    return Deduction(decision, Offer("o", kind, 120.0), "lot", "order 7", PLATE)


class Lot:
    """A parking system that answers as it is told to."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.heard: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        lot = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                lot.heard.append(json.loads(body))
                lot.headers.append({name.lower(): value for name, value in self.headers.items()})
                self.send_response(lot.statuses.pop(0) if len(lot.statuses) > 1 else lot.statuses[0])
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/coupon?lot=1"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAUSE_S", (0.02, 0.05))


@contextmanager
def hook(
    url: str, clock: Callable[[], float] = lambda: NOW, **more: Any
) -> Iterator[tuple[Webhook, list[Any]]]:
    told: list[Any] = []
    made = Webhook(url, clock=clock, told=lambda key, how: told.append((key[0], how)), **more)
    made.start()
    yield made, told
    made.stop()


def until(true: Callable[[], bool], seconds: float = 5.0) -> None:
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.005)
    assert true()


def test_a_coupon_is_told_with_its_key_and_whose_fee_is_meant() -> None:
    lot = Lot(200)
    with hook(lot.url, secret="0123456789abcdef") as (webhook, told):
        webhook.tell(deduction())
        until(lambda: told == [("a", "yes")])
    [body] = lot.heard
    assert (body["request_no"], body["plate"], body["stay"]) == ("a" * 64, PLATE, "order 7")
    assert (body["kind"], body["value"], body["expires_at"]) == (
        "minutes",
        120.0,
        "2026-09-21T14:43:20+00:00",
    )
    assert lot.headers[0]["authorization"] == "Bearer 0123456789abcdef"
    lot.close()


@pytest.mark.parametrize(
    ("statuses", "how", "tries"),
    [
        pytest.param((503, 500, 429, 200), "yes", 4, id="comes back"),
        pytest.param((400,), "refused", 1, id="refuses"),
        pytest.param((302, 200), "yes", 2, id="no redirection is followed"),
    ],
)
@pytest.mark.usefixtures("quick")
def test_it_is_told_again_until_it_answers(statuses: tuple[int, ...], how: str, tries: int) -> None:
    lot = Lot(*statuses)
    with hook(lot.url) as (webhook, told):
        webhook.tell(deduction())
        until(lambda: told == [("a", how)])
    assert len(lot.heard) == tries
    assert {body["request_no"] for body in lot.heard} == {"a" * 64}
    lot.close()


@pytest.mark.usefixtures("quick")
def test_a_coupon_that_has_expired_is_given_up() -> None:
    lot, now = Lot(500), [NOW]
    with hook(lot.url, lambda: now[0]) as (webhook, told):
        webhook.tell(deduction())
        until(lambda: len(lot.heard) >= 2)
        assert webhook.fault == "the parking system answered HTTP 500"
        now[0] += 1800
        until(lambda: told == [("a", "given_up")])
        assert (webhook.waiting, webhook.counts) == (0, {"given_up": 1})
    lot.close()


@contextmanager
def silent_server(drip: bytes) -> Iterator[str]:
    """Accepts, and then says nothing, or a byte now and then, for ever."""
    listener = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()
    open_ones: list[socket.socket] = []

    def accept() -> None:
        while not stop.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            open_ones.append(connection)
            threading.Thread(target=dribble, args=(connection,), daemon=True).start()

    def dribble(connection: socket.socket) -> None:
        while drip and not stop.wait(0.05):
            try:
                connection.sendall(drip)
            except OSError:
                return

    threading.Thread(target=accept, daemon=True).start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
    stop.set()
    listener.close()
    for connection in open_ones:
        connection.close()


@pytest.mark.parametrize(
    "drip", [b"", b"x-drip: 1\r\n", b"H"], ids=["silent", "endless headers", "endless line"]
)
@pytest.mark.usefixtures("quick")
def test_a_server_that_never_answers_delays_nobody(drip: bytes) -> None:
    with silent_server(drip) as url, hook(url, timeout_s=0.15) as (webhook, told):
        began = time.monotonic()
        for number in range(50):
            webhook.tell(deduction(f"{number:064x}"))
        spent = time.monotonic() - began
        assert spent < 0.1, f"{spent:.3f} s for 50 coupons"
        until(lambda: webhook.fault is not None)
        assert told == []
        assert webhook.waiting >= 49


def test_of_too_many_that_wait_the_oldest_is_given_up() -> None:
    told: list[Any] = []
    webhook = Webhook("http://127.0.0.1:9/", clock=lambda: NOW, told=lambda key, how: told.append((key, how)))
    for number in range(MOST_WAITING + 2):
        webhook.tell(deduction(f"{number:064x}"))
    assert webhook.waiting == MOST_WAITING
    assert told == [(f"{number:064x}", "given_up") for number in range(2)]


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("amount", {"ticket_type": 0, "money": 120.0}),
        ("minutes", {"ticket_type": 1, "duration": 120.0, "duration_type": "minute"}),
        ("free", {"ticket_type": 2}),
        ("percent", {"ticket_type": 3, "discount": 120.0}),
    ],
)
def test_every_kind_of_offer_has_a_ticket(kind: OfferKind, fields: dict[str, Any]) -> None:
    ticket = bolink(deduction(kind=kind))
    assert {name: ticket[name] for name in fields} == fields
    assert (ticket["car_number"], ticket["order_id"]) == (PLATE, "order 7")


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_is_json(shape: str) -> None:
    assert json.loads(json.dumps(SHAPES[shape](deduction())))


def test_nothing_printed_holds_the_plate() -> None:
    assert PLATE not in repr(deduction())
