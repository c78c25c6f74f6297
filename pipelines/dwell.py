"""How long people stay, from the histogram of their visits: quantiles that do not forget who was still there.

A visit whose end or beginning was not seen lasted at least as long as seen. Dropping such visits makes long
stays vanish, so the share still present is estimated after Kaplan and Meier (1958, J. Am. Stat. Assoc. 53),
in the form for grouped data (life table: a censored visit is at risk for half of its bin).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from pipelines.records import DWELL_EDGES_S


@dataclass(frozen=True, slots=True)
class Stay:
    """A quantile of the length of visits."""

    seconds: float
    at_least: bool
    """True when the visits tell no more than that it is not shorter."""


def quantile(complete: Sequence[int], censored: Sequence[int], q: float) -> Stay | None:
    """The length that a share `q` (0 to 1) of the visits does not reach; None without any visit.

    complete, censored: counts for the bins of `DWELL_EDGES_S`. Inside a bin, lengths are taken as spread
    evenly. Where the estimate ends before `q` (too many censored, or the open last bin), the answer is the
    lower edge of the last bin that holds a visit, as `at_least`.
    """
    if not len(complete) == len(censored) == len(DWELL_EDGES_S):
        raise ValueError(f"a dwell histogram has {len(DWELL_EDGES_S)} bins")
    at_risk = sum(complete) + sum(censored)
    if at_risk == 0:
        return None
    present, last = 1.0, 0
    for i, (low, high) in enumerate(pairwise(DWELL_EDGES_S)):
        exposed = at_risk - censored[i] / 2
        if complete[i]:
            after = present * (1 - complete[i] / exposed)
            if after <= 1 - q + 1e-12:
                return Stay(low + (high - low) * (present - (1 - q)) / (present - after), at_least=False)
            present = after
        if complete[i] or censored[i]:
            last = low
        at_risk -= complete[i] + censored[i]
    if complete[-1] or censored[-1]:
        last = DWELL_EDGES_S[-1]
    return Stay(float(last), at_least=True)
