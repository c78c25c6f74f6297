"""/healthz: 200 only when counting really works; /metrics: the same figures for Prometheus."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, get_args

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from edge.clock_trust import Trust
from edge.web import figures, models, status
from edge.web.disk_metrics import of_disk
from edge.web.look import Observer
from edge.web.parking_metrics import of_parking
from edge.web.trust import BREAKING, at

UP: Final = {"online": 1.0}


def health(observer: Observer) -> APIRouter:
    """Both routes of one box."""
    router = APIRouter()
    registry = CollectorRegistry()
    registry.register(Figures(observer))

    @router.get("/healthz", responses={503: {"model": models.Health}})
    def get_health(response: Response) -> models.Health:
        """Whether counting works now. 503 when the engine is down, a camera gives no frames or the store does
        not take minutes; a slow line to the centre is told but is no reason to restart anything."""
        look = observer.look()
        found = status.trust(look, observer.site)
        healthy = not any(problem.code in BREAKING for problem in found)
        response.status_code = 200 if healthy else 503
        response.headers["cache-control"] = "no-store"
        return models.Health(healthy=healthy, problems=found, checked_at=at(look.now))

    @router.get("/metrics", include_in_schema=False)
    def get_metrics() -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return router


class Figures(Collector):
    """The box's figures, read at the moment of asking. Counters of people begin again each business day."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer

    def describe(self) -> list[Metric]:
        """Nothing is asked of the store at registration."""
        return []

    def collect(self) -> Iterator[Metric]:
        """All figures of one look."""
        look, site = self._observer.look(), self._observer.site
        cameras = status.cameras(look, site).cameras
        yield from _of_cameras(cameras, {name: live.frames for name, live in look.live.cameras.items()})
        yield from _of_people(figures.gates(look, site).gates, figures.zones(look, site).zones)
        yield from _of_sync(status.sync(look))
        yield from of_disk(look.live.disk)
        if self._observer.parking is not None:
            yield from of_parking(self._observer.parking(look.day.begin, look.day.end))
        yield GaugeMetricFamily(
            "storeedge_engine_up", "1 while the engine runs", float(look.live.engine.alive)
        )
        yield CounterMetricFamily(
            "storeedge_engine_restarts", "Restarts of the engine", float(look.live.engine.restarts)
        )
        trust = GaugeMetricFamily(
            "storeedge_clock", "1 for how far the box's time is trusted now", labels=["trust"]
        )
        for level in get_args(Trust):
            trust.add_metric([level], float(look.live.clock_trust == level))
        yield trust
        yield GaugeMetricFamily(
            "storeedge_clock_agrees",
            "1 while the system's clock shows the time that is counted by",
            float(look.live.clock_trusted),
        )
        yield GaugeMetricFamily(
            "storeedge_untimed_minutes",
            "Minutes that were counted and whose time of day is not known",
            float(look.live.untimed_minutes),
        )
        if look.last_minute is not None:
            yield GaugeMetricFamily(
                "storeedge_last_minute_timestamp_seconds", "Newest committed minute", float(look.last_minute)
            )


def _of_cameras(cameras: list[models.Camera], frames: dict[str, int]) -> Iterator[Metric]:
    total = CounterMetricFamily("storeedge_frames", "Frames analysed since the start", labels=["camera"])
    gauges = {
        name: GaugeMetricFamily(f"storeedge_{name}", text, labels=["camera"])
        for name, text in (
            ("camera_up", "1 while the camera gives frames"),
            ("camera_fps", "Frames analysed a second"),
            ("camera_last_frame_age_seconds", "Age of the newest frame"),
            ("persons", "People in view"),
            ("coverage_ratio", "Observed share of today's opening hours so far"),
        )
    }
    for camera in cameras:
        total.add_metric([camera.camera], frames[camera.camera])
        for name, value in (
            ("camera_up", UP.get(camera.state, 0.0)),
            ("camera_fps", camera.fps),
            ("camera_last_frame_age_seconds", camera.last_frame_age),
            ("persons", camera.persons),
            ("coverage_ratio", camera.coverage),
        ):
            if value is not None:
                gauges[name].add_metric([camera.camera], value)
    yield total
    yield from gauges.values()


def _of_people(gates: list[models.Gate], zones: list[models.Zone]) -> Iterator[Metric]:
    crossings = CounterMetricFamily(
        "storeedge_crossings", "People through a gate today", labels=["camera", "gate", "direction"]
    )
    for gate in gates:
        for direction, count in (("in", gate.entries), ("out", gate.exits)):
            if count is not None:
                crossings.add_metric([gate.camera, gate.gate, direction], count)
    visits = CounterMetricFamily("storeedge_visits", "Visits to a zone today", labels=["camera", "zone"])
    for zone in zones:
        if zone.visits is not None:
            visits.add_metric([zone.camera, zone.zone], zone.visits)
    yield from (crossings, visits)


def _of_sync(sync: models.Sync) -> Iterator[Metric]:
    rows = GaugeMetricFamily("storeedge_backlog_rows", "Messages that wait", labels=["stream"])
    age = GaugeMetricFamily("storeedge_backlog_age_seconds", "Age of the oldest", labels=["stream"])
    acked = GaugeMetricFamily(
        "storeedge_last_ack_timestamp_seconds", "Last acknowledgement by the centre", labels=["stream"]
    )
    dropped = CounterMetricFamily("storeedge_dropped_rows", "Messages given up", labels=["stream"])
    for stream in sync.streams:
        rows.add_metric([stream.stream], stream.rows)
        age.add_metric([stream.stream], stream.oldest_age or 0.0)
        dropped.add_metric([stream.stream], stream.dropped)
        if stream.acked_at is not None:
            acked.add_metric([stream.stream], stream.acked_at.timestamp())
    yield from (rows, age, acked, dropped)
    yield GaugeMetricFamily("storeedge_sync_connected", "1 while connected", float(sync.connected))
    yield CounterMetricFamily(
        "storeedge_acknowledged_rows",
        "Messages that the centre acknowledged since the start",
        float(sync.acknowledged),
    )
    if sync.acknowledged_per_s is not None:
        yield GaugeMetricFamily(
            "storeedge_acknowledged_rows_per_second", "Over the last ten seconds", sync.acknowledged_per_s
        )
    line = GaugeMetricFamily("storeedge_sync_line", "1: how it is", labels=["protocol", "trouble"])
    line.add_metric([sync.protocol or "", sync.trouble or ""], 1.0)
    yield line
