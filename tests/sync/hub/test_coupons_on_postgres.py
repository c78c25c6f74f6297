"""Coupon books in PostgreSQL: several hubs decide, each coupon once and no cap passed, whoever dies when."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from contextlib import ExitStack, closing
from datetime import UTC
from pathlib import Path

import pytest

from sync.bodies import utc
from sync.coupon_payloads import TriggerBody
from sync.errors import SyncError
from sync.hub.coupon_books import open_books
from sync.hub.coupon_records import Arrival
from sync.hub.coupon_service import CouponFiles
from sync.hub.coupons import Caps, CouponDesk
from sync.keys import KeyPair
from sync.topics import BoxIdentity
from sync.trigger_signing import sign_trigger
from tests.broker import Mosquitto
from tests.edge.test_cli import refused
from tests.edge.test_hub_coupons import OFFERS, storeedge
from tests.postgres import Postgres
from tests.sync.coupon_fakes import BOX, CAR, FOR_ALL, OFFER, CouponBox, HeadOffice, coupon_hub
from tests.sync.fakes import wait_for
from tests.sync.hub.test_hubs_on_postgres import hub

KEYS = KeyPair(bytes(range(32)))


def triggers(count: int, **given: object) -> list[Arrival]:
    """Signed, of one box."""
    now, found = time.time(), []
    for seq in range(1, count + 1):
        body = TriggerBody(
            **{
                "key": f"t-{seq}", "lane": "exit-1", "direction": "exit", "decision": "issued",
                "offer": "parking", "at": utc(now), "expires_at": utc(now + 60),
            } | given
        )  # fmt: skip
        signed = sign_trigger(body, BOX, KEYS)
        found.append(Arrival(BOX, "e1", seq, signed.text(), signed))
    return found


def test_desks_that_race_for_the_same_triggers_issue_each_once_and_stop_at_the_cap(
    postgres: Postgres, tmp_path: Path
) -> None:
    where = postgres.database()
    office = HeadOffice(where, tmp_path / "hub.db")
    office.offers(FOR_ALL | {"per_day": 25})
    office.membership.told(BOX, str(KEYS.public), str(KEYS.sealing_public), time.time(), first_use=True)
    arrivals, start = triggers(60), threading.Barrier(4)
    answered: list[str] = []

    def decide(order: int) -> None:
        books = open_books(where)
        desk = CouponDesk(books, KEYS, UTC, Caps(None, None))
        mine = arrivals[order * 15 :] + arrivals[: order * 15]
        start.wait()
        for at in range(0, 60, 5):
            answered.extend(answer.id for answer in desk.decide(mine[at : at + 5], time.time()))
        books.close()

    desks = [threading.Thread(target=decide, args=(order,)) for order in range(4)]
    for desk in desks:
        desk.start()
    for desk in desks:
        desk.join()
    assert len(answered) == len(set(answered)) == 60, "each is answered once"
    assert Counter(verdict for _, verdict, _ in office.verdicts()) == {"accepted": 25, "refused": 35}
    assert {reason for _, _, reason in office.verdicts()} == {None, "offer_day_cap"}


def test_a_desk_waits_for_another_and_says_so_when_that_takes_too_long(
    postgres: Postgres, tmp_path: Path
) -> None:
    where = postgres.database()
    office = HeadOffice(where, tmp_path / "hub.db")
    hasty = open_books(where, patience_s=0.2)
    with office.books.transaction(), pytest.raises(SyncError, match=r"did not take it: .*lock timeout"):
        hasty.redeem("7K2M-Q0XR-3WBD", at=0.0, by="desk", key="1")
    assert hasty.redeem("7K2M-Q0XR-3WBD", at=0.0, by="desk", key="1").refusal == "unknown_code"


def test_only_one_of_several_hubs_brings_documents_to_a_brokers_boxes(postgres: Postgres) -> None:
    where = postgres.database()
    first, second = open_books(where), open_books(where)
    assert first.db.leads("a:1883")
    assert not second.db.leads("a:1883")
    assert second.db.leads("b:1883"), "another broker's boxes have another"
    first.close()
    wait_for(lambda: second.db.leads("a:1883"))


def test_books_outlive_the_server_that_holds_them(postgres: Postgres, tmp_path: Path) -> None:
    where = postgres.database()
    office = HeadOffice(where, tmp_path / "hub.db")
    office.offers(OFFER)
    with closing(open_books(where)) as other:
        ours = office.books.db.execute("SELECT pg_backend_pid()").fetchone()[0]
        other.db.execute("SELECT pg_terminate_backend(?)", (ours,))
    with pytest.raises(SyncError, match="did not take it"):
        office.membership.document("rainbow", "offers")
    assert office.membership.document("rainbow", "offers") is not None


def test_a_large_list_of_members_is_taken_and_the_last_of_two_lines_counts(
    postgres: Postgres, tmp_path: Path
) -> None:
    office = HeadOffice(postgres.database(), tmp_path / "hub.db")
    key = office.key("k1")
    now = time.time()
    plates = [(f"粤B{number:06d}", f"m-{number}") for number in range(30_000)]
    for _ in range(2):
        listing = office.membership.replace_members(
            "rainbow", key, [*plates, ("粤B000007", "m-new")], now + 600, now
        )
    assert (listing.members, listing.pieces) == (30_000, 3)
    held = office.books.db.execute("SELECT count(*), count(DISTINCT version) FROM member").fetchone()
    assert held == (30_000, 1), "the older list is forgotten"
    assert office.books.db.execute("SELECT count(*) FROM member WHERE member = 'm-new'").fetchone() == (1,)


@pytest.mark.slow
def test_two_hubs_decide_and_one_is_killed_in_the_middle(
    mosquitto: Mosquitto, postgres: Postgres, tmp_path: Path
) -> None:
    """Real processes: 3 boxes with 40 triggers each, 50 coupons in all; hub-1 dies by -9 and comes again."""
    where, beside = postgres.database(), tmp_path / "hub.db"
    office = HeadOffice(where, beside)
    office.offers(FOR_ALL | {"per_day": 50})
    office.members(office.key("k1"), {CAR: "m-1"})
    more = ("--coupons", beside)
    with ExitStack() as stack:
        first = stack.enter_context(hub(mosquitto, where, "hub-1", *more))
        second = stack.enter_context(hub(mosquitto, where, "hub-2", *more))
        boxes = [
            stack.enter_context(
                CouponBox(mosquitto.url, tmp_path / f"box-{n}", box=BoxIdentity("rainbow", "sz", f"box-{n}"))
            )
            for n in range(3)
        ]
        for box in boxes:
            box.wait("offers", "members-k1")
        for number in range(40):
            if number == 15:
                first.kill()
            if number == 25:
                first = stack.enter_context(hub(mosquitto, where, "hub-1", *more))
            for box in boxes:
                box.decide(f"t-{number}", "parking")
            time.sleep(0.02)
        wait_for(lambda: all(box.outbox.empty() for box in boxes), 60)
        wait_for(lambda: len(office.verdicts()) == 120, 30, why=lambda: len(office.verdicts()))
        assert (first.poll(), second.poll()) == (None, None)
        wait_for(lambda: all(len({a.key for _, a in box.answers}) == 40 for box in boxes), 30)
    shown = Counter(answer.code for box in boxes for _, answer in box.answers if answer.code)
    issued = {row[0] for row in office.books.db.execute("SELECT code FROM decision WHERE code IS NOT NULL")}
    assert len(issued) == 50, "the cap, and not one more or less"
    assert set(shown) == issued, "what is on the screens is what is in the books"
    assert Counter(verdict for _, verdict, _ in office.verdicts()) == {"accepted": 50, "refused": 70}


def test_what_a_dead_hub_left_undecided_another_decides(
    mosquitto: Mosquitto, postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sync.hub.coupon_service.LOOK_S", 0.5)
    where, beside = postgres.database(), tmp_path / "hub.db"
    office = HeadOffice(where, beside)
    office.offers(FOR_ALL)
    with coupon_hub(mosquitto.url, where, beside), CouponBox(mosquitto.url, tmp_path) as box:
        box.wait("offers")
        box.decide("t-1", "parking")
        [answer] = box.answered(1)
        wait_for(box.outbox.empty)
        office.books.db.execute("DELETE FROM decision")  # as if the hub that took it had died before
        office.books.db.execute("DELETE FROM taken")
        wait_for(lambda: len(office.verdicts()) == 1, 10, why=office.verdicts)
    assert answer.decision == "accepted"


def test_head_offices_commands_work_on_postgresql(postgres: Postgres, tmp_path: Path) -> None:
    where = postgres.database()
    db = ("--db", where)
    keys = ("--coupons", tmp_path / "hub.db")
    at = (*db, "--tenant", "rainbow")
    offers, members = tmp_path / "offers.yaml", tmp_path / "members.csv"
    offers.write_text(OFFERS, "utf-8")
    members.write_text("plate,member\n粤B12345,m-1\n皖A195K9,m-2\n", "utf-8")
    assert "--coupons" in refused(storeedge("hub", "keys", "new", "2026w47", *at))
    assert storeedge("hub", "keys", "new", "2026w47", *at, *keys).returncode == 0
    assert storeedge("hub", "members", "import", members, *at, *keys).stdout == (
        "2026w47: 2 members in 1 pieces\n"
    )
    assert storeedge("hub", "offers", offers, *at).stdout.startswith("offers of version ")
    assert json.loads(storeedge("hub", "members", "show", "--json", *at).stdout)[0]["members"] == 2
    assert "2026w47" in storeedge("hub", "keys", "list", *at, *keys).stdout
    assert json.loads(storeedge("hub", "books", "--json", *db).stdout) == []
    assert "no such coupon" in refused(storeedge("hub", "redeem", "7K2M-Q0XR-3WBD", *db))
    assert not list(tmp_path.glob("*.coupons.db")), "nothing of it lies in a file"


def test_books_that_lie_in_a_file_are_not_left_behind_unseen(postgres: Postgres, tmp_path: Path) -> None:
    open_books(CouponFiles.beside(tmp_path / "hub.db").books).close()
    with pytest.raises(SyncError, match=r"coupon books in the file .*hub\.coupons\.db"):
        CouponFiles.of(postgres.url(), tmp_path / "hub.db")
