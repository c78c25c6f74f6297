"""The car park's figures for Prometheus. Counters of cars and coupons begin again each business day."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from edge.parking.status_api import FeedStatus, ParkingStatus, WebhookStatus
from edge.web.parking_figures import held_back


def of_parking(found: ParkingStatus) -> Iterator[Metric]:
    """All of it; what nobody knows is not told."""
    reads = CounterMetricFamily(
        "storeedge_parking_reads", "What came of cars today: issued, or why not", labels=["lane", "result"]
    )
    for lane in found.lanes:
        for result, cars in lane.outcomes.items():
            reads.add_metric([lane.lane, result], cars)
    yield reads
    issued = CounterMetricFamily("storeedge_coupons_issued", "Coupons issued today", labels=["offer"])
    for offer in found.offers:
        issued.add_metric([offer.offer], offer.issued)
    yield issued
    held = CounterMetricFamily("storeedge_coupons_held_back", "Cars without a coupon", labels=["reason"])
    for reason, cars in held_back(found).items():
        held.add_metric([reason], cars)
    yield held
    for name, text, value in (
        ("cars_inside", "Cars that came in and were not seen to leave", found.inside),
        ("parking_unread_ratio", "Share of today's cars whose plate could not be read", found.unread_share),
        ("parking_store_up", "1 while the store takes what parking keeps", float(found.fault is None)),
    ):
        if value is not None:
            yield GaugeMetricFamily(f"storeedge_{name}", text, float(value))
    yield from _of_feeds(found.feeds)
    if found.webhook is not None:
        yield from _of_webhook(found.webhook)


def _of_feeds(feeds: list[FeedStatus]) -> Iterator[Metric]:
    heard = CounterMetricFamily("storeedge_feed_messages", "Messages understood", labels=["feed"])
    refused = CounterMetricFamily("storeedge_feed_refused", "Messages refused", labels=["feed"])
    silent = GaugeMetricFamily("storeedge_feed_silent_seconds", "Since the last message", labels=["feed"])
    for feed in feeds:
        heard.add_metric([feed.feed], feed.heard)
        refused.add_metric([feed.feed], feed.refused)
        if feed.silent_s is not None:
            silent.add_metric([feed.feed], feed.silent_s)
    yield from (heard, refused, silent)


def _of_webhook(hook: WebhookStatus) -> Iterator[Metric]:
    yield GaugeMetricFamily(
        "storeedge_webhook_backlog", "Coupons that the parking system does not know yet", float(hook.waiting)
    )
    yield GaugeMetricFamily(
        "storeedge_webhook_up", "0 while tries to tell it fail", float(hook.failing_s is None)
    )
    told = CounterMetricFamily(
        "storeedge_webhook_coupons", "Coupons by what came of telling", labels=["told"]
    )
    for name, count in (("yes", hook.told), ("refused", hook.refused), ("given_up", hook.given_up)):
        told.add_metric([name], count)
    yield told
