"""`GET /api/v1/parking`: how the car park's part is doing, and what came of today's cars."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter
from pydantic import BaseModel, Field

from edge.parking.car_park import CarPark
from edge.store.database import reading
from edge.store.parking import counts


class FeedStatus(BaseModel):
    """A feed of a parking system or camera."""

    feed: str
    heard: int = Field(description="Messages that were understood since the start.")
    refused: int
    silent_s: float | None = Field(description="Since the last one that was understood; null: none yet.")
    fault: str | None = Field(description="Why the last one was refused; null: it was not.")


class WebhookStatus(BaseModel):
    """The way back to the parking system. The counts are since the start."""

    waiting: int
    told: int
    refused: int
    given_up: int
    fault: str | None


class LaneOutcomes(BaseModel):
    """What came of a lane's cars today."""

    lane: str = Field(description="Empty: where a fee was asked for elsewhere.")
    outcomes: dict[str, int] = Field(description="`issued`, or why not.")


class ParkingStatus(BaseModel):
    """The car park now and today."""

    inside: int = Field(description="Cars that came in and were not seen to leave.")
    lanes: list[LaneOutcomes]
    feeds: list[FeedStatus]
    webhook: WebhookStatus | None = Field(description="Null: the site file names none.")
    fault: str | None = Field(description="Why the store refuses what parking keeps; null: it takes it.")


def parking_status(park: CarPark, today: Callable[[], tuple[float, float]]) -> APIRouter:
    """today: the business day's begin and end, UTC seconds."""
    router = APIRouter(prefix="/api/v1")

    @router.get("/parking")
    def get_parking() -> ParkingStatus:
        """How the car park's part is doing, and what came of today's cars."""
        with reading(park.database) as connection:
            found = counts(connection, *today())
        lanes: dict[str, dict[str, int]] = {}
        for (lane, outcome), cars in found.items():
            lanes.setdefault(lane, {})[outcome] = cars
        return ParkingStatus(
            inside=park.desk.inside,
            lanes=[LaneOutcomes(lane=lane, outcomes=outcomes) for lane, outcomes in sorted(lanes.items())],
            feeds=[_feed(park, name) for name in park.feeds],
            webhook=_webhook(park),
            fault=park.desk.fault,
        )

    return router


def _feed(park: CarPark, name: str) -> FeedStatus:
    state = park.feeds[name]
    silent = None if state.last_at is None else max(0.0, park.now() - state.last_at)
    return FeedStatus(feed=name, heard=state.heard, refused=state.refused, silent_s=silent, fault=state.fault)


def _webhook(park: CarPark) -> WebhookStatus | None:
    hook = park.webhook
    if hook is None:
        return None
    told = hook.counts
    return WebhookStatus(
        waiting=hook.waiting,
        told=told["yes"],
        refused=told["refused"],
        given_up=told["given_up"],
        fault=hook.fault,
    )
