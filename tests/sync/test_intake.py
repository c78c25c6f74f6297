"""What the hub makes of bytes, good and bad."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.bodies import utc
from sync.hub.databases import open_ledger
from sync.hub.intake import BoxState, Message, SetAside, judge
from sync.hub.ledger import Ledger
from sync.outbox import OutboxRow
from sync.payloads import EVENT, MINUTE, TRIGGER
from sync.publisher import envelope
from sync.topics import BoxIdentity
from tests.sync.fakes import START, MemoryOutbox

BOX = BoxIdentity("rainbow", "sz-futian", "box-01")


def minute(**changes: Any) -> bytes:
    """A good message, then changed."""
    outbox = MemoryOutbox()
    outbox.put_minutes(1)
    message = json.loads(envelope(BOX, outbox.pending("data", 0, 1)[0], utc(START)))
    return json.dumps({**message, **changes}).encode()


STATE = {
    "schema": "storeedge/state/1", "box": "box-01", "epoch": "e1", "online": True,
    "connected_at": "2026-03-01T10:00:00Z", "streams": {"data": {"first": 1, "last": 9}},
}  # fmt: skip


def test_a_good_message_is_taken_with_all_its_fields() -> None:
    taken = judge(BOX.up("data"), minute(later="field"))
    assert isinstance(taken, Message)
    assert (taken.identity.box, taken.identity.epoch, taken.identity.seq) == (BOX, "e1", 1)
    assert taken.minute is not None
    assert len(taken.minute.windows) == 2


def test_a_birth_document_is_taken_with_streams_that_only_a_later_box_has() -> None:
    known = json.dumps(
        STATE | {"streams": {"data": {"first": 1, "last": 9}, "audio": {"first": 1, "last": 1}}}
    )
    assert isinstance(judge(BOX.state, known.encode()), BoxState)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"body": {"start": "now", "windows": []}}, "body.start"),
        ({"body": None}, "body"),
        ({"body": {"start": "2026-03-01T10:00:30Z", "windows": []}}, "beginning of a UTC minute"),
        ({"schema": "storeedge/minute/2"}, "unknown schema"),
        ({"schema": TRIGGER}, "does not belong on the stream"),
        ({"schema": EVENT}, "body.name"),
    ],
)
def test_a_bad_body_in_a_sound_envelope_is_set_aside_but_counts(changes: dict[str, Any], reason: str) -> None:
    taken = judge(BOX.up("data"), minute(**changes))
    assert isinstance(taken, SetAside)
    assert reason in taken.reason
    assert taken.identity is not None
    assert taken.identity.seq == 1


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"null",
        b"[]",
        b"{",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"a":' * 50_000,
        minute(box="box-02"),
        minute(stream="trigger"),
        minute(seq=-1),
        minute(seq=2**60),
        minute(seq="1"),
        minute(seq=1.5),
        minute(epoch=""),
        minute(epoch="a b"),
        minute(sent_at="yesterday"),
        minute(sent_at=0),
        minute(sent_at="0001-01-01T00:00:00+14:00"),
    ],
)
def test_a_bad_envelope_is_set_aside_and_never_acknowledged(payload: bytes) -> None:
    taken = judge(BOX.up("data"), payload)
    assert isinstance(taken, SetAside)
    assert taken.identity is None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
topics = st.sampled_from([BOX.up("data"), BOX.up("trigger"), BOX.state, BOX.ack("data"), "other"]) | st.text()


@given(topics, st.binary())
def test_no_bytes_upset_the_hub(topic: str, payload: bytes) -> None:
    assert isinstance(judge(topic, payload), SetAside)


PLACES: list[tuple[str | int, ...]] = [
    *((key,) for key in (*json.loads(minute()), *STATE)),
    ("body", "later"),
    ("body", "start"),
    ("body", "windows"),
    ("body", "windows", 0),
    ("body", "windows", 0, "scope"),
    ("body", "windows", 0, "id"),
    ("body", "windows", 0, "in"),
    ("body", "windows", 0, "observed_seconds"),
    ("streams", "data"),
    ("streams", "data", "first"),
]


def put(node: Any, place: tuple[Any, ...], value: Any) -> None:
    """Change one place of a JSON value, where it is there."""
    *way, last = place
    for step in way:
        inside = isinstance(node, list) if isinstance(step, int) else isinstance(node, dict) and step in node
        if not inside:
            return
        node = node[step]
    if isinstance(node, dict) or (isinstance(node, list) and isinstance(last, int)):
        node[last] = value


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def ledger(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    if request.param == "sqlite":
        made = open_ledger(tmp_path_factory.mktemp("hub") / "hub.db")
    else:
        made = open_ledger(request.getfixturevalue("postgres").database())
    yield made
    made.close()


@given(
    st.sampled_from([BOX.up("data"), BOX.up("trigger")]),
    st.lists(st.tuples(st.sampled_from(PLACES), json_values), max_size=2),
)
def test_a_box_s_own_way_of_writing_is_judged_as_any_other(
    topic: str, changes: list[tuple[tuple[str | int, ...], Any]]
) -> None:
    """The quick way and the thorough one: the same keys in another order are never taken the quick way."""
    message = json.loads(minute())
    for place, value in changes:
        put(message, place, value)
    written = json.dumps(message, separators=(",", ":")).encode("utf-8", "surrogatepass")
    turned = json.dumps(dict(reversed(message.items()))).encode("utf-8", "surrogatepass")
    quick, thorough = judge(topic, written), judge(topic, turned)
    if isinstance(quick, Message) and isinstance(thorough, Message):
        assert json.loads(quick.body) == json.loads(thorough.body)
        assert replace(quick, body="") == replace(thorough, body="")
    else:
        assert isinstance(quick, SetAside)
        assert isinstance(thorough, SetAside)
        assert (quick.topic, quick.reason, quick.identity) == (
            thorough.topic, thorough.reason, thorough.identity,
        )  # fmt: skip


def test_a_body_that_is_not_the_envelope_s_end_is_taken_with_its_own_text_only() -> None:
    written = minute_as_sent()
    assert isinstance(judge(BOX.up("data"), written), Message)
    later = judge(BOX.up("data"), written[:-1] + b',"later":{"a":1}}')
    assert isinstance(later, Message)
    assert "later" not in json.loads(later.body)
    for broken in (written[:-1], written + b"}", written[:-1] + b"]", written[:-2] + b',"x":1'):
        assert isinstance(judge(BOX.up("data"), broken), SetAside)
    assert isinstance(judge(BOX.up("trigger"), written), SetAside)


def minute_as_sent() -> bytes:
    outbox = MemoryOutbox()
    outbox.put_minutes(1)
    return envelope(BOX, outbox.pending("data", 0, 1)[0], utc(START))


@given(
    topics,
    st.sampled_from([minute(), json.dumps(STATE).encode()]),
    st.lists(st.tuples(st.sampled_from(PLACES), json_values), max_size=3),
)
def test_no_json_upsets_the_hub_or_its_database(
    ledger: Ledger, topic: str, good: bytes, changes: list[tuple[tuple[str | int, ...], Any]]
) -> None:
    message = json.loads(good)
    for place, value in changes:
        put(message, place, value)
    payload = json.dumps(message).encode("utf-8", "surrogatepass")
    item = judge(topic, payload)
    receipts = ledger.commit([item], 1000.0)
    assert ledger.commit([item], 1001.0) == receipts, "the same again was acknowledged otherwise"


def test_a_number_that_is_none_is_set_aside() -> None:
    outbox = MemoryOutbox()
    outbox.put_minutes(1)
    for word in (b"NaN", b"Infinity"):
        payload = minute().replace(b'"windows":', b'"later": ' + word + b', "windows":')
        assert isinstance(judge(BOX.up("data"), payload), SetAside)


def test_a_damaged_row_is_sent_so_that_the_hub_can_account_for_it() -> None:
    for body in ("", "{", "[]", "nan", '{"start":', "[" * 100_000):
        row = OutboxRow("data", "e1", 7, MINUTE, body, 0.0)
        taken = judge(BOX.up("data"), envelope(BOX, row, utc(START)))
        assert isinstance(taken, SetAside), body
        assert taken.identity is not None
        assert taken.identity.seq == 7
