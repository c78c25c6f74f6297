"""One plate for each vehicle, told when it is settled, unread rather than wrong."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from models.plates.alphabet import CHARACTERS, PROVINCES
from pipelines.plate_grammar import consult, weigh
from pipelines.plate_records import PlateRead
from pipelines.plate_voting import FRAMES, KNOWN_AFTER, REARM_S, Look, PlateVoting, differences
from tests.pipelines.test_plate_grammar import seen
from tests.sim.plates.texts import plate

LANES = ("exit-1",)


def look(text: str, width: float = 120.0, **kwargs) -> Look:
    readings = [weigh(seen(text, **kwargs))]
    colours = {"blue": 1.0}
    return Look(readings, consult(readings, [1.0], colours), colours, width)


def drive(voting: PlateVoting, *texts: str, track: int = 1, begin: float = 0.0, **kwargs) -> list[PlateRead]:
    """A vehicle that shows these texts, one in each frame, and goes."""
    reads: list[PlateRead] = []
    for frame, text in enumerate(texts):
        reads += voting.see(begin + frame / 10, track, look(text, **kwargs), LANES)
    return reads + voting.end(begin + len(texts) / 10 + 1, track, LANES, begin)


def test_a_plate_is_told_in_the_very_frame_in_which_enough_agree() -> None:
    reads = drive(PlateVoting("cam-9"), *["皖A195K9"] * 10)
    assert [(read.text, read.votes, read.t) for read in reads] == [("皖A195K9", FRAMES, (FRAMES - 1) / 10)]
    assert reads[0].plate_kind == "ordinary"
    assert reads[0].colour == "blue"
    assert reads[0].score > 0.9


def test_two_frames_are_not_enough() -> None:
    reads = drive(PlateVoting("cam-9"), *["皖A195K9"] * 2)
    assert [read.text for read in reads] == [None]


def test_frames_too_small_to_trust_do_not_settle_anything() -> None:
    reads = drive(PlateVoting("cam-9"), *["皖A195K9"] * 10, width=45.0)
    assert [read.text for read in reads] == [None]


def test_a_car_misread_from_afar_is_read_when_it_is_near() -> None:
    voting = PlateVoting("cam-9")
    reads = []
    for frame, text in enumerate(["皖A185K9"] * 2 + ["皖A195K9"] * 12):
        reads += voting.see(frame / 10, 1, look(text, 62.0 if frame < 2 else 130.0), LANES)
    assert [read.text for read in reads] == ["皖A195K9"]


def test_frames_that_cannot_agree_on_the_province_leave_it_unread() -> None:
    reads = drive(PlateVoting("cam-9"), *["新DT5022", "皖DT5022", "藏DT5022", "蒙DT5022"] * 3)
    assert [read.text for read in reads] == [None]


def test_a_vehicle_whose_track_breaks_is_told_once() -> None:
    voting = PlateVoting("cam-9")
    first = drive(voting, *["皖A195K9"] * 5, track=1)
    second = drive(voting, *["皖A195K9"] * 5, track=2, begin=2.0)
    assert [read.text for read in first + second] == ["皖A195K9"]


def test_looks_under_two_tracks_of_one_vehicle_count_together() -> None:
    voting = PlateVoting("cam-9")
    reads = [
        read for frame in range(4) for read in voting.see(frame / 10, frame % 2, look("皖A195K9"), LANES)
    ]
    assert [read.text for read in reads] == ["皖A195K9"]
    assert voting.end(2.0, 0, LANES, 0.0) + voting.end(2.0, 1, LANES, 0.0) == []


def test_the_same_plate_is_told_again_after_a_minute() -> None:
    voting = PlateVoting("cam-9")
    told = [
        [read.text for read in drive(voting, *["皖A195K9"] * 4, track=track, begin=begin)]
        for track, begin in enumerate((0.0, REARM_S - 10, 3 * REARM_S))
    ]
    assert told == [["皖A195K9"], [], ["皖A195K9"]]


def test_a_vehicle_that_drove_through_without_a_plate_is_unread() -> None:
    voting = PlateVoting("cam-9")
    assert [read.text for read in voting.end(9.0, 1, LANES, 4.0)] == [None]
    assert voting.end(9.0, 2, LANES, None) == []


def test_a_foreign_province_needs_more_where_the_site_knows_its_own() -> None:
    voting, dice = PlateVoting("cam-9"), random.Random(3)
    unsure = ["桂A12345"] * 4
    rivals = {"other": {0: ("苏", 0.12)}}
    before = drive(PlateVoting("cam-9"), *unsure, **rivals)
    for track in range(KNOWN_AFTER + 5):
        text = "苏" + plate(dice, "ordinary").text[1:]
        drive(voting, *[text] * 4, track=track, begin=100.0 * track)
    after = drive(voting, *unsure, track=999, begin=1e5, **rivals)
    assert [read.text for read in before] == ["桂A12345"]
    assert [read.text for read in after] == [None]


@given(st.integers(0, 10**9))
@settings(max_examples=15, deadline=None)
def test_whatever_is_seen_a_vehicle_is_told_at_most_once(seed: int) -> None:
    dice = random.Random(seed)
    voting = PlateVoting("cam-9")
    truth = plate(dice, "ordinary").text
    texts = []
    for _ in range(12):
        text = list(truth)
        for _ in range(dice.choice([0, 0, 1, 2])):
            position = dice.randrange(7)
            text[position] = dice.choice(PROVINCES if position == 0 else CHARACTERS[10:34])
        texts.append("".join(text))
    reads = drive(voting, *texts)
    assert len(reads) <= 1
    assert all(read.text in {None, truth} or texts.count(read.text or "") >= FRAMES for read in reads), reads


@given(st.text("ABC", max_size=6), st.text("ABC", max_size=6), st.text("ABC", max_size=6))
def test_differences_are_a_distance(one: str, two: str, three: str) -> None:
    assert differences(one, two) == differences(two, one)
    assert (differences(one, two) == 0) == (one == two)
    assert differences(one, three) <= differences(one, two) + differences(two, three)
