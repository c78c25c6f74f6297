"""A client for the API of a box with a known day, its pages on a port, and a real browser."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fastapi.testclient import TestClient

from edge.config import SiteConfig
from edge.live import Live
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


class Served:
    """The pages on a free port of this machine, of one box after another: NiceGUI starts once a process."""

    def __init__(self) -> None:
        self.box: Filled | None = None
        app = create_app(SITE, Path("none"), Live([], 0.0), keep_audits=self._keep)
        self._observer = app.state.observer
        self._server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning"))
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    def _keep(self, made: object) -> None:
        assert self.box is not None
        self.box.store.add_audits(made)  # type: ignore[arg-type]

    def show(
        self, box: Filled, clock: Callable[[], float], site: SiteConfig = SITE, parking: Any = None
    ) -> str:
        """Serve this box from now on; the address. parking: its car park, as the observer asks it."""
        self.box, observer = box, self._observer
        observer.site, observer.parking = site, parking
        observer.path, observer.live, observer.clock, observer._kept = box.store.path, box.live, clock, None
        return f"http://127.0.0.1:{self._server.servers[0].sockets[0].getsockname()[1]}"

    def start(self) -> None:
        self._thread.start()
        until = time.monotonic() + 30
        while not self._server.started and time.monotonic() < until:
            time.sleep(0.05)
        assert self._server.started, "the page did not start within 30 s"

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(10)


@pytest.fixture(scope="session")
def served() -> Iterator[Served]:
    made = Served()
    made.start()
    yield made
    made.stop()
