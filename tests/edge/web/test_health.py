"""/healthz says 200 only while counting works; /metrics tells Prometheus the same figures."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from edge.live import Live
from edge.web.trust import COMMIT_S, STALE_S, problems
from pipelines.records import Event
from tests.edge.web.build import ENTRIES, EXITS, NOW, VISITS, Filled


def codes(client: TestClient) -> tuple[int, list[str]]:
    answer = client.get("/healthz")
    return answer.status_code, [problem["code"] for problem in answer.json()["problems"]]


def test_a_box_that_counts_is_healthy(client: TestClient) -> None:
    assert codes(client) == (200, ["coverage_low"])


def engine_dies(box: Filled) -> None:
    box.live.engine(False, box.now)


def camera_goes(box: Filled) -> None:
    box.live.camera("cam-1", "offline", box.now, "no answer from 10.0.0.21")


def camera_freezes(box: Filled) -> None:
    box.now += STALE_S + 1


def store_fails(box: Filled) -> None:
    box.live.store("no room left; free disk space")


def minutes_stop(box: Filled) -> None:
    box.now += COMMIT_S + 60
    box.pulse()


@pytest.mark.parametrize(
    ("happens", "told"),
    [
        (engine_dies, "engine_down"),
        (camera_goes, "camera_offline"),
        (camera_freezes, "camera_silent"),
        (store_fails, "store_fault"),
        (minutes_stop, "store_behind"),
    ],
)
def test_when_counting_stops_it_is_unhealthy_and_says_why(
    client: TestClient, box: Filled, happens: Callable[[Filled], None], told: str
) -> None:
    happens(box)
    status, found = codes(client)
    assert status == 503
    assert found[0] == told


def test_a_box_that_is_starting_says_so_and_is_not_yet_a_fault() -> None:
    live = Live(["cam-1"], NOW)
    live.engine(False, NOW)
    found = problems(live.snapshot(), NOW + 20, last_minute=None, oldest_waiting=None, coverage=None)
    assert [(each.code, each.level) for each in found] == [
        ("starting", "notice"),
        ("camera_starting", "notice"),
    ]
    found = problems(live.snapshot(), NOW + 70, last_minute=None, oldest_waiting=None, coverage=None)
    assert [(each.code, each.level) for each in found] == [("engine_down", "bad"), ("camera_silent", "bad")]


def test_a_centre_out_of_reach_is_told_and_is_no_reason_to_restart(client: TestClient, box: Filled) -> None:
    box.store.add_records([Event("camera_covered", NOW, "cam-1")])
    box.live.sync(False, NOW, "no route to the broker")
    box.now += 61
    box.pulse()
    assert codes(client) == (200, ["sync_offline", "coverage_low"])


def test_a_clip_that_has_been_read_to_its_end_is_no_fault(client: TestClient, box: Filled) -> None:
    box.live.camera("cam-1", "ended", NOW)
    box.live.engine(False, NOW)
    assert codes(client)[0] == 200


def test_a_clock_that_stepped_is_told(client: TestClient, box: Filled) -> None:
    box.live.clock(False)
    assert "clock_untrusted" in codes(client)[1]


def test_metrics_are_readable_and_right(client: TestClient, box: Filled) -> None:
    text = client.get("/metrics").text
    found = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert found["storeedge_crossings_total", "cam-1", "door", "in"] == ENTRIES
    assert found["storeedge_crossings_total", "cam-1", "door", "out"] == EXITS
    assert found["storeedge_visits_total", "cam-1", "lancome"] == VISITS
    assert found["storeedge_frames_total", "cam-1"] == 130
    assert found["storeedge_camera_fps", "cam-1"] == 10
    assert found["storeedge_persons", "cam-1"] == 3
    assert found["storeedge_backlog_rows", "data"] == 0
    assert found["storeedge_last_ack_timestamp_seconds", "data"] == NOW
    assert found["storeedge_coverage_ratio", "cam-1"] == pytest.approx(269 / 329)
    assert found["storeedge_engine_up",] == 1
    box.now += 60
    assert "storeedge_persons{" not in client.get("/metrics").text, "people that nobody sees are not told"
