"""The catalogues agree with each other and with the code, and write numbers as their readers do."""

from __future__ import annotations

import re
import string
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

import edge.web
from edge.web.texts import LANGUAGES, Texts, catalogue, chosen
from edge.web.trust import BREAKING

CODE = "\n".join(path.read_text(encoding="utf-8") for path in Path(edge.web.__file__).parent.glob("*.py"))


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_both_languages_have_the_same_keys_and_fill_in_the_same() -> None:
    chinese, english = catalogue("zh-CN"), catalogue("en")
    assert chinese.keys() == english.keys()
    for key in chinese:
        assert fields(chinese[key]) == fields(english[key]), key


def test_every_text_that_the_code_asks_for_is_there_and_none_is_left_over() -> None:
    known = catalogue("en").keys()
    asked = set(re.findall(r"""(?:texts|self)\(\s*["']([a-z0-9_.]+)["']""", CODE))
    started = re.findall(r"""(?:texts|self)\(\s*f["']([a-z_]+\.[a-z_]*)\{""", CODE)
    assert asked <= known
    named = set(re.findall(r"""["']([a-z]+\.[a-z0-9_]+)["']""", CODE))
    assert {key for key in known - named if not key.startswith(tuple(started))} == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_problem_has_a_sentence(language: str) -> None:
    codes = set(re.findall(r'code="([a-z_]+)"', CODE)) | BREAKING
    assert {f"problem.{code}" for code in codes} <= catalogue(language).keys()


@pytest.mark.parametrize(
    ("language", "seconds", "said"),
    [
        ("zh-CN", 25.4, "25 秒"),
        ("zh-CN", 60, "1 分"),
        ("zh-CN", 200, "3 分 20 秒"),
        ("zh-CN", 3600, "1 小时"),
        ("zh-CN", 5400, "1 小时 30 分"),
        ("en", 59.6, "1 min"),
        ("en", 200, "3 min 20 s"),
        ("en", 7260, "2 h 1 min"),
    ],
)
def test_lengths_read_as_people_say_them(language: str, seconds: float, said: str) -> None:
    assert Texts(language, ZoneInfo("Asia/Shanghai")).length(seconds) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.4, "刚刚"), (12, "12 秒前"), (61, "1 分前"), (3 * 3600, "3 小时前"), (200_000, "2 天前")],
)
def test_ages_take_one_unit(seconds: float, said: str) -> None:
    assert Texts("zh-CN", ZoneInfo("Asia/Shanghai")).age(seconds) == said


def test_almost_everything_is_not_everything() -> None:
    texts = Texts("en", ZoneInfo("Asia/Shanghai"))
    assert (texts.share(0.9999), texts.share(1.0), texts.share(0.29)) == ("99%", "100%", "29%")


def test_times_are_the_stores() -> None:
    texts = Texts("zh-CN", ZoneInfo("Asia/Shanghai"))
    moment = datetime(2026, 9, 21, 18, 5, tzinfo=UTC)
    assert texts.clock(moment) == "02:05"
    assert texts.since(moment, datetime(2026, 9, 21, 12, tzinfo=UTC)) == "9-22 02:05"
    assert texts.day(date(2026, 9, 21)) == "9月21日 星期一"


def test_an_unknown_language_is_the_sites() -> None:
    assert (chosen("en", "zh-CN"), chosen("xx", "zh-CN"), chosen(None, "en")) == ("en", "zh-CN", "en")
