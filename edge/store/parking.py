"""Parking sessions, coupon decisions and their counts in the box's database.

What one event came to, its session, its decision, the decision's message and its count, is one transaction.
No plate is ever given to this file: sessions know their car by keyed tokens (`pipelines/plate_tokens.py`).
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Literal

from edge.store import outbox
from edge.store.store import Store
from pipelines.coupons import Decision
from pipelines.parking_records import Session
from pipelines.plate_tokens import Names
from sync.coupon_payloads import TRIGGER

log = logging.getLogger("edge.store")

QUARTER_S: Final = 900

Told = Literal["no", "waits", "yes", "refused", "given_up"]
"""What the parking system knows of a coupon. `no`: there is nothing to tell or nobody to tell it to.
`refused`: it said no. `given_up`: it could not be reached before the coupon expired."""
Counts = Mapping[tuple[str, str], int]
"""Cars by lane and outcome: `issued`, or why not."""


@dataclass(frozen=True, slots=True)
class Boot:
    """The machine's own counter, which outlives the main process but not the machine's sleep of death."""

    id: str
    """Of the kernel; empty where it does not tell."""
    offset: float
    """Steady UTC seconds at which the counter stood at 0 (`SteadyClock.offset`)."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A decision with the body of its message, ready for the outbox."""

    decision: Decision
    body: str
    told: Told = "no"


@dataclass(frozen=True, slots=True)
class Stay:
    """A session, and whether its car is a member's; None leaves what was known."""

    session: Session
    member: bool | None = None


@dataclass(frozen=True, slots=True)
class PastStay:
    """A stay as it is kept for some weeks, for a dry run of other rules."""

    session: str
    entry_lane: str
    entered_at: float | None
    exit_lane: str
    left_at: float | None
    parked_s: float | None
    member: bool | None


@dataclass(frozen=True, slots=True)
class ParkingDay:
    """What is kept of a day's cars."""

    entered: int
    """Stays that began on this day."""
    left: int
    unread: Mapping[str, int]
    """Cars whose plate could not be read, which have no stay, by lane."""
    offers: Mapping[str, int]
    """Coupons issued, by offer."""


class ParkingBooks:
    """The part of the store that parking uses. Raises `StoreError`; nothing is half written."""

    def __init__(self, store: Store, boot: Boot) -> None:
        self._store, self._boot = store, boot

    def keep(
        self,
        stays: Sequence[Stay] = (),
        *,
        now: float,
        signed: Signed | None = None,
        counts: Counts | None = None,
    ) -> bool:
        """Keep what an event came to, all of it or nothing. False: the stay was decided before, and only the
        rest is kept."""

        def change(connection: sqlite3.Connection) -> bool:
            for stay in stays:
                with _one_at_a_time():
                    _put_stay(connection, stay, now, self._boot)
            fresh = signed is None or _put_trigger(connection, signed)
            if signed is not None and fresh:
                decision = signed.decision
                outbox.put(
                    connection,
                    "trigger",
                    TRIGGER,
                    signed.body,
                    created_at=now,
                    expires_at=decision.expires_at,
                )
            for (lane, outcome), cars in (counts or {}).items():
                with _one_at_a_time():
                    _count(connection, now, lane, outcome, cars)
            return fresh

        return self._store.write(change)

    def tell(self, key: str, told: Told) -> None:
        """Note what the parking system knows of a coupon."""
        self._store.write(
            lambda connection: connection.execute(
                'UPDATE coupon_trigger SET told = ? WHERE "key" = ?', (told, key)
            )
        )

    def give_up_telling(self) -> int:
        """After a restart: whom to tell what was in memory only, for it needs the plate. How many."""
        return self._store.write(
            lambda connection: (
                connection.execute(
                    "UPDATE coupon_trigger SET told = 'given_up' WHERE told = 'waits'"
                ).rowcount
            )
        )

    def sessions(self, left_since: float, now: float) -> list[Session]:
        """Sessions that are open or ended since, on this run's steady scale."""
        rows = self._store.read(
            lambda connection: connection.execute(
                "SELECT * FROM parking_session WHERE ending IS NULL OR left_at >= ?", (left_since,)
            ).fetchall()
        )
        return [_session(row, self._boot, now) for row in rows]

    def decisions(self, since: float) -> list[Decision]:
        """What was decided since, oldest first."""
        return self._store.read(lambda connection: decisions(connection, since))

    def wipe(self, left_before: float) -> int:
        """Take the tokens from the sessions that ended before: nobody can be found by them any more."""
        return self._store.write(
            lambda connection: (
                connection.execute(
                    "UPDATE parking_session SET names = NULL, ref = NULL "
                    "WHERE left_at < ? AND (names IS NOT NULL OR ref IS NOT NULL)",
                    (left_before,),
                ).rowcount
            )
        )


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """What can never be kept is left out: it must not hold up what comes after it."""
    try:
        yield
    except sqlite3.IntegrityError as error:
        log.error("a car's stay or count cannot be kept: %s", error)


def _put_stay(connection: sqlite3.Connection, stay: Stay, now: float, boot: Boot) -> None:
    session = stay.session
    row: dict[str, Any] = {
        "id": session.id, "told_at": now, "entry_lane": session.entry_lane, "entered_at": session.entered_at,
        "boot": boot.id,
        "boot_s": None if session.entered_at is None else session.entered_at - boot.offset,
        "exit_lane": session.exit_lane, "left_at": session.left_at, "parked_s": session.parked_s,
        "ending": session.end, "amount": session.amount,
        "member": None if stay.member is None else int(stay.member),
        "names": None if session.names is None else session.names.text(), "ref": session.ref,
    }  # fmt: skip
    columns, marks = ", ".join(row), ", ".join(f":{name}" for name in row)
    # Who tells nothing of the member takes nothing back.
    changes = ", ".join(f"{name} = excluded.{name}" for name in row if name not in {"id", "member"})
    connection.execute(
        f"INSERT INTO parking_session ({columns}) VALUES ({marks}) "  # noqa: S608 - our names
        f"ON CONFLICT (id) DO UPDATE SET {changes}, member = coalesce(excluded.member, member)",
        row,
    )


def _put_trigger(connection: sqlite3.Connection, signed: Signed) -> bool:
    one = signed.decision
    member = None if one.member is None else int(one.member)
    return (
        connection.execute(
            "INSERT INTO coupon_trigger VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
            "ON CONFLICT DO NOTHING",
            (
                one.key, one.t, one.day, one.session, one.on, one.lane, one.rule, one.offer, one.reason,
                one.expires_at, one.visitor, member, one.parked_s, one.worth, signed.told,
            ),
        ).rowcount
        > 0
    )  # fmt: skip


def _count(connection: sqlite3.Connection, now: float, lane: str, outcome: str, cars: int) -> None:
    connection.execute(
        "INSERT INTO coupon_count VALUES (?, ?, ?, ?) "
        "ON CONFLICT (start, lane, outcome) DO UPDATE SET cars = cars + excluded.cars",
        (int(now // QUARTER_S) * QUARTER_S, lane, outcome, cars),
    )


def _session(row: sqlite3.Row, boot: Boot, now: float) -> Session:
    """A session on this run's scale: by the machine's counter where it has run on, else by the wall clock,
    and unknown where that was set back since."""
    entered: float | None = row["entered_at"]
    if entered is not None and row["boot"] and row["boot"] == boot.id:
        entered = row["boot_s"] + boot.offset
    if entered is not None and entered > now:
        entered = None
    names = Names.parse(row["names"]) if row["names"] else None
    return Session(
        row["id"], row["entry_lane"], entered, names, row["ref"],
        row["exit_lane"], row["left_at"], row["parked_s"], row["ending"], row["amount"],
    )  # fmt: skip


def _decision(row: sqlite3.Row) -> Decision:
    return Decision(
        row["key"], row["session"], row["direction"], row["lane"], row["t"], row["day"], row["rule"],
        row["offer"], row["reason"], row["expires_at"], row["visitor"],
        None if row["member"] is None else bool(row["member"]), row["parked_s"], row["worth"],
    )  # fmt: skip


def decisions(connection: sqlite3.Connection, since: float) -> list[Decision]:
    """What was decided since, oldest first. The connection's rows are `sqlite3.Row`."""
    rows = connection.execute("SELECT * FROM coupon_trigger WHERE t >= ? ORDER BY t", (since,))
    return [_decision(row) for row in rows]


def past_stays(connection: sqlite3.Connection, since: float) -> list[PastStay]:
    """Stays that something was told of since, oldest first. The connection's rows are `sqlite3.Row`."""
    rows = connection.execute("SELECT * FROM parking_session WHERE told_at >= ? ORDER BY told_at", (since,))
    return [
        PastStay(
            row["id"], row["entry_lane"], row["entered_at"], row["exit_lane"], row["left_at"],
            row["parked_s"], None if row["member"] is None else bool(row["member"]),
        )
        for row in rows
    ]  # fmt: skip


def counts(connection: sqlite3.Connection, begin: float, end: float) -> dict[tuple[str, str], int]:
    """Cars by lane and outcome in [begin, end)."""
    rows = connection.execute(
        "SELECT lane, outcome, sum(cars) FROM coupon_count WHERE start >= ? AND start < ? "
        "GROUP BY lane, outcome ORDER BY lane, outcome",
        (begin, end),
    )
    return {(lane, outcome): cars for lane, outcome, cars in rows}


def parking_day(connection: sqlite3.Connection, begin: float, end: float) -> ParkingDay:
    """The cars of [begin, end)."""
    # A stay is told of when it begins and when it ends, so `told_at` is never before either.
    entered, left = connection.execute(
        "SELECT coalesce(sum(entered_at >= :begin AND entered_at < :end), 0), "
        "coalesce(sum(ending = 'left' AND left_at >= :begin AND left_at < :end), 0) "
        "FROM parking_session WHERE told_at >= :begin",
        {"begin": begin, "end": end},
    ).fetchone()
    # Some rules give a coupon also to a car that is unread: it is counted by what came of that.
    unread = connection.execute(
        "SELECT lane, sum(cars) FROM (SELECT lane, cars FROM coupon_count "
        "WHERE start >= :begin AND start < :end AND outcome = 'unread' UNION ALL "
        "SELECT lane, 1 FROM coupon_trigger WHERE t >= :begin AND t < :end AND visitor IS NULL) "
        "GROUP BY lane",
        {"begin": begin, "end": end},
    ).fetchall()
    offers = connection.execute(
        "SELECT offer, count(*) FROM coupon_trigger WHERE t >= ? AND t < ? AND reason IS NULL "
        "GROUP BY offer ORDER BY count(*) DESC, offer",
        (begin, end),
    ).fetchall()
    return ParkingDay(entered, left, dict(map(tuple, unread)), dict(map(tuple, offers)))
