"""Counting by thumb in a real browser on a phone: taps, undo, finish, and the box's own crossings beside."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from edge.store import audits
from edge.store.database import reading
from pipelines.records import Crossing
from tests.edge.web.build import NOW, Filled, filled
from tests.edge.web.conftest import Served


class Moving:
    """The box's clock: real seconds from the known moment on, and it can jump."""

    def __init__(self) -> None:
        self.ahead = NOW - time.monotonic()
        self.lock = threading.Lock()

    def jump(self, seconds: float, box: Filled) -> None:
        """The camera saw people all the time, also in the moment of the jump."""
        with self.lock:
            box.now = self() + seconds
            box.pulse()
            self.ahead += seconds

    def __call__(self) -> float:
        return time.monotonic() + self.ahead


@pytest.fixture(scope="module")
def clock() -> Moving:
    return Moving()


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    made = filled(tmp_path_factory.mktemp("audit"))
    yield made
    made.store.close()


@pytest.fixture(scope="module")
def address(served: Served, box: Filled, clock: Moving) -> str:
    return served.show(box, clock)


@pytest.fixture
def page(browser: Browser, address: str, box: Filled, clock: Moving) -> Iterator[Page]:
    """The page in English, on a phone, while the camera sees people."""
    stop = threading.Event()

    def look() -> None:
        while not stop.wait(0.3):
            with clock.lock:
                box.now = clock()
                box.pulse()

    looking = threading.Thread(target=look, daemon=True)
    looking.start()
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
    opened = context.new_page()
    faults: list[str] = []
    opened.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.goto(f"{address}/en/audit")
    time.sleep(0.4)
    yield opened
    stop.set()
    looking.join()
    context.close()
    assert faults == []


def test_the_page_of_today_leads_here(page: Page, address: str) -> None:
    page.goto(f"{address}/en")
    expect(page.get_by_test_id("gate-door-checked")).to_have_text("never checked")
    page.get_by_test_id("audit-link").click()
    expect(page.get_by_test_id("audit-standing-door")).to_have_text("never checked")


def begin(page: Page, who: str = "") -> None:
    if who:
        page.get_by_label("Your name").fill(who)
        page.keyboard.press("Tab")
    page.get_by_test_id("audit-start-door").click()
    expect(page.get_by_test_id("audit-in")).to_be_visible()


def finish(page: Page, box: Filled, clock: Moving) -> None:
    page.get_by_test_id("audit-finish").click()
    page.get_by_test_id("audit-sure").click()
    expect(page.get_by_test_id("audit-said")).to_contain_text("Comparing in")
    clock.jump(15, box)


def test_taps_are_compared_with_the_boxs_crossings_and_kept(page: Page, box: Filled, clock: Moving) -> None:
    begin(page, "Li Na")
    clock.jump(20, box)  # what the box counted just before is not of this count
    for way, count in (("in", "1"), ("in", "2"), ("out", "1")):
        page.get_by_test_id(f"audit-{way}").click()
        expect(page.get_by_test_id(f"audit-{way}-count")).to_have_text(count)
        if (way, count) != ("in", "2"):  # the box misses the second one
            box.store.add_records([Crossing("cam-1", "door", way, clock() - 0.4, int(count))])  # type: ignore[arg-type]
    page.get_by_test_id("audit-out").click()
    page.get_by_test_id("audit-undo").click()
    expect(page.get_by_test_id("audit-out-count")).to_have_text("1")
    clock.jump(10, box)
    expect(page.get_by_test_id("audit-timer")).to_have_text(re.compile("00:3[0-9]"))
    finish(page, box, clock)
    expect(page.get_by_test_id("audit-said")).to_have_text("Compared and kept", timeout=8000)
    told = {
        (way, key): page.get_by_test_id(f"audit-{way}-{key}").inner_text()
        for way in ("in", "out")
        for key in ("by_hand", "counted", "missed", "false")
    }
    assert [told["in", key] for key in ("by_hand", "counted", "missed", "false")] == ["2", "1", "1", "0"]
    assert [told["out", key] for key in ("by_hand", "counted", "missed", "false")] == ["1", "1", "0", "0"]
    assert "Too few to say (n=2); count about" in page.get_by_test_id("audit-in-verdict").inner_text()
    with reading(box.store.path) as connection:
        kept = {audit.direction: audit for audit in audits.select(connection)}
    assert (kept["in"].who, kept["in"].tally.true, kept["in"].tally.matched) == ("Li Na", 2, 1)
    page.get_by_test_id("audit-again").click()
    expect(page.get_by_test_id("audit-standing-door")).to_contain_text("too few to say (n=3)")


def test_a_count_goes_on_after_the_page_is_loaded_again(page: Page) -> None:
    begin(page)
    page.get_by_test_id("audit-in").click()
    expect(page.get_by_test_id("audit-in-count")).to_have_text("1")
    page.reload()
    expect(page.get_by_test_id("audit-in-count")).to_have_text("1")
    page.get_by_test_id("audit-in").click()
    expect(page.get_by_test_id("audit-in-count")).to_have_text("2")
    page.get_by_test_id("language-switch").click()
    expect(page.get_by_test_id("audit-in-count")).to_have_text("2")
    expect(page.get_by_test_id("audit-undo")).to_have_text("撤销")


def test_finishing_is_asked_twice(page: Page) -> None:
    begin(page)
    page.get_by_test_id("audit-finish").click()
    page.get_by_test_id("audit-back").click()
    page.get_by_test_id("audit-in").click()
    expect(page.get_by_test_id("audit-in-count")).to_have_text("1")


def test_a_camera_without_picture_makes_the_count_void(
    page: Page, box: Filled, clock: Moving, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(page)
    page.get_by_test_id("audit-in").click()
    with monkeypatch.context() as unplugged:
        unplugged.setattr(box.live, "pulse", lambda _: None)
        box.live.camera("cam-1", "offline", clock(), "unplugged")
        expect(page.get_by_test_id("audit-said")).to_contain_text("Camera cam-1 has no picture", timeout=5000)
    finish(page, box, clock)
    expect(page.get_by_test_id("audit-said")).to_contain_text("nothing was kept", timeout=8000)
    assert page.get_by_test_id("audit-result-in").count() == 0


def test_the_buttons_are_big_enough_for_a_thumb_without_looking(page: Page) -> None:
    begin(page)
    for way in ("in", "out"):
        place = page.get_by_test_id(f"audit-{way}").bounding_box()
        assert place is not None
        assert place["width"] > 160
        assert place["height"] > 280
    for name in ("undo", "finish"):
        place = page.get_by_test_id(f"audit-{name}").bounding_box()
        assert place is not None
        assert place["height"] >= 48
        assert place["y"] + place["height"] <= 844, f"{name} is below the screen"
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_count_that_is_no_longer_there_says_so(page: Page, address: str) -> None:
    page.goto(f"{address}/en/audit/nothing")
    expect(page.get_by_test_id("audit-said")).to_have_text("This count is no longer there")


def test_the_address_leads_to_the_readers_language(page: Page, address: str) -> None:
    page.goto(f"{address}/audit")
    assert page.url == f"{address}/zh-CN/audit"
    expect(page.get_by_test_id("audit-start-door")).to_have_text("开始数 door")
    assert page.locator("img, video, canvas").count() == 0, "no picture is shown"
