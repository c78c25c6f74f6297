"""Hours in place of minutes, from the store over a real broker to a real hub: nothing twice, nothing lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edge.store.coarse_outbox import coarsen_oldest
from sync.hub.totals import totals
from sync.outbox import Outbox
from tests.broker import Mosquitto, mosquitto  # noqa: F401 - a fixture
from tests.edge.store.build import event, gate, open_store, zone
from tests.edge.store.test_budget import BEGIN, HOUR_S
from tests.sync.fakes import wait_for
from tests.sync.test_delivery import running_box, running_hub

EVERY_S = 300
HOURS = 12


class Deaf:
    """The store to a publisher, from which it hears no acknowledgement for a while."""

    def __init__(self, store: Any) -> None:
        self._store, self.deaf = store, True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def acknowledge(self, stream: Any, epoch: str, upto: int) -> int:
        acknowledged: int = 0 if self.deaf else self._store.acknowledge(stream, epoch, upto)
        return acknowledged


def test_minutes_that_had_arrived_are_replaced_and_none_counts_as_given_up(
    mosquitto: Mosquitto,  # noqa: F811
    tmp_path: Path,
) -> None:
    hub = tmp_path / "hub.db"
    with open_store(tmp_path) as store:
        outbox: Any = Deaf(store)
        door: Outbox = outbox
        for i in range(HOURS * HOUR_S // EVERY_S):
            start = BEGIN + EVERY_S * i
            store.commit_minute(start, [gate(start, 1 + i % 4, i % 3), zone(start, [4.0] * (i % 2))])
            if i % 7 == 0:
                store.add_records([event(start + 1.0)])
        rows = store.backlog("data").rows
        with running_hub(mosquitto.url, hub):
            with running_box(door, mosquitto.url):  # type: ignore[arg-type]
                wait_for(lambda: bool(totals(hub)) and totals(hub)[0].minutes > 20)
            arrived = totals(hub)[0].minutes
            newest = BEGIN + (HOURS + 2) * HOUR_S
            while store.write(lambda connection: coarsen_oldest(connection, newest)):
                pass
            assert store.backlog("data").rows < rows / 3
            outbox.deaf = False
            with running_box(door, mosquitto.url) as line:  # type: ignore[arg-type]
                wait_for(lambda: store.backlog("data").rows == 0, seconds=30, why=line.status)
        [held] = totals(hub)
        truth = range(HOURS * HOUR_S // EVERY_S)
        assert arrived > 20
        assert [(g.gate, g.entries, g.exits) for g in held.gates] == [
            ("door", sum(1 + i % 4 for i in truth), sum(i % 3 for i in truth))
        ]
        assert held.events == len([i for i in truth if i % 7 == 0])
        assert (held.given_up, held.set_aside) == (0, 0)
        assert store.stream_state("data").dropped == 0
