"""Events as a person would tell them: paired, ordered, in plain words, none without a text."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

import edge
import pipelines
from edge.web.happenings import COUNTS, ENDS, happenings, sentence
from edge.web.look import LASTING
from edge.web.texts import LANGUAGES, Texts, catalogue
from pipelines.records import Event

ROOMS = [Path(folder) for room in (edge, pipelines) for folder in room.__path__]
SHENZHEN = ZoneInfo("Asia/Shanghai")


@cache
def trees() -> list[ast.Module]:
    """The code of the box."""
    paths = (path for room in ROOMS for path in room.rglob("*.py"))
    return [ast.parse(path.read_text(encoding="utf-8")) for path in paths]


@cache
def every_call() -> list[ast.Call]:
    """All of its calls."""
    return [node for tree in trees() for node in ast.walk(tree) if isinstance(node, ast.Call)]


def calls(*names: str) -> Iterator[ast.Call]:
    """Every call of one of these names."""
    for node in every_call():
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if called in names:
            yield node


def constants() -> dict[str, str]:
    """Texts that modules give a name of their own, such as `OVER_CAPACITY`."""
    found: dict[str, str] = {}
    for tree in trees():
        for node in tree.body:
            value = getattr(node, "value", None)
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                found |= {target.id: value.value for target in targets if isinstance(target, ast.Name)}
    return found


def words(node: ast.AST) -> set[str]:
    """Every text that an expression may come to."""
    return {
        part.value
        for part in ast.walk(node)
        if isinstance(part, ast.Constant) and isinstance(part.value, str)
    }


def emitted() -> set[str]:
    """Names of events that the code makes: the first argument of `Event(…)` and `Alarm(…)`, as a text or as
    the name of one."""
    found, named = set[str](), constants()
    for call in calls("Event", "Alarm"):
        first = next((k.value for k in call.keywords if k.arg == "name"), call.args[0] if call.args else None)
        if isinstance(first, ast.Name):
            found |= {named[first.id]} if first.id in named else set()
        elif isinstance(first, ast.Constant | ast.IfExp):
            found |= words(first)
    return found


def test_the_search_finds_the_names_that_are_known_to_be_there() -> None:
    assert {
        "queue_long",
        "counter_unattended",
        "opened_late",
        "closed_early",
        "movement_after_hours",
    } <= emitted()
    assert {"camera_offline", "camera_back", "clock_step"} <= emitted()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_event_that_the_code_can_make_has_words(language: str) -> None:
    assert {f"event.{name}" for name in emitted() | LASTING | ENDS.keys()} <= catalogue(language).keys()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reason_for_an_end_has_words(language: str) -> None:
    reasons = {"attended", "shorter", "quiet"}
    found = {word for call in calls("end") if len(call.args) == 2 for word in words(call.args[1])}
    assert reasons <= found, "the search finds the reasons no more"
    assert {f"event.end_{reason}" for reason in found | {"nobody"}} <= catalogue(language).keys()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_number_of_an_event_has_words(language: str) -> None:
    details = {k.arg for call in calls("begin") for k in call.keywords if k.arg}
    assert {"waiting", "people"} <= details
    assert details - {"reason"} <= set(COUNTS)
    assert {f"event.fact_{name}" for name in COUNTS} <= catalogue(language).keys()


def texts(language: str) -> Texts:
    return Texts(language, SHENZHEN)


@pytest.mark.parametrize(
    ("event", "chinese", "english"),
    [
        pytest.param(
            Event("queue_long", 0.0, "island", "line", 90.0, {"people": 7, "reason": "shorter"}),
            "line：排队太长，7 人，队伍已变短",
            "line: queue too long, 7 people, the queue got shorter",
            id="a queue that is over",
        ),
        pytest.param(
            Event("counter_unattended", 0.0, "island", "lancome", None, {"waiting": 2}),
            "lancome：有顾客在等，无人值守，2 位顾客在等",
            "lancome: customers waiting, nobody there, 2 waiting",
            id="a counter under way",
        ),
        pytest.param(
            Event("clock_step", 0.0, detail={"seconds": -90.0}),
            "本机时间被改动，相差 1 分 30 秒",
            "The box's clock was changed, by 1 min 30 s",
            id="a clock",
        ),
        pytest.param(
            Event("unheard_of", 0.0, "cam-1"),
            "其他事件：unheard_of cam-1",
            "Another event: unheard_of cam-1",
            id="one of a later version",
        ),
    ],
)
def test_an_event_is_told_in_plain_words(event: Event, chinese: str, english: str) -> None:
    assert sentence(event, texts("zh-CN")) == chinese
    assert sentence(event, texts("en")) == english


def test_what_goes_on_stands_first_then_the_newest() -> None:
    told = happenings(
        [
            Event("queue_long", 10.0, "a", "line"),
            Event("clock_step", 40.0),
            Event("queue_long", 20.0, "b", "line", 30.0),
        ],
        LASTING,
        frozenset(),
    )
    assert [(one.event.t, one.under_way) for one in told] == [(10.0, True), (40.0, False), (20.0, False)]


def test_a_camera_that_came_back_ends_its_outage() -> None:
    events = [
        Event("camera_back", 90.0, "a"),
        Event("camera_offline", 30.0, "a"),
        Event("camera_offline", 50.0, "b"),
    ]
    told = happenings(events, LASTING, frozenset({"b"}))
    assert [(one.event.name, one.event.camera, one.seconds, one.under_way) for one in told] == [
        ("camera_offline", "b", None, True),
        ("camera_offline", "a", 60.0, False),
    ]


def test_an_outage_whose_end_nobody_told_is_not_under_way_once_the_camera_looks_again() -> None:
    [one] = happenings([Event("camera_offline", 30.0, "a")], LASTING, frozenset())
    assert (one.under_way, one.seconds) == (False, None)


def test_a_camera_that_came_back_from_an_outage_of_the_day_before_is_told_by_itself() -> None:
    [one] = happenings([Event("camera_back", 30.0, "a", detail={"silent_s": 700.0})], LASTING, frozenset())
    assert sentence(one.event, texts("en")) == "Camera a: working again, after 11 min 40 s"
