"""Trouble of the line that needs a person is an event, once, with its end; what passes by itself is none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest
import yaml

import edge.web
from edge.line_watch import (
    ABOUT,
    CERTIFICATE_ENDS,
    LASTS_S,
    LINE_CERTIFICATE,
    LINE_REFUSED,
    LINE_SILENT,
    LINE_TWIN,
    QUIET_S,
    SILENT_S,
    LineWatch,
)
from pipelines.records import Event
from sync.outbox import Backlog
from sync.publisher import Publisher
from sync.status import SyncStatus
from sync.trouble import TroubleKind
from tests.broker import Mosquitto
from tests.line.hardened import certs, door, hardened, make_certs
from tests.line.papers import issue
from tests.sync.fakes import BACKOFF, FACTS, QUICK, MemoryOutbox, wait_for
from tests.sync.test_delivery import BOX

__all__ = ["certs", "hardened"]

NOW = 1_790_000_000.0
FINE = SyncStatus(connected=True)


class Line:
    """A status that a test changes, and a watch of it, second by second."""

    def __init__(self, certificate: Path | None = None, under_way: list[Event] | None = None) -> None:
        self.status, self.now = FINE, NOW
        self.watch = LineWatch(lambda: self.status, certificate, NOW, under_way or [])

    def passes(self, seconds: float, status: SyncStatus | None = None) -> list[Event]:
        self.status = self.status if status is None else status
        told, until = [], self.now + seconds
        while self.now < until:
            self.now += 1
            told += self.watch.look(self.now)
        return told


def refused(kind: TroubleKind = "refused") -> SyncStatus:
    words = "the broker refuses storeedge/1/a/b/c/up/data: Not authorized"
    return replace(FINE, last_error=words, trouble=kind)


def acked(line: Line) -> SyncStatus:
    return replace(FINE, acknowledged=line.status.acknowledged + 5)


def test_a_refused_publish_is_told_once_with_the_brokers_words_and_ends_when_rows_are_acknowledged() -> None:
    line = Line()
    [begun] = line.passes(300, refused())
    assert (begun.name, begun.t, begun.t_end) == (LINE_REFUSED, NOW + 1, None)
    assert begun.detail["trouble"] == "refused"
    assert "Not authorized" in str(begun.detail["words"])
    [ended] = line.passes(5, acked(line))
    assert (ended.t, ended.t_end, ended.detail["reason"]) == (begun.t, NOW + 301, "accepted")
    assert line.passes(600) == []


def test_a_refusal_that_passes_is_not_told() -> None:
    line = Line()
    for _ in range(5):
        assert line.passes(LASTS_S - 2, refused()) == []
        assert line.passes(2, acked(line)) == []


def test_a_refusal_is_not_over_because_the_line_breaks_as_well() -> None:
    line = Line()
    assert len(line.passes(20, refused())) == 1
    assert line.passes(3000, SyncStatus(last_error="cannot reach", trouble="unreachable")) == []
    assert [event.t_end is not None for event in line.passes(QUIET_S + 1, FINE)] == [True]


@pytest.mark.parametrize(
    ("kind", "name"),
    [("broker_expired", LINE_CERTIFICATE), ("own_certificate", LINE_CERTIFICATE), ("twin", LINE_TWIN),
     ("hung_up", LINE_TWIN), ("not_admitted", LINE_REFUSED)],
)  # fmt: skip
def test_each_trouble_has_its_event(kind: TroubleKind, name: str) -> None:
    [event] = Line().passes(20, replace(refused(kind), connected=False))
    assert (event.name, event.detail["trouble"]) == (name, kind)


def waiting(since: float, kind: TroubleKind | None) -> SyncStatus:
    backlog = {"data": Backlog(60, 1, 60, since)}
    return SyncStatus(connected=True, trouble=kind, last_error=kind, backlog=backlog)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["unheard", "unreachable", "silent", None])
def test_a_centre_that_acknowledges_nothing_for_an_hour_is_told(kind: TroubleKind | None) -> None:
    line = Line()
    assert line.passes(SILENT_S - 5, waiting(NOW, kind)) == []
    [begun] = line.passes(100)
    assert (begun.name, begun.t, begun.detail["trouble"]) == (LINE_SILENT, NOW, kind or "silent")
    [ended] = line.passes(5, acked(line))
    assert ended.detail["reason"] == "answered"


def test_an_hour_in_which_nothing_had_to_be_said_is_no_silence() -> None:
    line = Line()
    assert line.passes(2 * SILENT_S, FINE) == []
    assert line.passes(60, waiting(NOW + 2 * SILENT_S, None)) == []


def test_what_the_last_run_told_is_not_told_again_and_ends() -> None:
    line = Line(under_way=[Event(LINE_REFUSED, NOW - 900, detail={"trouble": "refused"})])
    assert line.passes(30, refused()) == []
    [ended] = line.passes(5, acked(line))
    assert (ended.t, ended.name) == (NOW - 900, LINE_REFUSED)


def test_a_certificate_that_ends_soon_is_told_until_it_is_renewed(tmp_path: Path) -> None:
    assert make_certs(tmp_path, "ca").returncode == 0
    ends = issue(tmp_path, "box", "a/b/c", ends_days=31).not_valid_after_utc.timestamp()
    line = Line(tmp_path / "box.crt")
    line.now = ends - 31 * 86_400 - 7000
    assert line.passes(3600) == []
    line.now += 2 * 86_400
    [begun] = line.passes(7200)
    assert (begun.name, begun.detail) == (CERTIFICATE_ENDS, {"days": 29})
    issue(tmp_path, "box", "a/b/c", ends_days=400)
    [ended] = line.passes(7200)
    assert ended.detail["reason"] == "renewed"


def test_a_clock_that_was_never_set_says_nothing_about_a_certificate(tmp_path: Path) -> None:
    assert make_certs(tmp_path, "ca").returncode == 0
    issue(tmp_path, "box", "a/b/c", ends_days=1)
    line = Line(tmp_path / "box.crt")
    line.now = 1000.0
    assert line.passes(7200) == []


def test_a_box_with_the_certificate_of_another_makes_an_event_of_it(hardened: Mosquitto, certs: Path) -> None:
    outbox = MemoryOutbox()
    outbox.put_minutes(3)
    broker = door(hardened, certs, "rainbow_sz-futian_box-02")
    box = Publisher(outbox, BOX, broker, lambda: FACTS, pacing=QUICK, backoff_s=BACKOFF)
    watch = LineWatch(box.status, None, NOW)
    box.start()
    try:
        wait_for(lambda: box.status().trouble == "refused", why=box.status)
        told = [event for second in range(30) for event in watch.look(NOW + second)]
    finally:
        box.stop()
    assert [event.name for event in told] == [LINE_REFUSED]
    assert "Not authorized" in str(told[0].detail["words"])


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_every_trouble_has_words_that_say_what_to_do(language: str) -> None:
    path = Path(edge.web.__path__[0]) / "texts" / f"{language}.yaml"
    texts = yaml.safe_load(path.read_text("utf-8"))["event"]
    kinds = set(get_args(TroubleKind)) - {"other"}
    assert {f"trouble_{kind}" for kind in kinds} <= texts.keys()
    assert set(ABOUT) <= kinds
