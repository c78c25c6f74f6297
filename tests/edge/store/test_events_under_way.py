"""Events that had begun when the box was stopped are known to the next run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from pipelines.records import CounterWindow, Event
from tests.edge.store.build import NOON, bodies, open_store

BEGUN = Event("counter_unattended", NOON, "cam-1", "lancome", detail={"waiting": 2})


def test_an_event_is_under_way_until_its_end_is_kept(tmp_path: Path) -> None:
    ended = replace(BEGUN, t_end=NOON + 90.0, detail={"waiting": 2, "reason": "attended"})
    elsewhere = replace(BEGUN, scope="chanel")
    with open_store(tmp_path) as store:
        store.add_records([BEGUN, elsewhere, Event("camera_offline", NOON, "cam-1")])
    with open_store(tmp_path) as store:
        assert set(map(_key, store.events_under_way(["counter_unattended"]))) == {"lancome", "chanel"}
        store.add_records([ended])
        assert list(store.events_under_way(["counter_unattended"])) == [elsewhere]
        assert [body.get("ended_at") for body in bodies(store)] == [None, None, None, "2026-09-21T14:15:30Z"]


def test_a_lost_end_does_not_make_an_old_event_go_on_for_ever(tmp_path: Path) -> None:
    later = replace(BEGUN, t=NOON + 900.0, t_end=NOON + 1000.0)
    with open_store(tmp_path) as store:
        store.add_records([BEGUN, later])
        assert list(store.events_under_way(["counter_unattended"])) == []


def test_a_counter_s_minutes_are_kept_and_summed(tmp_path: Path) -> None:
    start = NOON // 900 * 900
    with open_store(tmp_path) as store:
        for i in range(2):
            store.commit_minute(
                start + 60 * i, [CounterWindow("cam-1", "lancome", start + 60 * i, 58.0, 40.5, 17.5, 9.0)]
            )
        (row,) = store._connection.execute("SELECT * FROM counter_quarter").fetchall()
        assert tuple(row) == (start, "cam-1", "lancome", 116.0, 81.0, 35.0, 18.0)
        assert bodies(store)[0]["windows"][0]["waiting_seconds"] == 9.0


def _key(event: Event) -> str | None:
    return event.scope
