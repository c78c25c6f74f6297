"""A client for the API of a box with a known day, and a real browser."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from playwright.sync_api import Browser, sync_playwright

from edge.web.app import create_app
from tests.edge.web.build import SITE, Filled, filled


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Filled]:
    made = filled(tmp_path)
    yield made
    made.store.close()


@pytest.fixture
def client(box: Filled) -> TestClient:
    app = create_app(SITE, box.store.path, box.live, clock=box.clock, pages=False)
    return TestClient(app, base_url="http://127.0.0.1:8080", raise_server_exceptions=False)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("no Chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=chromium,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield opened
        opened.close()
