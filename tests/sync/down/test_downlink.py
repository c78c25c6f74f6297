"""What comes down: only the centre's, only for this box, never older, complete or not at all."""

from __future__ import annotations

import json
import logging
import re
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.canonical import signed_bytes
from sync.coupon_payloads import MEMBERS, OFFERS, TriggerAnswer
from sync.down.authority import Authority
from sync.down.documents import Held, Piece
from sync.down.downlink import MOST_DOCUMENTS, Downlink
from sync.down.judging import MOST_BYTES
from sync.keys import KeyPair
from sync.topics import BoxIdentity, Topic
from tests.sync.coupon_fakes import OFFER

BOX = BoxIdentity("rainbow", "sz-futian", "box-01")
NOW = 1_790_000_000.0
SOON = "2026-12-01T00:00:00Z"
CENTRE = KeyPair(bytes([7]) * 32)


class MemoryDocuments:
    """With the exact meaning of the real ones."""

    def __init__(self) -> None:
        self.pieces: dict[tuple[str, int], dict[int, Piece]] = {}
        self.used: dict[str, Held] = {}

    def held(self) -> dict[str, Held]:
        return dict(self.used)

    def arriving(self) -> dict[str, int]:
        return {
            name: max(v for n, v in self.pieces if n == name)
            for name, version in self.pieces
            if version > (self.used[name].version if name in self.used else 0)
        }

    def add_piece(self, piece: Piece) -> bool:
        there = self.pieces.setdefault((piece.name, piece.version), {})
        there[piece.number] = piece
        if sum(p.pieces == piece.pieces for p in there.values()) < piece.pieces:
            return False
        self.used[piece.name] = Held(piece.schema, piece.version, piece.pieces, piece.expires_at)
        return True

    def bodies(self, name: str) -> list[str]:
        there = self.pieces[name, self.used[name].version]
        return [there[number].text for number in sorted(there)]

    def tidy(self, now: float) -> bool:
        return False


def downlink(*keys: KeyPair, **given: Any) -> tuple[Downlink, MemoryDocuments, list[TriggerAnswer]]:
    documents, answers = MemoryDocuments(), list[TriggerAnswer]()
    authority = Authority(key.public for key in keys)
    return (
        Downlink(BOX, documents, on_answer=answers.append, authority=authority, **given),
        documents,
        answers,
    )


def offers(version: int = 1, **given: Any) -> dict[str, Any]:
    return {
        "schema": OFFERS, "tenant": "rainbow", "version": version, "expires_at": SOON, "offers": [OFFER],
    } | given  # fmt: skip


def members(version: int, piece: int, pieces: int, key: str = "k1", **given: Any) -> dict[str, Any]:
    listed = b64encode(bytes([piece]) * 12).decode()
    return {
        "schema": MEMBERS, "tenant": "rainbow", "version": version, "piece": piece, "pieces": pieces,
        "expires_at": SOON, "key": key, "members": listed,
    } | given  # fmt: skip


def signed(body: dict[str, Any], about: str, key: KeyPair = CENTRE) -> dict[str, Any]:
    body = body | {"signed_by": key.public.id}
    return body | {"signature": key.sign(signed_bytes(body["schema"], about, body))}


def take(line: Downlink, name: str, body: Any) -> str | None:
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    return line.take(Topic(BOX, "doc", name=name), payload, NOW).completed


def test_a_document_comes_into_use_and_its_repetition_changes_nothing() -> None:
    line, documents, _ = downlink()
    assert take(line, "offers", offers()) == "offers"
    assert take(line, "offers", offers()) is None
    assert line.held() == {"offers": 1}
    assert json.loads(documents.bodies("offers")[0])["offers"][0]["id"] == "coffee"


def test_pieces_come_into_use_together_in_any_order() -> None:
    line, documents, _ = downlink()
    done = [take(line, f"members-k1-{n}", members(5, n, 4)) for n in (3, 1, 1, 4)]
    assert done == [None] * 4
    assert line.held() == {}
    assert take(line, "members-k1-2", members(5, 2, 4)) == "members-k1"
    assert [json.loads(text)["piece"] for text in documents.bodies("members-k1")] == [1, 2, 3, 4]


def test_an_unfinished_version_is_overtaken_and_the_old_one_serves_until_then() -> None:
    line, _, _ = downlink()
    take(line, "members-k1-1", members(1, 1, 1))
    take(line, "members-k1-1", members(2, 1, 3))
    assert line.held() == {"members-k1": 1}
    take(line, "members-k1-1", members(3, 1, 2))
    take(line, "members-k1-3", members(2, 3, 3))
    assert take(line, "members-k1-2", members(3, 2, 2)) == "members-k1"
    assert line.held() == {"members-k1": 3}


REFUSALS: list[tuple[str, str, Any, str]] = [
    ("no JSON", "offers", b"\xff\xfe{", "no JSON"),
    ("deep JSON", "offers", b"[" * 50_000, "no JSON"),
    ("a list", "offers", [], "no JSON object"),
    ("too large", "offers", b" " * (MOST_BYTES + 1), "more than 262144"),
    ("no schema", "offers", {}, "none of ours"),
    ("a schema of ours that is no document", "offers", {"schema": "storeedge/ack/1"}, "none of ours"),
    ("another tenant", "offers", offers(tenant="other"), "for the tenant other"),
    ("another name", "coupons", offers(), "belongs on offers"),
    ("a piece in the place of another", "members-k1-2", members(1, 1, 2), "belongs on members-k1-1"),
    ("expired", "offers", offers(expires_at="2026-01-01T00:00:00Z"), "has expired"),
    ("version zero", "offers", offers(0), "version"),
    ("a version that no JSON keeps", "offers", offers(2**60), "version"),
    ("a piece above all", "members-k1-3", members(1, 3, 2), "above the number of pieces"),
    ("too many pieces", "members-k1-1", members(1, 1, 257), "pieces"),
    ("half a member", "members-k1-1", members(1, 1, 1, members="AAAA"), "middle of one"),
    ("no base64", "members-k1-1", members(1, 1, 1, members="粤" * 16), "base64|ASCII|ascii"),
    ("a long text", "offers", offers(offers=[OFFER | {"headline": {"en": "x" * 61}}]), "1 to 60"),
    ("an offer that ends first", "offers", offers(offers=[OFFER | {"valid_until": "2025-01-01T00:00:00Z"}]),
     "ends before"),
    ("too many offers", "offers", offers(offers=[OFFER] * 201), "offers"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "body", "reason"), [pytest.param(*row[1:], id=row[0]) for row in REFUSALS])
def test_what_cannot_be_used_is_refused_with_one_line(
    name: str, body: Any, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    line, documents, _ = downlink()
    with caplog.at_level(logging.WARNING):
        assert take(line, name, body) is None
        assert take(line, name, body) is None
    assert documents.pieces == {}
    [record] = caplog.records
    assert len(record.getMessage().splitlines()) == 1
    assert re.search(reason, record.getMessage()), record.getMessage()


def test_a_version_never_goes_back() -> None:
    line, _, _ = downlink()
    take(line, "offers", offers(7))
    assert take(line, "offers", offers(6)) is None
    assert line.held() == {"offers": 7}


def test_nobody_can_fill_the_store_with_names() -> None:
    line, documents, _ = downlink()
    for number in range(100):
        take(line, f"members-k{number}-1", members(1, 1, 2, key=f"k{number}"))
    assert len(documents.arriving()) == MOST_DOCUMENTS


def test_an_empty_message_takes_a_document_from_the_broker_only() -> None:
    line, _, _ = downlink()
    take(line, "offers", offers())
    assert take(line, "offers", b"") is None
    assert line.held() == {"offers": 1}


def test_with_the_centres_key_only_the_centre_is_obeyed() -> None:
    other = KeyPair(bytes([8]) * 32)
    for wrong in (
        offers(),
        signed(offers(), "rainbow/offers", other),
        signed(offers(), "rainbow/coupons"),
        signed(offers(), "other/offers"),
        signed(offers(1), "rainbow/offers") | {"version": 2},
        signed(offers(), "rainbow/offers") | {"more": 1},
        signed(offers(), "rainbow/offers") | {"signature": None},
    ):
        line, documents, _ = downlink(CENTRE)
        assert take(line, "offers", wrong) is None
        assert documents.pieces == {}, wrong
    line, _, _ = downlink(CENTRE)
    assert take(line, "offers", signed(offers(), "rainbow/offers")) == "offers"


def test_the_centre_can_change_its_key_without_a_gap() -> None:
    new = KeyPair(bytes([9]) * 32)
    line, _, _ = downlink(CENTRE, new)
    assert take(line, "offers", signed(offers(1), "rainbow/offers")) == "offers"
    assert take(line, "offers", signed(offers(2), "rainbow/offers", new)) == "offers"


def test_what_only_the_box_can_know_is_checked_before_use() -> None:
    def check(_document: Any) -> None:
        raise KeyError("the rule r1 names the lane exit-9, which this box does not have")

    line, documents, _ = downlink(checks={OFFERS: check})
    assert take(line, "offers", offers()) is None
    assert documents.pieces == {}


ANSWER = {
    "schema": "storeedge/trigger-answer/1", "key": "t-1", "lane": "exit-1", "decision": "refused",
    "reason": "member_day_cap", "expires_at": SOON,
}  # fmt: skip


def call(line: Downlink, id_: str, body: Any) -> dict[str, Any]:
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    reply = line.take(Topic(BOX, "call", name=id_), payload, NOW).reply
    assert reply is not None
    made: dict[str, Any] = json.loads(reply)
    return made


def test_a_call_is_done_once_and_answered_each_time() -> None:
    line, _, answers = downlink()
    assert call(line, "c-1", ANSWER) == call(line, "c-1", ANSWER)
    assert [answer.reason for answer in answers] == ["member_day_cap"]
    assert call(line, "c-1", ANSWER)["ok"] is True


@pytest.mark.parametrize(
    "body",
    [b"", b"x", {}, ANSWER | {"decision": "accepted"}, ANSWER | {"code": "7K2M"}, ANSWER | {"qr": "x" * 301}],
)
def test_a_call_that_cannot_be_used_is_answered_with_the_reason(body: Any) -> None:
    line, _, answers = downlink()
    reply = call(line, "c-1", body)
    assert reply["ok"] is False
    assert reply["reason"]
    assert answers == []


def test_a_call_signed_for_another_box_is_refused() -> None:
    line, _, answers = downlink(CENTRE)
    assert call(line, "c-1", signed(ANSWER, "rainbow/sz-futian/box-02"))["ok"] is False
    assert call(line, "c-1", signed(ANSWER, str(BOX)))["ok"] is True
    assert len(answers) == 1


@given(
    st.binary(max_size=300)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["schema", "tenant", "version", "piece", "members", "key"]), inner
            )
        ),
        max_leaves=8,
    ).map(lambda value: json.dumps(value).encode()),
    st.sampled_from(["doc", "call"]),
)
def test_whatever_comes_down_the_line_goes_on(payload: bytes, kind: Any) -> None:
    line, documents, answers = downlink()
    line.take(Topic(BOX, kind, name="offers"), payload, NOW)
    assert documents.pieces == {}
    assert answers == []


SPOILT: list[Callable[[Any], Any]] = [
    lambda _: None, lambda v: [v], lambda v: {"x": v}, lambda _: "\ud800", lambda _: -1,
]  # fmt: skip


@given(st.sampled_from(sorted(members(1, 1, 1))), st.sampled_from(SPOILT))
def test_a_document_with_any_field_spoilt_is_refused_or_still_means_the_same(
    field: str, spoil: Callable[[Any], Any]
) -> None:
    line, documents, _ = downlink()
    body = members(1, 1, 1)
    take(line, "members-k1-1", body | {field: spoil(body[field])})
    assert documents.pieces == {}, field
