"""Queues, counters, events, areas and the heat map on the manager's page, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from pipelines.records import Event
from tests.edge.web import island
from tests.edge.web.build import NOW, Filled
from tests.edge.web.conftest import Served
from tests.edge.web.island import EVENTS, MINUTES

PHONE, DESK = {"width": 390, "height": 844}, {"width": 1400, "height": 900}


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    made = island.island(tmp_path_factory.mktemp("island"))
    made.store.add_records(EVENTS)
    yield made
    made.store.close()


def opened(browser: Browser, address: str, screen: dict[str, int], language: str = "zh-CN") -> Iterator[Page]:
    """A page on which nothing may go wrong and which may ask nobody else for anything."""
    faults: list[str] = []
    context = browser.new_context(viewport=screen)  # type: ignore[arg-type]
    page = context.new_page()
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on(
        "request",
        lambda asked: None if asked.url.startswith((address, "data:")) else faults.append(asked.url),
    )
    page.goto(f"{address}/language/{language}")
    yield page
    context.close()
    assert faults == []


@pytest.fixture
def page(request: pytest.FixtureRequest, browser: Browser, served: Served, box: Filled) -> Iterator[Page]:
    screen = getattr(request, "param", PHONE)
    yield from opened(browser, served.show(box, box.clock, island.site()), screen)


@pytest.fixture
def other(browser: Browser, served: Served, tmp_path: Path) -> Iterator[Any]:
    """Opens the page of another day of the island."""
    made: list[Filled] = []
    pages: list[Iterator[Page]] = []

    def make(language: str = "zh-CN", then: Any = None, **minutes: Any) -> Page:
        made.append(island.island(tmp_path, minutes=minutes))
        if then is not None:
            then(made[-1])
        pages.append(opened(browser, served.show(made[-1], made[-1].clock, island.site()), PHONE, language))
        return next(pages[-1])

    yield make
    for each in pages:
        next(each, None)
    for one in made:
        one.store.close()


def said(page: Page, name: str) -> str:
    return page.get_by_test_id(name).inner_text()


def test_a_queue_shows_who_waits_now_and_how_the_day_went(page: Page) -> None:
    expect(page.get_by_test_id("queue-line-now")).to_have_text("3 人")
    assert said(page, "queue-line-estimate") == "约 3 分"
    assert said(page, "queue-line-mean") == "2 分 20 秒"
    assert said(page, "queue-line-over") == f"33%（{MINUTES} 人次）"
    assert said(page, "queue-line-abandoned") == f"33%（{MINUTES} 人次）"
    assert said(page, "queue-line-p90") == "至少 3 分"
    assert said(page, "queue-line-n") == f"今日 {3 * MINUTES} 人次排队，{2 * MINUTES} 人次得到接待"
    expect(page.get_by_test_id("queue-line").locator(".plot svg")).to_be_visible()
    expect(page.get_by_test_id("queue-line").locator(".gaps")).to_have_text("12:00–13:00 没有画面，未计入")


def test_a_counter_shows_when_it_was_attended_and_who_turned_in(page: Page) -> None:
    expect(page.get_by_test_id("counter-lancome-now")).to_have_text("此刻 1 名员工在岗")
    assert said(page, "counter-lancome-attended") == "75% · 3 小时 22 分"
    assert said(page, "counter-lancome-unattended") == "25% · 1 小时 7 分"
    assert said(page, "counter-lancome-waiting") == "10% · 27 分"
    assert said(page, "counter-lancome-rate") == "12%"
    assert f"{8 * MINUTES:,} 人次路过，{MINUTES} 人次到柜" in said(page, "counter-lancome-rate-n")


def test_zones_that_only_serve_others_have_no_card_of_their_own(page: Page) -> None:
    expect(page.get_by_test_id("zone-lancome")).to_be_visible()
    for name in ("behind", "till", "aisle", "line"):
        assert page.get_by_test_id(f"zone-{name}").count() == 0


def test_events_stand_in_plain_words_what_goes_on_first(page: Page) -> None:
    rows = page.get_by_test_id("events").locator("li.event")
    expect(rows).to_have_count(4)
    first = rows.nth(0)
    assert "is-open" in (first.get_attribute("class") or "")
    expect(first).to_contain_text("lancome：有顾客在等，无人值守")
    expect(first).to_contain_text("15:26 起，已 4 分")
    expect(rows.nth(1)).to_contain_text("line：排队太长")
    expect(rows.nth(1)).to_contain_text("6 人，队伍已变短")
    expect(rows.nth(1)).to_contain_text("14:40–14:45，共 5 分")
    expect(rows.nth(2)).to_contain_text("摄像头 island：离线，没有画面")
    expect(rows.nth(2)).to_contain_text("12:00–13:00，共 1 小时")
    expect(rows.nth(3)).to_contain_text("lancome：开店后没有人到岗")
    expect(page.get_by_test_id("events")).to_contain_text("1 件进行中")


def test_an_area_shows_people_limit_and_correction(page: Page) -> None:
    expect(page.get_by_test_id("area-shop-now")).to_have_text("10 人")
    assert said(page, "area-shop-peak") == "12 人"
    assert said(page, "area-shop-capacity") == "150 人"
    assert said(page, "area-shop-drift") == "-1 人"


def test_net_footfall_is_the_large_number_and_says_what_was_taken_off(page: Page) -> None:
    expect(page.get_by_test_id("today-in")).to_have_text(str(MINUTES))
    assert said(page, "today-in-more") == f"过线 {3 * MINUTES} 人次，已去掉员工 {MINUTES}，门口折返 {MINUTES}"
    assert said(page, "gate-front-in") == str(MINUTES)
    assert said(page, "gate-front-raw") == (
        f"过线：进 {3 * MINUTES}，出 {2 * MINUTES} · 员工：进 {MINUTES}，出 0 · "
        f"门口折返 {MINUTES} 次 · 顾客 {2 * MINUTES} 组"
    )


def test_figures_that_rest_on_part_of_the_day_say_so(page: Page) -> None:
    for mark in ("today-mark", "queue-line-mark", "zone-lancome-mark"):
        expect(page.get_by_test_id(mark)).to_have_text("仅供参考：只有 81% 的时间有画面，实际人数可能更多")


def test_the_heat_map_is_drawn_with_zones_and_legend(page: Page) -> None:
    heat = page.get_by_test_id("heat")
    expect(heat.locator("svg.heat-map")).to_be_visible()
    assert heat.locator("svg text").all_text_contents()[:2] == ["lancome", "behind"]
    expect(page.get_by_test_id("heat-most")).to_have_text(f"最多 {MINUTES * 30 // 3600} 小时 14 分")
    expect(page.get_by_test_id("heat-said")).to_contain_text("island，9月21日 星期一 10:00–22:00")


def test_the_heat_map_follows_the_chosen_camera_day_and_hours(page: Page) -> None:
    expect(page.get_by_test_id("heat").locator("svg.heat-map")).to_be_visible()
    page.get_by_test_id("heat-to").select_option("11:00")
    expect(page.get_by_test_id("heat-most")).to_have_text("最多 30 分")
    page.get_by_test_id("heat-from").select_option("12:00")
    page.get_by_test_id("heat-to").select_option("13:00")
    expect(page.get_by_test_id("heat-said")).to_have_text("这段时间没有画面，没有数据")
    page.get_by_test_id("heat-from").select_option("10:00")
    page.get_by_test_id("heat-camera").select_option("door")
    expect(page.get_by_test_id("heat-said")).to_have_text("这段时间没有人")
    page.get_by_test_id("heat-day").fill("2026-09-20")
    expect(page.get_by_test_id("heat-said")).to_have_text("这段时间没有画面，没有数据")


@pytest.mark.parametrize("page", [PHONE, DESK], indirect=True, ids=["phone", "desk"])
def test_everything_fits_the_screen_and_can_be_tapped(page: Page) -> None:
    expect(page.get_by_test_id("heat").locator("svg.heat-map")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
    cut = page.evaluate(
        """() => [...document.querySelectorAll('.card *')].filter(e => e.offsetParent
            && !e.closest('.plot, .edges, svg')
            && e.getBoundingClientRect().right > e.closest('.card').getBoundingClientRect().right + 1
        ).map(e => e.dataset.testid || e.className || e.textContent.slice(0, 20))"""
    )
    assert cut == []
    small = page.evaluate(
        """() => [...document.querySelectorAll('.page button, .page select, .page input')]
            .filter(e => e.offsetParent).map(e => {
                const r = e.getBoundingClientRect(), m = getComputedStyle(e, '::after');
                const grow = m.content === 'none' ? 0 : 20;
                return [e.dataset.testid, r.width + grow, r.height + grow]; })
            .filter(([, w, h]) => w < 43.5 || h < 43.5)"""
    )
    assert small == []


def test_every_field_and_button_has_a_name(page: Page) -> None:
    expect(page.get_by_test_id("heat-day")).to_be_visible()
    nameless = page.evaluate(
        """() => [...document.querySelectorAll('.page select, .page input')].filter(e =>
            !(e.closest('label') && e.closest('label').textContent.trim())).map(e => e.dataset.testid)"""
    )
    assert nameless == []
    assert page.locator("svg.heat-map").get_attribute("aria-label")


def test_the_same_in_english(other: Any) -> None:
    page = other("en", then=lambda box: box.store.add_records(EVENTS))
    expect(page.get_by_test_id("queue-line-now")).to_have_text("3")
    assert said(page, "queue-line-estimate") == "about 3 min"
    assert said(page, "counter-lancome-now") == "1 staff there now"
    expect(page.get_by_test_id("events")).to_contain_text("lancome: customers waiting, nobody there")
    expect(page.get_by_test_id("events")).to_contain_text("since 15:26, 4 min so far")
    expect(page.get_by_test_id("zone-lancome-mark")).to_have_text(
        "Take it as a guide: there was a picture for only 81% of the time; there may have been more people"
    )
    expect(page.get_by_test_id("heat-said")).to_contain_text("island, Monday 21 September, 10:00–22:00")
    text = page.locator(".page").inner_text()
    assert not [letter for letter in text.replace("中文", "") if "\u4e00" <= letter <= "\u9fff"], (
        "Chinese is left"
    )


def test_stays_that_do_not_match_the_presence_show_the_mean_by_presence(other: Any) -> None:
    page = other(presence=140.0)
    expect(page.get_by_test_id("zone-lancome-little")).to_have_text("2 分 20 秒")
    expect(page.get_by_test_id("zone-lancome-mark")).to_have_text(
        "不可采信：停留时长与在场人数对不上，时长可能偏短"
    )


def test_a_rate_of_few_passers_by_is_missing_with_its_reason(other: Any) -> None:
    page = other(passers=0)
    expect(page.get_by_test_id("counter-lancome-rate")).to_have_text("—")
    expect(page.get_by_test_id("counter-lancome-rate-n")).to_have_text(
        "今天只有 0 人次路过，满 20 人次才显示"
    )


def test_a_day_without_a_picture_shows_dashes_and_no_zero(other: Any) -> None:
    def dark(box: Filled) -> None:
        for camera in ("door", "island"):
            box.live.camera(camera, "offline", NOW - 3600, "no answer")

    page = other(seen=0.0, then=dark)
    for name in (
        "queue-line-now", "queue-line-estimate", "queue-line-mean", "queue-line-over", "queue-line-peak",
        "zone-lancome-visits", "today-in", "people-now", "area-shop-now", "area-shop-peak", "gate-front-in",
    ):  # fmt: skip
        expect(page.get_by_test_id(name)).to_have_text("—")
    expect(page.get_by_test_id("queue-line-n")).to_have_text("无数据")
    expect(page.get_by_test_id("queue-line-mark")).to_have_text("这段时间没有画面")
    expect(page.get_by_test_id("today-in-remark")).to_have_text("无数据")
    expect(page.get_by_test_id("heat-said")).to_have_text("这段时间没有画面，没有数据")


def test_a_quiet_day_says_that_nothing_happened(other: Any) -> None:
    page = other()
    expect(page.get_by_test_id("events-none")).to_have_text("今天还没有需要处理的事")


def test_many_events_are_folded_away(other: Any) -> None:
    events = [
        Event("queue_long", NOW - 9000 + 60 * i, "island", "line", NOW - 8990 + 60 * i) for i in range(9)
    ]
    page = other(then=lambda box: box.store.add_records(events))
    expect(page.get_by_test_id("events-more")).to_have_text("还有 4 件")
    expect(page.get_by_test_id("events").locator("li.event:visible")).to_have_count(5)
    page.get_by_test_id("events-more").click()
    expect(page.get_by_test_id("events").locator("li.event:visible")).to_have_count(9)


def test_an_event_appears_and_ends_without_a_reload(other: Any) -> None:
    kept: list[Filled] = []
    page = other(then=kept.append)
    page.evaluate("window.same = true")
    [box] = kept
    begun = Event("queue_long", NOW - 30, "island", "line", detail={"people": 7})
    box.store.add_records([begun])
    box.now = NOW + 1
    row = page.get_by_test_id("event-queue_long")
    expect(row).to_contain_text("进行中", timeout=4000)
    box.store.add_records(
        [Event("queue_long", NOW - 30, "island", "line", NOW + 1, {"people": 7, "reason": "shorter"})]
    )
    box.now = NOW + 2
    expect(row).to_contain_text("队伍已变短", timeout=4000)
    assert "is-open" not in (row.get_attribute("class") or "")
    assert page.evaluate("window.same"), "the page was loaded again"
