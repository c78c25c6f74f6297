"""The car park on the manager's page, in a real browser, and its figures for Prometheus."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from fastapi.testclient import TestClient
from playwright.sync_api import Browser, Page, expect
from prometheus_client.parser import text_string_to_metric_families

from edge.parking.status_api import FeedStatus, LaneOutcomes, OfferIssued, ParkingStatus, WebhookStatus
from edge.web.app import create_app
from edge.web.look import Observer
from edge.web.parking_section import reason_said, sources
from edge.web.texts import LANGUAGES, Texts, catalogue
from edge.web.view import Views
from pipelines.coupons import REASONS
from tests.edge.web.build import NOW, SITE, Filled
from tests.edge.web.car_park import HOUR, CarDay, site
from tests.edge.web.conftest import Served
from tests.edge.web.test_page_service import DESK, PHONE, opened, said

SHENZHEN = ZoneInfo("Asia/Shanghai")


@pytest.fixture
def day(tmp_path: Path) -> Iterator[CarDay]:
    made = CarDay(tmp_path)
    yield made
    made.store.close()


@pytest.fixture
def page(request: pytest.FixtureRequest, browser: Browser, served: Served, day: CarDay) -> Iterator[Page]:
    day.a_day()
    screen, language = getattr(request, "param", (PHONE, "zh-CN"))
    yield from opened(browser, served.show(day, day.clock, day.site, day.looking()), screen, language)


def lines(page: Page, name: str) -> list[str]:
    rows = page.get_by_test_id(f"parking-{name}").locator("li")
    expect(rows.first).to_be_visible()
    return [row.replace("\n", " ") for row in rows.all_inner_texts()]


def test_the_page_tells_of_cars_coupons_and_why_there_were_none(page: Page) -> None:
    expect(page.get_by_test_id("parking-in")).to_have_text("4")
    assert (said(page, "parking-out"), said(page, "parking-inside")) == ("3", "1")
    assert said(page, "parking-unread") == "29%"
    assert lines(page, "issued") == ["停车两小时免费 1"]
    assert lines(page, "held-back") == ["车牌没有读出 2", "没有适合它的规则 1", "同一辆车重复上报 1"]
    assert lines(page, "sources") == ["数据源 lot 最近消息 3 分前 正常"]


@pytest.mark.parametrize("page", [(DESK, "en")], indirect=True)
def test_it_says_the_same_in_english(page: Page) -> None:
    assert lines(page, "issued") == ["Two hours free 1"]
    assert lines(page, "held-back")[0] == "Plate could not be read 2"
    assert lines(page, "sources") == ["Feed lot last message 3 min ago Working"]


def test_each_lanes_screen_is_one_tap_away(page: Page) -> None:
    for lane in ("entry-1", "exit-1"):
        expect(page.get_by_test_id(f"screen-{lane}")).to_have_attribute("href", f"/lane/{lane}")


def test_no_text_is_cut_off_or_sticks_out_on_a_phone(page: Page) -> None:
    expect(page.get_by_test_id("parking-in")).to_have_text("4")
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= PHONE["width"], f"the page is {wide} px wide"
    small = page.get_by_test_id("screen-exit-1").bounding_box()
    assert small is not None
    assert small["height"] >= 44, "a finger needs 44 px"


def test_a_box_without_cameras_shows_its_car_park_and_no_empty_counts(page: Page) -> None:
    expect(page.get_by_test_id("parking")).to_be_visible()
    for name in ("people-now", "chart-hours", "cameras", "lanes", "heat"):
        assert page.get_by_test_id(name).count() == 0, name
    assert said(page, "trust-level") == "数据正常"
    assert said(page, "coverage") == ""


def test_a_car_shows_on_the_page_as_it_comes(page: Page, day: CarDay) -> None:
    expect(page.get_by_test_id("parking-in")).to_have_text("4")
    day.tells("entry", 0.0, "粤D55555")
    day.steady.now_ += 1
    expect(page.get_by_test_id("parking-in")).to_have_text("5")
    expect(page.get_by_test_id("parking-inside")).to_have_text("2")


def test_what_nobody_tells_is_a_dash_and_no_zero(browser: Browser, served: Served, day: CarDay) -> None:
    opening = opened(browser, served.show(day, day.clock, day.site, day.looking()), PHONE)
    page = next(opening)
    expect(page.get_by_test_id("parking-sources")).to_contain_text("还没有消息")
    assert [said(page, f"parking-{name}") for name in ("in", "out", "inside", "unread")] == ["—"] * 4
    assert lines(page, "issued") == ["今天还没有发券"]
    next(opening, None)


def test_a_box_without_lanes_has_no_car_park_on_its_page(
    browser: Browser, served: Served, box: Filled
) -> None:
    opening = opened(browser, served.show(box, box.clock), PHONE)
    page = next(opening)
    expect(page.get_by_test_id("today-in")).to_be_visible()
    assert page.get_by_test_id("parking").count() == 0
    assert page.locator('nav a[href="#parking"]').count() == 0
    next(opening, None)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_reason_lacks_a_text(language: str) -> None:
    assert {f"parking.reason_{reason}" for reason in REASONS} <= catalogue(language).keys()
    texts = Texts(language, SHENZHEN)
    assert len({reason_said(reason, texts) for reason in REASONS}) == len(REASONS), "two say the same"
    assert reason_said("of_a_later_version", texts) == "of_a_later_version"


def status(**more: Any) -> ParkingStatus:
    given: dict[str, Any] = {
        "inside": 1, "cars_in": 1, "cars_out": 0, "unread_share": 0.0, "offers": [], "lanes": [],
        "feeds": [], "webhook": None, "fault": None,
    }  # fmt: skip
    return ParkingStatus(**given | more)


def feed(**more: Any) -> FeedStatus:
    given: dict[str, Any] = {"feed": "lot", "heard": 9, "refused": 0, "silent_s": 20.0, "fault": None}
    return FeedStatus(**given | more)


def hook(**more: Any) -> WebhookStatus:
    given = {"waiting": 0, "told": 7, "refused": 0, "given_up": 0, "failing_s": None, "fault": None}
    return WebhookStatus(**given | more)


@pytest.mark.parametrize(
    ("found", "told"),
    [
        pytest.param(status(feeds=[feed()]), ("Working", "last message just now"), id="heard"),
        pytest.param(
            status(feeds=[feed(silent_s=2 * HOUR)]), ("Silent for long", "last message 2 h ago"), id="silent"
        ),
        pytest.param(
            status(feeds=[feed(silent_s=None, heard=0)]), ("Waiting", "no message yet"), id="never heard"
        ),
        pytest.param(
            status(feeds=[feed(fault="no JSON")]), ("Message refused", "last message just now"), id="refused"
        ),
        pytest.param(status(webhook=hook()), ("Working", "7 told"), id="told"),
        pytest.param(
            status(webhook=hook(waiting=3, failing_s=200.0)),
            ("Cannot be reached", "7 told, 3 waiting"),
            id="dead",
        ),
        pytest.param(status(webhook=hook(told=0)), ("Waiting", "Nothing told yet"), id="nothing told"),
    ],
)
def test_feeds_and_the_way_back_say_how_they_do(
    found: ParkingStatus, told: tuple[str, str], box: Filled
) -> None:
    today = Views(Observer(SITE, box.store.path, box.live, box.clock)).newest().today
    [line] = sources(found, today, Texts("en", SHENZHEN))
    assert (line.value, line.small) == told


def client(day: CarDay) -> TestClient:
    app = create_app(day.site, day.store.path, day.live, clock=day.clock, car_park=day.park, pages=False)
    return TestClient(app, base_url="http://127.0.0.1:8080")


def test_a_box_with_fed_lanes_and_no_camera_is_healthy(day: CarDay) -> None:
    day.steady.now_ = NOW + HOUR  # long enough for a minute to be missed
    answer = client(day).get("/healthz")
    assert (answer.status_code, answer.json()["problems"]) == (200, [])


def test_one_without_cameras_and_feeds_is_not(day: CarDay) -> None:
    day.site = site(feeds=[])
    answer = client(day).get("/healthz")
    assert answer.status_code == 503
    assert [one["code"] for one in answer.json()["problems"]] == ["no_camera"]


def test_metrics_tell_what_came_of_cars(day: CarDay) -> None:
    day.a_day()
    found = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(client(day).get("/metrics").text)
        for sample in family.samples
    }
    assert found["storeedge_parking_reads_total", "exit-1", "issued"] == 1
    assert found["storeedge_parking_reads_total", "exit-1", "repeat"] == 1
    assert found["storeedge_coupons_issued_total", "two-hours"] == 1
    assert found["storeedge_coupons_held_back_total", "no_rule"] == 4
    assert found["storeedge_cars_inside",] == 1
    assert found["storeedge_parking_unread_ratio",] == pytest.approx(2 / 7)
    assert found["storeedge_feed_messages_total", "lot"] == 8
    assert found["storeedge_feed_silent_seconds", "lot"] == 180
    assert not any(name[0].startswith("storeedge_webhook") for name in found), "there is none"


def test_metrics_tell_of_the_way_back(day: CarDay) -> None:
    found = status(
        webhook=hook(waiting=3, given_up=2, failing_s=9.0), inside=None, unread_share=None,
        lanes=[LaneOutcomes(lane="exit-1", outcomes={"issued": 1})],
        offers=[OfferIssued(offer="two-hours", issued=1, headline={})],
    )  # fmt: skip
    asked = client(day)
    asked.app.state.observer.parking = lambda *_: found  # type: ignore[attr-defined]
    text = asked.get("/metrics").text
    assert "storeedge_webhook_backlog 3.0" in text
    assert "storeedge_webhook_up 0.0" in text
    assert 'storeedge_webhook_coupons_total{told="given_up"} 2.0' in text
    assert "storeedge_cars_inside" not in text, "what nobody knows is not told"
