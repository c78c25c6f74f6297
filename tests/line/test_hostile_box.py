"""A stolen box, with its good certificate, against the real broker with our rules: whatever it does, nothing
arrives outside its own tree, nothing of others reaches it, and the others go on working."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from string import Formatter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sync import topics
from sync.hub.receiver import Hub
from sync.hub.sqlite import SqliteLedger
from sync.mqtt import Arrived, Confirmed, Down, Happening, Link, Subscribed, Up, Will
from sync.outbox import STREAMS
from sync.publisher import Publisher
from sync.topics import BoxIdentity
from tests.broker import Mosquitto
from tests.line.hardened import FOLDER, certs, door, laid_out
from tests.line.papers import issue
from tests.sync.fakes import BACKOFF, FACTS, MemoryOutbox, wait_for

__all__ = ["certs"]

HOSTILE = BoxIdentity("rainbow", "sz-futian", "box-01")
VICTIM = BoxIdentity("rainbow", "sz-futian", "box-02")
OTHERS = (
    VICTIM,
    BoxIdentity("rainbow", "gz-tianhe", "box-01"),
    BoxIdentity("other", "sz-futian", "box-01"),
    BoxIdentity("rainbow", "sz-futian", "box-0"),
    BoxIdentity("rainbow", "sz-futian", "box-011"),
)
TEMPLATES = {
    name: value
    for name, value in vars(topics).items()
    if isinstance(value, str) and value.startswith(f"{topics.ROOT}/")
}
"""Every kind of topic that the code knows: a new one is tried by itself."""
WRITES = ("STATE", "UP", "REPLY")
"""What a box writes; all the others are the centre's."""


def fields(template: str) -> list[str]:
    return [name for _, name, _, _ in Formatter().parse(template) if name]


def topic(template: str, box: BoxIdentity, stream: str = "data") -> str:
    given = {"tenant": box.tenant, "store": box.store, "box": box.box, "stream": stream}
    return template.format(**{name: given.get(name, "x-1") for name in fields(template)})


def own(heard: str) -> bool:
    """Whether a box may have said it there."""
    return heard in {topic(TEMPLATES[name], HOSTILE, stream) for name in WRITES for stream in STREAMS} or (
        re.fullmatch(re.escape(HOSTILE.reply("")) + "[^/]+", heard) is not None
    )


FOREIGN = [
    *(topic(template, box, s) for template in TEMPLATES.values() for box in OTHERS for s in STREAMS),
    *(topic(TEMPLATES[name], HOSTILE, s) for name in TEMPLATES if name not in WRITES for s in STREAMS),
    "anything", "a/b/c", "/", "//", "$SYS/broker/uptime", "$SYS/broker/load", "$share/hub/x", "$share",
    topics.ROOT, f"{topics.ROOT}/", f"/{HOSTILE.state}", f"{HOSTILE.state}/", f"{HOSTILE.state}/x",
    f"{topics.ROOT}/rainbow/sz-futian/state", f"{topics.ROOT}/{HOSTILE}", f"{topics.ROOT}/{HOSTILE}/up",
    f"{topics.ROOT}/{HOSTILE}/up/", f"{topics.ROOT}/{HOSTILE}/up/audio", f"{topics.ROOT}/{HOSTILE}/up/data/x",
    f"{topics.ROOT}/{HOSTILE}/up/reply", f"{topics.ROOT}/{HOSTILE}/up/reply/a/b",
    f"{topics.ROOT}/{HOSTILE}/down",
    f"{topics.ROOT}/{HOSTILE}/../box-02/state", f"{topics.ROOT}//{HOSTILE}/state", HOSTILE.state.upper(),
    f"storeedge/2/{HOSTILE}/state", HOSTILE.state.replace("/", "."), "x/" * 150,
    f"{topics.ROOT}/%u/state", f"{topics.ROOT}/{HOSTILE}/state\u200b",
]  # fmt: skip
GREEDY = [
    "#", "+/#", "storeedge/#", "+/+/+/+/+/#", "$SYS/#", "$share/hub/#", "$share/x/#",
    "storeedge/1/+/+/+/state",
    *(topic(template, box) for template in TEMPLATES.values() for box in OTHERS),
    *(topic(template, HOSTILE) for name, template in TEMPLATES.items() if name in WRITES),
]  # fmt: skip


@pytest.fixture(scope="module")
def broker(certs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    """Ours, and an auditor who hears everything."""
    etc = tmp_path_factory.mktemp("audited")
    made = laid_out(etc, certs)
    issue(certs, "auditor", "auditor")
    rules = etc / "storeedge.acl"
    rules.write_text(rules.read_text() + "\nuser auditor\ntopic read #\ntopic readwrite audit/#\n")
    made.start()
    yield made
    made.kill()


@pytest.fixture
def connect(broker: Mosquitto, certs: Path) -> Iterator[Callable[..., Link]]:
    links: list[Link] = []

    def connected(name: str, client_id: str = "", will: Will | None = None) -> Link:
        asked = None if will is None else lambda: will
        link = Link(door(broker, certs, name), client_id or f"test:{name}", will=asked)
        links.append(link)
        until(link, Up)
        return link

    yield connected
    for link in links:
        link.close(0)


def until(link: Link, kind: type[Happening], seconds: float = 10) -> list[Happening]:
    seen: list[Happening] = []
    end = time.monotonic() + seconds
    while not any(isinstance(item, kind) for item in seen):
        assert time.monotonic() < end, seen
        seen += link.poll(0.1)
    return seen


def box(identity: BoxIdentity) -> str:
    """File name of its certificate."""
    return str(identity).replace("/", "_")


def heard(link: Link, mark: str = "") -> set[str]:
    """Topics that arrived until the auditor's own mark did; without one, for a while."""
    found: set[str] = set()
    end = time.monotonic() + (10 if mark else 0.5)
    while time.monotonic() < end and mark not in (found if mark else {None}):
        for item in link.poll(0.1):
            if isinstance(item, Arrived):
                link.confirm(item.receipt)
                found.add(item.topic)
    return found - {mark}


def say(link: Link, what: str, payload: bytes = b"{}", retain: bool = False) -> None:
    """Publish, and connect again where the broker threw us out for it."""
    if not link.up:
        until(link, Up)
    link.publish(what, payload, retain=retain)
    link.poll(0)


@pytest.mark.parametrize("retain", [False, True], ids=["live", "retained"])
def test_what_a_box_says_elsewhere_arrives_nowhere(connect: Callable[..., Link], retain: bool) -> None:
    auditor, hostile = connect("auditor"), connect(box(HOSTILE))
    auditor.subscribe(["#", "storeedge/#", "$SYS/broker/uptime"])
    until(auditor, Subscribed)
    for name in WRITES:
        say(hostile, topic(TEMPLATES[name], HOSTILE))
    for foreign in FOREIGN:
        say(hostile, foreign, retain=retain)
    for _ in range(20):
        hostile.poll(0.02)
    auditor.publish("audit/done", "x")
    arrived = {name for name in heard(auditor, "audit/done") if not name.startswith("$SYS/")}
    assert {topic(TEMPLATES[name], HOSTILE) for name in WRITES} <= arrived, "the auditor hears nothing"
    assert [name for name in arrived if not own(name)] == []


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.sampled_from(["storeedge", "1", "rainbow", "sz-futian", "box-01", "box-02", "state", "up", "data",
                         "down", "ack", "doc", "offers", "", "..", "%u", "%c", "$SYS", "x"]),
        min_size=1, max_size=9,
    ).map("/".join),
    st.sampled_from(["x", "storeedge/1/", "storeedge/1/rainbow/sz-futian/box-02/"]),
)  # fmt: skip
def test_no_topic_that_can_be_made_up_gets_through(
    hostile_and_auditor: tuple[Link, Link], made_up: str, begin: str
) -> None:
    hostile, auditor = hostile_and_auditor
    say(hostile, begin + made_up)
    for _ in range(2):
        hostile.poll(0.01)
    auditor.publish("audit/done", "x")
    assert [name for name in heard(auditor, "audit/done") if not own(name)] == []


@pytest.fixture
def hostile_and_auditor(connect: Callable[..., Link]) -> tuple[Link, Link]:
    auditor, hostile = connect("auditor"), connect(box(HOSTILE))
    auditor.subscribe(["#"])
    until(auditor, Subscribed)
    heard(auditor)
    return hostile, auditor


def test_a_box_hears_nothing_of_others_however_it_asks(connect: Callable[..., Link]) -> None:
    hub, victim, hostile = connect("hub"), connect(box(VICTIM)), connect(box(HOSTILE))
    hub.publish(VICTIM.doc("offers"), "{}", retain=True)
    until(hub, Confirmed)
    for greedy in GREEDY:
        hostile.subscribe([greedy])
        until(hostile, Subscribed)
    hub.publish(VICTIM.ack("data"), "{}")
    hub.publish(VICTIM.call("c-1"), "{}")
    victim.publish(VICTIM.up("data"), "{}")
    victim.publish(VICTIM.state, "{}", retain=True)
    for link in (hub, victim):
        link.poll(0.2)
    arrived = heard(hostile)
    assert {name for name in arrived if not name.startswith(f"{topics.ROOT}/{HOSTILE}/down/")} == set()


def test_a_box_cannot_take_messages_away_from_the_hub(
    broker: Mosquitto, certs: Path, connect: Callable[..., Link], tmp_path: Path
) -> None:
    """mosquitto 2.0 lets anybody join a shared group, and throws the share of a stranger away. So a hub that
    is alone shares nothing, and several share by a word that no box knows."""
    hostile, outbox = connect(box(HOSTILE)), MemoryOutbox()
    hostile.subscribe(
        [f"$share/{word}/{topics.ROOT}/+/+/+/up/#" for word in ("hub", "x", "storeedge-hub", "1")]
    )
    until(hostile, Subscribed)
    outbox.put_minutes(60)
    seen = threading.Event()
    for group, several in ((None, False), ("4f1c", True)):
        ledger = SqliteLedger(tmp_path / "hub.db")
        hub = Hub(
            door(broker, certs, "hub"), ledger, backoff_s=BACKOFF, one_of_several=several, group=group,
            on_ready=seen.set,
        )  # fmt: skip
        running = threading.Thread(target=hub.run)
        running.start()
        try:
            assert seen.wait(10)
            victim = Publisher(
                outbox, VICTIM, door(broker, certs, box(VICTIM)), lambda: FACTS
            )  # 10 s patience
            victim.start()
            wait_for(outbox.empty, 5, why=victim.status)
            victim.stop()
        finally:
            hub.stop()
            running.join(10)
            ledger.close()
        seen.clear()
        outbox.put_minutes(60)


def test_a_last_will_for_another_box_is_not_published(connect: Callable[..., Link]) -> None:
    auditor, hub = connect("auditor"), connect("hub")
    auditor.subscribe(["storeedge/#"])
    until(auditor, Subscribed)
    heard(auditor)
    hub.poll(0)
    hostile = connect(box(HOSTILE), will=Will(VICTIM.state, '{"online":false}'))
    client = hostile._client
    assert client is not None
    shut_down = client.socket()
    assert shut_down is not None
    shut_down.close()  # gone without a goodbye
    hostile.drop("gone")
    assert [name for name in heard(auditor) if not own(name)] == []


def test_a_box_cannot_take_the_connection_of_another_nor_of_the_hub(connect: Callable[..., Link]) -> None:
    hub, victim = connect("hub", "storeedge-hub:hub"), connect(box(VICTIM), VICTIM.client_id)
    for stolen in (VICTIM.client_id, "storeedge-hub:hub", str(VICTIM), "hub"):
        connect(box(HOSTILE), stolen)
        for link in (hub, victim):
            assert not [item for item in link.poll(0.2) if isinstance(item, Down)], stolen
    assert hub.up
    assert victim.up


def test_huge_packets_and_thousands_of_subscriptions_trouble_nobody_else(
    connect: Callable[..., Link],
) -> None:
    hub, victim, hostile = connect("hub"), connect(box(VICTIM)), connect(box(HOSTILE))
    hub.subscribe([f"{topics.ROOT}/+/+/+/up/#"])
    until(hub, Subscribed)
    hostile.subscribe([f"a/{number}" for number in range(10_000)])
    until(hostile, Subscribed)
    hostile.publish(HOSTILE.up("data"), b"x" * 3_000_000)
    until(hostile, Down)
    began = time.monotonic()
    victim.publish(VICTIM.up("data"), "{}")
    victim.poll(0)
    arrived = heard(hub)
    assert VICTIM.up("data") in arrived
    assert HOSTILE.up("data") not in arrived
    assert time.monotonic() - began < 3


def test_a_box_cannot_keep_messages_at_the_broker_without_end(connect: Callable[..., Link]) -> None:
    """Only its state, its streams and its replies: what else it says retained, is refused."""
    auditor, hostile = connect("auditor"), connect(box(HOSTILE))
    for number in range(300):
        say(hostile, f"{topics.ROOT}/{HOSTILE}/up/flood-{number}", b"x" * 1000, retain=True)
    for _ in range(20):
        hostile.poll(0.02)
    auditor.subscribe([f"{topics.ROOT}/{HOSTILE}/up/#"])
    until(auditor, Subscribed)
    assert not [name for name in heard(auditor) if "flood" in name]


def test_the_rules_name_just_the_topics_that_a_box_writes() -> None:
    rules = (FOLDER / "storeedge.acl").read_text()
    written = set(re.findall(r"^pattern write (\S+)$", rules, re.MULTILINE))
    user = f"{topics.ROOT}/%u"
    tree = f"{topics.ROOT}/{{tenant}}/{{store}}/{{box}}"
    wanted = set()
    for name in WRITES:
        bare = TEMPLATES[name].replace(tree, user)
        for stream in STREAMS if "{stream}" in bare else [""]:
            wanted.add(bare.replace("{stream}", stream).replace("{id}", "+"))
    assert written == wanted
    assert re.findall(r"^pattern read (\S+)$", rules, re.MULTILINE) == [f"{user}/down/#"]
