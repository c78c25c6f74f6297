"""Who is lost in the middle of the picture and appears again a little further on keeps the number."""

from __future__ import annotations

import pytest

from pipelines.track import Track
from pipelines.tracker import Tracker
from tests.build import ASPECT, Walk, boxes, person, walk


def confirmed(*walks: Walk, hidden: dict[int, tuple[float, float]], fps: float = 10) -> list[Track]:
    """All tracks that became people; `hidden`: from when to when each walker is not detected."""
    tracker, found = Tracker(ASPECT), dict[int, Track]()
    for i in range(int(max(w.end for w in walks) * fps) + 1):
        t = i / fps
        rows = []
        for k, w in enumerate(walks):
            begin, end = hidden.get(k, (0.0, 0.0))
            if not begin <= t < end and (place := w.at(t)) is not None:
                rows.append(person(place))
        found |= {track.id: track for track in tracker.update(t, boxes(*rows)) if track.confirmed}
    return list(found.values())


@pytest.mark.parametrize("fps", [5, 10, 25])
@pytest.mark.parametrize("gap_s", [1.5, 2.0, 3.0])
def test_whoever_walks_on_unseen_for_seconds_is_found_by_the_way(gap_s: float, fps: float) -> None:
    people = confirmed(walk((2, 5), (11.5, 5)), hidden={0: (3.0, 3.0 + gap_s)}, fps=fps)
    assert [track.id for track in people] == [1]


def test_two_who_were_hidden_together_are_told_apart_by_where_they_were_heading() -> None:
    up, down = walk((3, 4), (11, 4)), walk((11, 6.5), (3, 6.5))
    people = confirmed(up, down, hidden={0: (2.5, 4.5), 1: (2.5, 4.5)})
    assert sorted(track.id for track in people) == [1, 2]
    one, two = sorted(people, key=lambda track: track.id)
    assert one.vx > 0 > two.vx


def test_somebody_who_comes_the_other_way_is_not_the_one_who_was_lost() -> None:
    gone, comes = walk((2, 5), (6, 5)), walk((8.5, 5.5), (3, 5.5), start=4.0)
    assert len(confirmed(gone, comes, hidden={})) == 2


def test_somebody_new_while_the_other_is_still_seen_is_somebody_else() -> None:
    stays, comes = walk((5, 5), 8.0), walk((6.2, 5), (10, 5), start=2.0)
    assert len(confirmed(stays, comes, hidden={})) == 2


def test_a_newcomer_who_goes_on_with_a_lost_number_never_was_a_person_of_its_own() -> None:
    tracker, ended = Tracker(ASPECT), []
    way = walk((2, 5), (11.5, 5))
    for i in range(80):
        place = way.at(i / 10)
        rows = [person(place)] if place is not None and not 3.0 <= i / 10 < 5.0 else []
        tracker.update(i / 10, boxes(*rows))
        ended += tracker.ended
    assert [track.id for track in tracker.tracks if track.confirmed] == [1]
    assert not any(track.confirmed for track in ended)
