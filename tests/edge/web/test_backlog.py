"""What waits for the centre is told in words, in the API and to Prometheus: how much, and for how long."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from edge.web import figures, status
from edge.web.look import Observer
from edge.web.models import Problem
from edge.web.texts import LANGUAGES, Texts, catalogue
from edge.web.wording import problem, waiting
from sync.status import SyncStatus
from sync.trouble import TroubleKind
from tests.edge.web.build import NOW, SHENZHEN, SITE, TEN, Filled, minute

DAY = 86_400
SEALED = int(NOW) // 60 * 60 - 60


def outage(box: Filled, minutes: int, age_s: float) -> None:
    """That many minutes have waited for so long."""
    box.now = NOW - age_s
    for number in range(minutes):
        box.store.commit_minute(SEALED + 60 * number, minute(SEALED + 60 * number, 1, 1, 0.0))
    box.now = NOW


def drain(box: Filled, *counts: int, trouble: TroubleKind | None = None) -> None:
    """A look at the publisher each second."""
    for count in counts:
        box.now += 1
        box.live.line(SyncStatus(connected=True, protocol="5", acknowledged=count, trouble=trouble), box.now)


def said(box: Filled, language: str) -> str:
    look = Observer(SITE, box.store.path, box.live, box.clock).look()
    return waiting(status.sync(look), Texts(language, SHENZHEN))


def sync(client: TestClient) -> dict[str, Any]:
    answer: dict[str, Any] = client.get("/api/v1/sync").json()
    return answer


def test_nothing_and_little_is_said_shortly(box: Filled) -> None:
    assert said(box, "en") == "nothing waiting"
    outage(box, 2, 100.0)
    assert said(box, "en") == "2 messages waiting"


def test_a_long_outage_is_said_with_its_size_and_age(box: Filled) -> None:
    outage(box, 30, 3 * DAY + 4 * 3600 + 100)
    assert said(box, "en") == "30 messages waiting, the oldest for 3 d 4 h"
    assert said(box, "zh-CN") == "30 条待传，最早的已等 3 天 4 小时"


def test_a_backlog_that_is_being_sent_says_how_long_it_still_takes(box: Filled, client: TestClient) -> None:
    outage(box, 30, 2.0 * DAY)
    drain(box, 0, 5, 10)
    told = sync(client)
    assert (told["rows"], told["acknowledged"], told["acknowledged_per_s"]) == (30, 10, 5.0)
    assert (told["seconds_left"], told["protocol"], told["trouble"]) == (6.0, "5", None)
    assert said(box, "en") == "30 messages waiting, the oldest for 2 d, being sent, about 6 s left"
    assert said(box, "zh-CN") == "30 条待传，最早的已等 2 天，正在补传，约剩 6 秒"


def test_a_backlog_that_does_not_move_promises_nothing(box: Filled, client: TestClient) -> None:
    outage(box, 30, 2.0 * DAY)
    drain(box, *[10] * 12)
    assert sync(client)["seconds_left"] is None
    box.live.line(SyncStatus(connected=False, acknowledged=500), box.now + 1)
    assert sync(client)["seconds_left"] is None


def test_a_box_started_in_an_outage_says_since_when_its_figures_wait(box: Filled, client: TestClient) -> None:
    outage(box, 3, 2.0 * DAY)
    box.now = TEN + 5
    box.live.line(SyncStatus(last_error="cannot reach it", trouble="unreachable"), TEN + 5)
    box.now = NOW
    [found] = [p for p in client.get("/healthz").json()["problems"] if p["code"] == "sync_offline"]
    assert found["since"] == "2026-09-19T07:30:20Z"
    assert (found["cause"], found["detail"]) == ("unreachable", "cannot reach it")


def test_people_read_a_sentence_and_not_what_the_system_said(box: Filled, client: TestClient) -> None:
    outage(box, 3, 3600.0)
    drain(box, 0, trouble="refused")
    today = Observer(SITE, box.store.path, box.live, box.clock).look()
    [found] = [p for p in status.trust(today, SITE) if p.code == "sync_behind"]
    texts = Texts("zh-CN", SHENZHEN)
    words = problem(found, figures.today(today, SITE), texts)
    assert words.endswith("中心的消息服务器拒收本机的数据，请联系工程师。"), words


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", [k for k in TroubleKind.__args__ if k != "other"])  # type: ignore[attr-defined]
def test_every_trouble_of_the_line_has_a_sentence(kind: str, language: str) -> None:
    assert f"line.{kind}" in catalogue(language)
    assert Problem(code="sync_offline", level="notice", cause=kind).cause == kind


def test_metrics_tell_the_line_and_the_backlog(box: Filled, client: TestClient) -> None:
    outage(box, 30, 2.0 * DAY)
    drain(box, 0, 5, 10, trouble="silent")
    found = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(client.get("/metrics").text)
        for sample in family.samples
    }
    assert found["storeedge_backlog_rows", "data"] == 30
    assert found["storeedge_backlog_age_seconds", "data"] == pytest.approx(2 * DAY + 3)
    assert found["storeedge_acknowledged_rows_total",] == 10
    assert found["storeedge_acknowledged_rows_per_second",] == 5
    assert found["storeedge_sync_connected",] == 1
    assert found["storeedge_sync_line", "5", "silent"] == 1
