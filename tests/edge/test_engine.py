"""A camera's engine: when it asks the network, what it does between, and what a jump of the picture means."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from edge.engine import EMPTY_S, STILL_S, CameraEngine
from models.types import Detections, Image
from pipelines.layout import CameraLayout, Lane, Zone
from pipelines.records import Fact, Pulse, VehiclePassage, Visit
from tests.build import WHOLE, Walk, boxes, in_picture, layout, only, person, walk

EVERYWHERE = layout(zones=[Zone("room", "area", WHOLE, 2.0)])
HEIGHT, WIDTH = 120, 160
FLOOR = np.random.default_rng(5).integers(60, 180, (HEIGHT, WIDTH, 3), np.uint8)


class Script:
    """A detector that knows who walks where, and notes when it was asked."""

    def __init__(self, *walks: Walk) -> None:
        self.walks, self.t = walks, 0.0
        self.asked: list[float] = []

    def detect(self, image: Image) -> Detections:
        self.asked.append(self.t)
        here = [person(at) for w in self.walks if (at := w.at(self.t)) is not None]
        return boxes(*(row for whole in here if (row := in_picture(whole)) is not None))


def filmed(t: float, *walks: Walk) -> Image:
    """The floor with a dark figure for everybody who is there."""
    image = FLOOR.copy()
    for w in walks:
        at = w.at(t)
        if at is not None and (row := in_picture(person(at))) is not None:
            (x1, x2), (y1, y2) = ((int(v * WIDTH) for v in row[0:3:2]), (int(v * HEIGHT) for v in row[1:4:2]))
            image[y1:y2, x1:x2] = 10
    return image


def film(
    engine: CameraEngine, script: Script, begin: float, end: float, *, fps: float = 10,
    picture: Callable[..., Image] = filmed,
) -> list[Fact]:  # fmt: skip
    facts: list[Fact] = []
    for i in range(round((end - begin) * fps)):
        script.t = begin + i / fps
        facts += engine.process(picture(script.t, *script.walks), script.t)
    return facts


def test_while_something_moves_every_frame_is_looked_at() -> None:
    script = Script(walk((1, 5), (12, 5), (1, 5)))
    film(engine := CameraEngine(EVERYWHERE, script), script, 0, 10)
    assert len(script.asked) == 100 == engine.spent.inferred


def test_an_empty_still_picture_is_looked_at_now_and_then() -> None:
    script = Script()
    film(engine := CameraEngine(EVERYWHERE, script), script, 0, 60)
    assert engine.spent.frames == 600
    late = [t for t in script.asked if t > 2]
    assert len(late) == pytest.approx(58 / EMPTY_S, abs=1.5), late


def test_somebody_who_stands_still_is_looked_at_every_second_and_stays_present() -> None:
    script = Script(walk((5, 5), 60.0))
    facts = film(CameraEngine(EVERYWHERE, script), script, 0, 60)
    late = [t for t in script.asked if t > 2]
    assert len(late) == pytest.approx(58 / STILL_S, rel=0.15), len(late)
    pulses = only(Pulse, facts)
    assert sum(p.person_seconds for p in pulses) == pytest.approx(60, abs=2.5)
    assert all(p.persons == 1 for p in pulses[2:])


def test_without_the_gate_every_frame_is_looked_at() -> None:
    script = Script()
    film(CameraEngine(EVERYWHERE, script, gated=False), script, 0, 10)
    assert len(script.asked) == 100


def test_somebody_who_comes_into_a_still_picture_is_seen_at_once() -> None:
    visitor = walk((1, 12), (6, 6), 20.0, (1, 12), start=30.0)
    script = Script(visitor)
    engine = CameraEngine(EVERYWHERE, script)
    facts = film(engine, script, 0, 70) + engine.close(70)
    (visit,) = only(Visit, facts)
    assert visit.t_in == pytest.approx(visitor.when(1, 10.5), abs=1.2)
    assert (visit.end_reason, visit.censored) == ("left", False)


def test_after_a_jump_of_the_picture_the_next_frame_is_looked_at() -> None:
    script = Script(walk((5, 5), 60.0))
    engine = CameraEngine(EVERYWHERE, script)
    film(engine, script, 0, 20)
    assert [visit.end_reason for visit in only(Visit, engine.gap(20.0))] == ["closed"]
    script.asked.clear()
    film(engine, script, 25.0, 25.1)
    assert script.asked == [25.0]


def test_a_stream_of_another_size_begins_afresh() -> None:
    script = Script(walk((5, 5), 60.0))
    engine = CameraEngine(EVERYWHERE, script)
    film(engine, script, 0, 10)
    twice = np.repeat(np.repeat(filmed(10.0, *script.walks), 2, axis=0), 3, axis=1)
    script.t = 10.0
    facts = engine.process(twice, 10.0)
    assert [visit.end_reason for visit in only(Visit, facts)] == ["closed"]
    assert engine.pipeline is not None
    assert engine.pipeline.aspect == pytest.approx(WIDTH * 3 / (HEIGHT * 2))


def test_an_engine_that_saw_no_frame_has_nothing_to_tell() -> None:
    engine = CameraEngine(EVERYWHERE, Script())
    assert engine.gap(1.0) == []
    assert engine.close(2.0) == []


def test_a_large_thing_that_drives_through_a_lane_is_a_vehicle_though_the_network_is_blind() -> None:
    def road(t: float) -> Image:
        image, top = FLOOR.copy(), int((t - 20) / 4 * (HEIGHT + 60)) - 60
        if t >= 20 and top < HEIGHT:
            image[max(0, top) : max(0, top + 60), 50:110] = (240, 240, 245)
        return image

    script = Script()
    engine = CameraEngine(CameraLayout("cam-9", lanes=(Lane("exit-1", "exit", "up"),)), script)
    facts = film(engine, script, 0, 30, picture=road) + engine.close(30)
    (passage,) = only(VehiclePassage, facts)
    assert (passage.lane, passage.direction, passage.wrong_way) == ("exit-1", "down", True)
    assert passage.t == pytest.approx(22, abs=0.5)


def test_the_time_spent_is_told_by_stage() -> None:
    script = Script(walk((1, 5), (12, 5)))
    film(engine := CameraEngine(EVERYWHERE, script), script, 0, 3)
    spent = engine.spent
    assert spent.frames == 30
    assert min(spent.motion_s, spent.detect_s, spent.pipeline_s) > 0
