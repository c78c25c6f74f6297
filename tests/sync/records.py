"""Any windows and events that the pipelines could make, for hypothesis."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from pipelines.records import (
    DWELL_EDGES_S,
    LENGTH_EDGES,
    CameraWindow,
    CounterWindow,
    Event,
    GateWindow,
    HeatWindow,
    LaneWindow,
    OccupancyWindow,
    Quality,
    QueueWindow,
    Window,
    ZoneWindow,
)

names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
counts = st.integers(0, 10_000)
millis = st.integers(0, 3_600_000).map(lambda ms: ms / 1000)
observed = st.one_of(st.just(0.0), st.integers(1, 60_000).map(lambda ms: ms / 1000))
bins = st.tuples(*[counts] * len(DWELL_EDGES_S))
lengths = st.tuples(*[counts] * len(LENGTH_EDGES))
minutes = st.integers(0, 80_000_000).map(lambda minute: minute * 60)
instants = st.integers(0, 4_000_000_000_000).map(lambda ms: ms / 1000)


shares = st.integers(0, 10_000).map(lambda n: n / 10_000)
cells = st.dictionaries(
    st.tuples(st.integers(-50, 50), st.integers(-50, 50)), st.integers(1, 60_000).map(lambda ms: ms / 1000)
).map(lambda heat: tuple(sorted((*cell, seconds) for cell, seconds in heat.items())))
qualities = st.none() | st.builds(
    Quality,
    st.none() | millis,
    shares,
    st.none() | shares,
    st.none() | millis,
    st.sampled_from(["good", "fair", "poor", "none"]),
    st.lists(names, max_size=4).map(tuple),
)


def kinds(start: int) -> list[st.SearchStrategy[Window]]:
    """Of one minute, one strategy for each scope."""
    common = (names, names, st.just(start), observed)
    judged = {"quality": qualities}
    return [
        st.builds(GateWindow, *common, *[counts] * 7, **judged),
        st.builds(
            ZoneWindow, *common, counts, counts, millis, counts, bins, bins, millis, counts, millis, counts,
            millis, **judged,
        ),
        st.builds(
            QueueWindow, *common, millis, counts, lengths, *[counts] * 5, bins, bins, millis, **judged
        ),
        st.builds(CounterWindow, *common, millis, millis, millis, **judged),
        st.builds(CameraWindow, *common, counts, millis, counts, counts, counts, **judged),
        st.builds(LaneWindow, *common, counts, counts, counts, counts, counts, **judged),
        st.builds(HeatWindow, *common, st.sampled_from(["m", "frame"]), cells),
        st.builds(
            OccupancyWindow, *common, millis, counts, counts, st.integers(-99, 99), st.booleans(), **judged
        ).map(_carried),
    ]  # fmt: skip


def windows(start: int) -> st.SearchStrategy[Window]:
    """Of one minute."""
    return st.one_of(kinds(start))


def _carried(window: OccupancyWindow) -> OccupancyWindow:
    """What an area's minute that nobody saw is on the wire: its number is only carried on."""
    if window.observed_seconds > 0 or window.drift or window.anchored:
        return window
    return replace(window, person_seconds=0.0, peak=0, now=0)


events = st.builds(
    Event,
    name=names,
    t=instants,
    camera=st.none() | names,
    scope=st.none() | names,
    t_end=st.none() | instants,
    detail=st.dictionaries(
        names,
        st.text(max_size=20)
        | st.integers()
        | st.booleans()
        | st.floats(allow_nan=False, allow_infinity=False),
    ),
)
