"""May the figures be trusted, and if not, why? One answer for the page's first line and /healthz. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from edge.live import CameraLive, Snapshot
from edge.web.models import Level, Problem

STALE_S: Final = 10.0
"""No frame for this long from a camera that should give some: it is not looking."""
START_S: Final = 60.0
"""A camera or engine may take this long to start before it is a problem."""
COMMIT_S: Final = 240.0
"""A minute is committed about 70 s after it began; none for this long: the store does not take them."""
BACKLOG_S: Final = 900.0
"""Figures that wait longer than this for the centre are worth a notice; nothing is lost by it."""
COVERAGE: Final = 0.95
"""Less of today observed than this is worth a notice."""

BREAKING: Final = frozenset(
    {"engine_down", "no_camera", "camera_offline", "camera_silent", "store_fault", "store_behind"}
)
"""Problems with which counting does not work now: /healthz answers 503."""


def at(seconds: float) -> datetime:
    """UTC seconds as a time."""
    return datetime.fromtimestamp(round(seconds, 3), UTC)


def problems(
    live: Snapshot,
    now: float,
    *,
    last_minute: int | None,
    oldest_waiting: float | None,
    coverage: float | None,
    fed: bool = False,
) -> list[Problem]:
    """What is wrong now, the worst first.

    last_minute: start of the newest committed minute; oldest_waiting: when the oldest waiting message was
    made; coverage: observed share of today; fed: a parking system tells of the cars at its lanes, so
    that the box has something to do without a camera. All times are UTC seconds.
    """
    found = [*_engine(live, now, fed), *_store(live, now, last_minute), *_disk(live)]
    found.extend(filter(None, (_camera(camera, now) for camera in live.cameras.values())))
    if live.clock_trust == "unknown":
        found.append(Problem(code="clock_unknown", level="bad", detail=str(live.untimed_minutes)))
    elif not live.clock_trusted:
        found.append(Problem(code="clock_untrusted", level="notice"))
    found.extend(_sync(live, now, oldest_waiting))
    if coverage is not None and coverage < COVERAGE:
        found.append(Problem(code="coverage_low", level="notice"))
    return sorted(found, key=lambda problem: problem.level != "bad")


def level(found: list[Problem]) -> Level:
    """The worst of all."""
    return "ok" if not found else "bad" if any(p.level == "bad" for p in found) else "notice"


def _engine(live: Snapshot, now: float, fed: bool) -> list[Problem]:
    if not live.cameras:
        return [] if fed else [Problem(code="no_camera", level="bad")]
    if live.engine.alive or all(camera.state == "ended" for camera in live.cameras.values()):
        return []
    if live.engine.restarts == 0 and now - live.started_at < START_S:
        return [Problem(code="starting", level="notice")]
    return [Problem(code="engine_down", level="bad", since=at(live.engine.since or live.started_at))]


def _store(live: Snapshot, now: float, last_minute: int | None) -> list[Problem]:
    if live.store_fault is not None:
        return [Problem(code="store_fault", level="bad", detail=live.store_fault)]
    if not live.cameras:
        return []  # there are no minutes to commit
    newest = live.started_at if last_minute is None else max(last_minute, live.started_at)
    if now - newest > COMMIT_S:
        return [Problem(code="store_behind", level="bad", since=at(newest))]
    return []


def _disk(live: Snapshot) -> list[Problem]:
    disk = live.disk
    if disk is None or live.store_fault is not None or not (disk.full or disk.low):
        return []
    free = f"{disk.room.free / 2**20:.0f}"
    return [
        Problem(code="disk_full", level="bad") if disk.full else
        Problem(code="disk_low", level="notice", detail=free)
    ]  # fmt: skip


def _camera(camera: CameraLive, now: float) -> Problem | None:
    match camera.state:
        case "offline":
            return Problem(
                code="camera_offline", level="bad", about=camera.camera, since=at(camera.since),
                detail=camera.reason,
            )  # fmt: skip
        case "starting" if now - camera.since > START_S:
            return Problem(code="camera_silent", level="bad", about=camera.camera, since=at(camera.since))
        case "starting":
            return Problem(code="camera_starting", level="notice", about=camera.camera)
        case "online" if camera.last_frame_at is not None and now - camera.last_frame_at > STALE_S:
            return Problem(
                code="camera_silent", level="bad", about=camera.camera, since=at(camera.last_frame_at)
            )
    return None


def _sync(live: Snapshot, now: float, oldest_waiting: float | None) -> list[Problem]:
    if not live.sync.configured:
        return []
    waits_long = oldest_waiting is not None and now - oldest_waiting > BACKLOG_S
    if not live.sync.connected and (
        waits_long or (live.sync.since is not None and now - live.sync.since > START_S)
    ):
        return [_told(live, "sync_offline", _down_since(live, oldest_waiting))]
    if waits_long:
        return [_told(live, "sync_behind", oldest_waiting)]
    return []


def _down_since(live: Snapshot, oldest_waiting: float | None) -> float | None:
    """A box that was started while the line was down only knows that what waits has not gone since."""
    since = live.sync.since
    if since is None or oldest_waiting is None or since - live.started_at > START_S:
        return since
    return min(since, oldest_waiting)


def _told(live: Snapshot, code: str, since: float | None) -> Problem:
    return Problem(
        code=code, level="notice", since=None if since is None else at(since), detail=live.sync.reason,
        cause=live.sync.trouble,
    )  # fmt: skip
