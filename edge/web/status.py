"""How the box itself is: cameras, coverage, the line to the centre, and what of it is wrong. Pure."""

from __future__ import annotations

from typing import Final

from edge.clock_trust import is_dark
from edge.config import SiteConfig
from edge.live import SyncLive
from edge.web import models
from edge.web.look import Look
from edge.web.trust import STALE_S, at, problems

BACKLOG_ROWS: Final = 20
"""More than what happens to wait at a moment."""


def looking(look: Look, camera: str) -> bool:
    """Whether a camera gives frames now."""
    live = look.live.cameras.get(camera)
    return look.is_today and live is not None and live.persons_now(look.now, STALE_S) is not None


def counting(look: Look, camera: str) -> bool:
    """Whether a camera looks and the day is known: what it has not counted today is then a true zero."""
    return looking(look, camera) and not is_dark(look.now)


def offline(look: Look) -> frozenset[str]:
    """Cameras that should give frames and give none."""
    return frozenset(
        name for name, live in look.live.cameras.items() if look.is_today and live.state == "offline"
    )


def people_now(look: Look) -> int | None:
    """People in view of all cameras that look now; None when none does."""
    views = [camera.persons_now(look.now, STALE_S) for camera in look.live.cameras.values()]
    seen = [view for view in views if view is not None]
    return sum(seen) if seen and look.is_today else None


def _coverage(look: Look, camera: str) -> float | None:
    elapsed = look.day.open_seconds(look.day.begin, look.horizon)
    return None if elapsed <= 0 else min(1.0, look.observed.get(camera, 0.0) / elapsed)


def coverage(look: Look, site: SiteConfig) -> float | None:
    """The mean over all cameras; None while the store has not opened yet."""
    shares = [_coverage(look, camera.id) for camera in site.cameras]
    known = [share for share in shares if share is not None]
    return sum(known) / len(known) if known else None


def cameras(look: Look, site: SiteConfig) -> models.Cameras:
    """All cameras now."""
    answers = []
    for camera in site.cameras:
        live = look.live.cameras.get(camera.id)
        if live is None:
            continue
        last = live.last_frame_at
        answers.append(
            models.Camera(
                camera=camera.id, state=live.state, since=at(live.since), reason=live.reason,
                last_frame_at=None if last is None else at(last),
                last_frame_age=None if last is None else round(max(0.0, look.now - last), 1),
                fps=None if live.fps is None or not looking(look, camera.id) else round(live.fps, 1),
                persons=live.persons_now(look.now, STALE_S) if look.is_today else None,
                coverage=_coverage(look, camera.id),
            )
        )  # fmt: skip
    return models.Cameras(cameras=answers)


def oldest_waiting(look: Look) -> float | None:
    """When the oldest message that waits for the centre was made."""
    return min((b.oldest_at for b, _ in look.streams.values() if b.oldest_at is not None), default=None)


def _left(rows: int, live: SyncLive) -> float | None:
    """How long a backlog still takes."""
    rate = live.acknowledged_per_s
    if rows < BACKLOG_ROWS or not live.connected or not rate:
        return None
    return round(rows / rate, 1)


def sync(look: Look) -> models.Sync:
    """The line to the centre."""
    oldest = oldest_waiting(look)
    acked = max((s.acked_at for _, s in look.streams.values() if s.acked_at is not None), default=None)
    live = look.live.sync
    rows = sum(backlog.rows for backlog, _ in look.streams.values())
    return models.Sync(
        configured=live.configured,
        connected=live.connected,
        since=None if live.since is None else at(live.since),
        reason=live.reason,
        trouble=live.trouble,
        protocol=live.protocol,
        epoch=look.epoch,
        rows=rows,
        oldest_age=None if oldest is None else round(max(0.0, look.now - oldest), 1),
        acked_at=None if acked is None else at(acked),
        acknowledged=live.acknowledged,
        acknowledged_per_s=live.acknowledged_per_s,
        seconds_left=_left(rows, live),
        streams=[
            models.Stream(
                stream=name, rows=backlog.rows,
                oldest_age=None
                if backlog.oldest_at is None
                else round(max(0.0, look.now - backlog.oldest_at), 1),
                last_seq=state.last_seq, acked_seq=state.acked_seq,
                acked_at=None if state.acked_at is None else at(state.acked_at), dropped=state.dropped,
            )
            for name, (backlog, state) in look.streams.items()
        ],
    )  # fmt: skip


def trust(look: Look, site: SiteConfig) -> list[models.Problem]:
    """What is wrong now."""
    return problems(
        look.live,
        look.now,
        last_minute=look.last_minute,
        oldest_waiting=oldest_waiting(look),
        coverage=coverage(look, site),
        fed=bool(site.lanes and site.parking.feeds),
    )
