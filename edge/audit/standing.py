"""How a gate stands: what all audits of it as it is drawn now say together."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Final, Literal

from edge.config import SiteConfig
from edge.store.audits import Audit
from pipelines.audit import DIRECTIONS, Tally, overall
from pipelines.equivalence import Interval, Verdict
from pipelines.layout import CameraLayout

POOLED_S: Final = 90 * 86_400.0
"""Audits of three months up to the newest count together: a season, with its light and its coats."""
TELLING: Final = 0.10
"""A range of the accuracy wider than this tells nobody anything."""

State = Literal["never", "outdated", "few", "checked"]
"""`outdated`: only audits of an older drawing. `few`: too few crossings to say."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What the audits of a gate say about its counts of today."""

    state: State
    at: float | None = None
    """UTC seconds of the newest audit that it is made of."""
    true: int = 0
    """Crossings counted by hand, in and out."""
    accuracy: Interval | None = None
    """From where to where the accuracy lies (90 %), of the worse direction at either end."""
    verdict: Verdict = "undecided"
    more_needed: int | None = 0
    """About how many more crossings decide, for the direction that needs most; None: counting on will not."""


def drawing_of(layout: CameraLayout, gate: str) -> str:
    """A digest of all that decides where a gate counts: its line and side, the floor and the mask. Raises
    KeyError for a gate that the camera does not have."""
    drawn = {each.id: each for each in layout.gates}[gate]
    floor = None if layout.floor is None else asdict(layout.floor)
    text = json.dumps([asdict(drawn), floor, layout.mask], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def drawings_of(site: SiteConfig) -> dict[tuple[str, str], str]:
    """Every gate of a site by (camera, gate), as it is drawn now."""
    return {
        (camera.id, gate.id): drawing_of(site.layout(camera.id), gate.id)
        for camera in site.cameras
        for gate in camera.gates
    }


def standing(audits: Iterable[Audit], drawing: str | None) -> Standing:
    """Of one gate's audits. drawing: as the gate is drawn now; None: it is drawn nowhere any more."""
    known = sorted(audits, key=lambda audit: audit.ended)
    if not known:
        return Standing("never")
    valid = [audit for audit in known if audit.drawing == drawing]
    if not valid:
        return Standing("outdated", known[-1].ended)
    at = valid[-1].ended
    tallies = {
        way: sum((a.tally for a in valid if a.direction == way and a.ended > at - POOLED_S), Tally())
        for way in DIRECTIONS
    }
    used = [tally for tally in tallies.values() if tally.true or tally.counted]
    ranges = [found for tally in used if (found := tally.accuracy_range())]
    more = [tally.more_needed() for tally in used] or [Tally().more_needed()]
    accuracy = (
        Interval(min(r.low for r in ranges), min(r.high for r in ranges))
        if ranges and len(ranges) == len(used)
        else None
    )
    decided = overall(tally.verdict() for tally in used)
    few = accuracy is None or (decided == "undecided" and accuracy.high - accuracy.low > TELLING)
    return Standing(
        "few" if few else "checked",
        at,
        sum(tally.true for tally in used),
        accuracy,
        decided,
        None if None in more else max(n for n in more if n is not None),
    )
