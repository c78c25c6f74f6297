"""Charts of hours and minutes as ECharts options. Pure. What is missing is hatched, never a zero."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any, Final, TypeVar

from edge.web.models import Bar, Today
from edge.web.models_service import QueueBar
from edge.web.texts import Texts

IN_COLOUR: Final = "#2f5bea"
OUT_COLOUR: Final = "#c9790b"
LIMIT_COLOUR: Final = "#b8232f"
GREY: Final = "#687385"
LINE: Final = "#e4e8ee"
HATCH: Final = {"symbol": "rect", "dashArrayX": [1, 0], "dashArrayY": [2, 6], "rotation": -0.785}
HATCHED: Final = {"missing": {"value": 1}, "partial": {"value": 1, "itemStyle": {"opacity": 0.5}}}
UNFINISHED: Final = 0.55


Hour = TypeVar("Hour", Bar, QueueBar)


def shown_hours(today: Today, hours: list[Hour]) -> list[Hour]:
    """The hours worth a place: the opening hours, and all between those that have figures."""

    def worth(bar: Hour) -> bool:
        is_open = today.opens is not None and today.closes is not None
        inside = is_open and bar.start < today.closes and bar.end > today.opens  # type: ignore[operator]
        return inside or bar.state not in {"closed", "ahead", "missing"}

    at = [i for i, bar in enumerate(hours) if worth(bar)]
    return hours[at[0] : at[-1] + 1] if at else []


def hours_options(bars: Sequence[Bar], texts: Texts, *, doors: bool) -> dict[str, Any]:
    """Two bars an hour: in and out; for a store without gates one, its visits."""
    labels = [texts.clock(bar.start) for bar in bars]
    series = (
        [
            _series(bars, [bar.entries for bar in bars], IN_COLOUR),
            _series(bars, [bar.exits for bar in bars], OUT_COLOUR),
        ]
        if doors
        else [_series(bars, [bar.visits for bar in bars], IN_COLOUR)]
    )
    tips = [_tip(bar, texts, doors=doors) for bar in bars]
    return _options(bars, labels, series, tips, description=texts("chart.label_hours"))


def minutes_options(bars: Sequence[Bar], texts: Texts, *, doors: bool) -> dict[str, Any]:
    """In upwards and out downwards from one line, as sixty pairs side by side would be too thin to read."""
    labels = [texts.clock(bar.start) for bar in bars]
    if not doors:
        series = [_series(bars, [bar.visits for bar in bars], IN_COLOUR)]
    else:
        down = [None if bar.exits is None else -bar.exits for bar in bars]
        series = [
            _series(bars, [bar.entries for bar in bars], IN_COLOUR) | {"stack": "minute"},
            _series(bars, down, OUT_COLOUR) | {"stack": "minute"},
        ]
    tips = [_tip(bar, texts, doors=doors) for bar in bars]
    options = _options(bars, labels, series, tips, description=texts("chart.label_minutes"))
    options["yAxis"][0]["axisLabel"][":formatter"] = "value => Math.abs(value)"
    options["xAxis"][0]["axisLabel"]["interval"] = 14
    return options


def wait_options(bars: Sequence[QueueBar], texts: Texts, limit_s: float | None) -> dict[str, Any]:
    """The mean wait of each hour in minutes; a line where it is too long."""
    minutes = [
        None if bar.mean_wait_seconds is None else round(bar.mean_wait_seconds / 60, 2) for bar in bars
    ]
    series = _series(bars, minutes, IN_COLOUR)
    if limit_s is not None:
        series["markLine"] = {
            "silent": True, "symbol": "none", "data": [{"yAxis": limit_s / 60}],
            "lineStyle": {"color": LIMIT_COLOUR, "type": "dashed"},
            "label": {
                "formatter": texts("queue.limit"), "position": "insideStartTop", "color": LIMIT_COLOUR,
            },
        }  # fmt: skip
    options = _options(
        bars, [texts.clock(bar.start) for bar in bars], [series], [_wait_tip(bar, texts) for bar in bars],
        description=texts("queue.label_hours"),
    )  # fmt: skip
    longest = max([value for value in minutes if value is not None], default=0.0)
    options["yAxis"][0] |= {"minInterval": 0.5, "splitNumber": 3}
    if limit_s is not None:
        options["yAxis"][0]["max"] = math.ceil(max(longest, limit_s / 60) * 1.1)
    return options


def _wait_tip(bar: QueueBar, texts: Texts) -> str:
    head = _span(bar, texts)
    if bar.state == "ahead":
        return head
    if bar.waits is None:
        return f"{head}<br>{texts('chart.missing')}"
    mean = bar.mean_wait_seconds
    lines = [
        texts("queue.tip_mean", time=texts.length(mean)) if mean is not None else texts("queue.none_then"),
        texts("queue.tip_waits", count=texts.number(bar.waits), over=texts.number(bar.over_limit or 0)),
    ]
    return "<br>".join([head, *(lines if bar.waits else lines[:1])])


def _series(
    bars: Sequence[Bar] | Sequence[QueueBar], values: Sequence[float | None], colour: str
) -> dict[str, Any]:
    data = [
        {"value": value, "itemStyle": {"opacity": UNFINISHED}}
        if bar.state == "running" and value is not None
        else value
        for bar, value in zip(list[Bar | QueueBar](bars), values, strict=True)
    ]
    return {
        "type": "bar", "data": data, "barMaxWidth": 22, "barGap": "12%", "barCategoryGap": "28%",
        "itemStyle": {"color": colour, "borderRadius": 3, "decal": {"symbol": "none"}}, "cursor": "default",
    }  # fmt: skip


def _band(bars: Sequence[Bar] | Sequence[QueueBar]) -> dict[str, Any]:
    """Hatching over the whole height of every step that was not, or not wholly, observed."""
    return {
        "type": "bar", "xAxisIndex": 1, "yAxisIndex": 1, "barCategoryGap": "0%", "silent": True, "z": 1,
        "data": [HATCHED.get(bar.state) for bar in bars],
        "itemStyle": {"color": "#eef1f5", "decal": HATCH | {"color": "#b9c2cf"}},
    }  # fmt: skip


def _options(
    bars: Sequence[Bar] | Sequence[QueueBar],
    labels: Sequence[str],
    series: list[dict[str, Any]],
    tips: list[str],
    *,
    description: str,
) -> dict[str, Any]:
    """tips: what a finger on each step shows."""
    said = json.dumps(tips, ensure_ascii=False)
    return {
        "animation": False,
        "aria": {"enabled": True, "decal": {"show": True}, "label": {"description": description}},
        "grid": {"left": 38, "right": 2, "top": 10, "bottom": 24, "outerBoundsMode": "none"},
        "tooltip": {
            "trigger": "axis", "confine": True, "axisPointer": {"type": "shadow"},
            ":formatter": f"found => {said}[found[0].dataIndex]",
        },
        "xAxis": [
            {
                "type": "category", "data": list(labels), "axisTick": {"show": False},
                "axisLine": {"lineStyle": {"color": LINE}}, "axisLabel": {"color": GREY, "hideOverlap": True},
            },
            {"type": "category", "data": list(labels), "show": False},
        ],
        "yAxis": [
            {
                "type": "value", "minInterval": 1, "splitLine": {"lineStyle": {"color": LINE}},
                "axisLabel": {"color": GREY}, "splitNumber": 4,
            },
            {"type": "value", "min": 0, "max": 1, "show": False},
        ],
        "series": [*series, _band(bars)],
    }  # fmt: skip


def _tip(bar: Bar, texts: Texts, *, doors: bool) -> str:
    """What a finger on a bar shows. Only our own words and numbers, so nothing needs escaping."""
    head = _span(bar, texts)
    if bar.state == "ahead":
        return head
    if bar.state in {"missing", "closed"}:
        return f"{head}<br>{texts('chart.missing')}"
    shown = (("in", bar.entries), ("out", bar.exits)) if doors else (("visits", bar.visits),)
    lines = [f"{texts(f'chart.{name}')} {texts.number(value or 0)}" for name, value in shown]
    if bar.state == "partial":
        lines.append(f"{texts('chart.observed')} {texts.share(bar.observed or 0.0)}")
    if bar.state == "running":
        lines.append(texts("chart.running"))
    return "<br>".join([head, *lines])


def _span(bar: Bar | QueueBar, texts: Texts) -> str:
    return f"<b>{texts.clock(bar.start)}–{texts.clock(bar.end)}</b>"
