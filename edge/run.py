"""The whole box, put together here and nowhere else: read it as a parts list."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final

from edge.capture.child import CaptureTask
from edge.capture.ring import FrameRing, RingReader
from edge.capture.source import find_source
from edge.centre import Centre
from edge.child import Child
from edge.clock import SteadyClock
from edge.clock_keeper import ClockKeeper, read_clocks
from edge.clock_trust import Reading
from edge.config import CameraConfig, SiteConfig
from edge.disk_watch import watch_disk
from edge.engine_process import EngineTask, Watched
from edge.errors import CaptureError, ConfigError
from edge.lane_screen.board import Board
from edge.line_watch import watch_line
from edge.live import Live
from edge.log import fields
from edge.main_loop import ENGINE, Inbox, MainLoop
from edge.parking.car_park import CarPark, Surroundings
from edge.recorder import Recorder
from edge.serve import WebServer
from edge.store.recovery import Owner, StoreFile
from edge.store.recovery_watch import RecoveryWatch
from edge.store.store import Store
from edge.supervisor import Post, Process, Supervisor
from edge.web.app import create_app
from models.network import from_card
from sync.errors import SyncError
from sync.publisher import Publisher

log = logging.getLogger("edge.run")

DATABASE: Final = "box.sqlite3"
ACKNOWLEDGED_WITHIN_S: Final = 60.0
"""How long a run that ends by itself waits for the centre."""


@dataclass(frozen=True, slots=True)
class Ring:
    """A camera's frame ring: its descriptor for the children, and a look at its health."""

    fd: int
    health: RingReader

    def beat(self) -> float | None:
        """Monotonic seconds of the capture child's last sign of life."""
        beat_ns = self.health.health().beat_ns
        return beat_ns / 1e9 if beat_ns else None

    def close(self) -> None:
        """Give the memory back."""
        self.health.close()
        os.close(self.fd)


@dataclass(frozen=True, slots=True)
class Wires:
    """What connects the main process with every child."""

    clock: SteadyClock
    wake_fd: int
    """An eventfd by which the capture children wake the engine."""
    inbox: Inbox


@dataclass(slots=True)
class Page:
    """Where the page is served; the port that the system chose stays the same while the box runs."""

    host: str
    port: int


def run_box(
    config: SiteConfig,
    data: Path,
    *,
    host: str,
    port: int,
    until_end: bool,
    clocks: Callable[[], Reading] = read_clocks,
) -> None:
    """Run until SIGTERM or SIGINT, or with `until_end` until every clip is over and acknowledged. When the
    clock turns out to have been wrong, all parts begin anew by the right time.

    clocks: reads the system's. Raises ConfigError, ModelsError, StoreError or SyncError: one line that says
    what to do.
    """
    sources = _sources(config, until_end)
    from_card(config.model)  # missing or damaged: said here, not by a child that restarts
    site, page, anew = config.site, Page(host, port), True
    stopping = _stop_on_signals()
    while anew and not stopping.is_set():
        started = SteadyClock.start()
        file = StoreFile(
            data / DATABASE,
            Owner(site.tenant, site.store, site.box),
            budget_mib=config.storage.budget_mib,
            alone=config.sync is None,
            clock=started.now,
        )
        with file.open()[0] as store:
            keeper = ClockKeeper(store, read=clocks, may_change=not until_end)
            store.keep_time_by(keeper.clock.now)
            with RecoveryWatch(file, store, keeper.clock.now) as mender:
                anew = _count(
                    config, store, keeper, sources, page,
                    mender=mender, stopping=stopping, until_end=until_end,
                )  # fmt: skip
            keeper.settle()
    log.info("stopped", extra=fields(box=site.box))


def _count(
    config: SiteConfig,
    store: Store,
    keeper: ClockKeeper,
    sources: Mapping[str, str],
    page: Page,
    *,
    mender: RecoveryWatch,
    stopping: threading.Event,
    until_end: bool,
) -> bool:
    """All parts by one setting of the clock; whether they must begin anew by another."""
    site, clock, data = config.site, keeper.clock, store.path.parent
    layouts = [config.layout(camera.id) for camera in config.cameras]
    with ExitStack() as parts:
        live = Live([camera.id for camera in config.cameras], clock.now())
        live.engine(False, clock.now(), model=f"{config.model} {from_card(config.model).precision}")
        wires = Wires(clock, _wake_fd(parts), Inbox())
        board = Board(config.lane_directions, clock.now)
        centre = Centre(config, store, data, clock, trust=lambda: keeper.trust)
        car_park = None
        if config.lanes:
            around = Surroundings(
                store, data, board, centre.line, clock, committed=centre.nudge, time_known=keeper.known
            )
            centre.car_park = car_park = CarPark(config, around)
        app = create_app(
            config,
            store.path,
            live,
            clock=clock.now,
            board=board,
            car_park=car_park,
            keep_audits=store.add_audits,
            version=version("storeedge"),
        )
        page.port = parts.enter_context(WebServer(app, page.host, page.port)).port
        centre.start()
        parts.callback(centre.stop)
        if car_park is not None:
            car_park.start()
            parts.callback(car_park.stop)
        rings = {camera.id: _ring(parts) for camera in config.cameras}
        loop = MainLoop(
            keeper=keeper,
            engine=Supervisor([_engine_post(config, rings, wires)]),
            captures=Supervisor(
                _capture_post(camera, sources[camera.id], rings[camera.id], wires)
                for camera in config.cameras
            ),
            rings={name: ring.health for name, ring in rings.items()},
            inbox=wires.inbox,
            recorder=Recorder(
                store,
                layouts,
                clock.now(),
                centre.nudge,
                hours=site.store_hours.span,
                rules=config.patrol.rules,
                areas=config.drawn_areas,
                first_minute=keeper.first_minute,
            ),
            live=live,
            publisher=centre.publisher,
            car_park=car_park,
            prune=store.prune,
            watches=[
                *watch_line(centre.publisher, config.sync, store, clock.now()),
                watch_disk(store, live),
                mender,
            ],
            until_end=until_end,
            stopping=stopping,
        )
        log.info(
            "running",
            extra=fields(box=site.box, cameras=len(layouts), page=f"http://{page.host}:{page.port}"),
        )
        anew = loop.run()
        if until_end and centre.publisher is not None:
            _wait_for_centre(store, centre.publisher)
    return anew


def _sources(config: SiteConfig, until_end: bool) -> Mapping[str, str]:
    """Each camera's source with its secrets. Raises ConfigError for a clip that is not there."""
    texts = {camera.id: camera.opened_source() for camera in config.cameras}
    for name, text in texts.items():
        try:
            source = find_source(text)
        except CaptureError as error:
            raise ConfigError(f"camera {name}: {error}") from error
        if until_end and (source.live or getattr(source, "loop", False)):
            raise ConfigError(
                f"camera {name} never ends ({source}); --until-end is for clips without ?loop=1"
            )
    return texts


def _wake_fd(parts: ExitStack) -> int:
    fd = os.eventfd(0, os.EFD_CLOEXEC)
    parts.callback(os.close, fd)
    return fd


def _ring(parts: ExitStack) -> Ring:
    fd = FrameRing.create()
    ring = Ring(fd, RingReader(fd))
    parts.callback(ring.close)
    return ring


def _engine_post(config: SiteConfig, rings: Mapping[str, Ring], wires: Wires) -> Post:
    watched = tuple(
        Watched(config.layout(camera.id), camera.fps, rings[camera.id].fd) for camera in config.cameras
    )
    # Half of the processors are the decoders'.
    threads = max(1, len(os.sched_getaffinity(0)) // 2)
    task = EngineTask(watched, config.model, threads, wires.clock, wires.wake_fd, config.site.store_hours)

    def start() -> Process:
        fds = [wires.wake_fd, *(ring.fd for ring in rings.values())]
        return Child("edge.engine_process", task, fds, on_message=wires.inbox.put)

    return Post(ENGINE, start, beat=lambda: wires.inbox.engine_heard_at)


def _capture_post(camera: CameraConfig, source: str, ring: Ring, wires: Wires) -> Post:
    task = CaptureTask(camera.id, source, camera.fps, wires.clock, ring.fd, wires.wake_fd)

    def start() -> Process:
        return Child("edge.capture.child", task, [ring.fd, wires.wake_fd], on_message=wires.inbox.put)

    return Post(f"capture {camera.id}", start, beat=ring.beat)


def _stop_on_signals() -> threading.Event:
    """Is set when the box is told to stop."""
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    return stopping


def _wait_for_centre(store: Store, publisher: Publisher) -> None:
    """Until the centre has acknowledged every row. Raises SyncError after a while; the rows stay."""
    publisher.nudge()
    until = time.monotonic() + ACKNOWLEDGED_WITHIN_S
    while (waiting := store.backlog("data").rows + store.backlog("trigger").rows) > 0:
        if time.monotonic() > until:
            reason = publisher.status().last_error or "it is connected and silent"
            raise SyncError(
                f"the centre has not acknowledged {waiting} messages: {reason}; they wait for the next run"
            )
        time.sleep(0.05)
