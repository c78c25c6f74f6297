"""Parking coupons: how soon they are decided and shown, plates, members, and a trigger's signature."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any, Final

from pipelines.members import DIGEST_BYTES, MemberBook, MemberKey, MemberList, MemberSet
from pipelines.tokens import token_of
from scripts.benches import parking_latency as latency
from scripts.benches import parking_plates as plates
from sync.bodies import utc
from sync.coupon_payloads import MOST_PER_PIECE, TriggerBody
from sync.keys import KeyPair
from sync.topics import BoxIdentity
from sync.trigger_signing import sign_trigger, verifies

MEMBERS: Final = 1_000_000
ASKED: Final = 20_000
ROUNDS: Final = 5


def measure() -> dict[str, Any]:
    """One part for each step of a coupon's way."""
    return latency.measure() | {"plates": plates.measure(), "members": _members(), "signature": _signature()}


def _members() -> dict[str, Any]:
    """A list of a million in pieces as they come down; look-ups of members and of strangers."""
    raw = os.urandom(DIGEST_BYTES * MEMBERS)
    size = DIGEST_BYTES * MOST_PER_PIECE
    pieces = [raw[i : i + size] for i in range(0, len(raw), size)]
    before = _peak_mb()
    began = time.perf_counter()
    members = MemberSet.of(pieces)
    took = time.perf_counter() - began
    peak = _peak_mb() - before
    step = DIGEST_BYTES * (MEMBERS // ASKED)
    known = [(raw[i : i + DIGEST_BYTES] + bytes(20)).hex() for i in range(0, len(raw), step)]
    strangers = [os.urandom(32).hex() for _ in range(ASKED)]
    key = MemberKey("bench", os.urandom(32), 0.0, 2.0)
    book = MemberBook([MemberList(key, members, 2.0)])
    plates = [f"粤B{number:05d}" for number in range(ASKED)]
    return {
        "members": len(members),
        "memory_mb": round(members.nbytes / 1e6, 1),
        "build_s": round(took, 2),
        "build_peak_mb": round(peak, 1),
        "lookup_member_us": _each_us(lambda token: token in members, known),
        "lookup_stranger_us": _each_us(lambda token: token in members, strangers),
        "token_us": _each_us(lambda plate: token_of(plate, key.secret), plates),
        "plate_to_answer_us": _each_us(lambda plate: book.find(plate, 1.0), plates),
        "false_positive_odds": f"{len(members) / 2 ** (8 * DIGEST_BYTES):.1e}",
    }


def _signature() -> dict[str, Any]:
    box, keys, now = BoxIdentity("bench", "bench", "box-01"), KeyPair(os.urandom(32)), time.time()
    trigger = TriggerBody(
        key="t", lane="exit-1", direction="exit", decision="issued", offer="coffee",
        at=utc(now), expires_at=utc(now + 60), minutes_parked=95.5,
    )  # fmt: skip
    texts = [sign_trigger(trigger, box, keys).text() for _ in range(500)]
    return {
        "sign_us": _each_us(lambda _: sign_trigger(trigger, box, keys), range(500)),
        "verify_us": _each_us(lambda text: verifies(text, box, keys.public), texts),
    }


def _each_us(do: Callable[[Any], Any], asked: Sequence[Any]) -> float:
    """Microseconds of processor time for one, the median of some rounds over all."""
    rounds = []
    for _ in range(ROUNDS):
        began = time.thread_time()
        for one in asked:
            do(one)
        rounds.append((time.thread_time() - began) / len(asked))
    return round(median(rounds) * 1e6, 2)


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
