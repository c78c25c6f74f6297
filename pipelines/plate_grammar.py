"""What can stand on a plate of mainland China, and the best such text for what a recogniser saw.

A recogniser gives probabilities for each step along the plate (CTC: characters with blanks between). For
each syntax a forward and a backward pass over all its alignments give exactly how likely the picture is
under that syntax, and at each position of the text how likely each of the allowed characters is. A character
that the recogniser did not see costs a fixed price, so a read without its province still votes on the rest.

Syntaxes after GA 36-2018 as in public descriptions of it; a truncated new-energy plate is a valid ordinary
one, so the colour has its say (research: counting §9.4).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, get_args

import numpy as np
from numpy.typing import NDArray

from models.plates.alphabet import BLANK, CHARACTERS, COLUMN, DIGITS, LETTERS, OTHER, PROVINCES, Glyphs
from pipelines.plate_records import PlateColour, PlateKind

MOST: Final = 8
"""Characters of the longest plate."""
SERIAL: Final = DIGITS + LETTERS
ENERGY: Final = "ABCDEFGHJK"
"""Pure electric: A to E; others: F to K."""


@dataclass(frozen=True, slots=True)
class Syntax:
    """One form of plate: the allowed characters at each position, and on which colours it is made."""

    kind: PlateKind | None
    """None: a plate that we know of and do not read."""
    positions: tuple[str, ...]
    colours: Mapping[PlateColour, float]
    """How usual each colour is for it, 0 to 1; a colour left out does not occur."""


def _plates(
    kind: PlateKind | None, colours: Mapping[PlateColour, float], *forms: Sequence[str]
) -> list[Syntax]:
    return [Syntax(kind, tuple(form), colours) for form in forms]


_P, _L, _S, _D = PROVINCES, LETTERS, SERIAL, DIGITS
SYNTAXES: Final[tuple[Syntax, ...]] = tuple(
    _plates("ordinary", {"blue": 1.0, "yellow": 1.0, "black": 0.2}, [_P, _L, *[_S] * 5])
    + _plates("new_energy_small", {"green": 1.0}, [_P, _L, ENERGY, _S, *[_D] * 4])
    + _plates("new_energy_large", {"yellow_green": 1.0, "green": 0.3}, [_P, _L, *[_D] * 5, ENERGY])
    + _plates("trailer", {"yellow": 1.0, "blue": 0.05}, [_P, _L, *[_S] * 4, "挂"])
    + _plates("learner", {"yellow": 1.0, "green": 0.1}, [_P, _L, *[_S] * 4, "学"])
    + _plates("police", {"white": 1.0}, [_P, _L, *[_S] * 4, "警"])
    + _plates("cross_border", {"black": 1.0}, ["粤", "Z", *[_S] * 4, "港澳"])
    + _plates(
        "consulate", {"black": 1.0}, [_P, _L, *[_D] * 4, "领"], [_P, *[_D] * 4, "领"], [_P, *[_D] * 5, "领"]
    )
    + _plates("embassy", {"black": 1.0}, ["使", *[_D] * 6], [*[_D] * 6, "使"])
    + _plates(
        "armed_police", {"white": 1.0},
        ["W", "J", _P, *[_D] * 4, _D + "TDSHBXJ"], ["W", "J", *[_D] * 4, _D + "TDSHBXJ"],
    )
    + _plates(None, {"white": 1.0}, [_L, _L, *[_D] * 5], [_P, _L, *[_S] * 4, "应", "急"])
    + _plates(None, {"green": 1.0}, ["民", "航", *[_S] * 5])
    + _plates(None, {"white": 1.0, "blue": 0.3}, [_P, _L, *[_S] * 5, "临"])
)  # fmt: skip
"""Every form, the usual first. The last ones (military, emergency, civil aviation, temporary) stand here so
that they are not taken for another."""

_STRANGE_COLOUR: Final = 1e-4
"""How usual a colour is that should not occur: lamps and cameras change colours, never by this much alone."""
_UNSEEN: Final = 0.01
"""Probability at a step of a character that the recogniser did not think of."""
_STRAY: Final = -2.3
"""Nats that each character costs which no plate has: one may be smudged, other print is full of them."""
FITS: Final = -2.5
"""Mean log-probability of the text from which a picture is clear."""
_FAINT: Final = 2e-3
"""A character that nowhere reaches this is not followed by itself, only as an unseen one."""
_DOUBT: Final = 0.02
"""Share of a read's word at a position that is not believed: so no single read can veto the others."""
_FIT_STEP: Final = 4.0
"""Nats by which a reading fits worse than the best one to count an e-th of it."""
_LEAST_TRUST: Final = 0.05
_RARE: Final = -1.5
"""Log of how usual a plate is that is neither ordinary nor new-energy: cars in a shop's car park."""


def _allowed() -> NDArray[np.bool_]:
    table = np.zeros((len(SYNTAXES), MOST, OTHER + 1), bool)
    for number, syntax in enumerate(SYNTAXES):
        for position, characters in enumerate(syntax.positions):
            table[number, position, [COLUMN[character] for character in characters]] = True
    return table


ALLOWED: Final = _allowed()
"""(syntaxes, MOST, COLUMNS)"""
_LENGTHS: Final = np.array([len(syntax.positions) for syntax in SYNTAXES])
_USED: Final = np.arange(MOST) < _LENGTHS[:, None]
"""(syntaxes, MOST): which positions a syntax has."""
_CHOICES: Final = np.maximum(ALLOWED.sum(axis=2, keepdims=True), 1)
_USUAL: Final = np.array(
    [0.0 if s.kind in {"ordinary", "new_energy_small"} else _RARE for s in SYNTAXES], np.float64
)
_COLOURS: Final = np.array(
    [
        [max(syntax.colours.get(colour, 0.0), _STRANGE_COLOUR) for colour in get_args(PlateColour)]
        for syntax in SYNTAXES
    ]
)
"""(syntaxes, colours)"""
_PROVINCE_COLUMNS: Final = np.array([COLUMN[province] for province in PROVINCES])


@dataclass(frozen=True, slots=True)
class Reading:
    """What one look at a plate says, syntax by syntax."""

    fit: NDArray[np.float64]
    """(syntaxes,): log-likelihood of the picture."""
    says: NDArray[np.float32]
    """(syntaxes, MOST, COLUMNS): log-probability of each allowed character; -inf where it is not allowed."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The best text of one or several readings."""

    text: str
    kind: PlateKind | None
    margin: float
    """How much better than the next best text, in nats for each unit of weight."""
    weakest: float
    """Probability of the least sure character, 0 to 1, by the mean of the readings."""
    foreign: float
    """The margin of the province alone; infinity where none is on the plate."""
    fit: float
    """Mean log-probability of the text at a unit of weight: near 0 for a clear picture."""


def weigh(glyphs: Glyphs) -> Reading:
    """One read's word on every syntax."""
    follow = np.flatnonzero(glyphs.max(axis=0) >= _FAINT)
    follow = follow[(follow != BLANK) & (follow != OTHER)]
    steps = glyphs.astype(np.float64)
    wild = steps.sum(axis=1) - steps[:, [BLANK, *follow]].sum(axis=1) + _UNSEEN
    marks = np.concatenate([steps[:, follow], wild[:, None]], axis=1)
    blank = steps[:, BLANK] + _UNSEEN / 10
    may = np.concatenate([ALLOWED[:, :, follow], _USED[:, :, None]], axis=2).astype(np.float64)
    fit, entered = _alignments(marks, blank, may)
    says = np.zeros(ALLOWED.shape, np.float64)
    says[:, :, follow] = entered[:, :, :-1]
    says = (says + entered[:, :, -1:] / _CHOICES) * (1 - _DOUBT) + _DOUBT / _CHOICES
    with np.errstate(divide="ignore"):
        fit = np.log(fit) + _STRAY * _strays(steps[:, OTHER])
        return Reading(fit, np.where(ALLOWED, np.log(says), -np.inf).astype(np.float32))


def _strays(other: NDArray[np.float64]) -> float:
    """How many characters that no plate has: the sum of all rises of their probability."""
    return float(np.clip(np.diff(other, prepend=0.0), 0, None).sum())


def _alignments(
    marks: NDArray[np.float64], blank: NDArray[np.float64], may: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Likelihood (syntaxes,) and probability (syntaxes, MOST, marks) that a mark stands at a position.

    Sums over all CTC alignments, forward and backward (Graves et al. 2006), for all syntaxes at once. The
    last mark is the unseen one: two of it side by side need no blank between them.
    """
    count, width = len(may), marks.shape[1]
    apart = np.ones(width)
    apart[-1] = 0.0
    label = np.zeros((count, MOST, width))
    space = np.zeros((count, MOST + 1))
    space[:, 0] = 1.0
    enters = np.empty((len(marks), count, MOST, width))
    for step, (mark, gap) in enumerate(zip(marks, blank, strict=True)):
        total = label.sum(axis=2)
        enter = np.broadcast_to(space[:, :-1, None], label.shape).copy()
        enter[:, 1:] += total[:, :-1, None] - label[:, :-1] * apart
        enter *= may
        enters[step] = enter
        space[:, 1:] += total
        space *= gap
        label += enter
        label *= mark
    ends = np.arange(count), _LENGTHS
    fit = space[ends] + label.sum(axis=2)[ends[0], ends[1] - 1]
    after_label = np.zeros_like(label)
    after_space = np.zeros_like(space)
    after_label[ends[0], ends[1] - 1] = 1.0
    after_space[ends] = 1.0
    entered = np.zeros_like(label)
    for step in range(len(marks) - 1, -1, -1):
        into = after_label * marks[step]
        entered += enters[step] * into
        onward = into * may
        every = onward.sum(axis=2)
        rest = after_space[:, 1:] * blank[step]
        after_label = into + rest[:, :, None]
        after_label[:, :-1] += every[:, 1:, None] - onward[:, 1:] * apart
        after_space = after_space * blank[step]
        after_space[:, :-1] += every
    return np.maximum(fit, 1e-300), entered / np.maximum(fit, 1e-300)[:, None, None]


def needed(margin: float, fit: float) -> float:
    """A margin that is enough for a clear picture, as it must be for one that fits its text so well: where
    nothing fits, the best of bad texts is no better for being far ahead."""
    return margin * (1 + max(0.0, FITS - fit))


@dataclass(slots=True)
class Ballot:
    """Readings of one plate, summed up with their weights."""

    weight: float = 0.0
    """Of all readings: the number of independent looks."""
    _fit: NDArray[np.float64] = field(default_factory=lambda: np.zeros(len(SYNTAXES)))
    _says: NDArray[np.float64] = field(default_factory=lambda: np.zeros(ALLOWED.shape))

    def add(self, reading: Reading, weight: float) -> None:
        """Count one reading."""
        self.weight += weight
        self._fit += weight * reading.fit
        self._says += weight * np.where(ALLOWED, reading.says, 0)

    def verdict(
        self, colours: Mapping[PlateColour, float], provinces: Mapping[str, float] | None = None
    ) -> Verdict:
        """The text that all readings together say.

        colours: probability of each of the plate's colours. provinces: log-prior of the first character, as
        the site has learnt it.
        """
        total = max(self.weight, 1e-9)
        says = np.where(ALLOWED, self._says, -np.inf)
        if provinces:
            says[:, :, _PROVINCE_COLUMNS] += np.array([provinces.get(name, 0.0) for name in PROVINCES])
        best = np.where(_USED, says.max(axis=2), 0.0)
        gaps = np.where(_USED, best - np.partition(says, -2, axis=2)[:, :, -2], np.inf)
        whole = self._fit + best.sum(axis=1) + _USUAL + np.log(_colour_fit(colours))
        first = int(whole.argmax())
        margin = min(float(gaps[first].min()), float(whole[first] - np.delete(whole, first).max()))
        syntax, length = SYNTAXES[first], int(_LENGTHS[first])
        columns = says[first].argmax(axis=1)[:length]
        at = next((i for i, allowed in enumerate(syntax.positions) if allowed == PROVINCES), None)
        return Verdict(
            "".join(CHARACTERS[column - 1] for column in columns), syntax.kind, margin / total,
            min(1.0, float(np.exp(best[first, :length].min() / total))),
            math.inf if at is None else float(gaps[first, at]) / total,
            float(self._fit[first] + best[first].sum()) / total,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Opinion:
    """What several readings of one plate come to."""

    verdict: Verdict
    agree: float
    """Share of the weight whose readings say this very text by themselves, 0 to 1."""
    weights: tuple[float, ...]
    """What each reading came to count; the sum is the same as before."""


def consult(
    readings: Sequence[Reading],
    weights: Sequence[float],
    colours: Mapping[PlateColour, float],
    provinces: Mapping[str, float] | None = None,
) -> Opinion:
    """The readings' common text; those that fit no plate well (a crop beside the plate) count for less."""
    alone = [_ballot([reading], [1.0]).verdict(colours) for reading in readings]
    best = max(verdict.fit for verdict in alone)
    trust = [
        weight * max(math.exp((verdict.fit - best) / _FIT_STEP), _LEAST_TRUST)
        for weight, verdict in zip(weights, alone, strict=True)
    ]
    scale = sum(weights) / sum(trust)
    trust = [scale * weight for weight in trust]
    verdict = _ballot(readings, trust).verdict(colours, provinces)
    agree = sum(weight for weight, one in zip(trust, alone, strict=True) if one.text == verdict.text)
    return Opinion(verdict, agree / sum(trust), tuple(trust))


def _ballot(readings: Sequence[Reading], weights: Sequence[float]) -> Ballot:
    ballot = Ballot()
    for reading, weight in zip(readings, weights, strict=True):
        ballot.add(reading, weight)
    return ballot


def _colour_fit(colours: Mapping[PlateColour, float]) -> NDArray[np.float64]:
    """How well each syntax goes with the colours seen, (syntaxes,)."""
    shares = np.array([colours.get(colour, 0.0) for colour in get_args(PlateColour)])
    return np.asarray(_COLOURS @ shares, np.float64)


def kind_of(text: str) -> PlateKind | None:
    """The kind of a normalised text; None where it is no plate that we read."""
    for syntax in SYNTAXES:
        if len(text) == len(syntax.positions) and all(
            character in allowed for character, allowed in zip(text, syntax.positions, strict=True)
        ):
            return syntax.kind
    return None
