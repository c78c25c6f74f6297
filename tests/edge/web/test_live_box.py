"""The page of a real box that watches real footage: it counts before one's eyes, as the API does."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.edge.test_run import GATES, HALL, Box, model  # noqa: F401 - a fixture

pytestmark = pytest.mark.slow


@pytest.fixture
def running(tmp_path: Path, vtest: Path, model: str) -> Iterator[Box]:  # noqa: F811 - the fixture
    site = {
        "site": {
            "tenant": "rainbow",
            "store": "yard",
            "box": "box-01",
            "timezone": "UTC",
            "opening_hours": {"mon-sun": "00:00-24:00"},
            "language": "en",
        },
        "cameras": [{"id": "cam-1", "source": f"file:{vtest}", "fps": 10, "gates": GATES, "zones": [HALL]}],
    }
    box = Box(tmp_path, site)
    yield box
    box.process.terminate()
    box.process.wait(20)


def numbers(page: Page) -> dict[str, str]:
    """All numbers of gates on the page."""
    cells = page.locator("[data-testid^=gate-][data-testid$=-in], [data-testid^=gate-][data-testid$=-out]")
    return dict(cells.evaluate_all("cells => cells.map(cell => [cell.dataset.testid, cell.innerText])"))


def told(box: Box) -> dict[str, str]:
    """The same from the API."""
    gates = box.api("/api/v1/gates")["gates"]
    return {f"gate-{gate['gate']}-{way}": str(gate[way]) for gate in gates for way in ("in", "out")}


def test_the_page_counts_while_the_clip_plays(running: Box, browser: Browser) -> None:
    running.wait(lambda: running.api("/api/v1/site"))
    page = browser.new_context(viewport={"width": 390, "height": 844}).new_page()
    page.goto(f"http://127.0.0.1:{running.port}")
    page.evaluate("window.same = true")
    expect(page.get_by_test_id("camera-cam-1-state")).to_have_text("Working", timeout=40_000)
    people: set[str] = set()
    seen: list[int] = []
    until = time.monotonic() + 90
    while time.monotonic() < until and (len(seen) < 2 or seen[-1] < 5 or len(people) < 3):
        people.add(page.get_by_test_id("people-now").inner_text())
        count = sum(int(n) for n in numbers(page).values() if n.isdigit())
        if not seen or count != seen[-1]:
            seen.append(count)
        page.wait_for_timeout(300)
    assert seen == sorted(seen), f"a count went back: {seen}"
    assert seen[-1] >= 5, f"few crossings on the page: {seen}"
    assert len(people - {"no data"}) >= 2, f"the people now did not change: {people}"
    for _ in range(20):  # between two looks a crossing may come; soon both must tell the same
        on_page = numbers(page)
        if on_page == told(running):
            break
        page.wait_for_timeout(500)
    else:
        pytest.fail(f"the page says {on_page}, the API {told(running)}")
    assert running.api("/healthz")["healthy"], running.api("/healthz")
    assert page.evaluate("window.same"), "the page was loaded again"
    page.screenshot(path=running.folder / "page.png", full_page=True)
