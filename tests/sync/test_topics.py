"""Topics and addresses: what is built can be taken apart, and what could harm is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.errors import SyncError
from sync.mqtt import Broker
from sync.outbox import STREAMS
from sync.topics import BoxIdentity, Topic, parse

ids = st.from_regex(r"[a-z0-9-]{1,64}", fullmatch=True)
boxes = st.builds(BoxIdentity, ids, ids, ids)


@given(boxes, st.sampled_from(STREAMS))
def test_what_is_built_can_be_taken_apart(box: BoxIdentity, stream: str) -> None:
    assert parse(box.state) == Topic(box, "state")
    assert parse(box.up(stream)) == Topic(box, "up", stream)  # type: ignore[arg-type]
    assert parse(box.ack(stream)) == Topic(box, "ack", stream)  # type: ignore[arg-type]


@given(boxes, ids)
def test_what_goes_down_and_its_reply_can_be_taken_apart(box: BoxIdentity, name: str) -> None:
    assert parse(box.doc(name)) == Topic(box, "doc", name=name)
    assert parse(box.call(name)) == Topic(box, "call", name=name)
    assert parse(box.reply(name)) == Topic(box, "reply", name=name)


@given(boxes, boxes)
def test_two_boxes_never_share_a_name_at_the_broker(one: BoxIdentity, two: BoxIdentity) -> None:
    assert (one.client_id == two.client_id) == (one == two)


@pytest.mark.parametrize("part", ["", "Box", "a/b", "+", "#", "a.b", "a b", "店", "a" * 65, "box\n", "$SYS"])
def test_an_id_that_would_change_the_topic_is_refused(part: str) -> None:
    with pytest.raises(SyncError, match="cannot be part of a topic"):
        BoxIdentity("rainbow", "sz-futian", part)


@given(st.text())
def test_a_foreign_topic_is_nobodys(topic: str) -> None:
    assert parse(topic) is None


@pytest.mark.parametrize(
    "topic",
    [
        "storeedge/2/t/s/b/state",
        "storeedge/1/t/s/b",
        "storeedge/1/t/s/b/up/other",
        "storeedge/1/t/s/b/up/data/more",
        "storeedge/1/t/s/B/state",
        "storeedge/1/t/s/b/down/doc/Config",
        "storeedge/1/t/s/b/down/doc/",
        "storeedge/1/t/s/b/up/reply/a/b",
    ],
)
def test_a_topic_beside_ours_is_nobodys(topic: str) -> None:
    assert parse(topic) is None


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("mqtt://broker", Broker("broker", 1883, tls=False)),
        ("mqtts://broker", Broker("broker", 8883, tls=True)),
        ("mqtt://u:p%40ss@10.0.0.1:1884/", Broker("10.0.0.1", 1884, False, "u", "p@ss")),
        ("mqtt://broker?protocol=3.1.1", Broker("broker", 1883, tls=False, only_3_1_1=True)),
        ("mqtts://[::1]:8884", Broker("::1", 8884, tls=True)),
    ],
)
def test_an_address_is_read(url: str, expected: Broker) -> None:
    assert Broker.parse(url) == expected


@pytest.mark.parametrize(
    ("url", "files", "complaint"),
    [
        ("broker:1883", {}, "must begin with mqtt://"),
        ("http://broker", {}, "must begin with mqtt://"),
        ("mqtt://", {}, "mqtt://host:port"),
        ("mqtt://broker:0", {}, "mqtt://host:port"),
        ("mqtt://broker:99999", {}, "port must be a number"),
        ("mqtt://broker/topic", {}, "mqtt://host:port"),
        ("mqtt://broker?keepalive=3", {}, "only protocol=3.1.1"),
        ("mqtt://broker", {"ca": "ca.crt"}, "begins with mqtts://"),
        ("mqtts://broker", {"cert": "box.crt"}, "belong together"),
    ],
)
def test_an_address_that_cannot_work_is_refused_with_the_remedy(
    url: str, files: dict[str, str], complaint: str
) -> None:
    with pytest.raises(SyncError, match=complaint):
        Broker.parse(url, **files)


def test_a_password_is_in_no_text_about_the_broker() -> None:
    broker = Broker.parse("mqtt://user:s3cret@broker")
    assert "s3cret" not in f"{broker} {broker!r}"
