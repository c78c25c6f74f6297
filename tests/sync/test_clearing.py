"""Acknowledged rows leave the outbox soon, together where the disk is slow, and none is forgotten."""

from __future__ import annotations

import time

import pytest

from sync.clearing import LONGEST_S, SHARE, Clearing
from sync.outbox import Stream
from tests.sync.fakes import MemoryOutbox


class SlowDisk(MemoryOutbox):
    """Each deletion takes its time."""

    delay_s = 0.05
    deletions = 0
    broken = False

    def acknowledge(self, stream: Stream, epoch: str, upto: int) -> int:
        self.deletions += 1
        if self.broken:
            raise OSError("disk I/O error")
        time.sleep(self.delay_s)
        return super().acknowledge(stream, epoch, upto)


def outbox(rows: int = 100) -> SlowDisk:
    made = SlowDisk()
    made.put_minutes(rows)
    return made


def test_the_first_acknowledgement_is_carried_out_at_once() -> None:
    clearing = Clearing(box := outbox())
    assert clearing.wait(time.monotonic()) is None
    assert clearing.clear() is None
    clearing.note("data", "e1", 10)
    assert clearing.wait(time.monotonic()) == 0
    assert clearing.clear() == 10
    assert box.backlog("data").first_seq == 11


def test_a_slow_disk_is_busy_with_deleting_for_a_fifth_of_the_time() -> None:
    clearing, box = Clearing(slow := outbox()), time.monotonic()
    upto = 0
    while time.monotonic() < box + 0.6:
        upto += 1
        clearing.note("data", "e1", upto)
        clearing.clear()
        time.sleep(0.005)
    assert 2 <= slow.deletions <= 1 + 0.6 / (SHARE * slow.delay_s)
    wait = clearing.wait(time.monotonic())
    assert wait is None or wait <= LONGEST_S
    clearing.clear(at_once=True)
    assert slow.deleted == upto


def test_both_streams_are_cleared_and_of_each_the_newest_word_counts() -> None:
    clearing = Clearing(box := outbox())
    box.put("trigger", "storeedge/trigger/1", "{}")
    for stream, upto in (("data", 3), ("trigger", 1), ("data", 7)):
        clearing.note(stream, "e1", upto)  # type: ignore[arg-type]
    assert clearing.clear() == 8
    assert box.deletions == 2


def test_what_the_store_could_not_delete_is_deleted_next_time() -> None:
    clearing = Clearing(box := outbox())
    clearing.note("data", "e1", 5)
    box.broken = True
    with pytest.raises(OSError, match="I/O"):
        clearing.clear()
    box.broken = False
    assert clearing.clear() == 5
    assert clearing.wait(time.monotonic()) is None


def test_another_epochs_word_deletes_nothing() -> None:
    clearing = Clearing(box := outbox())
    clearing.note("data", "e0", 5)
    assert clearing.clear() == 0
    assert box.backlog("data").rows == 100
