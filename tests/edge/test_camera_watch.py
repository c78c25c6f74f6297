"""A camera that gives no picture is told once, and once when it is back."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge.camera_watch import OFFLINE_AFTER_S, CameraWatch


def test_a_camera_that_falls_silent_is_told_with_the_time_of_its_last_picture():
    watch = CameraWatch("cam-1", 100.0)
    assert watch.look(101.0, 5, over=False) is None
    assert watch.look(101.0 + OFFLINE_AFTER_S, 5, over=False) is None
    event = watch.look(101.1 + OFFLINE_AFTER_S, 5, over=False)
    assert (event.name, event.camera, event.t) == ("camera_offline", "cam-1", 101.0)
    assert watch.look(500.0, 5, over=False) is None
    back = watch.look(501.0, 6, over=False)
    assert (back.name, back.t, back.detail["silent_s"]) == ("camera_back", 501.0, 400.0)
    assert watch.look(502.0, 7, over=False) is None


def test_a_clip_that_is_over_is_not_a_camera_that_fell_out():
    watch = CameraWatch("cam-1", 100.0)
    watch.look(101.0, 5, over=False)
    assert all(watch.look(101.0 + k, 5, over=True) is None for k in range(100))


@given(st.lists(st.tuples(st.floats(0.1, 30), st.integers(0, 2)), max_size=80))
def test_offline_and_back_alternate(steps):
    watch, now, written, names = CameraWatch("cam-1", 0.0), 0.0, 0, []
    for wait, frames in steps:
        now, written = now + wait, written + frames
        event = watch.look(now, written, over=False)
        if event is not None:
            names.append(event.name)
    assert names == [("camera_offline", "camera_back")[k % 2] for k in range(len(names))]
