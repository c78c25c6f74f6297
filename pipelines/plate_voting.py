"""One plate for each vehicle: the looks at it over its frames vote, and the vote is told once it is settled.

Characters are summed position by position over all looks (`plate_grammar.Ballot`), because two frames that
each misread another character are right together. A vehicle's plate is told as soon as enough frames agree
and nothing else comes near; what is not settled when the vehicle has gone is `unread`. The province is the
weak character, so it needs the larger margin, and the site's own provinces are learnt from settled reads.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from pipelines.plate_grammar import Ballot, Opinion, Reading, Verdict, needed
from pipelines.plate_records import PlateColour, PlateRead

FRAMES: Final = 3
"""So many frames must agree."""
MARGIN: Final = 0.9
"""Nats, as the mean over the looks, by which the text must be better than the next one."""
PROVINCE_MARGIN: Final = 1.4
"""The same for the province alone."""
RECENT: Final = 10
"""Newest frames that must agree: a car that comes nearer was misread from afar."""
PATIENT_FRAMES: Final = 8
PATIENT: Final = 0.7
"""With so many agreeing frames this share of the margins is enough: their errors are not the same ones."""
FOREIGN: Final = 2.0
"""Factor on the province's margin where a site that knows its provinces has hardly ever seen this one."""
KNOWN_AFTER: Final = 30
"""Settled reads after which a site knows its provinces."""
RARE: Final = 0.03
"""Share of the reads below which a province is foreign."""
PRIOR: Final = 1.0
"""Most that the site's own provinces count, in nats either way (research: counting §9.4)."""
AGREE: Final = 0.5
"""Share of the newest frames that must say the text by themselves."""
LEAST_WIDTH: Final = 60.0
"""Pixels of a plate's width from which a frame counts as one that agrees."""
REARM_S: Final = 60.0
"""The same plate is told again only after this time: a track that broke is not a second car."""
SAME_PLATE: Final = 3
"""Characters in which two reads of one plate may differ."""
SAME_VEHICLE_S: Final = 3.0
"""The same plate under another track within this time is the same vehicle's."""
MOST_PLATES: Final = 4
"""Plates that may compete for one vehicle (its own, a neighbour's, a sticker)."""


@dataclass(frozen=True, slots=True)
class Look:
    """One frame's look at a plate."""

    readings: Sequence[Reading]
    opinion: Opinion
    colours: Mapping[PlateColour, float]
    width: float
    """Of the plate, in pixels."""
    sharpness: float = 1.0
    """0 to 1."""

    @property
    def weight(self) -> float:
        """How much it counts: one that is small or blurred, or reads like no plate, counts little."""
        size = min(1.0, max(0.1, (self.width - 40) / 80))
        fit = min(1.0, max(0.1, math.exp((self.opinion.verdict.fit + 2) / 4)))
        return size * fit * (0.3 + 0.7 * self.sharpness)


@dataclass(slots=True)
class _Candidate:
    """One plate seen on a vehicle."""

    ballot: Ballot = field(default_factory=Ballot)
    colours: dict[PlateColour, float] = field(default_factory=dict)
    """Sums of the logarithms, weighted."""
    texts: deque[str] = field(default_factory=lambda: deque(maxlen=RECENT))
    """What each of the newest frames in which the plate is large enough says alone."""
    verdict: Verdict | None = None
    seen: float = 0.0
    frames: int = 0

    def add(self, t: float, look: Look, provinces: Mapping[str, float]) -> None:
        for reading, weight in zip(look.readings, look.opinion.weights, strict=True):
            self.ballot.add(reading, weight * look.weight)
        for colour, share in look.colours.items():
            self.colours[colour] = self.colours.get(colour, 0.0) + look.weight * math.log(max(share, 1e-6))
        if look.width >= LEAST_WIDTH:
            self.texts.append(look.opinion.verdict.text)
        self.seen, self.frames = t, self.frames + 1
        self.verdict = self.ballot.verdict(self._colours(), provinces)

    def _colours(self) -> dict[PlateColour, float]:
        """Probabilities: the mean of the frames' logarithms, made to sum to 1."""
        mean = {colour: value / self.ballot.weight for colour, value in self.colours.items()}
        top = max(mean.values())
        shares = {colour: math.exp(value - top) for colour, value in mean.items()}
        return {colour: share / sum(shares.values()) for colour, share in shares.items()}

    @property
    def colour(self) -> PlateColour:
        return max(self.colours, key=lambda colour: self.colours[colour])

    def votes(self) -> int:
        return self.texts.count(self.verdict.text) if self.verdict else 0


@dataclass(slots=True)
class _Vehicle:
    """The plates seen on one vehicle."""

    candidates: list[_Candidate] = field(default_factory=list)
    told: bool = False
    frames: int = 0
    tracks: set[int] = field(default_factory=set)
    """More than one where the tracker lost it for a moment, or sees it in parts."""


class PlateVoting:
    """All vehicles of one camera's lanes. Hand it every look, and every vehicle's end."""

    def __init__(self, camera: str) -> None:
        self._camera = camera
        self._vehicles: dict[int, _Vehicle] = {}
        self._told: dict[str, float] = {}
        """When each plate was last told or last seen after that."""
        self._provinces: Counter[str] = Counter()
        self._shown = -math.inf
        """When the last vehicle that showed a plate was gone."""

    def wants(self, track: int) -> bool:
        """Whether more looks at this vehicle would help."""
        vehicle = self._vehicles.get(track)
        return vehicle is None or not vehicle.told

    def frames(self, track: int) -> int:
        """How often this vehicle's plate was looked at."""
        vehicle = self._vehicles.get(track)
        return 0 if vehicle is None else vehicle.frames

    def see(self, t: float, track: int, look: Look, lanes: Sequence[str]) -> list[PlateRead]:
        """One look at the plate of a vehicle in these lanes; its read, for each lane, once it is settled."""
        vehicle = self._vehicle(t, track, look)
        if vehicle.told:
            return []
        vehicle.frames += 1
        candidate = self._candidate(vehicle, look)
        candidate.add(t, look, self._prior())
        verdict = candidate.verdict
        if verdict is None or not self._settled(candidate, verdict):
            return []
        vehicle.told = True
        return self._tell(t, track, candidate, verdict, lanes)

    def end(self, t: float, track: int, lanes: Sequence[str], drove: float | None) -> list[PlateRead]:
        """A track has ended; `unread` where its vehicle drove through or showed a plate, and none was told.

        drove: since when it was in the picture, if it drove through; None if it did not.
        """
        vehicle = self._vehicles.pop(track, None)
        if vehicle is None:
            # Beside a vehicle that shows a plate, what drives through without one is another part of it.
            alone = drove is not None and not self._vehicles and self._shown < drove
            return [self._unread(t, track, lane) for lane in lanes] if alone else []
        self._shown = t
        vehicle.tracks.discard(track)
        if vehicle.tracks or vehicle.told or (vehicle.frames < FRAMES and drove is None):
            return []
        seen = max((candidate.seen for candidate in vehicle.candidates), default=t)
        if self._is_an_echo(vehicle, t):
            return []
        return [self._unread(seen, track, lane) for lane in lanes]

    def reset(self) -> None:
        """The picture jumped: forget the vehicles, not the plates that were told."""
        self._vehicles.clear()

    def _vehicle(self, t: float, track: int, look: Look) -> _Vehicle:
        """The vehicle of a track; one whose plate was just seen under another track is the same."""
        vehicle = self._vehicles.get(track)
        if vehicle is None:
            text = look.opinion.verdict.text
            vehicle = next(
                (
                    other for other in self._vehicles.values() for candidate in other.candidates
                    if candidate.verdict is not None and t - candidate.seen <= SAME_VEHICLE_S
                    and differences(candidate.verdict.text, text) <= SAME_PLATE
                ),
                _Vehicle(),
            )  # fmt: skip
            self._vehicles[track] = vehicle
            vehicle.tracks.add(track)
        return vehicle

    def _candidate(self, vehicle: _Vehicle, look: Look) -> _Candidate:
        """The plate that this look shows, by what it says; the weakest makes room for a new one."""
        text = look.opinion.verdict.text
        for candidate in vehicle.candidates:
            if candidate.verdict is not None and differences(candidate.verdict.text, text) <= SAME_PLATE:
                return candidate
        if len(vehicle.candidates) == MOST_PLATES:
            vehicle.candidates.remove(min(vehicle.candidates, key=lambda one: one.ballot.weight))
        vehicle.candidates.append(_Candidate())
        return vehicle.candidates[-1]

    def _settled(self, candidate: _Candidate, verdict: Verdict) -> bool:
        votes = candidate.votes()
        share = PATIENT if votes >= PATIENT_FRAMES else 1.0
        province = PROVINCE_MARGIN * share * (FOREIGN if self._is_foreign(verdict.text) else 1.0)
        return (
            verdict.kind is not None
            and votes >= FRAMES
            and votes >= AGREE * len(candidate.texts)
            and verdict.margin >= needed(MARGIN * share, verdict.fit)
            and verdict.foreign >= needed(province, verdict.fit)
        )

    def _tell(
        self, t: float, track: int, candidate: _Candidate, verdict: Verdict, lanes: Sequence[str]
    ) -> list[PlateRead]:
        before = self._told.get(verdict.text, -math.inf)
        self._told = {text: at for text, at in self._told.items() if t - at < REARM_S}
        self._told[verdict.text] = t
        if t - before < REARM_S:
            return []
        if verdict.foreign < math.inf:
            self._provinces[verdict.text[0]] += 1
        score = min(0.999, 1 - math.exp(-verdict.margin * min(candidate.ballot.weight, 3.0)))
        return [
            PlateRead(
                lane, self._camera, t, verdict.text, score, candidate.votes(), track, verdict.kind,
                candidate.colour,
            )
            for lane in lanes
        ]  # fmt: skip

    def _unread(self, t: float, track: int, lane: str) -> PlateRead:
        return PlateRead(lane, self._camera, t, None, 0.0, 0, track)

    def _is_an_echo(self, vehicle: _Vehicle, t: float) -> bool:
        """Whether this is the rest of a vehicle whose plate was told under another track."""
        return any(
            candidate.verdict is not None and t - at < REARM_S
            and differences(candidate.verdict.text, text) <= SAME_PLATE
            for candidate in vehicle.candidates for text, at in self._told.items()
        )  # fmt: skip

    def _prior(self) -> dict[str, float]:
        """Log-prior of each province seen here, against one that was never seen."""
        total = sum(self._provinces.values())
        if total < KNOWN_AFTER:
            return {}
        usual = math.log((total / 31 + 1) / (total + 31))
        return {
            province: max(-PRIOR, min(PRIOR, 0.5 * (math.log((count + 1) / (total + 31)) - usual)))
            for province, count in self._provinces.items()
        }

    def _is_foreign(self, text: str) -> bool:
        total = sum(self._provinces.values())
        return total >= KNOWN_AFTER and self._provinces[text[0]] < RARE * total


def differences(one: str, other: str) -> int:
    """Edit distance (insert, leave out, replace) between two texts."""
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        before, row[0] = row[0], i
        for j, b in enumerate(other, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (a != b))
    return row[-1]
