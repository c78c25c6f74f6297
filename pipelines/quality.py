"""How far figures may be trusted, and if not fully, why. Pure: from sums over any stretch of time.

A window is judged by what it rests on, never by the figures themselves: the share of it that was observed,
the frames a second, how many crossings were only inferred, how often people were taken for new ones. A share
of small numbers counts against a window only when it is surely too high, not when one of three happened to
be (the lower end of its 95 % interval is over the limit).

The limits:
- coverage: passenger counters must be within 5 % of the truth (US FTA/NTD; counttrack asks for a new
  calibration beyond it; research: counting §6), and who came unseen is missing in the same proportion as the
  time. With a fifth unseen the patrol does not say either that nobody was there.
- frames a second: 3 frames a person, before, on and after the line (Aimetis), so 3 for anybody at all; 5 for
  people who walk apart (Eocortex; research: counting §1.5), which this counter holds for several together
  too (docs/accuracy.md).
- inferred: about one in five events that were inferred rather than seen is wrong (research: counting §3,
  reading 6), so that a quarter inferred costs the 5 % and a half 10 %.
- fragmented: identities over people. Little's law below is broken at 1 / 0.8 = 1.25, so this is too.
- Little's law: mean stay = integral of presence / arrivals, for which nobody needs to be recognised again.
  A mean of the tracks below 0.8 of it: people were taken for new ones (research: counting §7).
- drift: what the gates gave too many or too few, over what they counted; the same 5 % and the fifth.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from pipelines.records import Confidence, Quality
from pipelines.shares import wilson

COVERAGE: Final = (0.95, 0.80)
"""Less observed than the first: fair; than the second: poor."""
SLOW_FPS: Final = 3.0
SLOW_FPS_SEVERAL: Final = 5.0
FPS_SLACK: Final = 0.9
"""A camera that is asked for 5 frames a second gives a little less."""
INFERRED: Final = (0.25, 0.50)
BROKEN: Final = (0.20, 0.50)
"""Broken tracks over all: 1.25 and 2 identities a person."""
LITTLE: Final = (0.8, 0.5)
LITTLE_ARRIVALS: Final = 20
"""With fewer, those who are there when the stretch begins and ends weigh too much (research: counting §8)."""
LITTLE_SLACK_S: Final = 1.0
"""Who is lost counts as present until that is certain, so that short stays look a little longer."""
DRIFT: Final = (0.05, 0.20)

REASONS: Final = (
    "nothing_seen",
    "clock_untrusted",
    "part_seen",
    "slow",
    "fragmented",
    "littles_law",
    "inferred",
    "drift",
)
"""Every reason there is, the gravest first."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the figures of a stretch of time rest on. Sums, so that those of two stretches add up; leave out
    (0) what the scope does not have."""

    length_s: float
    """How long the stretch was, seen or not."""
    observed_s: float
    frames: int = 0
    """Frames analysed."""
    persons_peak: int = 0
    """The most people at once."""
    crossings: int = 0
    """Entries and exits, raw."""
    inferred: int = 0
    """Of `crossings`."""
    identities: int = 0
    """Tracks that became people."""
    broken: int = 0
    """Tracks of people that broke off: somebody new stood there soon after."""
    person_seconds: float = 0.0
    """Integral of the presence in a zone (or area)."""
    arrivals: int = 0
    """Stays whose beginning was seen."""
    stays: int = 0
    """Visits and passes: tracks' stays."""
    stay_seconds: float = 0.0
    """Sum of their lengths."""
    drift: int = 0
    """People that gates gave too many or too few, either way, of `crossings`."""
    clock_trusted: bool = True

    def __add__(self, other: Evidence) -> Evidence:
        """Both stretches together."""
        return Evidence(
            self.length_s + other.length_s,
            self.observed_s + other.observed_s,
            self.frames + other.frames,
            max(self.persons_peak, other.persons_peak),
            self.crossings + other.crossings,
            self.inferred + other.inferred,
            self.identities + other.identities,
            self.broken + other.broken,
            self.person_seconds + other.person_seconds,
            self.arrivals + other.arrivals,
            self.stays + other.stays,
            self.stay_seconds + other.stay_seconds,
            self.drift + other.drift,
            self.clock_trusted and other.clock_trusted,
        )

    @staticmethod
    def of(stretches: Iterable[Evidence]) -> Evidence:
        """All of them together; of none, nothing of no length."""
        return sum(stretches, Evidence(0.0, 0.0))


def quality(seen: Evidence) -> Quality:
    """What the figures of a stretch are worth."""
    if seen.length_s <= 0 or seen.observed_s <= 0:
        return Quality(None, 0.0, None, None, "none", ("nothing_seen",))
    coverage = min(1.0, seen.observed_s / seen.length_s)
    fps = seen.frames / seen.observed_s
    faults = {
        "clock_untrusted": 0 if seen.clock_trusted else 2,
        "part_seen": sum(coverage < limit for limit in COVERAGE),
        "slow": _slow(fps, seen.persons_peak),
        "fragmented": _too_many(seen.broken, seen.identities, BROKEN),
        "littles_law": _breaks_littles_law(seen),
        "inferred": _too_many(seen.inferred, seen.crossings, INFERRED),
        "drift": _too_many(seen.drift, seen.crossings, DRIFT),
    }
    grade: tuple[Confidence, ...] = ("good", "fair", "poor")
    found = [name for name in REASONS if faults.get(name)]
    return Quality(
        round(fps, 2),
        round(coverage, 4),
        round(min(1.0, seen.inferred / seen.crossings), 4) if seen.crossings else None,
        identities_per_person(seen.identities, seen.broken),
        grade[max(faults.values())],
        tuple(sorted(found, key=lambda name: -faults[name])),
    )


def identities_per_person(identities: int, broken: int) -> float | None:
    """How many tracks a person had: whoever's track breaks off is found again as somebody new. 1 is perfect;
    None: nobody was there."""
    if identities <= 0:
        return None
    return round(identities / max(1, identities - broken), 3)


def littles_mean(person_seconds: float, arrivals: int) -> float | None:
    """The mean stay in seconds by Little's law (L = λW): the integral of the presence over the arrivals. It
    does not ask who is who, so that broken tracks leave it as it is. None: nobody came."""
    return person_seconds / arrivals if arrivals > 0 else None


def percentiles_hold(seen: Evidence) -> bool:
    """Whether the lengths of single stays may be believed. If not, publish `littles_mean` as the mean and
    mark median and percentiles as not to be trusted."""
    return not _breaks_littles_law(seen)


def _breaks_littles_law(seen: Evidence) -> int:
    if seen.arrivals < LITTLE_ARRIVALS or not seen.stays:
        return 0
    little, tracked = seen.person_seconds / seen.arrivals, seen.stay_seconds / seen.stays
    if little - tracked <= LITTLE_SLACK_S:
        return 0
    return sum(tracked < share * little for share in LITTLE)


def _slow(fps: float, persons_peak: int) -> int:
    if fps < FPS_SLACK * SLOW_FPS:
        return 2
    return int(persons_peak > 1 and fps < FPS_SLACK * SLOW_FPS_SEVERAL)


def _too_many(part: int, whole: int, limits: tuple[float, float]) -> int:
    """How many of the limits a share surely exceeds."""
    if part <= 0 or whole <= 0:
        return 0
    low, _ = wilson(min(part, whole), whole)
    return sum(low > limit for limit in limits)
