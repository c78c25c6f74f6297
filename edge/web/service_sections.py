"""The parts of the page about queues, and about who stands behind a counter and who turns in to it."""

from __future__ import annotations

from typing import Final

from nicegui import ui

from edge.web import charts, wording
from edge.web.models_service import Counter, Queue, QueueBar
from edge.web.parts import DASH, Help, Mark, box, fact, text
from edge.web.texts import Texts
from edge.web.view import View

QUEUE_FACTS: Final = ("mean", "p90", "over", "abandoned", "balked", "peak")


class Queues:
    """All queues; nothing for a box without one."""

    def __init__(self, view: View, texts: Texts, help_: Help) -> None:
        self._cards = {(queue.camera, queue.queue): QueueCard(queue, texts, help_) for queue in view.queues}

    def show(self, view: View) -> None:
        """Show all figures."""
        for queue in view.queues:
            if card := self._cards.get((queue.camera, queue.queue)):
                card.show(queue, view)


class QueueCard:
    """One queue: now, today, and by the hour."""

    def __init__(self, queue: Queue, texts: Texts, help_: Help) -> None:
        self._texts = texts
        self._bars: list[QueueBar] | None = None
        name = queue.queue
        with box("section", "card zone queue", testid=f"queue-{name}"):
            with box("div", "card-head"):
                text("h2", name)
                text("span", texts("zone.role_queue"), "chip")
                help_.button("queue")
            with box("div", "zone-main"):
                with box("div"):
                    self._now = text("div", DASH, "zone-value", f"queue-{name}-now")
                    text("div", texts("queue.now"), "zone-name")
                with box("div"):
                    self._estimate = text("div", DASH, "zone-value", f"queue-{name}-estimate")
                    self._estimated = text("div", texts("queue.estimate"), "zone-name")
            self._mark = Mark(texts, f"queue-{name}-mark")
            limit = texts.length(queue.limit_seconds) if queue.limit_seconds else ""
            with box("dl", "facts is-wide"):
                self._facts = {
                    key: fact(texts(f"queue.{key}", limit=limit), f"queue-{name}-{key}")
                    for key in QUEUE_FACTS
                }
            self._n = text("p", css="small", testid=f"queue-{name}-n")
            text("h3", texts("queue.hours"), "sub-title")
            self._chart = ui.echart({}, renderer="svg").classes("plot plot-small")
            self._gaps = text("p", css="gaps")

    def show(self, queue: Queue, view: View) -> None:
        """Show the figures."""
        texts = self._texts
        self._now.text = wording.people(queue.now, texts)
        self._estimate.text = _expected(queue.estimate_seconds, texts)
        self._estimated.text = texts(
            "queue.estimate"
            if queue.estimate_seconds is not None or queue.now is None
            else "queue.no_estimate"
        )
        said = {
            "mean": None if queue.mean_wait_seconds is None else texts.length(queue.mean_wait_seconds),
            "p90": None if queue.p90_wait is None else wording.length(queue.p90_wait, texts),
            "over": wording.share_of(queue.over_share, queue.over_limit, texts),
            "abandoned": wording.share_of(queue.abandoned_share, queue.abandoned, texts),
            "balked": None if queue.balked is None else texts("zone.times", count=texts.number(queue.balked)),
            "peak": None if queue.peak is None else wording.people(queue.peak, texts),
        }
        for key, value in said.items():
            self._facts[key].text = value or DASH
        self._n.text = (
            texts("hero.missing") if queue.waits is None
            else texts("queue.n", count=texts.number(queue.waits), served=texts.number(queue.served or 0))
            if queue.waits else texts("queue.none")
        )  # fmt: skip
        self._mark.show(queue.quality)
        self._draw(queue, view)

    def _draw(self, queue: Queue, view: View) -> None:
        bars = charts.shown_hours(view.today, queue.hours)
        if bars == self._bars:
            return
        self._bars = bars
        self._chart.options.clear()
        self._chart.options.update(charts.wait_options(bars, self._texts, queue.limit_seconds))
        self._chart.update()
        self._gaps.text = wording.gaps(bars, self._texts)


def _expected(seconds: float | None, texts: Texts) -> str:
    """An estimate, which is not known to the second."""
    if seconds is None:
        return DASH
    if seconds < 5:
        return texts("queue.no_wait")
    step = 10 if seconds < 55 else 60
    return texts("queue.about", time=texts.length(max(step, round(seconds / step) * step)))


class Attendance:
    """On a counter's card: was somebody behind it, and who of the passers-by turned in."""

    def __init__(self, name: str, texts: Texts, help_: Help) -> None:
        self._texts = texts
        with box("div", "attendance", testid=f"counter-{name}") as self._box:
            with box("div", "card-head"):
                text("h3", texts("counter.title"), "sub-title")
                help_.button("counter")
                self._now = text("span", css="card-remark", testid=f"counter-{name}-now")
            with box("div", "shares", aria_hidden="true"):
                self._parts = {key: box("i", f"share-{key}") for key in ("attended", "empty", "waiting")}
            with box("dl", "facts is-wide"):
                self._facts = {
                    key: fact(texts(f"counter.{key}"), f"counter-{name}-{key}")
                    for key in ("attended", "unattended", "waiting")
                }
        with box("div", "attendance", testid=f"counter-{name}-turn-in") as self._turn_in:
            with box("div", "card-head"):
                text("h3", texts("counter.turn_in"), "sub-title")
                help_.button("turn_in")
                self._rate = text("strong", DASH, "rate", f"counter-{name}-rate")
            self._rate_n = text("p", css="small", testid=f"counter-{name}-rate-n")

    def show(self, counter: Counter | None) -> None:
        """Show the figures; a counter without a staff zone has none, one without passers-by no rate."""
        staffed = counter is not None and (counter.staff_now is not None or counter.observed_seconds > 0)
        self._box.set_visibility(staffed)
        if counter is not None and staffed:
            self._show_staff(counter)
        found = counter.turn_in if counter is not None else None
        self._turn_in.set_visibility(found is not None)
        if found is not None:
            self._rate.text = DASH if found.share is None else self._texts.percent(found.share)
            self._rate_n.text = wording.turn_in(found, self._texts)

    def _show_staff(self, counter: Counter) -> None:
        texts = self._texts
        self._now.text = (
            texts("zone.now_missing") if counter.staff_now is None
            else texts("counter.staff_now", count=texts.number(counter.staff_now))
            if counter.staff_now else texts("counter.nobody_now")
        )  # fmt: skip
        attended, unattended, waiting = (
            counter.attended_seconds, counter.unattended_seconds, counter.waiting_seconds,
        )  # fmt: skip
        whole = (attended or 0.0) + (unattended or 0.0)
        for key, seconds in (("attended", attended), ("unattended", unattended), ("waiting", waiting)):
            if seconds is None or whole <= 0:
                self._facts[key].text = DASH
                continue
            share, time = texts.percent(seconds / whole), texts.coarse(seconds)
            self._facts[key].text = texts("counter.part", share=share, time=time)
        if whole > 0 and unattended is not None and waiting is not None and attended is not None:
            for key, seconds in (
                ("attended", attended),
                ("empty", unattended - waiting),
                ("waiting", waiting),
            ):
                self._parts[key].style(f"width: {100 * max(0.0, seconds) / whole:.2f}%")
