"""A parking system outside the box, with an exact truth: every car that it told of until the box had heard.

What the box answered with success must be at the centre exactly once, whoever was killed in between.
"""

from __future__ import annotations

import http.client
import json
import threading
from dataclasses import dataclass, field
from typing import Any

from edge.demo.cars import Cars

STAY_S = 7200.0
EVERY_S = 0.4


@dataclass(slots=True)
class Car:
    """One stay."""

    number: str
    plate: str
    member: bool
    answered: set[str] = field(default_factory=set)
    """Of `entry` and `exit`, what the box has answered with success."""
    coupons: dict[str, str] = field(default_factory=dict)
    """What the box named in its answers: key to offer."""


class ParkingSystem:
    """Drives cars in and out, one after the other, in a thread of its own."""

    def __init__(self, port: int, secret: str, cars: Cars) -> None:
        self._port, self._secret, self._cars = port, secret, cars
        self.driven: list[Car] = []
        self.tries = 0
        """Requests, answered or not."""
        self._done, self._gone = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._drive, name="parking system", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def finish(self, patience_s: float = 60.0) -> None:
        """Let the car that is under way out; no more come."""
        self._done.set()
        self._thread.join(patience_s)
        assert not self._thread.is_alive(), "the box does not answer the parking system"

    def abandon(self) -> None:
        """Stop at once, whether the box has answered or not."""
        self._done.set()
        self._gone.set()

    def _drive(self) -> None:
        while not self._done.wait(EVERY_S):
            number = len(self.driven)
            member = number % 3 == 2
            plate = self._cars.member() if member else self._cars.guest()
            car = Car(f"o{number}", plate, member)
            self.driven.append(car)
            self._tell(car, "entry", lane="1")
            self._tell(car, "exit", lane="2", parked_seconds=STAY_S)

    def _tell(self, car: Car, event: str, **more: Any) -> None:
        """Again and again until the box has answered, as parking systems do."""
        message = json.dumps({"event": event, "id": car.number, "plate": car.plate} | more)
        while (answer := self._post(message)) is None or _refused(answer):
            if self._gone.wait(0.3):
                return
        car.answered.add(event)
        for result in answer["results"]:
            if result["coupon"] is not None:
                car.coupons[result["coupon"]["request_no"]] = result["coupon"]["offer"]

    def _post(self, message: str) -> dict[str, Any] | None:
        self.tries += 1
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=5)
        headers = {"content-type": "application/json", "authorization": f"Bearer {self._secret}"}
        try:
            connection.request("POST", "/api/v1/parking/lot", message, headers)
            response = connection.getresponse()
            body = response.read()
            found: dict[str, Any] | None = json.loads(body) if response.status == 200 else None
        except (OSError, http.client.HTTPException, ValueError):
            return None
        finally:
            connection.close()
        return found


def _refused(answer: dict[str, Any]) -> bool:
    """The store did not take it: no success, to be told again."""
    return any(result["result"] == "not_stored" for result in answer["results"])
