"""The manager's page in a real browser: the right numbers, live, in both languages, on phone and desk."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from pipelines.records import Crossing, Visit
from tests.edge.web.build import ENTRIES, EXITS, NOW, VISITS, Filled, filled, minute
from tests.edge.web.conftest import Served

PHONE, DESK = {"width": 390, "height": 844}, {"width": 1400, "height": 900}


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    made = filled(tmp_path_factory.mktemp("page"))
    yield made
    made.store.close()


@pytest.fixture(scope="module")
def address(served: Served, box: Filled) -> str:
    return served.show(box, box.clock)


@pytest.fixture
def faults() -> list[str]:
    """What the browser complained of and what it asked of others; must stay empty."""
    return []


@pytest.fixture(params=[pytest.param(PHONE, id="phone"), pytest.param(DESK, id="desk")])
def page(request: pytest.FixtureRequest, browser: Browser, address: str, faults: list[str]) -> Iterator[Page]:
    context = browser.new_context(viewport=request.param)
    opened = context.new_page()
    opened.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.on(
        "request",
        lambda asked: faults.append(asked.url) if not asked.url.startswith((address, "data:")) else None,
    )
    opened.goto(address)
    yield opened
    context.close()
    assert faults == []


def number(page: Page, name: str) -> str:
    return page.get_by_test_id(name).inner_text()


def test_the_numbers_of_the_day_are_on_the_page(page: Page) -> None:
    expect(page.get_by_test_id("today-in")).to_have_text(str(ENTRIES))
    assert number(page, "today-out") == str(EXITS)
    assert number(page, "today-visits") == str(VISITS)
    assert number(page, "gate-door-in") == str(ENTRIES)
    assert number(page, "gate-door-out") == str(EXITS)
    assert number(page, "zone-lancome-visits") == str(VISITS)
    assert number(page, "zone-lancome-median") == "26 秒"
    assert number(page, "zone-lancome-n") == f"共 {VISITS} 次到访，其中 0 次未见全程"
    assert number(page, "lane-exit-1-vehicles") == str(VISITS - 1)
    assert number(page, "people-now") == "3"
    assert number(page, "camera-cam-1-state") == "正常"


def test_the_first_line_says_whether_to_trust_them(page: Page) -> None:
    expect(page.get_by_test_id("trust-level")).to_have_text("数据可用，有提示")
    assert number(page, "updated") == "更新于 15:30:20"
    assert number(page, "coverage") == "今日覆盖率 81%"
    assert number(page, "last-sync") == "上次同步 刚刚"
    assert "没有画面" in number(page, "problem-0")


def test_an_hour_without_picture_is_missing_in_words_and_in_the_table(page: Page) -> None:
    expect(page.get_by_test_id("gaps-hours")).to_have_text("12:00–13:00 没有画面，未计入")
    page.get_by_test_id("chart-hours").locator("summary").click()
    assert number(page, "hours-13:00-in") == "180"
    assert number(page, "hours-12:00-in") == "无数据"
    assert page.get_by_test_id("hours-16:00-in").count() == 0


def test_nothing_is_wider_than_the_screen(page: Page) -> None:
    expect(page.get_by_test_id("today-in")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0


def test_what_a_finger_taps_is_large_enough(page: Page) -> None:
    """44 px each way, the `?` by an invisible margin around it (WCAG 2.2 asks for 24)."""
    expect(page.get_by_test_id("language-switch")).to_be_visible()
    small = page.evaluate(
        """() => [...document.querySelectorAll('.page button, .page a.language, .page nav a')]
            .filter(e => e.offsetParent).map(e => {
            const r = e.getBoundingClientRect(), m = getComputedStyle(e, '::after');
            const grow = m.content === 'none' ? 0 : 20;
            return [e.dataset.testid, r.width + grow, r.height + grow];
        }).filter(([, w, h]) => w < 43.5 || h < 43.5)"""
    )
    assert small == []


def test_every_text_has_enough_contrast(page: Page) -> None:
    """4.5:1 at least against the nearest background (WCAG 1.4.3)."""
    expect(page.get_by_test_id("today-in")).to_be_visible()
    pale = page.evaluate(
        """() => {
            const rgb = c => (c.match(/[\\d.]+/g) || []).map(Number);
            const light = c => { const [r, g, b] = c.slice(0, 3).map(v => v / 255).map(v =>
                v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
                return .2126 * r + .7152 * g + .0722 * b; };
            const under = e => { for (; e; e = e.parentElement) {
                const c = rgb(getComputedStyle(e).backgroundColor);
                if (c.length === 3 || c[3] === 1) return c; } return [255, 255, 255]; };
            return [...document.querySelectorAll('.page *')].filter(e =>
                [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()) && e.offsetParent
            ).map(e => { const a = light(rgb(getComputedStyle(e).color)), b = light(under(e));
                return [e.textContent.slice(0, 30), (Math.max(a, b) + .05) / (Math.min(a, b) + .05)];
            }).filter(([, ratio]) => ratio < 4.5);
        }"""
    )
    assert pale == []


def test_charts_and_buttons_say_what_they_are(page: Page) -> None:
    expect(page.locator(".plot svg")).to_have_count(2)
    assert page.locator(".plot").first.get_attribute("aria-label")
    nameless = page.evaluate(
        "[...document.querySelectorAll('.page button')].filter(b => !b.getAttribute('aria-label')).length"
    )
    assert nameless == 0
    assert "20 秒 以上 121 次" in page.locator(".histogram").first.get_attribute("aria-label")  # type: ignore[operator]


def test_a_definition_is_one_tap_away(page: Page) -> None:
    page.get_by_test_id("help-dwell").click()
    expect(page.get_by_test_id("help-body")).to_contain_text("Kaplan–Meier")
    page.get_by_text("知道了").click()
    expect(page.get_by_test_id("help-body")).not_to_be_visible()


def test_the_language_changes_with_one_tap_and_stays(page: Page, address: str) -> None:
    page.get_by_test_id("language-switch").click()
    expect(page.get_by_test_id("trust-level")).to_have_text("Usable, with a note")
    assert number(page, "today-in") == str(ENTRIES)
    assert number(page, "zone-lancome-median") == "26 s"
    assert page.evaluate("document.documentElement.lang").startswith("en")
    page.goto(address)
    expect(page.get_by_test_id("trust-level")).to_have_text("Usable, with a note")
    page.get_by_test_id("language-switch").click()
    expect(page.get_by_test_id("trust-level")).to_have_text("数据可用，有提示")


def test_another_host_name_gets_no_page(browser: Browser, address: str) -> None:
    context = browser.new_context(extra_http_headers={"x-test": "1"})
    answer = context.request.get(address, headers={"host": "evil.example"})
    assert answer.status == 421
    context.close()


def test_a_counter_without_gates_shows_its_visits_first(
    browser: Browser, box: Filled, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as a brand's counter in a department store: it has no door."""
    monkeypatch.setattr("edge.web.figures.gate_keys", lambda *_: [])
    box.now += 1  # the newest look was made with gates
    page = browser.new_page()
    page.goto(address)
    expect(page.locator(".is-main").get_by_test_id("today-visits")).to_have_text(str(VISITS))
    page.get_by_test_id("chart-hours").locator("summary").click()
    expect(page.get_by_test_id("hours-13:00-visits")).to_have_text("60")
    assert page.get_by_test_id("today-in").count() == 0
    page.close()
    box.now += 1


@pytest.mark.parametrize("page", [pytest.param(DESK, id="desk")], indirect=True)
def test_the_page_changes_live_without_a_reload(page: Page, box: Filled) -> None:
    """The last test of this file, as it changes the day."""
    expect(page.get_by_test_id("today-in")).to_have_text(str(ENTRIES))
    page.evaluate("window.same = true")
    box.now = NOW + 4
    box.store.add_records([Crossing("cam-1", "door", "in", box.now, 50)])
    box.store.add_records([Visit("cam-1", "lancome", box.now - 9, box.now, False, "left", "unknown", 51)])
    box.pulse(persons=7)
    expect(page.get_by_test_id("today-in")).to_have_text(str(ENTRIES + 1), timeout=4000)
    expect(page.get_by_test_id("gate-door-in")).to_have_text(str(ENTRIES + 1))
    expect(page.get_by_test_id("zone-lancome-visits")).to_have_text(str(VISITS + 1))
    expect(page.get_by_test_id("people-now")).to_have_text("7")
    sealed = int(NOW) // 60 * 60 - 60
    box.now = NOW + 62
    box.store.commit_minute(sealed, minute(sealed, 1, 0, 0.0))
    box.store.commit_minute(sealed + 60, minute(sealed + 60, 2, 1, 25.0))
    box.live.camera("cam-1", "offline", box.now, "no answer")
    expect(page.get_by_test_id("trust-level")).to_have_text("计数中断", timeout=4000)
    expect(page.get_by_test_id("problem-0")).to_contain_text("cam-1 自 15:31 起离线")
    expect(page.get_by_test_id("camera-cam-1-state")).to_contain_text("离线")
    expect(page.get_by_test_id("people-now")).to_have_text("—")
    expect(page.get_by_test_id("backlog")).to_have_text("2 条待传")
    assert page.evaluate("window.same"), "the page was loaded again"
