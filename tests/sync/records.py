"""Any windows and events that the pipelines could make, for hypothesis."""

from __future__ import annotations

from hypothesis import strategies as st

from pipelines.records import (
    DWELL_EDGES_S,
    LENGTH_EDGES,
    CameraWindow,
    CounterWindow,
    Event,
    GateWindow,
    LaneWindow,
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


def windows(start: int) -> st.SearchStrategy[Window]:
    """Of one minute."""
    common = (names, names, st.just(start), observed)
    kinds: list[st.SearchStrategy[Window]] = [
        st.builds(GateWindow, *common, counts, counts, counts, counts, counts),
        st.builds(ZoneWindow, *common, counts, counts, millis, counts, bins, bins, millis, counts, millis),
        st.builds(QueueWindow, *common, millis, counts, lengths, *[counts] * 5, bins, bins, millis),
        st.builds(CounterWindow, *common, millis, millis, millis),
        st.builds(CameraWindow, *common, counts, millis, counts),
        st.builds(LaneWindow, *common, counts, counts, counts, counts, counts),
    ]
    return st.one_of(kinds)


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
