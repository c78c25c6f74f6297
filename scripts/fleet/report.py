"""The figures of a run, as JSON and as lines for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from scripts.fleet.figures import Figures, spread
from scripts.fleet.truth import Held


def figures_of(
    seen: Figures,
    held: Held,
    *,
    back_at: float,
    drained_in: float,
    cpu_s: Mapping[str, float],
    memory_mib: Mapping[str, float],
) -> dict[str, Any]:
    """`back_at` is when everything was there again (of `time.monotonic`), `drained_in` seconds from then
    until nothing of the outage waited; `cpu_s` was spent in that time, `memory_mib` held at its end."""
    after = {second: n for second, n in seen.acknowledged_in.items() if second >= back_at}
    draining = sum(n for second, n in after.items() if second < back_at + drained_in)
    return {
        "steady_s": spread(seen.steady_s),
        "back_s": spread(seen.back_s),
        "connects_per_s_peak": max((n for s, n in seen.connected_in.items() if s >= back_at), default=0),
        "failed_connections": dict(seen.lost.most_common()),
        "drained_s": spread(seen.drained_s),
        "messages_per_s": {
            "draining": round(draining / drained_in),
            "peak": max(after.values(), default=0),
        },
        "live_minute_s": spread(seen.live_s),
        "live_trigger_s": spread(seen.trigger_s),
        "trigger_of_a_box_on_its_way_back_s": spread(seen.trigger_away_s),
        "cpu_cores_while_draining": {name: round(cpu / drained_in, 2) for name, cpu in cpu_s.items()},
        "cpu_us_per_message": {name: round(cpu / max(1, draining) * 1e6) for name, cpu in cpu_s.items()},
        "memory_mib": {name: round(mib) for name, mib in memory_mib.items()},
        "sent": seen.sent,
        "sent_again": seen.sent_again,
        "taken_by_the_broker_without_a_hub": seen.unheard,
        "refused": seen.refused,
        "made": held.made,
        "held_once": held.held,
        "lost": held.lost,
        "doubled_or_strange": held.strange,
        "boxes_with_wrong_sums": held.wrong_sums,
        "bytes_in_database": {
            "per_message": round(held.bytes_of["messages"] / max(1, held.held)),
            "per_minute": round(held.bytes_of["minutes"] / max(1, held.held)),
            "per_hour": round(held.bytes_of["hours"] / max(1, held.hours)),
        },
    }


def is_true(figures: Mapping[str, Any]) -> bool:
    """Whether the centre holds exactly what the boxes made."""
    return not (figures["lost"] or figures["doubled_or_strange"] or figures["boxes_with_wrong_sums"])


def lines(figures: Mapping[str, Any], indent: str = "") -> Iterator[str]:
    """One a line, for people."""
    for name, value in figures.items():
        told = name.replace("_", " ")
        if isinstance(value, Mapping) and {"p50", "p99"} <= value.keys():
            yield f"{indent}{told}: " + ", ".join(f"{key} {one}" for key, one in value.items())
        elif isinstance(value, Mapping):
            yield f"{indent}{told}:"
            yield from lines(value, indent + "  ")
        else:
            yield f"{indent}{told}: {value}"
