"""Where people stand whose legs are hidden."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from models.types import Detections
from pipelines.records import Pass, Visit
from tests.build import Row, boxes, frac, layout, only, person, rectangle, walk, watch, zone

COUNTER = zone(*rectangle(5, 5.2, 9, 6.5), name="counter")
BEHIND = zone(*rectangle(5, 3.2, 9, 4.4), name="behind", role="staff")
BROWSER = walk((1, 9), (7, 6), 30.0, (1, 9), start=40.0)
WAITING = walk((12, 9.5), (7.2, 6.62), 40.0, (12, 9.5), start=38.0)
"""Before the browser, as the camera sees it."""
PASSER = walk((1, 2.5), (1, 9.7), (12.5, 9.7), (12.5, 2.5), (12.5, 9.7), (1, 9.7))
"""From whom the camera learns how tall people look."""


def cut(row: Row, at_m: float) -> Row:
    """Without what is below a row of the picture."""
    return (*row[:3], min(row[3], frac((0, at_m))[1]), *row[4:])


def scene(
    hidden: bool, in_front: bool, tall: float = 1.7, fps: int = 10
) -> Iterator[tuple[float, Detections]]:
    for i in range(110 * fps):
        t = i / fps
        rows = [person(place) for place in [PASSER.at(t)] if place is not None]
        if (place := BROWSER.at(t)) is not None:
            row = person(place, tall=tall)
            rows.append(cut(row, place[1] - 1.0) if hidden and 46 <= t <= 72 else row)
        if in_front and (place := WAITING.at(t)) is not None:
            rows.append(person(place))
        yield t, boxes(*rows)


def seconds(zone_id: str, **what: bool | float) -> float:
    plan = layout(zones=[COUNTER, BEHIND])
    found = [v for v in only(Visit, watch(plan, scene(**what))) if v.zone == zone_id]  # type: ignore[arg-type]
    return sum(visit.t_out - visit.t_in for visit in found)


def test_a_customer_whose_legs_somebody_hides_stays_at_the_counter() -> None:
    whole = seconds("counter", hidden=False, in_front=False)
    assert whole == pytest.approx(31, abs=2)
    assert seconds("counter", hidden=True, in_front=True) == pytest.approx(whole, abs=1.5)
    assert seconds("behind", hidden=True, in_front=True) == 0


def test_who_is_short_with_nobody_in_front_is_a_child() -> None:
    assert seconds("counter", hidden=False, in_front=False, tall=0.9) == pytest.approx(31, abs=2)


def test_who_shows_only_the_upper_half_behind_the_counter_stands_there() -> None:
    seller = walk((12, 2), (7, 4), 30.0, (12, 2), start=40.0)

    def frames() -> Iterator[tuple[float, Detections]]:
        for i in range(1000):
            t = i / 10
            rows = [person(place) for place in [PASSER.at(t)] if place is not None]
            if (place := seller.at(t)) is not None:
                rows.append(cut(person(place), 3.3))  # the counter's upper edge in the picture
            yield t, boxes(*rows)

    found = watch(layout(zones=[COUNTER, BEHIND]), frames())
    behind = [visit.t_out - visit.t_in for visit in only(Visit, found) if visit.zone == "behind"]
    assert sum(behind) == pytest.approx(31, abs=3), behind
    assert [p for p in only(Pass, found) if p.zone == "counter" and p.seconds > 1.5] == []
