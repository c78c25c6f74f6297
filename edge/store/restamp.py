"""By what time a boot counted, and its true times once they are known, all in one transaction.

What is kept (table `clock_stretch`): for this boot, and for each earlier one whose times are not sure, by
which offset it counted from when on. `set_clock` puts a new setting into force:

1. An earlier boot whose plausible times now turn out to lie after this boot's start was wrong: it is moved to
   right before this boot.
2. What this boot counted by its former setting moves by the difference (a setting that a time server had
   confirmed was right, and stays).
3. Earlier boots that never knew the time of day are moved to right before this boot, in their order. That is
   the best guess: boxes that lose their power are mostly switched on again soon. Their minutes say that they
   may be shifted (`clock_untrusted`).

Nothing is overwritten: a minute that is there already gets the moved one added.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from edge.clock_trust import DARK_END, Known, Setting, Trust, is_dark
from edge.store import records
from edge.store.moving import Span, move, place, put_event
from pipelines.records import MINUTE_S, Event, Window

CLOCK_UNKNOWN: Final = "clock_unknown"
"""The event that lasts while the time of day is not known."""
OVERLAP_S: Final = 600.0
"""An earlier boot whose times reach only so far into this one had a clock that is a little fast: a guess
would be further off."""
_MINUTES: Final = "SELECT max(start) FROM minute WHERE start >= ? AND start < ?"
_FIRST: Final = "SELECT min(start) FROM minute WHERE start >= ? AND start < ?"
_OBSERVED: Final = (
    "SELECT max(start) FROM camera_window WHERE observed_seconds > 0 AND start >= ? AND start < ?"
)
"""Minutes that nobody saw are also made of the time before a boot, back to the last one's."""
_RECORDS: Final = tuple(
    f"SELECT max({column}) FROM {table} WHERE {column} >= ? AND {column} < ?"  # noqa: S608 - our names
    for table, column in (
        ("crossing", "t"), ("visit", "t_out"), ("wait", "t_out"), ("vehicle_passage", "t"), ("event", "t"),
        ("parking_session", "told_at"),
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Stretch:
    """A boot's counting by one setting."""

    boot: str
    setting: Setting
    first_minute: int
    """The first minute that is its alone."""


@dataclass(frozen=True, slots=True)
class Stamped:
    """What got another time."""

    minutes: int = 0
    """Of this boot, by `seconds`."""
    seconds: float = 0.0
    guessed: int = 0
    """Minutes of earlier boots."""


def stretch(connection: sqlite3.Connection, boot: str) -> Stretch | None:
    """What a boot counts by; None: it has not begun."""
    return next((one for one in _stretches(connection) if one.boot == boot), None)


def known(connection: sqlite3.Connection, boot: str) -> Known:
    """What the store knows of time without what this boot counted."""
    stretches = _stretches(connection)
    unsure = [s for s in stretches if s.setting.trust == "plausible"]
    dark = [s.setting.begun for s in stretches if s.setting.trust == "unknown"]
    last = max(
        (t for t in (_last(connection, _before(None, 0.0, DARK_END)), *dark) if t is not None), default=None
    )
    ours = next((s for s in unsure if s.boot == boot), None)
    return Known(
        newest=_last(connection, _before(ours)),
        sure=_last(connection, _before(next(iter(unsure), None))),
        dark_free=0.0 if last is None else float(_minute(last) + 2 * MINUTE_S),
    )


def untimed(connection: sqlite3.Connection) -> int:
    """Minutes that were counted and whose time of day is not known."""
    found: int = connection.execute(
        "SELECT count(DISTINCT start) FROM minute WHERE start < ?", (DARK_END,)
    ).fetchone()[0]
    return found


def set_clock(
    connection: sqlite3.Connection,
    boot: str,
    setting: Setting,
    now: float,
    tick: Callable[[], object] = lambda: None,
) -> Stamped:
    """Count by a setting from now on, and give what was counted before the times that follow from it. now: by
    the new setting. tick: called now and then, for it may take a minute after weeks in the dark."""
    former, newest = stretch(connection, boot), known(connection, boot).newest
    minutes = guessed = 0
    begun = setting.begun
    if setting.trust == "synced":
        guessed += _move_wrong(connection, boot, setting, now, tick)
    by = 0.0
    if former is not None and former.setting.trust != "synced":
        by = setting.offset - former.setting.offset
        if by:
            span = _span(connection, former)
            _end_unknown(connection, span, now - by)
            minutes = move(connection, span, by, now, sure=True, tick=tick)
    if setting.trust != "unknown":
        count, begun = _move_dark(connection, boot, setting, now, tick)
        guessed += count
        # Without a time server earlier boots may still turn out to be wrong.
        keep = "" if setting.trust == "synced" else "plausible"
        connection.execute("DELETE FROM clock_stretch WHERE boot != ? AND trust != ?", (boot, keep))
    _put(connection, boot, setting, former, round(by / MINUTE_S) * MINUTE_S)
    if begun < setting.begun:
        _take_in(connection, boot, begun if newest is None else max(begun, newest + MINUTE_S))
    done = Stamped(minutes, by, guessed)
    _tell(connection, done, now)
    return done


def _tell(connection: sqlite3.Connection, done: Stamped, now: float) -> None:
    """One event says what was moved."""
    if not (done.minutes or done.guessed) or is_dark(now):
        return
    detail: dict[str, int | float] = {"minutes": done.minutes, "guessed": done.guessed}
    if abs(done.seconds) < DARK_END:  # from the dark it says nothing
        detail["seconds"] = round(done.seconds, 1)
    event = Event("clock_stamped", now, detail={name: value for name, value in detail.items() if value})
    if records.insert(connection, event):
        put_event(connection, event, now)


def keep_dark(
    connection: sqlite3.Connection, ours: Sequence[str], start: int, made: Sequence[Window], now: float
) -> bool:
    """Keep a run's minute of the dark scale: with its records marked, without a quarter-hour or a message.
    False, and nothing changed, when this run has kept it before. ours: the run's names, the newest first."""
    runs = {row[0] for row in connection.execute("SELECT run FROM minute WHERE start = ?", (start,))}
    if runs & set(ours):
        return False
    place(connection, start, made, now, run=ours[0])
    records.mark_counted(connection, start)
    return True


def _stretches(connection: sqlite3.Connection) -> list[Stretch]:
    rows = connection.execute(
        "SELECT boot, zero, trust, begun, first_minute FROM clock_stretch ORDER BY begun"
    )
    return [Stretch(boot, Setting(zero, trust, begun), first) for boot, zero, trust, begun, first in rows]


def _put(
    connection: sqlite3.Connection, boot: str, setting: Setting, former: Stretch | None, moved: int
) -> None:
    if former is not None and former.setting.trust != "synced":
        first = former.first_minute + moved
    else:
        first = _minute(setting.begun)
        if connection.execute("SELECT 1 FROM minute WHERE start = ?", (first,)).fetchone():
            first += MINUTE_S  # shared with what was before: it would not be known whose is what
    trust: Trust = setting.trust
    connection.execute(
        "INSERT OR REPLACE INTO clock_stretch VALUES (?, ?, ?, ?, ?)",
        (boot, setting.offset, trust, setting.begun, first),
    )


def _take_in(connection: sqlite3.Connection, boot: str, begun: float) -> None:
    """What was put right before a boot by guess moves with it, if its own times turn out to be wrong."""
    first = -(-int(begun) // MINUTE_S) * MINUTE_S
    connection.execute(
        "UPDATE clock_stretch SET begun = min(begun, ?), first_minute = min(first_minute, ?) WHERE boot = ?",
        (float(first), first, boot),
    )


def _move_wrong(
    connection: sqlite3.Connection, boot: str, setting: Setting, now: float, tick: Callable[[], object]
) -> int:
    """Earlier boots whose times cannot be: they would not have ended before this one began."""
    guessed = 0
    for one in reversed(_stretches(connection)):
        if one.boot != boot and one.setting.trust == "plausible":
            last = _last(connection, _span(connection, one))
            if last is not None and last >= setting.begun + OVERLAP_S:
                guessed += _move_before(connection, one, setting.begun, now, tick=tick)[0]
    return guessed


def _move_dark(
    connection: sqlite3.Connection, boot: str, setting: Setting, now: float, tick: Callable[[], object]
) -> tuple[int, float]:
    """Earlier boots that never knew the time, the last first; also such of which nobody knows the boot. The
    number of minutes, and when the first of these boots begins now."""
    guessed, before, lowest = 0, setting.begun, _lowest(connection, boot, setting)
    spans = [s for s in _stretches(connection) if s.boot != boot and s.setting.trust == "unknown"]
    spans.insert(0, Stretch("", Setting(0.0, "unknown", 0.0), 0))
    for one in reversed(spans):
        count, before = _move_before(connection, one, before, now, lowest=lowest, tick=tick)
        guessed += count
    return guessed, before


def _move_before(
    connection: sqlite3.Connection,
    one: Stretch,
    before: float,
    now: float,
    *,
    lowest: int = 0,
    tick: Callable[[], object],
) -> tuple[int, float]:
    """Move a stretch so that it ends right before a time, by whole minutes, and begins no earlier than
    `lowest`; how many minutes, and its beginning."""
    span = _span(connection, one)
    last = _last(connection, span)
    if last is None:
        return 0, before
    _end_unknown(connection, span, last)
    by = _minute(before) - 2 * MINUTE_S - _minute(last)
    (first,) = connection.execute(_FIRST, (span.first_minute, span.end_minute)).fetchone()
    begun = max(span.begun, _minute(last) if first is None else first)
    by = max(by, lowest - _minute(begun))
    return move(connection, span, float(by), now, sure=False, tick=tick), begun + by


def _lowest(connection: sqlite3.Connection, boot: str, setting: Setting) -> int:
    """Where there is too little room, a guess goes as far back as this: not to before boots that are unsure
    themselves, where it would look sure."""
    unsure = [
        s.first_minute for s in _stretches(connection) if s.boot != boot and s.setting.trust == "plausible"
    ]
    return min(unsure, default=0) if setting.trust == "plausible" else 0


def _end_unknown(connection: sqlite3.Connection, span: Span, at: float) -> None:
    """The event that the time is not known has an end: it becomes known now."""
    if is_dark(span.begun):
        connection.execute(
            "UPDATE event SET t_end = max(t, ?) WHERE name = ? AND t_end IS NULL AND t >= ? AND t < ?",
            (at, CLOCK_UNKNOWN, span.begun, span.end),
        )


def _span(connection: sqlite3.Connection, one: Stretch) -> Span:
    """What is of a stretch: until another one begins, or its scale ends."""
    begun, scale = one.setting.begun, DARK_END if is_dark(one.setting.begun) else math.inf
    later = [s for s in _stretches(connection) if s.boot != one.boot and begun < s.setting.begun < scale]
    return _before(next(iter(later), None), begun, scale, one.first_minute)


def _before(
    one: Stretch | None, begun: float = DARK_END, end: float = math.inf, first_minute: int | None = None
) -> Span:
    """All from a time on that is before a stretch, or before `end`."""
    first = int(begun) if first_minute is None else first_minute
    return (
        Span(begun, end, first, end)
        if one is None
        else Span(begun, one.setting.begun, first, one.first_minute)
    )


def _last(connection: sqlite3.Connection, span: Span) -> float | None:
    """The newest time of anything counted; on the dark scale of anything at all."""
    minutes = _MINUTES if is_dark(span.begun) else _OBSERVED
    asked = [
        (minutes, (span.first_minute, span.end_minute)),
        *((sql, (span.begun, span.end)) for sql in _RECORDS),
    ]
    found = [connection.execute(sql, bounds).fetchone()[0] for sql, bounds in asked]
    return max((float(t) for t in found if t is not None), default=None)


def _minute(t: float) -> int:
    return math.floor(t / MINUTE_S) * MINUTE_S
