"""The frame ring: newest wins, nobody waits, and a torn frame is never delivered."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.capture.ring import SLOTS, CaptureState, FrameRing, RingReader, RingWriter
from edge.errors import CaptureError

HEIGHT, WIDTH = 90, 160

HAMMER = """
import sys
from edge.capture.ring import RingWriter
ring = RingWriter(int(sys.argv[1]))
while True:
    image = ring.claim(720, 1280)
    shade = (ring.health().written + 1) % 251
    for row in range(0, 720, 8):  # in pieces, so that a writer is nearly always killed inside a frame
        image[row : row + 8] = shade
    ring.publish(float(ring.health().written + 1))
"""


@pytest.fixture
def ring_fd() -> Iterator[int]:
    fd = FrameRing.create(capacity=1280 * 720 * 3)
    yield fd
    os.close(fd)


@pytest.fixture
def ends(ring_fd: int) -> Iterator[tuple[RingWriter, RingReader]]:
    writer, reader = RingWriter(ring_fd), RingReader(ring_fd)
    yield writer, reader
    reader.close()
    writer.close()


def write(writer: RingWriter, shade: int, t: float = 0.0) -> int:
    writer.claim(HEIGHT, WIDTH)[:] = shade
    return writer.publish(t)


def test_a_frame_arrives_as_it_was_written(ends):
    writer, reader = ends
    picture = np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)
    writer.begin_session()
    np.copyto(writer.claim(HEIGHT, WIDTH), picture)
    writer.publish(t=12.5)
    with reader.newest() as frame:
        assert np.array_equal(frame.image, picture)
        assert (frame.t, frame.seq, frame.session) == (12.5, 1, 1)


def test_the_newest_frame_wins_and_is_delivered_once(ends):
    writer, reader = ends
    for shade in (1, 2, 3, 4, 5):
        write(writer, shade)
    assert reader.fresh
    with reader.newest() as frame:
        assert (frame.image[0, 0, 0], frame.seq) == (5, 5)
    assert not reader.fresh
    with reader.newest() as frame:
        assert frame is None


def test_a_reader_that_holds_a_frame_stops_nobody_and_keeps_it_whole(ends):
    writer, reader = ends
    write(writer, 7)
    with reader.newest() as frame:
        for shade in range(100, 120):
            write(writer, shade)
        assert (frame.image == 7).all()
    with reader.newest() as frame:
        assert (frame.image == 119).all()


def test_the_reader_cannot_paint_on_the_picture(ends):
    writer, reader = ends
    write(writer, 7)
    with reader.newest() as frame, pytest.raises(ValueError, match="read-only"):
        frame.image[0, 0] = 1


def test_a_frame_from_before_the_reader_came_is_old_news(ring_fd):
    writer = RingWriter(ring_fd)
    write(writer, 1)
    reader = RingReader(ring_fd)
    assert not reader.fresh
    write(writer, 2)
    with reader.newest() as frame:
        assert frame.seq == 2
    writer.close()
    reader.close()


def test_an_abandoned_frame_is_not_delivered(ends):
    writer, reader = ends
    write(writer, 1)
    writer.claim(HEIGHT, WIDTH)[:] = 9
    writer.abandon()
    with reader.newest() as frame:
        assert (frame.image == 1).all()


def test_a_camera_may_change_its_size(ends):
    writer, reader = ends
    for height, width in ((90, 160), (720, 1280), (48, 64)):
        writer.claim(height, width)[:] = height % 251
        writer.publish(1.0)
        with reader.newest() as frame:
            assert frame.image.shape == (height, width, 3)
            assert (frame.image == height % 251).all()


def test_a_picture_too_large_is_refused_with_what_to_do(ends):
    with pytest.raises(CaptureError, match="too large; set the camera to"):
        ends[0].claim(1440, 2560)


def test_other_memory_is_not_taken_for_a_ring():
    fd = os.memfd_create("not-a-ring")
    for size in (0, 8192):
        os.ftruncate(fd, size)
        with pytest.raises(CaptureError, match="no frame ring"):
            RingReader(fd)
    os.close(fd)


def test_the_end_is_told_only_after_the_last_frame_was_had(ends):
    writer, reader = ends
    write(writer, 1)
    writer.beat(CaptureState.ENDED)
    assert not reader.ended
    with reader.newest():
        pass
    assert reader.ended


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["write", "take", "let go", "abandon", "new writer"]), max_size=60))
def test_whatever_the_order_the_reader_sees_whole_frames_ever_newer(steps):
    fd = FrameRing.create(capacity=HEIGHT * WIDTH * 3)
    writer, reader = RingWriter(fd), RingReader(fd)
    held = None
    written = last_seen = 0
    for step in steps:
        if step == "write":
            written = write(writer, (written + 1) % 251)
        elif step == "abandon":
            writer.claim(HEIGHT, WIDTH)[:] = 255
            writer.abandon()
        elif step == "new writer":  # as after a kill -9 between claim and publish
            writer.claim(HEIGHT, WIDTH)[:] = 255
            writer.close()
            writer = RingWriter(fd)
        elif step == "take" and held is None:
            context = reader.newest()
            frame = context.__enter__()
            if frame is None:
                assert last_seen == written
                context.__exit__(None, None, None)
            else:
                assert frame.seq == written > last_seen
                held, last_seen = (context, frame), frame.seq
        elif step == "let go" and held is not None:
            held[0].__exit__(None, None, None)
            held = None
        if held is not None:
            assert (held[1].image == held[1].seq % 251).all()
    if held is not None:
        held[0].__exit__(None, None, None)
    reader.close()
    writer.close()
    os.close(fd)


def test_no_torn_frame_while_writers_are_killed_in_the_middle_of_frames(ring_fd):
    """A writer paints frames as fast as it can and is killed -9 again and again; another goes on."""
    reader = RingReader(ring_fd)
    frames = torn = backwards = 0
    last = 0
    chance = random.Random(1)
    kills = 0
    while kills < 8 or (frames <= 100 and kills < 40):  # a busy machine paints slowly
        kills += 1
        writer = subprocess.Popen([sys.executable, "-c", HAMMER, str(ring_fd)], pass_fds=[ring_fd])
        try:
            deadline = time.monotonic() + 10
            while not reader.fresh and time.monotonic() < deadline:
                time.sleep(0.005)
            until = time.monotonic() + chance.uniform(0.1, 0.3)
            while time.monotonic() < until:
                with reader.newest() as frame:
                    if frame is None:
                        continue
                    frames += 1
                    torn += not (frame.image == frame.seq % 251).all()
                    backwards += frame.seq <= last
                    last = frame.seq
        finally:
            os.kill(writer.pid, signal.SIGKILL)
            writer.wait(5)
        with reader.newest() as frame:  # what the dead one left behind
            if frame is not None:
                torn += not (frame.image == frame.seq % 251).all()
                last = frame.seq
    reader.close()
    assert frames > 100, frames
    assert (torn, backwards) == (0, 0), f"of {frames} frames {torn} torn, {backwards} not newer"


def test_reading_makes_no_new_picture(ends):
    """The same slot gives the same array: nothing as large as a frame is allocated for each frame."""
    writer, reader = ends
    addresses = set()
    for shade in range(30):
        write(writer, shade)
        with reader.newest() as frame:
            addresses.add(frame.image.ctypes.data)
    assert len(addresses) <= SLOTS


def test_the_memory_has_no_name_that_could_be_left_behind(ends):
    before = set(os.listdir("/dev/shm"))
    fd = FrameRing.create()
    ring = RingWriter(fd)
    write(ring, 1)
    assert set(os.listdir("/dev/shm")) == before
    ring.close()
    os.close(fd)


def test_health_tells_what_the_writer_did(ends):
    writer, reader = ends
    writer.begin_session()
    writer.count_seen()
    writer.count_seen()
    write(writer, 1)
    writer.count_failure()
    writer.beat(CaptureState.STREAMING)
    health = reader.health()
    assert (health.state, health.seen, health.written) == (CaptureState.STREAMING, 2, 1)
    assert (health.sessions, health.failures) == (1, 1)
    assert 0 <= time.monotonic_ns() - health.beat_ns < 1e9
