"""A car park's parking system, simulated: barriers, orders and fees, that speaks with a box like a real one.

It pushes what its barriers see to the box's feed, asks at the exit whether there is a coupon, takes what the
box's webhook tells it, and lets every car out, whether the box answers or not. It knows the truth: who was in
for how long, and which coupon took off what.
"""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import urlsplit

FEE_PER_HOUR: Final = 6.0
ASK_S: Final = 1.0
"""The barrier waits no longer for the box."""


@dataclass(slots=True)
class Order:
    """One car's stay, as the parking system has it in its books."""

    number: str
    plate: str
    lane: str
    entered_at: float
    """UTC seconds by the parking system's clock."""
    left_at: float | None = None
    coupons: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    """What was given, by its number: the same again changes nothing."""
    fee: float | None = None

    def owed(self, at: float) -> float:
        """The fee in money, less the coupons."""
        hours = (at - self.entered_at) / 3600
        for coupon in self.coupons.values():
            if coupon["kind"] == "minutes":
                hours -= coupon["value"] / 60
        fee = max(0.0, hours) * FEE_PER_HOUR
        for coupon in self.coupons.values():
            match coupon["kind"]:
                case "amount":
                    fee -= coupon["value"]
                case "percent":
                    fee *= 1 - coupon["value"] / 100
                case "free":
                    fee = 0.0
        return round(max(0.0, fee), 2)


class Lot:
    """The parking system. In a `with` block its webhook listens on `url`."""

    def __init__(self, *, clock: Callable[[], float] = time.time, patience_s: float = ASK_S) -> None:
        """patience_s: how long the barrier waits for the box."""
        self._clock, self._patience_s = clock, patience_s
        self._box: tuple[str, str] | None = None
        self.orders: dict[str, Order] = {}
        """By number, also of cars that have left."""
        self.offline = False
        """While True, events are kept and pushed later."""
        self.answers: list[Mapping[str, Any]] = []
        """What the box said to each push."""
        self.unheard = 0
        """Pushes that the box did not take; they are pushed again later."""
        self.told = 0
        """What came by the webhook, repetitions too."""
        self._kept: list[dict[str, Any]] = []
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))

    @property
    def url(self) -> str:
        """Of the webhook."""
        return f"http://127.0.0.1:{self._server.server_port}/coupon"

    def connect(self, feed_url: str, secret: str) -> None:
        """Push to this feed of a box from now on."""
        self._box = (feed_url, secret)

    def __enter__(self) -> Lot:
        threading.Thread(target=self._server.serve_forever, daemon=True, name="lot").start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    # -- what drivers do --------------------------------------------------------------------------------

    def drive_in(self, plate: str, lane: str = "1", *, ago_s: float = 0.0) -> Order:
        """A car comes in, now or some time ago."""
        with self._lock:
            order = Order(f"o{len(self.orders) + 1}", plate, lane, self._clock() - ago_s)
            self.orders[order.number] = order
        self._push("entry", order, lane, order.entered_at)
        return order

    def drive_out(self, order: Order, lane: str = "2", *, read_as: str | None = None) -> float:
        """The car comes to the exit, its fee is asked for, paid and the barrier opens; what was paid.
        read_as: how the camera there reads its plate."""
        now = self._clock()
        answer = self._push("price", order, lane, now, plate=read_as)
        for result in (answer or {}).get("results", ()):
            if result.get("coupon"):
                self._redeem(order, result["coupon"])
        order.left_at, order.fee = now, order.owed(now)
        self._push("paid", order, lane, now, amount=order.fee)
        self._push("exit", order, lane, now, plate=read_as, amount=order.fee)
        return order.fee

    def come_back(self) -> None:
        """The line is there again: push what was kept, in order, as told late."""
        self.offline = False
        kept, self._kept = self._kept, []
        for event in kept:
            self._send(event | {"offline": True})

    # -- the wire ---------------------------------------------------------------------------------------

    def _push(self, what: str, order: Order, lane: str, at: float, **more: Any) -> Mapping[str, Any] | None:
        event = {
            "event": what, "id": order.number, "lane": lane, "plate": order.plate,
            "at": datetime.fromtimestamp(at, UTC).isoformat(),
            "parked_seconds": max(0.0, at - order.entered_at),
        } | {name: value for name, value in more.items() if value is not None}  # fmt: skip
        if what == "entry":
            del event["parked_seconds"]
        return self._send(event)

    def _send(self, event: dict[str, Any]) -> Mapping[str, Any] | None:
        if self.offline or self._box is None:
            self._kept.append(event)
            return None
        url, secret = urlsplit(self._box[0]), self._box[1]
        connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=self._patience_s)
        try:
            headers = {"content-type": "application/json", "authorization": f"Bearer {secret}"}
            connection.request("POST", url.path, json.dumps(event), headers)
            response = connection.getresponse()
            body = response.read()
            answer: Mapping[str, Any] | None = json.loads(body) if response.status == 200 else None
        except (OSError, http.client.HTTPException, ValueError):
            answer = None
        finally:
            connection.close()
        if answer is None:
            self.unheard += 1
            self._kept.append(event)
        else:
            self.answers.append(answer)
        return answer

    def hear(self, message: Mapping[str, Any]) -> bool:
        """What the box's webhook tells: a coupon for a stay. Whether there is such a stay."""
        self.told += 1
        with self._lock:
            found = [
                order
                for order in self.orders.values()
                if order.left_at is None
                and (order.number == message["stay"] or order.plate == message["plate"])
            ]
        for order in found:
            self._redeem(order, message)
        return bool(found)

    def _redeem(self, order: Order, coupon: Mapping[str, Any]) -> None:
        with self._lock:
            order.coupons.setdefault(str(coupon["request_no"]), coupon)


def _handler(lot: Lot) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            lot.hear(body)
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            return

    return Handler
