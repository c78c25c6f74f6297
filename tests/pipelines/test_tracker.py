"""People keep their numbers: past one another, behind things, at any usual frame rate and picture size."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import fields, is_dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.types import Detections
from pipelines.layout import Point
from pipelines.track import PEOPLE
from pipelines.tracker import Tracker
from tests.build import ASPECT, FRAME_M, Row, Walk, boxes, person, walk

RATES = [3, 5, 10, 15, 25]
Seen = Callable[[Walk, float], Row | None]


def plainly(person_walking: Walk, t: float) -> Row | None:
    """Seen without error."""
    place = person_walking.at(t)
    return None if place is None else person(place)


def numbers(
    *walks: Walk, fps: float = 10, see: Seen = plainly, tracker: Tracker | None = None
) -> list[list[int]]:
    """The numbers that each walker bore, in order, each once."""
    tracker = tracker or Tracker(ASPECT)
    borne: list[list[int]] = [[] for _ in walks]
    for i in range(int(max(w.end for w in walks) * fps) + 1):
        t = i / fps
        rows = [(k, row) for k, w in enumerate(walks) if (row := see(w, t)) is not None]
        tracks = tracker.update(t, boxes(*(row for _, row in rows)))
        for k, row in rows:
            box = tuple(np.asarray(row[:4], np.float32).tolist())
            for track in tracks:
                if track.updated and track.box == box and track.id not in borne[k][-1:]:
                    borne[k].append(track.id)
    return borne


def assert_one_number_each(borne: list[list[int]]) -> None:
    assert all(len(ids) == 1 for ids in borne), borne
    assert len({ids[0] for ids in borne}) == len(borne), borne


@pytest.mark.parametrize("fps", RATES)
@pytest.mark.parametrize(
    "ways",
    [
        pytest.param([((2, 5), (11, 5)), ((6.5, 2), (6.5, 9.8))], id="at a right angle"),
        pytest.param([((2, 5), (11, 5)), ((11, 5.6), (2, 5.6))], id="towards each other"),
        pytest.param([((2, 3), (10, 8)), ((2, 8), (10, 3))], id="at a sharp angle"),
        pytest.param([((2, 5), (11, 5)), ((2, 5.6), (11, 5.6))], id="side by side"),
        pytest.param([((3, 5), (11, 5)), ((2, 5), (10, 5))], id="one behind the other"),
    ],
)
def test_two_people_whose_ways_meet_keep_their_numbers(ways: list[tuple[Point, Point]], fps: float) -> None:
    assert_one_number_each(numbers(*(walk(a, b) for a, b in ways), fps=fps))


@pytest.mark.parametrize("fps", RATES)
@pytest.mark.parametrize("speed", [0.4, 1.2, 1.8, 2.5])
def test_whoever_walks_or_runs_keeps_one_number(speed: float, fps: float) -> None:
    assert_one_number_each(numbers(walk((1, 3), (12, 8), speed=speed), fps=fps))


@pytest.mark.parametrize("fps", [5, 10, 25])
def test_whoever_turns_on_the_heel_keeps_the_number(fps: float) -> None:
    assert_one_number_each(numbers(walk((2, 5), (6, 5), (2, 5), speed=1.3), fps=fps))


def unseen(begin: float, end: float) -> Seen:
    """Nobody is detected between two times."""
    return lambda w, t: None if begin <= t < end else plainly(w, t)


@pytest.mark.parametrize(
    ("speed", "seconds"),
    [
        (0.0, 0.3),
        (0.0, 1.0),
        (0.0, 2.2),
        (0.3, 1.0),
        (0.3, 2.2),
        (1.2, 0.3),
        (1.2, 0.6),
        (1.2, 1.0),
        (1.2, 1.3),
    ],
)
def test_missed_frames_are_bridged_while_the_memory_lasts_and_the_way_is_short(
    speed: float, seconds: float
) -> None:
    """Somebody who walks on unseen for longer may just as well be somebody else."""
    way = walk((5, 5), 8.0) if speed == 0 else walk((2, 5), (11, 5), speed=speed)
    assert_one_number_each(numbers(way, see=unseen(3.0, 3.0 + seconds)))


def test_beyond_the_memory_it_is_somebody_else() -> None:
    absence = PEOPLE.stand_s + 0.5
    borne = numbers(walk((5, 5), 14.0), see=unseen(3.0, 3.0 + absence))
    assert len(borne[0]) == 2, borne


def test_somebody_who_stood_is_awaited_longer_than_somebody_who_walked() -> None:
    absence = PEOPLE.lost_s + 1.0
    assert absence < PEOPLE.stand_s
    assert_one_number_each(numbers(walk((5, 5), 14.0), see=unseen(3.0, 3.0 + absence)))


def test_somebody_new_far_from_where_a_person_was_lost_gets_a_new_number() -> None:
    first, second = walk((2, 5), (4, 5)), walk((10, 5), (12, 5), start=2.2)
    assert_one_number_each(numbers(first, second))


def test_every_other_frame_missed_keeps_the_number() -> None:
    alternating: Seen = lambda w, t: plainly(w, t) if round(t * 10) % 2 == 0 else None  # noqa: E731
    assert_one_number_each(numbers(walk((2, 5), (11, 5), speed=2.0), see=alternating))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("fps", RATES)
def test_trembling_boxes_and_scattered_misses_keep_the_number(seed: int, fps: float) -> None:
    rng = random.Random(seed)

    def see(w: Walk, t: float) -> Row | None:
        place = w.at(t)
        # Who is missed before being confirmed may begin again under a new number.
        if place is None or (rng.random() < 0.1 and t > 1.0):
            return None
        x, y = place[0] + rng.gauss(0, 0.06), place[1] + rng.gauss(0, 0.06)
        return person((x, y), tall=1.7 + rng.gauss(0, 0.06), score=rng.uniform(0.45, 0.95))

    assert_one_number_each(numbers(walk((2, 4), (11, 4)), walk((11, 8), 2.0, (2, 8)), fps=fps, see=see))


@pytest.mark.parametrize(
    "second",
    [
        pytest.param(lambda x, y: person((x, y - 0.7), tall=0.9, score=0.7), id="a torso"),
        pytest.param(lambda x, y: person((x + 0.08, y), tall=1.8, score=0.6), id="the whole person again"),
        pytest.param(lambda x, y: person((x, y), wide=0.9, score=0.5), id="a wider box around the person"),
    ],
)
def test_a_second_box_of_the_same_person_bears_no_second_track(
    second: Callable[[float, float], Row],
) -> None:
    tracker, w = Tracker(ASPECT), walk((2, 5), (10, 5))
    for i in range(60):
        place = w.at(i / 10)
        assert place is not None
        tracker.update(i / 10, boxes(person(place), second(*place)))
    assert [track.id for track in tracker.tracks] == [1]


def test_two_people_shoulder_to_shoulder_are_two() -> None:
    tracker = Tracker(ASPECT)
    for i in range(20):
        tracker.update(i / 10, boxes(person((5, 5)), person((5.5, 5.05))))
    assert len([k for k in tracker.tracks if k.confirmed]) == 2


def test_faint_detections_alone_bear_no_track() -> None:
    tracker = Tracker(ASPECT)
    for i in range(50):
        assert tracker.update(i / 10, boxes(person((5, 5), score=PEOPLE.score_birth - 0.05))) == []


def test_faint_detections_prolong_a_track() -> None:
    def faint_later(w: Walk, t: float) -> Row | None:
        place = w.at(t)
        return None if place is None else person(place, score=0.9 if t < 1 else 0.2)

    way = walk((2, 5), (11, 5))
    assert_one_number_each(numbers(way, see=faint_later))
    tracker = Tracker(ASPECT)
    numbers(way, see=faint_later, tracker=tracker)
    assert tracker.tracks[0].seen == pytest.approx(way.end, abs=0.11)


def test_what_is_below_the_lowest_score_prolongs_nothing() -> None:
    tracker = Tracker(ASPECT)
    for i in range(40):
        tracker.update(i / 10, boxes(person((5, 5), score=0.9 if i < 10 else PEOPLE.score_low - 0.02)))
    assert [k.seen for k in tracker.tracks] in ([], [0.9])


def test_one_sighting_is_nobody_yet_and_three_are_a_person() -> None:
    tracker = Tracker(ASPECT)
    confirmed = [tracker.update(i / 10, boxes(person((5, 5))))[0].confirmed for i in range(4)]
    assert confirmed == [False, False, True, True]


def test_two_sightings_with_a_step_between_are_a_person() -> None:
    tracker = Tracker(ASPECT)
    tracker.update(0.0, boxes(person((5, 5))))
    assert tracker.update(0.5, boxes(person((5.8, 5))))[0].confirmed


def test_a_single_sighting_is_soon_forgotten() -> None:
    tracker = Tracker(ASPECT)
    tracker.update(0.0, boxes(person((5, 5))))
    assert tracker.update(PEOPLE.unsure_s + 0.1, Detections.none()) == []


def test_a_frame_from_the_past_is_refused() -> None:
    tracker = Tracker(ASPECT)
    tracker.update(5.0, boxes(person((5, 5))))
    with pytest.raises(ValueError, match=r"4\.900 s comes after one at 5\.000 s"):
        tracker.update(4.9, boxes(person((5, 5))))


def test_two_frames_with_the_same_time_do_no_harm() -> None:
    tracker = Tracker(ASPECT)
    for t in (0.0, 0.1, 0.1, 0.1, 0.2):
        tracker.update(t, boxes(person((5 + t, 5))))
    assert [k.id for k in tracker.tracks] == [1]


def test_ended_tracks_are_handed_out_once() -> None:
    tracker = Tracker(ASPECT)
    for i in range(5):
        tracker.update(i / 10, boxes(person((5, 5))))
    tracker.update(10.0, Detections.none())
    assert [k.id for k in tracker.ended] == [1]
    tracker.update(10.1, Detections.none())
    assert tracker.ended == []


def test_after_a_jump_everybody_has_a_new_number() -> None:
    tracker = Tracker(ASPECT)
    for i in range(5):
        tracker.update(i / 10, boxes(person((5, 5))))
    assert [k.id for k in tracker.reset()] == [1]
    assert [k.id for k in tracker.update(0.5, boxes(person((5, 5))))] == [2]


def cells(thing: object) -> int:
    """How many values hang on a thing: its lists, dictionaries and dataclass fields, all the way down."""
    if is_dataclass(thing) and not isinstance(thing, type):
        return sum(cells(getattr(thing, f.name)) for f in fields(thing) if hasattr(thing, f.name))
    if isinstance(thing, dict):
        return sum(cells(k) + cells(v) for k, v in thing.items())
    if (
        isinstance(thing, Iterable)
        and not isinstance(thing, str | bytes | np.ndarray)
        and hasattr(thing, "__len__")
    ):
        return sum(cells(item) for item in thing)
    return 1


def test_memory_does_not_grow_with_the_tracks_that_were() -> None:
    tracker = Tracker(ASPECT)
    sizes = []
    for visitor in range(600):
        begin = visitor * 10.0
        for i in range(6):
            tracker.update(begin + i / 5, boxes(person((3 + 0.2 * i, 5)), person((9 - 0.2 * i, 6))))
        sizes.append(cells(tracker))
    assert max(sizes[100:]) <= max(sizes[:100]), (max(sizes[:100]), max(sizes[100:]))
    assert tracker.tracks[-1].id == 1200


@settings(max_examples=20, deadline=None)
@given(st.floats(0.2, 1.0), st.sampled_from(RATES))
def test_numbers_do_not_depend_on_how_large_people_appear(scale: float, fps: float) -> None:
    def smaller(w: Walk, t: float) -> Row | None:
        row = plainly(w, t)
        return None if row is None else (*(v * scale for v in row[:4]), *row[4:])  # type: ignore[return-value]

    walks = [walk((2, 5), (11, 5)), walk((11, 5.8), (2, 5.8)), walk((6, 3), 3.0, (9, 9))]
    assert numbers(*walks, fps=fps, see=smaller) == numbers(*walks, fps=fps)


@pytest.mark.parametrize("aspect", [9 / 16, 1.0, 16 / 9])
def test_a_picture_of_another_shape_is_the_same_floor(aspect: float) -> None:
    """The same people in metres, in an upright, a square and a wide picture."""
    tracker = Tracker(aspect)
    for i in range(40):
        tracker.update(i / 5, boxes(person((1 + 0.1 * i, 5), aspect=aspect)))
    (track,) = tracker.tracks
    assert track.x * FRAME_M == pytest.approx(1 + 0.1 * 39, abs=0.05)
    assert track.metre * FRAME_M == pytest.approx(1.0, abs=0.1)
    assert track.vx * FRAME_M == pytest.approx(0.5, abs=0.05)


def test_a_person_whose_legs_vanish_behind_a_counter_keeps_number_and_foot() -> None:
    def behind_a_counter(w: Walk, t: float) -> Row | None:
        place = w.at(t)
        if place is None or t < 4.0:
            return plainly(w, t)
        return person((place[0], place[1] - 0.8), tall=0.9)

    tracker = Tracker(ASPECT)
    assert_one_number_each(numbers(walk((2, 5), (8, 5)), see=behind_a_counter, tracker=tracker))
    assert tracker.tracks[0].y * FRAME_M == pytest.approx(5.0, abs=0.25)
