"""The parts of the page, from the top down. Each builds itself once and then shows views."""

from __future__ import annotations

from typing import Final

from nicegui import ui

from edge.web import charts, wording
from edge.web.models import Bar, Gate, Today
from edge.web.parts import DASH, Help, Mark, box, heading, text
from edge.web.texts import Texts
from edge.web.view import View

SIGNS: Final = {"ok": "✓", "notice": "!", "bad": "✕"}


class Trust:
    """The first line: may the figures be trusted, and if not, why."""

    def __init__(self, texts: Texts, help_: Help) -> None:
        self._texts = texts
        self._level = ""
        with box("section", "trust", testid="trust", aria_label=texts("help.trust_title")) as self._box:
            with box("div", "trust-line"):
                self._sign = text("span", css="trust-sign", aria_hidden="true")
                self._said = text("strong", css="trust-said", testid="trust-level", role="status")
                help_.button("trust")
            with box("ul", "trust-facts"):
                self._updated = text("li", testid="updated")
                self._coverage = text("li", testid="coverage")
                self._sync = text("li", testid="last-sync")
                self._waiting = text("li", testid="backlog")
            self._problems = [text("p", css="trust-problem", testid=f"problem-{i}") for i in range(6)]
            self._worth = text("p", css="trust-problem", testid="today-mark")

    def show(self, view: View) -> None:
        """Say how things stand."""
        texts, today, sync = self._texts, view.today, view.sync
        doubtful = today.quality.confidence in {"fair", "poor"}
        level = "notice" if doubtful and today.level == "ok" else today.level
        self._colour(level)
        self._said.text = texts(f"trust.{level}")
        self._worth.text = wording.worth(today.quality, texts) if doubtful else ""
        self._updated.text = texts("trust.updated", time=texts.clock(today.updated_at, seconds=True))
        self._coverage.text = self._covered(today) if view.cameras else ""
        if not sync.configured:
            self._sync.text, self._waiting.text = texts("trust.alone"), ""
        else:
            age = None if sync.acked_at is None else (today.updated_at - sync.acked_at).total_seconds()
            self._sync.text = (
                texts("trust.never_synced") if age is None else texts("trust.synced", age=texts.age(age))
            )
            self._waiting.text = wording.waiting(sync, texts)
        said = [wording.problem(problem, today, texts) for problem in today.problems]
        for i, line in enumerate(self._problems):
            line.text = said[i] if i < len(said) else ""

    def fail(self, reason: str) -> None:
        """The store itself cannot be read."""
        self._colour("bad")
        self._said.text = self._texts("trust.bad")
        self._problems[0].text = reason

    def _covered(self, today: Today) -> str:
        texts = self._texts
        if today.coverage is None:
            return texts("trust.coverage_none")
        said = texts("trust.coverage", share=texts.share(today.coverage))
        began = today.counting_since
        if began is not None and today.opens is not None and (began - today.opens).total_seconds() > 300:
            separator = "，" if texts.language == "zh-CN" else ", "
            said += separator + texts("trust.counting_since", time=texts.clock(began))
        return said

    def _colour(self, level: str) -> None:
        if level != self._level:
            self._box.classes(remove=f"is-{self._level}", add=f"is-{level}")
            self._sign.text = SIGNS[level]
            self._level = level


class Figure:
    """One big number with its name and a remark."""

    def __init__(self, title: str, help_: Help, about: str, testid: str, css: str = "") -> None:
        with box("section", f"card figure {css}"):
            heading(title, help_, about)
            self._value = text("div", DASH, "figure-value", testid)
            self._remark = text("div", css="figure-remark", testid=f"{testid}-remark")
            self._more = text("div", css="figure-more", testid=f"{testid}-more")

    def show(self, value: str, remark: str, more: str = "") -> None:
        """Show them."""
        self._value.text, self._remark.text, self._more.text = value, remark, more


class Hero:
    """Customers in and out today, people now, visits today. Raw crossings are told beside the net figure."""

    def __init__(self, view: View, texts: Texts, help_: Help) -> None:
        self._texts = texts
        self._in = self._out = self._visits = None
        with box("div", "hero"):
            if view.doors:
                self._in = Figure(texts("hero.in"), help_, "in", "today-in", "is-main")
            self._now = Figure(texts("hero.now"), help_, "now", "people-now")
            if view.doors:
                self._out = Figure(texts("hero.out"), help_, "in", "today-out")
            if view.today.visits is not None or not view.doors:
                self._visits = Figure(
                    texts("hero.visits"), help_, "visits", "today-visits", "" if view.doors else "is-main"
                )

    def _said(self, value: int | None) -> str:
        return DASH if value is None else self._texts.number(value)

    def show(self, view: View) -> None:
        """Show the numbers."""
        texts, today, past = self._texts, view.today, view.today.comparison
        if self._in and self._out:
            compared = wording.comparison(today.net_entries, past.net_entries if past else None, today, texts)
            ins, outs = (
                wording.net(today.net_entries, today.entries),
                wording.net(today.net_exits, today.exits),
            )
            inside = "" if ins is None or outs is None else texts("hero.net", count=texts.number(ins - outs))
            self._in.show(
                self._said(ins),
                texts("hero.missing") if ins is None else compared,
                wording.raw(today.entries, today.staff_entries, today.u_turns, texts),
            )
            self._out.show(
                self._said(outs),
                inside or texts("hero.missing"),
                wording.raw(today.exits, today.staff_exits, today.u_turns, texts),
            )
        if self._visits:
            compared = wording.comparison(today.visits, past.visits if past else None, today, texts)
            self._visits.show(
                self._said(today.visits), compared if today.visits is not None else texts("hero.missing")
            )
        missing = today.people_now is None
        self._now.show(
            self._said(today.people_now), texts("zone.now_missing") if missing else texts("hero.people")
        )


class Chart:
    """A series with its legend, what is missing in words, and the same numbers as a table."""

    def __init__(self, view: View, texts: Texts, help_: Help, kind: str) -> None:
        """kind: `hours` or `minutes`."""
        self._texts, self._kind = texts, kind
        self._doors = view.doors
        self._names = ("in", "out") if view.doors else ("visits",)
        self._shown: list[Bar] | None = None
        self._table: list[Row] = []
        with box("section", f"card chart chart-{kind}", testid=f"chart-{kind}"):
            self._remark = heading(
                texts(f"chart.{kind}" if view.doors else f"chart.{kind}_visits"), help_, "hours"
            )
            with box("div", "legend", aria_hidden="true"):
                for name in (*self._names, "missing"):
                    with box("span", f"legend-{name}"):
                        text("i")
                        text("span", texts(f"chart.{name}"))
            self._chart = ui.echart({}, renderer="svg").classes("plot")
            self._gaps = text("p", css="gaps", testid=f"gaps-{kind}")
            with box("details", "numbers"):
                text("summary", texts("chart.table"))
                with box("div", "numbers-scroll"), box("table"):
                    self._head()
                    self._body = box("tbody")

    def _head(self) -> None:
        with box("thead"), box("tr"):
            text("th", self._texts("chart.hour" if self._kind == "hours" else "chart.minute"), scope="col")
            for name in self._names:
                text("th", self._texts(f"chart.{name}"), scope="col")
            text("th", self._texts("chart.observed"), scope="col")

    def show(self, view: View) -> None:
        """Draw, but only when something has changed."""
        bars = (
            charts.shown_hours(view.today, view.today.hours) if self._kind == "hours" else view.today.minutes
        )
        if bars == self._shown:
            return
        self._shown = bars
        make = charts.hours_options if self._kind == "hours" else charts.minutes_options
        self._chart.options.clear()
        self._chart.options.update(make(bars, self._texts, doors=self._doors))
        self._chart.update()
        self._gaps.text = wording.gaps(bars, self._texts) if bars else self._texts("chart.nothing")
        if self._kind == "hours":
            self._remark.text = wording.peak(bars, self._texts, doors=self._doors)
        self._rows(bars)

    def _rows(self, bars: list[Bar]) -> None:
        """The same numbers as a table; its rows are made anew only when other times are shown."""
        listed = [bar for bar in bars if bar.state != "ahead"]
        if self._kind == "minutes":
            listed.reverse()
        if [bar.start for bar in listed] != [row.start for row in self._table]:
            self._body.clear()
            with self._body:
                self._table = [Row(bar, self._names, self._kind, self._texts) for bar in listed]
        for row, bar in zip(self._table, listed, strict=True):
            row.show(bar)


class Row:
    """One line of a chart's table."""

    def __init__(self, bar: Bar, names: tuple[str, ...], kind: str, texts: Texts) -> None:
        self._texts, self._names = texts, names
        self.start, self._state = bar.start, ""
        label = texts.clock(bar.start)
        with box("tr") as self._row:
            text("th", label, scope="row")
            self._cells = [text("td", testid=f"{kind}-{label}-{name}") for name in names]
            self._observed = text("td")

    def show(self, bar: Bar) -> None:
        """Show its numbers."""
        if bar.state != self._state:
            self._row.classes(remove=f"is-{self._state}", add=f"is-{bar.state}")
            self._state = bar.state
        values = {"in": bar.entries, "out": bar.exits, "visits": bar.visits}
        for cell, name in zip(self._cells, self._names, strict=True):
            value = values[name]
            cell.text = self._texts("chart.missing") if value is None else self._texts.number(value)
        self._observed.text = DASH if bar.observed is None else self._texts.share(bar.observed)


class Gates:
    """Each gate by itself: customers in and out, what of the raw crossings was taken off, how it was checked.
    The numbers are always there, also for one gate alone."""

    def __init__(self, view: View, texts: Texts, help_: Help, *, audits: bool) -> None:
        self._texts = texts
        self._rows: dict[tuple[str, str], GateRow] = {}
        if not view.gates:
            return
        with box("section", "card gates", testid="gates"):
            heading(texts("gate.title"), help_, "in")
            with box("table", "list"):
                with box("thead"), box("tr"):
                    for name in ("name", "in", "out"):
                        text("th", texts(f"gate.{name}"), scope="col")
                with box("tbody"):
                    for gate in view.gates:
                        self._rows[gate.camera, gate.gate] = GateRow(gate.gate, texts)
            if audits:
                href = f"/{texts.language}/audit"
                text("a", texts("audit.title"), "check-link", "audit-link", href=href)

    def show(self, view: View) -> None:
        """Show the numbers."""
        for gate in view.gates:
            if row := self._rows.get((gate.camera, gate.gate)):
                row.show(gate, view)


class GateRow:
    """One gate: a line of numbers, and under it one of what they are made of."""

    def __init__(self, name: str, texts: Texts) -> None:
        self._texts = texts
        with box("tr", "has-more"):
            text("th", name, scope="row")
            self._cells = {way: text("td", testid=f"gate-{name}-{way}") for way in ("in", "out")}
        with box("tr"), box("td", "more", colspan="3"):
            self._raw = text("span", css="small", testid=f"gate-{name}-raw")
            self._checked = text("span", css="small checked", testid=f"gate-{name}-checked")
            self._mark = Mark(texts, f"gate-{name}-mark")

    def show(self, gate: Gate, view: View) -> None:
        """Show the numbers."""
        texts = self._texts
        ins, outs = wording.net(gate.net_entries, gate.entries), wording.net(gate.net_exits, gate.exits)
        for way, value in (("in", ins), ("out", outs)):
            self._cells[way].text = DASH if value is None else texts.number(value)
        self._raw.text = wording.gate(gate, texts)
        self._checked.text = wording.checked(gate.checked, view.today.updated_at, texts)
        self._mark.show(gate.quality, view.today.quality)
