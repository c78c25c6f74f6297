"""Sentences of the page that are made from figures. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from edge.web.models import Bar, Checked, Dwell, Gate, Length, Problem, Quality, Sync, Today
from edge.web.models_service import QueueBar, TurnIn
from edge.web.texts import Texts
from pipelines.audit import Tally
from pipelines.turn_in import FEWEST

DASH: Final = "—"
"""Where a figure is missing."""
LONG_S: Final = 300.0
"""What has waited for the centre for longer than this is said with its age."""
COMPARABLE: Final = 0.8
"""Two days are compared only when each was observed for at least this share."""


def problem(found: Problem, today: Today, texts: Texts) -> str:
    """What is wrong, in one sentence."""
    since = texts.since(found.since, today.updated_at) if found.since else ""
    detail = found.detail
    if found.cause is not None and texts.has(f"line.{found.cause}"):
        detail = texts(f"line.{found.cause}")
    return texts(f"problem.{found.code}", about=found.about or "", since=since, detail=detail).strip()


def waiting(sync: Sync, texts: Texts) -> str:
    """What waits for the centre, for how long already, and how long it still will."""
    if not sync.rows:
        return texts("trust.nothing_waiting")
    said = [texts("trust.waiting", rows=texts.number(sync.rows))]
    if sync.oldest_age is not None and sync.oldest_age >= LONG_S:
        said.append(texts("trust.oldest", time=texts.span(sync.oldest_age)))
    if sync.seconds_left is not None:
        said.append(texts("trust.sending", time=texts.coarse(max(1.0, sync.seconds_left))))
    return texts.joined(said)


def hours(today: Today, texts: Texts) -> str:
    """`营业 10:00–22:00`."""
    if today.opens is None or today.closes is None:
        return texts("page.closed")
    return texts("page.hours", opens=texts.clock(today.opens), closes=texts.clock(today.closes))


def comparison(now: int | None, before: int | None, today: Today, texts: Texts) -> str:
    """How a figure stands against last week, or why that cannot be said."""
    past = today.comparison
    if past is None or today.coverage is None:
        return ""
    weekday = texts.weekday(past.date)
    comparable = min(past.coverage or 0.0, today.coverage) >= COMPARABLE
    if not comparable or now is None or not before:
        return texts("hero.no_comparison", weekday=weekday)
    change = round(100 * (now - before) / before)
    if change == 0:
        return texts("hero.same", weekday=weekday)
    key = "hero.more" if change > 0 else "hero.fewer"
    sign = "▲ " if change > 0 else "▼ "
    return sign + texts(key, weekday=weekday, share=texts.share(abs(change) / 100))


def spans(bars: Sequence[Bar] | Sequence[QueueBar], state: str, texts: Texts) -> str:
    """Neighbouring bars of a state as stretches of time: `12:00–13:00`."""
    found: list[list[Bar | QueueBar]] = []
    for bar in bars:
        if bar.state != state:
            continue
        if found and found[-1][-1].end == bar.start:
            found[-1].append(bar)
        else:
            found.append([bar])
    comma = "、" if texts.language == "zh-CN" else ", "
    return comma.join(f"{texts.clock(run[0].start)}–{texts.clock(run[-1].end)}" for run in found)


def gaps(bars: Sequence[Bar] | Sequence[QueueBar], texts: Texts) -> str:
    """What of a series is missing, in words; empty when nothing is."""
    whole, part = spans(bars, "missing", texts), spans(bars, "partial", texts)
    said = [texts("chart.gaps", spans=whole)] if whole else []
    return ("。" if texts.language == "zh-CN" else ". ").join(
        [*said, *([texts("chart.gaps_part", spans=part)] if part else [])]
    )


def peak(bars: Sequence[Bar], texts: Texts, *, doors: bool) -> str:
    """The busiest step; empty when there was none."""
    best = max(bars, key=lambda bar: (bar.entries if doors else bar.visits) or 0, default=None)
    count = None if best is None else best.entries if doors else best.visits
    if best is None or not count:
        return ""
    return texts(
        "chart.peak",
        **{"from": texts.clock(best.start), "to": texts.clock(best.end)},
        count=texts.number(count),
    )


def length(found: Length | None, texts: Texts) -> str:
    """A quantile of stays, or a dash."""
    if found is None:
        return DASH
    said = texts.length(found.seconds)
    return texts("time.at_least", time=said) if found.at_least else said


def checked(found: Checked, now: datetime, texts: Texts) -> str:
    """What hand counts say of a gate: `checked 22 Nov: 97–99% (n=420)`."""
    if found.at is None:
        return texts("audit.never")
    day = texts.short_day(found.at, now)
    if found.state == "outdated":
        return texts("audit.outdated", day=day)
    count = texts.number(found.crossings)
    if found.state == "few" or found.accuracy is None:
        if found.more_needed is None:
            return texts("audit.near", day=day, count=count)
        return texts("audit.few", day=day, count=count, more=texts.number(found.more_needed))
    low, high = texts.share(found.accuracy.low), texts.share(found.accuracy.high)
    spread = low if low == high else f"{low.rstrip('%')}–{high}"
    said = texts("audit.checked", day=day, accuracy=spread, count=count)
    return f"{said} · {texts('audit.off')}" if found.verdict == "fail" else said


def verdict(tally: Tally, texts: Texts) -> str:
    """What one hand count of a gate and direction says."""
    said = tally.verdict()
    if said != "undecided":
        return texts(f"audit.{said}")
    more = tally.more_needed()
    count = texts.number(tally.true)
    if more is None:
        return texts("audit.undecided_near", count=count)
    return texts("audit.undecided", count=count, more=texts.number(more))


def histogram(dwell: Dwell, texts: Texts) -> str:
    """The histogram for those who hear the page."""
    parts = [
        texts(
            "zone.part", **{"from": texts.length(b.from_seconds)}, count=texts.number(b.complete + b.censored)
        )
        for b in dwell.bins
        if b.complete + b.censored
    ]
    return texts("zone.histogram", parts=("、" if texts.language == "zh-CN" else ", ").join(parts))


def worth(found: Quality, texts: Texts) -> str:
    """Why figures should not be trusted, in one short sentence; empty where they may be."""
    if found.confidence == "good" or not found.reasons:
        return ""
    said = texts(
        f"reason.{found.reasons[0]}",
        coverage=DASH if found.coverage is None else texts.share(found.coverage),
        fps=DASH if found.fps is None else texts.number(round(found.fps, 1)),
        inferred=DASH if found.inferred_share is None else texts.share(found.inferred_share),
    )
    return texts(f"confidence.{found.confidence}", why=said)


def people(count: int | None, texts: Texts) -> str:
    """`3 人`, or a dash."""
    return DASH if count is None else texts("zone.peak_value", count=texts.number(count))


def share_of(share: float | None, count: int | None, texts: Texts) -> str:
    """`12%（8 人）`, or a dash."""
    if share is None or count is None:
        return DASH
    return texts("queue.share", share=texts.percent(share), count=texts.number(count))


def turn_in(found: TurnIn, texts: Texts) -> str:
    """What a turn-in rate is made of, or why there is none."""
    passers = texts.number(found.passers_by)
    if found.share is None or found.share_95 is None:
        key = "counter.turn_in_few" if found.passers_by < FEWEST else "counter.turn_in_odd"
        return texts(key, passers=passers, least=FEWEST)
    return texts(
        "counter.turn_in_n",
        passers=passers,
        turned=texts.number(found.turned_in),
        low=texts.percent(found.share_95.low),
        high=texts.percent(found.share_95.high),
    )


def net(customers: int | None, crossings: int | None) -> int | None:
    """Customers; all crossings where the box did not tell them apart yet (`raw` says so)."""
    return crossings if customers is None else customers


def raw(crossings: int | None, staff: int | None, u_turns: int | None, texts: Texts) -> str:
    """`过线 2,334 人次，已去掉员工 40，门口折返 12`: what was taken off; empty where that was nothing."""
    if crossings is not None and u_turns is None:
        return texts("hero.not_net")
    if crossings is None or not (staff or u_turns):
        return ""
    parts = [
        texts("hero.staff", count=texts.number(staff)) if staff else "",
        texts("hero.u_turns", count=texts.number(u_turns)) if u_turns else "",
    ]
    return texts("hero.raw", count=texts.number(crossings), parts=texts.joined(parts))


def gate(found: Gate, texts: Texts) -> str:
    """What a gate's figures are made of: raw crossings, staff, U-turns, parties."""
    if found.entries is None or found.exits is None:
        return texts("hero.missing")
    said = [texts("gate.raw", entries=texts.number(found.entries), exits=texts.number(found.exits))]
    if found.staff_entries or found.staff_exits:
        said.append(
            texts(
                "gate.staff",
                entries=texts.number(found.staff_entries or 0),
                exits=texts.number(found.staff_exits or 0),
            )
        )
    if found.u_turns:
        said.append(texts("gate.u_turns", count=texts.number(found.u_turns)))
    if found.parties:
        said.append(texts("gate.parties", count=texts.number(found.parties)))
    return " · ".join(said)


def stays(dwell: Dwell, staff: int, texts: Texts) -> str:
    """What the lengths of visits are made of."""
    if not dwell.visits:
        return texts("zone.none")
    said = texts("zone.n", count=texts.number(dwell.visits), censored=texts.number(dwell.censored))
    return texts.joined([said, texts("zone.with_staff", count=texts.number(staff)) if staff else ""])
