"""`GET /api/v1/parking`: how the car park's part is doing, and what came of today's cars."""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

from fastapi import APIRouter
from pydantic import BaseModel, Field

from edge.parking.car_park import CarPark
from edge.store.database import reading
from edge.store.parking import counts, parking_day
from pipelines.layout import LaneDirection


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
    failing_s: float | None = Field(
        description="Since the first failed try after the last answer; null: none."
    )
    fault: str | None


class LaneOutcomes(BaseModel):
    """What came of a lane's cars today."""

    lane: str = Field(description="Empty: where a fee was asked for elsewhere.")
    outcomes: dict[str, int] = Field(description="`issued`, or why not.")


class OfferIssued(BaseModel):
    """Coupons of one offer today."""

    offer: str
    issued: int
    headline: dict[str, str] = Field(description="By language; empty: no rule of this moment has it.")


class ParkingStatus(BaseModel):
    """The car park now and today."""

    inside: int | None = Field(
        description="Cars that came in and were not seen to leave; null: nobody tells of both."
    )
    cars_in: int | None = Field(description="Today, those unread too; null: nobody tells of them.")
    cars_out: int | None
    unread_share: float | None = Field(
        description="Of today's cars in and out, those whose plate could not be read; null: no cars."
    )
    offers: list[OfferIssued] = Field(description="Issued today, the most first.")
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
        return parking_now(park, *today())

    return router


def parking_now(park: CarPark, begin: float, end: float) -> ParkingStatus:
    """The same for a page: the present, and the day between begin and end, UTC seconds. Raises StoreError."""
    with reading(park.database) as connection:
        found, day = counts(connection, begin, end), parking_day(connection, begin, end)
    lanes: dict[str, dict[str, int]] = {}
    for (lane, outcome), cars in found.items():
        lanes.setdefault(lane, {})[outcome] = cars
    unread = {
        way: sum(day.unread.get(lane, 0) for lane in park.lanes_of(way)) for way in get_args(LaneDirection)
    }
    came, went = day.entered + unread["entry"], day.left + unread["exit"]
    hears_in, hears_out = park.hears("entry"), park.hears("exit")
    offers = park.desk.offers
    return ParkingStatus(
        inside=park.desk.inside if park.desk.inside or (hears_in and hears_out) else None,
        cars_in=came if came or hears_in else None,
        cars_out=went if went or hears_out else None,
        unread_share=sum(unread.values()) / (came + went) if came + went else None,
        offers=[
            OfferIssued(
                offer=offer,
                issued=issued,
                headline=dict(offers[offer].headline) if offer in offers else {},
            )
            for offer, issued in day.offers.items()
        ],
        lanes=[LaneOutcomes(lane=lane, outcomes=outcomes) for lane, outcomes in sorted(lanes.items())],
        feeds=[_feed(park, name) for name in park.feeds],
        webhook=_webhook(park),
        fault=park.desk.fault,
    )


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
        failing_s=None if hook.failing is None else max(0.0, park.now() - hook.failing[0]),
        fault=hook.fault,
    )
