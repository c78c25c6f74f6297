"""Tells the site's own parking system of a coupon, so that its barrier asks for less.

What is told names the car, so it is in memory only: a restart gives up what was not told yet, and says so in
the books. A thread of its own does the telling, one coupon at a time, again and again with growing pauses
until the parking system answers or the coupon is worth nothing any more. A parking system that is dead, slow
or never ends its answer delays nothing else.
"""

from __future__ import annotations

import http.client
import json
import logging
import socket
import ssl
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

from edge.log import fields
from edge.parking.gatehouse import Deduction
from edge.store.parking import Told
from pipelines.coupon_rules import Offer
from sync.backoff import Backoff

log = logging.getLogger("edge.parking.webhook")

MOST_WAITING: Final = 256
WHOLE_TRY: Final = 3.0
"""A try may last this many timeouts, however slowly its answer drips."""
PAUSE_S: Final = (1.0, 60.0)
MOST_ANSWER: Final = 65_536
_AGAIN: Final = frozenset({408, 425, 429})
"""Refusals that are none: to be tried again."""
_TICKETS: Final = {"amount": 0, "minutes": 1, "free": 2, "percent": 3}
"""泊链's `ticket_type`."""

Body = Callable[[Deduction], Mapping[str, Any]]


def generic(deduction: Deduction) -> Mapping[str, Any]:
    """Our own shape. `request_no` is the idempotency key: the same again must change nothing."""
    decision, offer = deduction.decision, deduction.offer
    return {
        "request_no": decision.key,
        "stay": deduction.ref,
        "plate": deduction.plate,
        "lane": decision.lane,
        "kind": offer.kind,
        "value": offer.value,
        "offer": offer.id,
        "decided_at": _rfc3339(decision.t),
        "expires_at": _rfc3339(decision.expires_at),
    }


def bolink(deduction: Deduction) -> Mapping[str, Any]:
    """In the manner of 泊链's tickets (research: retail §3); made after the public description."""
    decision, offer = deduction.decision, deduction.offer
    return {
        "service_name": "deliver_ticket",
        "ticket_id": decision.key[:32],
        "order_id": deduction.ref or "",
        "car_number": deduction.plate or "",
        "ticket_type": _TICKETS[offer.kind],
        "create_time": int(decision.t),
        "limit_day": int(decision.expires_at),
    } | _worth(offer)


def _worth(offer: Offer) -> dict[str, Any]:
    match offer.kind:
        case "amount":
            return {"money": offer.value}
        case "minutes":
            return {"duration": offer.value, "duration_type": "minute"}
        case "percent":
            return {"discount": offer.value}
        case "free":
            return {}


SHAPES: Final[Mapping[str, Body]] = {"generic": generic, "bolink": bolink}


def _rfc3339(t: float) -> str:
    return datetime.fromtimestamp(t, UTC).isoformat(timespec="seconds")


@dataclass(slots=True)
class _Waiting:
    deduction: Deduction
    pause: Backoff = field(default_factory=lambda: Backoff(*PAUSE_S))
    at: float = 0.0
    """Monotonic seconds of the next try."""


class Webhook:
    """A `Teller`. Safe from any thread; `start` and `stop` once each."""

    def __init__(
        self,
        url: str,
        *,
        clock: Callable[[], float],
        told: Callable[[str, Told], None],
        body: Body = generic,
        secret: str | None = None,
        timeout_s: float = 3.0,
    ) -> None:
        """clock: steady UTC seconds. told: called with a coupon's key and what the parking system knows."""
        self._url = urlsplit(url)
        self._clock, self._told, self._body = clock, told, body
        self._secret, self._timeout_s = secret, timeout_s
        self._waiting: deque[_Waiting] = deque()
        self._changed = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="webhook", daemon=True)
        self.fault: str | None = None
        """Why the last try failed; None: it did not."""
        self.failing: tuple[float, float] | None = None
        """Steady UTC seconds of the first and the newest failure since the last answer; None: none."""
        self.answered_at: float | None = None
        """Of the last answer that is one, also a refusal."""
        self.counts: Counter[Told] = Counter()

    def start(self) -> None:
        """Begin to tell."""
        self._thread.start()

    def stop(self) -> None:
        """Give up what waits; a try under way is not waited for."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()

    def wants(self, deduction: Deduction) -> bool:
        """Whether it says whose fee is meant."""
        return deduction.plate is not None or deduction.ref is not None

    def tell(self, deduction: Deduction) -> None:
        """Tell as soon as may be; the oldest is given up when too many wait."""
        with self._changed:
            over = self._waiting.popleft() if len(self._waiting) >= MOST_WAITING else None
            self._waiting.append(_Waiting(deduction))
            self._changed.notify_all()
        if over is not None:
            self._done(over, "given_up")

    @property
    def waiting(self) -> int:
        """Coupons that the parking system does not know yet."""
        with self._changed:
            return len(self._waiting)

    # -- in its own thread ------------------------------------------------------------------------------

    def _run(self) -> None:
        while (one := self._next()) is not None:
            if self._clock() >= one.deduction.decision.expires_at:
                self._done(one, "given_up")
                continue
            answer = self._try(one.deduction)
            if answer is None:
                one.at = time.monotonic() + one.pause.next()
                with self._changed:
                    self._waiting.append(one)
            else:
                self._done(one, answer)

    def _next(self) -> _Waiting | None:
        """The next that is due; waits for it. None: stop."""
        with self._changed:
            while not self._stopping:
                soonest = min(self._waiting, key=lambda one: one.at, default=None)
                pause = None if soonest is None else soonest.at - time.monotonic()
                if soonest is not None and pause is not None and pause <= 0:
                    self._waiting.remove(soonest)
                    return soonest
                self._changed.wait(pause)
        return None

    def _done(self, one: _Waiting, told: Told) -> None:
        self.counts[told] += 1
        try:
            self._told(one.deduction.decision.key, told)
        except Exception as error:  # noqa: BLE001 - the store may refuse; the telling goes on
            log.error("the books do not say that a coupon was told: %s", error)

    def _try(self, deduction: Deduction) -> Told | None:
        """One request; None: try again."""
        try:
            status = self._post(json.dumps(self._body(deduction), ensure_ascii=False).encode())
        except (OSError, ValueError, http.client.HTTPException) as error:
            self._failed(f"the parking system cannot be reached: {error.__class__.__name__}")
            return None
        if 200 <= status < 300:
            self._answered(None)
            return "yes"
        if 400 <= status < 500 and status not in _AGAIN:
            self._answered(f"the parking system refused a coupon: HTTP {status}")
            return "refused"
        self._failed(f"the parking system answered HTTP {status}")
        return None

    def _answered(self, fault: str | None) -> None:
        self._tell_fault(fault)
        self.answered_at, self.failing = self._clock(), None

    def _failed(self, fault: str) -> None:
        self._tell_fault(fault)
        now = self._clock()
        self.failing = (now if self.failing is None else self.failing[0], now)

    def _tell_fault(self, fault: str | None) -> None:
        if fault is not None and fault != self.fault:
            log.warning("%s", fault, extra=fields(host=self._url.hostname or ""))
        self.fault = fault

    def _post(self, body: bytes) -> int:
        connection = self._connection()
        # The timeout is for each step: an answer that drips would take for ever.
        deadline = threading.Timer(WHOLE_TRY * self._timeout_s, _cut, (connection,))
        deadline.daemon = True
        deadline.start()
        try:
            path = (self._url.path or "/") + (f"?{self._url.query}" if self._url.query else "")
            headers = {"content-type": "application/json; charset=utf-8", "connection": "close"}
            if self._secret is not None:
                headers["authorization"] = f"Bearer {self._secret}"
            connection.request("POST", path, body, headers)
            response = connection.getresponse()
            response.read(MOST_ANSWER)
            return response.status
        finally:
            deadline.cancel()
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        host, port = self._url.hostname or "", self._url.port
        if self._url.scheme == "https":
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(host, port, timeout=self._timeout_s, context=context)
        return http.client.HTTPConnection(host, port, timeout=self._timeout_s)


def _cut(connection: http.client.HTTPConnection) -> None:
    with suppress(OSError, AttributeError):
        connection.sock.shutdown(socket.SHUT_RDWR)
