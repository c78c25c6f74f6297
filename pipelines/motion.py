"""How a body moves: a constant-velocity Kalman filter in metres and seconds.

The velocity wanders like a random walk in continuous time, so that the filter is the same at every frame
rate. Both axes share their covariance.
"""

from __future__ import annotations

from pipelines.layout import Point
from pipelines.track import Track, TrackerSettings


def spread(track: Track, t: float, settings: TrackerSettings) -> tuple[float, float, float]:
    """The covariance at `t`, unseen since it was detected last: of place, of both, of velocity."""
    dt = max(t - track.seen, 1e-3)
    if track.stands(settings):  # and is found again where it stood
        dt = min(dt, settings.fresh_s)
    q = settings.wander * track.metre**2
    return (
        track.p00 + dt * (2 * track.p01 + dt * track.p11) + q * dt**3 / 3,
        track.p01 + dt * track.p11 + q * dt * dt / 2,
        track.p11 + q * dt,
    )


def box_variance(track: Track, settings: TrackerSettings) -> float:
    """Variance of the place that a box tells; more where somebody else stands before or behind."""
    sigma = settings.box_noise * (settings.crowd_noise if track.crowded else 1.0)
    return (sigma * track.metre) ** 2


def follow(track: Track, seen: Point, t: float, variance: float, settings: TrackerSettings) -> None:
    """Move the filter to where the track was `seen` at `t`; `variance` is that of the sighting."""
    p00, p01, p11 = spread(track, t, settings)
    k0, k1 = p00 / (p00 + variance), p01 / (p00 + variance)
    (x, y), (ahead_x, ahead_y) = seen, track.ahead(t, settings)
    miss_x, miss_y = x - ahead_x, y - ahead_y
    track.x, track.y = ahead_x + k0 * miss_x, ahead_y + k0 * miss_y
    track.vx, track.vy = track.vx + k1 * miss_x, track.vy + k1 * miss_y
    track.p00, track.p01, track.p11 = (1 - k0) * p00, (1 - k0) * p01, p11 - k1 * p01
