"""The store's room for Prometheus."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from edge.live import DiskLive


def of_disk(disk: DiskLive | None) -> Iterator[Metric]:
    """All of it; nothing before the first look."""
    if disk is None:
        return
    for name, text, value in (
        ("store_used_bytes", "Of the database, what holds something", disk.room.used),
        ("store_cap_bytes", "What it may use: its budget, or less where the disk is full", disk.room.cap),
        ("store_budget_bytes", "Its budget", disk.room.budget),
        ("disk_free_bytes", "Free on the store's disk", disk.room.free),
        ("disk_low", "1 while the disk has too little room", disk.low),
        ("disk_full", "1 while nothing can be written", disk.full),
    ):
        yield GaugeMetricFamily(f"storeedge_{name}", text, float(value))
    minutes = CounterMetricFamily(
        "storeedge_thinned_minutes",
        "Minutes that for want of room have but their quarter-hour (detail), not even that (quarters), go to "
        "the centre in an hour (waiting) or never (given_up)",
        labels=["kind"],
    )
    for kind, books in disk.thinned.items():
        minutes.add_metric([kind], books.minutes)
    yield minutes
