"""The lane's screen in a real browser: what the driver sees, how soon, and that it goes blank."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import httpx
import numpy as np
import pytest
import uvicorn
from fastapi import FastAPI
from playwright.sync_api import Browser, Dialog, Page, ViewportSize, expect

from edge.lane_screen.board import MOST_SCREENS, Board, Notice
from edge.lane_screen.page import as_text, lane_screens, qr_drawing
from edge.web.guard import Guard, own_names
from edge.web.refusals import add_refusals

CODE = "https://member.example/c/8F3K-22QM-71"
PHONE = ViewportSize(width=390, height=844)
DISPLAY = ViewportSize(width=1280, height=720)


def offer(seconds: float = 20.0, qr: str | None = CODE) -> Notice:
    now = time.time()
    return Notice(
        {"zh-CN": "停车2小时免费", "en": "2 hours of parking free"},
        {"zh-CN": "扫码领取,下次到店使用。", "en": "Scan it and use it on your next visit."},
        qr, now, now + seconds,
    )  # fmt: skip


@dataclass
class Screen:
    board: Board
    address: str


@pytest.fixture
def screen() -> Iterator[Screen]:
    board = Board(["exit-1"], time.time)
    app = FastAPI()
    add_refusals(app)
    app.include_router(lane_screens(board, "zh-CN"))
    app.add_middleware(Guard, names=own_names())
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", timeout_graceful_shutdown=1)
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until = time.monotonic() + 10
    while not server.started and time.monotonic() < until:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield Screen(board, f"http://127.0.0.1:{port}/lane/exit-1")
    server.should_exit = True
    thread.join(5)


def opened(browser: Browser, screen: Screen, size: ViewportSize) -> Page:
    page = browser.new_page(viewport=size)
    page.goto(screen.address)
    return page


def test_a_screen_with_nothing_to_say_is_black(browser: Browser, screen: Screen) -> None:
    page = opened(browser, screen, DISPLAY)
    page.wait_for_timeout(300)
    picture = cv2.imdecode(np.frombuffer(page.screenshot(), np.uint8), cv2.IMREAD_GRAYSCALE)
    page.close()
    assert picture is not None
    assert picture.max() == 0, f"its brightest pixel is {picture.max()}"


@pytest.mark.parametrize("size", [PHONE, DISPLAY], ids=["phone", "display"])
def test_the_offer_is_large_in_both_languages_and_its_code_can_be_scanned(
    browser: Browser, screen: Screen, size: ViewportSize
) -> None:
    page = opened(browser, screen, size)
    screen.board.show("exit-1", offer())
    expect(page.locator("#headline [lang=zh-CN]")).to_have_text("停车2小时免费")
    expect(page.locator("#headline p").first).to_have_attribute("lang", "zh-CN")
    expect(page.locator("#detail [lang=en]")).to_have_text("Scan it and use it on your next visit.")
    page.wait_for_timeout(200)
    picture = cv2.imdecode(np.frombuffer(page.screenshot(), np.uint8), cv2.IMREAD_COLOR)
    box = page.locator("#headline p").first.bounding_box()
    wide = page.evaluate("document.documentElement.scrollWidth")
    page.close()
    assert picture is not None
    assert cv2.QRCodeDetector().detectAndDecode(picture)[0] == CODE
    assert box is not None
    assert box["height"] >= 0.1 * min(size["width"], size["height"]), f"{box['height']} px high"
    assert wide <= size["width"], f"{wide} px wide on a screen of {size['width']}"


def test_an_offer_with_nothing_to_scan_has_no_code(browser: Browser, screen: Screen) -> None:
    page = opened(browser, screen, DISPLAY)
    screen.board.show("exit-1", offer(qr=None))
    expect(page.locator("#headline p").first).to_be_visible()
    expect(page.locator("#qr")).to_be_hidden()
    page.close()


def test_it_goes_blank_at_the_expiry_and_when_it_is_taken_down(browser: Browser, screen: Screen) -> None:
    page = opened(browser, screen, DISPLAY)
    screen.board.show("exit-1", offer(seconds=1.0))
    expect(page.locator("body:not(.blank)")).to_be_attached(timeout=900)
    expect(page.locator("body.blank")).to_be_attached(timeout=3000)
    screen.board.show("exit-1", offer())
    expect(page.locator("body:not(.blank)")).to_be_attached()
    screen.board.show("exit-1", None)
    expect(page.locator("body.blank")).to_be_attached()
    page.close()


def test_an_offer_expires_on_the_screen_though_the_box_is_gone(browser: Browser, screen: Screen) -> None:
    page = opened(browser, screen, DISPLAY)
    screen.board.show("exit-1", offer(seconds=2.0))
    expect(page.locator("body:not(.blank)")).to_be_attached()
    page.context.set_offline(True)
    expect(page.locator("body.blank")).to_be_attached(timeout=4000)
    page.close()


def test_what_an_offer_says_is_text_and_never_a_program(browser: Browser, screen: Screen) -> None:
    page = opened(browser, screen, DISPLAY)
    told: list[str] = []

    def note(dialog: Dialog) -> None:
        told.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", note)
    evil = "<img src=x onerror=alert(1)>"
    now = time.time()
    screen.board.show("exit-1", Notice({"en": evil}, {"en": evil}, None, now, now + 10))
    expect(page.locator("#headline p").first).to_have_text(evil)
    assert told == []
    page.close()


def test_a_screen_asks_for_nothing_outside(browser: Browser, screen: Screen) -> None:
    page = browser.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(screen.address)
    screen.board.show("exit-1", offer())
    expect(page.locator("#qr")).to_be_visible()
    outside = [url for url in asked if not url.startswith(("data:", screen.address.split("/lane/")[0]))]
    page.close()
    assert asked
    assert outside == []


def test_a_lane_that_is_not_there_is_refused_in_one_line(screen: Screen) -> None:
    answer = httpx.get(screen.address.replace("exit-1", "exit-7"))
    assert answer.status_code == 404
    assert answer.json()["error"] == "this box has no lane exit-7; it has: exit-1"


def test_the_screen_tells_a_program_too(screen: Screen) -> None:
    assert httpx.get(f"{screen.address}/now").json() == {"says": None}
    screen.board.show("exit-1", offer())
    says = httpx.get(f"{screen.address}/now").json()["says"]
    assert says["headline"][0] == ["zh-CN", "停车2小时免费"]
    assert 19 < says["left_s"] <= 20


def test_one_screen_too_many_is_told_so_in_one_line(screen: Screen) -> None:
    with httpx.Client() as client:
        held = [client.stream("GET", f"{screen.address}/feed") for _ in range(MOST_SCREENS)]
        for one in held:
            assert one.__enter__().status_code == 200
        refused = httpx.get(f"{screen.address}/feed")
        for one in held:
            one.__exit__(None, None, None)
    assert refused.status_code == 503
    assert "too many screens" in refused.json()["error"]


def test_no_language_is_lost_and_the_stores_own_comes_first() -> None:
    board = Board(["exit-1"], time.time)
    text = as_text(board, offer(), "en")
    assert text.index("2 hours of parking free") < text.index("停车2小时免费")


def test_a_code_is_a_drawing_that_needs_no_file() -> None:
    assert qr_drawing(CODE).startswith("data:image/svg+xml")
