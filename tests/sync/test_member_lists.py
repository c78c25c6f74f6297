"""Member lists through a real broker: large, changed while in use, and there with the line cut."""

from __future__ import annotations

import threading
import time
import tracemalloc
from pathlib import Path

from sync.down.authority import Authority
from sync.keys import KeyPair
from tests.broker import Mosquitto
from tests.sync.coupon_fakes import CAR, CouponBox, HeadOffice, coupon_hub
from tests.sync.fakes import wait_for

MANY = 200_000


def plates(count: int) -> dict[str, str]:
    return {f"粤B{number:06d}": f"m-{number}" for number in range(count)}


def test_200_000_members_reach_the_box_in_pieces_and_stay_small(mosquitto: Mosquitto, tmp_path: Path) -> None:
    db = tmp_path / "hub.db"
    office = HeadOffice(db)
    office.members(office.key("k1"), plates(MANY))
    [listing] = office.membership.listings("rainbow")
    assert (listing.members, listing.pieces) == (MANY, 17)
    with coupon_hub(mosquitto.url, db):
        centre = KeyPair.open(office.files.centre_key).public
        with CouponBox(mosquitto.url, tmp_path, authority=Authority([centre])) as box:
            wait_for(lambda: len(box.keeper.book) == MANY, 60, why=box.documents.arriving)
            now = time.time()
            assert all(box.keeper.book.find(f"粤B{n:06d}", now) for n in range(0, MANY, 997))
            assert not any(box.keeper.book.find(f"粤C{n:06d}", now) for n in range(0, MANY, 997))
            assert box.keeper.book.nbytes < 40e6 * MANY / 1e6, box.keeper.book.nbytes
    tracemalloc.start()
    with CouponBox("mqtt://127.0.0.1:9", tmp_path) as alone:
        assert len(alone.keeper.book) == MANY, "known at once, with no broker anywhere"
        held, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 8e6, f"{held / 1e6:.1f} MB held for {MANY} members"
    assert peak < 24e6, f"{peak / 1e6:.1f} MB while it was read"


def test_a_member_is_found_at_every_moment_while_key_and_list_are_changed(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    """The new key comes into use within the test, the old one ends; the car is asked for all the time."""
    db = tmp_path / "hub.db"
    office = HeadOffice(db)
    old = office.key("old", ends_s=6.0)
    office.members(old, {CAR: "m-1"})
    missed, by = [], set()
    with coupon_hub(mosquitto.url, db), CouponBox(mosquitto.url, tmp_path) as box:
        box.wait("member-keys", "members-old")
        done = threading.Event()

        def ask() -> None:
            while not done.is_set():
                now = time.time()
                found = box.keeper.book.find(CAR, now)
                if found is None:
                    missed.append(now)
                else:
                    by.add(found.key)
                time.sleep(0.001)

        asking = threading.Thread(target=ask)
        asking.start()
        new = office.key("new", begins_s=2.0)
        office.members(new, {CAR: "m-1"})
        box.wait("members-new")
        office.members(new, {CAR: "m-1", "粤B00001": "m-2"})
        wait_for(lambda: time.time() > old.valid_until + 0.5, 20)
        wait_for(lambda: len(box.keeper.book) == 2)
        done.set()
        asking.join()
    assert missed == [], f"{len(missed)} times, first {old.valid_until - missed[0]:.3f} s before its end"
    assert by == {"old", "new"}


def test_a_shorter_list_leaves_no_piece_at_the_broker(mosquitto: Mosquitto, tmp_path: Path) -> None:
    db = tmp_path / "hub.db"
    office = HeadOffice(db)
    key = office.key("k1")
    office.members(key, plates(25_000))
    with coupon_hub(mosquitto.url, db):
        with CouponBox(mosquitto.url, tmp_path) as box:
            wait_for(lambda: len(box.keeper.book) == 25_000, 30)
            office.members(key, plates(5))
            wait_for(lambda: len(box.keeper.book) == 5, 30)
            assert box.keeper.book.find("粤B000004", time.time())
            assert not box.keeper.book.find("粤B000005", time.time())
        with CouponBox(mosquitto.url, tmp_path / "fresh") as fresh:
            seen: list[str] = []
            fresh.keeper.document = seen.append  # type: ignore[method-assign]
            wait_for(lambda: "members-k1" in fresh.documents.held())
            time.sleep(0.3)
            assert fresh.documents.arriving() == {}


def test_a_hub_that_dies_while_it_sends_a_list_finishes_when_it_is_back(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    db = tmp_path / "hub.db"
    office = HeadOffice(db)
    office.members(office.key("k1"), plates(120_000))
    with CouponBox(mosquitto.url, tmp_path) as box:
        with coupon_hub(mosquitto.url, db):
            wait_for(lambda: bool(box.documents.arriving()), 30)
        time.sleep(0.3)
        assert "members-k1" not in box.documents.held(), "all ten pieces came before the hub was stopped"
        with coupon_hub(mosquitto.url, db):
            wait_for(lambda: len(box.keeper.book) == 120_000, 30, why=box.documents.arriving)
