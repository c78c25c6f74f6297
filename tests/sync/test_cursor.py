"""The sending state of one stream: careful with a silent centre, and never generous with rows."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from sync.cursor import SMALLEST_WINDOW, Cursor, Pacing

PACING = Pacing(first_window=2, largest_window=8, retry_s=10, retry_max_s=40)


def cursor(first: int = 1) -> Cursor:
    made = Cursor(PACING, random.Random(1))
    made.announce(first)
    return made


def fill(c: Cursor, now: float = 0.0) -> list[int]:
    """Send as much as there is room for."""
    first = c.sent + 1 if c.sent > 0 else 1
    seqs = list(range(first, first + c.room))
    for seq in seqs:
        c.send(seq, now)
    return seqs


def test_the_window_doubles_with_each_acknowledgement_up_to_the_largest() -> None:
    c = cursor()
    sizes = []
    for _ in range(5):
        sent = fill(c)
        sizes.append(len(sent))
        assert c.acknowledge(sent[-1], 1.0) == sent[-1]
    assert sizes == [2, 4, 8, 8, 8]


def test_after_silence_one_row_is_tried_with_growing_pauses() -> None:
    c, now, pauses = cursor(), 0.0, []
    fill(c, now)
    for _ in range(4):
        wait = c.wait(now)
        assert wait is not None
        pauses.append(wait)
        assert not c.overdue(now + wait - 0.01)
        now += wait
        assert c.overdue(now)
        c.rewind()
        assert (c.sent, c.room, c.wait(now)) == (-1, 1, None)
        c.announce(1)
        assert fill(c, now) == [1]
    assert all(
        full * 0.8 <= pause <= full * 1.2 for pause, full in zip(pauses, [10, 20, 40, 40], strict=True)
    ), pauses
    assert c.acknowledge(1, now) == 1
    assert c.room == 2


def test_a_refused_stream_waits_until_it_is_time_to_try_again() -> None:
    c = cursor()
    fill(c)
    c.refuse()
    assert c.room == 0
    assert c.overdue(12.0)
    c.rewind()
    assert c.room == 1


def test_a_refused_row_that_had_arrived_before_does_not_stop_the_stream() -> None:
    c = cursor()
    sent = fill(c)
    c.refuse()
    c.acknowledge(sent[-1], 1.0)
    assert c.room > 0


def test_an_acknowledgement_never_deletes_what_was_not_sent() -> None:
    c = cursor()
    assert c.acknowledge(10**9, 0.0) is None
    assert fill(c) == [1, 2]
    assert c.acknowledge(10**9, 0.0) == 2


def test_a_repeated_or_older_acknowledgement_changes_nothing() -> None:
    c = cursor()
    fill(c)
    assert c.acknowledge(2, 0.0) == 2
    assert c.acknowledge(2, 0.0) is None
    assert c.acknowledge(1, 0.0) is None


def test_a_row_follows_only_the_row_before_it_or_the_announced_first() -> None:
    c = cursor(5)
    assert not c.follows(6)
    assert c.follows(5)
    c.send(5, 0.0)
    assert c.follows(6)
    assert not c.follows(7)
    c.connect()
    assert not c.follows(6)


actions = st.lists(
    st.one_of(
        st.tuples(st.just("ack"), st.integers(-1, 60)),
        st.tuples(st.sampled_from(["fill", "rewind", "connect", "refuse"]), st.just(0)),
    ),
    max_size=60,
)


@given(actions)
def test_what_may_be_deleted_rises_only_over_rows_that_were_sent(steps: list[tuple[str, int]]) -> None:
    c, sent, deleted, now = cursor(), 0, 0, 0.0
    for what, value in steps:
        now += 1
        if what == "ack":
            upto = c.acknowledge(value, now)
            assert upto is None or upto <= min(value, sent)
            deleted = max(deleted, upto or 0)
        elif what == "fill":
            # what the outbox still has begins after the deleted rows
            first = max(c.sent, deleted) + 1
            for seq in range(first, first + c.room):
                c.send(seq, now)
                sent = max(sent, seq)
            assert c.room == 0
        elif what != "refuse" or not c.idle:
            getattr(c, what)()
        assert 0 <= c.room <= PACING.largest_window
        assert deleted <= sent
        assert c.room > 0 or c.wait(now) is not None, "nothing may be sent and nothing is waited for"


class Centre:
    """A centre in pure time: commits what has come, `per_row_s` a row and `per_batch_s` a batch, and says so.
    A row takes `way_s` each way."""

    def __init__(self, per_row_s: float, per_batch_s: float = 0.005, way_s: float = 0.001) -> None:
        self.per_row_s, self.per_batch_s, self.way_s = per_row_s, per_batch_s, way_s
        self.now = 0.0
        self.held = 0

    def drain(self, c: Cursor, rows: int) -> list[float]:
        """Send and acknowledge that many rows; how long each took from sending to acknowledgement."""
        coming: list[tuple[int, float]] = []
        took = []
        while self.held < rows:
            for seq in range(max(c.sent, self.held) + 1, min(rows, max(c.sent, self.held) + c.room) + 1):
                c.send(seq, self.now)
                coming.append((seq, self.now))
            batch = [row for row in coming if row[1] + self.way_s <= self.now]
            if not batch:
                self.now += self.way_s
                continue
            self.now += self.per_batch_s + len(batch) * self.per_row_s + self.way_s
            coming = coming[len(batch) :]
            self.held = batch[-1][0]
            took += [self.now - at for _, at in batch]
            assert c.acknowledge(self.held, self.now) == self.held
        return took


def test_rows_do_not_queue_for_long_at_a_busy_centre() -> None:
    c = Cursor(Pacing())
    c.announce(1)
    centre = Centre(per_row_s=1 / 400)
    took = centre.drain(c, 4000)
    assert max(took[1000:]) < 0.3, max(took[1000:])
    assert 4000 / centre.now > 0.85 * 400, "nearly all that the centre can do"


def test_a_fast_centre_gets_large_batches() -> None:
    c = Cursor(Pacing())
    c.announce(1)
    centre = Centre(per_row_s=1 / 4000)
    centre.drain(c, 20_000)
    assert 20_000 / centre.now > 0.85 * 4000
    assert c.room >= 128


def test_a_long_line_is_no_queue() -> None:
    """A satellite's half second each way is nobody's fault: the window must not shrink for it."""
    c = Cursor(Pacing())
    c.announce(1)
    centre = Centre(per_row_s=1 / 4000, way_s=0.5)
    centre.drain(c, 5000)
    assert c.room == Pacing().largest_window


def test_a_centre_that_takes_a_row_a_second_is_given_few_at_a_time() -> None:
    c = Cursor(Pacing())
    c.announce(1)
    took = Centre(per_row_s=1.0).drain(c, 300)
    assert max(took[100:]) < 4 * SMALLEST_WINDOW + 1, "seconds, and so many rows"
